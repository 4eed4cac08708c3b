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
from numpy.typing import NDArray

from ..system.reading import FileBytes
from .errors import CorruptError, LimitError, TruncatedError

MAGIC = b"\x0a\x23\xd7\xce"
MAGIC_WORD = int.from_bytes(MAGIC, "little")
MAX_RECORD = (1 << 29) - 1
"""The longest record, in bytes (header and labels of an image record included)."""

Buffer = bytes | bytearray | memoryview | mmap.mmap | FileBytes

WHOLE, FIRST, MIDDLE, LAST = range(4)
_MANY_WORDS = 512
_BLOCK = 1 << 16
_HEAD = Struct("<4sI")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
_NOWHERE = np.empty(0, np.int64)
_WORD = np.dtype("<u4")
_MAGIC_SCALAR = np.array(
    MAGIC_WORD, _WORD
)  # of its type: a Python int would be converted each time


class Span(NamedTuple):
    """Where one record's frames lie, in bytes from the file's start, and the record's own size."""

    begin: int
    end: int
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether the record is a single frame, whose data begins 8 bytes behind `begin`."""
        return self.end - self.begin == 8 + (self.size + 3 & ~3)


def encode(record: bytes) -> bytes:
    """The frames of one record. Raises LimitError for one of 2**29 bytes or more."""
    return b"".join(pieces_of(record))


def pieces_of(record: bytes) -> tuple[bytes, ...]:
    """The same in pieces, the record itself not copied unless it must be cut."""
    size = len(record)
    check_size(record)
    cuts = _aligned_magics(record)
    if not len(cuts):
        return (_HEAD.pack(MAGIC, size), record, _PADDING[size & 3])
    view, frames = memoryview(record), bytearray()
    cflag, begin = FIRST, 0
    for block in range(0, len(cuts), _BLOCK):
        for cut in cuts[block : block + _BLOCK].tolist():
            frames += _HEAD.pack(MAGIC, cflag << 29 | cut - begin)
            frames += view[begin:cut]
            cflag, begin = MIDDLE, cut + 4
    frames += _HEAD.pack(MAGIC, LAST << 29 | size - begin)
    frames += view[begin:]
    return (bytes(frames), _PADDING[size & 3])


def check_size(record: bytes) -> None:
    """Raises LimitError for a record that is too large."""
    size = len(record)
    if size > MAX_RECORD:
        raise LimitError(f"a record of {size} bytes: the format holds less than {MAX_RECORD + 1}")


def _aligned_magics(record: bytes | bytearray | memoryview) -> NDArray[np.int64]:
    """Where the magic word stands in these bytes at multiples of 4."""
    count = len(record) // 4
    if count <= _MANY_WORDS and bytes(record).find(MAGIC) < 0:  # for so few faster than numpy
        return _NOWHERE
    found = np.frombuffer(record, _WORD, count) == _MAGIC_SCALAR
    return np.flatnonzero(found) * 4 if np.count_nonzero(found) else _NOWHERE  # counting is faster


def locate(buffer: Buffer, offset: int) -> Span:
    """The span of the record that begins at `offset`. No data is looked at.

    Raises CorruptError where no record begins there, its parts do not follow each other or are too
    long, and TruncatedError where the file ends inside it. Neither names the file: callers that
    know it do.
    """
    file_size = len(buffer)
    if not 0 <= offset <= file_size:
        raise CorruptError(
            f"no record can begin here: the file has {file_size} bytes", offset=offset
        )
    at, size = offset, -4
    while True:
        if file_size - at < 8:
            raise TruncatedError(_cut(at + 8, file_size, at > offset), offset=offset)
        magic, lrec = _HEAD.unpack(buffer[at : at + 8])
        cflag, length = lrec >> 29, lrec & MAX_RECORD
        if magic != MAGIC or (
            cflag not in (WHOLE, FIRST) if at == offset else cflag not in (MIDDLE, LAST)
        ):
            raise CorruptError(_found(magic, cflag, at > offset), offset=at)
        size += length + 4
        if size > MAX_RECORD:
            raise CorruptError(_too_long(size), offset=offset)
        continued = at > offset
        at += 8 + (length + 3 & ~3)
        if at > file_size:
            raise TruncatedError(_cut(at, file_size, continued), offset=offset)
        if cflag in (WHOLE, LAST):
            return Span(offset, at, size)


def _cut(end: int, file_size: int, continued: bool) -> str:
    inside = "a later part of the record" if continued else "the record"
    return (
        f"the file ends inside {inside} that begins here: it has {file_size} bytes,"
        f" and {end - file_size} more bytes at least are missing"
    )


def _too_long(size: int) -> str:
    return f"the parts of this record have {size} bytes or more; a record has {MAX_RECORD} at most"


def _found(magic: bytes, cflag: int, continued: bool) -> str:
    wanted = "the next part of a record" if continued else "a record"
    if magic != MAGIC:
        return f"{wanted} should begin here with the bytes {MAGIC.hex()}, found {magic.hex()}"
    kind = ("a whole record", "a first part", "a middle part", "a last part")
    return f"{wanted} should begin here, found {kind[cflag] if cflag < 4 else f'cflag {cflag}'}"


def parts_of(buffer: Buffer, span: Span) -> Iterator[tuple[int, int]]:
    """Where the data of a record's frames begins and ends, frame by frame."""
    at = span.begin
    while at < span.end:
        _, lrec = _HEAD.unpack(buffer[at : at + 8])
        begin, end = at + 8, at + 8 + (lrec & MAX_RECORD)
        yield begin, end
        at = end + 3 & ~3


def data(buffer: Buffer, span: Span) -> bytes:
    """The record's bytes, its parts joined by the magic word between them.

    Raises CorruptError where another record begins inside of it.
    """
    if span.is_whole:
        begin = span.begin + 8
        record = bytes(buffer[begin : begin + span.size])
        check_inside(record, span.begin)
        return record
    joined = bytearray()
    for begin, end in parts_of(buffer, span):
        part = bytes(buffer[begin:end])
        if begin - 8 > span.begin:
            joined += MAGIC
        if end - begin >= 4:
            check_inside(part, span.begin, begin)
        joined += part
    return bytes(joined)


def check_frames(buffer: Buffer, span: Span) -> None:
    """Raises CorruptError as `data` does, without the record's bytes in memory twice."""
    if span.is_whole:
        check_inside(buffer[span.begin + 8 : span.begin + 8 + span.size], span.begin)
        return
    for begin, end in parts_of(buffer, span):
        if end - begin >= 4:
            check_inside(buffer[begin:end], span.begin, begin)


def check_inside(
    frame: bytes | bytearray | memoryview, offset: int, begin: int | None = None
) -> None:
    """Raises CorruptError where a frame's data, of the record at `offset`, has a frame inside.

    `begin` is where the data begins, by default behind the record's first head. Writers cut records
    at aligned magic words, so one that stands there is another record's, and the length is damaged.
    """
    found = _aligned_magics(frame)
    if len(found):
        inside = (offset + 8 if begin is None else begin) + int(found[0])
        raise CorruptError(swallows(inside), offset=offset)


def swallows(inside: int) -> str:
    """What is wrong with a record that reaches over the beginning of another."""
    return (
        f"the record that begins here reaches over another at byte {inside}: its length is damaged"
    )


def record_at(buffer: Buffer, offset: int, end: int | None = None) -> bytes:
    """The bytes of the record that begins at `offset`. Raises as `locate` and `data` do.

    Where `end` says that the next record begins right behind it, and no other begins between, its
    data is not looked through.
    """
    if 0 <= offset <= len(buffer) - 8 and not isinstance(buffer, FileBytes):
        magic, size = _HEAD.unpack_from(buffer, offset)  # nearly every record has one frame
        begin = offset + 8
        stop = begin + (size + 3 & ~3)
        if magic == MAGIC and size <= MAX_RECORD and stop <= len(buffer):
            record = bytes(buffer[begin : begin + size])
            if stop != end:
                check_inside(record, offset)
            return record
    return data(buffer, locate(buffer, offset))


def walk(buffer: Buffer) -> Iterator[Span]:
    """All records in file order; raises as `locate` does, behind the last record that is whole."""
    at, size = 0, len(buffer)
    while at < size:
        span = locate(buffer, at)
        yield span
        at = span.end
