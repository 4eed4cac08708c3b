"""One `.rec` to be looked at, damaged or not."""

from __future__ import annotations

import os

from ..errors import CorruptError, IndexFileError, RecordError, StrPath, shown
from .cover import faults_of
from .frames import locate
from .ids import check_ids
from .index import Index
from .record_file import RecordFile
from .writer import idx_beside

_ATTEMPTS = 3
_MOST_NAMED = 1000


class AnyFile(RecordFile):
    """Opened whatever is wrong with it or its index, which goes to `problems`.

    `idx` is the index beside it, or None; `found` the records, by that index where it can be used.
    A file that is replaced meanwhile is opened again.
    """

    def __init__(self, path: StrPath) -> None:
        for _ in range(_ATTEMPTS):
            super().__init__(path, mapped=False)
            self.problems: list[RecordError] = []
            self.unnamed = 0
            self._cut = False
            beside = idx_beside(path)
            self.idx = beside if os.path.lexists(beside) else None
            self.found = self._index()
            if self.is_current():
                break
        if not len(self.buffer):
            self.note(RecordError("the file is empty (0 bytes): it holds no records"))

    def _index(self) -> Index:
        if self.idx is not None:
            try:
                index, cut = self.usable_index(self.idx)
                self._check_first(index, self.idx)
            except IndexFileError as error:
                self.problems.append(error)
            except OSError as error:
                reason = f"the index cannot be read: {error.strerror or error}"
                self.problems.append(IndexFileError(reason, path=self.idx))
            else:
                self._cut = cut is not None
                self.problems += [] if cut is None else [cut]
                self._check_ids(index, self.idx)
                return index
        index, damage = self.scan(whole=True)
        if damage is not None:
            self.note(damage)
        return index

    def _check_first(self, index: Index, idx: str) -> None:
        """Raises IndexFileError where the index is another file's, and not one record damaged."""
        faults = []
        for position in {0, len(index.offsets) - 1} if len(index.offsets) else ():
            try:
                locate(self.buffer, int(index.offsets[position]))
            except CorruptError as error:
                faults.append(error)
        if len(faults) == min(2, len(index.offsets)) > 0:
            raise IndexFileError(
                f"no records begin at its offsets (byte {faults[0].offset}, for one): it belongs to"
                f" another .rec (rectool index {shown(self.path)} --force makes a new one)",
                path=idx,
            )

    def _check_ids(self, index: Index, idx: str) -> None:
        try:
            check_ids(index, self.buffer, self.path, idx)
        except IndexFileError as error:
            self.problems.append(error)

    def check_cover(self) -> None:
        """Adds to `problems` what the index leaves out or invents, and junk where it has none."""
        if self.found.source != "idx" or self._cut:
            return
        found = self.cover(self.found.offsets)
        known = {problem.offset for problem in self.problems}
        for fault in faults_of(found, self.path, self.idx, self.found.offsets):
            if fault.offset is None or fault.offset not in known:
                self.problems.append(fault)

    def add_damage(self, error: RecordError) -> None:
        """Adds a damaged record to `problems`, or counts it in `unnamed`: there may be millions."""
        if len(self.problems) < _MOST_NAMED:
            self.problems.append(error)
        else:
            self.unnamed += 1

    def note(self, error: RecordError) -> None:
        error.path = self.path
        self.problems.append(error)
