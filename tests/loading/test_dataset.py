"""RecordDataset: images and labels by position, as torch's DataLoader takes them."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN, encoded, in_threads, picture
from numpy.typing import NDArray

from rectool import (
    CorruptError,
    HeaderError,
    ImageError,
    IndexFileError,
    IRHeader,
    RecordDataset,
    RecordError,
    RecordWriter,
    pack,
)
from rectool.imaging.pillow import decode

KEYS = np.random.default_rng(1).permutation(900)[:24].tolist()


def image_of(key: int) -> bytes:
    """A JPEG or a PNG, grey or not, of a size of its own."""
    image = picture(key, 10 + key % 7, 12, "L" if key % 3 == 0 else "RGB")
    return encoded(image, "PNG" if key % 2 else "JPEG")


def test_labels_of_classes_are_ints_and_others_floats(tmp_path: Path) -> None:
    """By the whole set, so that all labels have one type."""
    path = write(tmp_path / "a.rec", {key: float(key) for key in KEYS})
    whole = RecordDataset(path)
    assert [(type(label), label) for _, label in whole[:3]] == [(int, key) for key in KEYS[:3]]
    assert type(pickle.loads(pickle.dumps(whole))[0][1]) is int
    assert type(RecordDataset(path, label_type=float)[0][1]) is float
    broken = {key: key + 0.5 * (key == KEYS[-1]) for key in KEYS}
    parts = RecordDataset(write(tmp_path / "b.rec", broken))
    assert {type(label) for _, label in parts[:]} == {float}
    odd = RecordDataset(write(tmp_path / "c.rec", {key: float("inf") for key in KEYS}))
    assert odd[0][1] == float("inf")
    several = RecordDataset(write(tmp_path / "d.rec", {key: [1.0, 2.0] for key in KEYS}))
    assert several[0][1].dtype == np.float32


def test_a_label_that_is_no_whole_number_is_no_class(tmp_path: Path) -> None:
    broken = {key: key + 0.5 * (key == KEYS[-1]) for key in KEYS}
    dataset = RecordDataset(write(tmp_path / "a.rec", broken), label_type=int)
    assert dataset[0][1] == KEYS[0]
    with pytest.raises(HeaderError, match=f"{KEYS[-1]}: .*label_type=float"):
        dataset[-1]
    with pytest.raises(ValueError, match="label_type"):
        RecordDataset(tmp_path / "a.rec", label_type=str)  # type: ignore[arg-type]


def test_the_labels_that_decide_are_spread_over_a_large_data_set(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.rec",
        {key: float(key) if key < 2500 else 0.5 for key in range(5000)},
        dict.fromkeys(range(5000), b"x"),
    )
    assert RecordDataset(path, decode=False)[0][1] == 0.0
    assert type(RecordDataset(path, decode=False)[0][1]) is float


def test_slices_are_lists_of_samples(tmp_path: Path) -> None:
    dataset = RecordDataset(write(tmp_path / "a.rec", {key: float(key) for key in KEYS}))
    assert [label for _, label in dataset[2:9:3]] == KEYS[2:9:3]
    assert [label for _, label in dataset[-2:]] == KEYS[-2:]
    assert dataset[30:] == []


def write(path: Path, labels: dict[int, Any], payloads: dict[int, bytes] | None = None) -> Path:
    """Records under these keys, with these labels."""
    with RecordWriter(path) as writer:
        for key, label in labels.items():
            payload = image_of(key) if payloads is None else payloads[key]
            writer.write(pack(IRHeader(0, label, key, 0), payload), key)
    return path


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    return write(tmp_path / "a.rec", {key: float(key % 5) for key in KEYS})


def check_sample(sample: tuple[NDArray[np.uint8], float], key: int) -> None:
    image, label = sample
    assert np.array_equal(image, np.asarray(decode(image_of(key))))
    assert image.shape == (12, 10 + key % 7, 3)
    assert label == key % 5


def test_a_sequence_of_pairs(rec: Path) -> None:
    dataset = RecordDataset(rec)
    assert len(dataset) == 24
    assert dataset.keys.tolist() == KEYS
    for at, key in enumerate(KEYS):
        check_sample(dataset[at], key)
        check_sample(dataset[at - 24], key)
        check_sample(dataset[np.int64(at)], key)
        header, payload = dataset.record(at)
        assert (header.id, payload) == (key, image_of(key))
    assert [label for _, label in dataset] == [key % 5 for key in KEYS]
    image, label = dataset[3]
    assert type(label) is int
    assert image.flags.writeable
    assert repr(dataset) == f"RecordDataset({str(rec)!r}: 24 images)"


@pytest.mark.parametrize("index", [24, -25, np.int64(10**12)])
def test_behind_the_end(rec: Path, index: int) -> None:
    with pytest.raises(IndexError, match=rf"a\.rec: there are 24 samples, got the index {index}"):
        RecordDataset(rec)[index]


@pytest.mark.parametrize("index", ["1", 1.0, None])
def test_an_index_that_is_not_an_integer_raises_type_error(rec: Path, index: Any) -> None:
    with pytest.raises(TypeError):
        RecordDataset(rec)[index]


def test_labels_and_keys(rec: Path) -> None:
    dataset = RecordDataset(rec)
    assert dataset.labels.dtype == np.float32
    assert dataset.labels.tolist() == [key % 5 for key in KEYS]
    assert dataset.labels is dataset.labels
    for column in (dataset.labels, dataset.keys):
        assert not column.flags.writeable  # they are everybody's


@pytest.mark.parametrize("labels", [[3.0, 0.5], [7.0]])
def test_several_labels(tmp_path: Path, labels: list[float]) -> None:
    dataset = RecordDataset(write(tmp_path / "a.rec", {1: labels, 0: labels[::-1]}))
    label = dataset[0][1]
    assert (label.dtype, label.tolist()) == (np.float32, labels)
    assert label.flags.writeable  # torch warns of those that are not
    wanted = [labels, labels[::-1]] if len(labels) > 1 else [7.0, 7.0]
    assert dataset.labels.tolist() == wanted


def test_different_numbers_of_labels(tmp_path: Path) -> None:
    dataset = RecordDataset(write(tmp_path / "a.rec", {7: 1.0, 3: [1.0, 2.0]}))
    assert [np.size(label) for _, label in dataset] == [1, 2]
    with pytest.raises(HeaderError, match=r"a\.rec: .* 1 with the key 7, 2 with the key 3"):
        dataset.labels  # noqa: B018


def double(image: Any, label: Any) -> tuple[Any, Any]:
    return image, 2 * label


def test_what_an_image_becomes(tmp_path: Path) -> None:
    deep = encoded(picture(1, 5, 4, "RGBA"), "PNG")
    path = write(tmp_path / "a.rec", {1: 3.0, 2: 4.0}, {1: deep, 2: image_of(3)})
    shapes = {"rgb": (4, 5, 3), "gray": (4, 5), "unchanged": (4, 5, 4)}
    for color, shape in shapes.items():
        image, _ = RecordDataset(path, color=color)[0]  # type: ignore[arg-type]
        assert image.shape == shape
        assert np.array_equal(image, np.asarray(decode(deep, color)))  # type: ignore[arg-type]
    assert RecordDataset(path, color="unchanged")[1][0].shape == (12, 13)
    assert RecordDataset(path, decode=False)[0] == (deep, 3.0)
    assert RecordDataset(path, decode=False, transform=double)[1] == (image_of(3), 8.0)
    assert RecordDataset(path, transform=lambda *pair: pair[0].shape)[0] == (4, 5, 3)
    with pytest.raises(ValueError, match="color must be rgb, gray or unchanged, got 'bgr'"):
        RecordDataset(path, color="bgr")  # type: ignore[arg-type]


def test_face_recognition_data() -> None:
    """The header record and the ranges of identities are no samples."""
    for idx in (True, False):
        dataset = RecordDataset(GOLDEN / "faces.rec", idx=idx)
        assert len(dataset) == 12
        assert dataset.keys.tolist() == list(range(1, 13))
        assert dataset.labels.shape == (12, 2)
        assert all(image.shape[2] == 3 for image, _ in dataset)
        assert dataset.record(0)[0].id == 1
        assert dataset.reader[0][:4] == b"\2\0\0\0"


def test_records_without_an_image_anywhere(tmp_path: Path) -> None:
    """In any order, of any number of labels, in any file; damage among them changes nothing."""
    empty = dict.fromkeys((1, 5, 6), b"")
    labels = {1: 3.0, 2: 1.0, 5: [1.0, 2.0], 9: 0.0, 6: [1.0] * 9}
    images = {key: image_of(key) for key in (2, 9)}
    paths = [write(tmp_path / name, labels, {**empty, **images}) for name in ("a.rec", "b.rec")]
    dataset = RecordDataset(paths)
    assert dataset.keys.tolist() == [2, 9, 2, 9]
    assert dataset.labels.tolist() == [1, 0, 1, 0]
    data = bytearray(paths[0].read_bytes())
    data[int(dataset.reader.offsets[3])] ^= 1
    paths[0].write_bytes(data)
    dataset = RecordDataset(paths)
    assert dataset.keys.tolist() == [2, 9, 2, 9]
    with pytest.raises(CorruptError, match="the record with the key 9: a record should begin"):
        dataset[1]
    check_sample((dataset[3][0], 9 % 5), 9)


def test_an_empty_data_set(tmp_path: Path) -> None:
    dataset = RecordDataset(write(tmp_path / "a.rec", {}))
    assert (len(dataset), list(dataset)) == (0, [])
    assert dataset.labels.shape == dataset.keys.shape == (0,)


def test_shards_are_one(tmp_path: Path) -> None:
    parts = (KEYS[:10], [], KEYS[10:])
    paths = [
        write(tmp_path / f"{n}.rec", {key: float(key % 5) for key in part})
        for n, part in enumerate(parts)
    ]
    dataset = RecordDataset(paths)
    assert dataset.keys.tolist() == KEYS
    assert dataset.labels.tolist() == [key % 5 for key in KEYS]
    for at, key in enumerate(KEYS):
        check_sample(dataset[at], key)
    with pytest.raises(
        IndexError, match=r"0\.rec and 2 more: there are 24 samples, got the index 24"
    ):
        dataset[24]


def test_the_index_says_the_order(rec: Path) -> None:
    idx = rec.with_suffix(".idx")
    lines = idx.read_text().splitlines(keepends=True)
    idx.write_text("".join(lines[:4:-2]))
    keys = KEYS[:4:-2]
    dataset = RecordDataset(rec)
    assert dataset.keys.tolist() == keys
    for at, key in enumerate(keys):
        check_sample(dataset[at], key)
    idx.unlink()
    assert RecordDataset(rec).keys.tolist() == KEYS  # the records' ids


# What is wrong.


def test_missing_files(rec: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RecordDataset(tmp_path / "none.rec")
    with pytest.raises(FileNotFoundError):
        RecordDataset(rec, idx=tmp_path / "none.idx")


def test_an_index_of_another_file(rec: Path, tmp_path: Path) -> None:
    idx = tmp_path / "b.idx"
    idx.write_text("1\t0\n2\t99999996\n")
    with pytest.raises(IndexFileError, match=r"b\.idx: entry 2: .* beyond its end"):
        RecordDataset(rec, idx=idx)
    idx.write_text("1\t0\n2\t8\n")
    with pytest.raises(CorruptError, match=r"a\.rec: .* b\.idx may belong to another file"):
        RecordDataset(rec, idx=idx)
    last = rec.with_suffix(".idx").read_text().splitlines()[-1]
    idx.write_text(f"8\t8\n{last}\n")  # the last one is looked at when it is opened
    dataset = RecordDataset(rec, idx=idx)
    check_sample(dataset[1], KEYS[-1])
    with pytest.raises(CorruptError, match=r"the record with the key 8: .* b\.idx may belong"):
        dataset[0]
    with pytest.raises(CorruptError, match=r"b\.idx may belong"):
        dataset.labels  # noqa: B018


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (image_of(4)[:-2], "a JPEG cut short"),
        (image_of(4)[:40], "a JPEG whose header is cut short"),
        (image_of(5)[:90], "a PNG cut short"),
        (b"text", "not an image of a known format"),
    ],
)
def test_bad_images_are_named(tmp_path: Path, payload: bytes, says: str) -> None:
    payloads = {6: image_of(6), 41: payload}
    paths = [tmp_path / "a.rec", tmp_path / "b.rec"]
    write(paths[0], {6: 1.0}, payloads)
    write(paths[1], {6: 1.0, 41: 2.0}, payloads)
    dataset = RecordDataset(paths)
    assert dataset.labels.tolist() == [1, 1, 2]
    with pytest.raises(ImageError, match=f"b.rec: the record with the key 41: {says}") as caught:
        dataset[2]
    assert caught.value.path == str(paths[1])
    assert RecordDataset(paths, decode=False)[2] == (payload, 2.0)
    dataset[1]


def test_damaged_records_are_named(rec: Path) -> None:
    whole = RecordDataset(rec)
    data, offsets = bytearray(rec.read_bytes()), whole.reader.offsets.tolist()
    whole.close()
    data[offsets[3]] ^= 1  # no magic word
    data[offsets[5] + 7] = 1  # a length beyond the file, and over the next record
    data[offsets[7] + 8 : offsets[7] + 12] = b"\0\0\0\1"  # more labels than bytes
    rec.write_bytes(data)
    dataset = RecordDataset(rec)
    assert len(dataset) == 24
    wrong: dict[int, type[RecordError]] = {3: CorruptError, 5: CorruptError, 7: HeaderError}
    for at, key in enumerate(KEYS):
        if at not in wrong:
            check_sample(dataset[at], key)
            continue
        with pytest.raises(wrong[at], match=f"the record with the key {key}: ") as caught:
            dataset[at]
        assert str(caught.value).startswith(str(rec))
        again = pickle.loads(pickle.dumps(caught.value))  # as a worker sends it
        assert (type(again), str(again)) == (wrong[at], str(caught.value))


def test_a_closed_dataset_raises_value_error(rec: Path) -> None:
    dataset = RecordDataset(rec)
    image, _ = dataset[0]
    dataset.close()
    dataset.close()
    check_sample((image, KEYS[0] % 5), KEYS[0])
    for use in (lambda: dataset[0], lambda: dataset.record(1), lambda: dataset.labels):
        with pytest.raises(ValueError, match="the reader is closed"):
            use()


# Copies of it, threads and processes.


class Named(RecordDataset):
    """What a user may make of it."""

    def __init__(self, *args: Any, name: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.name = name


def test_it_pickles_as_its_paths(tmp_path: Path) -> None:
    rec = write(
        tmp_path / "a.rec", dict.fromkeys(range(2000), 1.0), dict.fromkeys(range(2000), b"x")
    )
    dataset = Named(rec, color="gray", transform=double, decode=False, name="mine")
    assert len(dataset.labels) == len(dataset.keys) == 2000
    frozen = pickle.dumps(dataset)
    assert len(frozen) < 600
    for other in (pickle.loads(frozen), copy.deepcopy(dataset), copy.copy(dataset)):
        assert type(other) is Named
        assert (other.name, other.color, len(other)) == ("mine", "gray", 2000)
        assert other[7] == (b"x", 2.0)
        assert other.labels.tolist() == [1.0] * 2000
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(RecordDataset(rec, transform=lambda *pair: pair))


def wrong_samples(dataset: RecordDataset, seed: int) -> int:
    """How many of its samples, in an order of this seed, are not what their key says."""
    wrong = 0
    for at in np.random.default_rng(seed).permutation(len(dataset)).tolist():
        image, label = dataset[at]
        key = KEYS[at]
        wrong += label != key % 5 or not np.array_equal(image, np.asarray(decode(image_of(key))))
    return wrong + (dataset.labels.tolist() != [key % 5 for key in KEYS])


def test_threads_share_it(rec: Path) -> None:
    dataset = RecordDataset(rec)
    assert in_threads(8, lambda seed: wrong_samples(dataset, seed)) == [0] * 8


def work(dataset: RecordDataset, seed: int) -> None:
    sys.exit(min(wrong_samples(dataset, seed), 100))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_share_it_after_it_was_read(rec: Path, method: str) -> None:
    dataset = RecordDataset(rec)
    assert wrong_samples(dataset, 0) == 0
    context: Any = multiprocessing.get_context(method)
    workers = [context.Process(target=work, args=(dataset, seed)) for seed in range(3)]
    for worker in workers:
        worker.start()
    assert wrong_samples(dataset, 5) == 0
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 3


@pytest.mark.parametrize("path", [None, b"a.rec"])
def test_a_path_that_is_not_str_or_path_raises_type_error(path: Any) -> None:
    with pytest.raises(TypeError, match="a path must be a str or a Path"):
        RecordDataset(path)


def test_a_transform_is_a_function(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a function of image and label"):
        RecordDataset(GOLDEN / "faces.rec", transform=1)  # type: ignore[arg-type]
