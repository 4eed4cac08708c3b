"""Files that appear under their names only when they are whole.

An output is written to `.NAME.tmp` in the same folder, flushed to the disk and renamed. The
temporary file is locked while it is written: what a killed process left is taken over by the next
writer of the same name, and two writers at once are an error. Where the name is that of a device
or a pipe, it is written to directly.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import stat
import sys
import warnings
import weakref
from collections.abc import Callable, Sequence
from types import TracebackType

from .errors import RecordError, StrPath, shown
from .signals import uninterrupted

if sys.platform != "win32":
    import fcntl

_BUFFER = 1 << 20


class Output:
    """A file being written: `write`, then `publish` it (alone or with others), or `discard` it.

    Raises FileExistsError where the file exists and `force` is false, RecordError where another
    process is writing it, OSError, naming the file, where it cannot be written. Only the process
    that made it can write it: in a forked child it is closed. An object that is let go of without
    either leaves nothing behind, but a ResourceWarning.
    """

    def __init__(self, path: StrPath, *, force: bool = False) -> None:
        self.path = os.fspath(path)
        self.force = force
        self.size = 0
        self._waiting: list[bytes] = []  # own buffer: a file object's would be flushed by forks too
        self._buffered = 0
        self._failure: OSError | None = None
        self._check_free()
        self._target = os.path.realpath(self.path)
        self._direct = os.path.exists(self._target) and not _is_regular(self._target)
        folder, name = os.path.split(self._target)
        self._temporary = self._target if self._direct else os.path.join(folder, f".{name}.tmp")
        self._aside = os.path.join(folder, f".{name}.old")
        try:
            with uninterrupted():
                self._open()
        except FileNotFoundError as error:
            if os.path.isdir(folder):
                raise self._named(error) from None
            reason = f"cannot be written: there is no folder {shown(folder)}"
            raise FileNotFoundError(errno.ENOENT, reason, self.path) from None
        except OSError as error:
            raise self._named(error) from None

    def _check_free(self) -> None:
        check_free(self.path, force=self.force)

    def _open(self) -> None:
        self._fd = os.open(self._target, os.O_WRONLY) if self._direct else self._open_locked()
        temporary = None if self._direct else self._temporary
        self._lost = weakref.finalize(self, _abandon, self._fd, temporary, self.path)
        self._lost.atexit = False
        _open_outputs.add(self)

    def _open_locked(self) -> int:
        flags = os.O_CREAT | os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        if sys.platform == "win32":  # a file that somebody has open cannot be removed there
            try:
                if os.path.exists(self._temporary):
                    os.unlink(self._temporary)
            except PermissionError:
                raise self._busy() from None
            return os.open(self._temporary, flags | os.O_EXCL, 0o666)
        while True:
            fd = os.open(self._temporary, flags, 0o666)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                raise self._busy() from None
            except OSError as error:  # a file system without locks
                if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                    os.close(fd)
                    raise
            if _same_file(fd, self._temporary):
                os.ftruncate(fd, 0)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._aside)
                return fd
            os.close(fd)  # its writer renamed it between our open and our lock

    def _busy(self) -> RecordError:
        return RecordError("another process is writing this file", path=self.path)

    def _named(self, error: OSError) -> OSError:
        return type(error)(error.errno, f"cannot be written: {error.strerror}", self.path)

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def write(self, *pieces: bytes) -> None:
        if self._fd < 0:
            raise ValueError(f"{self.path}: writing to a closed file")
        self._waiting += pieces
        size = sum(map(len, pieces))
        self._buffered += size
        self.size += size
        if self._buffered >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        if self._failure is not None:  # bytes are missing: the caller went on after an error
            raise self._failure
        self._failure = OSError(errno.EINTR, "was interrupted while it was written", self.path)
        left = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        self._buffered = 0
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self._failure = self._named(error)
            raise self._failure from None
        self._failure = None

    def _finish(self) -> None:
        """Everything written is on the disk when this returns."""
        self._flush()
        try:
            if not self._direct:
                os.fsync(self._fd)
        except OSError as error:
            raise self._named(error) from None

    def _rename(self) -> None:
        if sys.platform == "win32":  # an open file cannot be renamed there
            self._close()
        try:
            os.replace(self._temporary, self._target)
        except OSError as error:
            raise self._named(error) from None

    def _close(self) -> None:
        self._lost.detach()
        _open_outputs.discard(self)
        fd, self._fd = self._fd, -1
        os.close(fd)

    def discard(self) -> None:
        """Closes and removes what was written; what stood under the name before is still there."""
        if self.closed:
            return
        with uninterrupted():
            if sys.platform == "win32":
                self._close()
            if not self._direct:
                with contextlib.suppress(FileNotFoundError):  # under the lock; then another's
                    os.unlink(self._temporary)
            if not self.closed:
                self._close()

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None:
            publish([self])
        else:
            self.discard()


def publish(
    outputs: Sequence[Output],
    *,
    behind: Sequence[Output] = (),
    first: Callable[[], None] = lambda: None,
) -> None:
    """Gives finished outputs their names, in this order, `behind` last; or, on an error, none.

    `behind` are those that must never stand beside another version of `outputs`: an index. What
    they replace is moved aside first, so that a process killed in between can leave a `.rec`
    without its `.idx`, never one with another's. `first` is called when all are on the disk.
    """
    everything = [output for output in (*outputs, *behind) if not output.closed]
    try:
        for output in everything:
            output._finish()
            output._check_free()
        with uninterrupted():
            first()
            staged = [output for output in everything if not output._direct]
            replacing = [output for output in staged if os.path.exists(output._target)]
            _give_names(staged, [one for one in replacing if one in behind and len(staged) > 1])
            for output in everything:
                if not output.closed:
                    output._close()
    except BaseException:
        for output in everything:
            output.discard()
        raise


def _give_names(staged: Sequence[Output], replacing: Sequence[Output]) -> None:
    """`replacing` are those whose predecessors are moved aside."""
    renamed = 0
    aside: list[Output] = []
    try:
        for output in replacing:
            os.replace(output._target, output._aside)
            aside.append(output)
        for output in staged:
            output._rename()
            renamed += 1
        for folder in {os.path.dirname(output._target) for output in staged}:
            sync_folder(folder)
    except BaseException:
        for output in aside if not renamed else ():
            os.replace(output._aside, output._target)
        raise
    for output in aside:
        os.unlink(output._aside)


def _abandon(fd: int, temporary: str | None, path: str) -> None:
    """What becomes of an output that nobody published or discarded."""
    if temporary is not None:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    os.close(fd)
    warnings.warn(f"{path}: never closed; nothing was written", ResourceWarning, stacklevel=2)


_open_outputs: weakref.WeakSet[Output] = weakref.WeakSet()


def _after_fork() -> None:
    """A child has nothing to write, and would keep files locked that its parent left."""
    for output in list(_open_outputs):
        output._close()


@atexit.register
def _at_exit() -> None:
    for output in list(_open_outputs):
        output.discard()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def check_free(path: str, *, force: bool) -> None:
    """Raises what Output raises where something stands in its way."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a folder", path)
    if not force and os.path.exists(path) and _is_regular(path):
        raise FileExistsError(errno.EEXIST, "exists already", path)


def _is_regular(path: StrPath) -> bool:
    return stat.S_ISREG(os.stat(path).st_mode)


def _same_file(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def sync_folder(folder: str) -> None:
    """Renames in this folder are on the disk when this returns."""
    if sys.platform == "win32":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that sync no folders
            raise
    finally:
        os.close(fd)
