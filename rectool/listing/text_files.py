"""Text files as people and programs write them: lists, tables, names of classes.

Read within bounds and given as UTF-8 with line feeds, whatever of UTF-8, UTF-16, UTF-32, a byte
order mark, CRLF or CR they are written with. Bytes that are no UTF-8 stay what they are.
"""

from __future__ import annotations

import io
import os
import re
from typing import BinaryIO

from ..errors import ListError, StrPath
from ..format.frames import MAGIC
from ..system.file_signatures import content_of
from ..system.open_regular import open_regular

MOST_OF_LIST = 8 << 30
"""Bytes of a list: some hundred million lines."""
MOST_OF_NAMES = 64 << 20
"""Bytes of a file with names of classes."""
LONGEST_LINE = 1 << 20

_BOMS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_UTF8_BOM = b"\xef\xbb\xbf"
_PIPES = re.compile(r"/dev/stdin|/(dev|proc/self)/fd/[0-9]+")
"""Names of what is open already, so that nobody has to be waited for."""


def open_text(path: StrPath) -> BinaryIO:
    """Opens a regular file, or what a shell has opened (`/dev/stdin`, `<(...)`). Raises OSError."""
    if _PIPES.fullmatch(os.fspath(path)):
        return open(path, "rb")
    return open_regular(path)


def read_text(path: StrPath, noun: str, most: int) -> bytes:
    """The text in a file, "a list" or another `noun`, of `most` bytes.

    Raises OSError, and ListError where it is too large or no text.
    """
    with open_text(path) as file:
        return as_utf8(read_bounded(file, os.fspath(path), noun, most), path, noun)


def read_bounded(file: BinaryIO, name: str, noun: str, most: int) -> bytes:
    """All bytes of a file or pipe. Raises ListError where they, or a line of them, are too many."""
    size = os.fstat(file.fileno()).st_size
    sink = io.BytesIO()  # gives up its bytes without a copy
    while size <= most and (piece := file.read(LONGEST_LINE)):
        check_lines(piece, name, noun)
        size = max(size, sink.tell() + len(piece))
        sink.write(piece)
    if size > most:
        raise ListError(f"{size} bytes, and {noun} must have at most {most}", path=name)
    return sink.getvalue()


def check_lines(piece: bytes, name: str, noun: str) -> None:
    """Raises ListError where LONGEST_LINE bytes have no line's end in them."""
    if len(piece) == LONGEST_LINE and b"\n" not in piece and b"\r" not in piece:
        content = content_of(piece)
        found = content.name if content and content.name != "a text file" else "a longer one"
        raise ListError(
            f"{noun} must have lines of at most {LONGEST_LINE} bytes, found {found}", path=name
        )


def as_utf8(data: bytes, path: StrPath, noun: str) -> bytes:
    """A text's bytes as UTF-8 without a byte order mark. Raises ListError for what is no text."""
    codec = encoding_of(data[:4096])
    if codec is not None:
        try:
            data = data.decode(codec).encode()
        except UnicodeError as error:
            raise ListError(f"malformed {codec.upper()}: {error}", path=path) from None
        data = data.removeprefix(_UTF8_BOM)
    elif data.startswith(_UTF8_BOM):
        data = data[len(_UTF8_BOM) :]
    if b"\0" in data[:4096]:
        raise ListError(f"{noun} is required, and this is {_binary(data)}", path=path)
    if b"\n" not in data:
        return data.replace(b"\r", b"\n")
    return data


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text of wide characters, by its byte order mark or its zeros."""
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    even, odd = (head[start::2].count(0) for start in (0, 1))
    if odd > len(head) // 4 and not even:
        return "utf-16-le"
    if even > len(head) // 4 and not odd:
        return "utf-16-be"
    return None


_TEXTS = ("a list (.lst)", "an index (.idx)", "a JSON document", "an XML document")


def _binary(data: bytes) -> str:
    if data.startswith(MAGIC):
        return "a record file"
    content = content_of(data)
    name = content.name if content else "a binary file"
    return f"{name} with zero bytes in it" if name in _TEXTS else name
