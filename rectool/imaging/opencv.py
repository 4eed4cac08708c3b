"""One image, by OpenCV: the calls of im2rec.py, and so its bytes, but nothing in silence.

What OpenCV does not decode Pillow does: both take the same images. Arrays are OpenCV's, blue first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from . import pillow as with_pillow
from .check_complete import check_complete
from .image_ends import decodable
from .options import (
    QUALITY,
    Change,
    Color,
    Encoding,
    FitOf,
    Interp,
    Reading,
    Size,
    Warp,
    check_encodable,
)
from .pillow import turned
from .pillow_open import (
    decoding,
    is_deep,
    may_show_through,
    note_changes,
    opened,
    orientation_in,
    orientation_of,
    shows_through,
)
from .probe import jpeg_frame, may_be_turned

try:
    import cv2
except ImportError as error:
    raise ImageError(
        f"backend opencv needs OpenCV: pip install 'rectool[opencv]' ({error})"
    ) from None


_FLAGS: dict[Color, int] = {
    "rgb": cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
    "gray": cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION,
    "unchanged": cv2.IMREAD_UNCHANGED,
}
_INTERPOLATION: dict[Interp, int] = {
    "nearest": cv2.INTER_NEAREST,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}
_PARAMETERS: dict[Encoding, int] = {
    "jpg": cv2.IMWRITE_JPEG_QUALITY,
    "png": cv2.IMWRITE_PNG_COMPRESSION,
    "webp": cv2.IMWRITE_WEBP_QUALITY,
}
_LAYOUTS = {
    (1, "uint8"): "L",
    (3, "uint8"): "RGB",
    (4, "uint8"): "RGBA",
    (1, "uint16"): "I;16",
    (3, "uint16"): "RGB;16",
    (4, "uint16"): "RGBA;16",
}

_TIFF_MODES = ("LA", "CMYK", "YCbCr", "LAB")

Array = NDArray[Any]


def alone() -> None:
    """Makes OpenCV silent and single-threaded in this process, a worker that has others beside it.

    Its threads would only cost there, and in a forked process they are not there: 0 threads, not 1,
    for with 1 it waits for them.
    """
    cv2.setNumThreads(0)
    logging: Any = cv2 if hasattr(cv2, "setLogLevel") else getattr(cv2.utils, "logging", None)
    if logging is not None:  # it has moved in OpenCV 4.13
        logging.setLogLevel(0)


def decode(data: bytes, color: Color = "rgb") -> Array:
    """A decoded image, H x W or H x W x 3 or 4 (BGR, BGRA), of uint8; for "unchanged" or uint16.

    As cv2.imread has it, but oriented as its EXIF says whatever the format and `color`. Raises
    ImageError for anything that is no whole image of a known format, or has more pixels than usual.
    """
    return _decoded(data, Reading(color), [])


def render(data: bytes, how: Reading, fit_of: FitOf, changes: list[Change]) -> Array:
    """The image that a transform makes, not yet encoded. Raises ImageError as `decode` does."""
    array = _decoded(data, how, changes)
    fit = fit_of(array.shape[1], array.shape[0])
    left, top, right, bottom = map(int, fit.box)
    cut = array[top:bottom, left:right]
    if fit.size == (right - left, bottom - top):
        return cut
    return resize(cut, fit.size, fit.interp)


def resize(array: Array, size: Size, interp: Interp) -> Array:
    """See `resize_array`, which has checked what this is given. An only channel loses its axis."""
    with _faults("cannot be resized"):
        return cv2.resize(array, size, interpolation=_INTERPOLATION[interp])


def warp(array: Array, map_: Warp, fill: int) -> Array:
    """See `warp_array`."""
    size, flags = (map_.width, map_.height), _INTERPOLATION[map_.interp]
    matrix = np.array(map_.matrix, np.float32).reshape(2, 3)
    with _faults("cannot be turned"):
        return cv2.warpAffine(array, matrix, size, flags=flags, borderValue=(fill, fill, fill))


def encode(image: Array, encoding: Encoding = "jpg", quality: int | None = None) -> bytes:
    """The encoded image. Raises ImageError where the encoding cannot hold it."""
    height, width = image.shape[:2]
    layout = _LAYOUTS[1 if image.ndim == 2 else image.shape[2], image.dtype.name]
    check_encodable(layout, (width, height), encoding)
    level = QUALITY[encoding] if quality is None else quality
    with _faults(f"{width}x{height} pixels cannot be encoded as {encoding}"):
        done, encoded = cv2.imencode("." + encoding, image, [_PARAMETERS[encoding], level])
    if not done:
        raise ImageError(f"{width}x{height} pixels cannot be encoded as {encoding}")
    return encoded.tobytes()


def _decoded(data: bytes, how: Reading, changes: list[Change]) -> Array:
    info, needed = decodable(data, how.max_pixels, truncated=how.truncated)
    if not how.truncated:
        check_complete(data, how.max_pixels)
    if info.format == "JPEG":
        blends = False
        if jpeg_frame(data).components == 4:
            changes.append("cmyk")
    else:
        blends = _look_at(data, how, changes)
    array = None if blends else _by_opencv(data, needed, how)
    if array is None:
        return _by_pillow(data, how)
    if array.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{array.dtype} samples; convert it first")
    turn = orientation_of(data) if may_be_turned(data) else 1
    if turn != 1 and how.color == "unchanged":
        changes.append("orientation")
    return turned(array, turn)


def _look_at(data: bytes, how: Reading, changes: list[Change]) -> bool:
    """Notes what is lost of an image, and says whether it is to be blended with a background."""
    with opened(data, how.max_pixels, truncated=how.truncated) as image, decoding(data):
        if how.color == "unchanged" and image.format == "TIFF" and image.mode in _TIFF_MODES:
            raise ImageError(
                "a TIFF with channels that OpenCV drops or takes for others; use --backend pillow"
            )
        deep = is_deep(image, data)
        if may_show_through(image):
            image.load()
        note_changes(image, data, how, deep, changes)
        return how.background is not None and shows_through(image)


def _by_opencv(data: bytes, needed: bytes, how: Reading) -> Array | None:
    try:
        array: Array | None = cv2.imdecode(np.frombuffer(needed, np.uint8), _FLAGS[how.color])
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            with decoding(data):
                raise MemoryError from None
        return None
    return array


def _by_pillow(data: bytes, how: Reading) -> Array:
    with opened(data, how.max_pixels, truncated=how.truncated) as image:
        loaded = with_pillow.loaded(image, data, how, orientation_in(image), [])
    if loaded.mode == "LA":
        loaded = loaded.convert("RGBA")
    array = np.array(loaded)
    return array if array.ndim == 2 else array[:, :, [2, 1, 0, 3][: array.shape[2]]]


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """What OpenCV raises is an ImageError, or a MemoryError."""
    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        raise ImageError(f"{what}: {error.err.strip()}") from None
