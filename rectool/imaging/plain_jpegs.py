"""JPEGs as nearly all are, decoded by simplejpeg where it is installed, in less time than Pillow.

Both are libjpeg-turbo, and the pixels are the same; what could differ (colours that are neither
YCbCr nor grey, an EXIF orientation, damage) is left to Pillow.
"""

from __future__ import annotations

from importlib import import_module
from struct import error as StructError  # noqa: N812
from typing import Any, NamedTuple

from numpy.typing import NDArray

from .image_ends import decodable
from .options import Color, Size
from .probe import has_exif

_simplejpeg: Any
try:
    _simplejpeg = import_module("simplejpeg")
except ImportError:
    _simplejpeg = None

_SPACES = ("YCbCr", "Gray", "RGB")  # not CMYK and YCCK, which Pillow converts by its own rules
_FAULTS = (ValueError, IndexError, StructError, MemoryError)


class PlainJpeg(NamedTuple):
    """A JPEG that simplejpeg can decode as Pillow would. Its size is (width, height)."""

    data: bytes
    size: Size
    space: str

    def decoded(self, color: Color, scale: int = 1) -> NDArray[Any] | None:
        """HxWx3 (RGB), or HxW in grey, uint8; None for what is Pillow's: to do, or to refuse.

        With a `scale` of 2, 4 or 8 both edges are so many times shorter, rounded up.
        """
        gray = color == "gray" or (color == "unchanged" and self.space == "Gray")
        width, height = (-(-edge // scale) for edge in self.size)
        least = {"min_width": width, "min_height": height, "min_factor": scale}
        try:
            array: NDArray[Any] = _simplejpeg.decode_jpeg(
                self.data, "GRAY" if gray else "RGB", **(least if scale > 1 else {})
            )
        except _FAULTS:
            return None
        if array.shape[:2] != (height, width):
            return None
        return array[:, :, 0] if gray else array


def plain_jpeg(data: bytes, max_pixels: int | None = None) -> PlainJpeg | None:
    """These bytes as a plain JPEG; None for anything else, and without simplejpeg.

    Raises ImageError for what is never decoded.
    """
    if _simplejpeg is None or data[:3] != b"\xff\xd8\xff":
        return None
    info, needed = decodable(data, max_pixels)
    try:
        height, width, space, _ = _simplejpeg.decode_jpeg_header(needed)
        if space not in _SPACES or has_exif(needed) or (width, height) != info[1:]:
            return None
    except _FAULTS:
        return None
    return PlainJpeg(needed, (width, height), space)
