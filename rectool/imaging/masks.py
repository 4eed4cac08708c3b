"""Masks: images whose pixels are numbers, classes say, of which every one must stay what it is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..format import ImageError
from ..sniffing import check_complete, check_lossless, format_of, may_be_turned
from .recipe import QUALITY, Size
from .with_pillow import ORIENTATION, is_deep, opened, orientation_of, turned

Array = NDArray[Any]

_PLAIN = ("L", "LA", "RGB", "RGBA", "P")
_MOST = (1 << 16) - 1


def decode_mask(data: bytes, orientation: int = 1) -> Array:
    """A mask's numbers: HxW, uint8 or uint16, or HxWxC for several channels of 8 bits.

    Of a palette the indices, of 1 bit 0 and 1. Turned as an image with this EXIF orientation, that
    of the image that the mask belongs to; a mask's own is not looked at.

    Raises ImageError for anything that is no whole image, for JPEG and others that are lossy, and
    for numbers that are no whole ones from 0 to 65535.
    """
    check_lossless(data)
    if format_of(data) is not None:
        check_complete(data)  # Pillow lets the last bytes of a PNG be missing
    with opened(data) as image:
        if is_deep(image, data):
            raise ImageError("16 bits a channel in colour; a mask of so many has one channel")
        image.load()
        return turned(_numbers(image), orientation)


def _numbers(image: Image.Image) -> Array:
    if image.mode in _PLAIN:
        return np.array(image)
    if image.mode == "1":
        return np.array(image).astype(np.uint8)
    if image.mode.startswith("I"):  # 16 bits, or more that may hold no more
        values = np.array(image)
        if values.size and not 0 <= values.min() <= values.max() <= _MOST:
            raise ImageError(f"holds {values.min()} to {values.max()}; a mask 0 to {_MOST}")
        return values.astype(np.uint16)
    raise ImageError(f"{image.mode} pixels; a mask has whole numbers from 0 to {_MOST}")


def orientation_for_mask(image: bytes) -> int:
    """The EXIF orientation, 1 to 8, of an encoded image: what its mask is to be turned by.

    Raises ImageError for a TIFF that has one, which is turned before anybody can know its size.
    """
    if not may_be_turned(image):
        return 1
    with opened(image) as found:
        if found.format == "TIFF" and found.getexif().get(ORIENTATION, 1) != 1:
            raise ImageError("a TIFF with an orientation, which its mask cannot follow")
    return orientation_of(image)


def encode_mask(mask: Array) -> bytes:
    """A PNG of exactly these numbers: of what `decode_mask` gives."""
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(mask))
    image.save(file, "PNG", compress_level=QUALITY["png"])
    return file.getvalue()


def cut_mask(mask: Array, box: tuple[float, float, float, float], size: Size) -> Array:
    """The part in a box (left, top, right, bottom), with `size` pixels: each the nearest one's.

    The nearest to its middle, as images are resized, by Pillow and OpenCV (but for OpenCV's own
    nearest neighbours, which lie half a pixel off).
    """
    rows = _nearest(box[1], box[3], size[1], mask.shape[0])
    columns = _nearest(box[0], box[2], size[0], mask.shape[1])
    return mask[rows[:, None], columns]


def _nearest(begin: float, end: float, count: int, most: int) -> NDArray[np.int64]:
    middles = begin + (np.arange(count) + 0.5) * (end - begin) / count  # whole ones are exact so
    nearest: NDArray[np.int64] = np.floor(middles).astype(np.int64)
    return nearest.clip(0, most - 1)
