"""RecordReader: a sequence that threads and processes may share."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, in_threads

from rectool import RecordReader, RecordWriter


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    """500 records that say their key, in an order of their own; one in ten of several parts."""
    path = tmp_path / "a.rec"
    keys = np.random.default_rng(1).permutation(5000)[:500]
    with RecordWriter(path) as writer:
        for key in keys.tolist():
            writer.write(content(key), key)
    return path


def content(key: int) -> bytes:
    tail = b"\x0a\x23\xd7\xce" * (key % 10 == 0)
    return b"%08d" % key + tail + bytes(key % 50)


def test_a_sequence(rec: Path) -> None:
    reader = RecordReader(rec)
    records = [content(key) for key in reader.keys.tolist()]
    assert len(reader) == 500
    assert list(reader) == records
    assert list(reversed(reader)) == records[::-1]
    assert reader[0] == records[0]
    assert reader[-1] == records[-1]
    assert reader[10:40:3] == records[10:40:3]
    assert records[7] in reader
    assert reader.index(records[7]) == 7
    for position in (500, -501):
        with pytest.raises(IndexError, match=f"500 records, .* position {position}$"):
            reader[position]
    assert reader[np.int64(3)] == records[3]
    assert reader.keys.dtype == reader.offsets.dtype == np.int64
    assert not reader.keys.flags.writeable


def test_keys_and_positions(rec: Path) -> None:
    reader = RecordReader(rec)
    for position, key in enumerate(reader.keys):
        assert reader.position(key) == position
        assert reader.by_key(int(key)) == content(int(key))
    with pytest.raises(KeyError):
        reader.by_key(5001)
    with pytest.raises(TypeError):
        reader.by_key("7")  # type: ignore[arg-type]


def test_the_index_says_the_order(tmp_path: Path) -> None:
    """An index may hold some of the records, in any order, under any keys."""
    rec = tmp_path / "a.rec"
    with RecordWriter(rec) as writer:
        offsets = [writer.write(b"%d" % number) for number in range(4)]
    some = tmp_path / "some.idx"
    some.write_text(f"70\t{offsets[3]}\n-1\t{offsets[0]}\n")
    reader = RecordReader(rec, idx=some)
    assert list(reader) == [b"3", b"0"]
    assert reader.by_key(-1) == b"0"
    assert list(RecordReader(rec, idx=False)) == [b"0", b"1", b"2", b"3"]


def test_views(rec: Path) -> None:
    reader = RecordReader(rec)
    assert all(bytes(reader.view(at)) == reader[at] for at in range(len(reader)))
    view = next(view for view in map(reader.view, range(9)) if isinstance(view, memoryview))
    before = bytes(view)
    reader.close()
    assert view == before  # the file stays mapped as long as it is looked at
    with pytest.raises(ValueError, match="the reader is closed"):
        reader[0]
    reader.close()


def test_pickled_as_its_paths(rec: Path) -> None:
    reader = RecordReader(rec)
    frozen = pickle.dumps(reader)
    assert len(frozen) < 500
    assert list(pickle.loads(frozen)) == list(reader)
    without = pickle.loads(pickle.dumps(RecordReader(rec, idx=False)))
    assert without.idx_path is None


def read_all(reader: RecordReader, seed: int) -> int:
    """The number of records that are not what their key says."""
    keys = np.random.default_rng(seed).permutation(reader.keys).tolist()
    return sum(reader.by_key(key) != content(key) for key in keys)


def check_in_threads(reader: RecordReader) -> None:
    assert in_threads(8, lambda seed: read_all(reader, seed)) == [0] * 8


def test_threads_share_a_reader(rec: Path) -> None:
    check_in_threads(RecordReader(rec))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_share_a_reader(rec: Path, method: str) -> None:
    reader = RecordReader(rec)
    assert read_all(reader, 0) == 0
    with multiprocessing.get_context(method).Pool(3) as pool:
        assert pool.starmap(read_all, [(reader, seed) for seed in range(6)]) == [0] * 6
    assert read_all(reader, 7) == 0


def test_empty_files(tmp_path: Path) -> None:
    (tmp_path / "a.rec").touch()
    assert list(RecordReader(tmp_path / "a.rec")) == []
    (tmp_path / "a.idx").touch()
    assert list(RecordReader(tmp_path / "a.rec")) == []
    with pytest.raises(KeyError):
        RecordReader(tmp_path / "a.rec").by_key(0)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RecordReader(tmp_path / "none.rec")
    with pytest.raises(FileNotFoundError):
        RecordReader(GOLDEN / "faces.rec", idx=tmp_path / "none.idx")
    with pytest.raises(OSError, match=os.path.basename(tmp_path)):
        RecordReader(tmp_path)


def test_the_repr_says_what_it_is(rec: Path) -> None:
    assert repr(RecordReader(rec)) == f"RecordReader({str(rec)!r}: 500 records)"
