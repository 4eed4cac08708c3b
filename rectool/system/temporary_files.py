"""Unfinished files: made anew beside the file that they are to become, and locked.

Their names cannot be guessed, and an existing file is never opened to be written, so a folder that
others may write to is no danger. What a killed process left is removed by the next one that writes
the same file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
import time
from collections.abc import Sequence

from .open_regular import NEW, open_flags

if sys.platform != "win32":
    import fcntl

_LONGEST = 200  # bytes of a name that are kept: what is added must fit into 255
_TRIES = 5
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EBADF)
_OLD = open_flags("O_WRONLY", "O_BINARY", "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK")


def claim(target: str) -> tuple[int, str]:
    """A new file to become `target`: its descriptor, locked, and its path.

    Raises BlockingIOError while another one is being written for the same target, OSError where no
    file can be made, ENOTSUP where files cannot be renamed.
    """
    for attempt in range(_TRIES):
        found = _made(target)
        if found is None:
            continue
        fd, path = found
        try:
            free = _remove_leftovers(target, path)
        except BaseException:
            abandon(fd, path)
            raise
        if free:
            return fd, path
        abandon(fd, path)  # perhaps two of us met: then one of us comes first the next time
        time.sleep(0.02 * attempt * os.urandom(1)[0] / 255)
    raise BlockingIOError(errno.EWOULDBLOCK, "is being written already", target)


def abandon(fd: int, path: str | None) -> None:
    """Removes an unfinished file, so far as that is possible, and closes it."""
    if sys.platform == "win32":  # an open file cannot be removed there
        os.close(fd)
    if path is not None:
        with contextlib.suppress(OSError):
            os.unlink(path)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # a network disk tells of a failed write here
            os.close(fd)


def new_name(target: str, ending: str = ".tmp") -> str:
    """A hidden name beside `target` that nobody can guess."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{_stem(name)}.{os.urandom(8).hex()}{ending}")


def create(path: str) -> int:
    """Makes a file that must not exist, with the modes that the user's umask allows."""
    return os.open(path, NEW, 0o666)


def sync_file(fd: int) -> None:
    """What was written is on the disk when this returns, where the file system can do that."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def sync_folder(folder: str) -> None:
    """Renames in this folder are on the disk when this returns, where it can be opened for that."""
    if sys.platform == "win32":
        return
    try:
        fd = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that one may write to but not read
        return
    try:
        sync_file(fd)
    finally:
        os.close(fd)


def rename_all(moves: Sequence[tuple[str, str]]) -> None:
    """Renames files, each from the first name to the second, in this order; on an error none."""
    done: list[tuple[str, str]] = []
    try:
        for old, new in moves:
            os.replace(old, new)
            done.append((old, new))
        for folder in {os.path.dirname(new) for _, new in moves}:
            sync_folder(folder)
    except BaseException:
        for old, new in reversed(done):
            os.replace(new, old)
        raise


def _stem(name: str) -> str:
    """What stands for a file's name in the names of its unfinished files."""
    if len(os.fsencode(name)) <= _LONGEST:
        return name
    import hashlib  # noqa: PLC0415 - start-up counts, and few names are so long

    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


def _made(target: str) -> tuple[int, str] | None:
    """A new locked file, or None where somebody took it for a leftover before it was locked."""
    path = new_name(target)
    fd = create(path)
    try:
        path = _renamed(path, target)
        if _lock(fd) is not False and _is(fd, path):
            return fd, path
    except BaseException:
        abandon(fd, path)
        raise
    abandon(fd, path)
    return None


def _renamed(path: str, target: str) -> str:
    """The file under another such name: shows at once whether files can be renamed here."""
    if sys.platform == "win32":  # no open file can
        return path
    other = new_name(target)
    try:
        os.rename(path, other)
    except FileNotFoundError:  # taken for a leftover
        return path
    except OSError as error:
        reason = (
            f"this file system cannot rename files ({error.strerror}), and an unfinished file must"
            " not bear the final name: write to another disk, then copy the finished files"
        )
        raise OSError(errno.ENOTSUP, reason, target) from None
    return other


def _lock(fd: int) -> bool | None:
    """Whether the file is ours alone; None, on file systems without locks, where nobody knows."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _is(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


def _remove_leftovers(target: str, ours: str) -> bool:
    """Removes what killed processes left; False where a living one writes the same target."""
    folder, name = os.path.split(target)
    left = re.compile(rf"\.{re.escape(_stem(name))}\.[0-9a-f]{{16}}\.(tmp|old)", re.DOTALL)
    try:
        names = [found for found in os.listdir(folder or ".") if left.fullmatch(found)]
    except PermissionError:  # a folder that one may write to but not read
        return True
    paths = [os.path.join(folder, found) for found in names]
    unfinished = [path for path in paths if path.endswith(".tmp") and path != ours]
    if not all(_remove_unfinished(path) for path in unfinished):
        return False
    for path in paths:
        if path.endswith(".old"):
            with contextlib.suppress(OSError):
                if _is_safe(os.lstat(path)):
                    os.unlink(path)
    return True


def _remove_unfinished(path: str) -> bool:
    """Removes a file that no living process writes; False where one does."""
    if sys.platform == "win32":
        try:
            os.unlink(path)
        except FileNotFoundError:
            return True
        except PermissionError:
            return False
        return True
    try:
        fd = os.open(path, _OLD)
    except OSError:  # gone, or another user's
        return True
    try:
        if not _is_safe(os.fstat(fd)):
            return True
        locked = _lock(fd)
        if locked and _is(fd, path):
            os.unlink(path)
        return locked is not False
    finally:
        os.close(fd)


def _is_safe(state: os.stat_result) -> bool:
    """Whether it is a file that a process of ours made, and nothing else."""
    ours = sys.platform == "win32" or state.st_uid == os.geteuid()
    return stat.S_ISREG(state.st_mode) and state.st_nlink == 1 and ours
