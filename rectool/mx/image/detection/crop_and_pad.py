"""Random crops and pads of images with boxes.

Draws, and their order, are MXNet's, and so are roundings, down to those of float32: the same seed
gives the same regions and boxes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray as Array

from ....format.boxes import Boxes
from ...nd import NDArray
from ..geometry import copyMakeBorder, fixed_crop
from .augmenters import DetAugmenter, as_boxes

Range = float | Sequence[float]
Region = tuple[int, int, int, int]
"""x, y, width, height, in pixels."""


def spread(given: Any) -> Sequence[float]:
    """A number as the only one of a list; a sequence as it is."""
    return given if np.ndim(given) else [given]


def _range(given: Range, name: str, most: float) -> Sequence[float]:
    """Raises ValueError unless both ends are in order and the upper one is above `most`."""
    ends = spread(given)
    if len(ends) == 1:
        ends = (ends[0], ends[0])
    if len(ends) != 2 or not 0 <= ends[0] <= ends[1] or ends[1] <= most:
        raise ValueError(
            f"{name} must be two numbers in order, up to above {most:g}, got {given!r}"
        )
    return ends


def _ratios(given: Range) -> Sequence[float]:
    ends = _range(given, "aspect_ratio_range", 0)
    if ends[0] <= 0:
        raise ValueError(f"aspect_ratio_range, width to height, must be above 0, got {given!r}")
    return ends


def _areas(low: Array[Any], high: Array[Any]) -> Array[Any]:
    """Of boxes from their left upper and right lower corners; 0 where they are the other way."""
    sides = np.maximum(high - low, 0)
    areas: Array[Any] = sides[:, 0] * sides[:, 1]
    return areas


class DetRandomCropAug(DetAugmenter):
    """A random part of the image, and what of the boxes is in it.

    Its share of the image's area is from `area_range`, its width to height from
    `aspect_ratio_range`; each is a pair, or one number. Of each box that it touches it has more
    than the share `min_object_covered`, and it touches one at least; boxes of which it has no more
    than `min_eject_coverage` are left out, but one stays. After `max_attempts` draws without such a
    part, and so for an image without boxes, image and boxes stay as they are.

    Raises ValueError for ranges of nothing.
    """

    def __init__(
        self,
        min_object_covered: float = 0.1,
        aspect_ratio_range: Range = (0.75, 1.33),
        area_range: Range = (0.05, 1.0),
        min_eject_coverage: float = 0.3,
        max_attempts: int = 50,
    ) -> None:
        self.min_object_covered = min_object_covered
        self.aspect_ratio_range = _ratios(aspect_ratio_range)
        self.area_range = _range(area_range, "area_range", 0)
        self.min_eject_coverage = min_eject_coverage
        self.max_attempts = max_attempts
        super().__init__(
            min_object_covered=min_object_covered,
            aspect_ratio_range=self.aspect_ratio_range,
            area_range=self.area_range,
            min_eject_coverage=min_eject_coverage,
            max_attempts=max_attempts,
        )

    def __call__(self, src: NDArray, label: Any) -> tuple[NDArray, Any]:
        boxes = as_boxes(label)
        height, width = src.shape[:2]
        sizes = _areas(boxes[:, 1:3], boxes[:, 3:5])
        seen = sizes * width * height > 2  # smaller ones have no say
        corners, seen_sizes = boxes[seen, 1:5], sizes[seen]
        for region in self._regions(width, height):
            x, y, w, h = region
            if w * h < 2 or not len(corners):
                continue
            ends = np.array((x / width, y / height, (x + w) / width, (y + h) / height), boxes.dtype)
            if self._covers(ends, corners, seen_sizes):
                kept = self._cut(boxes, sizes, (x / width, y / height, w / width, h / height))
                if len(kept):
                    return fixed_crop(src, *region), kept
        return src, label

    def _regions(self, width: int, height: int) -> Iterator[Region]:
        """Parts of an image as they are drawn."""
        least, most = (share * height * width for share in self.area_range)
        for _ in range(self.max_attempts):
            ratio = random.uniform(*self.aspect_ratio_range)
            highest = round(math.sqrt(most / ratio))
            if round(highest * ratio) > width:
                highest = int((width + 0.4999999) / ratio)
            highest = min(highest, height)
            h = min(round(math.sqrt(least / ratio)), highest)
            if h < highest:
                h = random.randint(h, highest)
            w = round(h * ratio)
            if w * h < least:  # by rounding
                h += 1
                w = round(h * ratio)
            if w * h > most:
                h -= 1
                w = round(h * ratio)
            if least <= w * h <= most and w <= width and h <= height:
                y = random.randint(0, height - h)
                yield random.randint(0, width - w), y, w, h

    def _covers(self, ends: Array[Any], corners: Array[Any], sizes: Array[Any]) -> bool:
        low = np.maximum(corners[:, :2], ends[:2])
        high = np.minimum(corners[:, 2:], ends[2:])
        shares = _areas(low, high) / sizes
        touched = shares[shares > 0]
        return len(touched) > 0 and float(touched.min()) > self.min_object_covered

    def _cut(self, boxes: Boxes, sizes: Array[Any], part: tuple[float, ...]) -> Boxes:
        """The boxes of a part (x, y, width, height, as fractions) that are left, in its terms."""
        x, y, w, h = part
        cut: Boxes = boxes.copy()
        ends = (boxes[:, 1:5] - np.array((x, y, x, y), boxes.dtype)) / np.array(
            (w, h, w, h), boxes.dtype
        )
        cut[:, 1:5] = np.clip(ends, 0, 1)
        with np.errstate(divide="ignore", invalid="ignore"):  # a box of no area covers nothing
            shares = _areas(cut[:, 1:3], cut[:, 3:5]) * w * h / sizes
        left = (cut[:, 3:5] > cut[:, 1:3]).all(axis=1) & (shares > float(self.min_eject_coverage))
        kept: Boxes = cut[left]
        return kept


class DetRandomPadAug(DetAugmenter):
    """The image somewhere on a larger one, of the colour `pad_val`: three numbers, or one for all.

    The larger image's area in terms of the image's own is from `area_range`, its width to height
    from `aspect_ratio_range`; each is a pair, or one number. It is larger by two pixels at least,
    in both directions. After `max_attempts` draws without such a one, image and boxes stay as they
    are.

    Raises ValueError for ranges of nothing.
    """

    def __init__(
        self,
        aspect_ratio_range: Range = (0.75, 1.33),
        area_range: Range = (1.0, 3.0),
        max_attempts: int = 50,
        pad_val: Range = (128, 128, 128),
    ) -> None:
        self.aspect_ratio_range = _ratios(aspect_ratio_range)
        self.area_range = _range(area_range, "area_range", 1)
        self.max_attempts = max_attempts
        self.pad_val = pad_val
        super().__init__(
            aspect_ratio_range=self.aspect_ratio_range,
            area_range=self.area_range,
            max_attempts=max_attempts,
            pad_val=pad_val,
        )

    def __call__(self, src: NDArray, label: Any) -> tuple[NDArray, Any]:
        height, width, channels = src.shape
        region = self._region(width, height)
        if region is None:
            return src, label
        x, y, w, h = region
        boxes = as_boxes(label).copy()
        sides, shift, scale = np.array(((width, height) * 2, (x, y) * 2, (w, h) * 2), boxes.dtype)
        boxes[:, 1:5] = (boxes[:, 1:5] * sides + shift) / scale
        colour = spread(self.pad_val)
        if len(colour) == 1:
            colour = [colour[0]] * channels
        below, right = h - y - height, w - x - width
        return copyMakeBorder(src, y, below, x, right, values=colour), boxes

    def _region(self, width: int, height: int) -> Region | None:
        """Where the image lies on the larger one, and that one's size."""
        least, most = (share * height * width for share in self.area_range)
        for _ in range(self.max_attempts):
            ratio = random.uniform(*self.aspect_ratio_range)
            lowest = round(math.sqrt(least / ratio))
            highest = round(math.sqrt(most / ratio))
            if round(lowest * ratio) < width:
                lowest = int((width + 0.499999) / ratio)
            h = min(max(lowest, height), highest)
            if h < highest:
                h = random.randint(h, highest)
            w = round(h * ratio)
            if h - height >= 2 and w - width >= 2:
                y = random.randint(0, h - height)
                return random.randint(0, w - width), y, w, h
        return None
