"""Writing a `.rec` and its `.idx`."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Sequence

from ..errors import LimitError, StrPath
from ..system.atomic import AtomicFile, StagedFile, publish
from ..system.replacing import INDEX, RECORDS, FileKind, check_outputs
from .frames import check_size, pieces_of
from .index import MAX_KEY, line


class RecordWriter:
    """Writes records to a `.rec` file, and their keys and offsets to the `.idx` beside it.

    Both files appear when `close` is called, or when a `with` block ends without an exception.
    Until then, and if anything fails, the old files stay as they are. Several threads may call
    `write`, but only in the process that made the writer.

    Args:
        path: The `.rec` file.
        idx: The path of the `.idx`; True takes the one beside the `.rec`; False writes none.
        force: Whether to replace files that exist. Only files of the same kind are replaced. A
            writer of this process that has the same file open is discarded.

    Raises:
        FileExistsError: A file exists and `force` is false, or it is a file of another kind.
        RecordError: Another process writes the file.
        OSError: A file cannot be written.

    Example:
        >>> with RecordWriter("new.rec") as writer:
        ...     offset = writer.write(pack(IRHeader(0, 3.0, 7, 0), b"an image"), key=7)
    """

    def __init__(self, path: StrPath, *, idx: StrPath | bool = True, force: bool = False) -> None:
        self.path = os.fspath(path)
        self.idx_path = (
            idx_beside(path) if idx is True else None if idx is False else os.fspath(idx)
        )
        self._count = 0
        self._pid = os.getpid()
        self._lock = threading.Lock()
        if self.idx_path is not None:
            check_outputs([self.path, self.idx_path])
        self._rec = self._output(self.path, RECORDS, force=force)
        self._idx: AtomicFile | None = None
        if self.idx_path is not None:
            try:
                self._idx = self._output(self.idx_path, INDEX, force=force)
            except BaseException:
                self._rec.discard()
                raise

    def _output(self, path: str, kind: FileKind, *, force: bool) -> AtomicFile:
        return AtomicFile(path, kind=kind, force=force, restart=True)

    def __len__(self) -> int:
        """Records written so far."""
        return self._count

    @property
    def closed(self) -> bool:
        return self._rec.closed

    def tell(self) -> int:
        """The byte offset at which the next record will begin."""
        self._check_usable()
        return self._rec.size

    def write(
        self,
        record: bytes | bytearray | memoryview,
        key: int | str | None = None,
        *,
        indexed: bool = True,
    ) -> int:
        """Appends a record and returns its byte offset.

        `key` is by default the number of records written before. Not checked to be unique: of
        several records with one key, readers find the last by it. Text keys are for MXNet's
        `key_type=str`; RecordReader takes whole numbers only. With `indexed` false the record
        gets no line in the `.idx`.

        Raises LimitError for a record of 2**29 bytes or more, or a key outside int64.
        """
        self._check_usable()
        frames = pieces_of(record if isinstance(record, bytes) else bytes(memoryview(record)))
        key = key if key is None or isinstance(key, str) else operator.index(key)
        if isinstance(key, str):
            if not key or any(char in key for char in "\t\r\n"):
                raise LimitError(f"an index cannot hold the key {key!r}", path=self.path)
        elif key is not None and not -MAX_KEY <= key <= MAX_KEY:
            raise LimitError(f"keys must be whole numbers of 64 bits, got {key}", path=self.path)
        with self._lock:
            offset = self._rec.size
            if self._idx is not None and indexed:
                entry = line(self._count if key is None else key, offset)
                self._idx.write(entry.encode("utf-8"))
            self._rec.write(*frames)
            self._count += 1
        return offset

    def _check_usable(self) -> None:
        if self._pid != os.getpid():
            raise ValueError(
                f"{self.path}: another process opened it for writing; open it in this one"
            )
        if self.closed:
            raise ValueError(f"{self.path}: the writer is closed")

    def close(self, *others: AtomicFile) -> None:
        """Publishes the files; `others` appear together with them. A second call does nothing."""
        _publish([self], others)

    def discard(self) -> None:
        """Closes the writer and leaves no trace of it."""
        self._rec.discard()
        if self._idx is not None:
            self._idx.discard()

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __reduce__(self) -> str:
        raise TypeError("a RecordWriter cannot be pickled: make one in the process that writes")


class StagedWriter(RecordWriter):
    """A writer of files in a folder that is its process's own: they have their names at once."""

    def _output(self, path: str, kind: FileKind, *, force: bool) -> AtomicFile:
        return StagedFile(path, kind=kind, force=force)


class AlignedWriter:
    """Writers of files whose records belong together: images, say, and masks of the same keys.

    They are written and published as one: RecordWriter's methods, for `paths`. `writer` is the
    class that writes each file.
    """

    def __init__(
        self,
        paths: Sequence[StrPath],
        *,
        force: bool = False,
        writer: type[RecordWriter] = RecordWriter,
    ) -> None:
        self._writers: list[RecordWriter] = []
        try:
            for path in paths:
                self._writers.append(writer(path, force=force))
        except BaseException:
            self.discard()
            raise

    @property
    def paths(self) -> list[str]:
        return [writer.path for writer in self._writers]

    def __len__(self) -> int:
        """Records of each file."""
        return len(self._writers[0])

    def tell(self) -> list[int]:
        """The bytes of each file so far."""
        return [writer.tell() for writer in self._writers]

    def write(self, records: Sequence[bytes], key: int) -> None:
        """Appends one record to each file; or none to any, for a LimitError."""
        for record in records:
            check_size(record)
        for writer, record in zip(self._writers, records, strict=True):
            writer.write(record, key)

    def close(self, *others: AtomicFile) -> None:
        _publish(self._writers, others)

    def discard(self) -> None:
        for writer in self._writers:
            writer.discard()


def _publish(writers: Sequence[RecordWriter], others: Sequence[AtomicFile]) -> None:
    """Gives all files their names; but for the first `.rec`, none beside another run's."""
    recs = [writer._rec for writer in writers]
    indexes = [writer._idx for writer in writers if writer._idx is not None]
    if recs[0].closed and not recs[0].superseded:
        return
    publish([recs[0], *others], behind=[*recs[1:], *indexes])


def idx_beside(path: StrPath) -> str:
    """The name of a `.rec` file's `.idx`: beside it, `.idx` in place of `.rec` or at the end."""
    stem, ending = os.path.splitext(os.fspath(path))
    return (stem if ending.lower() == ".rec" else os.fspath(path)) + ".idx"
