"""The names of classes that YOLO's labels only number: from a list, a class table, or YAML."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ..format import ListError, StrPath, shown
from ..listing import decode_path, raise_faults
from ..scanning import read_classes
from .common import class_name

_FILES = ("classes.txt", "obj.names", "data.yaml", "dataset.yaml")
_NUMBERED = re.compile(r".*\S[ \t]+[0-9]{1,8}\s*")

_SCALAR = r"""('(?:[^']|'')*'\s*|"[^"\\]*"\s*|[^\s'"\[\]{},:#&*!|>%@`?-][^"\[\]{},:#]*)"""
"""Text of YAML that means what it looks like."""
_LIST_ITEM = re.compile(rf"(\s*){_SCALAR}([,\]])")
_MAP_ITEM = re.compile(rf"\s*([0-9]{{1,8}})\s*:\s+{_SCALAR}([,}}])")
_BLOCK_ITEM = re.compile(rf"(?:\s*-|\s+([0-9]{{1,8}})\s*:)\s+{_SCALAR}(?:(?<=\s)#.*)?")


class Names(NamedTuple):
    """The table from class to number, what file it is from, and whether key points are labelled."""

    classes: dict[str, int]
    source: str
    key_points: bool = False


def read_names(path: StrPath) -> Names:
    """Class names of a file.

    A file that ends in .yaml or .yml has them as `names`; of others either each line ends in a
    blank and a number, which is a class table, or none does, and lines are numbered from 0. Raises
    ListError for what is none of these.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        data = file.read()
    if b"\0" in data[:4096]:
        raise ListError("no names of classes but a binary file", path=name)
    text = decode_path(data.removeprefix(b"\xef\xbb\xbf"))
    if name.lower().endswith((".yaml", ".yml")):
        key_points = re.search(r"^kpt_shape\s*:", text, re.MULTILINE) is not None
        return Names(_in_order(_yaml_names(text, name), name), name, key_points)
    lines = text.rstrip().splitlines()
    numbered = sum(map(bool, map(_NUMBERED.fullmatch, lines)))
    if numbered and numbered == sum(map(bool, map(str.strip, lines))):
        return Names(read_classes(name), name)
    if numbered:
        raise ListError(
            f"{numbered} of {len(lines)} lines end in a number: in a class table all do, in a list"
            " of names none",
            path=name,
        )
    return Names(_in_order(dict(enumerate(lines)), name), name)


def find_names(folder: str, root: str) -> tuple[Names | None, list[str]]:
    """Class names from a file in a folder of labels, above it or above the images, and remarks."""
    above = [os.path.join(*up) for up in ((folder,), (folder, ".."), (folder, "..", ".."))]
    places = dict.fromkeys(map(os.path.normpath, (*above, os.path.join(root, ".."))))
    remarks: list[str] = []
    for place in places:
        for name in _FILES:
            path = os.path.normpath(os.path.join(place, name))
            if not os.path.isfile(path):
                continue
            try:
                names = read_names(path)
            except ListError as error:
                first = str(error).partition("\n")[0]
                remarks.append(f"{first}; not taken for class names (--classes FILE gives them)")
            else:
                return names, [*remarks, f"class names are those of {shown(path)}"]
    return None, remarks


def is_names_file(relative: str) -> bool:
    """Whether a file in a folder of labels is none of labels."""
    return relative in _FILES


def _in_order(names: dict[int, str], path: str) -> dict[str, int]:
    """The table, its names checked."""
    classes: dict[str, int] = {}
    faults: list[str] = []
    for number, text in names.items():
        try:
            name = class_name(text)
            if name in classes:
                raise ListError(f"{shown(name)} is the name of class {classes[name]} already")
            classes[name] = number
        except ListError as error:
            faults.append(f"{shown(path)}: class {number}: {error.message}")
    raise_faults(faults, path)
    if not classes:
        raise ListError("no names of classes in it", path=path)
    return classes


def _yaml_names(text: str, path: str) -> dict[int, str]:
    """`names` of a YOLO data set's YAML: an inline or block list, or a mapping from numbers."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        raise ListError("no names in it", path=path)
    rest = lines[start].partition(":")[2].strip()
    if rest[:1] in ("[", "{"):
        items = _inline("\n".join([rest, *lines[start + 1 :]]))
    else:
        items = _block(lines[start + 1 :]) if not rest or rest.startswith("#") else None
    if items is None:
        raise ListError("its names are written in a way that is not read", path=path)
    return items


def _inline(text: str) -> dict[int, str] | None:
    """[a, 'b'] or {0: a, 1: "b"}, also over several lines."""
    item = _LIST_ITEM if text[0] == "[" else _MAP_ITEM
    names: dict[int, str] = {}
    at, end = 1, ","
    while end == ",":
        found = item.match(text, at)
        if found is None:  # a comma behind the last one
            return names if re.match(r"\s*[\]}]", text[at:]) else None
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
