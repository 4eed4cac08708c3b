"""Tables of labels: a row an image, its labels numbers or names of classes."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import islice

import numpy as np

from ...errors import LimitError, ListError, plural, shown
from ...format.boxes import BOX_WIDTH
from ...remarks import RemarkKind, Remarks
from ..listing_faults import Faults
from ..lst import ImageList, encode_path, format_label, parse_label
from ..paths import Root
from .base import Annotated, class_labels, class_name

_TRUTHS = {"true": b"1.000000", "false": b"0.000000"}
_MARKS = {b"1.000000", b"0.000000", b"-1.000000"}
_MOST_TAGS = 10_000
_LOOKED_AT = 2_000  # different labels
_NO_SEPARATOR = ("", "none")

_BLANK = RemarkKind(
    "{} with empty cells, which are taken for 0, as {} (--csv-blank NUMBER gives another)", "row"
)
_DUPLICATE_ROW = RemarkKind("left out, being there already: {}, as that of {}", "row")
_LATIN = RemarkKind("{} that is no UTF-8 is read as Windows-1252, as {}", "name")


class LabelTable:
    """The rows of images and their labels.

    Where there is one column they are kept as text, else as the list has them.
    """

    def __init__(
        self,
        name: str,
        columns: tuple[int, ...],
        faults: Faults,
        separator: str | None,
        blank: float | None,
    ) -> None:
        if separator is not None and len(columns) != 1:
            raise ListError(
                "--csv-separator needs one column of labels: --csv-columns PATH,LABEL chooses it",
                path=name,
            )
        self._name = name
        self._columns = columns
        self._faults = faults
        self._separator = separator
        self._blank = None if blank is None else format_label(parse_label(b"%r" % blank))
        self._positions: dict[str, int] = {}
        self._lines = array("q")
        self._labels: list[str] = []
        self._rows: list[bytes] = []
        self._filled_up = array("q")  # positions of rows with empty cells
        self._dropped: set[int] = set()
        self._same: dict[str, str] = {}  # one copy of each label
        self._remarks = Remarks()

    def add(self, path: str, line: int, row: list[str]) -> None:
        """A row of an image. Raises ListError or LimitError, saying why, where it is malformed."""
        cells = [row[at] for at in self._columns]
        has_blank = not all(map(str.strip, cells))
        if has_blank:
            cells = self._without_blanks(cells)
        kept: list[bytes] | list[str]
        label: bytes | str
        if len(cells) > 1:
            kept, label = self._rows, b"\t".join(map(_number_or_truth, cells))
        else:
            kept, label = self._labels, self._same.setdefault(cells[0], cells[0])
        position = self._positions.get(path)
        if position is not None:
            if kept[position] == label:
                self._remarks.count(_DUPLICATE_ROW, path)
                return
            self._dropped.add(position)
            hint = "; boxes need a header: path,x1,y1,x2,y2,class" * (len(cells) == BOX_WIDTH)
            raise ListError(f"{shown(path)} is already in line {self._lines[position]}{hint}")
        self._positions[path] = len(self._lines)
        if has_blank and self._blank is None:
            self._filled_up.append(len(self._lines))
        self._lines.append(line)
        kept.append(label)  # type: ignore[arg-type]

    def _without_blanks(self, cells: list[str]) -> list[str]:
        if self._separator is not None and self._separator not in _NO_SEPARATOR:
            return cells
        if self._blank is None and len(cells) == 1:
            raise ListError("the label is empty (--csv-blank NUMBER gives it a value)")
        return [cell if cell.strip() else self._blank or "0" for cell in cells]

    def finish(self, found: Annotated, root: Root, classes: Mapping[str, int] | None) -> None:
        """Makes the list of all rows. Raises ListError where none is left."""
        if not self._positions:
            self._faults.check(self._name)
            raise ListError("there are no rows with a path and labels", path=self._name)
        width = len(self._columns)
        if width > 1:
            if classes is not None:
                raise ListError("--classes requires one column of labels", path=self._name)
            self._check_blanks()
            texts: Iterable[bytes] = self._rows
        elif self._separator is not None and self._separator not in _NO_SEPARATOR:
            texts, found.classes = self._tags(self._separator, classes)
            width = len(found.classes)
        elif classes is not None or self._has_names(found):
            texts, found.classes = self._classes(classes)
        else:
            texts = self._numbers()
        lines, count = bytearray(), 0
        for position, (path, text) in enumerate(zip(self._positions, texts, strict=True)):
            if position not in self._dropped:
                lines += b"%d\t%s\t%s\n" % (count, text, encode_path(path))
                count += 1
        if not count:
            self._faults.check(self._name)
        widths = np.full(count, width)
        found.images = ImageList.numbered(bytes(lines), root.path, widths=widths)
        found.remarks += self._remarks.lines()

    def _check_blanks(self) -> None:
        """Empty cells are 0 where all labels are marks; else their rows are faults."""
        if not self._filled_up:
            return
        where = self._where(self._filled_up[0])
        if all(set(row.split(b"\t")) <= _MARKS for row in self._rows):
            for _ in self._filled_up:
                self._remarks.count(_BLANK, where)
            return
        self._drop(self._filled_up, "the label is empty (--csv-blank NUMBER gives it a value)")

    def _drop(self, positions: Iterable[int], why: str) -> None:
        for position in positions:
            self._dropped.add(position)
            self._faults.add(f"{self._where(position)}: {why}")

    def _where(self, position: int) -> str:
        return f"{shown(self._name)}:{self._lines[position]}"

    def _has_names(self, found: Annotated) -> bool:
        """Whether not all labels are numbers, nor all of them true or false.

        A few that are no numbers, among more that are, are faults.
        """
        if all(label.strip().lower() in _TRUTHS for label in self._same):
            return False
        names = {label for label in self._same if _is_name(label)}
        if self._separator is None:
            self._check_tags(names)
        if not names or len(names) == len(self._same):
            return bool(names)
        if 2 * sum(map(names.__contains__, self._labels)) < len(self._labels):
            hint = "no number, and most labels are (--classes FILE makes all of them class names)"
            for label, position in self._places(names):
                self._drop([position], f"{label.strip()!r:.80}: {hint}")
                self._labels[position] = self._same.setdefault("0", "0")
            return False
        label, position = next(self._places(names))
        found.remarks.append(
            f"labels are taken for class names: {self._where(position)} has {label.strip()!r:.80}"
        )
        return True

    def _check_tags(self, names: set[str]) -> None:
        """Raises ListError where cells look like several classes each."""
        mark = separator_in(names)
        if mark is None:
            return
        _, position = next(one for one in self._places(names) if mark in one[0].strip())
        raise ListError(
            f"{self._where(position)}: cells seem to hold several classes with {mark!r} between:"
            f" --csv-separator {mark!r} makes each a label of 0 or 1, --csv-separator none takes a"
            " cell for the name of one class"
        )

    def _places(self, labels: Container[str]) -> Iterator[tuple[str, int]]:
        """These labels and their positions, all times that they occur."""
        for position, label in enumerate(self._labels):
            if label in labels:
                yield label, position

    def _classes(self, given: Mapping[str, int] | None) -> tuple[Iterator[bytes], dict[str, int]]:
        """What the list has for each row, the labels being names, and the class table."""
        names, places, faults = self._names(lambda label: [label])
        table = self._numbered(places, given, faults)
        texts = {label: b"%d.000000" % table[name] for label, (name,) in names.items()}
        return map(texts.__getitem__, self._labels), table

    def _tags(
        self, separator: str, given: Mapping[str, int] | None
    ) -> tuple[Iterator[bytes], dict[str, int]]:
        """The same of cells that hold several names: a 1 for each class that a cell has."""
        cells, places, faults = self._names(
            lambda cell: [tag for tag in cell.split(separator) if tag.strip()]
        )
        if len(places) > _MOST_TAGS or not places:
            raise ListError(
                f"{plural(len(places), 'class')} with {separator!r} between: is it the right"
                " --csv-separator?",
                path=self._name,
            )
        table = self._numbered(places, given, faults)
        order = {number: at for at, number in enumerate(sorted(table.values()))}
        texts = {}
        for cell, tags in cells.items():
            marks = [b"0.000000"] * len(order)
            for tag in tags:
                marks[order[table[tag]]] = b"1.000000"
            texts[cell] = b"\t".join(marks)
        return map(texts.__getitem__, self._labels), table

    def _names(
        self, split: Callable[[str], list[str]]
    ) -> tuple[dict[str, list[str]], dict[str, int], Faults]:
        """The names of classes in each label, the first position of each name, and faults."""
        names: dict[str, list[str]] = {}
        places: dict[str, int] = {}
        faults = Faults()
        for label, position in self._places(self._same):
            if label in names:
                continue
            try:
                names[label] = list(map(self._class_name, split(label)))
            except ListError as error:
                names[label] = []
                faults.add(f"{self._where(position)}: {error.message}")
            for name in names[label]:
                places.setdefault(name, position)
        return names, places, faults

    def _class_name(self, text: str) -> str:
        name = class_name(text)
        if any("\udc80" <= character <= "\udcff" for character in name):
            name = encode_path(name).decode("cp1252", "replace")
            self._remarks.count(_LATIN, name)
        return name

    def _numbered(
        self, places: Mapping[str, int], given: Mapping[str, int] | None, faults: Faults
    ) -> dict[str, int]:
        """The class table, of names with the first place of each."""
        where = {name: self._where(position) for name, position in places.items()}
        return class_labels(where, given, self._name, faults)

    def _numbers(self) -> Iterator[bytes]:
        """What the list has for each row; a label that none can be drops its row."""
        texts: dict[str, bytes] = {}
        wrong: dict[str, str] = {}
        for label in self._same:
            try:
                texts[label] = _number_or_truth(label)
            except (ListError, LimitError) as error:
                texts[label], wrong[label] = b"0", error.message
        for label, position in self._places(wrong):
            if position not in self._dropped:
                self._drop([position], wrong[label])
        return map(texts.__getitem__, self._labels)


def separator_in(labels: Iterable[str]) -> str | None:
    """What seems to be between the names of several classes in one label, if that is so.

    That is a bar or semicolon, where a name beside it occurs again; or a comma or blank, where all
    names of two labels are labels of their own, or those of one are among another's.
    """
    some = {label.strip() for label in islice(labels, _LOOKED_AT)}
    for mark in "|;":
        parts = [part.strip() for label in some if mark in label for part in label.split(mark)]
        if len(set(parts)) < len(parts) or some & set(parts):
            return mark
    return next((mark for mark in ", " if _parts_recur(some, mark)), None)


def _parts_recur(labels: set[str], mark: str) -> bool:
    several = {frozenset(map(str.strip, one.split(mark))) for one in labels if mark in one}
    if sum(names <= labels for names in several) > 1:
        return True
    by_name: dict[str, list[frozenset[str]]] = {}
    for names in several:
        for name in names:
            by_name.setdefault(name, []).append(names)
    return any(names < other for names in several for other in by_name[min(names)])


@functools.lru_cache(1 << 16)
def _number(text: str) -> bytes:
    """A label as the list has it. Raises ListError or LimitError."""
    try:
        return format_label(parse_label(encode_path(text))).encode("ascii")
    except ListError as error:
        raise ListError(
            f"{error.message} (class names are for one column of labels: --csv-columns chooses it)"
        ) from None


def _number_or_truth(text: str) -> bytes:
    return _TRUTHS.get(text.strip().lower()) or _number(text)


def _is_name(label: str) -> bool:
    try:
        parse_label(encode_path(label))
    except ListError:
        return True
    except LimitError:  # a number, even if none that can be
        return False
    return False
