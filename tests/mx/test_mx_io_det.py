"""rectool.mx.io.ImageDetRecordIter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture

import rectool.mx as mx
from rectool import IRHeader, RecordWriter, pack

LABELS = [
    [2, 5, 3, 0.1, 0.2, 0.5, 0.6],
    [4, 6, 640, 480, 1, 0.25, 0, 0.5, 1, 7, 2, 0, 0, 1, 1, 8],
    [2, 5, -1, -1, -1, -1, -1],
]


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    return write(tmp_path / "a.rec", LABELS)


def write(path: Path, labels: list[Any]) -> Path:
    with RecordWriter(path, force=True) as writer:
        for key, label in enumerate(labels):
            image = encoded(picture(key, 40, 30), "PNG")
            writer.write(pack(IRHeader(0, label, key, 0), image), key=key)
    return path


def batches(rec: Path, **more: Any) -> Any:
    options = {"path_imgrec": str(rec), "data_shape": (3, 30, 40), "batch_size": 3}
    return mx.io.ImageDetRecordIter(**{**options, **more})


def test_rows_are_sizes_labels_and_padding(rec: Path) -> None:
    source = batches(rec)
    assert source.provide_label == [("softmax_label", (3, 20))]
    batch = source.next()
    for row, label in zip(batch.label[0].asnumpy(), LABELS, strict=True):
        assert row[:4].tolist() == [3, 30, 40, len(label)]
        assert np.allclose(row[4 : 4 + len(label)], label)
        assert (row[4 + len(label) :] == -1).all()
    images = [np.asarray(picture(key, 40, 30)).transpose(2, 0, 1) for key in range(3)]
    assert np.array_equal(batch.data[0], np.array(images, np.float32))
    source.close()


def test_images_are_scaled_whatever_their_proportions(rec: Path) -> None:
    source = batches(rec, data_shape=(3, 20, 20), label_pad_width=30, label_pad_value=-5, std_r=0)
    batch = source.next()
    assert batch.label[0].shape == (3, 34)
    assert batch.label[0][0, 1:3].tolist() == [20, 20]
    assert batch.label[0][0, 33].asscalar() == -5
    source.close()


def test_boxes_are_mirrored_with_their_image(rec: Path) -> None:
    source = batches(rec, rand_mirror_prob="1")
    batch = source.next()
    image = np.asarray(picture(0, 40, 30)).transpose(2, 0, 1)[:, :, ::-1]
    assert np.array_equal(batch.data[0][0], image.astype(np.float32))
    first, second, third = batch.label[0].asnumpy()
    assert np.allclose(first[4:11], [2, 5, 3, 0.5, 0.2, 0.9, 0.6])
    assert np.allclose(second[4:20], [4, 6, 640, 480, 1, 0.5, 0, 0.75, 1, 7, 2, 0, 0, 1, 1, 8])
    assert np.allclose(third[4:11], LABELS[2])
    source.close()


def test_labels_of_a_list(rec: Path, tmp_path: Path) -> None:
    lines = ["\t".join(map(str, [key, *label, "x.png"])) for key, label in enumerate(LABELS[::-1])]
    (tmp_path / "a.lst").write_text("\n".join(lines))
    source = batches(rec, path_imglist=str(tmp_path / "a.lst"))
    assert np.allclose(source.next().label[0][2, 4:11], LABELS[0])
    source.close()


def test_det_record_iter_refuses_parameters_that_it_does_not_have(
    rec: Path, tmp_path: Path
) -> None:
    for wrong in (
        {"rand_crop_prob": 0.5}, {"rand_pad_prob": 1}, {"random_hue_prob": 0.1},
        {"rand_mirror_prob": 0.3}, {"resize_mode": "fit"}, {"label_width": 7},
        {"label_pad_width": 5},
    ):  # fmt: skip
        for kind in (ValueError, mx.MXNetError):
            with pytest.raises(kind, match=next(iter(wrong))):
                batches(rec, **wrong)
    unused = {"min_crop_scales": "(0.1, 0.3)", "max_pad_scale": 3, "crop_emit_mode": "center"}
    batches(rec, rand_crop_prob=0, **unused).close()
    with pytest.warns(UserWarning, match="ImageDetRecordIter ignores .*: mean_pixels"):
        batches(rec, mean_pixels=3).close()
    for bad in (5.0, [2, 5, 1, 0.1]):
        source = batches(write(tmp_path / "b.rec", [bad]), batch_size=1)
        with pytest.raises(mx.MXNetError, match="key 0"):
            source.next()
        source.close()
