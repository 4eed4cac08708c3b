"""`.lst` files: a line an image, `key TAB label TAB [label TAB ...] path`.

Bytes, not text: a path is what the file system says, in UTF-8 or not.
"""

from __future__ import annotations

import copy
import io
import math
import os
import re
from array import array
from collections.abc import Sequence
from struct import error as StructError  # noqa: N812
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import LimitError, ListError, StrPath, plural, shown
from ..format.header import pack_raw, to_float32
from ..format.index import MAX_KEY
from .listing_faults import MOST_FAULTS, Faults
from .text_files import MOST_OF_LIST, as_utf8, read_text

Numbers = NDArray[np.int64]

_KEY = re.compile(rb"[+-]?[0-9]{1,30}")
_PLAIN = re.compile(rb"([0-9]{1,18})\t([0-9]{1,7}(?:\.[0-9]{1,30})?)\t([^\t\0\r\n]+)")
"""What nearly all lines look like, and nothing in it can be wrong."""
_BOM = b"\xef\xbb\xbf"  # also within: where two files were joined
_HEADER_LINE = b"#header\t"


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
    labels: tuple[float, ...] | array[float]
    path: str


def decode_path(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def encode_path(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def leads_out(path: str) -> bool:
    """Whether a path is not one below the folder that it is joined to."""
    plain = os.path.normpath(path)
    return bool(os.path.splitdrive(plain)[0]) or plain.split(os.sep)[0] in ("", os.pardir)


def quoted(text: bytes) -> str:
    """A piece of a list as a message shows it."""
    return repr(text[:80].decode("utf-8", "backslashreplace"))


def format_label(label: float) -> str:
    """A label as im2rec writes it, with six decimals, or with as many as float32 needs."""
    text = f"{label:f}"
    if float(label).is_integer() or np.float32(text) == np.float32(label):
        return text
    return np.format_float_positional(np.float32(label), unique=True, trim="0")


def format_line(entry: Entry) -> bytes:
    labels = "".join([f"{format_label(label)}\t" for label in entry.labels])
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
    plain = _PLAIN.fullmatch(line)
    if plain is not None:
        return Entry(int(plain[1]), (float(plain[2]),), decode_path(plain[3]))
    fields = line.rstrip(b"\r\n\t").split(b"\t")
    if b"\0" in line:
        raise ListError(f"the line has a zero byte: {quoted(line)}")
    if len(fields) < 3:
        raise ListError(f"expected key, label and path with tabs between, found {quoted(line)}")
    key_text = fields[0].removeprefix(_BOM).strip()
    if not _KEY.fullmatch(key_text):
        raise ListError(f"a key must be a whole number, got {quoted(key_text)}")
    key = int(key_text)
    if not 0 <= key <= MAX_KEY:
        raise LimitError(f"a key must be 0 to {MAX_KEY}, got {key}")
    return Entry(key, tuple(map(parse_label, fields[1:-1])), decode_path(fields[-1]))


def parse_label(text: bytes) -> float:
    """A finite label as float32 holds it. Raises ListError or LimitError."""
    try:
        whole = _KEY.fullmatch(text.strip())
        label = int(text) if whole else float(text) if b"_" not in text else None
    except ValueError:
        label = None
    if label is None:
        raise ListError(f"a label must be a number, got {quoted(text)}")
    if not isinstance(label, int) and not math.isfinite(label):
        raise LimitError(f"a label must be a finite number, got {text.strip().decode():.40}")
    return to_float32(label)


SEED = 100
"""im2rec.py's seed for shuffling."""


def shuffled_order(count: int, seed: int = SEED) -> Numbers:
    """The positions 0 to count - 1 in im2rec.py's random order: Python's `random.shuffle`."""
    import random  # noqa: PLC0415 - start-up counts, and few lists are shuffled here

    order = array("q", range(count))
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    return np.frombuffer(order, np.int64)


class ImageList(Sequence[Entry]):
    """The entries of a `.lst`, kept as its bytes and parsed when asked for.

    Blank lines, blanks around numbers, carriage returns and tabs at a line's end are passed over;
    everything else that is not an entry is a fault, and so is a key that occurs twice. UTF-16 and
    byte order marks are taken. Raises ListError with a line for each fault (20 at most), each with
    the list's name and line number, or saying what the text is where it is of another kind.
    Besides its bytes a list of a million lines takes 36 MB. `keys` is an int64 array, (images,).
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data = as_utf8(data, name, "a list (.lst)")
        self.name = name
        self.headers: dict[int, HeaderFields] = {}
        self._lay_out()
        faults = self._parse()
        if not self._widths.all():
            self._keep(np.flatnonzero(self._widths))
        if faults and not len(self):
            from .not_a_list import explain  # noqa: PLC0415 - start-up counts

            if kind := explain(self.data, name):
                raise ListError(kind, path=name)
        self._add_duplicates(faults)
        faults.check(name)

    @classmethod
    def numbered(
        cls, lines: bytes, name: str, keys: Numbers | None = None, widths: Numbers | None = None
    ) -> ImageList:
        """A list of lines that were just made and are not checked again.

        `keys` are those of the lines, by default 0, 1, 2, ...; `widths` how many labels each has,
        by default one.
        """
        made = cls(b"", name)
        made.data = lines
        made._lay_out()
        made.keys = np.arange(len(made)) if keys is None else keys
        made._widths += 1 if widths is None else widths
        return made

    def _lay_out(self) -> None:
        """An entry for each line, its key and labels still to be read."""
        ends = np.flatnonzero(np.frombuffer(self.data, np.uint8) == 10)
        if self.data and not self.data.endswith(b"\n"):
            ends = np.append(ends, len(self.data))
        self._ends = ends
        self._starts = np.concatenate((np.zeros(1, np.int64), ends + 1))[: len(ends)]
        self._numbers = np.arange(1, len(ends) + 1)
        self.keys = np.empty(len(ends), np.int64)
        self._widths = np.zeros(len(ends), np.int32)

    def _keep(self, order: Numbers | slice) -> None:
        self._starts, self._ends = self._starts[order], self._ends[order]
        self.keys, self._widths = self.keys[order], self._widths[order]
        self._numbers = self._numbers[order]

    def _parse(self) -> Faults:
        """Fills in keys and numbers of labels; returns what is wrong with lines."""
        faults = Faults()
        for number, ended in enumerate(io.BytesIO(self.data)):
            line = ended.removesuffix(b"\n")
            plain = _PLAIN.fullmatch(line)
            if plain is not None:
                self.keys[number], self._widths[number] = int(plain[1]), 1
                continue
            try:
                if line.startswith(_HEADER_LINE):
                    self._parse_header(line)
                elif line.strip():
                    entry = parse_line(line)
                    self.keys[number], self._widths[number] = entry.key, len(entry.labels)
            except (ListError, LimitError) as error:
                hint = " (is it a header? leave it out)" * (number == 0 and line[:1].isalpha())
                faults.add(f"{shown(self.name)}:{number + 1}: {error.message}{hint}")
        return faults

    def take(self, order: Numbers | slice) -> ImageList:
        """Some entries, or all, in another order: the same bytes and line numbers, not copied."""
        taken = copy.copy(self)
        taken._keep(order)
        return taken

    def contents(self) -> bytes:
        """The entries' lines in their order, as a `.lst` file holds them."""
        blocks = (range(at, min(at + 4096, len(self))) for at in range(0, len(self), 4096))
        return b"".join(line + b"\n" for block in blocks for line in self.lines(block))

    def check_width(self, width: int, *, exactly: bool = False) -> None:
        """Raises ListError, naming the lines, where one has fewer labels than `width`.

        With `exactly` also where it has more.
        """
        wrong = np.flatnonzero(self._widths != width if exactly else self._widths < width)
        where = shown(self.name)
        faults = Faults()
        for at in wrong[:MOST_FAULTS].tolist():
            labels = plural(self._widths[at], "label")
            faults.add(f"{where}:{self.line_number(at)}: {labels}, not {width}")
        faults.count_more(len(wrong[MOST_FAULTS:]))
        faults.check(self.name)

    def _add_duplicates(self, faults: Faults) -> None:
        """Adds a fault for each key that occurs again."""
        keys = self.keys
        if len(keys) < 2 or bool((keys[1:] > keys[:-1]).all()):
            return
        order = keys.argsort(kind="stable")
        twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        for at in twice[:MOST_FAULTS].tolist():
            first, again = self.line_number(int(order[at])), self.line_number(int(order[at + 1]))
            key = int(keys[order[at]])
            faults.add(f"{shown(self.name)}:{again}: key {key} is that of line {first} already")
        faults.count_more(len(twice[MOST_FAULTS:]))

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

    def line(self, position: int) -> bytes:
        """An entry's line as it stands in the list."""
        return self.data[int(self._starts[position]) : int(self._ends[position])]

    def lines(self, positions: range) -> list[bytes]:
        part = slice(positions.start, positions.stop)
        bounds = zip(self._starts[part].tolist(), self._ends[part].tolist(), strict=True)
        return [self.data[begin:end] for begin, end in bounds]

    def digest(self) -> str:
        """Differs where lines or their order do."""
        return digest_of(self.data, self._starts)

    def line_number(self, position: int) -> int:
        """Counted from 1."""
        return int(self._numbers[position])


def digest_of(*columns: bytes | NDArray[np.int64] | NDArray[np.int32]) -> str:
    """A SHA-256 of them all, in hexadecimal digits."""
    import hashlib  # noqa: PLC0415 - only sets of shards need it

    digest = hashlib.sha256()
    for column in columns:
        digest.update(column if isinstance(column, bytes) else column.tobytes())
    return digest.hexdigest()


def read_list(path: StrPath) -> ImageList:
    return ImageList(read_text(path, "a list (.lst)", MOST_OF_LIST), os.fspath(path))
