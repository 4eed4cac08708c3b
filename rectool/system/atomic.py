"""Files that appear under their names only when they are whole.

An output is written to a new file with a hidden name in the same folder, flushed to the disk and
renamed. That file is locked while it is written: two writers of one name at once are an error.
Where the name is that of a device or a pipe, it is written to directly.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import sys
import warnings
import weakref
from collections.abc import Callable, Sequence

from ..errors import RecordError, StrPath, shown
from . import temporary_files
from .open_regular import open_flags, unwritable
from .replacing import FileKind, check_free, is_descriptor, is_direct
from .signals import uninterrupted
from .temporary_files import sync_folder

_BUFFER = 1 << 20
_DIRECT = open_flags("O_WRONLY", "O_APPEND", "O_BINARY", "O_NONBLOCK")  # a pipe may have no reader


class AtomicFile:
    """A file being written: `write`, then `publish` it (alone or with others), or `discard` it.

    With `force` an existing file of the same `kind` is replaced; without `kind` the name's ending
    tells it. If the path is a link, the file behind it is replaced. With `restart` an unfinished
    output of this process for the same file is discarded, where else it would be an error.

    Raises FileExistsError where a file exists that must not be replaced, RecordError where the file
    is being written already, OSError, naming the file, where it cannot be written. Only the process
    that made it can write it: in a forked child it is closed. An object that is let go of without
    either leaves nothing behind, but a ResourceWarning.
    """

    def __init__(
        self,
        path: StrPath,
        *,
        kind: FileKind | None = None,
        force: bool = False,
        restart: bool = False,
    ) -> None:
        self.path = os.fspath(path)
        self.force = force
        self.size = 0
        self.superseded = False
        self._kind = kind
        self._waiting: list[bytes] = []  # own buffer: a file object's would be flushed by forks too
        self._buffered = 0
        self._failure: OSError | None = None
        self._target = _absolute(self.path)
        self._check_free()
        if os.path.islink(self._target) and not is_descriptor(self._target):
            self._target = os.path.realpath(self._target)
        self._direct = is_direct(self._target)
        if restart:
            _supersede(self._target)
        folder = os.path.dirname(self._target)
        try:
            with uninterrupted():
                self._open()
        except BlockingIOError:
            raise RecordError("another process is writing this file", path=self.path) from None
        except FileNotFoundError as error:
            if os.path.isdir(folder):
                raise unwritable(error, self.path) from None
            reason = f"cannot be written: there is no folder {shown(folder)}"
            raise FileNotFoundError(errno.ENOENT, reason, self.path) from None
        except OSError as error:
            raise unwritable(error, self.path) from None

    def _check_free(self) -> None:
        check_free(self._target, force=self.force, kind=self._kind, name=self.path)

    def _open(self) -> None:
        if self._direct:
            self._fd, self._temporary = os.open(self._target, _DIRECT), None
            if hasattr(os, "set_blocking"):
                os.set_blocking(self._fd, True)
        else:
            self._fd, self._temporary = self._made()
        self._lost = weakref.finalize(self, _abandon, self._fd, self._temporary, self.path)
        self._lost.atexit = False
        _open_outputs.add(self)

    def _made(self) -> tuple[int, str]:
        """The file that is written to: its descriptor and path."""
        return temporary_files.claim(self._target)

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
            self._failure = unwritable(error, self.path)
            raise self._failure from None
        self._failure = None

    def _finish(self) -> None:
        """Everything written is on the disk when this returns."""
        self._flush()
        try:
            if not self._direct:
                temporary_files.sync_file(self._fd)
        except OSError as error:
            raise unwritable(error, self.path) from None

    def _replaces(self) -> bool:
        return os.path.lexists(self._target)

    def _rename(self) -> None:
        if sys.platform == "win32":  # an open file cannot be renamed there
            self._close()
        try:
            os.replace(self._temporary or self._target, self._target)
        except OSError as error:
            raise unwritable(error, self.path) from None

    def _close(self) -> None:
        self._lost.detach()
        _open_outputs.discard(self)
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):  # what was written is on the disk, or not wanted
            os.close(fd)

    def discard(self) -> None:
        """Closes and removes what was written; what stood under the name before is still there."""
        if self.closed:
            return
        with uninterrupted():
            self._lost.detach()
            _open_outputs.discard(self)
            fd, self._fd = self._fd, -1
            temporary_files.abandon(fd, self._temporary)

    def _check_current(self) -> None:
        """Raises where another output of this process has taken the place of this one."""
        if self.superseded:
            reason = "was opened for writing again; what was written here before is discarded"
            raise RecordError(reason, path=self.path)

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            publish([self])
        else:
            self.discard()


def publish(
    outputs: Sequence[AtomicFile],
    *,
    behind: Sequence[AtomicFile] = (),
    first: Callable[[], None] = lambda: None,
) -> None:
    """Gives finished outputs their names, in this order, `behind` last; or, on an error, none.

    `behind` are those that must never stand beside another version of `outputs`: an index. What
    they replace is moved aside first, so that a process killed in between can leave a `.rec`
    without its `.idx`, never one with another's. `first` is called when all are on the disk.
    """
    everything = [output for output in (*outputs, *behind) if not output.closed]
    try:
        for output in (*outputs, *behind):
            output._check_current()
        for output in everything:
            output._finish()
            output._check_free()
        with uninterrupted():
            first()
            staged = [output for output in everything if not output._direct]
            replacing = [output for output in staged if output._replaces()]
            _give_names(staged, [one for one in replacing if one in behind and len(staged) > 1])
            for output in everything:
                if not output.closed:
                    output._close()
    except BaseException:
        for output in everything:
            output.discard()
        raise


def _give_names(staged: Sequence[AtomicFile], replacing: Sequence[AtomicFile]) -> None:
    """`replacing` are those whose predecessors are moved aside."""
    renamed = 0
    aside: list[tuple[str, str]] = []
    try:
        for output in replacing:
            old = temporary_files.new_name(output._target, ".old")
            os.replace(output._target, old)
            aside.append((old, output._target))
        for output in staged:
            output._rename()
            renamed += 1
        for folder in {os.path.dirname(output._target) for output in staged}:
            sync_folder(folder)
    except BaseException:
        for old, target in aside if not renamed else ():
            os.replace(old, target)
        raise
    for old, _ in aside:
        with contextlib.suppress(OSError):  # removed as a leftover, perhaps
            os.unlink(old)


class StagedFile(AtomicFile):
    """A file in a folder that no other process writes to: it has its name from the beginning."""

    def _check_free(self) -> None:
        pass

    def _replaces(self) -> bool:
        return False

    def _rename(self) -> None:
        pass

    def _made(self) -> tuple[int, str]:
        with contextlib.suppress(FileNotFoundError):  # a stopped run's
            os.unlink(self._target)
        return temporary_files.create(self._target), self._target


def _absolute(path: str) -> str:
    """The path from the root on; links in it stay as they are."""
    if not path:
        raise FileNotFoundError(errno.ENOENT, "the name of an output must not be empty", path)
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), path)


def _supersede(target: str) -> None:
    for output in list(_open_outputs):
        if output._target == target and not output._direct:
            output.discard()
            output.superseded = True


def _abandon(fd: int, unfinished: str | None, path: str) -> None:
    """What becomes of an output that nobody published or discarded."""
    temporary_files.abandon(fd, unfinished)
    warnings.warn(f"{path}: never closed; nothing was written", ResourceWarning, stacklevel=2)


_open_outputs: weakref.WeakSet[AtomicFile] = weakref.WeakSet()


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
