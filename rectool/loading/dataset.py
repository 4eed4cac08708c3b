"""A data set for training: images and labels by their positions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from ..errors import HeaderError, RecordError, StrPath
from ..format.boxes import Boxes, are_boxes, boxes_of, check_fractions
from ..format.reader import RecordReader
from ..imaging.arrays import decode_array
from ..imaging.options import Color
from .masks import Masks
from .samples import (
    as_array,
    check_files,
    check_max_pixels,
    named_errors,
    part_of,
    places_of,
    read_sample,
    sample_positions,
)

BoxUnit = Literal["normalized", "pixels"]


class RecordDataset:
    """The images of a `.rec` file, or of several, with their labels: what torch's DataLoader takes.

    `dataset[i]` (negative too) is a pair. The image is an array, HxWx3, RGB, uint8, with its EXIF
    orientation applied; HxW for `color` "gray", and for "unchanged" as it is stored (alpha and 16
    bits kept); with `decode` false its encoded bytes. The label is a float, or where a record has
    several a float32 array. With a `transform` it is what `transform(image, label)` returns: a
    function of a module, if workers are to be spawned.

    `masks` are the path, or paths, of the images' masks: a second file whose records have the same
    keys, ids and labels in the same order, and lossless images (PNG, say) of the images' size. A
    sample is then image, mask and label, and so is what the transform is called with. The mask is
    an array of numbers, HxW, uint8 or uint16, or HxWxC for several channels, turned as its image
    is; with `decode` false its encoded bytes. `idx` False goes for both files; else the masks'
    `.idx` is the one beside them.

    With `boxes` a label is the image's boxes in MXNet's detection layout, an array of [class, xmin,
    ymin, xmax, ymax, ...], float32, (boxes, 5 or more), also of none: "normalized" as they are
    stored, fractions of width and height, or in "pixels" of the decoded image.

    An image of more than `max_pixels` pixels is not decoded; by default of more than 178,956,970,
    or a fourth of that for a WebP or an AVIF.

    Records without an image (InsightFace's header record and ranges of identities) are left out.
    Several files, shards of a set for one, are one data set, in the order given; shards that are
    missing or in another order are warned of. Order, `idx` and what is raised on opening are
    RecordReader's, `reader` here; a file given twice raises RecordError.

    Opening also raises RecordError for masks whose keys are not the images', with the first
    difference. Reading raises ImageError for an image or mask that cannot be decoded, or a mask of
    another size; HeaderError, CorruptError or TruncatedError for a damaged record, and HeaderError
    for a mask with another id or label than its image, and for labels that are no boxes, or boxes
    in pixels; all name file and key. IndexError behind the end.

    Threads and workers, forked or spawned, may share a data set, also after it was read from. In
    memory it is its index, 16 bytes a record (and a mask), which forked workers share; it pickles
    as its paths.
    """

    def __init__(
        self,
        path: StrPath | Sequence[StrPath],
        idx: StrPath | Sequence[StrPath] | bool = True,
        *,
        masks: StrPath | Sequence[StrPath] | None = None,
        boxes: BoxUnit | None = None,
        decode: bool = True,
        color: Color = "rgb",
        max_pixels: int | None = None,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        if color not in ("rgb", "gray", "unchanged"):
            raise ValueError(f"color {color!r}: it is rgb, gray or unchanged")
        if transform is not None and not callable(transform):
            raise TypeError(f"transform {transform!r}: it is a function of image and label")
        if boxes not in (None, "normalized", "pixels"):
            raise ValueError(f"boxes {boxes!r}: they are normalized or pixels")
        if boxes == "pixels" and not decode:
            raise ValueError("boxes in pixels are of the decoded image, and decode is false")
        self.decode, self.color, self.transform, self.boxes = decode, color, transform, boxes
        self.max_pixels = check_max_pixels(max_pixels)
        self.reader = RecordReader(path, idx)
        check_files(self.reader)
        self._masks = None if masks is None else Masks(self.reader, masks, idx is not False)
        self._positions = sample_positions(self.reader)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: SupportsIndex) -> Any:
        position = self._position(index)
        header, payload = read_sample(self.reader, position)
        image: Any = payload
        label: Any = header.label if isinstance(header.label, float) else np.array(header.label)
        if self.decode or self.boxes is not None:
            with named_errors(self.reader, position):
                image = (
                    decode_array(payload, self.color, self.max_pixels) if self.decode else payload
                )
                label = label if self.boxes is None else self._boxes_of(label, image)
        sample: tuple[Any, ...] = (image, label)
        if self._masks is not None and self.decode:
            size = (image.shape[1], image.shape[0])
            sample = (image, self._masks.decoded(position, header, payload, size), label)
        elif self._masks is not None:
            sample = (image, self._masks.encoded(position, header), label)
        return sample if self.transform is None else self.transform(*sample)

    def _boxes_of(self, labels: Any, image: Any) -> Boxes:
        boxes = boxes_of(labels)
        check_fractions(boxes)
        if self.boxes == "pixels":
            boxes[:, [1, 3]] *= image.shape[1]
            boxes[:, [2, 4]] *= image.shape[0]
        return boxes

    def record(self, index: SupportsIndex) -> tuple[Any, ...]:
        """Header and encoded image of a sample; with masks also the encoded mask."""
        position = self._position(index)
        header, payload = read_sample(self.reader, position)
        if self._masks is None:
            return header, payload
        return header, payload, self._masks.encoded(position, header)

    def _position(self, index: SupportsIndex) -> int:
        at, size = operator.index(index), len(self._positions)
        if not -size <= at < size:
            raise IndexError(f"{self.reader.name}: sample {at} of {size}")
        return int(self._positions[at])

    @cached_property
    def labels(self) -> NDArray[np.float32]:
        """All labels, (samples,) or, where each sample has several, (samples, labels); read-only.

        Read from the headers alone, and as they are stored: boxes too. Raises HeaderError where
        samples differ in how many they have.
        """
        try:
            labels = self.reader.labels(as_array(self._positions))
        except HeaderError as error:
            if error.offset is None:  # of no record by itself
                header, _ = read_sample(self.reader, self._position(0))
                if are_boxes(header.label):
                    hint = "dataset[i] of RecordDataset(boxes=...) gives them"
                    raise error.located(suffix=f"; they look like boxes: {hint}") from None
            raise
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
        if self._masks is not None:
            self._masks.close()

    def __getstate__(self) -> dict[str, Any]:
        found = ("_positions", "labels", "keys")  # in the files, and will be again
        state = {name: value for name, value in vars(self).items() if name not in found}
        return {**state, "places": places_of(self.reader)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        places = state.pop("places")
        self.__dict__.update(state)
        if places != places_of(self.reader):
            raise RecordError(
                "the file was replaced since the data set was pickled; open it anew",
                path=self.reader.name,
            )
        self._positions = sample_positions(self.reader)

    def __repr__(self) -> str:
        masks = f", masks of {self._masks.reader.name!r}" if self._masks else ""
        return f"RecordDataset({self.reader.name!r}: {len(self)} images{masks})"
