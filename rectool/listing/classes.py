"""Class tables: a name and a number a line."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from ..errors import LimitError, ListError, StrPath, shown
from .listing_faults import Faults
from .lst import decode_path, encode_path, parse_label, quoted
from .text_files import MOST_OF_NAMES, read_text

_CLASS = re.compile(rb"(.*\S)[ \t]+([0-9]{1,8})\s*")


def class_table(classes: Mapping[str, int]) -> bytes:
    """A line a class, name and number with a blank between: what im2rec.py prints."""
    ordered = sorted(classes.items(), key=lambda item: item[1])
    return b"".join(b"%s %d\n" % (encode_path(name), label) for name, label in ordered)


def read_classes(path: StrPath) -> dict[str, int]:
    """The class table in a file. Raises ListError, naming lines, where it is none."""
    classes: dict[str, int] = {}
    faults = Faults()
    table = read_text(path, "a class table", MOST_OF_NAMES)
    for number, ended in enumerate(io.BytesIO(table), 1):
        line = ended.removesuffix(b"\n")
        if not line.strip():
            continue
        fields = _CLASS.fullmatch(line)
        name = decode_path(fields[1]) if fields else ""
        where = f"{shown(path)}:{number}:"
        if not fields:
            faults.add(f"{where} expected a name, a blank and a number, found {quoted(line)}")
        elif name in classes:
            faults.add(f"{where} a second number for {shown(name)}")
        else:
            try:
                classes[name] = int(parse_label(fields[2]))
            except LimitError as error:
                faults.add(f"{where} {error.message}")
    faults.check(path)
    if not classes:
        raise ListError("the class table is empty", path=path)
    return classes
