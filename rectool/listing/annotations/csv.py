"""CSV: a path and its labels a row, or an image's boxes a row each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from ...errors import LimitError, ListError, StrPath, plural, shown
from ..listing_faults import Faults
from ..paths import Root
from .base import ALL, Annotated, ReadOptions
from .csv_boxes import BoxTable
from .csv_columns import Columns, columns_of
from .csv_labels import LabelTable
from .csv_rows import STDIN, Row, opened

_FLOAT_ID = re.compile(r"[0-9]+\.0+")
_DECIMAL_COMMA = re.compile(r"^(\s*[+-]?[0-9]+),([0-9]+\s*)$")
_BLANK_ROWS = 100  # that are looked at for one whose cells are filled


def read_csv(
    path: StrPath,
    root: StrPath,
    options: ReadOptions = ALL,
    *,
    columns: Sequence[str] = (),
    separator: str | None = None,
    blank: float | None = None,
) -> Annotated:
    """The images that a table names, keys from 0; "-" is stdin.

    Columns are separated by commas, tabs, semicolons, bars or blanks. Paths start from `root`, and
    may lack one of the endings `exts`. A first row whose first cell has no file ending, nor is a
    file, is a header. `columns`, names in it or numbers from 1, are those of the path and of
    labels; without them the first one is the path's, all others are labels. Labels are numbers, or
    `True` and `False`, 1 and 0; where there is one column and half of it or more is no number, or
    `classes` is given, they are names of classes, which count from 0 in their order, or as
    `classes` says. With a `separator` a cell holds several names, and each class is a label of 0
    or 1. An empty cell is `blank`; without that 0 where all other labels of several columns are 0,
    1 and -1.

    Columns xmin, ymin, xmax, ymax (or x1, y1, x2, y2) and class are boxes, in pixels or all
    fractions, an image's in one or more rows; `width` and `height` are then the image's. So are six
    columns without a header of which the last is no number: `path,x1,y1,x2,y2,class`. An image with
    empty cells has no boxes.

    An image that cannot be listed is one of the faults of what is returned. Raises
    ListError where that is so of all, or for what concerns the whole table.
    """
    name = "stdin" if os.fspath(path) == STDIN else os.fspath(path)
    folder = Root(root, options.exts)
    found = Annotated()
    with opened(os.fspath(path), name) as table:
        rows = iter(table)
        first = list(islice(rows, _BLANK_ROWS))
        if not first:
            raise ListError("there are no rows with a path and labels", path=name)
        where = f"{shown(name)}:{first[0][0]}"
        try:
            kind = columns_of(_filled(first), folder, columns)
        except ListError as error:
            raise ListError(f"{where}: {error.message}") from None
        found.remarks = [f"{where} {kind.remarks[0]}", *kind.remarks[1:]] if kind.remarks else []
        body: Iterator[Row] = chain(first[kind.has_header :], rows)
        if table.delimiter != "," and separator is None:
            body = ((line, list(map(_with_point, row))) for line, row in body)
        if kind.boxes is not None:
            found.has_boxes = True
            boxes = BoxTable(name, kind.boxes, found.faults)
            _read(body, kind, name, _ImagePaths(folder, rows_repeat=True), boxes, found.faults)
        else:
            labels = LabelTable(name, kind.labels, found.faults, separator, blank)
            _read(body, kind, name, _ImagePaths(folder), labels, found.faults)
    if found.has_boxes:
        boxes.finish(found, folder, options)
    else:
        labels.finish(found, folder, options.classes)
    found.remarks += folder.remarks()
    if options.only is not None:
        found.images = options.only.keep(found.images, found.faults)
    return found


def _filled(first: list[Row]) -> list[list[str]]:
    """The first row, and of those that follow the one with the most filled cells."""
    (_, head), *others = first
    rows = [cells for _, cells in others]
    return [head, *sorted(rows, key=lambda cells: -sum(map(bool, map(str.strip, cells))))[:1]]


def _read(
    rows: Iterable[Row],
    kind: Columns,
    name: str,
    paths: _ImagePaths,
    reader: BoxTable | LabelTable,
    faults: Faults,
) -> None:
    """Gives the reader each row with the image's path; what is wrong with a row is a fault."""
    for line, row in rows:
        try:
            if len(row) != kind.width:
                columns = plural(len(row), "column")
                raise ListError(f"{columns}, and the first row has {kind.width}")
            path = paths.find(row[kind.path])
            if path is None:
                continue
            reader.add(path, line, row)
        except (ListError, LimitError) as error:
            faults.add(f"{shown(name)}:{line}: {error.message}")


class _ImagePaths:
    """Finds images by the paths in a table; `rows_repeat` where an image may have several rows."""

    def __init__(self, root: Root, *, rows_repeat: bool = False) -> None:
        self._root = root
        self._known: dict[str, str | None] | None = {} if rows_repeat else None

    def find(self, text: str) -> str | None:
        """Raises ListError where there is none, but only the first time: then it is None."""
        if self._known is None:
            return self._find(text)
        if text not in self._known:
            self._known[text] = None
            self._known[text] = self._find(text)
        return self._known[text]

    def _find(self, text: str) -> str:
        try:
            return self._root.find(text)
        except ListError as error:
            if _FLOAT_ID.fullmatch(text.strip()):  # as pandas writes ids
                found = self._root.respelled(text.partition(".")[0])
                if found is not None:
                    return found
            hint = "; the path goes first: to_csv of pandas writes row numbers unless index=False"
            raise ListError(error.message + hint * text.isdecimal()) from None


def _with_point(cell: str) -> str:
    """A number with a decimal comma, as one with a point."""
    return _DECIMAL_COMMA.sub(r"\1.\2", cell) if "," in cell else cell
