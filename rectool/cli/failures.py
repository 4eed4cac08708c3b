"""What could not be packed: named on stderr while there are few, all in a file where many."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import RecordError, printable
from .main import MOST_NAMED, error_text, fail, shown_path

if TYPE_CHECKING:
    from ..packing.result import Failure
    from ..system.atomic import AtomicFile


class FailureLog:
    """Names the first failures by `tell`; where there are more, writes all of them to `path`.

    A line a failure: key, file, line of the list or byte offset, reason, with tabs between.
    """

    def __init__(self, path: str, tell: Callable[[str], None]) -> None:
        from ..system.replacing import FAILURES, check_free

        if os.path.lexists(path):  # a name may be too long for a file that is seldom written
            check_free(path, force=True, kind=FAILURES)
        self.path = path
        self.count = 0
        self._tell = tell
        self._first: list[Failure] = []
        self._file: AtomicFile | None = None

    def add(self, failure: Failure) -> None:
        self.count += 1
        if self.count <= MOST_NAMED:
            self._tell(_text(failure))
            self._first.append(failure)
            return
        if self._file is None:
            from ..system.atomic import AtomicFile
            from ..system.replacing import FAILURES

            self._file = AtomicFile(self.path, kind=FAILURES, force=True)
            self._file.write(*map(_line, self._first))
        self._file.write(_line(failure))

    @property
    def where(self) -> str:
        """Where all of them are named."""
        return "above" if self.count <= MOST_NAMED else f"in {shown_path(self.path)}"

    def close(self) -> None:
        """Gives the file its name and says where it is, if there is one."""
        if self._file is not None:
            with self._file:
                pass
            more = self.count - MOST_NAMED
            fail(f"and {more} more like these, all of them {self.where}")
            self._file = None


class DamageLog:
    """Names the first errors of damaged records by `tell`, and counts all."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.count = 0
        self._tell = tell

    def __call__(self, error: RecordError) -> None:
        self.count += 1
        if self.count <= MOST_NAMED:
            self._tell(f"rectool: {error_text(error)}")

    def close(self) -> None:
        if self.count > MOST_NAMED:
            fail(f"and {self.count - MOST_NAMED} more like these")


def _place(failure: Failure) -> str:
    return f"byte {failure.offset}" if failure.line is None else f"line {failure.line}"


def _text(failure: Failure) -> str:
    path = shown_path(failure.path)
    return f"rectool: {path}: {failure.reason} ({_place(failure)}, key {failure.key})"


def _line(failure: Failure) -> bytes:
    fields = (str(failure.key), failure.path, _place(failure), failure.reason)
    text = "\t".join(printable(field).replace("\t", " ").replace("\n", " ") for field in fields)
    return text.encode("utf-8", "backslashreplace") + b"\n"
