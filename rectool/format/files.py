"""One `.rec` file, mapped."""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from collections.abc import Iterator

from ..system.files import open_regular
from .errors import CorruptError, IndexFileError, StrPath, TruncatedError
from .frames import Buffer, Span, data, locate, record_at, walk
from .index import Index, Keys, check_index, read_index, scan_index, unindexed


def map_file(path: StrPath) -> Buffer:
    """The bytes of a file, mapped read-only: nothing is read until it is looked at.

    A mapping holds a file descriptor before Python 3.13, and none from there on.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        if sys.version_info >= (3, 13):
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, trackfd=False)
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class RecordFile:
    """One `.rec`, mapped, and its records by their byte offsets. Errors name the file.

    `idx_path` is the index that the offsets are from, for errors to tell.
    """

    def __init__(self, path: StrPath, idx_path: str | None = None) -> None:
        self.path = os.fspath(path)
        self.idx_path = idx_path
        self._map: Buffer | None = map_file(path)

    @property
    def buffer(self) -> Buffer:
        """All bytes. Raises ValueError once the file is closed, and so does all that reads them."""
        if self._map is None:
            raise ValueError(f"{self.path}: reading from a closed reader")
        return self._map

    def read(self, offset: int) -> bytes:
        """The record whose first frame begins at this byte."""
        buffer = self._map
        if buffer is None:
            buffer = self.buffer  # raises
        try:
            return record_at(buffer, offset)
        except (CorruptError, TruncatedError) as error:
            self._explain(error, offset)
            raise

    def view(self, offset: int) -> memoryview:
        """The same, not copied unless it has several parts. The view keeps the file mapped."""
        buffer = self.buffer
        try:
            span = locate(buffer, offset)
        except (CorruptError, TruncatedError) as error:
            self._explain(error, offset)
            raise
        if len(span.parts) > 1:
            return memoryview(data(buffer, span))
        begin, end = span.parts[0]
        return memoryview(buffer)[begin:end]

    def _explain(self, error: CorruptError | TruncatedError, offset: int) -> None:
        error.path = self.path
        if self.idx_path is not None and error.offset == offset and type(error) is CorruptError:
            error.message += f"; {os.path.basename(self.idx_path)} may belong to another file"

    def spans(self) -> Iterator[Span]:
        """Where all records lie, in file order."""
        try:
            yield from walk(self.buffer)
        except (CorruptError, TruncatedError) as error:
            error.path = self.path
            raise

    def index(self) -> Index:
        """The index at `idx_path`, checked, or that of the records found in the file."""
        buffer = self.buffer
        if self.idx_path is None:
            scanned, damage = scan_index(buffer)
            if damage is not None:
                damage.path = self.path
                raise damage
            return scanned
        index = read_index(self.idx_path)
        check_index(index, buffer, self.idx_path, self.path)
        if len(buffer) and not len(index.offsets):
            raise IndexFileError("empty, but the .rec is not", path=self.idx_path)
        if len(index.offsets):
            self.view(int(index.offsets.max()))
        return index

    def unindexed(self, offsets: Keys) -> int:
        """How many records are at none of these offsets. Raises where the file is damaged."""
        count, damage = unindexed(offsets, self.buffer)
        if damage is not None:
            damage.path = self.path
            raise damage
        return count

    def close(self) -> None:
        """Unmaps the file, once the last view of it is gone."""
        mapped, self._map = self._map, None
        if isinstance(mapped, mmap.mmap):
            with contextlib.suppress(BufferError):  # views of it live on; it goes with the last
                mapped.close()
