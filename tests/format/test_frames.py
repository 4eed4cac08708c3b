"""Frames: the golden files, the magic word in every position, a cut at every byte."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import pytest
from conftest import GOLDEN
from hypothesis import example, given
from hypothesis import strategies as st

from rectool import CorruptError, LimitError, RecordReader, RecordWriter, TruncatedError
from rectool.format.frames import MAGIC, MAX_RECORD, data, encode, locate, parts_of, walk

pieces = st.lists(st.one_of(st.binary(max_size=9), st.just(MAGIC), st.just(b"\0" * 4)), max_size=12)
anything = pieces.map(b"".join)


def frame(cflag: int, part: bytes) -> bytes:
    """A frame, put together by hand."""
    return MAGIC + struct.pack("<I", cflag << 29 | len(part)) + part + b"\0" * (-len(part) % 4)


@pytest.mark.parametrize("name", ["sequential", "labels", "images", "faces"])
def test_golden_files_read_and_written_again(
    name: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    source = GOLDEN / f"{name}.rec"
    copy = tmp_path / f"{name}.rec"
    with RecordReader(source) as reader, RecordWriter(copy, idx=name != "sequential") as writer:
        assert len(reader) == len(expected[name])
        for position, entry in enumerate(expected[name]):
            record = reader[position]
            digest = hashlib.sha256(record).hexdigest()
            assert digest == entry.get("sha256", entry.get("record_sha256"))
            assert len(record) == entry.get("size", entry.get("record_size"))
            if "key" in entry:
                assert reader.keys[position] == entry["key"]
                assert reader.offsets[position] == entry["offset"]
                assert reader.by_key(entry["key"]) == record
            writer.write(record, int(reader.keys[position]))
    assert copy.read_bytes() == source.read_bytes()
    if name != "sequential":
        assert copy.with_suffix(".idx").read_bytes() == source.with_suffix(".idx").read_bytes()


@pytest.mark.parametrize(
    ("record", "frames"),
    [
        (b"", [(0, b"")]),
        (b"abc", [(0, b"abc")]),
        (MAGIC, [(1, b""), (3, b"")]),
        (MAGIC + MAGIC, [(1, b""), (2, b""), (3, b"")]),
        (b"abcd" + MAGIC + b"xyz", [(1, b"abcd"), (3, b"xyz")]),
        (b"abc" + MAGIC, [(0, b"abc" + MAGIC)]),
        (MAGIC + b"abc", [(1, b""), (3, b"abc")]),
    ],
)
def test_records_are_cut_at_aligned_magic_words(
    record: bytes, frames: list[tuple[int, bytes]]
) -> None:
    assert encode(record) == b"".join(frame(*parts) for parts in frames)


@pytest.mark.parametrize("position", range(9))
@pytest.mark.parametrize("behind", range(6))
def test_magic_in_every_position(position: int, behind: int) -> None:
    record = b"." * position + MAGIC + b"." * behind
    written = encode(record)
    (span,) = walk(written)
    assert data(written, span) == record
    assert len(list(parts_of(written, span))) == (2 if position % 4 == 0 else 1)


@given(st.lists(anything, max_size=6))
@example([b"\x0a" * 4, b"\x0a\x23\xd7", MAGIC[1:] + MAGIC])
def test_any_records_come_back(records: list[bytes]) -> None:
    written = b"".join(map(encode, records))
    spans = list(walk(written))
    assert [data(written, span) for span in spans] == records
    assert len(written) % 4 == 0
    # the property that the format rests on: an aligned magic with cflag 0 or 1 begins a record
    begins = {span.begin for span in spans}
    for at in range(0, len(written) - 7, 4):
        if written[at : at + 4] == MAGIC and written[at + 7] >> 5 in (0, 1):
            assert at in begins


def test_a_cut_at_every_byte(tmp_path: Path) -> None:
    records = [b"first", b"", b"ab" + MAGIC, MAGIC + b"12" + MAGIC + b"3456" + MAGIC, b"last!"]
    whole = b"".join(map(encode, records))
    ends = [span.end for span in walk(whole)]
    path = tmp_path / "cut.rec"
    for size in range(len(whole)):
        found = []
        path.write_bytes(whole[:size])
        if size == 0 or size in ends:
            found = list(RecordReader(path))
        else:
            with pytest.raises(TruncatedError, match=r"cut\.rec: at byte \d+: the file ends"):
                RecordReader(path)
            with pytest.raises(TruncatedError):
                for span in walk(whole[:size]):
                    found.append(data(whole, span))
        assert found == records[: sum(end <= size for end in ends)]


@given(st.lists(anything, min_size=1, max_size=4), st.data())
def test_a_flipped_byte_never_yields_more_than_it_changed(
    records: list[bytes], draw: st.DataObject
) -> None:
    """Damage is found, or is inside one record's data: no other record is ever wrong."""
    written = bytearray(b"".join(map(encode, records)))
    spans = list(walk(written))
    hit = draw.draw(st.integers(0, len(written) - 1))
    written[hit] ^= draw.draw(st.integers(1, 255))
    for span, record in zip(spans, records, strict=True):
        if span.end <= hit:
            assert data(written, locate(written, span.begin)) == record
    for span in spans:
        if span.begin <= hit < span.begin + 4:
            with pytest.raises(CorruptError):
                locate(written, span.begin)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"\0" * 8, CorruptError, "a record should begin here with the bytes 0a23d7ce, found 0000"),
        (frame(2, b"abcd"), CorruptError, "found a middle part"),
        (frame(3, b"abcd"), CorruptError, "found a last part"),
        (frame(5, b"abcd"), CorruptError, "found cflag 5"),
        (frame(1, b"abcd") + frame(0, b"x"), CorruptError, "next part .* found a whole record"),
        (frame(1, b"abcd") + b"\0" * 8, CorruptError, "next part of a record .* found 00000000"),
        (frame(1, b"abcd"), TruncatedError, "inside a later part of the record"),
        (frame(0, b"abcd")[:-1], TruncatedError, "has 11 bytes, and 1 more bytes at least"),
        (MAGIC + struct.pack("<I", MAX_RECORD), TruncatedError, "has 8 bytes, and 536870912 more"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        list(walk(content))


class HugeBytes(bytes):
    """Bytes that claim a length, to test limits without half a gigabyte."""

    def __len__(self) -> int:
        return MAX_RECORD + 1


def test_a_record_is_shorter_than_512_mib() -> None:
    with pytest.raises(LimitError, match="536870912 bytes"):
        encode(HugeBytes())
