"""Pictures of images with their boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray as Array
from PIL import Image, ImageDraw

from ....imaging.backends import load
from ..create import IMAGENET_MEAN, IMAGENET_STD, per_channel

Pixels = Array[np.uint8]

_INSIDE = 5  # from a box's corner to its name, as in MXNet


def as_pixels(image: Any, mean: Any, std: Any, clip: bool) -> Pixels:
    """An augmented image, RGB, as one that can be looked at, with what normalizing did undone.

    Without `clip` values beyond 255 begin again at 0.
    """
    values = np.asarray(image).astype(np.float64)
    mean, std = per_channel(mean, IMAGENET_MEAN), per_channel(std, IMAGENET_STD)
    if std is not None:
        values *= std
    if mean is not None:
        values += mean
    if clip:
        values = np.clip(values, 0, 255)
    return np.rint(values).astype(np.int64).astype(np.uint8)


def draw_boxes(
    pixels: Pixels,
    boxes: Any,
    color: Sequence[float] | None,
    thickness: int,
    names: Mapping[int, str] | None,
) -> Pixels:
    """A new picture, RGB, with the boxes of a class from 0.

    A `color` of None is drawn by numpy.random for each box. `thickness` is in pixels, half of them
    outside of the box; one below 0 fills it.
    """
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    outside = max(thickness, 0) // 2
    for box in np.asarray(boxes):
        if box[0] < 0:
            continue
        x, y = (box[1:5:2] * picture.width).astype(int), (box[2:5:2] * picture.height).astype(int)
        left, top = int(x.min()), int(y.min())
        ends = (left - outside, top - outside, int(x.max()) + outside, int(y.max()) + outside)
        chosen = np.random.rand(3)[::-1] * 255 if color is None else color
        ink = tuple(round(float(one)) for one in chosen)
        draw.rectangle(ends, ink if thickness < 0 else None, ink, max(thickness, 1))
        name = (names or {}).get(int(box[0]))
        if name is not None:
            draw.text((left + _INSIDE, top + _INSIDE), name, fill="white")
    return np.array(picture)


def show(window: str, picture: Any, milliseconds: int) -> None:
    """Shows a picture, BGR, in a window of OpenCV's, for so long; 0: until a key is pressed.

    Raises ImageError where OpenCV is not installed.
    """
    cv2 = load("opencv").cv2
    cv2.imshow(window, picture)
    cv2.waitKey(milliseconds)
