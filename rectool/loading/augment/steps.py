"""The steps that a geometry is made of."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from ...imaging.options import Interp, Warp, actual_interp


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


def interp_of(method: int, old: tuple[int, int], new: tuple[int, int], draw: Random) -> Interp:
    """The interpolation of an `inter_method`, for these sizes (width, height)."""
    drawn = draw.randint(0, 4) if method == ANY else method
    return actual_interp(INTER_METHODS[drawn], old, new)
