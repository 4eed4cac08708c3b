"""Regular files, opened to be read: never a pipe that keeps its reader waiting."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import BinaryIO


def open_flags(*names: str) -> int:
    """The flags of `os.open` with these names, so far as the system has them."""
    return sum(getattr(os, name, 0) for name in names)


READING = open_flags("O_RDONLY", "O_BINARY", "O_CLOEXEC", "O_NONBLOCK")
"""For reading; the last of these, so that a pipe does not keep us waiting."""

NEW = open_flags("O_CREAT", "O_EXCL", "O_WRONLY", "O_BINARY", "O_NOFOLLOW", "O_CLOEXEC")
"""For writing a file that must not exist."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Opens a regular file to read its bytes; links to one are followed.

    Raises OSError, with the path: IsADirectoryError for a folder, EINVAL for a pipe, a socket or a
    device, which are not waited for, and whatever `open` raises.
    """
    return open(open_descriptor(path), "rb")


def unwritable(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """The error of the same kind that this file cannot be written."""
    return type(error)(error.errno, f"cannot be written: {error.strerror}", os.fspath(path))


def holds(path: str | os.PathLike[str], contents: bytes) -> bool:
    """Whether a regular file has just these bytes; False where it cannot be read."""
    with contextlib.suppress(OSError), open_regular(path) as file:
        return file.read(len(contents) + 1) == contents
    return False


def open_descriptor(path: str | os.PathLike[str]) -> int:
    """The same as a file descriptor, for many small files and for reading by position."""
    try:
        fd = os.open(path, READING)
    except OSError as error:
        if error.errno == getattr(errno, "ENXIO", None):  # a socket, or a device without a driver
            raise OSError(errno.EINVAL, _refusal(_kind_of(path)), os.fspath(path)) from None
        if error.errno == errno.EACCES and os.path.isdir(path):  # so Windows refuses a folder
            raise IsADirectoryError(errno.EISDIR, _refusal("a folder"), os.fspath(path)) from None
        raise
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    kind = _KINDS.get(stat.S_IFMT(mode), "this is not a regular file")
    raise OSError(number, _refusal(kind), os.fspath(path))


def _kind_of(path: str | os.PathLike[str]) -> str:
    return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "this is not a regular file")


def _refusal(kind: str) -> str:
    return f"this is {kind}, and a regular file is required"
