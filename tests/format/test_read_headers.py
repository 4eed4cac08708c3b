"""Headers and labels in columns, against the same bytes taken apart one record at a time."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given
from hypothesis import strategies as st

from rectool import (
    CorruptError,
    HeaderError,
    IRHeader,
    RecordError,
    RecordReader,
    TruncatedError,
    pack,
)
from rectool.format import reader as reader_module
from rectool.format.frames import MAGIC, encode
from rectool.format.key_table import KeyTable

words = st.one_of(st.just(MAGIC), st.just(bytes(4)), st.binary(min_size=4, max_size=4))


@st.composite
def image_records(draw: st.DrawFn, flags: st.SearchStrategy[int]) -> bytes:
    """Label, id, id2, labels and payload of any words, magic words among them."""
    flag = draw(flags)
    body = draw(st.lists(words, min_size=5 + flag, max_size=12 + flag))
    return struct.pack("<I", flag) + b"".join(body) + draw(st.binary(max_size=3))


def flag_of(record: bytes) -> int:
    return int(struct.unpack_from("<I", record)[0])


def write(path: Path, records: list[bytes], order: list[int] | None = None) -> str:
    """A `.rec`, and its `.idx`: keys 100, 101, ... in the file, its lines in this order."""
    framed = list(map(encode, records))
    offsets = np.cumsum([0, *map(len, framed)]).tolist()
    path.write_bytes(b"".join(framed))
    chosen = range(len(records)) if order is None else order
    path.with_suffix(".idx").write_text(
        "".join(f"{100 + number}\t{offsets[number]}\n" for number in chosen)
    )
    return str(path)


def same(labels: np.ndarray[Any, Any], stored: bytes) -> bool:
    """NaN is NaN, whatever else its bits say."""
    return np.array_equal(labels.ravel(), np.frombuffer(stored, "<f4"), equal_nan=True)


def check(reader: RecordReader, records: list[bytes], positions: list[int] | None) -> None:
    """What the columns say of the records at these positions, by their bytes."""
    chosen = None if positions is None else np.array(positions, np.int64)
    wanted = records if positions is None else [records[at] for at in positions]
    flags = [flag_of(record) for record in wanted]
    headers = reader.headers(chosen)
    assert headers.flags.tolist() == flags
    assert same(headers.labels, b"".join(record[4:8] for record in wanted))
    assert headers.ids.tobytes() == b"".join(record[8:16] for record in wanted)
    sizes = [len(record) - 24 - 4 * flag for record, flag in zip(wanted, flags, strict=True)]
    assert headers.payloads.tolist() == sizes
    assert [column.dtype for column in headers] == [np.uint32, np.float32, np.uint64, np.int64]
    widths = [max(flag, 1) for flag in flags]
    assert headers.widths.tolist() == widths
    if len(set(widths)) > 1:
        with pytest.raises(HeaderError, match="records with different numbers of labels"):
            reader.labels(chosen)
        return
    labels = reader.labels(chosen)
    own = [
        record[24 : 24 + 4 * flag] or record[4:8]
        for record, flag in zip(wanted, flags, strict=True)
    ]
    assert same(labels, b"".join(own))
    width = widths[0] if widths else 1
    assert labels.shape == ((len(wanted), width) if width > 1 else (len(wanted),))
    assert (labels.dtype, labels.flags.writeable) == (np.float32, True)


@given(st.data())
def test_columns_are_what_the_records_say(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Of one file or several, with an index in any order, in blocks of any size."""
    folder = tmp_path_factory.mktemp("columns")
    one_width = st.just(data.draw(st.integers(1, 4)))
    flags = data.draw(st.sampled_from([st.integers(0, 5), one_width, st.integers(0, 1)]))
    paths, records = [], []
    for number in range(data.draw(st.integers(1, 3))):
        of_file = data.draw(st.lists(image_records(flags), max_size=6))
        order = data.draw(st.permutations(range(len(of_file))))
        paths.append(write(folder / f"{number}.rec", of_file, order))
        records += [of_file[at] for at in order]
    reader = RecordReader(paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_module, "_BLOCK", data.draw(st.sampled_from([1, 2, 5, 1 << 18])))
        check(reader, records, None)
        if records:
            positions = data.draw(st.lists(st.integers(0, len(records) - 1), max_size=20))
            check(reader, records, positions)


@pytest.mark.parametrize("at", range(4, 44, 4))
def test_the_magic_word_at_each_place(tmp_path: Path, at: int) -> None:
    """In the label, both halves of the ids, each of three labels, the payload: two parts each."""
    plain = struct.pack("<IfQQ3f", 3, 0, 1, 2, 4, 5, 6) + b"payload!"
    cut = plain[:at] + MAGIC + plain[at + 4 :]
    reader = RecordReader(write(tmp_path / "a.rec", [plain, cut, plain, cut]))
    assert (tmp_path / "a.rec").read_bytes().count(MAGIC) == 6
    check(reader, [plain, cut, plain, cut], None)
    check(reader, [plain, cut, plain, cut], [3, 3, 0, 1, 2])


@pytest.mark.parametrize("name", ["labels", "images", "faces"])
@pytest.mark.parametrize("idx", [True, False])
def test_golden_files(name: str, idx: bool, expected: dict[str, Any]) -> None:
    said = expected[name]
    reader = RecordReader(GOLDEN / f"{name}.rec", idx=idx)
    headers = reader.headers()
    assert headers.flags.tolist() == [record["flag"] for record in said]
    assert headers.ids.tolist() == [record["id"] for record in said]
    assert headers.payloads.tolist() == [record["payload_size"] for record in said]
    for width in {*headers.widths.tolist()}:
        of_width = np.flatnonzero(headers.widths == width)
        wanted = np.hstack([said[at]["label"] for at in of_width]).astype(np.float32)
        assert np.array_equal(reader.labels(of_width).ravel(), wanted)


def test_max_frame_sizes_are_the_bytes_to_the_next_record(tmp_path: Path) -> None:
    """Up to the next record that the index has, each in its own file."""
    records = [b"x" * 4, b"y" * 16, b"z" * 8, b""]  # frames of 12, 24, 16 and 8 bytes
    paths = [
        write(tmp_path / "a.rec", records, [3, 1, 0]),
        write(tmp_path / "b.rec", []),
        write(tmp_path / "c.rec", records),
        write(tmp_path / "d.rec", records, [2, 0, 2]),
    ]
    sizes = RecordReader(paths).max_frame_sizes()
    assert sizes.tolist() == [8, 40, 12, 12, 24, 16, 8, 24, 36, 24]
    assert sizes.dtype == np.int64


def test_empty_files(tmp_path: Path) -> None:
    reader = RecordReader([write(tmp_path / "a.rec", []), write(tmp_path / "b.rec", [])])
    check(reader, [], None)
    check(reader, [], [])
    assert reader.max_frame_sizes().tolist() == []
    check(RecordReader(GOLDEN / "faces.rec"), [], [])


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("position", [-1, 4, 10**12])
def test_positions_that_there_are_not(tmp_path: Path, files: int, position: int) -> None:
    record = pack(IRHeader(0, 1.0, 0, 0), b"")
    paths = [write(tmp_path / f"{n}.rec", [record] * (4 // files)) for n in range(files)]
    for read in (RecordReader(paths).headers, RecordReader(paths).labels):
        with pytest.raises(IndexError, match="positions must be 0 to 3"):
            read(np.array([0, position, 3]))


def test_a_closed_reader_raises_value_error(tmp_path: Path) -> None:
    reader = RecordReader(write(tmp_path / "a.rec", [pack(IRHeader(0, 1.0, 0, 0), b"")]))
    labels = reader.labels()
    reader.close()
    assert labels.tolist() == [1]
    for read in (reader.headers, reader.labels, reader.max_frame_sizes):
        with pytest.raises(ValueError, match="the reader is closed"):
            read()


def test_different_numbers_of_labels_name_both_keys(tmp_path: Path) -> None:
    records = [pack(IRHeader(0, [1.0] * n, 0, 0), b"") for n in (2, 2, 3, 2, 1)]
    reader = RecordReader([write(tmp_path / name, records) for name in ("a.rec", "b.rec")])
    with pytest.raises(HeaderError, match=r"2 with the key 100, 3 with the key 102") as caught:
        reader.labels()
    assert str(caught.value).startswith(f"{reader.name}: records with different numbers")
    with pytest.raises(HeaderError, match=r"1 with the key 104, 2 with the key 103"):
        reader.labels(np.array([9, 8]))
    assert reader.labels(np.array([7, 2])).tolist() == [[1.0] * 3] * 2


# What is wrong with the record in the middle of three.

GOOD = pack(IRHeader(0, 1.0, 7, 0), b"an image")
CUT = pack(IRHeader(0, [1.0, 2.0], 7, 0), MAGIC + b"image")
MIDDLE = len(encode(GOOD))


def _with(frames: bytes, at: int, changed: bytes) -> bytes:
    return frames[:at] + changed + frames[at + len(changed) :]


def _lrec(cflag: int, length: int) -> bytes:
    return struct.pack("<I", cflag << 29 | length)


DAMAGES: dict[str, tuple[bytes, type[RecordError], int, str]] = {
    "empty": (encode(b""), HeaderError, 0, "0 bytes, and an IRHeader alone has 24"),
    "short": (encode(b"x" * 23), HeaderError, 0, "23 bytes, and an IRHeader alone has 24"),
    "short, of two parts": (encode(b"x" * 8 + MAGIC), HeaderError, 0, "12 bytes, and"),
    "a label missing": (
        encode(struct.pack("<IfQQf", 2, 0, 1, 0, 5)),
        HeaderError, 0, "announces 2 labels, 32 bytes in all, but the record has 28",
    ),
    "a byte of a label missing": (
        encode(struct.pack("<IfQQf", 2, 0, 1, 0, 5) + b"abc"),
        HeaderError, 0, "announces 2 labels, 32 bytes in all, but the record has 31",
    ),
    "text": (encode(b"text, and more than enough of it"), HeaderError, 0, "1954047348 labels"),
    "most labels": (
        encode(b"\xff" * 4 + bytes(20)), HeaderError, 0, "announces 4294967295 labels"
    ),
    "no magic word": (
        _with(encode(GOOD), 0, b"oops"), CorruptError, 0, "a record should begin here .* 6f6f7073"
    ),
    "a last part": (_with(encode(GOOD), 4, _lrec(3, 32)), CorruptError, 0, "found a last part"),
    "cflag 5": (_with(encode(GOOD), 4, _lrec(5, 32)), CorruptError, 0, "found cflag 5"),
    "no second part": (
        _with(encode(GOOD), 4, _lrec(1, 32)), CorruptError, 40, "next part .* found a whole record"
    ),
    "a second part damaged": (
        _with(encode(CUT), 40, b"oops"), CorruptError, 40, "the next part of a record should"
    ),
    "a length beyond the file": (
        _with(encode(GOOD), 4, _lrec(0, 77)), TruncatedError, 0, "8 more bytes at least are missing"
    ),
    "a part beyond the file": (
        _with(encode(CUT), 44, _lrec(3, 5000)), TruncatedError, 0, "inside a later part"
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("shard", [0, 1])
def test_damage_is_named(tmp_path: Path, damage: str, shard: int) -> None:
    framed, kind, at, says = DAMAGES[damage]
    paths = [write(tmp_path / f"{n}.rec", [GOOD, GOOD, GOOD]) for n in range(2)]
    end = MIDDLE + len(framed)
    Path(paths[shard]).write_bytes(encode(GOOD) + framed + encode(GOOD))
    (tmp_path / f"{shard}.idx").write_text(f"5\t{end}\n6\t0\n7\t{MIDDLE}\n")
    reader = RecordReader(paths)
    for positions in (None, np.array([3 * shard + 2])):
        for read in (reader.headers, reader.labels):
            with pytest.raises(kind, match=says) as caught:
                read(positions)
            assert (caught.value.path, caught.value.offset) == (paths[shard], MIDDLE + at)
            foreign = f"; {shard}.idx may belong to another file"
            assert str(caught.value).endswith(foreign) == (kind is CorruptError and at == 0)
    check(reader, [GOOD] * 6, [0, 1, 3, 4])


@pytest.mark.parametrize("size", range(1, MIDDLE))
def test_a_file_cut_short_behind_what_its_index_has(tmp_path: Path, size: int) -> None:
    """Whatever its size, all records that the index has are read."""
    path = write(tmp_path / "a.rec", [GOOD, CUT, GOOD], [0, 1])
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[: len(whole) - size])
    check(RecordReader(path), [GOOD, CUT], None)


def test_records_of_two_parts_in_a_large_file(tmp_path: Path) -> None:
    """Where there is room for a record of all 32 bits of the length's word."""
    reader = RecordReader(write(tmp_path / "a.rec", [CUT, GOOD]))
    memory = np.zeros((1 << 29) + (1 << 20), np.uint8)  # which nobody touches
    frames = encode(CUT) + encode(GOOD)
    memory[: len(frames)] = np.frombuffer(frames, np.uint8)
    reader._files[0]._map = memoryview(memory)
    check(reader, [CUT, GOOD], None)


@pytest.mark.parametrize("size", range(28))
def test_a_short_record_is_all_there_is(tmp_path: Path, size: int) -> None:
    reader = RecordReader(write(tmp_path / "a.rec", [bytes(size)]))
    if size < 24:
        with pytest.raises(HeaderError, match=f"{size} bytes, and an IRHeader") as caught:
            reader.headers()
        assert caught.value.offset == 0
    else:
        check(reader, [bytes(size)], None)


# KeyTable, against a dict.

small_keys = st.integers(-5, 5)
keys_ = st.one_of(small_keys, st.integers(-(2**63) + 1, 2**63 - 1), st.just(2**63 - 1))


@given(
    st.one_of(
        st.lists(keys_, max_size=20),
        st.lists(keys_, max_size=20, unique=True).map(sorted),
        st.tuples(keys_, st.integers(0, 20)).map(
            lambda pair: list(range(pair[0], min(pair[0] + pair[1], 2**63)))
        ),
        st.integers(-3, 3).flatmap(lambda first: st.permutations(range(first, first + 12))),
    ),
    st.lists(st.one_of(keys_, st.integers(-(2**70), 2**70)), max_size=10),
)
def test_keys_are_found_as_in_a_dict(keys: list[int], others: list[int]) -> None:
    table = KeyTable(np.array(keys, np.int64))
    wanted = {key: position for position, key in enumerate(keys)}
    near = [key + step for key in keys for step in (-1, 0, 1)]
    for key in (*near, *others, -(2**63), 2**63, 2**64):
        assert table.find(key) == wanted.get(key), key
