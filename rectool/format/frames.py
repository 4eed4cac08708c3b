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
import re
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptError, LimitError, TruncatedError
from ..system.file_bytes import FileBytes

MAGIC = b"\x0a\x23\xd7\xce"
MAGIC_WORD = int.from_bytes(MAGIC, "little")
MAX_RECORD = (1 << 29) - 1
"""The longest record, in bytes (header and labels of an image record included)."""

Buffer = bytes | bytearray | memoryview | mmap.mmap | FileBytes

WHOLE, FIRST, MIDDLE, LAST = range(4)
_MANY_WORDS = 900
_BLOCK = 1 << 16
_FEW_PARTS = 4
_WAIT = 64  # parts, until equal ones are looked for again
_HEAD = Struct("<4sI")
_find_magic = re.compile(re.escape(MAGIC)).search
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
        raise LimitError(f"a record must have less than {MAX_RECORD + 1} bytes, got {size}")


def _aligned_magics(record: bytes | bytearray | memoryview) -> NDArray[np.int64]:
    """Where the magic word stands in these bytes at multiples of 4."""
    count = len(record) // 4
    if count <= _MANY_WORDS and _find_magic(record) is None:  # for so few faster than numpy
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
    if file_size - offset < 8:
        raise TruncatedError(_cut(offset + 8, file_size, False), offset=offset)
    magic, lrec = _HEAD.unpack(buffer[offset : offset + 8])
    cflag, size = lrec >> 29, lrec & MAX_RECORD
    if magic != MAGIC or cflag not in (WHOLE, FIRST):
        raise CorruptError(_found(magic, cflag, False), offset=offset)
    end = offset + 8 + (size + 3 & ~3)
    if end > file_size:
        raise TruncatedError(_cut(end, file_size, False), offset=offset)
    if cflag == WHOLE:
        return Span(offset, end, size)
    return _locate_parts(buffer, offset, end, size)


def _locate_parts(buffer: Buffer, offset: int, end: int, size: int) -> Span:
    """The span of a record of several parts, the first of which has this end and size."""
    file_size = len(buffer)
    for at, magic, lrec, count in _frames(buffer, end, file_size):
        cflag, length = lrec >> 29, lrec & MAX_RECORD
        if magic != MAGIC or cflag not in (MIDDLE, LAST):
            raise CorruptError(_found(magic, cflag, True), offset=at)
        size += count * (4 + length)
        if size > MAX_RECORD:
            raise CorruptError(_too_long(size), offset=offset)
        end = at + count * (8 + (length + 3 & ~3))
        if end > file_size:
            break
        if cflag == LAST:
            return Span(offset, end, size)
    raise TruncatedError(_cut(max(end, file_size + 8), file_size, True), offset=offset)


def _frames(buffer: Buffer, at: int, end: int) -> Iterator[tuple[int, bytes, int, int]]:
    """The heads of frames from here on: where, magic, lrec, and how many equal ones follow.

    A record may have millions of parts of a few bytes: they are read in blocks, and equal ones are
    passed over by numpy.
    """
    start, block, done, wait, before = at, b"", 0, 0, -1
    while end - at >= 8:
        if at + 8 > start + len(block):
            start, block = at, bytes(buffer[at : at + (8 if done < _FEW_PARTS else _BLOCK)])
        magic, lrec = _HEAD.unpack_from(block, at - start)
        count = 1
        if wait:
            wait -= 1
        elif lrec == before and lrec >> 29 == MIDDLE:
            count = max(1, len(_equal_frames(buffer, at, end, lrec)))
            wait = 0 if count > _FEW_PARTS else _WAIT
        yield at, magic, lrec, count
        before, done = lrec, done + 1
        at += count * (8 + ((lrec & MAX_RECORD) + 3 & ~3))


def _equal_frames(buffer: Buffer, at: int, end: int, lrec: int) -> NDArray[np.uint32]:
    """The words, (frames, words), of the frames with this lrec that follow each other here."""
    width = 2 + ((lrec & MAX_RECORD) + 3 >> 2)
    count = min(max(1, _BLOCK // width), (end - at) // (4 * width))
    words = np.frombuffer(buffer[at : at + 4 * width * count], _WORD).reshape(count, width)
    equal = (words[:, 0] == _MAGIC_SCALAR) & (words[:, 1] == lrec)
    return words if equal.all() else words[: int(equal.argmin())]


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
    for at, _, lrec, count in _frames(buffer, span.begin, span.end):
        length = lrec & MAX_RECORD
        for begin in range(at + 8, at + 8 + count * (8 + (length + 3 & ~3)), 8 + (length + 3 & ~3)):
            yield begin, begin + length


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
    for piece in _joined(buffer, span):
        joined += piece
    return bytes(joined)


def _joined(buffer: Buffer, span: Span) -> Iterator[bytes]:
    """The pieces of a record of several parts, checked."""
    for at, _, lrec, count in _frames(buffer, span.begin, span.end):
        length = lrec & MAX_RECORD
        if at > span.begin:
            yield MAGIC
        if count > 1 and length % 4 == 0:
            words = _equal_frames(buffer, at, span.end, lrec)[:count]
            check_inside(words[:, 2:].tobytes(), span.begin, at + 8)
            yield np.delete(words, 1, axis=1).tobytes()[4:]  # magic and data of each
            continue
        for begin in range(at + 8, at + 8 + count * (8 + (length + 3 & ~3)), 8 + (length + 3 & ~3)):
            part = bytes(buffer[begin : begin + length])
            if length >= 4:
                check_inside(part, span.begin, begin)
            yield MAGIC + part if begin > at + 8 else part


def check_frames(buffer: Buffer, span: Span) -> None:
    """Raises CorruptError as `data` does."""
    if span.is_whole:
        check_inside(buffer[span.begin + 8 : span.begin + 8 + span.size], span.begin)
        return
    for _ in _joined(buffer, span):
        pass


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
    data is not looked through, unless the buffer is read by position.
    """
    file_size = len(buffer)
    if 0 <= offset <= file_size - 8:
        if isinstance(buffer, FileBytes):
            magic, size = _HEAD.unpack(buffer[offset : offset + 8])
            end = None  # it is looked through
        else:
            magic, size = _HEAD.unpack_from(buffer, offset)
        begin = offset + 8
        stop = begin + (size + 3 & ~3)
        if magic == MAGIC and size <= MAX_RECORD and stop <= file_size:  # nearly every record
            record = buffer[begin : begin + size]
            record = record if isinstance(record, bytes) else bytes(record)
            if stop != end:
                check_inside(record, offset)
            return record
    return data(buffer, locate(buffer, offset))


def begins_as_records(path: str) -> bool:
    """Whether a file begins as a record file does, whatever its name is."""
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def walk(buffer: Buffer) -> Iterator[Span]:
    """All records in file order; raises as `locate` does, behind the last record that is whole."""
    at, size = 0, len(buffer)
    while at < size:
        span = locate(buffer, at)
        yield span
        at = span.end
