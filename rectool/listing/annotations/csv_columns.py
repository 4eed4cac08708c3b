"""Which columns of a table are the path of an image, its labels, or its boxes."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import ListError, shown
from ..paths import Root

_PATHS = (
    "path", "filepath", "imagepath", "imgpath", "filename", "imagename", "imgname", "imagefile",
    "file", "image", "img", "imageid", "imgid", "picture", "photo",
)  # fmt: skip
_CLASSES = (
    "label", "class", "labelname", "classname", "labels", "classes", "classid", "labelid",
    "category", "categoryname", "categoryid", "object", "objectname", "target", "tags", "tag",
    "breed", "species",
)  # fmt: skip
_CORNERS = (
    ("x0", "y0", "x1", "y1"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("minx", "miny", "maxx", "maxy"),
    ("bboxxmin", "bboxymin", "bboxxmax", "bboxymax"),
    ("bboxx1", "bboxy1", "bboxx2", "bboxy2"),
)
_SIZES = (("width", "height"), ("imagewidth", "imageheight"), ("imgwidth", "imgheight"))
_GROUP = "isgroupof"
_BOX_COLUMN = re.compile(r"[xy](min|max)|(min|max)[xy]|(b|bnd|bounding)box.*")
_INDEX = re.compile(r"(unnamed:.*)?", re.IGNORECASE)  # a column of pandas' row numbers
_NUMBER = re.compile(r"\s*[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*")
_TRUTHS = ("true", "false")
_MOST_NAMES = 100
_BOXES_WITHOUT_HEADER = 6
_SPLITS = ("TRAIN", "TEST", "VALIDATE", "VALIDATION", "UNASSIGNED")


class BoxColumns(NamedTuple):
    """Where xmin, ymin, xmax, ymax and the class are, and if they are there, the size of the image
    and whether a box is of a group.
    """

    corners: tuple[int, int, int, int]
    name: int
    size: tuple[int, int] | None = None
    group: int | None = None


class Columns(NamedTuple):
    """Of what columns a table is, from 0; with `has_header` its first row names them."""

    width: int
    path: int
    labels: tuple[int, ...]
    boxes: BoxColumns | None
    has_header: bool
    remarks: list[str]


def columns_of(rows: Sequence[list[str]], root: Root, chosen: Sequence[str] = ()) -> Columns:
    """The columns of a table by its first two rows, or as chosen: path and labels.

    These are names in a header, or numbers from 1. Raises ListError where it is not clear.
    """
    first = rows[0]
    if chosen:
        return _chosen(first, root, chosen)
    if first[0].strip().upper() in _SPLITS and len(first) > _BOXES_WITHOUT_HEADER:
        cut = "awk -F, -v OFS=, '{print $2, $4, $5, $8, $9, $3}'"
        raise ListError(
            f"this is a table of Google AutoML: {cut} makes one of path,x1,y1,x2,y2,class"
        )
    if _is_header(first[0], root):
        return _by_header(first, rows[1] if len(rows) > 1 else [], root)
    if len(first) == 1:
        raise ListError(f"expected a path, a comma and a label, got {first[0]!r:.80}")
    if _are_boxes(first):
        return Columns(len(first), 0, (), BoxColumns((1, 2, 3, 4), 5), False, [])
    labels = tuple(range(1, len(first)))
    bad = next((at for at in labels if _is_text(first[at])), None)
    if bad is not None and len(labels) > 1:
        raise ListError(
            f"column {bad + 1} has {first[bad]!r:.80}, which is no number, and there are several"
            " columns: --csv-columns 1,2 takes path and label from columns 1 and 2"
        )
    return Columns(len(first), 0, labels, None, False, [])


def _chosen(first: list[str], root: Root, chosen: Sequence[str]) -> Columns:
    if len(chosen) < 2:
        raise ListError(
            "--csv-columns requires the path's column and one or more columns of labels"
        )
    names = [cell.strip().casefold() for cell in first]
    wanted = [one.strip().casefold() for one in chosen]
    if all(one in names for one in wanted):
        places, has_header = [names.index(one) for one in wanted], True
    elif all(re.fullmatch("[0-9]{1,6}", one) and 0 < int(one) <= len(first) for one in wanted):
        places = [int(one) - 1 for one in wanted]
        has_header = _is_header(first[places[0]], root)
    else:
        missing = next(one for one, name in zip(chosen, wanted, strict=True) if name not in names)
        raise ListError(f"there is no column {shown(missing)}; the columns are {_listed(first)}")
    path, *labels = places
    remarks = [_header_text(first, labels)] if has_header else []
    return Columns(len(first), path, tuple(labels), None, has_header, remarks)


def _by_header(first: list[str], second: list[str], root: Root) -> Columns:
    keys = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in first]
    path = _path_column(keys, second, root)
    boxes = _box_columns(keys, path)
    if boxes is not None:
        return Columns(len(first), path, (), boxes, True, ["is taken for a header, of boxes"])
    bad = next((at for at, key in enumerate(keys) if _BOX_COLUMN.fullmatch(key)), None)
    if bad is not None:
        raise ListError(
            f"a column {shown(first[bad].strip())}: boxes need columns xmin, ymin, xmax, ymax (or"
            f" x1, y1, x2, y2) and class, found {_listed(first)}"
        )
    if len(first) == 1 < len(second):  # a name for the path alone
        behind = tuple(range(1, len(second)))
        return Columns(len(second), 0, behind, None, True, [_header_text(first, ())])
    others = [at for at in range(len(first)) if at != path]
    labels = [at for at in others if at > path or not _INDEX.fullmatch(first[at].strip())]
    if not labels and second:
        raise ListError(f"expected a path, a comma and a label, got {second[0]!r:.80}")
    remarks = []
    texts = [at for at in labels if at < len(second) and _is_text(second[at])]
    if texts and len(labels) > 1:
        named = [at for at in labels if keys[at] in _CLASSES]
        if len(named) != 1:
            raise ListError(
                f"column {shown(first[texts[0]].strip())} is not of numbers, and there are several:"
                f" --csv-columns PATH,LABEL chooses of {_listed(first)}"
            )
        left_out = ", ".join(shown(first[at].strip()) for at in labels if at not in named)
        remarks = [f"left out: columns {left_out:.200} (--csv-columns chooses columns)"]
        labels = named
    header = _header_text(first, labels)
    return Columns(len(first), path, tuple(labels), None, True, [header, *remarks])


def _path_column(keys: list[str], second: list[str], root: Root) -> int:
    """The first column, unless its cell is no file and another one is called the path."""
    if keys[0] in _PATHS or (second and root.has(second[0])):
        return 0
    named = [keys.index(name) for name in _PATHS if name in keys]
    return named[0] if named else 0


def _box_columns(keys: list[str], path: int) -> BoxColumns | None:
    for names in _CORNERS:
        if all(name in keys for name in names):
            left, top, right, bottom = (keys.index(name) for name in names)
            break
    else:
        return None
    corners = (left, top, right, bottom)
    name = next((keys.index(one) for one in _CLASSES if one in keys), None)
    if name is None or name == path:
        return None
    sizes = (tuple(keys.index(one) for one in size) for size in _SIZES if set(size) <= set(keys))
    size = next(sizes, None)
    group = keys.index(_GROUP) if _GROUP in keys else None
    return BoxColumns(corners, name, (size[0], size[1]) if size else None, group)


def _are_boxes(row: list[str]) -> bool:
    """Whether a row is `path,x1,y1,x2,y2,class`, the class no number, or all empty but the path."""
    if len(row) != _BOXES_WITHOUT_HEADER:
        return False
    cells = [cell.strip() for cell in row[1:]]
    if not any(cells):
        return True
    return all(map(_NUMBER.fullmatch, cells[:4])) and _is_text(cells[4])


def _is_text(cell: str) -> bool:
    """Whether it is neither empty, a number nor a truth."""
    text = cell.strip()
    if not text or text.lower() in _TRUTHS or _NUMBER.fullmatch(text):
        return False
    return text.lower().lstrip("+-") not in ("nan", "inf", "infinity")


def _is_header(cell: str, root: Root) -> bool:
    """Whether the first cell is none of a path: it has no ending, and there is no such file."""
    first = cell.strip()
    return not os.path.splitext(first)[1] and not root.has(first)


def _header_text(row: list[str], labels: Sequence[int]) -> str:
    """The names of the columns of labels."""
    names = [f"{number}: {shown(row[at].strip())}" for number, at in enumerate(labels)]
    shown_ones = ", ".join([*names[:_MOST_NAMES], *["..."][: len(names) > _MOST_NAMES]])
    return "is taken for a header" + (f"; column {shown_ones}" if names else "")


def _listed(row: list[str]) -> str:
    return f"{', '.join(shown(cell.strip()) for cell in row):.300}"
