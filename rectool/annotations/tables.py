"""CSV: a path and its labels a row."""

from __future__ import annotations

import csv
import functools
import io
import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain

import numpy as np

from ..format import LimitError, ListError, StrPath, plural, shown
from ..listed_paths import Root
from ..listing import ImageList, encode_path, format_label, parse_label, raise_faults
from .common import Annotated, check_classes, class_name

_TRUTHS = {"true": b"1.000000", "false": b"0.000000"}
_BOX_COLUMN = re.compile(r"[xy][ _]?(min|max)|(b|bnd|bounding[ _]?)box.*", re.IGNORECASE)
_MOST_NAMES = 100
_STDIN = "-"


def read_csv(
    path: StrPath, root: StrPath, *, classes: Mapping[str, int] | None = None
) -> Annotated:
    """The images that a CSV file names, `path,label` or `path,label,label...`, keys from 0; "-" is
    stdin.

    Paths start from `root`. A first row whose first cell has no file ending, nor is a file, is a
    header. Labels are numbers, or `True` and `False`, 1 and 0; where there is one column and half
    of it or more is no number, or `classes` is given, they are names of classes, which count from 0
    in their order, or as `classes` says.

    Raises ListError with a line for each fault.
    """
    table = _Table(os.fspath(path))
    folder = Root(root)
    table.read(folder)
    known: dict[str, int] = {}
    if table.width > 1:
        if classes is not None:
            raise ListError("--classes is for one column of labels", path=table.name)
        texts: Iterable[bytes] = table.rows
    elif classes is not None or table.has_names():
        texts, known = table.classes(classes)
    else:
        texts = table.numbers()
    lines = bytearray()
    for number, (image, text) in enumerate(zip(table.lines, texts, strict=True)):
        lines += b"%d\t%s\t%s\n" % (number, text, encode_path(image))
    widths = np.full(len(table.lines), table.width)
    images = ImageList.numbered(bytes(lines), os.fspath(root), widths=widths)
    return Annotated(images, known, remarks=table.remarks + folder.remarks())


class _Table:
    """A file's rows: the line that each path is in, and its labels.

    These are in `labels` as text where there is one column, else in `rows` as the list has them.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = "stdin" if path == _STDIN else path
        self.lines: dict[str, int] = {}
        self.labels: list[str] = []
        self.rows: list[bytes] = []
        self.width = 0
        self.remarks: list[str] = []
        self._first = 0  # the line that width is from
        self._same: dict[str, str] = {}  # one copy of each label

    def read(self, root: Root) -> None:
        faults: list[str] = []
        rows = _rows(self.path, self.name)
        for line, row in rows:  # the first one
            where = f"{shown(self.name)}:{line}"
            _check_form(row, where)
            if _is_header(row, root):
                _check_header(row, where)
                self.remarks.append(f"{where} {_header_text(row)}")
            else:
                rows = chain([(line, row)], rows)
            break
        for line, row in rows:
            try:
                self._add(line, row, root)
            except (ListError, LimitError) as error:
                faults.append(f"{shown(self.name)}:{line}: {error.message}")
        raise_faults(faults, self.name)
        if not self.lines:
            raise ListError("no rows of a path and its labels", path=self.name)

    def _add(self, line: int, row: list[str], root: Root) -> None:
        path, *labels = row
        if not labels:
            raise ListError(f"expected a path, a comma and a label, found {path!r:.80}")
        if not self.width:
            self.width, self._first = len(labels), line
        if len(labels) != self.width:
            raise ListError(
                f"{plural(len(labels), 'label')}, and line {self._first} has {self.width}"
            )
        if not all(map(str.strip, labels)):
            raise ListError("an empty label")
        try:
            path = root.find(path)
        except ListError as error:
            hint = "; the path goes first: to_csv of pandas writes row numbers unless index=False"
            raise ListError(error.message + hint * path.isdecimal()) from None
        if path in self.lines:
            raise ListError(f"{shown(path)} is in line {self.lines[path]} already")
        if self.width > 1:
            self.rows.append(b"\t".join(map(_number_or_truth, labels)))
        else:
            self.labels.append(self._same.setdefault(labels[0], labels[0]))
        self.lines[path] = line

    def has_names(self) -> bool:
        """Whether not all labels are numbers, nor all of them true or false.

        Raises ListError, with each, for a few that are no numbers among more that are.
        """
        if all(label.strip().lower() in _TRUTHS for label in self._same):
            return False
        names = {label for label in self._same if _is_name(label)}
        if not names or len(names) == len(self._same):
            return bool(names)
        places = ((name.strip(), where) for name, where in self._places(names))
        if 2 * sum(map(names.__contains__, self.labels)) < len(self.labels):
            hint = "no number, and most labels are (--classes FILE makes all of them class names)"
            raise_faults([f"{where}: {name!r:.80}: {hint}" for name, where in places], self.name)
        name, where = next(places)
        self.remarks.append(f"labels are taken for class names: {where} has {name!r:.80}")
        return True

    def _places(self, labels: Container[str]) -> Iterator[tuple[str, str]]:
        """Where these labels are, all times that they occur."""
        for label, line in zip(self.labels, self.lines.values(), strict=True):
            if label in labels:
                yield label, f"{shown(self.name)}:{line}"

    def classes(self, given: Mapping[str, int] | None) -> tuple[Iterator[bytes], dict[str, int]]:
        """What the list has for each row, the labels being names, and the class table."""
        names: dict[str, str] = {}
        places: dict[str, str] = {}
        faults: list[str] = []
        for label, where in self._places(self._same):
            if label in names:
                continue
            try:
                names[label] = class_name(label)
            except ListError as error:
                faults.append(f"{where}: {error.message}")
            else:
                places.setdefault(names[label], where)
        if given is not None:
            check_classes(places.items(), given, faults)
        raise_faults(faults, self.name)
        if given is None:
            given = {name: number for number, name in enumerate(sorted(places))}
        texts = {label: b"%d.000000" % given[name] for label, name in names.items()}
        return map(texts.__getitem__, self.labels), dict(given)

    def numbers(self) -> Iterator[bytes]:
        """What the list has for each row."""
        texts: dict[str, bytes] = {}
        wrong: dict[str, str] = {}
        for label in self._same:
            try:
                texts[label] = _number_or_truth(label)
            except LimitError as error:
                wrong[label] = error.message
        places = self._places(wrong)
        raise_faults([f"{where}: {wrong[label]}" for label, where in places], self.name)
        return map(texts.__getitem__, self.labels)


@functools.lru_cache(1 << 16)
def _number(text: str) -> bytes:
    """A label as the list has it. Raises ListError or LimitError."""
    try:
        return format_label(parse_label(encode_path(text))).encode("ascii")
    except ListError as error:
        raise ListError(f"{error.message} (class names are for one column of labels)") from None


def _number_or_truth(text: str) -> bytes:
    return _TRUTHS.get(text.strip().lower()) or _number(text)


def _rows(path: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line in which it begins."""
    from_stdin = path == _STDIN
    with open(0 if from_stdin else path, "rb", closefd=not from_stdin) as binary:
        if b"\0" in binary.peek():
            raise ListError("no CSV in UTF-8 but a binary file, or one in UTF-16", path=name)
        text = io.TextIOWrapper(binary, "utf-8-sig", "surrogateescape", newline="")
        reader = csv.reader(text, strict=True)
        line = 1
        try:
            for row in reader:
                if len(row) > 1 or "".join(row).strip():
                    yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise ListError(f"{shown(name)}:{line}: a row that is no CSV: {error}") from None


def _check_form(row: list[str], where: str) -> None:
    """Raises ListError where the first row is one of a table of another kind."""
    if len(row) == 1 and (other := re.search("[;\t]", row[0])):
        what = "semicolons" if other[0] == ";" else "tabs"
        raise ListError(f"{where}: commas separate columns here, found {what}: {row[0]!r:.80}")


def _check_header(row: list[str], where: str) -> None:
    """Raises ListError where there are columns of boxes."""
    box = next(filter(_BOX_COLUMN.fullmatch, map(str.strip, row[1:])), None)
    if box:
        raise ListError(
            f"{where}: a column {shown(box)}: boxes are not read from CSV (but from --coco, --voc"
            " and --yolo)"
        )


def _header_text(row: list[str]) -> str:
    """The names of the columns of labels, after the file and the line."""
    names = [f"{number}: {shown(name.strip())}" for number, name in enumerate(row[1:])]
    shown_ones = ", ".join([*names[:_MOST_NAMES], *["..."][: len(names) > _MOST_NAMES]])
    return "is taken for a header" + (f"; column {shown_ones}" if names else "")


def _is_header(row: list[str], root: Root) -> bool:
    first = row[0].strip()
    return not os.path.splitext(first)[1] and not os.path.isfile(root.join(first))


def _is_name(label: str) -> bool:
    try:
        parse_label(encode_path(label))
    except ListError:
        return True
    except LimitError:  # a number, even if none that can be
        return False
    return False
