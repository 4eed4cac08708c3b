"""Where the pixels of a training image come from: steps of resizing, turning, padding and cutting.

The steps, their order and their roundings are MXNet's (image_aug_default.cc).
"""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..format import ImageError
from ..imaging import Fit
from ..imaging.recipe import actual_interp
from ..imaging.resizing import Warp

if TYPE_CHECKING:
    from ..imaging import Backend, Interp
    from .augmentation import Augmentation


class Resize(NamedTuple):
    width: int
    height: int
    interp: Interp


class Pad(NamedTuple):
    border: int

    def around(self, width: int, height: int) -> tuple[int, int]:
        """The size of an image of this one, padded."""
        return width + 2 * self.border, height + 2 * self.border


class Crop(NamedTuple):
    left: int
    top: int
    width: int
    height: int


Step = Resize | Warp | Pad | Crop

INTER_METHODS: dict[int, Interp] = {
    0: "nearest",
    1: "bilinear",
    2: "bicubic",
    3: "area",
    4: "lanczos",
    9: "auto",
}
"""MXNet's numbers."""

ANY = 10
"""Its number of any from 0 to 4, drawn for each image."""

_ATTEMPTS = 10
_CORNER = 0.5 - 1e-6
"""OpenCV's nearest neighbour is that of a pixel's first corner, not of its middle."""

_F = np.float32


def interp_of(method: int, old: tuple[int, int], new: tuple[int, int], draw: Random) -> Interp:
    """The interpolation of an `inter_method`, for these sizes (width, height)."""
    drawn = draw.randint(0, 4) if method == ANY else method
    return actual_interp(INTER_METHODS[drawn], old, new)


class Course:
    """The steps for one image of this size, as they are decided."""

    def __init__(self, aug: Augmentation, width: int, height: int, draw: Random) -> None:
        self.steps: list[Step] = []
        self.source = (width, height)
        self.width, self.height = width, height
        self._aug, self._draw = aug, draw
        if aug.resize > 0:
            self._resize_short(aug.resize)
        if aug.warps:
            self._warp()
        if aug.pad:
            width, height = Pad(aug.pad).around(self.width, self.height)
            self._add(Pad(aug.pad), width=width, height=height)
        if aug.random_resized_crop:
            done = self._random_resized_crop()
        else:
            done = aug.crop_sizes is not None and self._crop_of_size(*aug.crop_sizes)
        if not done and aug.force_resize:
            self._force()
        elif not done:
            self._enlarge()
            self._crop(self._aug.width, self._aug.height)

    def origin(self, backend: Backend = "pillow") -> Origin:
        """Where the result comes from; by this backend, which for OpenCV has ways of its own."""
        return origin_of(self.steps, *self.source, backend)

    def _add(self, step: Step, *, width: int, height: int) -> None:
        self.steps.append(step)
        self.width, self.height = width, height

    def _resize(self, width: int, height: int) -> None:
        new = (width, height)
        interp = interp_of(self._aug.inter_method, (self.width, self.height), new, self._draw)
        self._add(Resize(*new, interp), width=width, height=height)

    def _resize_short(self, length: int) -> None:
        if self.height > self.width:
            self._resize(length, length * self.height // self.width)
        else:
            self._resize(length * self.width // self.height, length)

    def _warp(self) -> None:
        """In float32 throughout: it decides sizes that are rounded down, and single pixels."""
        aug, draw = self._aug, self._draw
        shear = _F(draw.uniform(-aug.max_shear_ratio, aug.max_shear_ratio))
        angle = draw.randint(-aug.max_rotate_angle, aug.max_rotate_angle)
        if aug.rotate > 0:
            angle = aug.rotate
        scale = ratio = _F(1)
        if not aug.random_resized_crop:
            scale = _F(draw.uniform(aug.min_random_scale, aug.max_random_scale))
            ratio = _F(draw.uniform(*aug.aspect_ratios))
        cos, sin = _F(math.cos(math.radians(angle))), _F(math.sin(math.radians(angle)))
        high = _F(2) * scale / (_F(1) + ratio)
        wide = ratio * high
        a, b = high * cos - shear * sin * wide, high * sin + shear * cos * wide
        d, e = -sin * wide, cos * wide
        x, y = _F(self.width), _F(self.height)
        width, height = (
            max(_F(aug.min_img_size), min(_F(aug.max_img_size), scale * side)) for side in (x, y)
        )
        c, f = (width - (a * x + b * y)) / _F(2), (height - (d * x + e * y)) / _F(2)
        new = (int(width), int(height))
        if min(new) < 1:
            raise ImageError(f"{self.width}x{self.height} pixels, scaled by {scale:.3g}: none left")
        interp = interp_of(aug.inter_method, (self.width, self.height), new, draw)
        matrix = (float(a), float(b), float(c), float(d), float(e), float(f))
        self._add(Warp(matrix, *new, interp), width=new[0], height=new[1])

    def _random_resized_crop(self) -> bool:
        aug, draw = self._aug, self._draw
        areas, ratios = aug.areas, aug.aspect_ratios
        if areas == ratios == (1, 1):
            return False
        for _ in range(_ATTEMPTS):
            area = self.width * self.height * draw.uniform(*areas)
            ratio = draw.uniform(*ratios)
            height, width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if draw.random() > 0.5:
                width, height = height, width
            if 0 < height <= self.height and 0 < width <= self.width:
                left = draw.randint(0, self.width - width)
                top = draw.randint(0, self.height - height)
                self._add(Crop(left, top, width, height), width=width, height=height)
                self._resize(aug.width, aug.height)
                return True
        return False

    def _crop_of_size(self, smallest: int, largest: int) -> bool:
        if largest > min(self.width, self.height):
            raise ImageError(
                f"{self.width}x{self.height} pixels, smaller than max_crop_size {largest}"
            )
        side = self._draw.randint(smallest, largest)
        self._crop(side, side)
        self._resize(self._aug.width, self._aug.height)
        return True

    def _force(self) -> None:
        if (self.width, self.height) != (self._aug.width, self._aug.height):
            self._resize(self._aug.width, self._aug.height)

    def _enlarge(self) -> None:
        """Scales up an image that is smaller than the crop; the proportions stay.

        Sides are computed in float32, which decides whether one is rounded down.
        """
        wide, high = _F(self._aug.width), _F(self._aug.height)
        size, new = (self.width, self.height), (self._aug.width, self._aug.height)
        if size[0] >= new[0] and size[1] >= new[1]:
            return
        interp = interp_of(self._aug.inter_method, size, new, self._draw)
        if self.height < new[1]:
            width = max(1, int(high / _F(self.height) * _F(self.width)))
            self._add(Resize(width, new[1], interp), width=width, height=new[1])
        if self.width < new[0]:
            height = int(wide / _F(self.width) * _F(self.height))
            self._add(Resize(new[0], height, interp), width=new[0], height=height)
        if self.height < new[1]:  # rounded down
            self._add(Resize(*new, interp), width=new[0], height=new[1])

    def _crop(self, width: int, height: int) -> None:
        left, top = self.width - width, self.height - height
        if self._aug.rand_crop:
            left, top = self._draw.randint(0, left), self._draw.randint(0, top)
        else:
            left, top = left // 2, top // 2
        if (left, top, width, height) != (0, 0, self.width, self.height):
            self._add(Crop(left, top, width, height), width=width, height=height)


class Origin(NamedTuple):
    """Where all pixels of a result come from: its steps as one map.

    The point (x, y) of the result is (a x + b y + c, d x + e y + f) in the image that the steps
    began with; points, so that the first pixel's middle is (0.5, 0.5). Points of the result outside
    of `inside` (left, top, right, bottom) come from nowhere, whatever the map says of them; where b
    or d is not 0, so do those that come from outside of the image.
    """

    matrix: tuple[float, float, float, float, float, float]
    inside: tuple[float, float, float, float]
    source: tuple[int, int]
    size: tuple[int, int]


def origin_of(steps: list[Step], width: int, height: int, backend: Backend = "pillow") -> Origin:
    """The steps as one map, for an image of this size."""
    origin = Origin((1, 0, 0, 0, 1, 0), (0, 0, width, height), (width, height), (width, height))
    for step in steps:
        origin = _followed(origin, step, backend)
    return origin


def _followed(origin: Origin, step: Step, backend: Backend) -> Origin:
    width, height = origin.size
    left, top, right, bottom = origin.inside
    if isinstance(step, Warp):
        return _warped(origin, step)
    if isinstance(step, Crop):
        size, x, y = (step.width, step.height), step.left, step.top
        inside = (left - x, top - y, right - x, bottom - y)
        change: _Matrix = (1, 0, x, 0, 1, y)
    elif isinstance(step, Pad):
        size, x = step.around(width, height), step.border
        inside = (left + x, top + x, right + x, bottom + x)
        change = (1, 0, -x, 0, 1, -x)
    else:
        size = (step.width, step.height)
        across, down = width / step.width, height / step.height
        shift = 0.0
        if backend == "opencv" and step.interp == "nearest" and size != origin.size:
            shift = _CORNER
            left, top, right, bottom = (math.ceil(side - 0.5) for side in origin.inside)
        inside = (left / across, top / down, right / across, bottom / down)
        if shift:  # pixels are there or not, whatever becomes of them
            left, top, right, bottom = (math.ceil(side + shift - 0.5) for side in inside)
            inside = (left, top, right, bottom)
        change = (across, 0, -shift * across, 0, down, -shift * down)
    return Origin(_product(origin.matrix, change), inside, origin.source, size)


def _warped(origin: Origin, step: Warp) -> Origin:
    left, top, right, bottom = origin.inside
    a, b, c, d, e, f = change = _inverse(step.matrix)
    inside = (0.0, 0.0, float(step.width), float(step.height))
    if not b and not d:  # else the image's edges are slanting, and the matrix alone tells of them
        begin = (max(inside[0], (left - c) / a), max(inside[1], (top - f) / e))
        inside = (*begin, min(inside[2], (right - c) / a), min(inside[3], (bottom - f) / e))
    size = (step.width, step.height)
    return Origin(_product(origin.matrix, change), inside, origin.source, size)


_Matrix = tuple[float, float, float, float, float, float]


def _product(first: _Matrix, second: _Matrix) -> _Matrix:
    """The map that applies `second`, and to what comes of that `first`."""
    (a, b, c, d, e, f), (g, h, i, j, k, m) = first, second
    return (
        a * g + b * j, a * h + b * k, a * i + b * m + c,
        d * g + e * j, d * h + e * k, d * i + e * m + f,
    )  # fmt: skip


def _inverse(matrix: _Matrix) -> _Matrix:
    """From points to points: OpenCV's matrix is of pixels' numbers, half a pixel less."""
    a, b, c, d, e, f = matrix
    c, f = c + 0.5 - (a + b) / 2, f + 0.5 - (d + e) / 2
    area = a * e - b * d
    a, b, d, e = e / area, -b / area, -d / area, a / area
    return a, b, -(a * c + b * f), d, e, -(d * c + e * f)


def as_fit(steps: list[Step], width: int, height: int) -> Fit:
    """Steps of resizing and cutting as one: the part of the image that becomes all of the result.

    Resampling once is not the same as twice, but better.
    """
    (across, _, left, _, down, top), _, _, size = origin_of(steps, width, height)
    interps = [step.interp for step in steps if isinstance(step, Resize)]
    box = (left, top, left + size[0] * across, top + size[1] * down)
    return Fit(box, size, interps[-1] if interps else "bilinear")
