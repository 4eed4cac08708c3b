"""The labels of many records, counted."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass

import numpy as np


@dataclass
class Range:
    """The smallest and the largest of the values added, None as long as there are none."""

    low: float | None = None
    high: float | None = None

    def add(self, value: float) -> None:
        self.low = value if self.low is None or value < self.low else self.low
        self.high = value if self.high is None or value > self.high else self.high


class LabelCounts:
    """Takes the labels of one record after the other.

    `widths` counts records by their number of labels; `first` is the range of first labels.
    """

    def __init__(self) -> None:
        self.widths: Counter[int] = Counter()
        self.first = Range()
        self._firsts = array("f")

    def add(self, labels: list[float]) -> None:
        self.widths[len(labels)] += 1
        self.first.add(labels[0])
        self._firsts.append(labels[0])

    def different(self) -> int:
        """How many different first labels there are."""
        return len(np.unique(np.frombuffer(self._firsts, np.float32)))
