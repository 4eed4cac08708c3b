"""Where pixels come from: the steps of a geometry as one affine map."""

from __future__ import annotations

import math
from typing import NamedTuple

from ...imaging.options import Backend, Fit, Warp
from .steps import Crop, Pad, Resize, Step

_CORNER = 0.5 - 1e-6
"""OpenCV's nearest neighbour is that of a pixel's first corner, not of its middle."""


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
