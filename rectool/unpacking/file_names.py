"""Names of files from a list, checked before anything is written under them."""

from __future__ import annotations

import os
import posixpath
import re
from typing import NamedTuple

from ..errors import shown
from ..listing.listing_faults import Faults
from ..listing.lst import ImageList

_LONGEST_NAME, _LONGEST_PATH = 255, 1024
"""Bytes of a name between two slashes, and of a whole path: what all file systems take."""

_DRIVE = re.compile(r"[A-Za-z]:/|//")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)", re.I)
_NOT_ON_WINDOWS = re.compile(r'[\x00-\x1f<>:"|?*]|[ .]$')


class ListedNames(NamedTuple):
    """Names by key, with "/" between folders; `respelled` counts those that had backslashes."""

    by_key: dict[int, str]
    respelled: int


def listed_names(names: ImageList, lst: str, *, alone: bool) -> ListedNames:
    """The names in a list, all of them below the folder and different.

    `lst` is the name of the list that is written; with `alone` no two names may be the same but for
    their endings. Raises ListError, with each line, where that is not so.
    """
    but = ", but for its ending," if alone else ""
    known: dict[int, str] = {}
    slots: dict[str, int] = {}
    lines: dict[str, int] = {}
    faults = Faults()
    respelled = 0
    for position, entry in enumerate(names):
        line = names.line_number(position)
        where = f"{shown(names.name)}:{line}: {shown(entry.path)}"
        try:
            path = below_folder(entry.path)
        except ValueError as error:
            faults.add(f"{where} {error}")
            continue
        respelled += "\\" in entry.path
        if os.path.normcase(path) == os.path.normcase(lst):
            faults.add(f"{where} is the name of the list to be written")
        first = slots.setdefault(slot(path, alone), line)
        if first != line:
            faults.add(f"{where} is{but} the name of line {first} already")
        lines.setdefault(os.path.normcase(path), line)
        known[entry.key] = path
    faults.add(*_faults_of_folders(lines, names.name, lst))
    faults.check(names.name)
    return ListedNames(known, respelled)


def _faults_of_folders(lines: dict[str, int], name: str, lst: str) -> list[str]:
    """What names, with their lines, need a folder where another has a file."""
    faults = []
    folders: set[str] = set()
    for path, line in lines.items():
        folder = os.path.dirname(path)
        while folder and folder not in folders:
            folders.add(folder)
            if folder in lines or folder == os.path.normcase(lst):
                what = f"that of line {lines[folder]}" if folder in lines else "the list"
                faults.append(
                    f"{shown(name)}:{line}: {shown(folder)} must be a folder, but is the name of a"
                    f" file: {what}"
                )
            folder = os.path.dirname(folder)
    return faults


def slot(path: str, alone: bool) -> str:
    """What no two files may have in common."""
    path = os.path.normcase(path)
    return os.path.splitext(path)[0] if alone else path


def below_folder(path: str, *, windows: bool = os.name == "nt") -> str:
    """A path of a list, of whatever system, as one below the folder, with "/" between names.

    Raises ValueError, with what the path does, where it is none.
    """
    slashed = path.replace("\\", "/")
    if slashed.startswith("/") or _DRIVE.match(slashed):
        raise ValueError("is an absolute path, and leads out of the folder")
    plain = posixpath.normpath(slashed)
    if plain.split("/")[0] == "..":
        raise ValueError("leads out of the folder")
    if slashed.split("/")[-1] in ("", ".", ".."):
        raise ValueError("names a folder, and no file in it")
    parts = plain.split("/")
    if max(map(_size, parts)) > _LONGEST_NAME or _size(plain) > _LONGEST_PATH:
        raise ValueError(
            f"is too long: names must have at most {_LONGEST_NAME} bytes, paths {_LONGEST_PATH}"
        )
    if "\0" in plain:
        raise ValueError("has a zero byte, which no name of a file can have")
    if windows:
        for part in parts:
            if _RESERVED.match(part) or _NOT_ON_WINDOWS.search(part):
                raise ValueError(f"has {shown(part)}, which Windows does not take as a name")
    return plain


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
