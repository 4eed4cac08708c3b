"""How a batch is made: which samples it holds, and each of them read, decoded and augmented."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, RecordError, plural
from ..format.reader import RecordReader
from ..imaging.array_decoding import decode_array
from ..imaging.backends import load
from ..imaging.options import Backend, Color, Fit
from ..imaging.resizing import pad_array, resize_array, warp_array
from .augment.affine import as_fit
from .augment.geometry import GeometryPlan
from .augment.options import Augmentation
from .augment.steps import Crop, Pad, Resize, Step
from .batch_buffers import RawBatch
from .labels import BatchLabels
from .masks import MaskRows
from .samples import named_errors, read_sample

_MOST_SKIPPED = 1000
"""Of so many bad samples in a row the last one's error is raised: each row of each batch would go
through all of a set that is bad throughout."""

_COLORS: dict[int, Color] = {1: "gray", 3: "rgb", 4: "unchanged"}


class SampleLoader:
    """Makes batches of an epoch's samples, each in the same way whichever thread makes it."""

    def __init__(
        self,
        reader: RecordReader,
        augmentation: Augmentation,
        labels: BatchLabels,
        masks: MaskRows | None,
        *,
        backend: Backend,
        seed: int,
        origin: int,
        skip: bool,
        max_pixels: int | None,
    ) -> None:
        self._reader, self._aug = reader, augmentation
        self._labels, self._masks = labels, masks
        self._backend, self._skip, self._max_pixels = backend, skip, max_pixels
        self._seed, self._origin = seed, origin  # where this part begins in the order of all
        self._color = _COLORS[augmentation.channels]
        # Pillow resizes what the crop needs, and no more, of an image that it has decoded small
        self._fuses = backend != "opencv" and augmentation.resamples
        self._fuses = self._fuses and not (augmentation.pad or augmentation.warps)
        self._library = load(backend)
        self.skipped: dict[int, RecordError] = {}

    def fill(self, batch: RawBatch, row: int) -> None:
        """Makes the sample of a row. A bad one raises, or the next good one takes its place."""
        count = min(len(batch.order), _MOST_SKIPPED) if self._skip else 1
        for further in range(count):
            place = batch.first + row + further
            position = batch.order.item(place % len(batch.order))
            try:
                self._fill(batch, row, position)
                break
            except RecordError as error:
                if further + 1 == count:
                    raise
                # a copy: the error itself keeps the frames that it came through, and so the batch
                self.skipped[self._reader.keys.item(position)] = copy.copy(error)

    def _fill(self, batch: RawBatch, row: int, position: int) -> None:
        place = self._origin + batch.first + row
        draw = Random(self._seed << 128 | batch.epoch << 64 | place)  # noqa: S311 - no secret
        header, payload = read_sample(self._reader, position)
        with named_errors(self._reader, position):
            labels = self._labels.read(header)
            image, plan = self._image(payload, draw)
        masks, mask = self._masks, None
        if masks is not None:
            mask = masks.read(position, header, payload, plan)
        if self._aug.colours:
            image = self._aug.recolour(image, draw)
        mirrored = self._aug.mirrors(draw)
        self._aug.put(image, batch.data[row], draw, mirrored=mirrored)
        self._labels.put(labels, batch.label, row, plan, mirrored=mirrored)
        if masks is not None:
            masks.put(mask, batch.mask, row, plan, mirrored=mirrored)
        batch.index[row] = self._reader.keys[position]

    def _image(self, payload: bytes, draw: Random) -> tuple[NDArray[Any], GeometryPlan]:
        """The decoded image, of the size of data_shape, and what made it so."""
        if self._fuses:
            return self._fused(payload, draw)
        image = self._checked(decode_array(payload, self._color, self._max_pixels))
        plan = GeometryPlan(self._aug, image.shape[1], image.shape[0], draw)
        for step in plan.steps:
            image = self._step(image, step)
        return image, plan

    def _fused(self, payload: bytes, draw: Random) -> tuple[NDArray[Any], GeometryPlan]:
        plans: list[GeometryPlan] = []

        def fit(width: int, height: int) -> Fit:
            plans.append(GeometryPlan(self._aug, width, height, draw))
            return as_fit(plans[0].steps, width, height)

        image = np.asarray(
            self._library.cut(payload, self._color, fit, max_pixels=self._max_pixels)
        )
        return self._checked(image), plans[0]

    def _checked(self, image: NDArray[Any]) -> NDArray[Any]:
        channels = 1 if image.ndim == 2 else image.shape[2]
        if channels != self._aug.channels or image.dtype != np.uint8:
            raise ImageError(
                f"the image has {plural(channels, 'channel')} of {image.dtype}, and data_shape"
                f" requires {self._aug.channels} of uint8"
            )
        return image

    def _step(self, image: NDArray[Any], step: Step) -> NDArray[Any]:
        if isinstance(step, Crop):
            return image[step.top : step.top + step.height, step.left : step.left + step.width]
        if isinstance(step, Pad):
            return pad_array(image, step.border, self._aug.fill_value)
        if isinstance(step, Resize):
            return resize_array(image, (step.width, step.height), step.interp, self._backend)
        return warp_array(image, step, self._aug.fill_value, self._backend)
