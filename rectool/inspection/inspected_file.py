"""One `.rec` to be looked at, damaged or not."""

from __future__ import annotations

import os

import numpy as np

from ..errors import CorruptError, IndexFileError, RecordError, StrPath
from ..format.check_ids import check_ids
from ..format.check_index import missing_error, stray_error
from ..format.index import Index
from ..format.record_file import RecordFile, open_pair
from ..format.recovery import DamagedRegion
from ..format.writer import idx_beside

_MOST_NAMED = 1000
_NO_RECORDS = Index(np.empty(0, np.int64), np.empty(0, np.int64), "position")


class InspectedFile:
    """A file opened whatever is wrong with it or its index, which goes to `problems`.

    `file` is the file, `idx` the index beside it, or None; `found` the records, by that index where
    it can be used. Of more than a thousand problems the others are counted in `unnamed`.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = os.fspath(path)
        self.problems: list[RecordError] = []
        self.unnamed = 0
        beside = idx_beside(path)
        self.idx = beside if os.path.lexists(beside) else None
        self._cut = False
        self.file, self.found = self._open()
        if not len(self.file.buffer):
            reason = "the file is empty (0 bytes): it holds no records"
            self._note(RecordError(reason, path=self.path))

    def _open(self) -> tuple[RecordFile, Index]:
        if self.idx is not None:
            try:
                file, index = open_pair(
                    self.path, self.idx, mapped=False, on_damage=self._note_region
                )
            except IndexFileError as error:
                self._note(error)
            except OSError as error:
                if error.filename != self.idx:
                    raise
                reason = f"the index cannot be read: {error.strerror or error}"
                self._note(IndexFileError(reason, path=self.idx))
            else:
                self._cut = bool(self.problems)
                self._check_ids(file, index)
                return file, index
        try:
            return open_pair(self.path, idx=False, mapped=False, on_damage=self._note_region)
        except CorruptError as error:  # a file of another kind
            self._note(error)
            return RecordFile(self.path, mapped=False), _NO_RECORDS

    def _check_ids(self, file: RecordFile, index: Index) -> None:
        try:
            check_ids(index, file.buffer, self.path, self.idx)
        except IndexFileError as error:
            self._note(error)

    def check_cover(self) -> None:
        """Adds to `problems` what the index leaves out or invents, and what is damaged."""
        if self.found.source != "idx" or self._cut:
            return
        before = len(self.problems)
        offsets = self.found.offsets
        cover = self.file.cover(offsets, self._note_region)
        if cover.missing:
            self._note(missing_error(cover.missing, self.idx))
        if len(cover.strays) and len(self.problems) == before:
            self._note(stray_error(cover.strays, offsets, self.idx))

    def add_damage(self, error: RecordError, offset: int) -> None:
        """Adds the damaged record at an offset to `problems`."""
        self._note(self.file.region(error, offset).error())

    def _note_region(self, region: DamagedRegion) -> None:
        self._note(region.error())

    def _note(self, error: RecordError) -> None:
        if len(self.problems) < _MOST_NAMED:
            self.problems.append(error)
        else:
            self.unnamed += 1
