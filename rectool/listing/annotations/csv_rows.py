"""The rows of a table in text: CSV, or with semicolons, tabs, bars or blanks between columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice

from ...errors import ListError, shown
from ...system.file_signatures import content_of
from ..text_files import LONGEST_LINE, encoding_of, open_text
from .detect_format import format_of

STDIN = "-"

Row = tuple[int, list[str]]
"""The line in which a row begins, and its cells."""

_LOOKED_AT = 20  # lines
_EXCEL = re.compile(r"sep=(.)\r?\n?")
_QUOTED = re.compile(r'"[^"]*"')
_DECIMAL = re.compile(r"[0-9],[0-9]")
_BY_BLANKS = re.compile(r"\S+( +[+-]?[0-9.]+)+\s*")
_TEXTS = ("a text file", "a program", "a PNM image", "a sound", "a base64 text of an image")
_OTHERS = re.compile(r"VIA|CVAT|Pascal|Ground|labelme|COCO|Label Studio|GeoJSON|KITTI|YOLO|TFRec")


class Table:
    """The rows of a table that are not blank; `delimiter` is what is between its columns."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self.name = name
        lines = self._bounded(text)
        first = list(islice(lines, _LOOKED_AT))
        self._line = 1
        if first and (match := _EXCEL.fullmatch(first[0])):
            self.delimiter = match[1]
            first.pop(0)
            self._line += 1
        else:
            self.delimiter = _delimiter(first)
        self._lines = chain(first, lines)

    def __iter__(self) -> Iterator[Row]:
        blanks = self.delimiter == " "
        reader = csv.reader(
            self._lines, delimiter=self.delimiter, strict=True, skipinitialspace=blanks
        )
        before, line = self._line, self._line
        try:
            for row in reader:
                if len(row) > 1 or "".join(row).strip():
                    yield line, row
                line = reader.line_num + before
        except csv.Error as error:
            raise ListError(f"{shown(self.name)}:{line}: a row that is no CSV: {error}") from None

    def _bounded(self, text: io.TextIOWrapper) -> Iterator[str]:
        try:
            while line := text.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise ListError(
                        f"a table must have lines of less than {LONGEST_LINE} bytes, found a"
                        " longer one",
                        path=self.name,
                    )
                yield line
        except UnicodeError as error:
            raise ListError(f"malformed UTF-16: {error}", path=self.name) from None


@contextmanager
def opened(path: str, name: str) -> Iterator[Table]:
    """The table in a file, which messages call `name`; of stdin for "-".

    Raises OSError, and ListError where it is no table in text.
    """
    with open(0, "rb", closefd=False) if path == STDIN else open_text(path) as binary:
        head = binary.peek(4096)[:4096]  # type: ignore[attr-defined]
        encoding = encoding_of(head)
        if encoding is None:
            _check_kind(head, name)
        errors = "strict" if encoding else "surrogateescape"
        with io.TextIOWrapper(binary, encoding or "utf-8-sig", errors, newline="") as text:
            yield Table(text, name)


def _check_kind(head: bytes, name: str) -> None:
    """Raises ListError for what is no table of text."""
    content = content_of(head)
    if b"\0" in head or (head and content is not None and content.name not in _TEXTS):
        found = content.name if content else "a binary file"
        hint = ": rectool pack takes it" if "(.lst)" in found else ""
        raise ListError(f"a table (CSV) is required, and this is {found}{hint}", path=name)
    if (kind := format_of(head)) and _OTHERS.match(kind):
        raise ListError(f"a table (CSV) is required, and this is {kind}", path=name)


def _delimiter(lines: list[str]) -> str:
    """What is between the columns of these lines."""
    plain = [_QUOTED.sub("", line) for line in lines if line.strip()]
    common = [mark for mark in ",\t;|" if all(mark in line for line in plain)]
    if "\t" in common and "," not in common:
        return "\t"
    if ";" in common and all(
        line.count(",") == len(_DECIMAL.findall(line)) for line in plain if "," in line
    ):
        return ";"
    if "," in common or not plain:
        return ","
    if common:
        return common[0]
    return " " if all(map(_BY_BLANKS.fullmatch, plain)) else ","
