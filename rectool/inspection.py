"""What is in a `.rec`: a row for each record, and a summary of all."""

from __future__ import annotations

import contextlib
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .format import (
    CorruptError,
    HeaderError,
    ImageError,
    Index,
    IndexFileError,
    KeyNotFoundError,
    KeyTable,
    RecordError,
    StrPath,
    check_index,
    data,
    idx_beside,
    label_list,
    locate,
    map_file,
    plural,
    read_index,
    scan_index,
    unpack,
)
from .sniffing import describe, format_of


class Row(NamedTuple):
    """One record. `size` is that of its bytes, `payload` of those behind header and labels.

    `holds` is an image's format ("JPEG", "PNG", ...), "damaged JPEG" and the like where the image's
    header is, "nothing" for an empty payload, "no image" for another; "face header" and
    "face range" for the two kinds of record without an image in InsightFace's data sets; "no
    header" where the record is no image record, and all from `flag` to `id2` is None. `width` and
    `height` are those in the image's own header, or None.
    """

    key: int
    offset: int
    size: int
    flag: int | None
    labels: list[float]
    id: int | None
    id2: int | None
    payload: int
    holds: str
    width: int | None
    height: int | None


@dataclass
class Range:
    """The smallest and the largest of the values added, None as long as there are none."""

    low: float | None = None
    high: float | None = None

    def add(self, value: float) -> None:
        self.low = value if self.low is None or value < self.low else self.low
        self.high = value if self.high is None or value > self.high else self.high


@dataclass
class Summary:
    """All records of a file together. `size` and `payload` are bytes, `width`, `height` pixels.

    `keys_from` is an Index's source. `notes` are remarks on the index and the ids that are no
    errors, `damaged` says whether there are problems.
    `labels` and `label` tell of each record's first label: how many different ones, and
    their range; `label_widths` counts records by their number of labels. Labels of records without
    an image in InsightFace's data sets are keys, and left out.
    """

    rec: str
    size: int
    idx: str | None
    keys_from: str
    records: int = 0
    key: Range = field(default_factory=Range)
    damaged: bool = False
    notes: list[str] = field(default_factory=list)
    holds: Counter[str] = field(default_factory=Counter)
    width: Range = field(default_factory=Range)
    height: Range = field(default_factory=Range)
    payload: Range = field(default_factory=Range)
    label_widths: Counter[int] = field(default_factory=Counter)
    labels: int = 0
    label: Range = field(default_factory=Range)


class Records:
    """A `.rec` opened to be looked at, damaged or not.

    What is wrong goes to `problems` and does not end the look: an index that is malformed or
    belongs to another file is put aside and the records found without it; without an index, what
    lies behind the first damage cannot be found. Raises OSError where the file cannot be read.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = os.fspath(path)
        self.problems: list[RecordError] = []
        self.buffer = map_file(path)
        beside = idx_beside(path)
        self.idx = beside if os.path.exists(beside) else None
        self.index = self._index()
        self._faces = self._face_ranges()

    def _index(self) -> Index:
        if self.idx is not None:
            try:
                index = read_index(self.idx)
                check_index(index, self.buffer, self.idx, self.path)
                self._check_first(index, self.idx)
            except IndexFileError as error:
                self.problems.append(error)
            else:
                return index
        index, damage = scan_index(self.buffer)
        if damage is not None:
            self._note(damage)
        return index

    def _check_first(self, index: Index, idx: str) -> None:
        """Raises IndexFileError where the index is another file's, and not one record damaged."""
        faults = []
        for position in {0, len(index.offsets) - 1} if len(index.offsets) else ():
            try:
                locate(self.buffer, int(index.offsets[position]))
            except CorruptError as error:
                faults.append(error)
        if len(faults) == min(2, len(index.offsets)) > 0:
            raise IndexFileError(
                f"no records begin at its offsets (byte {faults[0].offset}, for one): it belongs to"
                " another .rec (rectool index --force makes a new one)",
                path=idx,
            )

    def check_cover(self) -> None:
        """Adds to `problems` records that the index leaves out, and junk where it has none."""
        if self.index.source != "idx":
            return
        in_file, damage = scan_index(self.buffer, "position")
        missing = np.setdiff1d(in_file.offsets, self.index.offsets)
        if len(missing):
            self.problems.append(
                IndexFileError(
                    f"{plural(len(missing), 'record')} of the file not in this index"
                    " (rectool index --force makes a new one)",
                    path=self.idx,
                )
            )
        if damage is not None and all(damage.offset != known.offset for known in self.problems):
            self._note(damage)

    def _note(self, error: RecordError) -> None:
        error.path = self.path
        self.problems.append(error)

    def _face_ranges(self) -> range:
        """The keys of InsightFace's identity records, where this is such a data set."""
        with contextlib.suppress(RecordError):  # a damaged record is named when it is shown
            header, payload = unpack(self._record(self.position(0)))
            if (
                header.flag == 2
                and len(payload) == 0
                and 1 <= header.label[0] < header.label[1] < 2**63
            ):
                return range(int(header.label[0]), int(header.label[1]))
        return range(0)

    def _record(self, position: int) -> memoryview:
        try:
            span = locate(self.buffer, int(self.index.offsets[position]))
        except RecordError as error:
            error.path = self.path
            raise
        if len(span.parts) > 1:
            return memoryview(data(self.buffer, span))
        begin, end = span.parts[0]
        return memoryview(self.buffer)[begin:end]

    def __len__(self) -> int:
        return len(self.index.offsets)

    def position(self, key: int) -> int:
        found = KeyTable(self.index.keys).find(key)
        if found is None:
            raise KeyNotFoundError(f"no record has the key {key}", path=self.path)
        return found

    def row(self, position: int) -> Row:
        """Raises CorruptError or TruncatedError where this record is damaged."""
        key, offset = int(self.index.keys[position]), int(self.index.offsets[position])
        record = self._record(position)
        size = len(record)
        try:
            header, payload = unpack(record)
        except HeaderError:
            return Row(key, offset, size, None, [], None, None, size, "no header", None, None)
        holds, width, height = self._holds(key, header.flag, payload)
        labels = label_list(header.label)
        return Row(
            key, offset, size, header.flag, labels, header.id, header.id2,
            len(payload), holds, width, height,
        )  # fmt: skip

    def _holds(
        self, key: int, flag: int, payload: memoryview
    ) -> tuple[str, int | None, int | None]:
        if not payload:
            if self._faces and flag == 2 and (key == 0 or key in self._faces):
                return "face range" if key else "face header", None, None
            return "nothing", None, None
        try:
            info = describe(payload)
        except ImageError:
            return f"damaged {format_of(payload)}", None, None
        return (info.format, info.width, info.height) if info else ("no image", None, None)

    def rows(self) -> Iterator[Row]:
        """A row for each record that is whole, in the order of the index."""
        for position in range(len(self)):
            try:
                yield self.row(position)
            except RecordError as error:
                self._note(error)
        self.check_cover()

    def summary(self) -> Summary:
        """Goes through all records once; see `problems` for what is wrong with them."""
        summary = Summary(self.path, len(self.buffer), self.idx, self.index.source)
        labels = array("f")
        other_ids = 0
        for row in self.rows():
            summary.records += 1
            summary.key.add(row.key)
            summary.holds[row.holds] += 1
            summary.payload.add(row.payload)
            other_ids += row.id is not None and row.id != row.key
            if row.width is not None and row.height is not None:
                summary.width.add(row.width)
                summary.height.add(row.height)
            if row.labels and not row.holds.startswith("face"):
                summary.label_widths[len(row.labels)] += 1
                summary.label.add(row.labels[0])
                labels.append(row.labels[0])
        summary.labels = len(np.unique(np.frombuffer(labels, np.float32)))
        summary.notes = self._index_notes()
        summary.damaged = bool(self.problems)
        if other_ids and self.index.source == "idx":
            summary.notes.append(f"{plural(other_ids, 'record')} with an id other than the key")
        return summary

    def _index_notes(self) -> list[str]:
        if self.index.source != "idx":
            return []
        keys, offsets = self.index.keys, self.index.offsets
        notes = []
        repeated = len(keys) - len(np.unique(keys))
        if repeated:
            notes.append(
                f"{plural(repeated, 'line')} with a key that occurs again; the last one counts"
            )
        if bool((np.diff(offsets) <= 0).any()):
            notes.append("not in the order of the file")
        return notes
