"""Class tables: a name and a number a line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import LimitError, ListError, StrPath, shown
from .lst import (
    decode_path,
    encode_path,
    parse_label,
    quoted,
    raise_faults,
)
from .text_files import MOST_OF_NAMES, read_text

_CLASS = re.compile(rb"(.*\S)[ \t]+([0-9]{1,8})\s*")


def class_table(classes: Mapping[str, int]) -> bytes:
    """A line a class, name and number with a blank between: what im2rec.py prints."""
    ordered = sorted(classes.items(), key=lambda item: item[1])
    return b"".join(b"%s %d\n" % (encode_path(name), label) for name, label in ordered)


def read_classes(path: StrPath) -> dict[str, int]:
    """The class table in a file. Raises ListError, naming lines, where it is none."""
    classes: dict[str, int] = {}
    faults: list[str] = []
    table = read_text(path, "a class table", MOST_OF_NAMES)
    for number, line in enumerate(table.split(b"\n"), 1):
        if not line.strip():
            continue
        fields = _CLASS.fullmatch(line)
        name = decode_path(fields[1]) if fields else ""
        where = f"{shown(path)}:{number}:"
        if not fields:
            faults.append(f"{where} expected a name, a blank and a number, found {quoted(line)}")
        elif name in classes:
            faults.append(f"{where} a second number for {shown(name)}")
        else:
            try:
                classes[name] = int(parse_label(fields[2]))
            except LimitError as error:
                faults.append(f"{where} {error.message}")
    raise_faults(faults, path)
    if not classes:
        raise ListError("an empty class table", path=path)
    return classes
