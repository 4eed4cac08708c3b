"""One `.rec` file, opened."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence

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
from ..system.file_bytes import FileBytes, FileState, Mapping, open_bytes, state_of
from ..system.file_signatures import HEAD, content_of
from .check_index import Cover, check_belongs, check_index, cover, cut_short, stray_error
from .frames import MAGIC, Buffer, data, locate, record_at, swallows, walk
from .index import Index, Keys, read_index
from .index_from_frames import KeySource, index_of_records, index_of_spans
from .recovery import DamagedRegion, OnDamage, next_record, walk_past_damage, whole_file
from .writer import idx_beside

_ATTEMPTS = 20
_PAUSE = 0.01  # seconds between two
_RECENT = 1.0  # seconds: a .rec that is no older may get its .idx any moment


class RecordFile:
    """One `.rec`, and its records by their byte offsets. Errors name the file.

    `idx_path` is the index that the offsets are from, for errors to tell. Not `mapped` it is read
    by position: slower, each record looked through, and an OSError where the file is cut meanwhile.
    """

    def __init__(self, path: StrPath, idx_path: str | None = None, *, mapped: bool = True) -> None:
        self.path = os.fspath(path)
        self.idx_path = idx_path
        self._doubts_index = idx_path is not None
        self._absolute = os.path.abspath(path)
        self._bytes: Mapping | FileBytes | None = open_bytes(path, mapped=mapped)
        self.state: FileState = self._bytes.state

    @property
    def buffer(self) -> Buffer:
        """All bytes. Raises ValueError once the file is closed, and so does all that reads them."""
        if self._bytes is None:
            raise ValueError(_closed(self.path))
        return self._bytes

    def read_next(self, offset: int, end: int | None = None) -> tuple[bytes, int]:
        """The record that begins at this byte, and where the next one should begin.

        `end` is as for `read`.
        """
        record = self.read(offset, end)
        size = int.from_bytes(self.buffer[offset + 4 : offset + 8], "little")
        if size == len(record):  # in one frame
            return record, offset + 8 + (size + 3 & ~3)
        return record, locate(self.buffer, offset).end

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
        if isinstance(buffer, FileBytes):
            return memoryview(self.read(offset))
        try:
            span = locate(buffer, offset)
            if end is not None and span.end > end:
                raise CorruptError(swallows(end), offset=offset)
            if not span.is_whole:
                return memoryview(data(buffer, span))
        except (CorruptError, TruncatedError) as error:
            raise self._explained(error, offset, end) from None
        return memoryview(buffer)[offset + 8 : offset + 8 + span.size]

    def _explained(
        self, error: CorruptError | TruncatedError, offset: int, end: int | None
    ) -> CorruptError | TruncatedError:
        """The error with its file, and what there is to say about its cause."""
        truncated = isinstance(error, TruncatedError) and error.offset == offset
        hint = ""
        if truncated and end is not None and offset < end < len(self.buffer):
            error = CorruptError(swallows(end), offset=offset)  # its length, not the file, is wrong
        elif isinstance(error, TruncatedError):
            hint = f" (rectool pack {shown(self.path)} OUT makes a .rec of what is whole)"
        elif self._doubts_index and error.offset == offset and "another" not in str(error):
            hint = f"; {os.path.basename(self.idx_path or '')} may belong to another file"
        content = self._other_content() if error.offset == 0 else None
        if content is not None:
            return type(error)(content, path=self.path, offset=0)
        return error.located(path=self.path, suffix=hint)

    def _other_content(self) -> str | None:
        """What the file is where it does not begin as a record file does, None where it does."""
        start = bytes(self.buffer[:HEAD])
        content = None if start[:4] == MAGIC[: len(start)] else content_of(start)
        if content is None or not any(start):
            return None
        advice = f"; {content.advice}" if content.advice else ""
        return f"this is {content.name}, not a record file{advice}"

    def region(self, error: RecordError, begin: int, end: int | None = None) -> DamagedRegion:
        """The damaged bytes from a record's beginning to `end`, or to where the next one begins."""
        if end is None:
            end = next_record(self.buffer, begin + 4)
        reason = error.message
        if isinstance(error, TruncatedError) and end < len(self.buffer):
            reason = swallows(end)  # its length, not the file, is wrong
        elif error.offset not in (None, begin):
            reason = f"byte {error.offset}: {reason}"
        return DamagedRegion(self.path, begin, end, reason)

    def index(self, on_damage: OnDamage | None = None) -> Index:
        """The index at `idx_path`, checked, or that of the records found in the file.

        With `on_damage` that of all records that can be found, whatever is between them.
        """
        if self.idx_path is None:
            return self.scan(on_damage=on_damage)
        if on_damage is not None:
            return self._index_of_damaged(self.idx_path, on_damage)
        index = self.read_index(self.idx_path)
        if len(index.offsets):
            self.view(int(index.offsets.max()))
        return index

    def _index_of_damaged(self, idx: str, on_damage: OnDamage) -> Index:
        """The index, or what is left of it where the file was cut."""
        try:
            index = self.read_index(idx)
        except TruncatedError as error:
            index = read_index(idx, len(self.buffer))
            cut = cut_short(index, self.buffer)
            if cut is None:
                raise
            on_damage(DamagedRegion(self.path, cut.end, len(self.buffer), error.message))
            index = cut.entries
        check_belongs(index, self.buffer, idx, self.path)
        self._doubts_index = False
        return index

    def read_index(self, idx: str) -> Index:
        """An index of this file. Raises IndexFileError where that cannot be."""
        index = read_index(idx, len(self.buffer))
        check_index(index, self.buffer, idx, self.path)
        if len(self.buffer) and not len(index.offsets):
            raise IndexFileError("the index is empty, but the .rec is not", path=idx)
        return index

    def scan(self, keys: KeySource = "auto", on_damage: OnDamage | None = None) -> Index:
        """The index of the records that are found in the file.

        Raises CorruptError or TruncatedError where it is damaged, or with `on_damage` goes on at
        the next record, unless the file is of another kind. Then all data is read.
        """
        buffer = self.buffer

        def tell(error: RecordError, begin: int, end: int) -> None:
            if on_damage is None or (begin == 0 and self._other_content()):
                raise error
            on_damage(self.region(error, begin, end))

        try:
            offsets = None if on_damage is None else whole_file(buffer)
            if offsets is not None:
                return index_of_records(offsets, buffer, keys)
            spans = walk(buffer) if on_damage is None else walk_past_damage(buffer, tell)
            return index_of_spans(spans, buffer, keys)
        except (CorruptError, TruncatedError) as error:
            raise self._explained(error, -1, None) from None
        except IndexFileError as error:
            raise error.located(path=self.path) from None

    def cover(self, offsets: Keys, on_damage: OnDamage) -> Cover:
        """How an index's offsets agree with the records in the file.

        Damage of records at these offsets is left to those who read them.
        """
        known = np.unique(offsets)

        def tell(error: RecordError, begin: int, end: int) -> None:
            at = int(known.searchsorted(begin))
            if at == len(known) or known[at] != begin:
                on_damage(self.region(error, begin, end))

        return cover(offsets, self.buffer, tell)

    def unindexed(self, offsets: Keys, on_damage: OnDamage | None = None) -> int:
        """How many records are at none of these offsets.

        Raises where anything else is wrong; with `on_damage` that is given what is damaged.
        """
        if on_damage is not None:
            return self.cover(offsets, on_damage).missing

        def refuse(error: RecordError, *_: int) -> None:
            raise error

        try:
            found = cover(offsets, self.buffer, refuse)
        except (CorruptError, TruncatedError) as error:
            raise self._explained(error, -1, None) from None
        if len(found.strays):
            raise stray_error(found.strays, offsets, self.idx_path)
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
    return f"{path}: the reader is closed"


def open_pair(
    path: StrPath, idx: str | bool = True, *, mapped: bool = True, on_damage: OnDamage | None = None
) -> tuple[RecordFile, Index]:
    """A `.rec` with its index, both of one version where they are replaced meanwhile.

    `idx` and `on_damage` are as RecordReader's. Raises what RecordFile and its `index` raise, and
    RecordError where the files are replaced again and again.
    """
    beside = idx_beside(path)
    for attempt in range(_ATTEMPTS):
        has_idx = idx is True and os.path.exists(beside)
        idx_path = idx if isinstance(idx, str) else beside if has_idx else None
        file = RecordFile(path, idx_path, mapped=mapped)
        try:
            index = file.index(on_damage)
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
    raise RecordError("the file is replaced again and again while rectool opens it", path=path)


def _belongs(file: RecordFile, idx: str | bool, beside: str) -> bool:
    """Whether a file that was found without an index still has none."""
    if idx is not True or file.idx_path is not None:
        return True
    with contextlib.suppress(FileNotFoundError):
        if time.time() - os.stat(file.path).st_ctime < _RECENT:
            time.sleep(_PAUSE)
    return not os.path.exists(beside)


def paths_of(given: StrPath | Sequence[StrPath]) -> tuple[str, ...]:
    """The paths that a reader is given: one, or several."""
    if isinstance(given, bytes) or not isinstance(given, Iterable | os.PathLike):
        raise TypeError(f"a path must be a str or a Path, or a list of them, got {given!r}")
    paths = [given] if isinstance(given, str | os.PathLike) else given
    return tuple(os.fspath(path) for path in paths)


def idx_of_each(paths: tuple[str, ...], given: tuple[str, ...] | bool) -> Sequence[str | bool]:
    """What `open_pair` takes for each file."""
    if not paths:
        raise ValueError("at least one path is required, got none")
    if isinstance(given, bool):
        return [given] * len(paths)
    if len(given) != len(paths):
        raise ValueError(
            f"each file requires one .idx path, got {len(given)} for {plural(len(paths), 'file')}"
        )
    return given
