"""What comes out of ImageRecordIter: shapes, order, parts, epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.batches import SHAPE, flat, flats, grid, images, iterate, seen, write

from rectool import ImageRecordIter, RecordReader


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    """Ten images."""
    return flats(tmp_path / "a.rec", 10)


def epochs(count: int, *args: Any, **options: Any) -> list[list[int]]:
    it = ImageRecordIter(*args, **options)
    return [seen(it) for _ in range(count)]


@pytest.mark.parametrize("dtype", [None, "float32", "uint8", "int8", np.uint8, np.dtype("int8")])
def test_shapes_and_types(rec: Path, dtype: Any) -> None:
    it = ImageRecordIter(rec, SHAPE, 4, dtype=dtype, data_name="x", label_name="y")
    wanted = np.dtype(np.float32 if dtype is None else dtype)
    (data,), (label,) = it.provide_data, it.provide_label
    assert (data.name, data.shape, data.dtype, data.layout) == ("x", (4, *SHAPE), wanted, "NCHW")
    assert (label.name, label.shape, label.dtype) == ("y", (4,), np.float32)
    assert (it.batch_size, len(it), it.samples) == (4, 3, 10)
    for batch in it:
        assert (batch.data[0].shape, batch.data[0].dtype) == (data.shape, wanted)
        assert (batch.label[0].shape, batch.label[0].dtype) == ((4,), np.float32)
        assert (batch.index.shape, batch.index.dtype) == ((4,), np.int64)
        assert (batch.provide_data, batch.provide_label) == (it.provide_data, it.provide_label)


def test_several_labels(tmp_path: Path) -> None:
    labels = [[number, 0.5, -1] for number in range(3)]
    path = write(tmp_path / "a.rec", [flat(1)] * 3, labels)
    it = ImageRecordIter(path, SHAPE, 3, label_width=3)
    assert it.provide_label[0].shape == (3, 3)
    assert next(it).label[0].tolist() == labels


def test_a_vector_of_one_label_is_a_label(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [flat(1)], [[7.0]])
    assert next(ImageRecordIter(path, SHAPE, 1)).label[0].tolist() == [7]


def test_labels_of_a_list(rec: Path, tmp_path: Path) -> None:
    lines = [f"{100 + number}\t{number * 2}\t{-number}\tx\n" for number in reversed(range(12))]
    (tmp_path / "b.lst").write_text("".join(lines))
    it = ImageRecordIter(rec, SHAPE, 10, label_width=2, path_imglist=tmp_path / "b.lst")
    assert next(it).label[0].tolist() == [[number * 2, -number] for number in range(10)]


def test_the_order_is_the_files_whatever_the_indexs(rec: Path) -> None:
    idx = rec.with_suffix(".idx")
    lines = idx.read_text().splitlines(keepends=True)
    idx.write_text("".join(lines[::2] + lines[1::2]))
    assert seen(ImageRecordIter(rec, SHAPE, 4)) == list(range(10))
    moved = idx.rename(rec.parent / "other.idx")
    assert seen(ImageRecordIter(rec, SHAPE, 4, path_imgidx=moved)) == list(range(10))


def test_without_an_index(rec: Path) -> None:
    rec.with_suffix(".idx").unlink()
    batch = next(ImageRecordIter(rec, SHAPE, 10))
    assert batch.label[0].tolist() == list(range(10))
    assert batch.index.tolist() == list(range(100, 110))  # the records' ids


def test_an_index_of_some_records(rec: Path) -> None:
    idx = rec.with_suffix(".idx")
    idx.write_text("".join(idx.read_text().splitlines(keepends=True)[3:6]))
    assert seen(ImageRecordIter(rec, SHAPE, 2)) == [3, 4, 5]


def test_shards_are_one_after_the_other(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{shard}.rec", [flat(shard * 4 + at) for at in range(4)])
        for shard in range(3)
    ]
    it = ImageRecordIter(paths[::-1], SHAPE, 5)
    assert images(it)[:12, 0, 0, 0].tolist() == [8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3]


def test_records_without_an_image_are_no_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [b"", flat(1), b"", flat(3), b""])
    it = ImageRecordIter(path, SHAPE, 2)
    assert (len(it), it.samples, seen(it)) == (1, 2, [1, 3])


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_shuffled_epochs(rec: Path, threads: int) -> None:
    args, options = (rec, SHAPE, 4), {"shuffle": True, "preprocess_threads": threads}
    first, second = epochs(2, *args, **options, seed=3)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first not in (second, list(range(10)))
    assert epochs(2, *args, shuffle=True, seed=3, preprocess_threads=3) == [first, second]
    assert epochs(1, *args, **options, seed=4) != [first]
    assert epochs(1, *args, **options, seed=-3) != [first]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 3, 4, 10, 13])
def test_parts_are_of_one_length_and_all_together(rec: Path, parts: int, shuffle: bool) -> None:
    every = [
        ImageRecordIter(rec, SHAPE, 2, num_parts=parts, part_index=part, shuffle=shuffle)
        for part in range(parts)
    ]
    size = -(-10 // parts)
    for _ in range(2):
        orders = [seen(it) for it in every]
        assert [len(order) for order in orders] == [size] * parts
        together = [label for order in orders for label in order]
        assert set(together) == set(range(10))
        assert sorted(together[:10]) == list(range(10))  # only what is missing comes twice
        if not shuffle:
            assert together == [at % 10 for at in range(size * parts)]
    assert len({len(it) for it in every}) == 1


def test_shuffled_parts_exchange_samples(rec: Path) -> None:
    first, second = epochs(2, rec, SHAPE, 5, shuffle=True, num_parts=2, part_index=1)
    assert set(first) != set(second)


def test_parts_draw_numbers_of_their_own(tmp_path: Path) -> None:
    rec = write(tmp_path / "same.rec", [grid(60, 60)] * 8)
    parts = [
        images(ImageRecordIter(rec, SHAPE, 4, rand_crop=True, num_parts=2, part_index=part))
        for part in range(2)
    ]
    whole = images(ImageRecordIter(rec, SHAPE, 4, rand_crop=True))
    assert (np.concatenate(parts) == whole).all()
    assert len(np.unique(whole[:, :2, 0, 0], axis=0)) > 4


@pytest.mark.parametrize(
    ("size", "pad"), [(1, 0), (4, 2), (5, 0), (10, 0), (7, 4), (13, 3), (25, 15)]
)
def test_the_last_batch_is_filled_from_the_beginning(rec: Path, size: int, pad: int) -> None:
    it = ImageRecordIter(rec, SHAPE, size)
    for _ in range(2):
        *others, last = it
        assert [batch.pad for batch in others] == [0] * (len(it) - 1)
        assert last.pad == pad
        labels = np.concatenate([batch.label[0] for batch in [*others, last]])
        assert labels.tolist() == [at % 10 for at in range(len(it) * size)]
        assert (last.data[0][:, 0, 0, 0] == last.label[0]).all()
        assert (last.index == last.label[0] + 10).all()


def test_a_shuffled_last_batch_is_filled_from_its_epochs_beginning(rec: Path) -> None:
    for _ in range(2):
        batches = list(ImageRecordIter(rec, SHAPE, 4, shuffle=True))
        assert batches[-1].index[2:].tolist() == batches[0].index[:2].tolist()


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_without_round_batch_the_last_batch_ends_in_zeros(rec: Path, dtype: str) -> None:
    it = ImageRecordIter(
        rec, SHAPE, 4, round_batch=False, dtype=dtype, mean_r=-9, prefetch_buffer=1
    )
    for _ in range(3):  # memory that was used before is zero too
        *_, batch = it
        assert batch.pad == 2
        assert not batch.data[0][2:].any()
        assert batch.data[0][:2].any()
        assert batch.label[0].tolist() == [8, 9, 0, 0]
        assert batch.index.tolist() == [18, 19, -1, -1]


def test_reset(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4, shuffle=True)
    first, second, third = epochs(3, rec, SHAPE, 4, shuffle=True)
    it.reset()  # nothing was taken yet: still the first
    assert seen([it.next(), it.next()]) == first[:8]
    it.reset()
    assert seen([it.next()]) == second[:4]
    it.reset()
    assert seen(it) == third
    it.reset()
    it.reset()
    assert seen(it) == epochs(4, rec, SHAPE, 4, shuffle=True)[3]


def test_a_for_goes_on_where_the_last_one_was_left(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 3)
    for batch in it:
        assert seen([batch]) == [0, 1, 2]
        break
    assert seen([next(it)]) == [3, 4, 5]
    assert seen(it) == [6, 7, 8, 9]
    assert seen(it) == list(range(10))


def test_the_end_stays_the_end_until_a_reset(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4)
    assert [next(it).pad for _ in range(3)] == [0, 0, 2]
    for _ in range(3):
        with pytest.raises(StopIteration):
            next(it)
        with pytest.raises(StopIteration):
            it.next()
    it.reset()
    assert seen([next(it)]) == [0, 1, 2, 3]


def test_two_at_once(rec: Path) -> None:
    one, two = ImageRecordIter(rec, SHAPE, 4), ImageRecordIter(rec, SHAPE, 3)
    for first, second in zip(one, two, strict=False):
        assert first.label[0][0] * 3 == second.label[0][0] * 4
    assert seen(zip_left := list(two)) == list(range(9, 10)), zip_left


def test_batches_stay_as_they_are(tmp_path: Path) -> None:
    path = flats(tmp_path / "a.rec", 40)
    it = ImageRecordIter(path, SHAPE, 2, preprocess_threads=3, prefetch_buffer=2)
    kept = [batch for _ in range(3) for batch in it]
    views = [batch.data[0][1:, ::2].T for batch in ImageRecordIter(path, SHAPE, 2)]
    assert seen(kept) == [*range(40)] * 3
    assert [view[0, 0, 0, 0] for view in views] == list(range(1, 40, 2))


@pytest.mark.parametrize("buffer", [1, 2, 100])
@pytest.mark.parametrize("threads", [1, 5])
def test_threads_and_buffers_change_nothing(rec: Path, threads: int, buffer: int) -> None:
    options = {"rand_crop": True, "rand_mirror": True, "shuffle": True, "brightness": 0.5}
    wanted = iterate(rec, (3, 2, 2), 3, **options)
    got = iterate(rec, (3, 2, 2), 3, **options, preprocess_threads=threads, prefetch_buffer=buffer)
    assert np.array_equal(got, wanted)


def test_numpy_numbers_are_numbers(rec: Path) -> None:
    shape = tuple(np.array(SHAPE))
    it = ImageRecordIter(rec, shape, np.int64(4), num_parts=np.int32(2), seed=np.int64(5))
    assert seen(it) == list(range(5))
    assert it.provide_data[0].shape == (4, *SHAPE)


def test_the_reader_is_there_for_more(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4)
    assert isinstance(it.reader, RecordReader)
    assert it.reader.by_key(next(it).index.item(2)) == it.reader[2]
