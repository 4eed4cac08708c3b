"""Whether an index and its `.rec` agree: each record is in the index, and nothing else is."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from ..errors import (
    CorruptError,
    IndexFileError,
    RecordError,
    StrPath,
    TruncatedError,
    plural,
    shown,
)
from .frames import FIRST, MAGIC_WORD, MAX_RECORD, WHOLE, Buffer, locate, swallows
from .heads import words_at
from .index import Index, Keys
from .scan import scan_index

_ENTRIES = 1 << 16


class Cover(NamedTuple):
    """How many records are not in the index, what is damaged, and offsets where none begins.

    `strays` has the offsets of the index that lie inside a record before the damage.
    """

    missing: int
    damage: RecordError | None
    strays: Keys


def check_index(index: Index, buffer: Buffer, idx: StrPath, rec: StrPath) -> None:
    """Raises IndexFileError where offsets cannot be records' starts in this `.rec`.

    TruncatedError, of the `.rec`, where it was cut and the index is that of the whole file.
    """
    for first in range(0, len(index.offsets), _ENTRIES):
        offsets = index.offsets[first : first + _ENTRIES]
        bad = np.flatnonzero((offsets < 0) | (offsets >= len(buffer)) | (offsets & 3 != 0))
        if not len(bad):
            continue
        cut = cut_short(index, buffer)
        if cut is not None:
            raise cut_error(cut, index, buffer, idx, rec)
        number = first + int(bad[0])
        offset = int(index.offsets[number])
        what = (
            f"is beyond its end ({len(buffer)} bytes)"
            if offset >= len(buffer)
            else "is no multiple of 4, where records begin"
        )
        raise IndexFileError(
            f"entry {number + 1}: byte {offset} of {shown(os.path.basename(rec))} {what}:"
            f" this index belongs to another .rec (rectool index {shown(rec)} --force makes a new"
            " one)",
            path=idx,
        )


class CutIndex(NamedTuple):
    """The entries of records that are whole in a file that was cut, and where the last one ends."""

    entries: Index
    end: int


def cut_short(index: Index, buffer: Buffer) -> CutIndex | None:
    """What is left of an index whose `.rec` was cut; None where the index is not that file's.

    Records must begin at all of its offsets before the file's end, one of them must be whole, and
    the next must begin where the last whole one ends.
    """
    inside = (index.offsets >= 0) & (index.offsets + 8 <= len(buffer))
    offsets = index.offsets[inside]
    if not len(offsets) or (index.offsets & 3).any():
        return None
    if (words_at(buffer, offsets, 1)[:, 0] != MAGIC_WORD).any():
        return None
    keys, end = index.keys[inside], 0
    while len(offsets):
        try:
            end = locate(buffer, int(offsets.max())).end
            break
        except TruncatedError:
            whole = offsets < offsets.max()
            keys, offsets = keys[whole], offsets[whole]
        except RecordError:
            return None
    behind = index.offsets[index.offsets >= end]
    if not len(offsets) or not len(behind) or int(behind.min()) != end:
        return None
    return CutIndex(Index(keys, offsets, "idx"), end)


def cut_error(
    cut: CutIndex, index: Index, buffer: Buffer, idx: StrPath, rec: StrPath
) -> TruncatedError:
    """The error that a `.rec` was cut."""
    total, lost = len(index.offsets), len(index.offsets) - len(cut.entries.offsets)
    return TruncatedError(
        f"the file was cut: it has {len(buffer)} bytes, its last whole record ends at byte"
        f" {cut.end}, and {lost} of the {plural(total, 'record')} in {shown(os.path.basename(idx))}"
        f" lie behind it (rectool pack {shown(rec)} OUT makes a .rec of those that are whole)",
        path=rec,
    )


def cover(offsets: Keys, buffer: Buffer) -> Cover:
    """Compares offsets with the records that a `.rec` holds, up to its first damage.

    Quick where the records at the offsets are whole and lie side by side from the file's start to
    its end; else it goes through the whole file.
    """
    ordered = offsets if bool((offsets[1:] > offsets[:-1]).all()) else np.unique(offsets)
    if _fill(ordered, buffer):
        return Cover(0, None, ordered[:0])
    in_file, damage = scan_index(buffer, "position")
    missing = len(np.setdiff1d(in_file.offsets, ordered, assume_unique=True))
    strays = np.setdiff1d(ordered, in_file.offsets, assume_unique=True)
    if damage is not None and damage.offset is not None:
        strays = strays[strays < _first_unknown(in_file.offsets, buffer)]
    swallowed = _swallowed(strays, in_file.offsets, buffer)
    return Cover(missing, swallowed or damage, strays)


def _first_unknown(found: Keys, buffer: Buffer) -> int:
    """The end of the last record that was found."""
    return locate(buffer, int(found[-1])).end if len(found) else 0


def _swallowed(strays: Keys, found: Keys, buffer: Buffer) -> RecordError | None:
    """The error that a record reaches over one which the index has, or None."""
    inside = strays[(strays & 3 == 0) & (strays >= 0) & (strays + 8 <= len(buffer))]
    heads = words_at(buffer, inside, 2)
    is_first = np.isin(heads[:, 1] >> 29, (WHOLE, FIRST))
    inside = inside[(heads[:, 0] == MAGIC_WORD) & is_first]
    if not len(inside):
        return None
    offset = int(found[found.searchsorted(inside[0]) - 1])
    return CorruptError(swallows(int(inside[0])), offset=offset)


def faults_of(found: Cover, rec: StrPath, idx: StrPath | None, offsets: Keys) -> list[RecordError]:
    """What is wrong with a `.rec` and its index, as errors with their files."""
    faults: list[RecordError] = []
    if found.missing:
        faults.append(
            IndexFileError(
                f"{plural(found.missing, 'record')} of the file not in this index"
                " (rectool index --force makes a new one)",
                path=idx,
            )
        )
    if found.damage is not None:
        found.damage.path = rec
        faults.append(found.damage)
    elif len(found.strays):
        entry = int(np.flatnonzero(offsets == found.strays[0])[0]) + 1
        others = f", and {len(found.strays) - 1} more" if len(found.strays) > 1 else ""
        faults.append(
            IndexFileError(
                f"entry {entry}: no record begins at byte {found.strays[0]}{others}"
                " (rectool index --force makes a new one)",
                path=idx,
            )
        )
    return faults


def _fill(offsets: Keys, buffer: Buffer) -> bool:
    """Whether records at these offsets, which increase, fill the file without gap or overlap."""
    size = len(buffer)
    if not len(offsets):
        return not size
    if size % 4 or int(offsets[-1]) > size - 8 or int(offsets[0]) < 0 or (offsets & 3).any():
        return False
    end = 0
    for first in range(0, len(offsets), _ENTRIES):
        begins = offsets[first : first + _ENTRIES]
        words = words_at(buffer, begins, 2)
        if (words[:, 0] != MAGIC_WORD).any():
            return False
        heads = words[:, 1].astype(np.int64)
        ends = begins + 8 + ((heads & MAX_RECORD) + 3 & ~3)
        for cut in np.flatnonzero(heads >> 29 != WHOLE).tolist():
            try:
                ends[cut] = locate(buffer, int(begins[cut])).end
            except RecordError:
                return False
        if int(begins[0]) != end or (begins[1:] != ends[:-1]).any():
            return False
        end = int(ends[-1])
    return end == size
