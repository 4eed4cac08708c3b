"""Turning images: `imrotate` and `random_rotate`. These are CxHxW, or NxCxHxW, float32."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray as Array

from ..nd import NDArray


def imrotate(
    src: Any, rotation_degrees: Any, zoom_in: bool = False, zoom_out: bool = False
) -> NDArray:
    """The image turned about its middle, bilinear, of the same size; 0 where it has nothing.

    `rotation_degrees` is a number, or for several images an array with a number for each. With
    `zoom_in` the image is enlarged so far that nothing is 0, with `zoom_out` made so small that
    nothing is cut off. Raises TypeError for other dtypes and for several angles of one image,
    ValueError for both zooms and other shapes.
    """
    images = np.asarray(src)
    if zoom_in and zoom_out:
        raise ValueError("imrotate takes zoom_in or zoom_out, not both")
    if images.dtype != np.float32:
        raise TypeError(f"imrotate requires float32, got {images.dtype}")
    if images.ndim not in (3, 4):
        raise ValueError(f"imrotate requires CxHxW or NxCxHxW, got shape {images.shape}")
    is_number = isinstance(rotation_degrees, Number)
    if images.ndim == 3:
        if not is_number:
            raise TypeError("imrotate requires one number for one image, got several")
        return _turned(images, rotation_degrees, zoom_in, zoom_out).view(NDArray)
    angles = [rotation_degrees] * len(images) if is_number else np.asarray(rotation_degrees)
    if len(angles) != len(images):
        raise ValueError(f"imrotate requires {len(images)} angles, got {len(angles)}")
    turned = [
        _turned(image, angle, zoom_in, zoom_out)
        for image, angle in zip(images, angles, strict=True)
    ]
    return np.array(turned, np.float32).view(NDArray)


def random_rotate(
    src: Any, angle_limits: Any, zoom_in: bool = False, zoom_out: bool = False
) -> NDArray:
    """`imrotate` by an angle between these two, for each image one, by numpy.random."""
    low, high = angle_limits
    single = src.ndim == 3
    angles = np.random.uniform(low, high) if single else np.random.uniform(low, high, len(src))
    return imrotate(src, angles, zoom_in, zoom_out)


def _turned(
    planes: Array[np.float32], degrees: Any, zoom_in: bool, zoom_out: bool
) -> Array[np.float32]:
    height, width = planes.shape[1:]
    angle = np.radians(float(degrees))
    scale = _scale(height, width, abs(angle), zoom_in, zoom_out)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    across, down = np.arange(width)[None, :] - middle_x, np.arange(height)[:, None] - middle_y
    x = (across * np.cos(angle) - down * np.sin(angle)) * scale + middle_x
    y = (across * np.sin(angle) + down * np.cos(angle)) * scale + middle_y
    return _sampled(planes, x.astype(np.float32), y.astype(np.float32))


def _scale(height: int, width: int, angle: float, zoom_in: bool, zoom_out: bool) -> float:
    """How many pixels of the image a pixel of the result stands for."""
    if not zoom_in and not zoom_out:
        return 1.0
    wide = width * abs(np.cos(angle)) + height * abs(np.sin(angle))
    high = height * abs(np.cos(angle)) + width * abs(np.sin(angle))
    if zoom_out:
        return float(max(wide / width, high / height))
    return float(min(width / wide, height / high))


def _sampled(
    planes: Array[np.float32], x: Array[np.float32], y: Array[np.float32]
) -> Array[np.float32]:
    """What is at these places between pixels, of the four around each as far as there are."""
    height, width = planes.shape[1:]
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    found = np.zeros((len(planes), *x.shape), np.float32)
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        weight = (1 - np.abs(x - column)) * (1 - np.abs(y - row)) * inside
        found += planes[:, row.clip(0, height - 1), column.clip(0, width - 1)] * weight.astype(
            np.float32
        )
    return found
