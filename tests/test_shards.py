"""Shards: their names, several files read as one sequence, and the check of an index's cover."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import pickle
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_reader import content, read_all

from rectool import IRHeader, RecordError, RecordReader, RecordWriter, pack, unpack
from rectool.format import (
    MAGIC,
    ShardSet,
    encode,
    group_shards,
    map_file,
    parse_shard_name,
    shard_name,
    unindexed,
    walk,
)

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
        with pytest.raises(ValueError, match=f"shard {number} of 10: .* from 0 to 9"):
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
def test_what_is_no_shards_name(name: str) -> None:
    assert parse_shard_name(name) is None


def test_paths_are_grouped() -> None:
    a = [shard_name("a", number, 3) for number in range(3)]
    b = [shard_name("x/a", number, 3) for number in range(3)]
    other = shard_name("a", 0, 4)
    grouped = group_shards([a[2], "plain.rec", b[0], a[0], other, b[2], "plain.rec", a[0]])
    assert grouped == [
        ShardSet("a", 3, {2: a[2], 0: a[0]}),
        "plain.rec",
        ShardSet("x/a", 3, {0: b[0], 2: b[2]}),
        other,
        "plain.rec",
        a[0],
    ]
    assert isinstance(grouped[0], ShardSet)
    assert grouped[0].paths == (a[0], a[2])
    assert str(grouped[0].missing()) == "a-*-of-00003.rec: 1 shard of 3 missing: " + a[1]
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
    assert len(list(reader.spans())) == 200
    assert reader.unindexed() == 0
    for position in (200, -201):
        for look in (reader.__getitem__, reader.shard, reader.view):
            with pytest.raises(
                IndexError, match=f"a-00000-of-00004.rec and 3 more: position {position} of 200"
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


def test_what_is_only_for_one_file(shards: list[Path]) -> None:
    reader = RecordReader(shards)
    assert not hasattr(reader, "path")
    with pytest.raises(AttributeError, match="a reader of 4 files has idx_paths, and no idx_path"):
        reader.idx_path  # noqa: B018
    offset = int(reader.offsets[150])
    assert reader.at(offset, 3) == reader[150]
    with pytest.raises(ValueError, match=f"byte {offset} of which of 4 files"):
        reader.at(offset)
    one = RecordReader(shards[:1])
    assert (one.path, one.idx_path) == (str(shards[0]), str(shards[0].with_suffix(".idx")))
    assert one.at(int(one.offsets[5])) == one[5]


def test_which_indexes(shards: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file to read"):
        RecordReader([])
    indexes = [path.with_suffix(".idx") for path in shards]
    with pytest.raises(ValueError, match=r"1 \.idx path for 4 files"):
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
    reader = RecordReader(shards)
    wrong: list[int] = []
    threads = [
        threading.Thread(target=lambda seed=seed: wrong.append(read_all(reader, seed)))
        for seed in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [0] * 8


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
        with pytest.raises(ValueError, match=f"{path.name}: reading from a closed reader"):
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
    with pytest.raises(RecordError, match=f"{shards[3].name}: at byte {offset}: a record should"):
        list(reader.spans())


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


@pytest.mark.skipif(sys.version_info < (3, 13), reason="a mapping holds a file descriptor")
def test_many_shards_with_few_descriptors(shards: list[Path], tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        assert len(RecordReader([shards[0]] * 500)) == 500 * COUNTS[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# an index's cover

WORD = st.sampled_from([MAGIC, b"abcd", b"\0\0\0\0", (3).to_bytes(4, "little")])
RECORD = st.builds(
    lambda words, tail: b"".join(words) + tail,
    st.lists(WORD, max_size=6),
    st.binary(max_size=3),
)


def slow(offsets: list[int], content: bytes) -> tuple[int, int | None]:
    """By walking: records at none of the offsets, and where the damage is."""
    missing = 0
    try:
        for span in walk(content):
            missing += span.begin not in offsets
    except RecordError as error:
        return missing, error.offset
    return missing, None


def check_cover(offsets: list[int], content: bytes) -> None:
    missing, fault = unindexed(np.array(offsets, np.int64), content)
    assert (missing, fault and fault.offset) == slow(offsets, content)


RECORDS = st.lists(RECORD, min_size=1, max_size=12)


@settings(max_examples=300)
@given(RECORDS, st.data(), st.sampled_from(["less", "parts", "more", "any order", "twice"]))
def test_the_cover_of_other_indexes(records: list[bytes], draw: st.DataObject, kind: str) -> None:
    """Those that leave records out, name parts of them, invent, reorder or repeat them."""
    content = b"".join(map(encode, records))
    spans = list(walk(content))
    offsets = [span.begin for span in spans]
    if kind == "less":
        offsets.remove(draw.draw(st.sampled_from(offsets)))
    elif kind == "parts":
        offsets = [begin - 8 for span in spans for begin, _ in span.parts]
    elif kind == "more":
        offsets = sorted({*offsets, 4 * draw.draw(st.integers(0, len(content) // 4 + 2))})
    elif kind == "any order":
        offsets = draw.draw(st.permutations(offsets))
    else:
        offsets = sorted(offsets * 2)
    check_cover(offsets, content)


@settings(max_examples=300)
@given(RECORDS, st.data(), st.sampled_from(["cut", "junk", "byte", "cflag", "gap", "overlap"]))
def test_the_cover_of_damaged_files(records: list[bytes], draw: st.DataObject, kind: str) -> None:
    """The index knows all records, and in a second look junk at the end too."""
    content = b"".join(map(encode, records))
    offsets = [span.begin for span in walk(content)]
    at = draw.draw(st.integers(0, len(content) - 1))
    head = draw.draw(st.sampled_from(offsets))
    if kind == "cut":
        content = content[:at]
    elif kind == "junk":
        content += draw.draw(st.binary(min_size=1, max_size=12))
    elif kind == "byte":
        content = content[:at] + draw.draw(st.binary(min_size=1, max_size=1)) + content[at + 1 :]
    elif kind == "cflag":
        changed = bytearray(content)
        changed[head + 7] = changed[head + 7] & 31 | draw.draw(st.integers(1, 7)) << 5
        content = bytes(changed)
    elif kind == "gap":
        content = content[:head] + bytes(4) + content[head:]
        offsets = [offset + 4 * (offset >= head) for offset in offsets]
    else:
        changed = bytearray(content)
        changed[head + 4] ^= 4
        content = bytes(changed)
    check_cover(offsets, content)
    check_cover([*offsets, len(content) - len(content) % 4 - 4], content)


def test_a_whole_file_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk of a large file takes minutes; sizes of all kinds and split records need none."""
    records = [content(key) for key in range(60)]
    frames = b"".join(map(encode, records))
    offsets = np.array([span.begin for span in walk(frames)])
    monkeypatch.setattr("rectool.format.index.walk", None)
    assert unindexed(offsets, frames) == (0, None)
    assert unindexed(offsets[::-1], frames) == (0, None)
    assert unindexed(np.repeat(offsets, 2), frames) == (0, None)
    assert unindexed(offsets[:0], b"") == (0, None)


def test_the_cover_of_more_than_a_chunk(tmp_path: Path) -> None:
    """Chunks of the quick check meet without a gap, and a fault behind the first is seen."""
    frame = encode(b"1234")
    count = (1 << 20) + 5
    path = tmp_path / "a.rec"
    path.write_bytes(frame * count)
    offsets = np.arange(count, dtype=np.int64) * len(frame)
    buffer = map_file(path)
    assert unindexed(offsets, buffer) == (0, None)
    assert unindexed(offsets[::-1], buffer) == (0, None)
    assert unindexed(np.delete(offsets, 1 << 20), buffer) == (1, None)


# `rectool inspect` and `rectool unpack`


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Three shards of JPEGs: keys 10, 11; 20, 21, 22; 30. Labels are the keys' last digits."""
    names = [shard_name("a", number, 3) for number in range(3)]
    for name, keys in zip(names, ([10, 11], [20, 21, 22], [30]), strict=True):
        with RecordWriter(tmp_path / name) as writer:
            for key in keys:
                image = encoded(picture(key, 20 + key, 18))
                writer.write(pack(IRHeader(0, float(key % 10), key, 0), image), key)
    return names


def size_of(tmp_path: Path, names: list[str]) -> int:
    return sum((tmp_path / name).stat().st_size for name in names)


def test_a_set_is_shown_as_one(run: Runner, tmp_path: Path, images: list[str]) -> None:
    result = run("inspect", *reversed(images))
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    size = f"{size_of(tmp_path, images) / 1000:.1f} kB"
    assert lines[:4] == [
        "a-*-of-00003.rec",
        "  shards   3",
        f"  records  6, {size}",
        "  keys     10 to 30",
    ]
    assert lines[4].startswith("  holds    6 JPEG; ")
    assert lines[5:] == [
        "  pixels   30 to 50 wide, 18 high",
        "  labels   6 records with 1 label",
        "           3 different labels, 0 to 2",
        "  index    a-*-of-00003.idx, every record in the order of the file",
    ]
    summary = json.loads(run("inspect", *images, "--json").out)
    assert summary["rec"] == "a-*-of-00003.rec"
    assert summary["shards"] == images
    assert summary["size"] == size_of(tmp_path, images)
    assert (summary["records"], summary["keys"], summary["labels"]) == (6, [10, 30], 3)
    assert summary["problems"] == summary["notes"] == []


def test_rows_of_a_set_tell_their_file(run: Runner, images: list[str]) -> None:
    files = [images[0]] * 2 + [images[1]] * 3 + [images[2]]
    rows = [line.split("\t") for line in run("inspect", *images, "--records").out.splitlines()]
    assert rows[0][-2:] == ["height", "rec"]
    assert [(row[0], row[-1]) for row in rows[1:]] == list(
        zip(["10", "11", "20", "21", "22", "30"], files, strict=True)
    )
    assert {len(row) for row in rows} == {12}
    objects = run("inspect", *images, "--records", "--json").out.splitlines()
    assert [json.loads(line)["rec"] for line in objects] == files
    one = run("inspect", *images, "--key", 21)
    assert (one.status, one.err) == (0, "")
    assert one.out.splitlines() == ["\t".join(rows[0]), "\t".join(rows[4])]
    assert run("inspect", *images, "--keys").out.split() == ["10", "11", "20", "21", "22", "30"]


def test_files_that_are_no_set_are_shown_one_by_one(
    run: Runner, tmp_path: Path, images: list[str]
) -> None:
    shutil.copy(tmp_path / images[0], tmp_path / "b.rec")
    alone = [run("inspect", name, "--records").out for name in ("b.rec", images[1])]
    together = run("inspect", "b.rec", images[1], "--records")
    assert (together.status, together.err, together.out) == (0, "", "".join(alone))
    assert "\trec" not in together.out
    headings = [
        line
        for line in run("inspect", images[0], "b.rec", images[2]).out.splitlines()
        if line[0] != " "
    ]
    assert headings == ["a-*-of-00003.rec", "b.rec"]


def test_a_missing_shard(run: Runner, tmp_path: Path, images: list[str]) -> None:
    missing = f"rectool: a-*-of-00003.rec: 1 shard of 3 missing: {images[1]}\n"
    result = run("inspect", images[0], images[2])
    assert (result.status, result.err) == (1, missing)
    assert "  shards   2 of 3\n  records  3, " in result.out
    rows = run("inspect", images[0], images[2], "--records", "--json")
    assert (rows.status, rows.err) == (1, missing)
    assert [json.loads(line)["key"] for line in rows.out.splitlines()] == [10, 11, 30]
    key = run("inspect", images[0], images[2], "--key", 20)
    assert (key.status, key.err) == (
        1,
        missing + "rectool: a-*-of-00003.rec: no record has the key 20\n",
    )
    (tmp_path / images[1]).unlink()
    gone = run("inspect", *images, "--keys")
    assert (gone.status, gone.out) == (1, "10\n11\n30\n")
    assert gone.err == f"rectool: {images[1]}: No such file or directory\n"
    for name in images[::2]:
        (tmp_path / name).unlink()
    nothing = run("inspect", *images)
    assert nothing.status == 1
    assert nothing.out == (
        "a-*-of-00003.rec\n  shards   0 of 3\n  records  0, 0 B\n  index    none\n"
    )
    assert len(nothing.err.splitlines()) == 3


def test_a_damaged_shard(run: Runner, tmp_path: Path, images: list[str]) -> None:
    rec = tmp_path / images[1]
    offset = int(RecordReader(rec).offsets[1])
    damaged = bytearray(rec.read_bytes())
    damaged[offset : offset + 4] = bytes(4)
    rec.write_bytes(damaged)
    result = run("inspect", *images, "--records", "--json")
    assert [json.loads(line)["key"] for line in result.out.splitlines()] == [10, 11, 20, 22, 30]
    assert (result.status, result.err) == (
        1,
        f"rectool: {images[1]}: at byte {offset}: a record should begin here with the bytes"
        " 0a23d7ce, found 00000000\n",
    )
    rec.write_bytes(damaged[:offset])
    summary = run("inspect", *images, "--json")
    found = json.loads(summary.out)
    assert (found["records"], found["keys_from"]) == (4, "mixed")
    assert found["notes"] == ["1 shard without a usable index"]
    assert summary.status == 1
    assert f"{images[1][:-4]}.idx: entry 2: byte {offset} of {images[1]} is beyond" in summary.err
    text = run("inspect", *images).out
    assert "  keys     10 to 30 (of indexes, ids or positions, as each shard has)\n" in text
    assert text.endswith("  index    a-*-of-00003.idx\n           1 shard without a usable index\n")


def test_notes_on_a_set(run: Runner, tmp_path: Path, images: list[str]) -> None:
    """A key in two shards, one twice in one shard, a shard's index in another order."""
    with RecordWriter(tmp_path / images[2], force=True) as writer:
        for key, label in ((30, 1.0), (11, 2.0), (21, 3.0), (30, 4.0)):
            writer.write(pack(IRHeader(0, label, key, 0), b""), key)
    index = tmp_path / images[0].replace(".rec", ".idx")
    index.write_text("".join(reversed(index.read_text().splitlines(keepends=True))))
    result = run("inspect", *images, "--json")
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out)["notes"] == [
        "1 line with a key that occurs again; the last one counts",
        "2 keys in more than one shard; the last one counts",
        "1 shard not in the order of the file",
    ]
    row = json.loads(run("inspect", *images, "--key", 21, "--json").out)
    assert (row["label"], row["rec"]) == (3.0, images[2])


def test_a_set_without_indexes(run: Runner, tmp_path: Path, images: list[str]) -> None:
    for name in images:
        (tmp_path / name).with_suffix(".idx").unlink()
    result = run("inspect", *images)
    assert (result.status, result.err) == (0, "")
    assert "keys     10 to 30 (the records' ids; there is no usable index)\n" in result.out
    assert result.out.endswith("  index    none\n")


def test_a_record_that_a_shards_index_leaves_out(
    run: Runner, tmp_path: Path, images: list[str]
) -> None:
    index = tmp_path / images[1].replace(".rec", ".idx")
    index.write_text("".join(index.read_text().splitlines(keepends=True)[1:]))
    result = run("inspect", *images, "--keys")
    assert (result.status, result.out) == (1, "10\n11\n21\n22\n30\n")
    assert result.err == (
        f"rectool: {index.name}: 1 record of the file not in this index"
        " (rectool index --force makes a new one)\n"
    )
    unpacked = run("unpack", *images, "files")
    assert unpacked.status == 1
    assert "a-*-of-00003.rec: 1 record not in the index and not written" in unpacked.err


def test_a_set_is_unpacked_into_one_folder(run: Runner, tmp_path: Path, images: list[str]) -> None:
    result = run("unpack", *reversed(images), "files")
    assert (result.status, result.out) == (0, "")
    assert result.err == "6 images in files, listed in files/a.lst\n"
    keys = [10, 11, 20, 21, 22, 30]
    lines = (tmp_path / "files" / "a.lst").read_text().splitlines()
    assert [line.split("\t")[::2] for line in lines] == [[str(key), f"{key}.jpg"] for key in keys]
    reader = RecordReader([tmp_path / name for name in images])
    for key in keys:
        _, image = unpack(reader.by_key(key))
        assert (tmp_path / "files" / f"{key}.jpg").read_bytes() == image
    assert run("pack", "files/a.lst", "whole", "--pass-through").status == 0
    assert list(RecordReader(tmp_path / "whole.rec")) == list(reader)


def test_what_is_not_unpacked_together(run: Runner, tmp_path: Path, images: list[str]) -> None:
    refused = run("unpack", *images[:2], "files")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == f"rectool: a-*-of-00003.rec: 1 shard of 3 missing: {images[2]}\n"
    shutil.copy(tmp_path / images[0], tmp_path / "b.rec")
    others = run("unpack", *images, "b.rec", "files")
    assert others.status == 2
    assert "only as shards of one set" in others.err
    assert not (tmp_path / "files").exists()
    with RecordWriter(tmp_path / images[2], force=True) as writer:
        writer.write(pack(IRHeader(0, 1.0, 10, 0), b""), 10)
    twice = run("unpack", *images, "files")
    assert twice.status == 1
    assert twice.err == (
        f"rectool: {images[0]} and 2 more: key 10 occurs 2 times, and one file bears its name\n"
    )
