"""Whether an index and its `.rec` agree: each record is in the index, and nothing else is."""

from __future__ import annotations

import os
from array import array
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
from .header_arrays import words_at
from .index import MAX_KEY, Index, Keys
from .index_from_frames import index_of_spans
from .recovery import OnGap, walk_past_damage, whole_file

_ENTRIES = 1 << 16
_LOOKED_AT = 64  # entries of an index


class Cover(NamedTuple):
    """How many records are not in the index, and offsets of it where none begins.

    `strays` are those outside of the damaged regions, which a callback is given.
    """

    missing: int
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


def check_belongs(index: Index, buffer: Buffer, idx: StrPath, rec: StrPath) -> None:
    """Raises IndexFileError where the index is another file's, and not the records damaged.

    No records begin at its offsets then, or not at most of them although the file is whole.
    """
    faults = []
    some = np.unique(np.linspace(0, len(index.offsets) - 1, _LOOKED_AT).astype(np.int64))
    offsets = index.offsets[some] if len(index.offsets) else index.offsets
    for offset in offsets.tolist():
        try:
            locate(buffer, offset)
        except TruncatedError:  # a record begins there
            pass
        except CorruptError as error:
            faults.append(error)
    most = 2 * len(faults) > np.count_nonzero(offsets) > 0  # at 0 each file has a record
    if (faults and len(faults) == len(offsets)) or (most and whole_file(buffer) is not None):
        raise IndexFileError(
            f"at most of its offsets (e.g. byte {faults[0].offset}) no record begins: it"
            f" belongs to another .rec (rectool index {shown(rec)} --force makes a new one)",
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


def cover(offsets: Keys, buffer: Buffer, on_damage: OnGap) -> Cover:
    """Compares offsets with the records that a `.rec` holds.

    Quick where the records at the offsets are whole and lie side by side from the file's start to
    its end; else it goes through the whole file, and `on_damage` is given what is damaged.
    """
    ordered = offsets if bool((offsets[1:] > offsets[:-1]).all()) else np.unique(offsets)
    if _fill(ordered, buffer):
        return Cover(0, ordered[:0])
    begins, ends = array("q"), array("q")

    def note(error: RecordError, begin: int, end: int) -> None:
        begins.append(begin)
        ends.append(end)
        on_damage(error, begin, end)

    spans = walk_past_damage(buffer, note, thorough=False)
    in_file = index_of_spans(spans, buffer, "position").offsets
    missing = len(np.setdiff1d(in_file, ordered, assume_unique=True))
    strays = np.setdiff1d(ordered, in_file, assume_unique=True)
    before = np.searchsorted(begins, strays, side="right")
    ends.append(-MAX_KEY)  # [-1], for strays before all regions
    strays = strays[strays >= np.array(ends, np.int64)[before - 1]]
    _tell_swallowed(strays, in_file, buffer, on_damage)
    return Cover(missing, strays)


def _tell_swallowed(strays: Keys, found: Keys, buffer: Buffer, on_damage: OnGap) -> None:
    """The first record that reaches over one which the index has is damaged."""
    inside = strays[(strays & 3 == 0) & (strays >= 0) & (strays + 8 <= len(buffer))]
    heads = words_at(buffer, inside, 2)
    is_first = np.isin(heads[:, 1] >> 29, (WHOLE, FIRST))
    inside = inside[(heads[:, 0] == MAGIC_WORD) & is_first]
    if len(inside):
        begin, end = int(found[found.searchsorted(inside[0]) - 1]), int(inside[0])
        on_damage(CorruptError(swallows(end), offset=begin), begin, end)


def stray_error(strays: Keys, offsets: Keys, idx: StrPath | None) -> IndexFileError:
    """The error of an index in which some offsets are no records'."""
    entry = int(np.flatnonzero(offsets == strays[0])[0]) + 1
    others = f", and {len(strays) - 1} more" if len(strays) > 1 else ""
    return IndexFileError(
        f"entry {entry}: no record begins at byte {strays[0]}{others}"
        " (rectool index --force makes a new one)",
        path=idx,
    )


def missing_error(missing: int, idx: StrPath | None) -> IndexFileError:
    """The error of an index that leaves records of the file out."""
    return IndexFileError(
        f"{plural(missing, 'record')} of the file not in this index"
        " (rectool index --force makes a new one)",
        path=idx,
    )


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
