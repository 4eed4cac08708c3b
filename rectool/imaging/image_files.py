"""Files of images and masks into memory."""

from __future__ import annotations

import errno
import os
import stat
import time

from ..errors import ImageError, LimitError, StrPath
from ..format.frames import MAX_RECORD
from ..system.open_regular import READING, open_regular

RAW_ENDING = ".bin"
"""The ending of a file that holds a record's payload which is no image, or nothing."""

_OF_THE_FILE = frozenset(
    getattr(errno, name)
    for name in (
        *("ENOENT", "EACCES", "EPERM", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENOTDIR", "EILSEQ"),
        *("ENXIO", "ENODEV", "EOPNOTSUPP"),  # sockets and devices
    )
)
_WINDOWS_NAMES = (123, 161)  # names that Windows does not allow
_PAUSES = (0.1, 0.4, 1.6)  # seconds, before the next trial


def read_named(path: StrPath) -> bytes:
    """A regular file's bytes. Raises LimitError for more than a record holds, and OSError at once.

    All errors have the path.
    """
    with open_regular(path) as file:
        _check_size(os.fstat(file.fileno()).st_size, path)
        return file.read()


def _check_size(size: int, path: StrPath | None = None) -> None:
    if size > MAX_RECORD:
        reason = f"the file has {size} bytes, and a record must have less than {MAX_RECORD + 1}"
        raise LimitError(reason, path=path)


def file_fault(error: OSError) -> ImageError:
    """What is wrong with a file: it is missing, a folder, or may not be read, say.

    Raises the error again where that is not the file's fault, but the disk's, the network's or the
    system's: the next trial may read it.
    """
    if not _is_of_the_file(error):
        raise error
    return ImageError(error.strerror or str(error))


def _is_of_the_file(error: OSError) -> bool:
    return error.errno in _OF_THE_FILE or getattr(error, "winerror", None) in _WINDOWS_NAMES


def read_file(path: str) -> bytes:
    """A file's bytes. Half the time of `open` and `read`, which counts for many small files.

    Raises OSError, with the path, see `file_fault`: what is not the file's fault is tried again
    before. Raises ImageError for what is no regular file, LimitError for more than a record holds.
    """
    pauses = iter(_PAUSES)
    while True:
        try:
            return _read(path)
        except ValueError as error:  # a character that no path has
            raise ImageError(str(error)) from None
        except OSError as error:
            error.filename = path
            pause = None if _is_of_the_file(error) else next(pauses, None)
            if pause is None:
                raise
            time.sleep(pause)


def _read(path: str) -> bytes:
    fd = os.open(path, READING)
    try:
        state = os.fstat(fd)
        if stat.S_ISDIR(state.st_mode):
            raise ImageError("a folder")
        if not stat.S_ISREG(state.st_mode):
            raise ImageError("this is not a regular file")
        _check_size(state.st_size)
        content = os.read(fd, state.st_size + 1)
        if len(content) != state.st_size:  # it changes, or came in pieces
            pieces = [content]
            while pieces[-1] and sum(map(len, pieces)) <= MAX_RECORD:
                pieces.append(os.read(fd, 1 << 20))
            content = b"".join(pieces)
    finally:
        os.close(fd)
    return content
