"""rectool.mx.image.ImageDetIter: what it reads, and what it refuses. Its last batches, shapes and
drawings are in test_mx_det_shapes.py."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN, encoded
from PIL import Image

import rectool.mx as mx
from rectool import HeaderError, ImageError, IRHeader, RecordWriter, pack
from rectool.format.boxes import box_labels

ImageDetIter = mx.image.ImageDetIter

SHAPE = (3, 4, 4)
BOX = [0.25, 0.25, 0.75, 0.75]


def colour(number: int) -> bytes:
    return encoded(Image.new("RGB", (4, 4), (number, number, number)), "PNG")


def write(path: Path, labels: Sequence[Any], images: Sequence[bytes] | None = None) -> Path:
    """Records with these labels and the keys 10, 11...; the pixels of each are all its key."""
    with RecordWriter(path) as writer:
        for key, label in enumerate(labels, 10):
            image = colour(key) if images is None else images[key - 10]
            writer.write(pack(IRHeader(0, label, key, 0), image), key=key)
    return path


def counted(*counts: int, width: int = 5) -> list[list[float]]:
    """Labels of images with so many boxes each."""
    more = [0.5] * (width - 5)
    rows = np.array([[at, *BOX, *more] for at in range(max(counts, default=0))])
    return [box_labels(rows.reshape(-1, width)[:count]) for count in counts]


def epoch(source: Any) -> list[tuple[int, Any]]:
    """Each image's key and its row of boxes, padding left out."""
    found = []
    for batch in source:
        (data,), (label,) = batch.data, batch.label
        assert (data == data[:, :1, :1, :1]).all()
        rows = zip(data[:, 0, 0, 0].tolist(), label.tolist(), strict=True)
        found += [(int(key), row) for key, row in rows][: len(data) - batch.pad]
    return found


NONE = [-1.0] * 5


def test_batches_have_the_types_and_shapes_of_mxnet(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1, 3, 2))
    source = ImageDetIter(2, SHAPE, path_imgrec=rec)
    assert isinstance(source, mx.image.ImageIter)
    assert source.provide_data == [("data", (2, 3, 4, 4))]
    assert source.provide_label == [("label", (2, 3, 5))]
    assert type(source.provide_label[0]) is mx.io.DataDesc
    assert source.label_shape == (3, 5)
    batch = source.next()
    assert type(batch) is mx.io.DataBatch
    assert [type(one) for one in batch.data + batch.label] == [mx.nd.NDArray] * 2
    assert {one.dtype for one in batch.data + batch.label} == {np.dtype(np.float32)}
    assert batch.data[0].shape == (2, 3, 4, 4)
    assert batch.label[0].tolist() == [
        [[0, *BOX], NONE, NONE],
        [[0, *BOX], [1, *BOX], [2, *BOX]],
    ]
    assert batch.pad == 0
    named = ImageDetIter(2, SHAPE, path_imgrec=str(rec), data_name="x", label_name="y")
    assert (named.provide_data[0].name, named.provide_label[0].name) == ("x", "y")


def test_numbers_before_the_boxes_are_passed_over(tmp_path: Path) -> None:
    label = [4, 6, 640, 480, 1, *BOX, 7, 2, *BOX, 8]
    (found,) = epoch(ImageDetIter(1, SHAPE, path_imgrec=write(tmp_path / "a.rec", [label])))
    assert found == (10, [[1, *BOX, 7], [2, *BOX, 8]])


BACKGROUNDS: dict[str, list[float]] = {
    "nothing but the layout": [2, 5],
    "a placeholder": [2, 5, -1, -1, -1, -1, -1],
    "a class below 0": [2, 5, -1, *BOX],
    "no width": [2, 5, 3, 0.5, 0.1, 0.5, 0.9],
    "no height": [2, 5, 3, 0.1, 0.5, 0.9, 0.5],
    "right before left": [2, 5, 3, 0.5, 0.1, 0.4, 0.9],
}


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_an_image_without_boxes_is_one_like_any_other(tmp_path: Path, kind: str) -> None:
    rec = write(tmp_path / "a.rec", [*counted(2), BACKGROUNDS[kind], *counted(1)])
    two = [[0, *BOX], [1, *BOX]]
    wanted = [(10, two), (11, [NONE, NONE]), (12, [[0, *BOX], NONE])]
    source = ImageDetIter(2, SHAPE, path_imgrec=rec)
    assert source.label_shape == (2, 5)
    assert epoch(source) == wanted
    augmented = ImageDetIter(
        2, SHAPE, path_imgrec=rec, rand_crop=1, rand_pad=1, pad_val=11, rand_mirror=True
    )
    for _ in range(5):
        batches = list(augmented)
        assert [batch.pad for batch in batches] == [0, 1]
        classes = np.concatenate([batch.label[0][:, :, 0] for batch in batches])
        assert classes[:3].tolist() == [[0, 1], [-1, -1], [0, -1]]
        augmented.reset()


def test_a_set_without_any_box(tmp_path: Path) -> None:
    source = ImageDetIter(2, SHAPE, path_imgrec=write(tmp_path / "a.rec", counted(0, 0)))
    assert source.label_shape == (1, 5)
    assert epoch(source) == [(10, [NONE]), (11, [NONE])]


def test_boxes_that_are_none_leave_the_others(tmp_path: Path) -> None:
    label = [2, 5, 1, *BOX, -1, *BOX, 2, 0.5, 0.1, 0.5, 0.9, 3, *BOX]
    source = ImageDetIter(1, SHAPE, path_imgrec=write(tmp_path / "a.rec", [label]))
    assert source.label_shape == (2, 5)
    assert epoch(source) == [(10, [[1, *BOX], [3, *BOX]])]


# Sources.


def test_files_of_a_list(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(colour(number))
    labels = counted(1, 0, 2)
    lines = (
        "\t".join([str(at), *map(str, label), f"{at}.png\n"]) for at, label in enumerate(labels)
    )
    lst = tmp_path / "a.lst"
    lst.write_text("".join(lines))
    wanted = [(0, [[0, *BOX], NONE]), (1, [NONE, NONE]), (2, [[0, *BOX], [1, *BOX]])]
    assert epoch(ImageDetIter(3, SHAPE, path_imglist=lst, path_root=tmp_path)) == wanted
    given: list[Any] = [
        [labels[0], "0.png"], [*labels[1], Path("1.png")], (np.array(labels[2]), "2.png"),
    ]  # fmt: skip
    assert epoch(ImageDetIter(3, SHAPE, imglist=given, path_root=tmp_path)) == wanted


def test_labels_of_a_list_for_records(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", [1.0, 2.0])
    lst = tmp_path / "a.lst"
    lst.write_text("11\t2\t5\tb\n10\t2\t5\t8\t.25\t.25\t.75\t.75\ta\n")
    for idx in (None, tmp_path / "a.idx"):
        source = ImageDetIter(2, SHAPE, path_imgrec=rec, path_imgidx=idx, path_imglist=lst)
        assert epoch(source) == [(10, [[8, *BOX]]), (11, [NONE])]
    lst.write_text("11\t2\t5\tb\n10\t2\t5\t8\t.1\t.1\t.7\t.7\t9\t0\t0\t1\t1\ta\n")
    for part, count in enumerate([2, 1]):
        source = ImageDetIter(
            1, SHAPE, path_imgrec=rec, path_imglist=lst, num_parts=2, part_index=part
        )
        assert source.label_shape == (count, 5)


def test_records_without_an_image_are_no_samples(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", [[1, 2], *counted(1)], [b"", colour(11)])
    assert epoch(ImageDetIter(1, SHAPE, path_imgrec=rec)) == [(11, [[0, *BOX]])]


def test_no_image_is_read_to_find_the_shape(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1, 4), [b"garbage", b"rubbish" * 1000])
    source = ImageDetIter(2, SHAPE, path_imgrec=rec)
    assert source.label_shape == (4, 5)
    with pytest.raises(ImageError, match=r"a\.rec: .* the key 10: not an image"):
        source.next()
    given = [[label, "none.png"] for label in counted(3, 1)]
    assert ImageDetIter(1, SHAPE, imglist=given).label_shape == (3, 5)


def test_many_records_of_many_lengths(tmp_path: Path) -> None:
    """More than are looked at at once; the one with most boxes anywhere."""
    counts = [at % 7 for at in range(16_384 + 50)]
    for place in (0, 16_383, 16_384, len(counts) - 1):
        counts[place] = 9
        images = [b"0"] * len(counts)
        rec = write(tmp_path / f"{place}.rec", counted(*counts), images)
        assert ImageDetIter(1, SHAPE, path_imgrec=rec).label_shape == (9, 5)
        counts[place] = 1


def test_a_part_has_a_shape_of_its_own(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1, 4, 2, 3, 0))
    shapes = [
        ImageDetIter(1, SHAPE, path_imgrec=rec, num_parts=3, part_index=part).label_shape
        for part in range(3)
    ]
    assert shapes == [(4, 5), (3, 5), (1, 5)]  # the last one begins again at the first image


def test_the_order_is_that_of_mxnet(tmp_path: Path) -> None:
    """Which shuffles three times before the first image."""
    rec = write(tmp_path / "a.rec", counted(*[1] * 12))
    order = list(range(10, 22))
    random.seed(5)
    for _ in range(3):
        random.shuffle(order)
    first = list(order)
    random.shuffle(order)
    random.seed(5)
    source = ImageDetIter(5, SHAPE, path_imgrec=rec, shuffle=True)
    assert [key for key, _ in epoch(source)] == first
    source.reset()
    assert [key for key, _ in epoch(source)] == order


def test_pickled_in_the_middle_it_goes_on(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1, 2, 0))
    source = ImageDetIter(1, SHAPE, path_imgrec=rec, rand_mirror=True)
    source.next()
    copy = pickle.loads(pickle.dumps(source))
    random.seed(3)
    rest = epoch(copy)
    assert [key for key, _ in rest] == [11, 12]
    random.seed(3)
    assert epoch(source) == rest


# What is refused.


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (3.0, r"these are not labels of boxes: 1 label \(3\)"),
        ([0, 1, 0, 1, 1, 1, 1], "these are not labels of boxes: 7 labels"),
        ([2, 4, 0, 0, 1, 1], "these are not labels of boxes"),
        ([2, 5, 0, 0, 1, 1], "these are not labels of boxes"),
        ([9, 5, 0, 0, 0, 1, 1], "these are not labels of boxes"),
    ],
)
def test_other_labels_are_named(tmp_path: Path, label: Any, message: str) -> None:
    rec = write(tmp_path / "a.rec", [*counted(1), label, *counted(1)])
    with pytest.raises(HeaderError, match=rf"^\S*a\.rec: the record with the key 11: {message}"):
        ImageDetIter(1, SHAPE, path_imgrec=rec)
    given = [[counted(1)[0], "fine.png"], [label, "bad.png"]]
    with pytest.raises(HeaderError, match=rf"^\S*bad\.png: {message}"):
        ImageDetIter(1, SHAPE, imglist=given, path_root=tmp_path)


def test_labels_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    for label in (["2", "five"], [[2, 5], [1]]):
        with pytest.raises(ValueError, match=r"^\S*bad\.png: "):
            ImageDetIter(1, SHAPE, imglist=[[label, "bad.png"]], path_root=tmp_path)


def test_boxes_of_other_widths_are_named(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", [*counted(1, 2), *counted(3, width=6), *counted(1)])
    message = (
        r"^\S*a\.rec: the record with the key 12: boxes have 6 numbers, and those of \S*a\.rec: the"
        r" record with the key 10 have 5$"
    )
    with pytest.raises(HeaderError, match=message):
        ImageDetIter(1, SHAPE, path_imgrec=rec)
    given = [[counted(1)[0], "a.png"], [[2, 6], "b.png"]]
    with pytest.raises(HeaderError, match=r"^b\.png: boxes have 6 .* those of a\.png have 5$"):
        ImageDetIter(1, SHAPE, imglist=given)


def test_damaged_records_are_named(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1, 1))
    data = bytearray(rec.read_bytes())
    data[8:12] = b"\xff\xff\xff\xff"  # the first one's flag
    rec.write_bytes(data)
    with pytest.raises(HeaderError, match=r"a\.rec: at byte 0: .* announces 4294967295 labels"):
        ImageDetIter(1, SHAPE, path_imgrec=rec)


def test_unknown_arguments(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1))
    for name, meant in (("randcrop", "rand_crop"), ("min_object_cover", "min_object_covered")):
        with pytest.raises(
            TypeError, match=f"ImageDetIter has no .*'{name}': did you mean {meant}"
        ):
            ImageDetIter(1, SHAPE, path_imgrec=rec, **{name: 1})
    for name in ("label_width", "dtype", "rand_resize"):
        with pytest.raises(TypeError, match=f"ImageDetIter has no parameter '{name}'"):
            ImageDetIter(1, SHAPE, path_imgrec=rec, **{name: 1})
    with pytest.raises(TypeError, match="aug_list does not go with resize"):
        ImageDetIter(1, SHAPE, path_imgrec=rec, aug_list=[], resize=5)
    with pytest.raises(ValueError, match="last_batch_handle .*got 'keep'"):
        ImageDetIter(1, SHAPE, path_imgrec=rec, last_batch_handle="keep")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there are no images"):
        ImageDetIter(1, SHAPE, imglist=[])


def test_a_set_of_classes_is_none_of_boxes() -> None:
    with pytest.raises(
        HeaderError, match=r"images\.rec: .* these are not labels of boxes: 1 label"
    ):
        ImageDetIter(1, SHAPE, path_imgrec=GOLDEN / "images.rec")
