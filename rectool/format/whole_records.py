"""The records that are whole in files that may be damaged."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from ..errors import IndexFileError, RecordError
from .index import join_indexes
from .tolerant import AnyFile


class WholeRecords:
    """What RecordReader is for files that are whole: by position, in the order of the index.

    A damaged file is opened too: reading a damaged record raises CorruptError or TruncatedError,
    and `amiss` says what else is wrong. Raises OSError where a file cannot be read, and
    IndexFileError where its `.idx` is malformed or belongs to another file, and RecordError
    where no record can be found.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        self.name = paths[0] + more
        self._files = [AnyFile(path) for path in paths]
        self.idx_paths = tuple(file.idx for file in self._files)
        problems = [problem for file in self._files for problem in file.problems]
        none = not any(len(file.found.offsets) for file in self._files)
        for problem in problems:
            if none or isinstance(problem, IndexFileError):
                raise problem
        (self.keys, self.offsets, _), self.starts = join_indexes(
            [file.found for file in self._files]
        )

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, position: int) -> bytes:
        return self._files[self.shard(position)].read(int(self.offsets[position]))

    def view(self, position: int) -> memoryview:
        return self._files[self.shard(position)].view(int(self.offsets[position]))

    def shard(self, position: int) -> int:
        return bisect_right(self.starts, position) - 1

    def unindexed(self) -> int:
        """Always 0: `amiss` names records that an index leaves out."""
        return 0

    def amiss(self) -> list[RecordError]:
        found: list[RecordError] = []
        for file, begin, end in zip(self._files, self.starts, self.starts[1:], strict=False):
            file.check_cover()
            offsets = self.offsets[begin:end]
            found += [
                problem if file.idx else _and_no_more(problem)
                for problem in file.problems
                if problem.offset is None or not np.any(offsets == problem.offset)
            ]
        return found

    def close(self) -> None:
        for file in self._files:
            file.close()


def _and_no_more(damage: RecordError) -> RecordError:
    """The damage of a file without index, behind which nothing was found."""
    reason = f"{damage.message}; records behind it were not found"
    return type(damage)(reason, path=damage.path, offset=damage.offset)
