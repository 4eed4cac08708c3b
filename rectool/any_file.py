"""One `.rec` to be looked at, damaged or not."""

from __future__ import annotations

import os

from .format import (
    CorruptError,
    Index,
    IndexFileError,
    RecordError,
    RecordFile,
    StrPath,
    check_index,
    idx_beside,
    locate,
    plural,
    read_index,
    scan_index,
    unindexed,
)


class AnyFile(RecordFile):
    """Opened whatever is wrong with it or its index, which goes to `problems`.

    `idx` is the index beside it, or None; `found` the records, by that index where it can be used.
    """

    def __init__(self, path: StrPath) -> None:
        super().__init__(path)
        self.problems: list[RecordError] = []
        beside = idx_beside(path)
        self.idx = beside if os.path.exists(beside) else None
        self.found = self._index()

    def _index(self) -> Index:
        if self.idx is not None:
            try:
                index = read_index(self.idx)
                check_index(index, self.buffer, self.idx, self.path)
                self._check_first(index, self.idx)
            except IndexFileError as error:
                self.problems.append(error)
            else:
                return index
        index, damage = scan_index(self.buffer)
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
                " another .rec (rectool index --force makes a new one)",
                path=idx,
            )

    def check_cover(self) -> None:
        """Adds to `problems` records that the index leaves out, and junk where it has none."""
        if self.found.source != "idx":
            return
        missing, damage = unindexed(self.found.offsets, self.buffer)
        if missing:
            self.problems.append(
                IndexFileError(
                    f"{plural(missing, 'record')} of the file not in this index"
                    " (rectool index --force makes a new one)",
                    path=self.idx,
                )
            )
        if damage is not None and all(damage.offset != known.offset for known in self.problems):
            self.note(damage)

    def note(self, error: RecordError) -> None:
        error.path = self.path
        self.problems.append(error)
