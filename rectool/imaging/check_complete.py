"""Whether some bytes are a whole image."""

from __future__ import annotations

from .image_ends import decodable
from .probe import ImageInfo, has_usual_size


def check_complete(
    data: bytes, max_pixels: int | None = None, *, any_samples: bool = False
) -> ImageInfo:
    """Raises ImageError unless these bytes are a whole image of a known format.

    A JPEG, PNG or WebP is not decoded for that, nor are the largest of the others, so not every
    flipped bit is found. `max_pixels` is the most that an image may have, None the usual limit.
    Samples of more than 16 bits are those of no image, unless `any_samples` are wanted.
    """
    info, needed = decodable(data, max_pixels)
    checked = info.format in ("PNG", "WebP") or (info.format == "JPEG" and needed is data)
    if not checked and has_usual_size(info):
        from .pillow_open import check_decodes  # noqa: PLC0415 - loads Pillow, which others do without

        check_decodes(data, max_pixels, any_samples=any_samples)
    return info
