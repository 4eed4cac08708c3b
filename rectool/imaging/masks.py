"""Masks: images whose pixels are numbers, classes say, of which every one must stay what it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError
from .mask_png import decode_plain, encode_plain
from .options import QUALITY, Size
from .pillow import turned
from .pillow_open import decoding, is_deep, opened, orientation_in
from .probe import check_lossless, exif_orientation, format_of, may_be_turned, tiff_tags

Array = NDArray[Any]

_PLAIN = ("L", "LA", "RGB", "RGBA", "P")
_MOST = (1 << 16) - 1
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_ROUNDING = 1e-7  # of a pixel: far less than two middles can differ by


def decode_mask(data: bytes, orientation: int = 1) -> Array:
    """A mask's numbers: HxW, uint8 or uint16, or HxWxC for several channels of 8 bits.

    Of a palette the indices, of grey with 1, 2 or 4 bits 0 to 1, 3 or 15, and of a PBM or PGM what
    stands in it, whatever its highest number. Turned as an image with this EXIF orientation, that
    of the image that the mask belongs to; a mask's own is not looked at.

    Raises ImageError for anything that is no whole image, for JPEG and others that are lossy, and
    for numbers that are no whole ones from 0 to 65535.
    """
    plain = decode_plain(data)
    if plain is not None:  # as most are that were packed
        return turned(plain, orientation)
    check_lossless(data)
    with opened(data) as image, decoding(data):
        if is_deep(image, data):
            raise ImageError("16 bits a channel in colour; a mask of so many has one channel")
        if image.format == "TIFF":
            if exif_orientation(data) != 1:  # which Pillow would apply
                raise ImageError("a TIFF with an orientation of its own")
            if tiff_tags(data)[0].get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
                raise ImageError("a TIFF whose 0 is white, and which Pillow inverts; convert it")
        highest = _highest(image)  # known no more once it is loaded
        image.load()
        return turned(_unstretched(_numbers(image), highest), orientation)


def decode_colors(data: bytes, orientation: int = 1) -> Array:
    """A mask's colours, HxWx3, uint8: those of a palette too. Turned as `decode_mask` turns.

    Raises as `decode_mask` does, and ImageError for transparent pixels, which have no colour.
    """
    check_lossless(data)
    with opened(data) as image, decoding(data):
        if is_deep(image, data) or image.mode not in (*_PLAIN, "1", "PA"):
            raise ImageError(f"{image.mode} pixels; colours have 8 bits a channel")
        if image.format == "TIFF" and exif_orientation(data) != 1:
            raise ImageError("a TIFF with an orientation of its own")
        image.load()
        if "A" in image.mode and np.array(image.getchannel("A")).min() < 255:
            raise ImageError("has transparent pixels, which have no colour")
        return turned(np.array(image.convert("RGB")), orientation)


def _highest(image: Image.Image) -> int | None:
    """The highest number that can stand in a mask, not yet loaded, where Pillow makes 255 or 65535
    of that, and of the others in proportion; else None.
    """
    opened: Any = image
    codec, _, _, arguments = opened.tile[0] if opened.tile else ("", None, 0, "")
    kind, *more = (arguments,) if isinstance(arguments, str) else arguments
    if codec in ("ppm", "ppm_plain"):  # the others leave numbers as they are
        return int(more[0]) if more and more[0] else None
    return {"L;2": 3, "L;4": 15}.get(str(kind)[:3])


def _unstretched(numbers: Array, highest: int | None) -> Array:
    if highest is None:
        return numbers
    most = np.iinfo(numbers.dtype).max
    return np.rint(numbers * (highest / most)).astype(numbers.dtype)


def _numbers(image: Image.Image) -> Array:
    if image.mode in _PLAIN:
        return np.array(image)
    if image.mode == "1":
        ones = np.array(image)
        # a PBM's 1 is black
        return (~ones if image.format == "PPM" else ones).astype(np.uint8)
    if image.mode.startswith("I"):  # 16 bits, or more that may hold no more
        values = np.array(image)
        if values.size and not 0 <= values.min() <= values.max() <= _MOST:
            raise ImageError(f"holds {values.min()} to {values.max()}; a mask 0 to {_MOST}")
        return values.astype(np.uint16)
    raise ImageError(f"{image.mode} pixels; a mask has whole numbers from 0 to {_MOST}")


def encode_mask(mask: Array) -> bytes:
    """A PNG of exactly these numbers: of what `decode_mask` gives."""
    return encode_plain(mask, QUALITY["png"])


def cut_mask(mask: Array, box: tuple[float, float, float, float], size: Size) -> Array:
    """The part in a box (left, top, right, bottom), with `size` pixels: each the nearest one's.

    The nearest to its middle, as images are resized, by Pillow and OpenCV (but for OpenCV's own
    nearest neighbours, which lie half a pixel off).
    """
    left, top, right, bottom = box
    rows = _whole(top + _middles(size[1]) * ((bottom - top) / size[1]), mask.shape[0])
    columns = _whole(left + _middles(size[0]) * ((right - left) / size[0]), mask.shape[1])
    return mask[rows[:, None], columns]


def _middles(count: int) -> NDArray[np.floating[Any]]:
    return np.arange(count) + 0.5


def _whole(points: NDArray[np.floating[Any]], most: int) -> NDArray[np.int64]:
    """The pixels, 0 to most - 1, that points lie in, or the nearest ones.

    A point between two is in the second, however its number was rounded.
    """
    return (points + _ROUNDING).clip(0, most - 1).astype(np.int64)  # which rounds down from 0 on


def _follow(numbers: NDArray[np.int64]) -> bool:
    return bool((numbers[1:] - numbers[:-1] == 1).all())


def sample_mask(
    mask: Array,
    matrix: tuple[float, float, float, float, float, float],
    inside: tuple[float, float, float, float],
    out: Array,
    fill: int,
) -> None:
    """Gives each pixel of `out`, HxW, the number in the mask, HxW, where its middle comes from.

    A point (x, y) of `out` comes from (a x + b y + c, d x + e y + f) in the mask. Points outside of
    `inside` (left, top, right, bottom) get `fill`, and where b or d is not 0 also those that come
    from outside of the mask.
    """
    a, b, c, d, e, f = matrix
    height, width = mask.shape
    x, y = _middles(out.shape[1]), _middles(out.shape[0])
    if b or d:
        across = (a * x + c) + (b * y)[:, None]
        down = (d * x + f) + (e * y)[:, None]
        lost = (across < 0) | (across >= width) | (down < 0) | (down >= height)
        rows, columns = _whole(down, height), _whole(across, width)
        out[...] = mask.take(rows * width + columns)
        out[lost] = fill
    else:  # the same columns in all rows
        rows, columns = _whole(e * y + f, height), _whole(a * x + c, width)
        if _follow(rows) and _follow(columns):  # a part, which is copied in a third of the time
            out[...] = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        else:
            out[...] = mask.take(rows, 0).take(columns, 1)
    left, top, right, bottom = (max(0, math.ceil(side - 0.5)) for side in inside)
    out[:top] = out[bottom:] = fill
    out[:, :left] = out[:, right:] = fill


def turn_of(data: bytes) -> int:
    """How decoding turns an encoded image: an EXIF orientation, with which `decode_mask` turns."""
    if not may_be_turned(data):
        return 1
    if format_of(data) == "TIFF":
        return exif_orientation(data)
    with opened(data) as image:
        return orientation_in(image)
