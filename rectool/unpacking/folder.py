"""Folders that files with names from outside are written to."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence

from ..errors import RecordError
from ..system.held_folder import HeldFolder
from ..system.open_regular import unwritable

_NO_PAYLOADS = (".rec", ".idx", ".lst")


def check_empty(folder: str, *, force: bool) -> None:
    """Raises FileExistsError where the folder holds anything and `force` is false."""
    if not force and os.path.isdir(folder) and os.listdir(folder):
        raise _not_empty(folder)


def _not_empty(folder: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "the folder is not empty", folder)


def are_apart(one: str, other: str) -> bool:
    """Whether neither of two folders is the other or lies in it, however they are written."""
    paths = [os.path.realpath(path).casefold() for path in (one, other)]  # not all tell a from A
    try:
        return os.path.commonpath(paths) not in paths
    except ValueError:  # on two drives
        return True


class Folder:
    """A folder that files are written to, by names with "/" between folders.

    Each file appears whole or not at all. Nothing is written outside of the folder: links in it are
    replaced, and never followed. Neither a file of `sources` is replaced nor one that was written
    here: where names are from a list (`by_list`) the disk may take one for another. A folder is
    written to by one process at a time.

    Raises FileExistsError where the folder holds anything and `force` is false, RecordError where
    another process is writing to it, and OSError.
    """

    def __init__(
        self, path: str, sources: Sequence[str | None], *, force: bool, by_list: bool
    ) -> None:
        self.path = path
        self._force = force
        self._by_list = by_list
        self._sources = {_identity(os.stat(source)) for source in sources if source}
        self._written: set[tuple[int, int]] = set()
        try:
            _make_folders(path)
            self._root = HeldFolder(path)
        except OSError as error:
            raise unwritable(error, path) from None
        self._below, self._place = "", self._root
        try:
            if not self._root.lock():
                raise RecordError("another process is unpacking into this folder", path=path)
            if not force and self._root.names():
                raise _not_empty(path)
        except BaseException:
            self.close()
            raise

    def write(self, name: str, payload: bytes) -> None:
        """A file of these bytes, in place of whatever had the name."""
        below, _, base = name.rpartition("/")
        if below != self._below:
            self._enter(below)
        if base.lower().endswith(_NO_PAYLOADS) and self._place.stat(base) is not None:
            path = os.path.join(self._place.path, base)
            raise RecordError(
                "a file of another kind has this name, so it is not replaced", path=path
            )
        file = NewFile(self, self._place, base)
        try:
            file.write(payload)
            file.publish()
        except BaseException:
            file.discard()
            raise

    def new_file(self, name: str) -> NewFile:
        """A file in the folder itself, to be written piece by piece and published at the end.

        Raises what publishing it would, where something is in the way already.
        """
        self.check_replaceable(self._root, name)
        return NewFile(self, self._root, name)

    def _enter(self, below: str) -> None:
        self._leave()
        place = self._root
        for name in below.split("/") if below else ():
            try:
                inner = place.enter(name)
            except OSError as error:
                path = os.path.join(place.path, name)
                if error.errno == errno.ELOOP:
                    reason = "a link stands where a folder is to be written, and is not followed"
                    raise RecordError(reason, path=path) from None
                raise unwritable(error, path) from None
            finally:
                if place is not self._root:
                    place.close()
            place = inner
        self._below, self._place = below, place

    def _leave(self) -> None:
        if self._place is not self._root:
            self._place.close()
        self._below, self._place = "", self._root

    def check_replaceable(self, place: HeldFolder, name: str) -> None:
        """Raises RecordError or OSError where what has this name must stay."""
        state = place.stat(name)
        if state is None:
            return
        path = os.path.join(place.path, name)
        if _identity(state) in self._sources:
            raise RecordError("this would replace a file that is being read", path=path)
        if _identity(state) in self._written:
            reason = (
                "on this disk the name is the same as that of another record's file, which stays"
            )
            raise RecordError(reason, path=path)
        if not self._force:
            raise FileExistsError(errno.EEXIST, "exists already", path)
        if stat.S_ISDIR(state.st_mode):
            raise unwritable(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)), path)
        if not (stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode)):
            raise RecordError("this is not a regular file, so it is not replaced", path=path)

    def note_written(self, fd: int) -> None:
        if self._by_list:  # names made of keys are all different, and there may be many
            self._written.add(_identity(os.fstat(fd)))

    def close(self) -> None:
        self._leave()
        self._root.close()

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class NewFile:
    """A file in a Folder that has its name only once it is published."""

    def __init__(self, folder: Folder, place: HeldFolder, name: str) -> None:
        self.path = os.path.join(place.path, name)
        self._folder, self._place, self._name = folder, place, name
        self._temporary: str | None = None
        try:
            fd, self._temporary = place.create()
        except OSError as error:
            raise unwritable(error, self.path) from None
        self._file = open(fd, "wb")  # noqa: SIM115 - closed by `finish` or `discard`

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise unwritable(error, self.path) from None

    def finish(self, *, sync: bool = False) -> None:
        """Everything is written when this returns, and with `sync` on the disk."""
        if self._file.closed:
            return
        try:
            self._file.flush()
            self._folder.note_written(self._file.fileno())
            if sync:
                os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise unwritable(error, self.path) from None

    def check(self) -> None:
        """Raises what `publish` would where something is in the way."""
        self._folder.check_replaceable(self._place, self._name)

    def publish(self) -> None:
        self.finish()
        self.check()
        try:
            if self._temporary is not None:
                self._place.replace(self._temporary, self._name)
        except OSError as error:
            raise unwritable(error, self.path) from None
        self._temporary = None

    def discard(self) -> None:
        """Removes what was written, unless it was published."""
        temporary, self._temporary = self._temporary, None
        with contextlib.suppress(OSError):  # what could not be written is thrown away
            self._file.close()
        if temporary is not None:
            with contextlib.suppress(OSError):  # gone already; the error before this one counts
                self._place.unlink(temporary)


def _make_folders(path: str) -> None:
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path.rstrip("/" + os.sep))
    for folder in reversed(missing):
        os.makedirs(folder, exist_ok=True)


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino
