"""Where the pixels of a training image come from: steps of resizing, turning, padding and cutting.

The steps, their order and their roundings are MXNet's (image_aug_default.cc).
"""

from __future__ import annotations

import math
from random import Random

import numpy as np

from ...errors import ImageError
from ...imaging.options import Backend, Warp
from .affine import Origin, origin_of
from .options import Augmentation
from .steps import Crop, Pad, Resize, Step, interp_of

_ATTEMPTS = 10

_F = np.float32


class GeometryPlan:
    """Decides the steps for one image: resize, warp, pad, crop. Draws random ones from `draw`."""

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
            raise ImageError(
                f"{self.width}x{self.height} pixels, scaled by {scale:.3g}, leave no pixel"
            )
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
                f"the image has {self.width}x{self.height} pixels, less than max_crop_size"
                f" {largest}"
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
