"""A data set for training: images and labels by their positions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from ..format import IRHeader, RecordReader, StrPath
from ..imaging import Color
from ..imaging.arrays import decode_array
from .samples import as_array, named_errors, part_of, read_sample, sample_positions


class RecordDataset:
    """The images of a `.rec` file, or of several, with their labels: what torch's DataLoader takes.

    `dataset[i]` (negative too) is a pair. The image is an array, HxWx3, RGB, uint8, with its EXIF
    orientation applied; HxW for `color` "gray", and for "unchanged" as it is stored (alpha and 16
    bits kept); with `decode` false its encoded bytes. The label is a float, or where a record has
    several a float32 array. With a `transform` it is what `transform(image, label)` returns: a
    function of a module, if workers are to be spawned.

    Records without an image (InsightFace's header record and ranges of identities) are left out.
    Several files, shards of a set for one, are one data set, in the order given. Order, `idx` and
    what is raised on opening are RecordReader's, `reader` here.

    Reading raises ImageError for an image that cannot be decoded, and HeaderError, CorruptError or
    TruncatedError for a damaged record; all name its file and key. IndexError behind the end.

    Threads and workers, forked or spawned, may share a data set, also after it was read from. In
    memory it is its index, 16 bytes a record, which forked workers share; it pickles as its paths.
    """

    def __init__(
        self,
        path: StrPath | Sequence[StrPath],
        idx: StrPath | Sequence[StrPath] | bool = True,
        *,
        decode: bool = True,
        color: Color = "rgb",
        transform: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        if color not in ("rgb", "gray", "unchanged"):
            raise ValueError(f"color {color!r}: it is rgb, gray or unchanged")
        if transform is not None and not callable(transform):
            raise TypeError(f"transform {transform!r}: it is a function of image and label")
        self.decode, self.color, self.transform = decode, color, transform
        self.reader = RecordReader(path, idx)
        self._positions = sample_positions(self.reader)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: SupportsIndex) -> Any:
        position = self._position(index)
        header, payload = read_sample(self.reader, position)
        label = header.label if isinstance(header.label, float) else np.array(header.label)
        image: Any = payload
        if self.decode:
            with named_errors(self.reader, position):
                image = decode_array(payload, self.color)
        return (image, label) if self.transform is None else self.transform(image, label)

    def record(self, index: SupportsIndex) -> tuple[IRHeader, bytes]:
        """Header and encoded image of a sample."""
        return read_sample(self.reader, self._position(index))

    def _position(self, index: SupportsIndex) -> int:
        at, size = operator.index(index), len(self._positions)
        if not -size <= at < size:
            raise IndexError(f"{self.reader.name}: sample {at} of {size}")
        return int(self._positions[at])

    @cached_property
    def labels(self) -> NDArray[np.float32]:
        """All labels, (samples,) or, where each sample has several, (samples, labels); read-only.

        Read from the headers alone. Raises HeaderError where samples differ in how many they have.
        """
        labels = self.reader.labels(as_array(self._positions))
        labels.flags.writeable = False
        return labels

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """The samples' keys, (samples,); read-only."""
        keys = part_of(self.reader.keys, self._positions)
        keys.flags.writeable = False
        return keys

    def close(self) -> None:
        """Closes the files. A second call does nothing."""
        self.reader.close()

    def __getstate__(self) -> dict[str, Any]:
        found = ("_positions", "labels", "keys")  # in the files, and will be again
        return {name: value for name, value in vars(self).items() if name not in found}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._positions = sample_positions(self.reader)

    def __repr__(self) -> str:
        return f"RecordDataset({self.reader.name!r}: {len(self)} images)"
