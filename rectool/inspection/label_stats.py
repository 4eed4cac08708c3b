"""The labels of many records, counted."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..listing.box_stats import BoxCounts, layout_notes, widths_of_boxes

MOST_DIFFERENT = 1000
"""So many different values of a column are counted, and no more."""

MOST_COLUMNS = 4096
"""Labels of more columns are not looked at one by one."""

_LOOKED_AT = 100  # records, for labels that are meant to be boxes
_BLOCK = 1 << 18  # labels that are counted at once

Labels = NDArray[np.float32]


@dataclass
class Range:
    """The smallest and the largest of the values added, None as long as there are none.

    NaN counts only where there is nothing else.
    """

    low: float | None = None
    high: float | None = None

    def add(self, value: float) -> None:
        if self.low is None or value < self.low or self.low != self.low:
            self.low = value
        if self.high is None or value > self.high or self.high != self.high:
            self.high = value

    def add_all(self, values: Labels) -> None:
        """Adds one value or more."""
        self.add(float(np.fmin.reduce(values)))
        self.add(float(np.fmax.reduce(values)))


@dataclass
class Column:
    """One of several labels, over all records.

    `not_zero` counts records; `different` the values, MOST_DIFFERENT + 1 where there are more.
    """

    not_zero: int = 0
    different: int = 0
    range: Range = field(default_factory=Range)


class LabelCounts:
    """Takes the labels of one record after the other; `finish` gives what there is to tell."""

    def __init__(self) -> None:
        self._labels = array("f")
        self._lengths = array("q")
        self._widths: Counter[int] = Counter()
        self._first = Range()
        self._firsts: list[Labels] = []
        self._boxes = BoxCounts()
        self._box_widths: set[int] | None = set()
        self._columns: list[_ColumnCounts] | None = None
        self._notes: list[str] = []

    def add(self, labels: Iterable[float]) -> None:
        """One record's labels, one or more."""
        before = len(self._labels)
        self._labels.extend(labels)
        self._lengths.append(len(self._labels) - before)
        if len(self._labels) >= _BLOCK:
            self._count()

    def _count(self) -> None:
        """Counts what was added since the last time."""
        if not self._lengths:
            return
        labels = np.frombuffer(self._labels, np.float32)
        lengths = np.frombuffer(self._lengths, np.int64)
        self._labels, self._lengths = array("f"), array("q")
        starts = lengths.cumsum() - lengths
        if not self._widths:
            ends = starts[:_LOOKED_AT] + lengths[:_LOOKED_AT]
            some = zip(starts.tolist(), ends.tolist(), strict=False)
            few = (labels[at:end].tolist() for at, end in some if end - at <= MOST_COLUMNS)
            self._notes = layout_notes(list(few))
        self._widths.update(Counter(lengths.tolist()))
        self._first.add_all(labels[starts])
        self._firsts.append(np.unique(labels[starts]))
        if self._box_widths is not None:
            widths = widths_of_boxes(labels, starts, lengths)
            self._box_widths = self._box_widths | widths if widths else None
        if self._box_widths is not None and len(self._box_widths) == 1:
            self._boxes.add(labels, starts, lengths, *self._box_widths)
        width = int(lengths[0])
        if self._columns is None and 1 < width <= MOST_COLUMNS:
            self._columns = [_ColumnCounts() for _ in range(width)]
        if len(self._widths) > 1:
            self._columns = []
        if self._columns:
            for counts, values in zip(self._columns, labels.reshape(-1, width).T, strict=True):
                counts.add(values)

    def finish(self) -> LabelSummary:
        self._count()
        firsts = np.concatenate([np.empty(0, np.float32), *self._firsts])
        box_widths = sorted(self._box_widths or ())
        boxes = self._boxes if len(box_widths) == 1 and self._boxes.boxes else None
        columns = [] if boxes else [counts.column for counts in self._columns or ()]
        mixed = box_widths if len(box_widths) > 1 else []
        different = len(np.unique(firsts))
        return LabelSummary(
            self._widths, different, self._first, boxes, mixed, columns, self._notes
        )


class LabelSummary(NamedTuple):
    """`widths` counts records by their number of labels; `different` and `first` tell of each
    record's first one how many different ones there are, and their range.

    `boxes` is None unless all records have labels of MXNet's detection layout with one width of
    their boxes, and there is a box; where they have several widths, these are `box_widths`.
    `columns` are those of records that all have as many labels, more than one and no more than
    MOST_COLUMNS, and no boxes; else there are none. `notes` are remarks on labels that are meant to
    be boxes, but cannot be read as such.
    """

    widths: Counter[int]
    different: int
    first: Range
    boxes: BoxCounts | None
    box_widths: list[int]
    columns: list[Column]
    notes: list[str]


class _ColumnCounts:
    def __init__(self) -> None:
        self.column = Column()
        self._known = np.empty(0, np.float32)

    def add(self, values: Labels) -> None:
        column = self.column
        column.not_zero += int(np.count_nonzero(values))
        column.range.add_all(values)
        if column.different <= MOST_DIFFERENT:
            self._known = np.union1d(self._known, values)[: MOST_DIFFERENT + 1]
            column.different = len(self._known)
