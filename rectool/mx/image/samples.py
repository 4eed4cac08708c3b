"""Where ImageIter's samples come from: encoded images by a key, and their labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import ListError, RecordError, StrPath
from ...format.key_table import KeyTable
from ...format.reader import RecordReader
from ...listing.lst import ImageList, read_list
from ...loading.samples import as_array, read_sample, sample_positions
from .. import nd

Positions = NDArray[np.int64]

_BLOCK = 1 << 14
"""Records whose labels are read at once."""


class SampleName(NamedTuple):
    """What an error calls a sample: the file, and what in it if it is one of many."""

    path: str
    what: str = ""


def naming_sample(error: RecordError, name: SampleName) -> RecordError:
    """The error, saying which sample it is about."""
    return error.located(path=name.path, prefix=f"{name.what}: " if name.what else "")


class RecordSamples:
    """The image records of a `.rec`, in the order of `idx`, or without one of the file.

    Records without an image (InsightFace's header and ranges of identities) are no samples.
    """

    def __init__(self, path: StrPath, idx: StrPath | None, labels: ImageList | None) -> None:
        self.reader = RecordReader(path, idx or True)
        self._positions = as_array(sample_positions(self.reader))
        if not idx:
            order = self.reader.offsets[self._positions].argsort(kind="stable")
            self._positions = self._positions[order]
        self._labels = labels
        self._rows = None if labels is None else self._rows_in(labels)

    @property
    def keys(self) -> NDArray[np.int64]:
        return self.reader.keys[self._positions]

    def _rows_in(self, labels: ImageList) -> NDArray[np.int64]:
        """Each sample's entry in the list."""
        table = KeyTable(labels.keys)
        found = [table.find(int(key)) for key in self.reader.keys[self._positions]]
        if None in found:
            key = self.reader.keys[self._positions[found.index(None)]]
            raise ListError(
                f"there is no label for the key {key} of {self.reader.name}", path=labels.name
            )
        return np.array(found, np.int64)

    def __len__(self) -> int:
        return len(self._positions)

    def read(self, position: int) -> tuple[Any, bytes | str]:
        """Label and encoded image; for an image that is a file of its own its path in the root."""
        header, image = read_sample(self.reader, int(self._positions[position]))
        if self._labels is not None and self._rows is not None:
            return self._labels[int(self._rows[position])].labels, image
        return header.label, image

    def labels(self, positions: Positions) -> Iterator[tuple[int, Any]]:
        """These positions in some order, each with its label; no image is read."""
        if self._labels is not None and self._rows is not None:
            for position in positions.tolist():
                yield position, self._labels[int(self._rows[position])].labels
            return
        for begin in range(0, len(positions), _BLOCK):
            block = positions[begin : begin + _BLOCK]
            records = self._positions[block]
            widths = self.reader.headers(records).widths
            for width in np.unique(widths):
                alike = widths == width
                yield from zip(
                    block[alike].tolist(), self.reader.labels(records[alike]), strict=True
                )

    def name_of(self, position: int) -> SampleName:
        key = self.reader.keys[self._positions[position]]
        return SampleName(self.reader.name, f"the record with the key {key}")


class ListSamples:
    """The images of a `.lst`."""

    def __init__(self, entries: Sequence[Sequence[Any]], root: StrPath) -> None:
        self._entries = entries
        self._root = root

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, position: int) -> tuple[Any, str]:
        _, labels, path = self._entries[position]
        return labels, path

    def labels(self, positions: Positions) -> Iterator[tuple[int, Any]]:
        return ((position, self.read(position)[0]) for position in positions.tolist())

    def name_of(self, position: int) -> SampleName:
        return SampleName(os.path.join(self._root, self.read(position)[1]))


class GivenSamples(ListSamples):
    """Images given as [label, path], [label, label, path] or [[label, label], path]."""

    def read(self, position: int) -> tuple[Any, str]:
        *labels, path = self._entries[position]
        return labels[0] if len(labels) == 1 else labels, os.fspath(path)


Samples = RecordSamples | ListSamples


class Listed(Mapping[int, tuple[nd.NDArray, str]]):
    """Labels and paths of samples that are files of their own."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __getitem__(self, position: int) -> tuple[nd.NDArray, str]:
        label, path = self._samples.read(position)
        return nd.array(label).reshape((-1,)), str(path)


def open_samples(
    rec: StrPath | None,
    idx: StrPath | None,
    lst: StrPath | None,
    given: Sequence[Sequence[Any]] | None,
    root: StrPath,
) -> Samples:
    """Raises ValueError for sources that do not go together, and as readers and lists do."""
    if given is not None and (rec or lst):
        raise ValueError("imglist does not go with path_imgrec or path_imglist")
    if idx and not rec:
        raise ValueError("path_imgidx requires path_imgrec")
    if rec:
        return RecordSamples(rec, idx, read_list(lst) if lst else None)
    if lst:
        return ListSamples(read_list(lst), root)
    if given is None:
        raise ValueError("path_imgrec, path_imglist or imglist is required")
    return GivenSamples(given, root)
