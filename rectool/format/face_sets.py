"""The keys that records of an InsightFace data set name: are there such records?

Record 0, the header, names the keys of the identities' records; each of these the keys of a
person's images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import plural, shown
from .header import face_ranges
from .header_arrays import plain_headers
from .read_headers import read_labels
from .record_file import RecordFile

_BLOCK = 1 << 16  # records that are looked at at once
_EXACT = 1 << 24  # float32, which holds them, rounds larger keys

Keys = NDArray[np.int64]


def named_key_problems(keys: Keys, identities: range, ranges: NDArray[np.float32]) -> list[str]:
    """What is wrong with the keys that a data set's records name, a line each.

    `identities` are those in the header, `ranges` (records, 2) those in the identities' records.
    """
    known = np.unique(keys)
    problems = []
    if identities.stop <= _EXACT:
        header = np.array([[identities.start, identities.stop]], np.float64)
        count, first = _missing(known, header)
        if count:
            problems.append(
                f"its header names the records of {plural(len(identities), 'identity')}, and"
                f" {count} of them are missing: key {first}, for one"
            )
    begins, ends = ranges.astype(np.float64).T
    usable = (begins >= 0) & (begins <= ends) & (begins % 1 == 0) & (ends % 1 == 0)
    if not usable.all():
        wrong = plural(int(np.count_nonzero(~usable)), "record")
        problems.append(f"{wrong} of identities name no range of keys")
    count, first = _missing(known, ranges[usable & (ends <= _EXACT)].astype(np.float64))
    if count:
        images = plural(count, "key")
        problems.append(f"its identities name {images} that no record has: key {first}, for one")
    return problems


def _missing(known: Keys, ranges: NDArray[np.float64]) -> tuple[int, int | None]:
    """How many keys of these ranges are not known, and the first of them."""
    begins, ends = ranges.astype(np.int64).T
    lacks = ends - begins - (known.searchsorted(ends) - known.searchsorted(begins))
    at = np.flatnonzero(lacks)
    if not len(at):
        return 0, None
    named = np.arange(begins[at[0]], ends[at[0]])
    return int(lacks.sum()), int(named[~np.isin(named, known)][0])


class FaceFiles:
    """Takes the records of one file after the other; `headers` are the files with such a header."""

    def __init__(self) -> None:
        self.headers: list[str] = []
        self._identities = range(0)
        self._files: list[tuple[RecordFile, Keys, Keys]] = []

    def add(self, file: RecordFile, keys: Keys, offsets: Keys) -> bool:
        """Whether a header is among them. Damaged records are passed over."""
        self._files.append((file, keys, offsets))
        first = offsets[keys == 0]
        for offset in first[_are_bare(file, first)][:1].tolist():
            identities = face_ranges(file.read(offset))
            if len(identities):
                self._identities = identities
                self.headers.append(file.path)
                return True
        return False

    def problems(self) -> list[str]:
        """What is wrong with the keys that the records name. Other data sets are not looked at."""
        if not self.headers:
            return []
        known, named = [], [np.empty((0, 2), np.float32)]
        for file, keys, offsets in self._files:
            known.append(keys)
            chosen = np.flatnonzero(
                (keys >= self._identities.start) & (keys < self._identities.stop)
            )
            for at in range(0, len(chosen), _BLOCK):
                part = offsets[chosen[at : at + _BLOCK]]
                named.append(read_labels(file, part[_are_bare(file, part)], 2))
        faults = named_key_problems(np.concatenate(known), self._identities, np.concatenate(named))
        return [f"{shown(self.headers[0])}: {fault}" for fault in faults]


def _are_bare(file: RecordFile, offsets: Keys) -> NDArray[np.bool_]:
    """Which records have two labels and nothing else."""
    headers, plain = plain_headers(file.buffer, offsets)
    bare: NDArray[np.bool_] = plain & (headers.flags == 2) & (headers.payloads == 0)
    return bare
