"""Arrays of pixels, resized and turned by each backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from .backends import load
from .options import (
    INTERPS,
    Backend,
    Interp,
    Size,
    Warp,
    actual_interp,
    check_backend,
    check_pixels,
)


def resize_array(
    array: NDArray[Any], size: Size, interp: Interp = "bilinear", backend: Backend = "pillow"
) -> NDArray[Any]:
    """A new array of `size` (width, height), with the dtype and the number of axes of `array`.

    `array` is HxW, or HxWxC of 1, 3 or 4 channels, uint8 or float32. Pillow's are antialiased, all
    but "nearest", "area" is its box there, and the fourth channel of uint8 is taken for alpha: what
    is transparent counts for nothing. Those of "fast" are at most 1 of 255 from Pillow's. OpenCV's
    are cv2.resize's, every bit of them. "auto" is as in Reencode.

    Raises ImageError for other arrays, for a result of more pixels than are ever decoded, and where
    the backend's packages are not installed; ValueError for a size below 1 and what a backend does
    not have.
    """
    check_backend(backend)
    if interp != "area" and interp not in INTERPS[backend]:
        raise ValueError(f"{backend} has no interp {interp}, but {', '.join(INTERPS[backend])}")
    if min(size) < 1:
        raise ValueError(f"no image has {size[0]}x{size[1]} pixels")
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)) or not array.size:
        raise ImageError(f"an array of shape {array.shape} is no image that can be resized")
    if array.dtype not in (np.uint8, np.float32):
        raise ImageError(f"{array.dtype} pixels are not resized, but uint8 and float32")
    check_pixels(size)
    old = (array.shape[1], array.shape[0])
    if size == old:
        return np.array(array)
    resized: NDArray[Any] = load(backend).resize(array, size, actual_interp(interp, old, size))
    return resized.reshape(size[1], size[0], *array.shape[2:])


def warp_array(array: NDArray[Any], map_: Warp, fill: int, backend: Backend) -> NDArray[Any]:
    """A new array, mapped, what nothing comes to lie on filled with `fill`, its alpha with 0.

    `array` is HxW or HxWx3 or 4, uint8. OpenCV's are cv2.warpAffine's; Pillow has nearest, bilinear
    and bicubic, and takes bilinear for the others. Raises ImageError as `resize_array` does.
    """
    check_pixels((map_.width, map_.height))
    warped: NDArray[Any] = load(backend).warp(array, map_, fill)
    return warped


def pad_array(array: NDArray[Any], border: int, fill: int) -> NDArray[Any]:
    """A new array, `border` pixels of `fill` around it, their alpha 0. `array` is as above."""
    height, width = array.shape[0] + 2 * border, array.shape[1] + 2 * border
    check_pixels((width, height))
    padded = np.full((height, width, *array.shape[2:]), fill, array.dtype)
    if array.shape[2:] == (4,):
        padded[..., 3] = 0
    padded[border:-border, border:-border] = array
    return padded
