"""Images decoded to arrays, for training: by simplejpeg where it is installed, else by Pillow.

simplejpeg takes a quarter less time for small JPEGs. Both are libjpeg-turbo, and the pixels are the
same; what could differ (colours that are neither YCbCr nor grey, an EXIF orientation, damage) is
left to Pillow.
"""

from __future__ import annotations

from importlib import import_module
from struct import error as StructError  # noqa: N812
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .image_ends import decodable
from .options import Color
from .pillow import decode
from .probe import has_exif

_simplejpeg: Any
try:
    _simplejpeg = import_module("simplejpeg")
except ImportError:
    _simplejpeg = None

_SPACES = ("YCbCr", "Gray", "RGB")  # not CMYK and YCCK, which Pillow converts by its own rules

Array = NDArray[Any]


def decode_array(data: bytes, color: Color = "rgb", max_pixels: int | None = None) -> Array:
    """A decoded image: uint8, HxWx3 (RGB), for "gray" HxW; for "unchanged" what Pillow makes of it.

    As `imaging.decode` has it, its EXIF orientation applied, and raising ImageError as that does.
    """
    if _simplejpeg is not None and color != "unchanged" and data[:3] == b"\xff\xd8\xff":
        array = _decode_jpeg(data, color, max_pixels)
        if array is not None:
            return array
    return np.array(decode(data, color, max_pixels=max_pixels))


def _decode_jpeg(data: bytes, color: Color, max_pixels: int | None) -> Array | None:
    """By simplejpeg; None for what is Pillow's: to do, or to say what is wrong with it.

    Raises ImageError for what is never decoded.
    """
    _, needed = decodable(data, max_pixels)
    try:
        _, _, space, _ = _simplejpeg.decode_jpeg_header(needed)
        if space not in _SPACES or has_exif(needed):
            return None
        wanted = "GRAY" if color == "gray" else "RGB"
        array: Array = _simplejpeg.decode_jpeg(needed, wanted)
    except (ValueError, IndexError, StructError, MemoryError):
        return None
    return array[:, :, 0] if color == "gray" else array
