"""One image: decode, orient, crop, resize, encode.

Arrays and images are RGB here. What is done to an image, and in which order, is im2rec.py's:
decode with its EXIF orientation applied, centre crop, resize, encode. Two backends do it, with the
same functions: `with_pillow`, and `with_opencv` where OpenCV is installed.

The functions below are Pillow's; they are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .recipe import INTERPS, QUALITY, Backend, Color, Encoding, Fit, Interp, Recipe, ResizeMode

if TYPE_CHECKING:
    from .opening import check_decodes, is_deep_png
    from .with_pillow import decode, encode

__all__ = [
    "INTERPS",
    "QUALITY",
    "Backend",
    "Color",
    "Encoding",
    "Fit",
    "Interp",
    "Recipe",
    "ResizeMode",
    "check_decodes",
    "decode",
    "encode",
    "is_deep_png",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import opening, with_pillow  # noqa: PLC0415

    return getattr(with_pillow, name, None) or getattr(opening, name)
