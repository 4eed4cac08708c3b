"""One image: decode, orient, crop, resize, encode (Pillow).

Arrays and images are RGB here. What is done to an image, and in which order, is im2rec.py's:
decode with its EXIF orientation applied, centre crop, resize of the shorter edge, encode.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

from .format import ImageError
from .sniffing import describe, format_of

Color = Literal["rgb", "gray", "unchanged"]
Encoding = Literal["jpg", "png", "webp"]

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
"""What is decoded (Pillow's names). Not its other formats, some of which run programs."""

QUALITY = {"jpg": 95, "png": 6, "webp": 95}
"""Default quality: 1 to 100, for PNG the compression level, 1 to 9."""

_MODES = {
    "jpg": ("L", "RGB"),
    "png": ("L", "LA", "RGB", "RGBA", "I;16"),
    "webp": ("L", "RGB", "RGBA"),
}
_LONGEST = {"jpg": 65_500, "png": (1 << 31) - 1, "webp": 16_383}
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")


@dataclass(frozen=True)
class Recipe:
    """What becomes of an image on its way into a record. Defaults are im2rec.py's.

    `resize` is the length in pixels of the shorter edge (0: leave the size); `quality` None is the
    encoding's usual one (see QUALITY).
    """

    color: Color = "rgb"
    center_crop: bool = False
    resize: int = 0
    encoding: Encoding = "jpg"
    quality: int | None = None

    def apply(self, data: bytes) -> bytes:
        """The image, encoded anew. Raises ImageError, saying why, where that cannot be done."""
        image = decode(data, self.color)
        if self.center_crop:
            image = crop_center(image)
        if self.resize:
            image = resize_short(image, self.resize)
        return encode(image, self.encoding, self.quality)


def decode(data: bytes, color: Color = "rgb", *, orient: bool = True) -> Image.Image:
    """A decoded image: mode RGB; L for "gray"; for "unchanged" L, LA, RGB, RGBA or I;16.

    An alpha channel is dropped (not blended) unless "unchanged"; palettes, CMYK and 1-bit images
    become RGB or L; 16-bit samples become their high byte, but stay as they are for "unchanged".
    Unless `orient` is false an EXIF orientation is applied, as cv2.imread does.

    Raises ImageError for anything that is no whole image of one of FORMATS, has more pixels than
    twice PIL.Image.MAX_IMAGE_PIXELS, or samples that cannot become what was asked for.
    """
    with _opened(data) as image:
        if color == "gray" and image.format in ("JPEG", "MPO"):
            image.draft("L", None)  # the luma channel itself, as libjpeg gives it to OpenCV
        turn = _orientation(image) if orient else 1
        deep = color == "unchanged" and (is_deep_png(data) or _is_deep(image))
        image.load()
        if deep and image.mode not in _SIXTEEN_BITS:
            raise ImageError("16 bits a channel in colour, which only --pass-through keeps")
        plain = _to_color(image, color)
    return plain.transpose(_TURNS[turn]) if turn in _TURNS else plain


def check_decodes(data: bytes) -> None:
    """Raises ImageError, as `decode` does, unless every pixel of the image can be decoded."""
    with _opened(data) as image:
        image.load()


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Pillow's image of encoded data; whatever goes wrong while it is used is an ImageError."""
    if not data:
        raise ImageError("an empty file")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            yield image
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise ImageError(_unidentified(data)) from None
    except Image.DecompressionBombError as error:
        raise ImageError(f"refused: {error}") from None
    except Exception as error:  # on damaged data decoders raise whatever they like
        kind = format_of(data) or "image"
        raise ImageError(f"a damaged {kind}: {str(error) or type(error).__name__}") from error


def _unidentified(data: bytes) -> str:
    try:
        info = describe(data)
    except ImageError as error:
        return str(error)
    return "not an image of a known format" if info is None else f"a damaged {info.format}"


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, or 1. Only EXIF counts: OpenCV knows no other place.

    TIFF is left to Pillow, which turns the image while loading it.
    """
    block = image.info.get("exif")
    if not block or image.format == "TIFF":
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        orientation = exif.get(_ORIENTATION, 1)
    except (ValueError, SyntaxError, struct.error, KeyError, OSError):
        return 1
    return orientation if isinstance(orientation, int) else 1


def _to_color(image: Image.Image, color: Color) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:
        if image.mode == "I" and image.format not in ("PNG", "PPM"):
            raise ImageError("32-bit samples; convert it first")
        if color == "unchanged":
            return Image.fromarray(np.asarray(image).astype(np.uint16))
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode == "F":
        raise ImageError("floating-point samples; convert it first")
    if color == "unchanged":
        return _unchanged(image)
    image.info.pop("transparency", None)
    wanted = "L" if color == "gray" else "RGB"
    return image.copy() if image.mode == wanted else image.convert(wanted)


def is_deep_png(data: bytes) -> bool:
    """Whether this is a PNG of 16 bits a channel in colour or with alpha, which Pillow halves."""
    return format_of(data) == "PNG" and data[24:26] in (b"\x10\x02", b"\x10\x04", b"\x10\x06")


def _is_deep(image: Image.Image) -> bool:
    """Whether this TIFF or PPM, not yet loaded, has more than 8 bits a channel."""
    opened: Any = image
    if image.format == "TIFF":
        return bool(max(opened.tag_v2.get(258, (8,))) > 8)
    numbers = [arg for tile in opened.tile for arg in tile[3] if isinstance(arg, int)]
    return image.format == "PPM" and max(numbers, default=0) > 255


def _unchanged(image: Image.Image) -> Image.Image:
    if "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image.copy()
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.mode in ("PA", "La", "RGBa") else "RGB")


def crop_center(image: Image.Image) -> Image.Image:
    """The square in the middle, its side the shorter edge; the odd pixel is left at the far end."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return image if width == height else image.crop((left, top, left + side, top + side))


def resize_short(image: Image.Image, length: int) -> Image.Image:
    """Shorter edge to `length` pixels, the other in proportion, rounded down; antialiased."""
    width, height = image.size
    if height > width:
        size = (length, height * length // width)
    else:
        size = (width * length // height, length)
    limit = Image.MAX_IMAGE_PIXELS
    if limit and size[0] * size[1] > 2 * limit:
        raise ImageError(f"resized it would have {size[0]}x{size[1]} pixels, more than {2 * limit}")
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def encode(image: Image.Image, encoding: Encoding = "jpg", quality: int | None = None) -> bytes:
    """The encoded image, without metadata. JPEG is 4:2:0, byte for byte what OpenCV writes.

    Raises ImageError where the encoding cannot hold the image (alpha or 16 bits in a JPEG, say).
    """
    if image.mode not in _MODES[encoding]:
        what = "16-bit samples" if image.mode == "I;16" else "an alpha channel"
        raise ImageError(
            f"has {what}, which {encoding} images cannot hold; use --encoding png or --color rgb"
        )
    if max(image.size) > _LONGEST[encoding]:
        raise ImageError(
            f"{image.width}x{image.height} pixels: {encoding} images have at most"
            f" {_LONGEST[encoding]} a side"
        )
    level = QUALITY[encoding] if quality is None else quality
    image.info = {}  # Pillow would write what it finds there: comments, profiles, transparency
    file = io.BytesIO()
    try:
        if encoding == "png":
            image.save(file, "PNG", compress_level=level)
        else:
            image.save(file, "JPEG" if encoding == "jpg" else "WEBP", quality=level)
    except (OSError, ValueError) as error:
        size = f"{image.width}x{image.height}"
        raise ImageError(f"{size} pixels cannot be encoded as {encoding}: {error}") from None
    return file.getvalue()
