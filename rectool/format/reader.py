"""Reading a `.rec`, by position and by key."""

from __future__ import annotations

import contextlib
import mmap
import operator
import os
import stat
from collections.abc import Iterator, Sequence
from functools import cached_property
from types import TracebackType
from typing import overload

from .errors import (
    CorruptError,
    IndexFileError,
    KeyNotFoundError,
    RecordError,
    StrPath,
    TruncatedError,
)
from .frames import Buffer, Span, data, locate, walk
from .index import Index, KeyTable, check_index, read_index, scan_index
from .writer import idx_beside


def map_file(path: StrPath) -> Buffer:
    """The bytes of a file, mapped read-only: nothing is read until it is looked at."""
    with open(path, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise RecordError("no regular file, and records are read from one", path=path)
        if state.st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class RecordReader(Sequence[bytes]):
    """The records of a `.rec` file, in the order of its `.idx`, or of the file where it has none.

    A sequence of bytes: `len`, `[i]` (negative too, and slices, which are lists), iteration; and
    `by_key`. `keys` and `offsets` are read-only int64 arrays of shape (records,); `key_source`
    says what the keys are: "idx", or for a file without one "id" (the records' ids, where all
    are image records and their ids differ) or "position".

    `idx` is the path of the `.idx`; True takes the one beside the `.rec` if there is one; False
    takes none and finds the records by going through the whole file once.

    The file is mapped and there is no position to share: threads, and processes forked or spawned,
    may all use one reader. It pickles as its paths.

    Opening raises OSError where a file cannot be read; IndexFileError where the `.idx` is malformed
    or does not belong to the `.rec`; CorruptError and TruncatedError, which say at which byte,
    where a file without `.idx` is damaged or the last indexed record is not whole. Reading a record
    raises the same two where that record is damaged, and ValueError once the reader is closed.
    """

    def __init__(self, path: StrPath, idx: StrPath | bool = True) -> None:
        self.path = os.fspath(path)
        self._idx_given = idx if isinstance(idx, bool) else os.fspath(idx)
        self._map: Buffer | None = map_file(path)
        beside = idx_beside(path)
        self.idx_path: str | None
        if isinstance(self._idx_given, str):
            self.idx_path = self._idx_given
        else:
            self.idx_path = beside if self._idx_given and os.path.exists(beside) else None
        try:
            index = self._load_index(self._map)
        except BaseException:
            self.close()
            raise
        self.keys, self.offsets, self.key_source = index
        self.keys.flags.writeable = self.offsets.flags.writeable = False

    def _load_index(self, buffer: Buffer) -> Index:
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
            self._locate(buffer, int(index.offsets.max()))
        return index

    def _locate(self, buffer: Buffer, offset: int) -> Span:
        try:
            return locate(buffer, offset)
        except (CorruptError, TruncatedError) as error:
            error.path = self.path
            if self.idx_path is not None and error.offset == offset and type(error) is CorruptError:
                error.message += f"; {os.path.basename(self.idx_path)} may belong to another file"
            raise

    def _buffer(self) -> Buffer:
        if self._map is None:
            raise ValueError(f"{self.path}: reading from a closed reader")
        return self._map

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, position: int) -> bytes: ...
    @overload
    def __getitem__(self, position: slice) -> list[bytes]: ...
    def __getitem__(self, position: int | slice) -> bytes | list[bytes]:
        if isinstance(position, slice):
            return [self.at(int(offset)) for offset in self.offsets[position]]
        return self.at(int(self.offsets[self._checked(position)]))

    def _checked(self, position: int) -> int:
        size = len(self.offsets)
        if not -size <= position < size:
            raise IndexError(f"{self.path}: position {position} of {size} records")
        return position

    def __iter__(self) -> Iterator[bytes]:
        for position in range(len(self)):
            yield self[position]

    def at(self, offset: int) -> bytes:
        """The record whose first frame begins at this byte."""
        buffer = self._buffer()
        return data(buffer, self._locate(buffer, offset))

    def view(self, position: int) -> bytes | memoryview:
        """The record at a position, its bytes not copied unless it has several parts.

        For reading a header without touching the image behind it. The view keeps the file mapped.
        """
        buffer = self._buffer()
        span = self._locate(buffer, int(self.offsets[self._checked(position)]))
        if len(span.parts) > 1:
            return data(buffer, span)
        begin, end = span.parts[0]
        return memoryview(buffer)[begin:end]

    def by_key(self, key: int) -> bytes:
        """The record with this key (the last, of several). Raises KeyNotFoundError."""
        return self[self.position(key)]

    def position(self, key: int) -> int:
        """The position of the record with this key (the last, of several), or KeyNotFoundError."""
        found = self._key_table.find(operator.index(key))
        if found is None:
            raise KeyNotFoundError(f"no record has the key {key}", path=self.path)
        return found

    @cached_property
    def _key_table(self) -> KeyTable:
        return KeyTable(self.keys)

    def spans(self) -> Iterator[Span]:
        """Where all records of the file lie, in file order, whatever its index says."""
        try:
            yield from walk(self._buffer())
        except (CorruptError, TruncatedError) as error:
            error.path = self.path
            raise

    def close(self) -> None:
        """Unmaps the file (once the last view of it is gone). A second call does nothing."""
        mapped, self._map = self._map, None
        if isinstance(mapped, mmap.mmap):
            with contextlib.suppress(BufferError):  # views of it live on; it goes with the last
                mapped.close()

    def __enter__(self) -> RecordReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.path, self._idx_given))

    def __repr__(self) -> str:
        return f"RecordReader({self.path!r}: {len(self)} records)"
