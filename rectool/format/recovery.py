"""Records behind damage: a reader that has lost its place finds the next record's start.

An aligned magic word with cflag 0 or 1 is always a record's start (see `frames`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import CorruptError, RecordError, TruncatedError
from .frames import (
    FIRST,
    LAST,
    MAGIC_WORD,
    MAX_RECORD,
    MIDDLE,
    Buffer,
    Span,
    check_frames,
    check_inside,
    locate,
    swallows,
)
from .index import Keys

_SMALL_BLOCK = 1 << 12
_LARGE_BLOCK = 1 << 20


@dataclass(frozen=True)
class DamagedRegion:
    """Bytes of a file that hold no whole record.

    Attributes:
        path: The file.
        begin: The first damaged byte.
        end: The first byte behind the region. It equals `begin` where a file was cut between two
            records.
        reason: What is wrong there.
    """

    path: str
    begin: int
    end: int
    reason: str

    def error(self) -> CorruptError:
        extent = f"; damaged up to byte {self.end}" if self.end > self.begin else ""
        reason = self.reason + extent
        return CorruptError(reason, path=self.path, offset=self.begin)


OnDamage = Callable[[DamagedRegion], object]
OnGap = Callable[[RecordError, int, int], object]
"""What is given a damaged region of a buffer: an error, where the region begins and ends."""


def next_record(buffer: Buffer, offset: int) -> int:
    """Where the first record at or behind `offset` begins; the buffer's size if there is none.

    Whether that record is whole is not looked at.
    """
    at, stop, block = offset + 3 & ~3, len(buffer) & ~3, _SMALL_BLOCK
    while stop - at >= 8:
        words = np.frombuffer(buffer[at : min(at + block, stop)], "<u4")
        is_start = (words[:-1] == MAGIC_WORD) & (words[1:] >> 29 <= FIRST)
        if is_start.any():
            return at + 4 * int(is_start.argmax())
        at += 4 * (len(words) - 1)
        block = min(2 * block, _LARGE_BLOCK)
    return len(buffer)


def whole_file(buffer: Buffer) -> Keys | None:
    """Where all records begin, where there is nothing but whole ones; else None.

    All data is read, in blocks, and no record by itself: each aligned magic word must begin the
    frame that is due there.
    """
    size = len(buffer)
    found = [np.empty(0, np.int64)]
    end, inside = 0, False
    for at in range(0, size, _LARGE_BLOCK):
        words = np.frombuffer(buffer[at : min(at + _LARGE_BLOCK + 4, size & ~3)], "<u4")
        frames = np.flatnonzero(words[:-1] == MAGIC_WORD)
        if not len(frames):
            continue
        begins, lrecs = at + 4 * frames, words[frames + 1].astype(np.int64)
        ends = begins + 8 + ((lrecs & MAX_RECORD) + 3 & ~3)
        cflags = lrecs >> 29
        continued = np.append(inside, np.isin(cflags, (FIRST, MIDDLE)))
        due = np.append(end, ends[:-1])
        bad = (cflags > LAST) | (begins != due) | ((cflags > FIRST) != continued[:-1])
        if bad.any():
            return None
        found.append(begins[cflags <= FIRST])
        end, inside = int(ends[-1]), bool(continued[-1])
    records = np.concatenate(found)
    longest = np.diff(records, append=size).max(initial=0)
    return records if end == size and not inside and longest <= MAX_RECORD else None


def walk_past_damage(buffer: Buffer, on_damage: OnGap, *, thorough: bool = True) -> Iterator[Span]:
    """All whole records in file order; `on_damage` is given what is between them.

    All data is read, unless `thorough` is false, so that a record which reaches over another is
    found to be damaged.
    """
    at, size = 0, len(buffer)
    while at < size:
        try:
            span = locate(buffer, at)
            if thorough:
                _check_data(buffer, span)
        except (CorruptError, TruncatedError) as error:
            end = next_record(buffer, at + 4)
            on_damage(error, at, end)
            at = end
        else:
            yield span
            at = span.end


def _check_data(buffer: Buffer, span: Span) -> None:
    """Raises CorruptError where another record begins inside of this one.

    In blocks, and only as far as needed: frames with damaged lengths may overlap by the million.
    """
    if not span.is_whole:
        inside = next_record(buffer, span.begin + 4)
        if inside < span.end:
            raise CorruptError(swallows(inside), offset=span.begin)
        check_frames(buffer, span)
        return
    at, end, block = span.begin + 8, span.begin + 8 + span.size, _SMALL_BLOCK
    while at < end:
        check_inside(buffer[at : min(at + block, end)], span.begin, at)
        at, block = at + block, min(2 * block, _LARGE_BLOCK)
