"""Frames: how records' bytes lie in a `.rec` file (dmlc-core's RecordIO).

A record is one frame, or several where the magic word stands in it at a multiple of 4 from its
start: the record is cut there and the word left out, so that an aligned magic word followed by
cflag 0 or 1 is always a record's start.

| field   | bytes  | meaning                                                     |
| magic   | 4      | 0xced7230a, little-endian like everything here              |
| lrec    | 4      | upper 3 bits: cflag; lower 29: length of data               |
| data    | length |                                                             |
| padding | 0 to 3 | zero bytes, up to a multiple of 4                           |

cflag: 0 a whole record; 1, 2, 3 the first, a middle, the last part of one.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

import numpy as np

from .errors import CorruptError, LimitError, TruncatedError

MAGIC = b"\x0a\x23\xd7\xce"
MAGIC_WORD = int.from_bytes(MAGIC, "little")
MAX_RECORD = (1 << 29) - 1
"""The longest record, in bytes (header and labels of an image record included)."""

Buffer = bytes | bytearray | memoryview | mmap.mmap

WHOLE, FIRST, MIDDLE, LAST = range(4)
_MANY_WORDS = 1024
_HEAD = Struct("<4sI")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class Span(NamedTuple):
    """Where one record lies, in bytes from the file's start: its frames, and its parts' data."""

    begin: int
    end: int
    parts: tuple[tuple[int, int], ...]


def encode(record: bytes) -> bytes:
    """The frames of one record. Raises LimitError for one of 2**29 bytes or more."""
    return b"".join(pieces_of(record))


def pieces_of(record: bytes) -> tuple[bytes, ...]:
    """The same in pieces, the record itself not copied unless it must be cut."""
    size = len(record)
    check_size(record)
    cuts = _aligned_magics(record)
    if not cuts:
        return (_HEAD.pack(MAGIC, size), record, _PADDING[size & 3])
    pieces: list[bytes] = []
    begin = 0
    for number, cut in enumerate((*cuts, size)):
        cflag = LAST if number == len(cuts) else MIDDLE if number else FIRST
        pieces += (_HEAD.pack(MAGIC, cflag << 29 | cut - begin), record[begin:cut])
        begin = cut + 4
    return (*pieces, _PADDING[size & 3])


def check_size(record: bytes) -> None:
    """Raises LimitError for a record that is too large."""
    size = len(record)
    if size > MAX_RECORD:
        raise LimitError(f"a record of {size} bytes: the format holds less than {MAX_RECORD + 1}")


def _aligned_magics(record: bytes) -> list[int]:
    count = len(record) // 4
    if count > _MANY_WORDS:  # then this is faster than `find`
        words = np.frombuffer(record, "<u4", count)
        if not np.count_nonzero(words == MAGIC_WORD):
            return []
    found = []
    at = record.find(MAGIC)
    while at >= 0:
        if at & 3 == 0:
            found.append(at)
        at = record.find(MAGIC, at + 1)
    return found


def locate(buffer: Buffer, offset: int) -> Span:
    """The span of the record that begins at `offset`. No data is copied.

    Raises CorruptError where no record begins there or its parts do not follow each other, and
    TruncatedError where the file ends inside it. Neither names the file: callers that know it do.
    """
    size = len(buffer)
    parts: list[tuple[int, int]] = []
    at = offset
    while True:
        if size - at < 8:
            raise TruncatedError(_cut(at + 8 - size, parts), offset=offset)
        magic, lrec = _HEAD.unpack_from(buffer, at)
        cflag, length = lrec >> 29, lrec & MAX_RECORD
        if magic != MAGIC or (
            cflag not in (MIDDLE, LAST) if parts else cflag not in (WHOLE, FIRST)
        ):
            raise CorruptError(_found(magic, cflag, bool(parts)), offset=at)
        begin = at + 8
        at = begin + (length + 3 & ~3)
        if at > size:
            raise TruncatedError(_cut(at - size, parts), offset=offset)
        parts.append((begin, begin + length))
        if cflag in (WHOLE, LAST):
            return Span(offset, at, tuple(parts))


def _cut(missing: int, parts: list[tuple[int, int]]) -> str:
    inside = "a later part of the record" if parts else "the record"
    return (
        f"the file ends inside {inside} that begins here; {missing} more bytes at least are missing"
    )


def _found(magic: bytes, cflag: int, continued: bool) -> str:
    wanted = "the next part of a record" if continued else "a record"
    if magic != MAGIC:
        return f"{wanted} should begin here with the bytes {MAGIC.hex()}, found {magic.hex()}"
    kind = ("a whole record", "a first part", "a middle part", "a last part")
    return f"{wanted} should begin here, found {kind[cflag] if cflag < 4 else f'cflag {cflag}'}"


def data(buffer: Buffer, span: Span) -> bytes:
    """The record's bytes, its parts joined by the magic word between them."""
    if len(span.parts) == 1:
        begin, end = span.parts[0]
        return bytes(buffer[begin:end])
    return MAGIC.join(bytes(buffer[begin:end]) for begin, end in span.parts)


def record_at(buffer: Buffer, offset: int) -> bytes:
    """The bytes of the record that begins at `offset`. Raises as `locate` does."""
    if 0 <= offset <= len(buffer) - 8:  # nearly every record has one frame
        magic, size = _HEAD.unpack_from(buffer, offset)
        begin = offset + 8
        if magic == MAGIC and size <= MAX_RECORD and begin + (size + 3 & ~3) <= len(buffer):
            return bytes(buffer[begin : begin + size])
    return data(buffer, locate(buffer, offset))


def walk(buffer: Buffer) -> Iterator[Span]:
    """All records in file order; raises as `locate` does, behind the last record that is whole."""
    at, size = 0, len(buffer)
    while at < size:
        span = locate(buffer, at)
        yield span
        at = span.end
