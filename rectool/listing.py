"""`.lst` files: a line an image, `key TAB label TAB [label TAB ...] path`.

Bytes, not text: a path is what the file system says, in UTF-8 or not.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from struct import error as StructError  # noqa: N812
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .format import MAGIC, MAX_KEY, LimitError, ListError, StrPath, pack_raw, shown, to_float32

Numbers = NDArray[np.int64]

_KEY = re.compile(rb"[+-]?[0-9]{1,30}")
_HEADER_LINE = b"#header\t"
_MOST_FAULTS = 20


class HeaderFields(NamedTuple):
    """What a record's header says where its list line's key and labels do not imply it.

    `label` counts only for flag > 0; for flag 0 it is the line's own.
    """

    flag: int
    label: float
    id: int
    id2: int


class Entry(NamedTuple):
    """An image of a list: its record's key, its labels (one or more), its path below the root."""

    key: int
    labels: tuple[float, ...]
    path: str


def decode_path(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def encode_path(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def quoted(text: bytes) -> str:
    """A piece of a list as a message shows it."""
    return repr(text[:80].decode("utf-8", "backslashreplace"))


def raise_faults(faults: list[str], name: StrPath) -> None:
    """Raises ListError where there are faults, a line each and 20 at most."""
    more = len(faults) - _MOST_FAULTS
    if more > 0:
        faults = [*faults[:_MOST_FAULTS], f"{shown(name)}: {more} more lines like these"]
    if faults:
        raise ListError("\n".join(faults))


def format_label(label: float) -> str:
    """A label as im2rec writes it, with six decimals, or with as many as float32 needs."""
    text = f"{label:f}"
    if np.float32(text) == np.float32(label):
        return text
    return np.format_float_positional(np.float32(label), unique=True, trim="0")


def format_line(entry: Entry) -> bytes:
    labels = "".join(f"{format_label(label)}\t" for label in entry.labels)
    return b"%d\t%s%s\n" % (entry.key, labels.encode("ascii"), encode_path(entry.path))


def format_header_line(key: int, fields: HeaderFields) -> bytes:
    """A line that keeps header fields which a `.lst` has no column for; im2rec passes it over."""
    return b"%s%d\t%d\t%r\t%d\t%d\n" % (
        _HEADER_LINE,
        key,
        fields.flag,
        fields.label,
        fields.id,
        fields.id2,
    )


def parse_line(line: bytes) -> Entry:
    """Raises ListError or LimitError, without saying where."""
    fields = line.rstrip(b"\r\n\t").split(b"\t")
    if b"\0" in line:
        raise ListError(f"a line with a zero byte: {quoted(line)}")
    if len(fields) < 3:
        raise ListError(f"expected key, label and path with tabs between, found {quoted(line)}")
    key_text = fields[0].strip()
    if not _KEY.fullmatch(key_text):
        raise ListError(f"the key should be a whole number, found {quoted(key_text)}")
    key = int(key_text)
    if not 0 <= key <= MAX_KEY:
        raise LimitError(f"key {key}: keys are 0 to {MAX_KEY}")
    return Entry(key, tuple(map(parse_label, fields[1:-1])), decode_path(fields[-1]))


def parse_label(text: bytes) -> float:
    """A finite label as float32 holds it. Raises ListError or LimitError."""
    try:
        whole = _KEY.fullmatch(text.strip())
        label = int(text) if whole else float(text) if b"_" not in text else None
    except ValueError:
        label = None
    if label is None:
        raise ListError(f"a label should be a number, found {quoted(text)}")
    if not isinstance(label, int) and not math.isfinite(label):
        raise LimitError(f"label {decode_path(text.strip())}: a label is a finite number")
    return to_float32(label)


class ImageList(Sequence[Entry]):
    """The entries of a `.lst`, kept as its bytes and parsed when asked for.

    Blank lines, blanks around numbers, carriage returns and tabs at a line's end are passed over;
    everything else that is not an entry is a fault, and so is a key that occurs twice. Raises
    ListError with a line for each fault (20 at most), each with the list's name and line number.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        if b"\0" in data[:4096]:
            what = "a record file" if data.startswith(MAGIC) else "a binary file"
            raise ListError(f"no list but {what}", path=name)
        self.headers: dict[int, HeaderFields] = {}
        newlines = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
        starts = np.concatenate(([0], newlines + 1))
        ends = np.concatenate((newlines, [len(data)]))
        self._check(starts, ends)

    def _check(self, starts: Numbers, ends: Numbers) -> None:
        faults: list[str] = []
        keys = np.empty(len(starts), np.int64)
        widths = np.zeros(len(starts), np.int32)
        for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            line = self.data[start:end]
            try:
                if line.startswith(_HEADER_LINE):
                    self._parse_header(line)
                elif line.strip():
                    entry = parse_line(line)
                    keys[number], widths[number] = entry.key, len(entry.labels)
            except (ListError, LimitError) as error:
                faults.append(f"{shown(self.name)}:{number + 1}: {error.message}")
        self._numbers = np.flatnonzero(widths)
        self._starts, self._ends = starts[self._numbers], ends[self._numbers]
        self._keys, self._widths = keys[self._numbers], widths[self._numbers]
        raise_faults([*faults, *self._duplicates(self._keys)], self.name)

    def check_width(self, width: int) -> None:
        """Raises ListError, naming the lines, where one has fewer labels than `width`."""
        short = np.flatnonzero(self._widths < width).tolist()
        where = shown(self.name)
        faults = [
            f"{where}:{self.line_number(at)}: {self._widths[at]} of {width} labels" for at in short
        ]
        raise_faults(faults, self.name)

    def _duplicates(self, keys: Numbers) -> Iterator[str]:
        if len(keys) < 2 or bool((keys[1:] > keys[:-1]).all()):
            return
        order = keys.argsort(kind="stable")
        for at in np.flatnonzero(keys[order][1:] == keys[order][:-1]).tolist():
            first, again = self.line_number(int(order[at])), self.line_number(int(order[at + 1]))
            key = int(keys[order[at]])
            yield f"{shown(self.name)}:{again}: key {key} is that of line {first} already"

    def _parse_header(self, line: bytes) -> None:
        fields = line.split()[1:]
        try:
            key, flag, label, id_, id2 = fields
            values = HeaderFields(int(flag), to_float32(float(label)), int(id_), int(id2))
            pack_raw(*values)
            self.headers[int(key)] = values
        except (ValueError, LimitError, StructError):
            raise ListError(
                f"expected #header, key, flag, label, id and id2, found {quoted(line)}"
            ) from None

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, position: int) -> Entry:  # type: ignore[override]  # no slices
        return parse_line(self.line(position))

    def key(self, position: int) -> int:
        return int(self._keys[position])

    def line(self, position: int) -> bytes:
        """An entry's line as it stands in the list."""
        return self.data[int(self._starts[position]) : int(self._ends[position])]

    def line_number(self, position: int) -> int:
        """Counted from 1."""
        return int(self._numbers[position]) + 1


def read_list(path: StrPath) -> ImageList:
    with open(path, "rb") as file:
        return ImageList(file.read(), os.fspath(path))
