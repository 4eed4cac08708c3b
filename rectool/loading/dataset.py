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
from ..format.header import unpack
from ..format.reader import RecordReader
from ..imaging.array_decoding import decode_array
from ..imaging.options import Color
from .masks import MaskReader
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
    """The images of record files with their labels: a data set for PyTorch's DataLoader.

    `dataset[i]` is (image, label), or (image, mask, label) where there are masks; `dataset[a:b]` is
    a list of samples. Records without an image, such as those that InsightFace keeps for its
    identities, are left out.

    Threads and workers, forked or spawned, may share a data set. Its memory is the index: 16 bytes
    a record, which forked workers share. It pickles as its paths.

    Args:
        path: The `.rec` file, or several, which are read as one data set in the order given.
            Opening warns of missing shards and of shards in another order.
        idx: The path of each `.idx`; True takes the one beside the `.rec`, if there is one; False
            takes none.
        masks: The `.rec` files of the images' masks. Their records have the same keys, ids and
            labels in the same order.
        boxes: What a label is: None for the numbers as they are stored; "normalized" for boxes in
            MXNet's detection layout, float32, (boxes, 5 or more), each row [class, xmin, ymin,
            xmax, ymax, ...] in fractions of the image's width and height; "pixels" for the same in
            pixels of the decoded image.
        decode: Whether images and masks are decoded. False gives their encoded bytes.
        color: "rgb": uint8, HxWx3. "gray": uint8, HxW. "unchanged": as it is stored, with alpha
            and 16 bits. The EXIF orientation is applied.
        max_pixels: The most pixels that an image may have. Default: 178,956,970, or a fourth of
            that for WebP and AVIF.
        label_type: What the label of a record with one label is. int: a whole number, as that of a
            class; PyTorch collates it to int64. float: a float. None: int if the labels of 1,000
            samples, spread over the data set, are whole numbers.
        transform: A function of (image, label) or (image, mask, label); the sample is what it
            returns. Spawned workers need a function of a module.

    The label of a record with several labels is a float32 array. A mask is uint8 or uint16, HxW, or
    HxWxC for several channels.

    Raises:
        OSError: A file cannot be read.
        RecordError: Opening: the files are damaged, given twice, or the masks are not of these
            images. Reading: ImageError for an image or mask that cannot be decoded, HeaderError for
            a label that is not what `label_type` or `boxes` says, CorruptError or TruncatedError
            for a damaged record, each with file and key.
        IndexError: There is no such sample.

    Example:
        >>> dataset = RecordDataset("out.rec")
        >>> image, label = dataset[0]
        >>> image.shape, label
        ((137, 160, 3), 2)
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
        label_type: type[int] | type[float] | None = None,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        if color not in ("rgb", "gray", "unchanged"):
            raise ValueError(f"color must be rgb, gray or unchanged, got {color!r}")
        if transform is not None and not callable(transform):
            raise TypeError(f"transform must be a function of image and label, got {transform!r}")
        if boxes not in (None, "normalized", "pixels"):
            raise ValueError(f"boxes must be normalized or pixels, got {boxes!r}")
        if boxes == "pixels" and not decode:
            raise ValueError('boxes="pixels" requires decode=True')
        if label_type not in (None, int, float):
            raise ValueError(f"label_type must be int, float or None, got {label_type!r}")
        self.decode, self.color, self.transform, self.boxes = decode, color, transform, boxes
        self._label_type = label_type
        self.max_pixels = check_max_pixels(max_pixels)
        self.reader = RecordReader(path, idx)
        check_files(self.reader)
        self._masks = None if masks is None else MaskReader(self.reader, masks, idx is not False)
        self._positions = sample_positions(self.reader)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(len(self))[index]]
        position = self._position(index)
        header, payload = read_sample(self.reader, position)
        image: Any = payload
        with named_errors(self.reader, position):
            if self.decode:
                image = decode_array(payload, self.color, self.max_pixels)
            label = self._label_of(header.label, image)
        sample: tuple[Any, ...] = (image, label)
        if self._masks is not None and self.decode:
            size = (image.shape[1], image.shape[0])
            sample = (image, self._masks.decoded(position, header, payload, size), label)
        elif self._masks is not None:
            sample = (image, self._masks.encoded(position, header), label)
        return sample if self.transform is None else self.transform(*sample)

    def _label_of(self, stored: Any, image: Any) -> Any:
        if self.boxes is not None:
            return self._boxes_of(stored, image)
        if not isinstance(stored, float):
            return np.array(stored)
        if (self._label_type or self._seen_label_type) is float:
            return stored
        if not stored.is_integer():
            raise HeaderError(
                f"label {stored} is not a whole number, though others are; give label_type=float"
            )
        return int(stored)

    @cached_property
    def _seen_label_type(self) -> type[int] | type[float]:
        """The type that fits 1,000 labels, spread over the data set: to read all takes long."""
        size = len(self._positions)
        spread = as_array(self._positions)[:: max(1, size // 1000)]
        for position in spread.tolist():
            try:
                label = unpack(self.reader.view(position))[0].label
            except RecordError:
                continue
            if isinstance(label, float) and not label.is_integer():
                return float
        return int

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
            raise IndexError(f"{self.reader.name}: there are {size} samples, got the index {at}")
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
        found = (
            "_positions",
            "_seen_label_type",
            "labels",
            "keys",
        )  # in the files, and will be again
        state = {name: value for name, value in vars(self).items() if name not in found}
        return {**state, "places": places_of(self.reader)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        places = state.pop("places")
        self.__dict__.update(state)
        if places != places_of(self.reader):
            raise RecordError(
                "the file was replaced after the data set was pickled; open the data set again",
                path=self.reader.name,
            )
        self._positions = sample_positions(self.reader)

    def __repr__(self) -> str:
        masks = f", masks of {self._masks.reader.name!r}" if self._masks else ""
        return f"RecordDataset({self.reader.name!r}: {len(self)} images{masks})"
