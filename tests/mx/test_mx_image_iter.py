"""rectool.mx.image.ImageIter."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN, encoded
from PIL import Image

import rectool.mx as mx
from rectool import HeaderError, ImageError, IRHeader, ListError, RecordReader, RecordWriter, pack

ImageIter = mx.image.ImageIter

SHAPE = (3, 4, 4)


def colour(number: int) -> bytes:
    return encoded(Image.new("RGB", (4, 4), (number, number, number)), "PNG")


def write(path: Path, count: int, first: int = 0, labels: int = 1) -> Path:
    """Records whose pixels are all their key's number, and their labels key + 0.5, key + 1.5..."""
    with RecordWriter(path) as writer:
        for key in range(first, first + count):
            label = [key + 0.5 + more for more in range(labels)]
            header = IRHeader(0, label if labels > 1 else label[0], key, 0)
            writer.write(pack(header, colour(key)), key=key)
    return path


def numbers(batches: Iterable[Any]) -> list[list[int]]:
    """For each batch the number of each sample; that label and pixels agree is checked."""
    found = []
    for batch in batches:
        (data,), (label,) = batch.data, batch.label
        assert (data.dtype, label.dtype) == (np.float32, np.float32)
        assert (data == data[:, :1, :1, :1]).all()
        row = data[:, 0, 0, 0]
        assert np.array_equal(label, row + np.float32(0.5))
        found.append([int(number) for number in row.asnumpy()])
    return found


# What is read.


def test_records_in_the_order_of_the_index_or_the_file(tmp_path: Path) -> None:
    rec, idx = write(tmp_path / "a.rec", 6), tmp_path / "a.idx"
    lines = idx.read_text().splitlines(keepends=True)
    idx.write_text("".join(lines[::-1]))
    assert numbers(ImageIter(3, SHAPE, path_imgrec=rec)) == [[0, 1, 2], [3, 4, 5]]
    ordered = ImageIter(3, SHAPE, path_imgrec=str(rec), path_imgidx=str(idx))
    assert numbers(ordered) == [[5, 4, 3], [2, 1, 0]]
    empty = ImageIter(3, SHAPE, path_imgrec=rec, path_imgidx="")  # none, as in MXNet
    assert numbers(empty) == [[0, 1, 2], [3, 4, 5]]
    idx.unlink()
    assert numbers(ImageIter(3, SHAPE, path_imgrec=rec)) == [[0, 1, 2], [3, 4, 5]]


def test_batches_have_the_types_and_shapes_of_mxnet(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 4)
    source = ImageIter(2, SHAPE, path_imgrec=rec, data_name="pixels", label_name="class")
    assert source.provide_data == [("pixels", (2, 3, 4, 4))]
    assert source.provide_label == [("class", (2,))]
    assert source.batch_size == 2
    batch = source.next()
    assert type(batch) is mx.io.DataBatch
    assert [type(one) for one in batch.data + batch.label] == [mx.nd.NDArray] * 2
    assert batch.data[0].shape == (2, 3, 4, 4)
    assert batch.pad == 0
    assert isinstance(source, mx.io.DataIter)
    assert iter(source) is source
    assert numbers(source) == [[2, 3]]


def test_colours_and_places_stay_what_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 0, 0), encoded(Image.fromarray(pixels), "PNG")), 0)
    batch = ImageIter(1, (3, 4, 5), path_imgrec=tmp_path / "a.rec").next()
    assert np.array_equal(batch.data[0][0], pixels.transpose(2, 0, 1))


def test_records_without_an_image_are_no_samples() -> None:
    source = ImageIter(5, (3, 112, 112), label_width=2, path_imgrec=GOLDEN / "faces.rec")
    labels = np.concatenate([batch.label[0][: 5 - batch.pad] for batch in source])
    assert labels.shape == (12, 2)
    assert labels[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_labels_of_a_list(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 4)
    for idx in (None, tmp_path / "a.idx"):
        lst = tmp_path / "a.lst"
        lst.write_text("".join(f"{key}\t{10 * key}\t{key}.png\n" for key in (3, 1, 0, 2, 9)))
        batch = ImageIter(4, SHAPE, path_imgrec=rec, path_imgidx=idx, path_imglist=lst).next()
        assert batch.label[0].tolist() == [0, 10, 20, 30]
        assert batch.data[0][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
        lst.write_text("0\t1\ta\n1\t1\tb\n3\t1\tc\n")
        with pytest.raises(ListError, match=r"a\.lst: there is no label for the key 2 of .*a\.rec"):
            ImageIter(4, SHAPE, path_imgrec=rec, path_imgidx=idx, path_imglist=lst)


def test_files_of_a_list(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number} ä.png").write_bytes(colour(number))
    lst = tmp_path / "a.lst"
    text = "".join(f"{9 - number}\t{number}.5\t{number} ä.png\n" for number in range(3))
    lst.write_text(text, encoding="utf-8")
    source = ImageIter(3, SHAPE, path_imglist=lst, path_root=tmp_path)
    assert numbers(source) == [[0, 1, 2]]
    given: list[Sequence[Any]] = [
        [0.5, "0 ä.png"], ([1.5], Path("1 ä.png")), [np.float32(2.5), "2 ä.png"],
    ]  # fmt: skip
    assert numbers(ImageIter(3, SHAPE, imglist=given, path_root=str(tmp_path))) == [[0, 1, 2]]
    absolute = [[0.5, str(tmp_path / "0 ä.png")]]
    assert numbers(ImageIter(1, SHAPE, imglist=absolute)) == [[0]]


def test_several_labels(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 2, labels=3)
    source = ImageIter(2, SHAPE, label_width=3, path_imgrec=rec)
    assert source.provide_label == [("softmax_label", (2, 3))]
    assert source.next().label[0].tolist() == [[0.5, 1.5, 2.5], [1.5, 2.5, 3.5]]
    (tmp_path / "a.png").write_bytes(colour(1))
    for entry in ([1, 2, "a.png"], [[1, 2], "a.png"], [np.array([1, 2]), "a.png"]):
        source = ImageIter(1, SHAPE, 2, imglist=[entry], path_root=tmp_path)
        assert source.next().label[0].tolist() == [[1, 2]]


def test_other_numbers_of_labels_are_refused(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 2, first=7, labels=3)
    for width in (1, 2, 4):
        with pytest.raises(ValueError, match=f"a.rec: .* the key 7: 3 labels, .* is {width}"):
            ImageIter(1, SHAPE, width, path_imgrec=rec).next()


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
def test_label_dtypes(tmp_path: Path, dtype: str) -> None:
    (tmp_path / "a.png").write_bytes(colour(1))
    given = [[4, "a.png"], [np.int64(2), "a.png"]]
    source = ImageIter(2, SHAPE, imglist=given, path_root=tmp_path, dtype=dtype)
    assert source.provide_label[0].dtype == np.dtype(dtype)
    label = source.next().label[0]
    assert label.dtype == dtype
    assert label.tolist() == [4, 2]


def test_no_label_is_cut_to_a_whole_number(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 2)
    with pytest.raises(ValueError, match=r"the key 0: label 0\.5 does not fit int32"):
        ImageIter(2, SHAPE, path_imgrec=rec, dtype="int32").next()


# The last batch, parts, order.


def test_the_last_batch(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 5)
    source = ImageIter(3, SHAPE, path_imgrec=rec)
    for _ in range(2):
        batches = list(source)
        assert [batch.pad for batch in batches] == [0, 1]
        assert numbers(batches) == [[0, 1, 2], [3, 4, 0]]
        with pytest.raises(StopIteration):
            source.next()
        source.reset()
    source = ImageIter(3, SHAPE, path_imgrec=rec, last_batch_handle="discard")
    for _ in range(2):
        assert numbers(source) == [[0, 1, 2]]
        assert list(source) == []
        source.reset()
    source = ImageIter(3, SHAPE, path_imgrec=rec, last_batch_handle="roll_over")
    epochs, pads = [], []
    for _ in range(4):
        batches = list(source)
        pads.append([batch.pad for batch in batches])
        epochs.append(numbers(batches))
        source.reset()
    assert pads == [[0], [1, 0], [2, 0], [0]]
    assert epochs == [
        [[0, 1, 2]],
        [[3, 4, 0], [1, 2, 3]],
        [[4, 0, 1], [2, 3, 4]],
        [[0, 1, 2]],
    ]
    source.hard_reset()
    assert numbers(source) == [[0, 1, 2]]


def test_records_are_there_for_subclasses_by_the_keys_in_seq(tmp_path: Path) -> None:
    class Mine(ImageIter):
        def next_sample(self) -> Any:
            if self.cur >= self.num_image:
                raise StopIteration
            key = self.seq[self.cur]
            self.cur += 1
            header, image = mx.recordio.unpack(self.imgrec.read_idx(key))
            return header.label, image

    rec = tmp_path / "a.rec"
    with RecordWriter(rec) as writer:
        for number in range(4):
            header = IRHeader(0, number + 0.5, number, 0)
            writer.write(pack(header, colour(number)), key=30 - number)
    options = {"path_imgrec": rec, "path_imgidx": rec.with_suffix(".idx")}
    source = Mine(2, SHAPE, **options)
    assert (list(source.seq), source.num_image) == ([30, 29, 28, 27], 4)
    assert source.imgidx == [30, 29, 28, 27]
    assert numbers(source) == numbers(ImageIter(2, SHAPE, **options)) == [[0, 1], [2, 3]]
    plain = ImageIter(2, SHAPE, path_imgrec=rec)
    assert (list(plain.seq), plain.imgidx) == ([0, 1, 2, 3], None)
    assert mx.recordio.unpack(plain.imgrec.read())[0].id == 0
    assert ImageIter(2, SHAPE, imglist=[[0, "x.jpg"]]).imgrec is None


def test_files_are_there_for_subclasses_by_the_items_of_seq(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(colour(1))
    (tmp_path / "a.lst").write_text("7\t2\t3.5\tx.png\n")
    given = {"path_root": tmp_path, "label_width": 2}
    for source in (
        ImageIter(1, SHAPE, path_imglist=tmp_path / "a.lst", **given),
        ImageIter(1, SHAPE, imglist=[[2, 3.5, "x.png"]], **given),
    ):
        label, path = source.imglist[source.seq[0]]
        assert (label.asnumpy().tolist(), path) == ([2, 3.5], "x.png")
        label, image = source.next_sample()
        assert (label.asnumpy().tolist(), image) == ([2, 3.5], colour(1))
        assert len(source.imglist) == 1


def test_an_end_stays_an_end_where_it_comes_out_even(tmp_path: Path) -> None:
    source = ImageIter(2, SHAPE, path_imgrec=write(tmp_path / "a.rec", 4))
    assert len(list(source)) == 2
    assert list(source) == []
    source.reset()
    assert numbers(source) == [[0, 1], [2, 3]]


def test_a_set_smaller_than_a_batch_fills_it_all_the_same(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 3)
    (batch,) = ImageIter(8, SHAPE, path_imgrec=rec)
    assert batch.pad == 5
    assert numbers([batch]) == [[0, 1, 2, 0, 1, 2, 0, 1]]


@pytest.mark.parametrize("count", [1, 7, 12])
@pytest.mark.parametrize("parts", [1, 2, 3, 5])
@pytest.mark.parametrize("indexed", [False, True])
def test_parts_are_equal_and_lose_nothing(
    tmp_path: Path, count: int, parts: int, indexed: bool
) -> None:
    rec = write(tmp_path / "a.rec", count)
    idx = tmp_path / "a.idx" if indexed else None
    read = []
    for part in range(parts):
        options = {"part_index": part, "num_parts": parts, "path_imgidx": idx}
        read.append(numbers(ImageIter(1, SHAPE, path_imgrec=rec, **options)))  # type: ignore[arg-type]
    assert {len(part) for part in read} == {-(-count // parts)}
    flat = [number for part in read for (number,) in part]
    assert flat == [number % count for number in range(len(flat))]
    with pytest.raises(ValueError, match=f"got {parts} of {parts}"):
        ImageIter(1, SHAPE, path_imgrec=rec, part_index=parts, num_parts=parts)


def test_shuffling_is_pythons(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 20)
    order = list(range(20))
    random.seed(7)
    wanted = []
    for _ in range(2):
        random.shuffle(order)
        wanted.append(list(order))
    random.seed(7)
    source = ImageIter(1, SHAPE, path_imgrec=rec, shuffle=True)
    read = []
    for _ in range(2):
        read.append([number for (number,) in numbers(source)])
        source.reset()
    assert read == wanted
    random.seed(7)
    part = ImageIter(1, SHAPE, path_imgrec=rec, shuffle=True, part_index=1, num_parts=2)
    assert sorted(number for (number,) in numbers(part)) == list(range(10, 20))


# Hooks and augmenters.


class Odd(mx.image.ImageIter):  # type: ignore[misc, name-defined]
    """Leaves out images of even numbers, and paints the others."""

    def check_valid_image(self, data: Any) -> None:
        if data[0, 0, 0].asscalar() % 2 == 0:
            raise RuntimeError

    def augmentation_transform(self, data: Any) -> Any:
        return super().augmentation_transform(data) + 100

    def postprocess_data(self, datum: Any) -> Any:
        return super().postprocess_data(datum) * 2


def test_hooks(tmp_path: Path) -> None:
    source = Odd(2, SHAPE, path_imgrec=write(tmp_path / "a.rec", 6))
    data = [batch.data[0][:, 0, 0, 0].tolist() for batch in source]
    assert data == [[202, 206], [210, 202]]
    assert list(Odd(2, SHAPE, path_imgrec=write(tmp_path / "b.rec", 1))) == []


class Reversed(mx.image.ImageIter):  # type: ignore[misc, name-defined]
    def read_image(self, fname: str) -> bytes:
        return super().read_image(fname[::-1])

    def next_sample(self) -> Any:
        label, encoded_image = super().next_sample()
        return label + 1, encoded_image


def test_hooks_of_reading(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(colour(5))
    source = Reversed(1, SHAPE, imglist=[[4.5, "gnp.a"]], path_root=tmp_path)
    assert numbers(source) == [[5]]
    source.reset()
    label, data = source.next_sample()
    assert (label, data) == (5.5, colour(5))


def test_options_are_create_augmenters(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 2)
    source = ImageIter(1, (3, 2, 3), path_imgrec=rec, resize=8, rand_mirror=True, mean=True)
    kinds = [type(one).__name__ for one in source.auglist]
    assert kinds == [
        "ResizeAug", "CenterCropAug", "HorizontalFlipAug", "CastAug", "ColorNormalizeAug",
    ]  # fmt: skip
    assert np.allclose(source.next().data[0][0, :, 0, 0], [-123.68, -116.28, -103.53])
    own = [mx.image.ForceResizeAug((3, 2))]
    source = ImageIter(1, (3, 2, 3), path_imgrec=rec, aug_list=own)
    assert source.auglist is own
    assert source.next().data[0].dtype == np.float32


def test_an_image_that_does_not_fit_is_no_sample(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", 2)
    source = ImageIter(1, (3, 2, 3), path_imgrec=rec, aug_list=[])
    with pytest.raises(ValueError, match=r"the key 0: augmented .* \(3, 4, 4\), .* \(3, 2, 3\)"):
        source.next()


def test_pickled_in_the_middle_it_goes_on(tmp_path: Path) -> None:
    source = ImageIter(2, SHAPE, path_imgrec=write(tmp_path / "a.rec", 5))
    source.next()
    copy = pickle.loads(pickle.dumps(source))
    assert numbers(copy) == numbers(source) == [[2, 3], [4, 0]]


# What is refused.


def test_unknown_arguments() -> None:
    rec = GOLDEN / "images.rec"
    for name, meant in (
        ("randcrop", "rand_crop"),
        ("path_imgrecord", "path_imgrec"),
        ("inter_metod", "inter_method"),
    ):
        with pytest.raises(TypeError, match=f"no parameter '{name}': did you mean {meant}"):
            ImageIter(1, SHAPE, path_imgrec=rec, **{name: True})
    with pytest.raises(TypeError, match="no parameter 'zzz'$"):
        ImageIter(1, SHAPE, path_imgrec=rec, zzz=1)
    with pytest.raises(TypeError, match="aug_list does not go with resize"):
        ImageIter(1, SHAPE, path_imgrec=rec, aug_list=[], resize=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "path_imglist or imglist is required"),
        ({"path_imgidx": "a.idx"}, "path_imgidx"),
        ({"imglist": [[1, "a"]], "path_imglist": "a.lst"}, "imglist does not go with"),
        ({"imglist": []}, "there are no images"),
        ({"imglist": [[1, "a"]], "dtype": "uint8"}, "the dtype of labels must be .*, got uint8"),
        ({"imglist": [[1, "a"]], "last_batch_handle": "keep"}, "last_batch_handle .*got 'keep'"),
        ({"imglist": [[1, "a"]], "label_width": 0}, "label_width must be .*got 2 and 0"),
        ({"imglist": [[1, "a"]], "batch_size": 0}, "batch_size .*got 0 and 1"),
        ({"imglist": [[1, "a"]], "data_shape": (1, 4, 4)}, r"data_shape .*got \(1, 4, 4\)"),
        ({"imglist": [[1, "a"]], "data_shape": (4, 4)}, r"data_shape .*got \(4, 4\)"),
    ],
)
def test_arguments_without_meaning(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageIter(**{"batch_size": 2, "data_shape": SHAPE, **options})


def test_bad_images_are_named(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 3, 0), colour(3)), key=3)
        writer.write(pack(IRHeader(0, 1.0, 8, 0), colour(8)[:-30]), key=8)
    source = ImageIter(1, SHAPE, path_imgrec=tmp_path / "a.rec")
    source.next()
    with pytest.raises(ImageError, match=r"a\.rec: .* the key 8: a PNG cut short"):
        source.next()
    (tmp_path / "bad.png").write_bytes(b"garbage")
    given = [[1, "bad.png"], [2, "none.png"]]
    source = ImageIter(1, SHAPE, imglist=given, path_root=tmp_path)
    with pytest.raises(ImageError, match=r"bad\.png: not an image"):
        source.next()
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        source.next()


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ImageIter(1, SHAPE, path_imgrec=tmp_path / "none.rec")
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(b"short", key=3)
    source = ImageIter(1, SHAPE, path_imgrec=tmp_path / "a.rec")
    with pytest.raises(HeaderError, match=r"a\.rec: .* the key 3"):
        source.next()
    (tmp_path / "a.lst").write_text("x\ty\n")
    with pytest.raises(ListError, match=r"a\.lst:1"):
        ImageIter(1, SHAPE, path_imglist=tmp_path / "a.lst")
    assert len(RecordReader(tmp_path / "a.rec")) == 1
