"""What is packed, in the order of packing.

A source lives in the parent process. Of each image or record it gives a *sample*, a small tuple
that is sent to a worker; there the source's maker turns samples into records.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from ..listing.lst import Numbers, shuffled_order
from ..remarks import RemarkKind
from .transform import Transform

Records = tuple[bytes, ...]
"""What a sample is packed as: its record, and where masks are packed too, the mask's."""


class PackedSample(NamedTuple):
    """What a maker makes of a sample: its records, and remarks, each of a kind with an example."""

    records: Records
    remarks: tuple[tuple[RemarkKind, str], ...] = ()


Maker = Callable[[Any], PackedSample]
SourceType = TypeVar("SourceType", bound="Source")


class Location(NamedTuple):
    """Where a sample comes from: a file; its line in the list, or the record's byte offset."""

    path: str
    line: int | None
    offset: int | None


class Source(ABC):
    """Samples with their records' `keys`, an int64 array of shape (samples,).

    `name` is that of a file, for messages, and `noun` what they call a sample. `files` are those
    that must stay while they are read from. With masks a sample has two records, its image's first.
    `label_width`: only so many of its labels.
    """

    keys: Numbers
    name: str
    noun: str
    files: Sequence[str] = ()
    has_masks = False
    label_width: int | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @abstractmethod
    def take(self: SourceType, order: Numbers | slice) -> SourceType:
        """Some of the samples, or all in another order."""

    def shuffled(self: SourceType, seed: int) -> SourceType:
        """All samples in the order of Python's `random.shuffle`, as im2rec.py shuffles a list."""
        return self.take(shuffled_order(len(self), seed))

    def part(self: SourceType, number: int, count: int) -> SourceType:
        """Part `number` (from 0) of `count` even ones. Together they are the whole."""
        bounds = [len(self) * at // count for at in (number, number + 1)]
        return self.take(slice(*bounds))

    @abstractmethod
    def samples(self, positions: range) -> list[Any]:
        """Samples to send to a worker."""

    @abstractmethod
    def maker(self, transform: Transform) -> Maker:
        """The function, to be pickled or inherited by workers, that makes records of a sample.

        It raises RecordError where it cannot; OSError and MemoryError are not the sample's fault.
        """

    @abstractmethod
    def location(self, position: int) -> Location: ...

    @abstractmethod
    def labels(self, positions: range) -> Iterator[Sequence[float]]:
        """All labels of each sample, but for those that cannot be read, which packing reports."""

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """What makes this source, in its order, differ from others, under names for people."""
