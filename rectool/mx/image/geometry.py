"""Resizing, cutting and padding. Sizes are (width, height); images are HxWxC."""

from __future__ import annotations

import operator
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...imaging.backends import load
from ...imaging.options import Backend, Interp, check_backend
from ...imaging.resizing import resize_array
from ...loading.augment.steps import ANY, INTER_METHODS
from ..nd import NDArray
from .decode import fill

Size = Sequence[int]
Area = tuple[int, int, int, int]

_ATTEMPTS = 10
_AUTO = 9
_AT_ONCE = (0, 1, 3, 4)
"""Numbers of channels that resize_array takes, or refuses."""

_backend: Backend = "pillow"


def set_backend(backend: Backend) -> None:
    """Which library resizes from now on, in this process: "pillow" (the default), "fast", "opencv".

    Pillow's results are antialiased; "fast" has them in less time, at most 1 of 255 apart. OpenCV's
    are cv2.resize's: of uint8 those of MXNet, bit for bit, but for bicubic ones (code 2), where a
    value may differ by 1 from one build of OpenCV to another. mx.io.ImageRecordIter takes it for
    its default, too. A spawned process begins with "pillow": call this where it runs as well, at
    the top of the main module.

    Raises ImageError where its packages are not installed, ValueError for another name.
    """
    global _backend  # noqa: PLW0603 - it is a setting of the process
    check_backend(backend)
    load(backend)
    _backend = backend


def get_backend() -> Backend:
    return _backend


def imresize(src: Any, w: int, h: int, interp: int = 1, out: NDArray | None = None) -> NDArray:
    """The image with `w` x `h` pixels: uint8 or float32, as `src` is, of any number of channels.

    `interp`, here and everywhere: 0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos; 9 is bicubic
    where both edges grow, area where both shrink, else bilinear; 10 is any of the first five. The
    result is put into `out` where that is given. Raises ValueError for other codes and sizes below
    1, and ImageError for an array that is no such image.
    """
    size = operator.index(w), operator.index(h)
    array, method = np.asarray(src), _interp(interp)
    if array.ndim == 3 and array.shape[2] not in _AT_ONCE:
        planes = [
            resize_array(array[:, :, at], size, method, _backend) for at in range(array.shape[2])
        ]
        resized = np.stack(planes, 2)
    else:
        resized = resize_array(array, size, method, _backend)
    return resized.view(NDArray) if out is None else fill(out, resized)


def _interp(code: int) -> Interp:
    if code == ANY:
        code = random.randint(0, 4)
    if code not in INTER_METHODS:
        raise ValueError(f"interp must be 0 to 4, 9 or {ANY}, got {code!r}")
    return INTER_METHODS[code]


def _get_interp_method(interp: int, sizes: Sequence[int] = ()) -> int:
    """The method, 0 to 4, that 9 and 10 mean for (old height, width, new height, width)."""
    if interp == _AUTO:
        old_height, old_width, height, width = sizes or (1, 1, 2, 2)
        grows = (height > old_height) + (width > old_width)
        shrinks = (height < old_height) + (width < old_width)
        return 2 if grows == 2 else 3 if shrinks == 2 else 1
    if interp == ANY:
        return random.randint(0, 4)
    _interp(interp)
    return interp


def resize_short(src: Any, size: int, interp: int = 2) -> NDArray:
    """The image with a shorter edge of `size`, the longer one in proportion, rounded down."""
    height, width = src.shape[:2]
    if height > width:
        return imresize(src, size, size * height // width, interp)
    return imresize(src, size * width // height, size, interp)


def fixed_crop(
    src: Any, x0: int, y0: int, w: int, h: int, size: Size | None = None, interp: int = 2
) -> NDArray:
    """The part of `w` x `h` pixels whose left upper one is (x0, y0), scaled to `size` if given.

    What lies beyond the right and lower edge is left out. Raises ValueError where nothing is left,
    or the part begins outside of the image.
    """
    part = np.asarray(src)[y0 : y0 + h, x0 : x0 + w] if min(x0, y0) >= 0 else np.empty(0)
    if not part.size:
        raise ValueError(f"no part of {w}x{h} pixels at ({x0}, {y0}) in {src.shape}")
    if size is not None and (w, h) != tuple(size):
        return imresize(part, size[0], size[1], interp)
    return np.array(part).view(NDArray)


def scale_down(src_size: Size, size: Size) -> tuple[int, int]:
    """The size with the proportions of `size` that fits into `src_size`: `size` itself if it does.

    Fractions are cut off.
    """
    width, height = size
    max_width, max_height = src_size
    wide, high = float(width), float(height)
    if max_height < high:
        wide, high = wide * max_height / high, max_height
    if max_width < wide:
        wide, high = max_width, high * max_width / wide
    return int(wide), int(high)


def center_crop(src: Any, size: Size, interp: int = 2) -> tuple[NDArray, Area]:
    """The part in the middle, and its (x, y, width, height).

    Where the image is smaller, the largest part with the proportions of `size`, scaled up to it.
    """
    height, width = src.shape[:2]
    wide, high = scale_down((width, height), size)
    x0, y0 = (width - wide) // 2, (height - high) // 2
    return fixed_crop(src, x0, y0, wide, high, size, interp), (x0, y0, wide, high)


def random_crop(src: Any, size: Size, interp: int = 2) -> tuple[NDArray, Area]:
    """A part anywhere, and its (x, y, width, height); of smaller images as `center_crop`."""
    height, width = src.shape[:2]
    wide, high = scale_down((width, height), size)
    x0 = random.randint(0, width - wide)
    y0 = random.randint(0, height - high)
    return fixed_crop(src, x0, y0, wide, high, size, interp), (x0, y0, wide, high)


def random_size_crop(
    src: Any,
    size: Size,
    area: float | tuple[float, float],
    ratio: tuple[float, float],
    interp: int = 2,
) -> tuple[NDArray, Area]:
    """A random part scaled to `size`, and its (x, y, width, height).

    Its share of the image's area is from `area` (from one number to 1), its width to height from
    `ratio`. After ten draws that do not fit into the image it is `center_crop`'s.
    """
    height, width = src.shape[:2]
    smallest, largest = (area, 1.0) if isinstance(area, int | float) else area
    low, high = np.log(ratio[0]), np.log(ratio[1])
    for _ in range(_ATTEMPTS):
        pixels = random.uniform(smallest, largest) * (height * width)
        shape = np.exp(random.uniform(low, high))
        wide = round(float(np.sqrt(pixels * shape)))
        tall = round(float(np.sqrt(pixels / shape)))
        if 0 < wide <= width and 0 < tall <= height:
            x0 = random.randint(0, width - wide)
            y0 = random.randint(0, height - tall)
            return fixed_crop(src, x0, y0, wide, tall, size, interp), (x0, y0, wide, tall)
    return center_crop(src, size, interp)


_BORDERS = {1: "edge", 2: "symmetric", 3: "wrap", 4: "reflect"}


def copyMakeBorder(  # noqa: N802 - OpenCV's name
    src: Any,
    top: int,
    bot: int,
    left: int,
    right: int,
    type: int = 0,  # noqa: A002 - MXNet's name
    value: float = 0.0,
    values: Sequence[float] = (),
    out: NDArray | None = None,
) -> NDArray:
    """The image (HxWxC) with so many more pixels at each side.

    `type` 0: of `value`, or of `values`, one for each channel; 1: repeating
    the pixel at the edge; 2: mirrored, cba|abc|cba; 3: what is at the other side, abc|abc|abc; 4:
    mirrored around the pixel at the edge, cb|abc|ba. These are OpenCV's codes and what MXNet did;
    its documentation had them in another order.
    """
    pixels = np.asarray(src)
    if pixels.ndim != 3 or min(top, bot, left, right) < 0:
        raise ValueError(
            f"borders must be 0 or more, got {top}, {bot}, {left}, {right} around {pixels.shape}"
        )
    widths = ((top, bot), (left, right), (0, 0))
    if type == 0:
        channels = pixels.shape[2]
        if 0 < len(values) < channels:
            raise ValueError(f"values must be one for each of {channels} channels, got {values!r}")
        colour = _as_pixels(list(values[:channels]) or [value] * channels, pixels.dtype)
        height, width = pixels.shape[:2]
        row = np.tile(colour, (left + width + right, 1))  # whole rows are copied far faster
        padded = np.tile(row, (top + height + bot, 1, 1))
        padded[top : top + height, left : left + width] = pixels
    elif type in _BORDERS:
        padded = np.pad(pixels, widths, mode=_BORDERS[type])  # type: ignore[call-overload]
    else:
        raise ValueError(f"the border type must be 0 to 4, got {type!r}")
    return padded.view(NDArray) if out is None else fill(out, padded)


def _as_pixels(colour: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Whole numbers within the range of an integer dtype."""
    wanted = np.asarray(colour, np.float64)
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        wanted = np.clip(np.rint(wanted), limits.min, limits.max)
    return wanted.astype(dtype)
