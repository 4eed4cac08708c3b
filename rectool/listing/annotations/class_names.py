"""The numbers of classes by their names, and YOLO's: from a class table, a list, or YAML."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ...errors import LimitError, ListError, StrPath, shown
from ...format.header import to_float32
from ..classes import read_classes
from ..listing_faults import Faults
from ..lst import decode_path, quoted
from ..text_files import MOST_OF_NAMES, read_text
from .base import class_labels, class_name

_KEY_POINTS = re.compile(
    r"^kpt_shape\s*:\s*(?:\[\s*|-\s*)([0-9]{1,4})\s*(?:,|-)\s*([0-9])\b", re.MULTILINE
)
_FILES = ("classes.txt", "obj.names", "data.yaml", "dataset.yaml")
_NUMBERED = re.compile(r".*\S[ \t]+[0-9]{1,8}\s*")
_UNLIKE = (re.compile(r".*\S\s*[,;:=]\s*[0-9]+\s*"), re.compile(r"\s*[0-9]+[\s,;:=].*[^0-9\s]\s*"))
"""Lines of class tables that are written in another way: `cat,0` or `cat: 0`, and `0 cat`."""

_SCALAR = r"""('(?:[^']|'')*'\s*|"[^"\\]*"\s*|[^\s'"\[\]{},:#&*!|>%@`?-][^"\[\]{},:#]*)"""
"""Text of YAML that means what it looks like."""
_GAP = r"(?:\s|#[^\n]*\n)*"
_NUMBER = r"""['"]?([0-9]{1,8})['"]?\s*:"""
_LIST_ITEM = re.compile(rf"({_GAP}){_SCALAR}([,\]])")
_MAP_ITEM = re.compile(rf"{_GAP}{_NUMBER}\s+{_SCALAR}([,}}])")
_BLOCK_ITEM = re.compile(rf"(?:\s*-|\s+{_NUMBER})\s+{_SCALAR}(?:(?<=\s)#.*)?")
_END = re.compile(rf"{_GAP}[\]}}]")
_KEY = re.compile(r"""(['"]?)names\1\s*:""")


class Names(NamedTuple):
    """The table from class to number, and what file it is from.

    `key_points` are how many each object has and how many numbers each point, where that says it.
    """

    classes: dict[str, int]
    source: str
    key_points: tuple[int, ...] | None = None


def read_names(path: StrPath) -> Names:
    """Classes and their numbers of a file.

    A file that ends in .yaml or .yml has them as `names`; of others either each line ends in a
    blank and a number, which is a class table, or none does, and lines are numbered from 0. Raises
    ListError for what is none of these.
    """
    name = os.fspath(path)
    text = decode_path(read_text(name, "a file with names of classes", MOST_OF_NAMES))
    if name.lower().endswith((".yaml", ".yml")):
        match = _KEY_POINTS.search(text)
        shape = (int(match[1]), int(match[2])) if match else None
        return Names(_in_order(_yaml_names(text, name), name), name, key_points=shape)
    lines = text.rstrip().splitlines()
    filled = [line for line in lines if line.strip()]
    numbered = sum(map(bool, map(_NUMBERED.fullmatch, filled)))
    if filled and any(all(map(form.fullmatch, filled)) for form in _UNLIKE):
        found = quoted(filled[0].encode("utf-8", "surrogateescape"))
        raise ListError(f"expected a name, a blank and a number, found {found}", path=name)
    if numbered and numbered == len(filled):
        return Names(read_classes(name), name)
    if numbered:
        raise ListError(
            "a class table has a blank and a number at the end of each line, a list of names at"
            f" none, found {numbered} of {len(filled)}",
            path=name,
        )
    return Names(_in_order(dict(enumerate(lines)), name), name)


def yolo_names(folder: str, root: str, given: Names | None) -> tuple[Names | None, list[str]]:
    """What names YOLO's numbers, and remarks.

    The names that were given do so only where no file near the labels does: they say which label
    each class has.
    """
    found, remarks = _find_names(folder, root, given.source if given else None)
    if found:
        labels = f", labels those of {shown(given.source)}" if given else ""
        remarks.append(f"class names are those of {shown(found.source)}{labels}")
    elif given:
        remarks.append(
            f"class numbers are those of {shown(given.source)}: no other file near the labels has"
            " names"
        )
    return found or given, remarks


def yolo_labels(names: Names, given: Names | None) -> dict[int, int]:
    """The label of each of YOLO's numbers, which `names` names: that of its class as given.

    Raises ListError for classes that are missing there.
    """
    if not given:
        return {number: number for number in names.classes.values()}
    where = shown(names.source)
    places = {name: f"{where}: number {number}" for name, number in names.classes.items()}
    class_labels(places, given.classes, names.source)
    return {number: given.classes[name] for name, number in names.classes.items()}


def _find_names(folder: str, root: str, given: str | None) -> tuple[Names | None, list[str]]:
    """Class names from a file in a folder of labels, above it or above the images, and remarks.

    What was given is none of these files, whatever it is called.
    """
    above = [os.path.join(*up) for up in ((folder,), (folder, ".."), (folder, "..", ".."))]
    places = dict.fromkeys(map(os.path.normpath, (*above, os.path.join(root, ".."))))
    remarks: list[str] = []
    for place in places:
        for name in _FILES:
            path = os.path.normpath(os.path.join(place, name))
            if not os.path.isfile(path) or (given and os.path.samefile(path, given)):
                continue
            try:
                names = read_names(path)
            except ListError as error:
                first = str(error).partition("\n")[0]
                hint = "" if given else " (--classes FILE gives them)"
                remarks.append(f"{first}; not taken for class names{hint}")
            else:
                return names, remarks
    return None, remarks


def is_names_file(relative: str) -> bool:
    """Whether a file in a folder of labels is none of labels."""
    return relative in _FILES


def _in_order(names: dict[int, str], path: str) -> dict[str, int]:
    """The table, its names checked."""
    classes: dict[str, int] = {}
    faults = Faults()
    for number, text in names.items():
        try:
            name = class_name(text)
            if name in classes:
                raise ListError(f"{shown(name)} is already the name of class {classes[name]}")
            classes[name] = int(to_float32(number))
        except (ListError, LimitError) as error:
            faults.add(f"{shown(path)}: class {number}: {error.message}")
    faults.check(path)
    if not classes:
        raise ListError("there are no names of classes in it", path=path)
    return classes


def _yaml_names(text: str, path: str) -> dict[int, str]:
    """`names` of a YOLO data set's YAML: an inline or block list, or a mapping from numbers."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if _KEY.match(line)), None)
    if start is None:
        raise ListError("there are no names in it", path=path)
    rest = lines[start].partition(":")[2].strip()
    if rest[:1] in ("[", "{"):
        items = _inline("\n".join([rest, *lines[start + 1 :]]))
    else:
        items = _block(lines[start + 1 :]) if not rest or rest.startswith("#") else None
    if items is None:
        raise ListError(
            "its names must be a plain list or map",
            path=path,
        )
    return items


def _inline(text: str) -> dict[int, str] | None:
    """[a, 'b'] or {0: a, 1: "b"}, also over several lines."""
    item = _LIST_ITEM if text[0] == "[" else _MAP_ITEM
    names: dict[int, str] = {}
    at, end = 1, ","
    while end == ",":
        found = item.match(text, at)
        if found is None:  # a comma behind the last one
            return names if _END.match(text, at) else None
        number = len(names) if item is _LIST_ITEM else int(found[1])
        if number in names:
            return None
        names[number] = _unquoted(found[2])
        at, end = found.end(), found[3]
    return names


def _block(lines: list[str]) -> dict[int, str] | None:
    """`- a` or `0: a`, one a line."""
    names: dict[int, str] = {}
    forms = set()
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _BLOCK_ITEM.fullmatch(line)
        if found is None:
            if line[0] in " \t-":
                return None
            break
        number = len(names) if found[1] is None else int(found[1])
        forms.add(found[1] is None)
        if number in names or len(forms) > 1:
            return None
        names[number] = _unquoted(found[2])
    return names


def _unquoted(text: str) -> str:
    text = text.strip()
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return text.strip('"')
