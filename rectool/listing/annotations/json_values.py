"""Values out of JSON, checked: each wrong one is a ListError that says what was found."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable
from typing import Any, BinaryIO

from ...errors import ListError
from ..text_files import open_text
from .base import FAR
from .detect_format import not_of_format

Json = dict[str, Any]

_HEAD = 1 << 16
_PIECE = 1 << 24
_BEGIN = re.compile(rb"[\xef\xbb\xbf\xff\xfe\0\s]*[{\[]")


def load(
    name: str, wanted: str, hook: Callable[[list[tuple[str, Any]]], Json] | None = None
) -> Any:
    """The value in a JSON file. Raises ListError where it holds none."""
    try:
        return json.loads(_text_in(name, wanted), object_pairs_hook=hook)
    except (ValueError, RecursionError) as error:
        raise not_of_format(name, wanted, f"no JSON: {error}") from None


def _text_in(name: str, wanted: str) -> str:
    """Decoded here, so that the bytes are gone when the text is parsed."""
    with open_text(name) as file:
        head = file.read(_HEAD)
        if not _BEGIN.match(head):
            raise not_of_format(name, wanted, "no object or list of JSON")
        if file.seekable():  # a large file is not copied
            file.seek(0)
            head = b""
        data = _all_in(file, head, name, wanted)
    return data.decode(json.detect_encoding(data), "surrogatepass")


def _all_in(file: BinaryIO, head: bytes, name: str, wanted: str) -> bytes:
    sink = io.BytesIO()  # gives up its bytes without a copy
    sink.write(head)
    while piece := file.read(_PIECE):
        if piece.count(0) == _PIECE:  # room that a download has not filled
            raise not_of_format(name, wanted, f"zero bytes only from byte {sink.tell()} on")
        sink.write(piece)
    return sink.getvalue()


def found(value: object) -> str:
    """A value as a message shows it."""
    return "none" if value is None else f"{json.dumps(value):.60}"


def integer(value: object) -> int | None:
    """A whole number, also where it is written 1.0 or "1"; None for others."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and len(value) < 30 and value.strip().isascii():
        return int(value) if value.strip().removeprefix("-").isdigit() else None
    return None


def identity(item: Json, field: str) -> int | str:
    """An id: a whole number, or a text."""
    value = item.get(field)
    if type(value) is int:
        return value
    number = integer(value)
    if number is not None:
        return number
    if type(value) is str and value.strip():
        return value.strip()
    raise ListError(f"{field} should be a whole number, found {found(value)}")


def string(item: Json, field: str) -> str:
    value = item.get(field)
    if type(value) is not str:
        raise ListError(f"{field} should be a text, found {found(value)}")
    return value


def name_in(item: Json, field: str) -> str:
    """A class's name, which may be written as a number."""
    value = item.get(field)
    return str(value) if type(value) in (int, float) else string(item, field)


def is_place(value: object) -> bool:
    """Whether a value is a number that a coordinate can be."""
    return type(value) in (int, float) and -FAR < value < FAR  # type: ignore[operator]


def size_in(item: Json, across: str = "width", down: str = "height") -> tuple[int, int] | None:
    """The size that an image should have, or None where that is not said."""
    width, height = (item.get(field) or 0 for field in (across, down))
    for side in (width, height):
        if type(side) not in (int, float) or not 0 <= side < FAR or side != math.floor(side):
            raise ListError(
                f"{across} and {down} should be whole numbers of pixels, found"
                f" {found(width)} and {found(height)}"
            )
    return (int(width), int(height)) if width and height else None
