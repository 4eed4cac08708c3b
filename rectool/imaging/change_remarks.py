"""What is changed in images that nobody asked for, as remarks."""

from __future__ import annotations

from ..remarks import RemarkKind
from .options import Change

_IMAGE = "image"

TRUNCATED = RemarkKind("{} cut short or damaged, packed as far as they go, e.g. {}", _IMAGE)

KINDS: dict[Change, RemarkKind] = {
    "alpha": RemarkKind(
        "{} had an alpha channel that was dropped, e.g. {}; --background white blends it", _IMAGE
    ),
    "depth": RemarkKind(
        "{} had 16 bits a sample, of which the lower 8 were dropped, e.g. {}; --encoding png"
        " --color unchanged keeps them",
        _IMAGE,
    ),
    "frames": RemarkKind(
        "{} had several frames or pages, of which the first was packed, e.g. {}; --pass-through"
        " keeps them",
        _IMAGE,
    ),
    "cmyk": RemarkKind("{} had CMYK colors, which were converted to RGB, e.g. {}", _IMAGE),
    "orientation": RemarkKind(
        "{} had an EXIF orientation, which was applied with --color unchanged too, e.g. {}", _IMAGE
    ),
    "truncated": TRUNCATED,
}


AVIF = RemarkKind("{} held AVIF under another ending, e.g. {}", _IMAGE)


def remarks_on(changes: list[Change], path: str) -> tuple[tuple[RemarkKind, str], ...]:
    """A remark for each change of the image at `path`."""
    return tuple((KINDS[change], path) for change in changes)
