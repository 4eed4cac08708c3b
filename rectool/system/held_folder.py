"""Folders that stay the same ones while files are written in them, whatever becomes of their names.

Where the system can, a folder is held by a descriptor and all names are looked up from there: one
that is swapped for a link meanwhile leads nowhere else. Elsewhere its real path is compared before
each file.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

from .open_regular import NEW, open_flags

if sys.platform != "win32":
    import fcntl

_CAN_HOLD = {os.open, os.mkdir, os.rename, os.stat, os.unlink} <= os.supports_dir_fd
_FOLDER = open_flags("O_RDONLY", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC")
_TRIES = 20


class HeldFolder:
    """A folder that exists. `path` is for messages, and for systems that hold no folders."""

    def __init__(self, path: str, *, follow: bool = True, parent: HeldFolder | None = None) -> None:
        self.path = path
        self._fd: int | None = None
        above = None if parent is None else parent._fd
        if _CAN_HOLD:
            flags = _FOLDER & ~getattr(os, "O_NOFOLLOW", 0) if follow else _FOLDER
            name = path if above is None else os.path.basename(path)
            self._fd = os.open(name, flags, dir_fd=above)
        self._real = "" if _CAN_HOLD else os.path.realpath(path)

    def enter(self, name: str) -> HeldFolder:
        """A folder in this one, made where there is none. Links are not followed.

        Raises OSError: NotADirectoryError where a file has the name, ELOOP where it is a link.
        """
        try:
            os.mkdir(self._at(name), dir_fd=self._fd)
        except FileExistsError:
            state = self.stat(name)
            if state is not None and stat.S_ISLNK(state.st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        path = os.path.join(self.path, name)
        found = HeldFolder(path, follow=False, parent=self)
        if not os.path.isdir(path) and not _CAN_HOLD:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        if not _CAN_HOLD and not _is_same_path(found._real, os.path.join(self._real, name)):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        return found

    def create(self) -> tuple[int, str]:
        """A new file under a name that nobody can guess: its descriptor, to write to, and name."""
        if not _CAN_HOLD and not _is_same_path(os.path.realpath(self.path), self._real):
            raise OSError(errno.ELOOP, "the folder was replaced while it was written", self.path)
        for _ in range(_TRIES):
            name = f".{os.urandom(8).hex()}.tmp"
            try:
                return os.open(self._at(name), NEW, 0o666, dir_fd=self._fd), name
            except FileExistsError:
                continue
        raise FileExistsError(errno.EEXIST, "no free name for a new file", self.path)

    def stat(self, name: str) -> os.stat_result | None:
        """The state of what has this name, of a link itself; None where nothing has it."""
        try:
            return os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def replace(self, old: str, new: str) -> None:
        os.replace(self._at(old), self._at(new), src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def unlink(self, name: str) -> None:
        os.unlink(self._at(name), dir_fd=self._fd)

    def names(self) -> list[str]:
        return os.listdir(self.path if self._fd is None else self._fd)

    def lock(self) -> bool:
        """Whether no other process has locked the folder; True too where folders have no locks."""
        if sys.platform == "win32" or self._fd is None:
            return True
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks, or with such for files alone
            return True
        return True

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _at(self, name: str) -> str:
        return name if self._fd is not None else os.path.join(self.path, name)


def _is_same_path(one: str, other: str) -> bool:
    return os.path.normcase(one) == os.path.normcase(other)
