"""The boxes in the labels of many records, counted. `format.boxes` has their layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import plural
from ..format.boxes import BOX_WIDTH, broken_layout, have_layout

_ROUNDING = 1e-5  # coordinates beyond 0 and 1 by no more were only rounded

_SUSPECT = {
    "outside": "reaching out of the image (coordinates below 0 or above 1)",
    "empty": "without an area (xmax <= xmin or ymax <= ymin)",
    "nan": "with NaN",
    "class": "of a class that is no whole number",
}

Numbers = NDArray[np.int64]


def widths_of_boxes(labels: NDArray[np.float32], starts: Numbers, lengths: Numbers) -> set[int]:
    """How many numbers the boxes of some records have; none where some have other labels."""
    if int(lengths.min()) < 2:
        return set()
    begins, widths = labels[starts], labels[starts + 1]
    if not have_layout(begins, widths, lengths).all():
        return set()
    return set(np.unique(widths).astype(np.int64).tolist())


class BoxCounts:
    """Counts of boxes, which are rows of a class from 0.

    `records` have boxes, from `least` to `most` of them each, and `without` have none (then `least`
    is 0); each box has `width` numbers. `classes` counts boxes by their class, a whole number.
    `suspect` counts boxes that cannot be right: "outside" the image, "empty", with "nan", and of a
    "class" that is no whole number. A row whose class is NaN is counted there alone.
    """

    def __init__(self) -> None:
        self.boxes = self.records = self.without = 0
        self.least = self.most = 0
        self.width = 0
        self.classes: Counter[int] = Counter()
        self.suspect = dict.fromkeys(_SUSPECT, 0)

    def add(
        self, labels: NDArray[np.float32], starts: Numbers, lengths: Numbers, width: int
    ) -> None:
        """Takes the labels of some records, each `lengths` of them from `starts` on.

        They are boxes of this width, the same each time.
        """
        self.width = width
        first = labels[starts].astype(np.int64)
        counts = (lengths - first) // self.width
        records = np.repeat(np.arange(len(starts)), counts)
        number = np.arange(len(records)) - np.repeat(counts.cumsum() - counts, counts)
        places = (starts + first)[records] + number * self.width
        rows = labels[places[:, None] + np.arange(BOX_WIDTH)]
        self._count(rows)
        self._count_records(np.bincount(records[rows[:, 0] >= 0], minlength=len(starts)))

    def _count_records(self, boxes: Numbers) -> None:
        least, most = int(boxes.min()), int(boxes.max())
        seen = self.records + self.without
        self.least = min(self.least, least) if seen else least
        self.most = max(self.most, most)
        self.records += int(np.count_nonzero(boxes))
        self.without += int(np.count_nonzero(boxes == 0))
        self.boxes += int(boxes.sum())

    def _count(self, rows: NDArray[np.float32]) -> None:
        rows = rows[~(rows[:, 0] < 0)]
        classes, places = rows[:, 0], rows[:, 1:]
        nan = np.isnan(rows).any(axis=1)
        outside = ((places < -_ROUNDING) | (places > 1 + _ROUNDING)).any(axis=1)
        empty = (places[:, 2:] <= places[:, :2]).any(axis=1)
        whole = np.isfinite(classes) & (classes == np.floor(classes))
        faults = {"outside": outside, "empty": empty, "nan": nan, "class": ~whole}
        for name, found in faults.items():
            self.suspect[name] += int(np.count_nonzero(found & ~nan if name != "nan" else found))
        values, counts = np.unique(classes[whole], return_counts=True)
        self.classes.update(dict(zip(map(int, values.tolist()), counts.tolist(), strict=True)))

    def notes(self) -> list[str]:
        """Remarks on suspect boxes."""
        counts = self.suspect.items()
        return [f"{plural(count, 'box')} {_SUSPECT[name]}" for name, count in counts if count]


def layout_notes(records: Iterable[Sequence[float]]) -> list[str]:
    """A remark on labels of some records that are meant to be boxes, but cannot be read as such."""
    broken = [why for labels in records if (why := broken_layout(labels)) is not None]
    if not broken:
        return []
    return [f"{plural(len(broken), 'record')} not in MXNet's detection layout: {broken[0]}"]


def notes_on(records: Iterable[Sequence[float]]) -> list[str]:
    """Remarks on boxes in the labels of some records, where these are, or are meant to be, such."""
    several = [labels for labels in records if len(labels) > 1]
    if not several:
        return []
    if broken := layout_notes(several):
        return broken
    lengths = np.array(list(map(len, several)))
    labels, starts = np.concatenate(several, dtype=np.float32), lengths.cumsum() - lengths
    counts = BoxCounts()
    for width in widths_of_boxes(labels, starts, lengths):
        chosen = labels[starts + 1] == width
        counts.add(labels, starts[chosen], lengths[chosen], width)
    return counts.notes()
