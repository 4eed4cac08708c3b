"""`mx.base`: the error that MXNet code catches, and the types that it asks for.

MXNetError is rectool's RecordError. A file that cannot be opened raises one of FileErrors, which is
a RecordError and an OSError too: FileNotFoundError for a missing file, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import RecordError

MXNetError = RecordError
mx_real_t = np.float32
integer_types = (int, np.int32, np.int64)
numeric_types = (float, int, np.generic)
string_types = (str,)


def py_str(text: bytes) -> str:
    """Text from UTF-8."""
    return text.decode("utf-8")


class ParameterError(RecordError, ValueError):
    """A parameter that has no meaning."""


class FileError(RecordError, OSError):
    """A file that cannot be opened."""

    def __init__(self, errno: int, message: str, path: Any) -> None:
        OSError.__init__(self, errno, message, path)
        self.message, self.path, self.offset = message, path, None

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.errno, self.message, self.path))


class MissingFileError(FileError, FileNotFoundError):
    """A file that is not there."""


class ForbiddenFileError(FileError, PermissionError):
    """A file that may not be read or written."""


class FolderError(FileError, IsADirectoryError):
    """A folder where a file should be."""


_KINDS: dict[type[OSError], type[FileError]] = {
    FileNotFoundError: MissingFileError,
    PermissionError: ForbiddenFileError,
    IsADirectoryError: FolderError,
}


@contextmanager
def opening() -> Iterator[None]:
    """What cannot be opened in this block is an MXNetError as well as an OSError."""
    try:
        yield
    except RecordError:
        raise
    except OSError as error:
        if error.errno is None or error.filename is None:
            raise
        kind = _KINDS.get(type(error), FileError)
        raise kind(error.errno, error.strerror or "", error.filename) from error


def __getattr__(name: str) -> object:
    raise AttributeError(f"no mx.base.{name}: rectool's stand-in has MXNetError and a few types")
