"""One image, by Pillow."""

from __future__ import annotations

import io
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError
from .options import (
    QUALITY,
    Change,
    Color,
    Encoding,
    Fit,
    FitOf,
    Interp,
    Reading,
    Size,
    Warp,
    check_encodable,
)
from .pillow_open import (
    JPEGS,
    SIXTEEN_BITS,
    check_samples,
    decoding,
    is_deep,
    memory_for,
    note_changes,
    opened,
    orientation_in,
    shows_through,
)
from .plain_jpegs import plain_jpeg

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


def decode(
    data: bytes, color: Color = "rgb", *, orient: bool = True, max_pixels: int | None = None
) -> Image.Image:
    """A decoded image: mode RGB; L for "gray"; for "unchanged" L, LA, RGB, RGBA or I;16.

    An alpha channel is dropped (not blended) unless "unchanged"; palettes, CMYK and 1-bit images
    become RGB or L; 16-bit samples become their high byte, but stay as they are for "unchanged".
    Unless `orient` is false an EXIF orientation is applied, as cv2.imread does.

    Raises ImageError for anything that is no whole image of a known format, has more than
    `max_pixels` pixels (None: the usual limit), or samples that cannot become what was asked for.
    """
    with opened(data, max_pixels) as image:
        if color == "gray" and image.format in JPEGS:
            with decoding(data):
                image.draft("L", None)
        return loaded(image, data, Reading(color), orientation_in(image) if orient else 1, [])


def render(data: bytes, how: Reading, fit_of: FitOf, changes: list[Change]) -> Image.Image:
    """The image that a transform makes, not yet encoded. Raises ImageError as `decode` does."""
    with memory_for(data):
        return cut_out(part(data, how, fit_of, changes), alone=True)


def cut(
    data: bytes,
    color: Color,
    fit_of: FitOf,
    *,
    alone: bool = False,
    max_pixels: int | None = None,
) -> Image.Image:
    """A part of an image, resized: what `fit_of` says of its width and height once oriented.

    It is as if the whole was resized and the part cut out then; with `alone` the part is cut out
    first, and what is around does not count. Raises ImageError as `decode` does, and whatever
    `fit_of` raises.
    """
    how = Reading(color, max_pixels=max_pixels)
    with memory_for(data):
        return cut_out(part(data, how, fit_of, []), alone=alone)


class Part(NamedTuple):
    """An image in the colours that were asked for, turned, and what is to be made of it.

    With `smaller` it is a JPEG that was decoded smaller than it is, and `fit` is of that.
    """

    source: Image.Image | NDArray[Any]
    fit: Fit
    smaller: bool


def part(data: bytes, how: Reading, fit_of: FitOf, changes: list[Change]) -> Part:
    """A plain JPEG is an array, by simplejpeg. Raises as `cut` does."""
    jpeg = None if how.truncated else plain_jpeg(data, how.max_pixels)
    if jpeg is None:
        return _pillows_part(data, how, fit_of, changes)
    fit = fit_of(*jpeg.size)
    scale = _scale(fit)
    array = jpeg.decoded(how.color, scale)
    if array is None:
        return _pillows_part(data, how, lambda *_: fit, changes)
    return Part(array, _scaled(fit, scale) if scale > 1 else fit, scale > 1)


def _pillows_part(data: bytes, how: Reading, fit_of: FitOf, changes: list[Change]) -> Part:
    with opened(data, how.max_pixels, truncated=how.truncated) as image:
        turn = orientation_in(image)
        sides = image.size[::-1] if turn >= 5 else image.size
        fit = fit_of(*sides) if image.format != "TIFF" else None  # which Pillow turns when loading
        with decoding(data):
            draft = _draft(image, fit, how.color, turn) if fit and image.format in JPEGS else None
        plain = loaded(image, data, how, turn, changes)
        return Part(plain, draft or fit or fit_of(*plain.size), draft is not None)


def cut_out(part: Part, *, alone: bool) -> Image.Image:
    """See `cut`."""
    source, fit, smaller = part
    image = source if isinstance(source, Image.Image) else Image.fromarray(source)
    left, top, right, bottom = fit.box
    whole = fit.box == (0, 0, *image.size)
    if fit.size == (right - left, bottom - top) and not smaller:
        return image if whole else image.crop(fit.box)
    if alone and not whole:
        fit, around = apart(fit)
        image = image.crop(around)
    return image.resize(fit.size, _RESAMPLE[fit.interp], fit.box)


def apart(fit: Fit) -> tuple[Fit, tuple[int, int, int, int]]:
    """What to resize of an image that was cropped before, and how to crop it."""
    left, top, right, bottom = fit.box
    x, y = math.floor(left), math.floor(top)
    box = (left - x, top - y, right - x, bottom - y)
    return fit._replace(box=box), (x, y, math.ceil(right), math.ceil(bottom))


def loaded(
    image: Image.Image, data: bytes, how: Reading, turn: int, changes: list[Change]
) -> Image.Image:
    """An opened image in the colours that were asked for, turned. Notes what is lost of it."""
    with decoding(data):
        deep = image.format not in JPEGS and is_deep(image, data)
        if how.color == "unchanged" and deep:
            raise ImageError(
                "16 bits a channel in colour, which only --pass-through and --backend opencv keep"
            )
        image.load()
        note_changes(image, data, how, deep, changes)
        plain = _to_color(image, how)
        if turn not in _TURNS:
            return plain
        if how.color == "unchanged":
            changes.append("orientation")
        return plain.transpose(_TURNS[turn])


def _draft(image: Image.Image, fit: Fit, color: Color, turn: int) -> Fit | None:
    """Tells a JPEG's decoder how it is wanted: in grey, and as small as will do. See _GAP.

    Gives what is to be cut out of the smaller image, in its pixels; None if it is no smaller.
    """
    width, height = image.size
    scale = _scale(fit)
    # grey is the luma channel itself, as libjpeg gives it to OpenCV
    mode = "L" if color == "gray" else None
    if image.draft(mode, (width // scale, height // scale)) is None or scale == 1:
        return None
    # the decoder fills up the last column and row of pixels; a turn can make them the first
    x, y = (-side % scale for side in ((height, width) if turn >= 5 else (width, height)))
    return _scaled(fit, scale, x * (turn in _MIRRORED_ACROSS), y * (turn in _MIRRORED_DOWN))


def _scale(fit: Fit) -> int:
    """How many times smaller a JPEG may be decoded: 1, 2, 4 or 8. See _GAP."""
    left, top, right, bottom = fit.box
    shrinks = min((right - left) / fit.size[0], (bottom - top) / fit.size[1])
    if fit.interp in ("nearest", "box", "area"):
        return 1
    return next((scale for scale in (8, 4, 2) if shrinks >= scale * _GAP), 1)


def _scaled(fit: Fit, scale: int, x: int = 0, y: int = 0) -> Fit:
    """What is to be cut out of an image so many times smaller; (x, y) is where it begins there."""
    left, top, right, bottom = fit.box
    box = ((x + left) / scale, (y + top) / scale, (x + right) / scale, (y + bottom) / scale)
    return fit._replace(box=box)


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


def _to_color(image: Image.Image, how: Reading) -> Image.Image:
    check_samples(image)
    if image.mode in SIXTEEN_BITS:
        if how.color == "unchanged":
            return Image.fromarray(np.asarray(image).astype(np.uint16))
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if how.color == "unchanged":
        return _unchanged(image)
    if how.background is not None and shows_through(image):
        ground = Image.new("RGBA", image.size, (*how.background, 255))
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    image.info.pop("transparency", None)
    wanted = "L" if how.color == "gray" else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An array (HxW or HxWxC) with an EXIF orientation, 1 to 8, applied."""
    if orientation == 1:
        return array
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    down = -1 if orientation in _MIRRORED_DOWN else 1
    across = -1 if orientation in _MIRRORED_ACROSS else 1
    return np.ascontiguousarray(array[::down, ::across])


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
        if isinstance(error, OSError) and error.errno:  # the system's fault, not the image's
            raise
        size = f"{image.width}x{image.height}"
        raise ImageError(f"{size} pixels cannot be encoded as {encoding}: {error}") from None
    return file.getvalue()
