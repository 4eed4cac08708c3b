"""The `.idx` of a `.rec`: a line a record, `key TAB byte offset of its first frame`, in file order.

In memory an index is two int64 arrays, keys and offsets: 16 bytes a record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import IndexFileError, StrPath
from ..system.file_signatures import content_of
from ..system.open_regular import open_regular

Keys = NDArray[np.int64]
MAX_KEY = (1 << 63) - 1

_CHUNK = 1 << 20
_START = 1 << 12
_ENTRIES = 1 << 16
_FEW = 1 << 23  # lines that are read whatever the size of the .rec
_MOST_INT32 = (1 << 31) - 1
_NONE = np.empty(0, np.int64)
_LINE = re.compile(rb"[ \r]*(-?[0-9]{1,40})[ \r]*\t[ \r]*([0-9]{1,40})[ \r]*(?:\t.*)?", re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_OWN = ("a text file", "an index (.idx)")
_HINT = " (rectool index --force makes a new index)"


class Index(NamedTuple):
    """Keys and offsets of records: int64 arrays of shape (records,).

    `source` says what the keys are: "idx" if read from a `.idx`, "id" for the records' ids,
    "position" for 0, 1, ..., "mixed" where those of several files come from different sources.
    """

    keys: Keys
    offsets: Keys
    source: Literal["idx", "id", "position", "mixed"]


def line(key: int | str, offset: int) -> str:
    """A record's line in a `.idx`."""
    return f"{key}\t{offset}\n"


def read_index(path: StrPath, rec_size: int | None = None) -> Index:
    """The index in a `.idx` file, in the order of its lines.

    Fields behind the second, blank lines, carriage returns, blanks around numbers, a byte order
    mark and a missing last newline are passed over. Raises IndexFileError, naming the line, for
    anything else, and OSError where the file cannot be read. With the size of its `.rec` in bytes,
    an index of more lines than that can hold records is not read.
    """
    most = MAX_KEY if rec_size is None else max(_FEW, rec_size // 8)
    with open_regular(path) as file:
        start = file.read(_START)  # what is no index is not counted through
        begin = len(_BOM) if start.startswith(_BOM) else 0
        start = start[begin:]
        _parse(start[: start.rfind(b"\n") + 1] or start + b"\n", 0, path)
        file.seek(begin)
        room = 0
        for chunk in _chunks_of_lines(file):
            room += chunk.count(b"\n")
            if room > most:
                raise IndexFileError(
                    f"more than {most} lines, and a .rec of {rec_size} bytes has no more records",
                    path=path,
                )
        keys, offsets = np.empty(room, np.int64), np.empty(room, np.int64)
        file.seek(begin)
        done = line_number = 0
        for chunk in _chunks_of_lines(file):
            pair = _parse(chunk, line_number, path)
            line_number += chunk.count(b"\n")
            if done + len(pair) > room:
                raise IndexFileError("the file grew while it was read", path=path)
            keys[done : done + len(pair)] = pair[:, 0]
            offsets[done : done + len(pair)] = pair[:, 1]
            done += len(pair)
    return Index(keys[:done], offsets[:done], "idx")


def _chunks_of_lines(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(_CHUNK):
        head, newline, tail = (rest + chunk).rpartition(b"\n")
        if len(tail) > _CHUNK:  # no text file at all: let the parser say so
            yield head + newline + tail + b"\n"
            return
        rest = tail
        if newline:
            yield head + newline
    if rest:
        yield rest + b"\n"


def _parse(chunk: bytes, before: int, path: StrPath) -> Keys:
    """The keys and offsets of whole lines, `before` of which stand in front of them."""
    pair = _parse_fast(chunk)
    return _parse_lines(chunk, before, path) if pair is None else pair


def _parse_fast(chunk: bytes) -> Keys | None:
    """All lines of plain `digits TAB digits` at once; None where any line is not so plain."""
    characters = np.frombuffer(chunk, np.uint8)
    ends = np.flatnonzero(characters < 48)
    if characters.max() > 57 or len(ends) % 2:
        return None
    tabs, newlines = characters[ends[0::2]], characters[ends[1::2]]
    widths = np.diff(ends, prepend=-1)
    if (tabs != 9).any() or (newlines != 10).any() or widths.min() < 2 or widths.max() > 19:
        return None
    return np.fromstring(chunk.decode("ascii"), np.int64, sep=" ").reshape(-1, 2)


def _parse_lines(chunk: bytes, before: int, path: StrPath) -> Keys:
    pairs: list[tuple[int, int]] = []
    for number, text in enumerate(chunk.split(b"\n")[:-1], before + 1):
        if not text.strip():
            continue
        fields = _LINE.fullmatch(text)
        if fields is None:
            raise IndexFileError(_no_entry(text, number, chunk if not before else b""), path=path)
        key, offset = int(fields[1]), int(fields[2])
        if not (-MAX_KEY <= key <= MAX_KEY and offset <= MAX_KEY):
            raise IndexFileError(
                f"line {number}: key {key} or offset {offset} is beyond 64 bits{_HINT}", path=path
            )
        pairs.append((key, offset))
    return np.array(pairs, np.int64).reshape(-1, 2)


def _no_entry(text: bytes, number: int, start: bytes) -> str:
    """What is wrong with a line; `start` is the file's, where the line is one of its first."""
    content = content_of(start) if start else None
    if number == 1 and content is not None and content.name not in _OWN:
        return f"this is {content.name}, and no index"
    found = text[:80].decode("utf-8", "backslashreplace")
    must = "a line must be a whole number, a tab and a byte offset"
    return f"line {number}: {must}, got {found!r}{_HINT}"


def join_indexes(indexes: Sequence[Index]) -> tuple[Index, tuple[int, ...]]:
    """The indexes of several files as one, and where each file's records begin and end in it.

    Keys that are positions become those in the whole; so do ids, where files without a `.idx` share
    one. Offsets stay those in each file. Records of file n are starts[n] to starts[n + 1] - 1.
    """
    starts = tuple(accumulate((len(index.keys) for index in indexes), initial=0))
    if len(indexes) == 1:
        return indexes[0], starts
    sources = {index.source for index in indexes}
    keys = np.concatenate(
        [
            _NONE,
            *(
                index.keys + start if index.source == "position" else index.keys
                for index, start in zip(indexes, starts, strict=False)
            ),
        ]
    )
    offsets = np.concatenate([_NONE, *(index.offsets for index in indexes)])
    source = sources.pop() if len(sources) == 1 else "mixed"
    if source == "id" and len(np.unique(keys)) < len(keys):
        source, keys = "position", np.arange(len(keys), dtype=np.int64)
    return Index(keys, offsets, source), starts
