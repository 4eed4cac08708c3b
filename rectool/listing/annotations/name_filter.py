"""A file of names that says which images are listed: VOC's ImageSets, darknet's train.txt."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from ...errors import ListError, StrPath, plural, shown
from ..listing_faults import Faults
from ..lst import ImageList, decode_path
from ..text_files import MOST_OF_LIST, read_text
from .detect_format import check_is_file

_FLAGGED = re.compile(r"(.*\S)[ \t]+([+-]?[0-9]{1,9})")
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


class NameFilter:
    """The images that a file names, a line each: by names or paths, with or without ending.

    A path need not begin where those of the images do: the parts that both have must be the same.
    A number behind a name is passed over, but -1, as in VOC's ImageSets, leaves the image out.
    """

    def __init__(self, path: StrPath) -> None:
        self.name = os.fspath(path)
        self.remarks: list[str] = []
        check_is_file(self.name, "--only", "a name a line")
        lines = decode_path(read_text(self.name, "a file of names", MOST_OF_LIST)).split("\n")
        self._lines = [(at, line.strip()) for at, line in enumerate(lines, 1) if line.strip()]
        if not self._lines:
            raise ListError("there are no names of images in it", path=self.name)

    def choose(self, paths: Iterable[str], faults: Faults) -> set[str]:
        """Those of the paths that are named. A name that is of none, or of several, is a fault."""
        known = _PathsByName(paths)
        chosen: set[str] = set()
        left_out = 0
        for line, text in self._lines:
            name, flag = text, ""
            found = known.find(text)
            if not found and (flagged := _FLAGGED.fullmatch(text)):
                name, flag = flagged[1], flagged[2]
                found = known.find(name)
            if flag == "-1":
                left_out += 1
            elif not found:
                faults.add(f"{shown(self.name)}:{line}: no image {shown(name)}")
            elif len(found) > 1:
                which = f"{shown(found[0])} or {shown(found[1])}"
                faults.add(f"{shown(self.name)}:{line}: {shown(name)} may be {which}")
            else:
                chosen.update(known.spellings(found[0]))
        self.remarks = []
        if left_out:
            self.remarks.append(
                f"left out: {plural(left_out, 'image')} marked -1 in {shown(self.name)}"
            )
        return chosen

    def keep(self, images: ImageList, faults: Faults) -> ImageList:
        """The same of a list's entries, which keep their keys. Raises ListError for none."""
        paths = [entry.path for entry in images]
        chosen = self.choose(paths, faults)
        kept = [position for position, path in enumerate(paths) if path in chosen]
        if not kept:
            faults.check(self.name)
            raise ListError("there is none of the images in it", path=self.name)
        return images.take(np.array(kept, np.int64))


class _PathsByName:
    """Paths by the last name in them, with and without its ending."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._whole: dict[str, list[tuple[str, ...]]] = {}
        self._stems: dict[str, list[tuple[str, ...]]] = {}
        self._paths: dict[tuple[str, ...], list[str]] = {}
        for path in paths:
            parts = _parts(path)
            spellings = self._paths.setdefault(parts, [])
            spellings.append(path)
            if not parts or len(spellings) > 1:
                continue
            self._whole.setdefault(parts[-1], []).append(parts)
            self._stems.setdefault(_ENDING.sub("", parts[-1]), []).append(parts)

    def spellings(self, path: str) -> list[str]:
        """A path as it was given, once or more."""
        return self._paths[_parts(path)]

    def find(self, name: str) -> list[str]:
        """The paths that a name means: one of all its parts, or else all that end alike."""
        parts = _parts(name)
        if not parts:
            return []
        last = parts[-1]
        like = (
            self._whole.get(last),
            self._stems.get(last),
            self._stems.get(_ENDING.sub("", last)),
        )
        for candidates in filter(None, like):
            found = [one for one in candidates if _end_alike(one[:-1], parts[:-1])]
            same = [one for one in found if one[:-1] == parts[:-1]]
            if found:
                return [self._paths[one][0] for one in same or found]
        return []


def _end_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    count = min(len(one), len(other))
    return not count or one[-count:] == other[-count:]


def _parts(path: str) -> tuple[str, ...]:
    text = path if path.isascii() else unicodedata.normalize("NFC", path)
    return tuple(part for part in text.replace("\\", "/").split("/") if part not in ("", "."))
