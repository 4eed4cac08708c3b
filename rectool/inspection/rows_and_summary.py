"""What is in a `.rec`: a row for each record, and a summary of all."""

from __future__ import annotations

import contextlib
import os
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..errors import HeaderError, ImageError, KeyNotFoundError, RecordError, StrPath, plural
from ..format.face_sets import named_key_problems
from ..format.header import compact_labels, content_without_header, face_ranges, unpack
from ..format.index import join_indexes
from ..format.key_table import KeyTable
from ..format.shard_manifest import wrong_sizes
from ..format.shard_names import ShardSet
from ..format.writer import idx_beside
from ..imaging.probe import describe, format_of
from .inspected_file import InspectedFile
from .label_stats import LabelCounts, LabelSummary, Range

_LARGE_HEADER = 8  # bytes that struct's IdQQ takes more than IfQQ: a float64, and 4 to align it


class Row(NamedTuple):
    """One record. `size` is that of its bytes, `payload` of those behind header and labels.

    `holds` is an image's format ("JPEG", "PNG", ...), "damaged JPEG" and the like where the image's
    header is, "nothing" for an empty payload, "no image" for another; "face header" and
    "face range" for the two kinds of record without an image in InsightFace's data sets; "no
    header" where the record is no image record, and all from `flag` to `id2` is None. `width` and
    `height` are those in the image's own header, or None. `rec` is the record's file where it is
    one of a set's, or None.
    """

    key: int
    offset: int
    size: int
    flag: int | None
    labels: list[float] | array[float]
    id: int | None
    id2: int | None
    payload: int
    holds: str
    width: int | None
    height: int | None
    rec: str | None


@dataclass
class Summary:
    """All records of a file or a set. `size` and `payload` are bytes, `width`, `height` pixels.

    `keys_from` is an Index's source. `notes` are remarks on the index and the ids that are no
    errors, `damaged` says whether there are problems. Labels of records without an image in
    InsightFace's data sets are keys, and left out of `labels`. Of a set, `rec` and `idx` are
    patterns, `shards` the files that could be read, of `shards_in_all`.
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
    labels: LabelSummary = field(default_factory=lambda: LabelCounts().finish())
    shards: list[str] = field(default_factory=list)
    shards_in_all: int = 0


class Records:
    """A `.rec`, or the shards of a set as one, opened to be looked at, damaged or not.

    What is wrong goes to `problems` and does not end the look: an index that is malformed or
    belongs to another file is put aside and the records found without it; a set is shown without
    the shards that are missing or cannot be read. Raises OSError where a file that is alone cannot
    be read.
    """

    def __init__(self, source: StrPath | ShardSet) -> None:
        self.shards = source if isinstance(source, ShardSet) else None
        self._general: list[RecordError] = []
        if isinstance(source, ShardSet):
            self.name = source.name
            self._files = list(self._readable(source))
        else:
            self.name = os.fspath(source)
            self._files = [InspectedFile(source)]
        self.index, self._starts = join_indexes([file.found for file in self._files])
        self._faces = self._face_ranges()

    def _readable(self, shards: ShardSet) -> Iterator[InspectedFile]:
        missing = shards.missing()
        if missing is not None:
            self._general.append(missing)
        self._general += wrong_sizes(shards)
        for path in shards.paths:
            try:
                yield InspectedFile(path)
            except OSError as error:
                self._general.append(RecordError(error.strerror or str(error), path=path))
            except RecordError as error:
                self._general.append(error)

    @property
    def unnamed(self) -> int:
        """How many more records are damaged than `problems` names."""
        return sum(file.unnamed for file in self._files)

    @property
    def problems(self) -> list[RecordError]:
        """What is wrong with the set, and with each file, as far as it was looked at."""
        return [*self._general, *(error for file in self._files for error in file.problems)]

    def check_cover(self) -> None:
        """Adds to `problems` records that an index leaves out, and junk where it has none."""
        for file in self._files:
            file.check_cover()

    def _face_ranges(self) -> range:
        """The keys of InsightFace's identity records, where this is such a data set."""
        with contextlib.suppress(RecordError):  # a damaged record is named when it is shown
            first = self.position(0)
            return face_ranges(self.view(first))
        return range(0)

    def _file(self, position: int) -> InspectedFile:
        return self._files[bisect_right(self._starts, position) - 1]

    def __len__(self) -> int:
        return len(self.index.offsets)

    def position(self, key: int) -> int:
        found = KeyTable(self.index.keys).find(key)
        if found is None:
            raise KeyNotFoundError(f"no record has the key {key}", path=self.name)
        return found

    def view(self, position: int) -> memoryview:
        """A record's bytes. Raises CorruptError or TruncatedError where it is damaged."""
        return self._file(position).file.view(int(self.index.offsets[position]))

    def row(self, position: int) -> Row:
        """Raises CorruptError or TruncatedError where this record is damaged."""
        key, offset = int(self.index.keys[position]), int(self.index.offsets[position])
        record = self.view(position)
        rec = None if self.shards is None else self._file(position).path
        size = len(record)
        try:
            header, payload = unpack(record)
        except HeaderError:
            content = content_without_header(record)
            holds = "no header" if content is None else f"{content} without a header"
            return Row(key, offset, size, None, [], None, None, size, holds, None, None, rec)
        holds, width, height = self._holds(key, header.flag, payload)
        return Row(
            key, offset, size, header.flag, compact_labels(header), header.id, header.id2,
            len(payload), holds, width, height, rec,
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
        if info is None and format_of(payload[_LARGE_HEADER:]):
            return f"{format_of(payload[_LARGE_HEADER:])} behind a header of 32 bytes", None, None
        return (info.format, info.width, info.height) if info else ("no image", None, None)

    def rows(self) -> Iterator[Row]:
        """A row for each record that is whole, in the order of the index."""
        ranges = array("f")
        for position in range(len(self)):
            try:
                row = self.row(position)
            except RecordError as error:
                self._file(position).add_damage(error, int(self.index.offsets[position]))
                continue
            if row.holds == "face range":
                ranges.extend(row.labels[:2])
            yield row
        self.check_cover()
        if self._faces and not self.problems:  # else they may be there, and damaged
            named = np.array(ranges, np.float32).reshape(-1, 2)
            for reason in named_key_problems(self.index.keys, self._faces, named):
                self._general.append(RecordError(reason, path=self.name))

    def summary(self) -> Summary:
        """Goes through all records once; see `problems` for what is wrong with them."""
        size = sum(len(one.file.buffer) for one in self._files)
        summary = Summary(self.name, size, self._idx_name(), self.index.source)
        if self.shards is not None:
            summary.shards = [file.path for file in self._files]
            summary.shards_in_all = self.shards.total
        labels = LabelCounts()
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
                labels.add(row.labels)
        summary.labels = labels.finish()
        summary.notes = self._index_notes()
        summary.damaged = bool(self.problems)
        if other_ids and self.index.source == "idx":
            summary.notes.append(f"{plural(other_ids, 'record')} with an id other than the key")
        return summary

    def _idx_name(self) -> str | None:
        """The `.idx`, or a pattern for those of a set; None if there is none."""
        found = [file.idx for file in self._files if file.idx is not None]
        return None if not found else found[0] if self.shards is None else idx_beside(self.name)

    def _index_notes(self) -> list[str]:
        keys = [np.unique(part) for part in np.split(self.index.keys, self._starts[1:-1])]
        _, shards_with_key = np.unique(np.concatenate(keys), return_counts=True)
        indexes = [file.found for file in self._files if file.found.source == "idx"]
        unordered = sum(bool((np.diff(index.offsets) <= 0).any()) for index in indexes)
        notes = []
        repeated = len(self) - sum(map(len, keys))
        if repeated:
            notes.append(
                f"{plural(repeated, 'line')} with a key that occurs again; the last one counts"
            )
        shared = int((shards_with_key > 1).sum())
        if shared:
            notes.append(f"{plural(shared, 'key')} in more than one shard; the last one counts")
        if unordered:
            which = "" if self.shards is None else plural(unordered, "shard") + " "
            notes.append(f"{which}not in the order of the file")
        if 0 < len(indexes) < len(self._files):
            unusable = len(self._files) - len(indexes)
            notes.append(f"{plural(unusable, 'shard')} without a usable index")
        return notes
