"""Finds the files that a list or annotations name, whatever wrote their paths.

    root = Root(folder, exts)      # OSError where the folder cannot be read
    path = root.find(text)         # what a list has for it, "sub/a b.jpg"; or ListError, saying why
    path = root.respelled(text)    # the same without a look at `text` as it stands; or None
    lines = root.remarks()         # [] or ["2 paths found under another spelling, e.g. ..."]

A path is taken as it stands where a file has it; that costs one `stat`. Where none has, files below
the folder are looked for whose paths differ in no more than Unicode's form, case, backslashes,
percent-encoding, blanks or quotes around it, a missing ending, or in what goes before (absolute
paths and URLs: the longest end of the path that is there counts). One such file is taken, and
counted for the remark. Of two none is taken: ListError names both. Each folder is read once.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator

from ..errors import ListError, StrPath, shown
from ..imaging.image_files import file_fault
from ..remarks import RemarkKind, Remarks
from .lst import encode_path, leads_out
from .scan import EXTS, normal_exts

RESPELLED = RemarkKind("{} found under another spelling, e.g. {}", "path")

UNFIT = re.compile(r"[\t\n\r\0]")
"""What no path and no name in a list has."""

_AROUND = " '\"\u00a0\u2028\ufeff"
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)?(?=/)")
"""What goes before the path of a URL, or a drive of Windows."""
_LONGEST = 1 << 14  # characters of a path that is looked for
_MOST_PLACES = 16  # that one path may mean: links can make any number of them
_MOST_NAMES = 1 << 20  # names of folders that are remembered

_NO_FOLDER = (
    errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG,
)  # fmt: skip
"""What says that a path is none of a folder; all else is the disk's fault."""

NOT_FOUND = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL)
"""What says that no file has a path; the last is Windows' word for one that no file can have."""

_Names = dict[str, list[str]]


class Root:
    """The folder that a list's paths start from. Raises OSError where it cannot be read."""

    def __init__(self, path: StrPath, exts: Iterable[str] = EXTS) -> None:
        """`exts` are the endings that a path may lack."""
        self.path = os.fspath(path)
        os.scandir(self.path).close()
        forms = (os.path.abspath(self.path), os.path.realpath(self.path))
        self._absolute = tuple(os.path.join(form, "") for form in forms)
        self._exts = normal_exts(exts)
        self._folders: dict[str, _Names] = {}
        self._remembered = 0
        self._remarks = Remarks()

    def join(self, path: str) -> str:
        return os.path.join(self.path, path)

    def has_file(self, path: str) -> bool:
        """Whether a path below the root is that of a file. Raises OSError where the disk fails."""
        try:
            return stat.S_ISREG(os.stat(self.join(path)).st_mode)
        except OSError as error:
            file_fault(error)
            return False

    def below(self, path: str) -> str:
        """A path as a list has it, there or not. Raises ListError where it leads out."""
        plain = self._plain(path)
        if os.sep == "/" and "\\" in plain and not os.path.exists(self.join(plain)):
            plain = self._plain(path.replace("\\", "/"))
        if plain == os.curdir or leads_out(plain):
            raise ListError(f"{shown(path)} is not below {shown(self.path)}")
        return plain

    def find(self, path: str) -> str:
        """The path of the file that is meant. Raises ListError where there is none, or are two."""
        plain = self._plain(path)
        out = plain == os.curdir or leads_out(plain)
        if not out and self.has_file(plain):
            return plain
        elsewhere = out and os.path.lexists(self.join(path))  # a file, and none below the root
        found = None if elsewhere else self.respelled(path)
        if found is not None:
            return found
        self.below(path)
        raise ListError(f"no such file: {shown(self.join(plain))}")

    def has(self, path: str) -> bool:
        """Whether a file is meant by this path; it is not counted."""
        try:
            plain = self.below(path)
            return self.has_file(plain) or bool(self.meant(path))
        except ListError:
            return False

    def respelled(self, path: str) -> str | None:
        """The one file that a path means which no file has as it stands, if there is one.

        Raises ListError where there are several.
        """
        found = self.meant(path)
        if len(found) > 1:
            raise ListError(
                f"no such file: {shown(self.join(path))}, and it may mean {shown(found[0])} or"
                f" {shown(found[1])}"
            )
        if not found:
            return None
        self._remarks.count(RESPELLED, respelling(path, found[0]))
        return found[0]

    def remarks(self) -> list[str]:
        """What was counted, in no line or one."""
        return self._remarks.lines()

    def meant(self, path: str) -> list[str]:
        """All files that a path may mean which no file has as it stands; none is counted."""
        if len(path) > _LONGEST or not is_encodable(path):
            return []
        return list(dict.fromkeys(one for text in _readings(path) for one in self._like(text)))

    def _plain(self, path: str) -> str:
        if not path:
            raise ListError("the path is missing")
        if UNFIT.search(path):
            raise ListError(
                f"{path!r:.80}: a path must not have a tab, a line's end or a zero byte"
            )
        if not is_encodable(path):
            raise ListError(f"{path!a:.80}: no file can have this path")
        plain = os.path.normpath(path)
        return plain.removeprefix(next(filter(plain.startswith, self._absolute), ""))

    def _like(self, text: str) -> list[str]:
        """Files with a path like this one, or else like its longest end where it is absolute."""
        prefix = _PREFIX.match(text)
        absolute = prefix is not None or text.startswith("/")
        parts = _parts(text[prefix.end() :] if prefix else text)
        if not absolute:
            return self._files(parts)
        ends = (self._files(parts[at:]) for at in range(len(parts)))
        return next(filter(None, ends), [])

    def _files(self, parts: list[str]) -> list[str]:
        """Files whose paths have parts like these."""
        if not parts or os.pardir in parts:
            return []
        places = [""]
        for part in parts[:-1]:
            places = [
                os.path.join(place, name)
                for place in places
                for name in next(filter(None, self._names_like(place, part)), [])
            ][:_MOST_PLACES]
        found: list[str] = []
        for place in places:
            for names in self._names_like(place, parts[-1], self._exts):
                paths = [os.path.join(place, name) for name in names if not UNFIT.search(name)]
                files = [path for path in paths if self.has_file(path)]
                found += files
                if files:
                    break
        return found

    def _names_like(
        self, folder: str, name: str, exts: tuple[str, ...] = ()
    ) -> Iterator[list[str]]:
        """Names in a folder: this one, such as are like it, and both with one of these endings."""
        names = self._names_in(folder)
        like = names.get(_folded(name), [])
        yield [one for one in like if one == name]
        yield like
        ended = [one for ext in exts for one in names.get(_folded(name + ext), [])]
        yield [one for one in ended if one.startswith(name)]
        yield ended

    def _names_in(self, folder: str) -> _Names:
        """The names in a folder by what they are folded to."""
        names = self._folders.get(folder)
        if names is None:
            names = {}
            listed = self._listed(folder)
            for name in sorted(listed):
                names.setdefault(_folded(name), []).append(name)
            self._remembered += len(listed)
            if self._remembered > _MOST_NAMES:
                self._folders.clear()
                self._remembered = len(listed)
            self._folders[folder] = names
        return names

    def _listed(self, folder: str) -> list[str]:
        try:
            return os.listdir(self.join(folder))
        except OSError as error:
            if error.errno not in _NO_FOLDER:
                raise
            return []


def respelling(path: str, found: str) -> str:
    """An example for the remark RESPELLED; what looks alike is told in ASCII."""
    if unicodedata.normalize("NFC", path) == unicodedata.normalize("NFC", found):
        return f"{path!a:.200} as {found!a:.200}"
    return f"{path!r:.200} as {found!r:.200}"


def _readings(path: str) -> Iterator[str]:
    """What a path may mean, with slashes."""
    text = path.strip(_AROUND).replace("\\", "/")
    if "://" in text:
        text = re.split("[?#]", text, maxsplit=1)[0]
    texts = [text]
    if any("\udc80" <= character <= "\udcff" for character in text):  # no UTF-8, so maybe this
        texts.append(encode_path(text).decode("cp1252", "replace"))
    for one in texts:
        yield one
        if "%" in one:
            from urllib.parse import unquote  # noqa: PLC0415 - start-up counts, and few need it

            yield unquote(one, errors="surrogateescape")


def _parts(path: str) -> list[str]:
    """The names in a path, `..` resolved where it does not lead out."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == os.pardir and parts and parts[-1] != os.pardir:
            parts.pop()
        elif part not in ("", os.curdir):
            parts.append(part)
    return parts


def _folded(name: str) -> str:
    """The same of names that differ in case or Unicode's form alone."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_encodable(text: str) -> bool:
    try:
        encode_path(text)
    except UnicodeEncodeError:  # half a surrogate pair, from JSON
        return False
    return True
