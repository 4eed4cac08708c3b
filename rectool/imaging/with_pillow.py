"""One image, by Pillow."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..format import ImageError
from ..sniffing import describe, format_of, no_image
from .recipe import QUALITY, Fit, check_encodable

if TYPE_CHECKING:
    from .recipe import Color, Encoding, FitOf, Interp, Size
    from .resizing import Warp

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
"""What is decoded (Pillow's names). Not its other formats, some of which run programs."""

ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MIRRORED_ACROSS, _MIRRORED_DOWN = (2, 3, 6, 7), (3, 4, 7, 8)
"""Orientations that bring an image's right edge to the left once applied, and its bottom up."""

_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")
_JPEGS = ("JPEG", "MPO")

_RESAMPLE: dict[Interp, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "area": Image.Resampling.BOX,  # what "auto" comes to
    "hamming": Image.Resampling.HAMMING,
    "lanczos": Image.Resampling.LANCZOS,
}

_GAP = 2
"""A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves it this many times what it becomes.

12-megapixel photos to a shorter edge of 320, against the resize of the whole image: a gap of 2
takes half the time and is off by an RMS of 0.6 (of 255; at most 6), which encoding hides; a gap of
4 takes 1.3 times as long as that (0.4; 3), a gap of 1 0.7 times (1.4; 24). Not for the filters that
take whole pixels, nearest and box: of larger pixels they make something else (2.3; 46).
"""


def decode(data: bytes, color: Color = "rgb", *, orient: bool = True) -> Image.Image:
    """A decoded image: mode RGB; L for "gray"; for "unchanged" L, LA, RGB, RGBA or I;16.

    An alpha channel is dropped (not blended) unless "unchanged"; palettes, CMYK and 1-bit images
    become RGB or L; 16-bit samples become their high byte, but stay as they are for "unchanged".
    Unless `orient` is false an EXIF orientation is applied, as cv2.imread does.

    Raises ImageError for anything that is no whole image of one of FORMATS, has more pixels than
    twice PIL.Image.MAX_IMAGE_PIXELS, or samples that cannot become what was asked for.
    """
    with opened(data) as image:
        if color == "gray" and image.format in _JPEGS:
            image.draft("L", None)
        return _loaded(image, data, color, orientation_in(image) if orient else 1)


def render(data: bytes, color: Color, fit_of: FitOf) -> Image.Image:
    """The image that a recipe makes, not yet encoded. Raises ImageError as `decode` does."""
    return cut(data, color, fit_of, alone=True)


def cut(data: bytes, color: Color, fit_of: FitOf, *, alone: bool = False) -> Image.Image:
    """A part of an image, resized: what `fit_of` says of its width and height once oriented.

    It is as if the whole was resized and the part cut out then; with `alone` the part is cut out
    first, and what is around does not count. Raises ImageError as `decode` does.
    """
    with opened(data) as image:
        turn = orientation_in(image)
        sides = image.size[::-1] if turn >= 5 else image.size
        fit = fit_of(*sides) if image.format != "TIFF" else None  # which Pillow turns when loading
        draft = _draft(image, fit, color, turn) if fit and image.format in _JPEGS else None
        plain = _loaded(image, data, color, turn)
    fit = draft or fit or fit_of(*plain.size)
    whole = fit.box == (0, 0, *plain.size)
    if fit.size == (fit.box[2] - fit.box[0], fit.box[3] - fit.box[1]) and not draft:
        return plain if whole else plain.crop(fit.box)
    return _resized(plain, fit, alone=alone and not whole)


def _resized(image: Image.Image, fit: Fit, *, alone: bool) -> Image.Image:
    left, top, right, bottom = fit.box
    if alone:
        x, y = math.floor(left), math.floor(top)
        image = image.crop((x, y, math.ceil(right), math.ceil(bottom)))
        left, top, right, bottom = left - x, top - y, right - x, bottom - y
    return image.resize(fit.size, _RESAMPLE[fit.interp], (left, top, right, bottom))


def _loaded(image: Image.Image, data: bytes, color: Color, turn: int) -> Image.Image:
    if color == "unchanged" and is_deep(image, data):
        raise ImageError(
            "16 bits a channel in colour, which only --pass-through and --backend opencv keep"
        )
    image.load()
    plain = _to_color(image, color)
    return plain.transpose(_TURNS[turn]) if turn in _TURNS else plain


def _draft(image: Image.Image, fit: Fit, color: Color, turn: int) -> Fit | None:
    """Tells a JPEG's decoder how it is wanted: in grey, and as small as will do. See _GAP.

    Gives what is to be cut out of the smaller image, in its pixels; None if it is no smaller.
    """
    width, height = image.size
    left, top, right, bottom = fit.box
    shrinks = min((right - left) / fit.size[0], (bottom - top) / fit.size[1])
    scale = next((scale for scale in (8, 4, 2) if shrinks >= scale * _GAP), 1)
    if fit.interp in ("nearest", "box", "area"):
        scale = 1
    # grey is the luma channel itself, as libjpeg gives it to OpenCV
    mode = "L" if color == "gray" else None
    if image.draft(mode, (width // scale, height // scale)) is None or scale == 1:
        return None
    # the decoder fills up the last column and row of pixels; a turn can make them the first
    x, y = (-side % scale for side in ((height, width) if turn >= 5 else (width, height)))
    x, y = x * (turn in _MIRRORED_ACROSS), y * (turn in _MIRRORED_DOWN)
    box = ((x + left) / scale, (y + top) / scale, (x + right) / scale, (y + bottom) / scale)
    return Fit(box, fit.size, fit.interp)


def resize(array: NDArray[Any], size: Size, interp: Interp) -> NDArray[Any]:
    """See `resize_array`, which has checked what this is given."""
    if array.ndim == 3 and (array.dtype != np.uint8 or array.shape[2] == 1):
        planes = [resize(array[:, :, plane], size, interp) for plane in range(array.shape[2])]
        return np.stack(planes, axis=2)
    return np.array(Image.fromarray(array).resize(size, _RESAMPLE[interp]))


def warp(array: NDArray[Any], map_: Warp, fill: int) -> NDArray[Any]:
    """See `warp_array`."""
    if array.ndim == 3:
        fills = (fill, fill, fill, 0)  # alpha's, where there is one
        planes = [warp(array[:, :, at], map_, fills[at]) for at in range(array.shape[2])]
        return np.stack(planes, axis=2)
    inverse = np.linalg.inv(np.array([map_.matrix[:3], map_.matrix[3:], (0, 0, 1)]))
    inverse[:2, 2] += 0.5 - 0.5 * inverse[:2, :2].sum(axis=1)  # Pillow's pixels begin at corners
    resample = {"nearest": 0, "bicubic": 3}.get(map_.interp, 2)
    image = Image.fromarray(np.ascontiguousarray(array))
    size, matrix = (map_.width, map_.height), tuple(inverse[:2].ravel().tolist())
    turned = image.transform(size, Image.Transform.AFFINE, matrix, resample, fillcolor=fill)
    return np.array(turned)


def check_decodes(data: bytes) -> None:
    """Raises ImageError, as `decode` does, unless every pixel of the image can be decoded."""
    with opened(data) as image:
        image.load()


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
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
        raise ImageError(f"a damaged {kind}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What a decoder says, which may hold bytes of the image."""
    text = str(error) if error.args and isinstance(error.args[0], str) else ""
    return text if text.isprintable() and text else type(error).__name__


def _unidentified(data: bytes) -> str:
    try:
        info = describe(data)
    except ImageError as error:
        return str(error)
    return no_image(data) if info is None else f"a damaged {info.format}"


def orientation_of(data: bytes) -> int:
    """An encoded image's EXIF orientation, 1 to 8; 1 where it has none, and for TIFF."""
    with opened(data) as image:
        return orientation_in(image)


def mode_of(data: bytes) -> str:
    """Pillow's name for an encoded image's channels: L, RGB, CMYK..."""
    with opened(data) as image:
        return image.mode


def orientation_in(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, or 1. Only EXIF counts: OpenCV knows no other place.

    TIFF is left to Pillow, which turns the image while loading it.
    """
    block = image.info.get("exif")
    if not block or image.format == "TIFF":
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        orientation = exif.get(ORIENTATION, 1)
    except (ValueError, SyntaxError, struct.error, KeyError, OSError):
        return 1
    return orientation if orientation in _TURNS else 1


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
    return image if image.mode == wanted else image.convert(wanted)


def is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether this has 16 bits a channel in colour, which Pillow halves. It is not yet loaded."""
    deep = is_deep_png(data) or _has_deep_samples(image)
    return deep and image.mode not in ("F", *_SIXTEEN_BITS)


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An array (HxW or HxWxC) with an EXIF orientation, 1 to 8, applied."""
    if orientation == 1:
        return array
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    down = -1 if orientation in _MIRRORED_DOWN else 1
    across = -1 if orientation in _MIRRORED_ACROSS else 1
    return np.ascontiguousarray(array[::down, ::across])


def is_deep_png(data: bytes) -> bool:
    """Whether this is a PNG of 16 bits a channel in colour or with alpha, which Pillow halves."""
    return format_of(data) == "PNG" and data[24:26] in (b"\x10\x02", b"\x10\x04", b"\x10\x06")


def _has_deep_samples(image: Image.Image) -> bool:
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
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.mode in ("PA", "La", "RGBa") else "RGB")


def encode(image: Image.Image, encoding: Encoding = "jpg", quality: int | None = None) -> bytes:
    """The encoded image, without metadata. JPEG is 4:2:0, byte for byte what OpenCV writes.

    Raises ImageError where the encoding cannot hold the image (alpha or 16 bits in a JPEG, say).
    """
    check_encodable(image.mode, image.size, encoding)
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
