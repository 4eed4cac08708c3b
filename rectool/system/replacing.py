"""What may be replaced: with `force` a file of the kind that is written, and nothing else ever."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..errors import RecordError, StrPath, shown
from .open_regular import open_regular

_HEAD = 4096  # bytes that tell a file's kind
_INDEX_LINE = re.compile(rb"^[^\t\r\n\0]+\t[0-9]+[ \t]*\r?$", re.MULTILINE)
_CLASS_LINE = re.compile(rb"[^\t\r\n\0]*[^\s\0] +[0-9]{1,8}\s*")
_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr|fd/[0-9]+)|/proc/(self|[0-9]+)/fd/[0-9]+")


class FileKind(NamedTuple):
    """A kind of file that is written; `fits` takes the first bytes of one that is not empty."""

    noun: str
    fits: Callable[[bytes], bool]


def _is_list(head: bytes) -> bool:
    """Whether it is text at all, and no index: lists are also written by hand."""
    is_text = b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return is_text and not _INDEX_LINE.match(head)


def _is_class_table(head: bytes) -> bool:
    whole = head.split(b"\n") if len(head) < _HEAD else head.split(b"\n")[:-1]
    return all(not line.strip() or _CLASS_LINE.fullmatch(line) for line in whole)


RECORDS = FileKind("a record file (.rec)", lambda head: head.startswith(b"\x0a\x23\xd7\xce"))
INDEX = FileKind("an index (.idx)", lambda head: _INDEX_LINE.search(head) is not None)
LIST = FileKind("a list (.lst)", _is_list)
CLASSES = FileKind("a class table", _is_class_table)
FAILURES = FileKind(
    "a list of failures (.failures.txt)",
    lambda head: re.match(rb"-?[0-9]+\t[^\t\n]*\t(line|byte) [0-9]+\t", head) is not None,
)
SHARDS = FileKind("a description of shards (.json)", lambda head: head.lstrip().startswith(b"{"))

_BY_ENDING = {".rec": RECORDS, ".idx": INDEX, ".lst": LIST, ".json": SHARDS}


def check_free(
    path: StrPath, *, force: bool, kind: FileKind | None = None, name: str | None = None
) -> None:
    """Raises what AtomicFile raises where something stands in its way.

    Without `kind` the name's ending tells it. Errors name `name` instead of the path, if it is
    given.
    """
    path = os.fspath(path)
    name = path if name is None else name
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise type(error)(error.errno, error.strerror, name) from None
    if stat.S_ISLNK(state.st_mode) and not is_descriptor(path):
        state = _behind(path, state, name)
    elif is_descriptor(path):
        return
    if stat.S_ISDIR(state.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    if stat.S_ISCHR(state.st_mode) or (stat.S_ISFIFO(state.st_mode) and _is_ours(state)):
        return
    if not stat.S_ISREG(state.st_mode):
        raise FileExistsError(errno.EEXIST, "exists already and is no regular file", name)
    kind = kind or _BY_ENDING.get(os.path.splitext(path)[1].lower())
    if kind is not None and state.st_size and not kind.fits(_head(path, name)):
        reason = (
            f"exists already and is not {kind.noun}; a file of another kind is never replaced:"
            " move it away or choose another name"
        )
        raise FileExistsError(errno.EEXIST, reason, name)
    if not force:
        raise FileExistsError(errno.EEXIST, "exists already", name)
    _check_removable(path, state, name)


def is_descriptor(path: str) -> bool:
    """Whether the path is that of one of the process's own open files: /dev/stdout, say."""
    return _DESCRIPTOR.fullmatch(path) is not None


def is_direct(path: str) -> bool:
    """Whether what has passed `check_free` is a device or a pipe, which is written to as it is."""
    return is_descriptor(path) or (os.path.exists(path) and not os.path.isfile(path))


def check_outputs(outputs: Sequence[StrPath], inputs: Iterable[StrPath] = ()) -> None:
    """Raises RecordError where an output is one of the inputs, or two outputs are one file.

    Files are known by what they are, whatever links and spellings lead to them.
    """
    read = {_identity(path): os.fspath(path) for path in inputs}
    read.pop(None, None)
    paths = [os.fspath(path) for path in outputs]
    written: dict[object, int] = {}
    for number, path in enumerate(paths):
        found = _identity(path)
        if found is not None and is_direct(path):
            continue
        if found in read:
            source = "" if read[found] == path else f" (as {shown(read[found])})"
            raise RecordError(
                f"is read from, and would be replaced{source}; choose another name for the output",
                path=path,
            )
        for known in (found, os.path.realpath(path).casefold()):
            first = written.setdefault(known, number) if known is not None else number
            if first != number:
                raise RecordError(
                    f"is the name of two outputs (the other one is {shown(paths[first])});"
                    " choose another name for one of them",
                    path=path,
                )


def _identity(path: StrPath) -> tuple[int, int] | None:
    """What is the same for all names of one file, None where there is no file."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino


def _behind(path: str, link: os.stat_result, name: str) -> os.stat_result:
    """The file that a link leads to. Raises where it must not be written through."""
    try:
        state = os.stat(path)
        if _may_follow(path, link) and _is_ours(state, or_root=True):
            return state
    except OSError:
        pass
    reason = "exists already: a link that leads to no file of yours; choose another name"
    raise FileExistsError(errno.EEXIST, reason, name)


def _may_follow(path: str, link: os.stat_result) -> bool:
    """The rule that Linux has for links in folders like /tmp, where others may plant them."""
    if sys.platform == "win32":
        return True
    folder = os.stat(os.path.dirname(path) or ".")
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    return not shared or link.st_uid in (os.geteuid(), folder.st_uid)


def _is_ours(state: os.stat_result, *, or_root: bool = False) -> bool:
    """Whether the user owns it; `or_root`: root owns everything."""
    if sys.platform == "win32" or stat.S_ISCHR(state.st_mode):
        return True
    return state.st_uid == os.geteuid() or (or_root and os.geteuid() == 0)


def _check_removable(path: str, state: os.stat_result, name: str) -> None:
    """Raises PermissionError for another's file in a folder like /tmp: it cannot be replaced."""
    if sys.platform == "win32":
        return
    folder = os.stat(os.path.dirname(os.path.realpath(path)))
    owners = (state.st_uid, folder.st_uid)
    if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (0, *owners):
        reason = "cannot be replaced: it belongs to another user"
        raise PermissionError(errno.EPERM, reason, name)


def _head(path: str, name: str) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(_HEAD)
    except OSError as error:
        raise type(error)(error.errno, f"cannot be read: {error.strerror}", name) from None
