"""What is whole in a damaged file is read; what is not is told as ranges of bytes."""

from __future__ import annotations

import pickle
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from rectool import (
    CorruptError,
    DamagedRegion,
    IndexFileError,
    IRHeader,
    RecordReader,
    RecordWriter,
    pack,
)
from rectool.format.frames import MAGIC, encode
from rectool.format.recovery import next_record, walk_past_damage, whole_file

Runner = Callable[..., Run]

SIZE = 1024  # bytes of each record's frame
COUNT = 8


def record(key: int) -> bytes:
    return pack(IRHeader(0, 1.0, key, 0), bytes([key + 1]) * (SIZE - 32))


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    path = tmp_path / "a.rec"
    with RecordWriter(path) as writer:
        for key in range(COUNT):
            writer.write(record(key), key)
    return path


def no_magic(content: bytearray, at: int) -> None:
    content[at] ^= 1


def longer(content: bytearray, at: int) -> None:
    """Over the next record, to the end of it."""
    content[at + 4 : at + 8] = struct.pack("<I", 2 * SIZE - 8)


def longer_than_the_file(content: bytearray, at: int) -> None:
    content[at + 4 : at + 8] = struct.pack("<I", 1 << 28)


def shorter(content: bytearray, at: int) -> None:
    content[at + 4 : at + 8] = struct.pack("<I", 40)


def first_part_alone(content: bytearray, at: int) -> None:
    content[at + 7] |= 1 << 5


def last_part_alone(content: bytearray, at: int) -> None:
    content[at + 7] |= 3 << 5


DAMAGES = [no_magic, longer, longer_than_the_file, first_part_alone, last_part_alone]


def damage(rec: Path, kind: Callable[[bytearray, int], None], *positions: int) -> None:
    content = bytearray(rec.read_bytes())
    for position in positions:
        kind(content, position * SIZE)
    rec.write_bytes(content)


def kept(*lost: int) -> list[bytes]:
    return [record(key) for key in range(COUNT) if key not in lost]


@pytest.mark.parametrize("idx", [True, False], ids=["index", "no index"])
@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "by position"])
@pytest.mark.parametrize("position", [0, 3, 6])
@pytest.mark.parametrize("kind", DAMAGES)
def test_reading_goes_on_at_the_next_record(
    rec: Path, kind: Callable[[bytearray, int], None], position: int, mapped: bool, idx: bool
) -> None:
    damage(rec, kind, position)
    regions: list[DamagedRegion] = []
    with RecordReader(rec, idx, mapped=mapped, on_damage=regions.append) as reader:
        assert list(reader) == kept(position)
    (region,) = regions
    bounds = (position * SIZE, (position + 1) * SIZE)
    assert (region.path, region.begin, region.end) == (str(rec), *bounds)
    assert region.reason


def test_a_length_that_is_too_short_loses_one_record(rec: Path) -> None:
    damage(rec, shorter, 2)
    regions: list[DamagedRegion] = []
    reader = RecordReader(rec, idx=False, on_damage=regions.append)
    assert list(reader)[:2] + list(reader)[3:] == kept(2)  # what is left of it looks whole
    assert [(region.begin, region.end) for region in regions] == [(2 * SIZE + 48, 3 * SIZE)]


@pytest.mark.parametrize("idx", [True, False])
def test_neighbours_are_regions_of_their_own(rec: Path, idx: bool) -> None:
    damage(rec, longer_than_the_file, 2, 3, 5)
    regions: list[DamagedRegion] = []
    assert list(RecordReader(rec, idx, on_damage=regions.append)) == kept(2, 3, 5)
    assert [region.begin // SIZE for region in regions] == [2, 3, 5]
    assert [region.end // SIZE for region in regions] == [3, 4, 6]


@pytest.mark.parametrize("idx", [True, False])
def test_what_is_left_of_a_file_that_was_cut(rec: Path, idx: bool) -> None:
    rec.write_bytes(rec.read_bytes()[: 5 * SIZE + 100])
    regions: list[DamagedRegion] = []
    reader = RecordReader(rec, idx, on_damage=regions.append)
    assert list(reader) == kept(5, 6, 7)
    assert [(region.begin, region.end) for region in regions] == [(5 * SIZE, 5 * SIZE + 100)]


def test_a_damaged_record_that_is_asked_for_is_an_error(rec: Path) -> None:
    damage(rec, no_magic, 3)
    reader = RecordReader(rec, on_damage=print)
    with pytest.raises(CorruptError) as caught:
        reader.by_key(3)
    assert caught.value.offset == 3 * SIZE
    assert reader.by_key(4) == record(4)


def test_keys_are_those_of_the_records_that_are_whole(rec: Path) -> None:
    damage(rec, no_magic, 3)
    reader = RecordReader(rec, idx=False, on_damage=lambda region: None)
    assert reader.keys.tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert reader.key_source == "id"


def test_without_a_callback_damage_is_an_error(rec: Path) -> None:
    damage(rec, no_magic, 3)
    with pytest.raises(CorruptError):
        RecordReader(rec, idx=False)
    with pytest.raises(CorruptError):
        list(RecordReader(rec))


def test_another_files_index_and_files_of_another_kind_are_errors(
    rec: Path, tmp_path: Path
) -> None:
    lines = rec.with_suffix(".idx").read_text().splitlines()
    moved = "".join(f"{key}\t{int(at) + 8}\n" for key, at in (line.split("\t") for line in lines))
    rec.with_suffix(".idx").write_text(moved)
    with pytest.raises(IndexFileError):
        RecordReader(rec, on_damage=print)
    (tmp_path / "b.rec").write_bytes(b"PK\x03\x04" + rec.read_bytes())
    with pytest.raises(CorruptError, match="not a record file"):
        RecordReader(tmp_path / "b.rec", on_damage=print)


def test_a_reader_with_a_callback_pickles(rec: Path) -> None:
    damage(rec, no_magic, 3)
    reader = RecordReader(rec, on_damage=print)
    assert list(pickle.loads(pickle.dumps(reader))) == kept(3)


def test_several_files_are_told_apart(rec: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.rec"
    other.write_bytes(rec.read_bytes())
    damage(rec, no_magic, 1)
    damage(other, no_magic, 2)
    regions: list[DamagedRegion] = []
    reader = RecordReader([rec, other], on_damage=regions.append)
    assert list(reader) == kept(1) + kept(2)
    assert [region.path for region in regions] == [str(other), str(rec)]  # b has no index


WORDS = st.sampled_from([MAGIC, struct.pack("<I", 1 << 29 | 8), struct.pack("<I", 8), bytes(4)])


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=30).map(b"".join), st.integers(0, 130))
def test_the_next_start_is_that_of_a_search_word_by_word(content: bytes, offset: int) -> None:
    starts = (
        at
        for at in range(0, len(content) - 7, 4)
        if at >= offset and content[at : at + 4] == MAGIC and content[at + 7] >> 5 < 2
    )
    assert next_record(content, offset) == next(starts, len(content))


@settings(max_examples=200)
@given(st.lists(st.lists(WORDS, max_size=6).map(b"".join), max_size=10), st.randoms())
def test_records_and_regions_fill_a_file(records: list[bytes], rng: random.Random) -> None:
    content = bytearray(b"".join(map(encode, records)))
    for _ in range(min(3, len(content))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    pieces: list[tuple[int, ...]] = []
    spans = walk_past_damage(bytes(content), lambda _, *region: pieces.append(region))
    pieces.extend(span[:2] for span in spans)
    ends = [0, *(end for _, end in pieces)]
    assert [begin for begin, _ in pieces] == ends[:-1]
    assert ends[-1] == len(content)


@settings(max_examples=200)
@given(st.lists(st.lists(WORDS, max_size=6).map(b"".join), max_size=10), st.randoms())
def test_the_quick_look_at_a_whole_file_sees_all_damage(
    records: list[bytes], rng: random.Random
) -> None:
    content = bytearray(b"".join(map(encode, records)))
    for _ in range(min(rng.randrange(3), len(content))):
        content[rng.randrange(len(content))] = rng.choice(MAGIC)
    found: list[int] = []
    whole = [span.begin for span in walk_past_damage(bytes(content), lambda *_: found.append(1))]
    begins = whole_file(bytes(content))
    assert (begins is None) == bool(found)
    assert begins is None or begins.tolist() == whole


@pytest.mark.parametrize("cflags", [[0], [1, 3]], ids=["one part", "two parts"])
def test_overlapping_frames_take_no_time_for_each_other(cflags: list[int]) -> None:
    """Each claims all that is behind it."""
    lengths = [0] * (len(cflags) - 1) + [1 << 24]
    heads = [
        MAGIC + struct.pack("<I", cflag << 29 | length)
        for cflag, length in zip(cflags, lengths, strict=True)
    ]
    count = 20_000
    content = b"".join([*heads, bytes(8)]) * count + bytes(1 << 24)
    regions: list[int] = []
    started = time.process_time()
    list(walk_past_damage(content, lambda _, begin, end: regions.append(begin)))
    assert time.process_time() - started < 20  # by far: each over all others takes minutes
    assert len(regions) >= count - 1


def test_commands_find_what_is_behind_damage(run: Runner, rec: Path, tmp_path: Path) -> None:
    damage(rec, longer, 3)
    rec.with_suffix(".idx").unlink()
    bounds = (f"at byte {3 * SIZE}: ", f"damaged up to byte {4 * SIZE}")
    for command in (["inspect"], ["pack", "out"], ["unpack", "files"]):
        result = run(command[0], "a.rec", *command[1:])
        assert result.status == 1
        (line,) = (line for line in result.err.splitlines() if line.startswith("rectool: a.rec"))
        assert all(says in line for says in bounds), line
    assert list(RecordReader(tmp_path / "out.rec")) == kept(3)
    assert len(list((tmp_path / "files").glob("*.bin"))) == COUNT - 1
    index = run("index", "a.rec")
    assert index.status == 1
    assert all(says in index.err for says in bounds)
    assert not rec.with_suffix(".idx").exists()
