"""How images are decoded, resized and encoded. No image library is loaded here, nor numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from ..errors import ImageError
from .probe import MAX_PIXELS

Color = Literal["rgb", "gray", "unchanged"]
Encoding = Literal["jpg", "png", "webp"]
Backend = Literal["pillow", "opencv", "fast"]
Interp = Literal["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "area", "auto"]
ResizeMode = Literal["short", "long", "exact"]

QUALITY = {"jpg": 95, "png": 6, "webp": 95}
"""Default quality: 1 to 100, for PNG the compression level, 1 to 9."""

INTERPS: dict[str, tuple[Interp, ...]] = {
    "pillow": ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "auto"),
    "opencv": ("nearest", "bilinear", "bicubic", "lanczos", "area", "auto"),
    "fast": ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "auto"),
}
"""The backends, and the interpolations of each."""

_LAYOUTS = {
    "jpg": ("L", "RGB"),
    "png": ("L", "LA", "RGB", "RGBA", "I;16", "RGB;16", "RGBA;16"),
    "webp": ("L", "RGB", "RGBA"),
}
_LONGEST = {"jpg": 65_500, "png": (1 << 31) - 1, "webp": 16_383}

Size = tuple[int, int]


class Fit(NamedTuple):
    """What is cut out of an image (left, top, right, bottom), and the size it then gets.

    Reencode's boxes are whole pixels. `interp` is never "auto", but what that comes to for these
    sizes.
    """

    box: tuple[float, float, float, float]
    size: Size
    interp: Interp


Change = Literal["alpha", "depth", "frames", "cmyk", "orientation", "truncated"]
"""What was done to an image that nobody asked for: its alpha channel was dropped, its 16 bits a
sample became 8, all its frames or pages but the first were left out, it was CMYK and is RGB, it was
turned as its EXIF orientation says though it is otherwise left unchanged, it was cut short.
"""


class Reading(NamedTuple):
    """How an image is decoded.

    `background` (red, green, blue) is what shows where an image is transparent; None drops its
    alpha channel, which shows the colours that it hides. `max_pixels` is the most that an image may
    have, None the usual limit. With `truncated` an image that is cut short or damaged is decoded as
    far as it goes.
    """

    color: Color = "rgb"
    background: tuple[int, int, int] | None = None
    max_pixels: int | None = None
    truncated: bool = False


FitOf = Callable[[int, int], Fit]
"""Of an image's width and height, its orientation applied."""


def check_backend(backend: str) -> None:
    """Raises ValueError where there is no such backend."""
    if backend not in tuple(INTERPS):
        raise ValueError(f"backend must be one of {', '.join(INTERPS)}, got {backend!r}")


def check_pixels(size: Size) -> None:
    """Raises ImageError for more pixels than are ever decoded."""
    if size[0] * size[1] > MAX_PIXELS:
        raise ImageError(
            f"resized it would have {size[0]}x{size[1]} pixels, more than {MAX_PIXELS}"
        )


def actual_interp(interp: Interp, old: Size, new: Size) -> Interp:
    """What "auto" comes to for these sizes; any other is as it is."""
    if interp != "auto":
        return interp
    if new[0] > old[0] and new[1] > old[1]:
        return "bicubic"
    return "area" if new[0] < old[0] and new[1] < old[1] else "bilinear"


def check_encodable(layout: str, size: Size, encoding: Encoding) -> None:
    """Raises ImageError unless the encoding can hold an image of this layout and size.

    A layout is a Pillow mode (L, LA, RGB, RGBA, I;16), or RGB;16 or RGBA;16.
    """

    if layout not in _LAYOUTS[encoding]:
        what = "16-bit samples" if layout.endswith(";16") else "an alpha channel"
        raise ImageError(
            f"has {what}, which {encoding} images cannot hold; use --encoding png or --color rgb"
        )
    if max(size) > _LONGEST[encoding]:
        raise ImageError(
            f"{size[0]}x{size[1]} pixels: {encoding} images have at most"
            f" {_LONGEST[encoding]} a side"
        )


class Warp(NamedTuple):
    """An affine map, and the size of the image that it makes.

    `matrix` says where pixel (x, y) comes to lie: at (a x + b y + c, d x + e y + f).
    """

    matrix: tuple[float, float, float, float, float, float]
    width: int
    height: int
    interp: Interp
