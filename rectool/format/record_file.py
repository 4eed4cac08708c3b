"""One `.rec` file, opened."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from ..errors import CorruptError, IndexFileError, RecordError, StrPath, TruncatedError, shown
from ..system.contents import HEAD, content_of
from ..system.reading import FileBytes, FileState, Mapping, open_bytes, state_of
from .cover import Cover, check_index, cover, cut_short, faults_of
from .frames import MAGIC, Buffer, Span, data, locate, record_at, swallows, walk
from .index import Index, Keys, read_index
from .scan import KeySource, scan_index
from .writer import idx_beside

_ATTEMPTS = 20
_PAUSE = 0.01  # seconds between two
_RECENT = 1.0  # seconds: a .rec that is no older may get its .idx any moment


def map_file(path: StrPath) -> Mapping | FileBytes:
    """The bytes of a file, mapped where that is possible: nothing is read until it is looked at."""
    return open_bytes(path)


class RecordFile:
    """One `.rec`, and its records by their byte offsets. Errors name the file.

    `idx_path` is the index that the offsets are from, for errors to tell. Not `mapped` it is read
    by position: slower, each record looked through, and an OSError where the file is cut meanwhile.
    """

    def __init__(self, path: StrPath, idx_path: str | None = None, *, mapped: bool = True) -> None:
        self.path = os.fspath(path)
        self.idx_path = idx_path
        self._absolute = os.path.abspath(path)
        self._bytes: Mapping | FileBytes | None = open_bytes(path, mapped=mapped)
        self.state: FileState = self._bytes.state

    @property
    def buffer(self) -> Buffer:
        """All bytes. Raises ValueError once the file is closed, and so does all that reads them."""
        if self._bytes is None:
            raise ValueError(_closed(self.path))
        return self._bytes

    def read(self, offset: int, end: int | None = None) -> bytes:
        """The record whose first frame begins at this byte.

        `end` is where the next one begins by the index, if that is in the order of the file.
        """
        opened = self._bytes
        if opened is None:
            raise ValueError(_closed(self.path))
        try:
            return record_at(opened, offset, end)
        except (CorruptError, TruncatedError) as error:
            raise self._explained(error, offset, end) from None

    def view(self, offset: int, end: int | None = None) -> memoryview:
        """The same, not copied where the file is mapped and the record has one part.

        It is then not looked through either. The view keeps the file mapped.
        """
        buffer = self.buffer
        try:
            span = locate(buffer, offset)
            if end is not None and span.end > end:
                raise CorruptError(swallows(end), offset=offset)
            if isinstance(buffer, FileBytes) or not span.is_whole:
                return memoryview(data(buffer, span))
        except (CorruptError, TruncatedError) as error:
            raise self._explained(error, offset, end) from None
        return memoryview(buffer)[offset + 8 : offset + 8 + span.size]

    def _explained(
        self, error: CorruptError | TruncatedError, offset: int, end: int | None
    ) -> CorruptError | TruncatedError:
        """The error with its file, and what there is to say about its cause."""
        truncated = isinstance(error, TruncatedError) and error.offset == offset
        if truncated and end is not None and offset < end < len(self.buffer):
            error = CorruptError(swallows(end), offset=offset)  # its length, not the file, is wrong
        elif isinstance(error, TruncatedError):
            error.message += f" (rectool pack {shown(self.path)} OUT makes a .rec of what is whole)"
        elif self.idx_path is not None and error.offset == offset and "another" not in str(error):
            error.message += f"; {os.path.basename(self.idx_path)} may belong to another file"
        if error.offset == 0:
            error.message = self._other_content() or error.message
        error.path = self.path
        return error

    def _other_content(self) -> str | None:
        """What the file is where it does not begin as a record file does, None where it does."""
        start = bytes(self.buffer[:HEAD])
        content = None if start[:4] == MAGIC[: len(start)] else content_of(start)
        if content is None or not any(start):
            return None
        advice = f"; {content.advice}" if content.advice else ""
        return f"this is {content.name}, and no record file{advice}"

    def spans(self) -> Iterator[Span]:
        """Where all records lie, in file order."""
        try:
            yield from walk(self.buffer)
        except (CorruptError, TruncatedError) as error:
            raise self._explained(error, -1, None) from None

    def index(self) -> Index:
        """The index at `idx_path`, checked, or that of the records found in the file."""
        if self.idx_path is None:
            scanned, damage = self.scan()
            if damage is not None:
                raise damage
            return scanned
        index = self.read_index(self.idx_path)
        if len(index.offsets):
            self.view(int(index.offsets.max()))
        return index

    def read_index(self, idx: str) -> Index:
        """An index of this file. Raises IndexFileError where that cannot be."""
        index, error = self.usable_index(idx)
        if error is not None:
            raise error
        return index

    def usable_index(self, idx: str) -> tuple[Index, RecordError | None]:
        """The index, or the part of it that is left where the file was cut, and that error."""
        index = read_index(idx, len(self.buffer))
        try:
            check_index(index, self.buffer, idx, self.path)
        except TruncatedError as error:
            cut = cut_short(index, self.buffer)
            if cut is None:
                raise
            return cut.entries, error
        if len(self.buffer) and not len(index.offsets):
            raise IndexFileError("the index is empty, but the .rec is not", path=idx)
        return index, None

    def scan(
        self, keys: KeySource = "auto", *, whole: bool = False
    ) -> tuple[Index, RecordError | None]:
        """The index of the records found, up to the first damage; see `scan_index`."""
        try:
            index, damage = scan_index(self.buffer, keys, whole=whole)
        except IndexFileError as error:
            error.path = self.path
            raise
        if isinstance(damage, CorruptError | TruncatedError):
            damage = self._explained(damage, -1, None)
        return index, damage

    def cover(self, offsets: Keys) -> Cover:
        """How an index's offsets agree with the records in the file."""
        found = cover(offsets, self.buffer)
        if isinstance(found.damage, CorruptError | TruncatedError):
            return found._replace(damage=self._explained(found.damage, -1, None))
        return found

    def unindexed(self, offsets: Keys) -> int:
        """How many records are at none of these offsets. Raises where anything else is amiss."""
        found = self.cover(offsets)
        for fault in faults_of(found._replace(missing=0), self.path, self.idx_path, offsets):
            raise fault
        return found.missing

    def is_current(self, *, loosely: bool = False) -> bool:
        """Whether the path still leads to the file that was opened.

        `loosely` takes another inode for it: some file systems give a new one at each look.
        """
        try:
            now = state_of(self._absolute)
        except FileNotFoundError:
            return False
        return now[2:] == self.state[2:] if loosely else now == self.state

    def close(self) -> None:
        """Closes the file, once the last view of it is gone."""
        opened, self._bytes = self._bytes, None
        if opened is not None:
            with contextlib.suppress(BufferError):  # views of it live on; it goes with the last
                opened.close()


def _closed(path: str) -> str:
    return f"{path}: reading from a closed reader"


def open_pair(
    path: StrPath, idx: str | bool = True, *, mapped: bool = True
) -> tuple[RecordFile, Index]:
    """A `.rec` with its index, both of one version where they are replaced meanwhile.

    `idx` is as RecordReader's. Raises what RecordFile and its `index` raise, and RecordError where
    the files are replaced again and again.
    """
    beside = idx_beside(path)
    for attempt in range(_ATTEMPTS):
        has_idx = idx is True and os.path.exists(beside)
        idx_path = idx if isinstance(idx, str) else beside if has_idx else None
        file = RecordFile(path, idx_path, mapped=mapped)
        try:
            index = file.index()
        except (FileNotFoundError, RecordError) as error:
            current = file.is_current()
            file.close()
            if current and not (has_idx and isinstance(error, FileNotFoundError)):
                raise
        except BaseException:
            file.close()
            raise
        else:
            is_last = attempt == _ATTEMPTS - 1
            if _belongs(file, idx, beside) and file.is_current(loosely=is_last):
                return file, index
            file.close()
        time.sleep(_PAUSE)
    raise RecordError("the file is replaced again and again while it is opened", path=path)


def _belongs(file: RecordFile, idx: str | bool, beside: str) -> bool:
    """Whether a file that was found without an index still has none."""
    if idx is not True or file.idx_path is not None:
        return True
    with contextlib.suppress(FileNotFoundError):
        if time.time() - os.stat(file.path).st_ctime < _RECENT:
            time.sleep(_PAUSE)
    return not os.path.exists(beside)
