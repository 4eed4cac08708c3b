"""Shards: their names, and several files read as one sequence."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from hypothesis import example, given
from hypothesis import strategies as st
from test_reader import check_in_threads, content, read_all

from rectool import IRHeader, RecordError, RecordReader, RecordWriter, pack
from rectool.format.frames import encode
from rectool.format.shard_names import ShardSet, group_shards, parse_shard_name, shard_name

Runner = Callable[..., Run]
COUNTS = (120, 0, 1, 79)
"""Records of the four shards: one has none."""


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """Four shards of 200 records that say their key, keys in an order of their own."""
    keys = iter(np.random.default_rng(3).permutation(3000)[: sum(COUNTS)].tolist())
    paths = [Path(shard_name(tmp_path / "a", number, 4)) for number in range(4)]
    for path, count in zip(paths, COUNTS, strict=True):
        with RecordWriter(path) as writer:
            for _ in range(count):
                key = next(keys)
                writer.write(content(key), key)
    return paths


# names


def test_a_name_as_tensorflow_users_know_it() -> None:
    assert shard_name("path", 0, 10) == "path-00000-of-00010.rec"
    assert shard_name(Path("a") / "b", 3, 123456) == os.path.join("a", "b-00003-of-123456.rec")
    for number in (-1, 10):
        with pytest.raises(ValueError, match=f"shard must be 0 to 9, got {number}"):
            shard_name("path", number, 10)


@given(st.text(min_size=1), st.integers(1, 10**12), st.data())
@example("a-00000-of-00002", 3, None)
def test_names_there_and_back(prefix: str, total: int, draw: st.DataObject | None) -> None:
    number = draw.draw(st.integers(0, total - 1)) if draw else 1
    assert parse_shard_name(shard_name(prefix, number, total)) == (prefix, number, total)


@pytest.mark.parametrize(
    "name",
    [
        "a.rec",
        "a-00000-of-00002.idx",
        "a-0-of-2.rec",
        "a-00002-of-00002.rec",
        "a-000000-of-00002.rec",
        "a-00000-of-000002.rec",
        "-00000-of-00002.rec",
        "a-00000-of-00000.rec",
        "a-00000-of-00002.rec\n",
        "a-0000\u0660-of-00002.rec",
    ],
)
def test_other_names_do_not_parse_as_shard_names(name: str) -> None:
    assert parse_shard_name(name) is None


def test_a_shard_alone_is_incomplete_unless_the_others_lie_beside_it(tmp_path: Path) -> None:
    paths = [shard_name(tmp_path / "a", number, 3) for number in range(3)]
    for path in paths[:2]:
        Path(path).touch()
    assert group_shards(paths[:1]) == [ShardSet(str(tmp_path / "a"), 3, {0: paths[0]})]
    Path(paths[2]).touch()
    assert group_shards(paths[:1]) == paths[:1]


def test_paths_are_grouped() -> None:
    a = [shard_name("a", number, 3) for number in range(3)]
    b = [shard_name("x/a", number, 3) for number in range(3)]
    other = shard_name("a", 0, 4)
    grouped = group_shards([a[2], "plain.rec", b[0], a[0], other, b[2], "plain.rec", a[0]])
    assert grouped == [
        ShardSet("a", 3, {2: a[2], 0: a[0]}),
        "plain.rec",
        ShardSet("x/a", 3, {0: b[0], 2: b[2]}),
        ShardSet("a", 4, {0: other}),
        "plain.rec",
        ShardSet("a", 3, {0: a[0]}),
    ]
    assert isinstance(grouped[0], ShardSet)
    assert grouped[0].paths == (a[0], a[2])
    assert str(grouped[0].missing()) == "a-*-of-00003.rec: 1 of 3 shards is missing: " + a[1]
    assert ShardSet("a", 3, dict(enumerate(a))).missing() is None
    many = ShardSet("x/a", 10**15, {1: "", 2: ""})
    assert str(many.missing()).endswith(
        f"missing: {os.path.basename(shard_name('a', 0, 10**15))}, "
        f"{shard_name('a', 3, 10**15)}, {shard_name('a', 4, 10**15)} and {10**15 - 5} more"
    )


# several files as one


def test_several_files_are_one_sequence(shards: list[Path]) -> None:
    singles = [RecordReader(path) for path in shards]
    wanted = [record for single in singles for record in single]
    reader = RecordReader(shards)
    assert len(reader) == len(wanted) == 200
    assert list(reader) == wanted
    assert [reader[at] for at in range(-200, 0)] == wanted
    assert reader[110:130:3] == wanted[110:130:3]
    assert reader[::-1] == wanted[::-1]
    assert [bytes(reader.view(at)) for at in range(200)] == wanted
    assert reader.keys.tolist() == [key for single in singles for key in single.keys.tolist()]
    assert reader.offsets.tolist() == [at for single in singles for at in single.offsets.tolist()]
    assert reader.keys.dtype == reader.offsets.dtype == np.int64
    assert not reader.keys.flags.writeable
    assert not reader.offsets.flags.writeable
    assert reader.key_source == "idx"
    assert reader.paths == tuple(map(str, shards))
    assert reader.idx_paths == tuple(str(path.with_suffix(".idx")) for path in shards)
    assert reader.starts == (0, 120, 120, 121, 200)
    assert [reader.shard(at) for at in range(200)] == np.repeat(range(4), COUNTS).tolist()
    assert reader.shard(-1) == 3
    assert reader.shard(np.int64(120)) == 2
    assert reader.unindexed() == (0, 0, 0, 0)
    for position in (200, -201):
        for look in (reader.__getitem__, reader.shard, reader.view):
            with pytest.raises(
                IndexError,
                match=f"a-00000-of-00004.rec and 3 more: .*200 records, .*position {position}$",
            ):
                look(position)


def test_keys_are_found_in_all_files(shards: list[Path]) -> None:
    reader = RecordReader(shards)
    for position, key in enumerate(reader.keys.tolist()):
        assert reader.position(key) == position
        assert reader.by_key(key) == content(key)
    with pytest.raises(KeyError, match="a-00000-of-00004.rec and 3 more: no record has the key 5"):
        reader.by_key(5000)


def test_the_order_of_the_files_is_that_given(shards: list[Path]) -> None:
    backwards = RecordReader(tuple(reversed(shards)))
    assert backwards[0] == RecordReader(shards[3])[0]
    assert backwards.starts == (0, 79, 80, 80, 200)


def test_of_a_key_in_two_files_the_last_counts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with RecordWriter(tmp_path / f"{name}.rec") as writer:
            writer.write(name.encode(), 7)
    assert RecordReader([tmp_path / "a.rec", tmp_path / "b.rec"]).by_key(7) == b"b"
    assert RecordReader([tmp_path / "b.rec", tmp_path / "a.rec"]).by_key(7) == b"a"


def test_path_and_offset_without_shard_need_a_single_file(shards: list[Path]) -> None:
    reader = RecordReader(shards)
    assert not hasattr(reader, "path")
    with pytest.raises(AttributeError, match="a reader of 4 files has no idx_path, only idx_paths"):
        reader.idx_path  # noqa: B018
    offset = int(reader.offsets[150])
    assert reader.at(offset, 3) == reader[150]
    with pytest.raises(ValueError, match=f"which of 4 files has the byte {offset}"):
        reader.at(offset)
    one = RecordReader(shards[:1])
    assert (one.path, one.idx_path) == (str(shards[0]), str(shards[0].with_suffix(".idx")))
    assert one.at(int(one.offsets[5])) == one[5]


def test_each_file_needs_an_index_of_its_own(shards: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one path is required"):
        RecordReader([])
    indexes = [path.with_suffix(".idx") for path in shards]
    with pytest.raises(ValueError, match=r"one \.idx path, got 1 for 4 files"):
        RecordReader(shards, idx=indexes[0])
    elsewhere = [tmp_path / f"{number}.txt" for number in range(4)]
    for index, path in zip(indexes, elsewhere, strict=True):
        index.rename(path)
    assert RecordReader(shards, idx=elsewhere).by_key(int(elsewhere[2].read_text().split()[0]))
    with pytest.raises(FileNotFoundError):
        RecordReader(shards, idx=indexes)


def image_records(path: Path, ids: list[int], *, idx: bool = False) -> Path:
    with RecordWriter(path, idx=idx) as writer:
        for id_ in ids:
            writer.write(pack(IRHeader(0, 1.0, id_, 0), b"%d" % id_), id_)
    return path


def test_keys_of_files_without_an_index(tmp_path: Path) -> None:
    a = image_records(tmp_path / "a.rec", [5, 3])
    b = image_records(tmp_path / "b.rec", [8])
    same = image_records(tmp_path / "same.rec", [3])
    indexed = image_records(tmp_path / "indexed.rec", [40], idx=True)
    text = tmp_path / "text.rec"
    text.write_bytes(encode(b"x") + encode(b"y"))

    def keys(*paths: Path) -> tuple[str, list[int]]:
        reader = RecordReader(paths)
        return reader.key_source, reader.keys.tolist()

    assert keys(a, b) == ("id", [5, 3, 8])
    assert keys(a, same) == ("position", [0, 1, 2])
    assert keys(text, text) == ("position", [0, 1, 2, 3])
    assert keys(indexed, text, b) == ("mixed", [40, 1, 2, 8])
    assert RecordReader([indexed, indexed], idx=False).key_source == "position"


def test_pickled_as_its_paths(shards: list[Path]) -> None:
    reader = RecordReader(shards)
    frozen = pickle.dumps(reader)
    assert len(frozen) < 1000
    assert list(pickle.loads(frozen)) == list(reader)
    without = pickle.loads(pickle.dumps(RecordReader(shards, idx=False)))
    assert without.idx_paths == (None,) * 4


def test_threads_share_a_reader(shards: list[Path]) -> None:
    check_in_threads(RecordReader(shards))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_a_reader(shards: list[Path], method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    reader = RecordReader(shards)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(read_all, [(reader, seed) for seed in range(4)]) == [0] * 4
    assert read_all(reader, 7) == 0


def test_closing_closes_all(shards: list[Path]) -> None:
    with RecordReader(shards) as reader:
        view = reader.view(199)
        before = bytes(view)
    assert view == before
    for position, path in ((0, shards[0]), (150, shards[3])):
        with pytest.raises(ValueError, match=f"{path.name}: the reader is closed"):
            reader[position]
    reader.close()


def test_the_repr_says_how_many(shards: list[Path]) -> None:
    assert repr(RecordReader(shards)) == f"RecordReader('{shards[0]} and 3 more': 200 records)"


# faults of one of several files


def test_a_damaged_shard_is_named(shards: list[Path]) -> None:
    offset = int(RecordReader(shards[3]).offsets[10])
    damaged = bytearray(shards[3].read_bytes())
    damaged[offset] ^= 1
    shards[3].write_bytes(damaged)
    reader = RecordReader(shards)
    assert reader[120] == RecordReader(shards[2])[0]
    for look in (reader.__getitem__, reader.view):
        with pytest.raises(RecordError) as caught:
            look(131)
        assert (caught.value.path, caught.value.offset) == (str(shards[3]), offset)
    with pytest.raises(RecordError, match=f"{shards[3].name}: at byte {offset}: a record should"):
        reader.unindexed()


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_shard_that_cannot_be_opened_is_named(shards: list[Path], number: int) -> None:
    whole = shards[number].read_bytes()
    shards[number].write_bytes(whole[:-4])
    with pytest.raises(RecordError, match=f"{shards[number].stem}.*byte"):
        RecordReader(shards)
    shards[number].unlink()
    with pytest.raises(FileNotFoundError) as caught:
        RecordReader(shards)
    assert caught.value.filename == str(shards[number])


def open_files(folder: Path) -> int:
    """How many file descriptors this process holds of files in a folder."""
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder))
    return count


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_a_closed_reader_holds_no_file(shards: list[Path], tmp_path: Path) -> None:
    reader = RecordReader(shards)
    each = 0 if sys.version_info >= (3, 13) else 3  # the empty shard is not mapped
    assert open_files(tmp_path) == each
    reader.close()
    assert open_files(tmp_path) == 0
    shards[3].write_bytes(b"junk")
    with pytest.raises(RecordError) as caught:
        RecordReader(shards)
    assert caught.value.path is not None  # a held error holds no file open
    assert open_files(tmp_path) == 0


def test_many_shards_with_few_descriptors(shards: list[Path], tmp_path: Path) -> None:
    """Before Python 3.13 a mapping holds a descriptor: beyond half of them files are read."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        for mapped in (True, False):
            with RecordReader([shards[0]] * 500, mapped=mapped) as reader:
                assert len(reader) == 500 * COUNTS[0]
                assert len({reader[at] for at in range(0, len(reader), COUNTS[0])}) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
