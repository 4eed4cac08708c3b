"""The bytes of a file that may be larger than memory: mapped, or read by position."""

from __future__ import annotations

import errno
import mmap
import os
import sys
import threading

from .open_regular import open_descriptor

_WINDOW = 1 << 16  # bytes that are read at once where fewer are asked for
_MAPPING_HOLDS_DESCRIPTOR = sys.version_info < (3, 13)
_USUAL_LIMIT = 512
CHANGED = "the file was cut or replaced while it was read"

_NO_MAPPING = (
    *(errno.ENODEV, errno.EINVAL, errno.EACCES, errno.EPERM),  # the file system's
    *(errno.ENOMEM, errno.EMFILE, errno.ENFILE),  # this process's
)

FileState = tuple[int, int, int, int]
"""A file's device, inode, size and time of change: what tells one version from another."""

_kept = 0  # descriptors that files and mappings hold, about: threads may miscount


def state_of(path: str | os.PathLike[str] | int) -> FileState:
    """The state of a file, given by its path or descriptor."""
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def descriptor_limit() -> int:
    """How many files this process may have open."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return _USUAL_LIMIT
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class FileBytes:
    """A regular file's bytes, read when they are asked for: `len`, and slices, which are bytes.

    Other than with a mapping, a file that is cut meanwhile and a disk that fails raise OSError,
    with the path, and do not end the process. The file stays open where half of the descriptors
    that this process may have are free; else it is opened for each read, and must not have changed.
    Threads and forked processes may share it. With a `state` it must be the file that had it.
    """

    def __init__(self, path: str | os.PathLike[str], state: FileState | None = None) -> None:
        self._window: tuple[int, bytes] = (0, b"")
        self._closed = False
        self._fd: int | None = None
        self._path = os.path.abspath(path)
        self._shown = os.fspath(path)
        fd = open_descriptor(path)
        self.state = state_of(fd)
        self._fd = fd if self.state[2] and _keep_one() else None
        if self._fd is None:
            os.close(fd)
        if state is not None and state != self.state:
            self.close()
            raise OSError(errno.ESTALE, CHANGED, self._shown)

    def __len__(self) -> int:
        return self.state[2]

    def __getitem__(self, part: slice) -> bytes:
        begin, end = part.start, part.stop
        first, window = self._window
        if begin is None or end is None or not first <= begin <= end <= first + len(window):
            begin, end, _ = part.indices(len(self))
            if end - begin > _WINDOW:
                return self._read(begin, end)
            near = 0 <= begin - first - len(window) <= _WINDOW  # then what follows will be, too
            stop = min(begin + _WINDOW, len(self)) if near else end
            first, window = begin, self._read(begin, stop)
            self._window = (first, window)
        return window[begin - first : end - first]

    def read_each(self, begins: list[int], size: int) -> bytes:
        """So many bytes from each of these places on, which must lie in the file, joined."""
        fd = self._fd
        if fd is None:
            return b"".join([self[at : at + size] for at in begins])
        try:
            pieces = b"".join([_read_at(fd, size, at) for at in begins])
        except OSError:
            pieces = b""
        if len(pieces) == size * len(begins):
            return pieces
        return b"".join([self._read(at, at + size) for at in begins])  # it raises, or reads on

    def _read(self, begin: int, end: int) -> bytes:
        if self._closed:
            raise ValueError(f"{self._shown}: reading from a closed file")
        fd = self._fd
        try:
            if fd is not None:
                return self._read_from(fd, begin, end)
            fd = open_descriptor(self._path)
            try:
                if state_of(fd) != self.state:
                    raise OSError(errno.ESTALE, CHANGED)
                return self._read_from(fd, begin, end)
            finally:
                os.close(fd)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(error.errno, reason, self._shown) from None

    def _read_from(self, fd: int, begin: int, end: int) -> bytes:
        pieces = []
        while begin < end:
            piece = _read_at(fd, end - begin, begin)
            if not piece:
                raise OSError(errno.ESTALE, CHANGED)
            pieces.append(piece)
            begin += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Closes the file. A second call does nothing."""
        fd, self._fd, self._closed = self._fd, None, True
        if fd is not None:
            os.close(fd)
            _drop_one()

    def __del__(self) -> None:
        self.close()


class Mapping(mmap.mmap):
    """A file's bytes, mapped; `state` is that of the file that was mapped."""

    state: FileState

    def close(self) -> None:
        """Unmaps the file. Raises BufferError as long as there are views of it."""
        was_closed = self.closed
        super().close()
        if not was_closed and _MAPPING_HOLDS_DESCRIPTOR:
            _drop_one()

    def __del__(self) -> None:
        if not self.closed and _MAPPING_HOLDS_DESCRIPTOR:
            _drop_one()


def open_bytes(path: str | os.PathLike[str], *, mapped: bool = True) -> Mapping | FileBytes:
    """The bytes of a regular file, of which nothing is read until it is looked at.

    They are read by position where `mapped` is false, where the file system cannot map files, the
    file is empty, or too few descriptors are left for a mapping to hold one.
    """
    if mapped:
        fd = open_descriptor(path)
        try:
            state = state_of(fd)
            if state[2] and (not _MAPPING_HOLDS_DESCRIPTOR or _keep_one()):
                mapping = _map(fd)
                if mapping is not None:
                    mapping.state = state
                    return mapping
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        finally:
            os.close(fd)
    return FileBytes(path)


def _map(fd: int) -> Mapping | None:
    """The mapping of a file, None where its file system has none.

    A private one: it shows the same, and file systems over a network often have no other.
    """
    try:
        if sys.platform == "win32":
            return Mapping(fd, 0, access=mmap.ACCESS_READ)
        if sys.version_info >= (3, 13):
            return Mapping(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ, trackfd=False)
        return Mapping(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
    except OSError as error:
        if _MAPPING_HOLDS_DESCRIPTOR:
            _drop_one()
        if error.errno in _NO_MAPPING:
            return None
        raise


def _keep_one() -> bool:
    """Whether one more descriptor may be kept; it then counts as kept."""
    global _kept  # noqa: PLW0603 - descriptors are the process's
    if 2 * _kept >= descriptor_limit():
        return False
    _kept += 1
    return True


def _drop_one() -> None:
    global _kept  # noqa: PLW0603
    _kept -= 1


if hasattr(os, "pread"):
    _read_at = os.pread
else:  # Windows
    _one_at_a_time = threading.Lock()

    def _read_at(fd: int, size: int, at: int) -> bytes:
        with _one_at_a_time:
            os.lseek(fd, at, os.SEEK_SET)
            return os.read(fd, size)
