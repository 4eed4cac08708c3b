"""Folders that files with names from outside are written to."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from .format import RecordError


def check_empty(folder: str, *, force: bool) -> None:
    """Raises FileExistsError where the folder holds anything and `force` is false."""
    if not force and os.path.isdir(folder) and os.listdir(folder):
        raise FileExistsError(errno.EEXIST, "this folder is not empty", folder)


def are_apart(one: str, other: str) -> bool:
    """Whether neither of two folders is the other or lies in it, however they are written."""
    paths = [os.path.realpath(path).casefold() for path in (one, other)]  # not all tell a from A
    try:
        return os.path.commonpath(paths) not in paths
    except ValueError:  # on two drives
        return True


class Folder:
    """A folder that files are written to. Links that lead out of it are not followed."""

    def __init__(self, path: str, sources: Sequence[str | None], *, force: bool) -> None:
        check_empty(path, force=force)
        os.makedirs(path, exist_ok=True)
        self._path = path
        self._real = os.path.realpath(path)
        self._inside = {""}
        self._sources = {os.path.basename(source): source for source in sources if source}

    def write(self, name: str, payload: bytes) -> None:
        """The payload as a file, whole or not at all, in place of whatever bore the name."""
        below, base = os.path.split(name)
        if below not in self._inside:
            self._enter(below)
        path = os.path.join(self._path, name)
        source = self._sources.get(base)
        if source is not None and os.path.exists(path) and os.path.samefile(source, path):
            raise RecordError("a file to be written would replace what is being read", path=path)
        temporary = os.path.join(self._path, ".unpack.tmp")
        try:
            if os.path.lexists(temporary):  # a killed run's
                os.unlink(temporary)
            with open(temporary, "xb") as file:
                file.write(payload)
            os.replace(temporary, path)
        except BaseException as error:
            if os.path.lexists(temporary):
                os.unlink(temporary)
            if isinstance(error, OSError):
                raise type(error)(
                    error.errno, f"cannot be written: {error.strerror}", path
                ) from None
            raise

    def _enter(self, below: str) -> None:
        path = os.path.join(self._path, below)
        real = os.path.realpath(path)
        if os.path.commonpath([self._real, real]) != self._real:
            raise RecordError(
                "a link leads out of the folder here; nothing is written through it", path=path
            )
        os.makedirs(path, exist_ok=True)
        self._inside.add(below)
