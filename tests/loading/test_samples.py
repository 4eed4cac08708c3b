"""What is a sample, which files make a data set, and whose fault an error is."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.batches import SHAPE, flat, flats, write

from rectool import (
    ImageDetRecordIter,
    ImageError,
    ImageRecordIter,
    IRHeader,
    RecordDataset,
    RecordError,
    RecordWriter,
    pack,
)
from rectool.format.shard_names import shard_name

BOX = [2, 5, 0, 0, 0, 1, 1]


def test_a_record_without_an_image_is_no_sample_whatever_its_size(tmp_path: Path) -> None:
    payloads = [flat(0), b"", flat(2), b"", b"x" * 5000]
    labels: list[Any] = [0, np.arange(2000.0), 2, np.arange(30_000.0), 4]
    path = write(tmp_path / "a.rec", payloads, labels)
    assert RecordDataset(path).keys.tolist() == [10, 12, 14]
    assert ImageRecordIter(path, SHAPE, 1).samples == 3
    boxes = write(tmp_path / "b.rec", [flat(0), b"", flat(2)], [BOX, BOX * 400, BOX])
    assert ImageDetRecordIter(boxes, SHAPE, 2).samples == 2


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """5,000 records of 1.2 kB and larger ones, five of these without an image."""
    path = tmp_path / "many.rec"
    image = flat(1) + bytes(1200)
    with RecordWriter(path) as writer:
        for key in range(5000):
            bare = {0: 20_000, 7: 260, 2500: 5000, 4998: 260, 4999: 20_000}.get(key)
            label: Any = np.zeros(bare) if bare else 0.0
            writer.write(pack(IRHeader(0, label, key, 0), b"" if bare else image), key=key)
    return path


def test_of_many_large_records_the_smallest_and_those_at_the_ends_are_looked_at(many: Path) -> None:
    dataset = RecordDataset(many)
    found = set(range(5000)) - set(dataset.keys.tolist())
    assert found == {0, 7, 4998, 4999}
    with pytest.raises(ImageError, match=r"many\.rec: the record with the key 2500: .*5000 labels"):
        dataset[int(np.flatnonzero(dataset.keys == 2500)[0])]


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return [flats(Path(shard_name(tmp_path / "set", number, 4)), 2) for number in range(4)]


Opened = Callable[[Any], object]
OPENED: dict[str, Opened] = {
    "dataset": RecordDataset,
    "iterator": lambda paths: ImageRecordIter(paths, SHAPE, 2),
}
opened = pytest.mark.parametrize("open_", OPENED.values(), ids=OPENED)


@opened
def test_a_file_given_twice_is_refused(shards: list[Path], tmp_path: Path, open_: Opened) -> None:
    with pytest.raises(RecordError, match=r"set-00001.*twice"):
        open_([*shards, shards[1]])
    link = tmp_path / "link.rec"
    os.symlink(shards[0], link)
    (tmp_path / "link.idx").write_bytes(shards[0].with_suffix(".idx").read_bytes())
    with pytest.raises(RecordError, match=r"link\.rec.*twice"):
        open_([shards[0], link])


@opened
@pytest.mark.parametrize(
    ("which", "says"),
    [((0, 1, 3), "1 of 4 shards is missing.*set-00002"), ((1, 0, 2, 3), "order of their numbers")],
)
def test_shards_missing_or_out_of_order_are_warned_of(
    shards: list[Path], open_: Opened, which: tuple[int, ...], says: str
) -> None:
    with pytest.warns(UserWarning, match=says) as caught:
        open_([shards[number] for number in which])
    assert [Path(one.filename) for one in caught] == [Path(__file__)]


@opened
def test_a_whole_set_or_one_shard_by_itself_is_taken_without_a_word(
    shards: list[Path], open_: Opened
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_(shards)
        open_(shards[2])


@pytest.mark.parametrize("dtype", [np.uint8, np.dtype("uint8"), "uint8"])
def test_the_usual_mask_dtype_needs_no_masks(tmp_path: Path, dtype: Any) -> None:
    assert len(ImageRecordIter(flats(tmp_path / "a.rec", 4), SHAPE, 2, mask_dtype=dtype)) == 2


@pytest.mark.parametrize("name", ["dtype", "mask_dtype"])
@pytest.mark.parametrize("value", [object(), "a type"])
def test_what_is_no_dtype_is_a_wrong_value(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"dtype|require masks"):
        ImageRecordIter(flats(tmp_path / "a.rec", 4), SHAPE, 2, **{name: value})


def test_an_iterator_is_neither_pickled_nor_copied(tmp_path: Path) -> None:
    it = ImageRecordIter(flats(tmp_path / "a.rec", 4), SHAPE, 2)
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="each process"):
            way(it)


def test_a_pickled_data_set_does_not_open_a_file_that_took_its_place(tmp_path: Path) -> None:
    rec = flats(tmp_path / "a.rec", 4)
    pickled = pickle.dumps(RecordDataset(rec))
    assert pickle.loads(pickled).keys.tolist() == [10, 11, 12, 13]
    for file in tmp_path.iterdir():
        file.unlink()
    flats(rec, 5)
    with pytest.raises(RecordError, match=r"a\.rec.*replaced"):
        pickle.loads(pickled)


def test_path_imgidx_false_reads_no_index(tmp_path: Path) -> None:
    rec = flats(tmp_path / "a.rec", 4)
    rec.with_suffix(".idx").write_text("not an index")
    it = ImageRecordIter(rec, SHAPE, 2, path_imgidx=False)
    assert next(it).index.tolist() == [100, 101]  # ids


@pytest.mark.parametrize("way", ["next", "for"])
def test_threads_share_the_batches_of_one_iterator(tmp_path: Path, way: str) -> None:
    it = ImageRecordIter(flats(tmp_path / "a.rec", 120), SHAPE, 2)
    taken: list[int] = []
    errors: list[Exception] = []

    def take() -> None:
        try:
            if way == "for":
                for batch in it:
                    taken.extend(batch.index.tolist())
                return
            while True:
                taken.extend(next(it).index.tolist())
        except StopIteration:
            pass
        except (RuntimeError, ValueError) as error:
            errors.append(error)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(taken) == list(range(10, 130))


FAULTS = [OSError(errno.EIO, "Input/output error"), MemoryError("no room")]


@pytest.mark.parametrize("fault", FAULTS, ids=["EIO", "memory"])
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_an_error_of_the_machine_names_the_record_and_is_never_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, on_error: Any
) -> None:
    rec = flats(tmp_path / "a.rec", 4)

    def read(*_: object) -> bytes:
        raise fault

    it = ImageRecordIter(rec, SHAPE, 2, on_error=on_error)
    dataset = RecordDataset(rec)
    monkeypatch.setattr("rectool.RecordReader.__getitem__", read)
    for step in (lambda: next(it), lambda: dataset[0]):
        with pytest.raises(type(fault), match=r"the record with the key 10: ") as caught:
            step()
        assert "a.rec" in str(caught.value)
        assert getattr(caught.value, "errno", None) == getattr(fault, "errno", None)
    assert it.skipped == {}
    it.close()


def test_a_mistake_in_the_users_code_is_raised_as_it_is(tmp_path: Path) -> None:
    def transform(image: Any, label: float) -> Any:
        raise KeyError("the user's")

    with pytest.raises(KeyError, match="the user's"):
        RecordDataset(flats(tmp_path / "a.rec", 4), transform=transform)[0]


@pytest.mark.parametrize(
    "options", [{"mean_r": 1e300}, {"scale": 1e30, "std_b": 1e-3}, {"std_r": 1e-300}]
)
def test_arithmetic_that_float32_cannot_do_is_refused(
    tmp_path: Path, options: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match="mean_r|std"):
        ImageRecordIter(flats(tmp_path / "a.rec", 4), SHAPE, 2, **options)
