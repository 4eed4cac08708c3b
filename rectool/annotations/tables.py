"""CSV: a path and its labels a row."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np

from ..format import LimitError, ListError, StrPath, plural, shown
from ..listing import ImageList, encode_path, format_label, parse_label, raise_faults
from .common import Annotated, Root, check_classes, class_name


def read_csv(
    path: StrPath, root: StrPath, *, classes: Mapping[str, int] | None = None
) -> Annotated:
    """The images that a CSV file names, `path,label` or `path,label,label...`, keys from 0.

    Paths start from `root`. A first row whose first cell has no file ending, nor is a file, is a
    header. Labels are numbers; where there is one column of them and not all are, or `classes` is
    given, they are names of classes, which count from 0 in their order, or as `classes` says.

    Raises ListError with a line for each fault.
    """
    table = _Table(os.fspath(path))
    table.read(Root(root))
    known: dict[str, int] = {}
    if classes is not None or table.has_names():
        texts, known = table.classes(classes)
    else:
        texts = table.numbers()
    width = table.width
    lines = bytearray()
    for number, image in enumerate(table.lines):
        row = table.labels[number * width : (number + 1) * width]
        labels = b"\t".join(map(texts.__getitem__, row))
        lines += b"%d\t%s\t%s\n" % (number, labels, encode_path(image))
    widths = np.full(len(table.lines), width)
    images = ImageList.numbered(bytes(lines), os.fspath(root), widths=widths)
    return Annotated(images, known, remarks=table.remarks)


class _Table:
    """A file's rows: the line that each path is in, and their labels as text, `width` a row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[str, int] = {}
        self.labels: list[str] = []
        self.width = 0
        self.remarks: list[str] = []
        self._first = 0  # the line that width is from
        self._same: dict[str, str] = {}  # one copy of each label

    def read(self, root: Root) -> None:
        faults: list[str] = []
        rows = _rows(self.name)
        for line, row in rows:  # the first one
            if _is_header(row, root):
                header = shown(",".join(row)[:80])
                self.remarks.append(f"line {line} is taken for a header: {header}")
            else:
                rows = chain([(line, row)], rows)
            break
        for line, row in rows:
            try:
                self._add(line, row, root)
            except ListError as error:
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
        path = root.below(path)
        if path in self.lines:
            raise ListError(f"{shown(path)} is in line {self.lines[path]} already")
        root.check_file(path)
        self.lines[path] = line
        self.labels += [self._same.setdefault(label, label) for label in labels]

    def has_names(self) -> bool:
        """Whether the labels are of one column and not all of them numbers."""
        if self.width > 1:
            return False
        names = {label for label in self._same if _is_name(label)}
        if names and len(names) < len(self._same):
            name, where = next(self._places(names))
            self.remarks.append(
                f"labels are taken for class names: {where} has {name.strip()!r:.80}"
            )
        return bool(names)

    def _places(self, labels: set[str]) -> Iterator[tuple[str, str]]:
        """Where these labels are, all times that they occur."""
        lines = list(self.lines.values())
        for position, label in enumerate(self.labels):
            if label in labels:
                yield label, f"{shown(self.name)}:{lines[position // self.width]}"

    def classes(self, given: Mapping[str, int] | None) -> tuple[dict[str, bytes], dict[str, int]]:
        """What the list has for each label, the labels being names, and the class table."""
        if self.width > 1:
            raise ListError("--classes is for one column of labels, class names", path=self.name)
        names: dict[str, str] = {}
        faults: list[str] = []
        firsts = dict(reversed(list(self._places(set(self._same)))))
        for label, where in firsts.items():
            try:
                names[label] = class_name(label)
            except ListError as error:
                faults.append(f"{where}: {error.message}")
        if given is not None:
            places = {name: firsts[label] for label, name in reversed(names.items())}
            check_classes(reversed(places.items()), given, faults)
        raise_faults(faults, self.name)
        if given is None:
            given = {name: number for number, name in enumerate(sorted(set(names.values())))}
        return {label: b"%d.000000" % given[name] for label, name in names.items()}, dict(given)

    def numbers(self) -> dict[str, bytes]:
        """What the list has for each label."""
        texts: dict[str, bytes] = {}
        wrong: dict[str, str] = {}
        for label in self._same:
            try:
                number = parse_label(encode_path(label))
                texts[label] = format_label(number).encode("ascii")
            except ListError as error:
                wrong[label] = f"{error.message} (class names are for one column of labels)"
            except LimitError as error:
                wrong[label] = error.message
        places = self._places(set(wrong))
        raise_faults([f"{where}: {wrong[label]}" for label, where in places], self.name)
        return texts


def _rows(name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the line in which it begins."""
    with open(name, "rb") as binary:
        if b"\0" in binary.read(4096):
            raise ListError("no CSV in UTF-8 but a binary file, or one in UTF-16", path=name)
    with open(name, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        line = 1
        try:
            for row in reader:
                if len(row) > 1 or "".join(row).strip():
                    yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise ListError(f"{shown(name)}:{line}: a row that is no CSV: {error}") from None


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
