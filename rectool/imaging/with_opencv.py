"""One image, by OpenCV: the calls of im2rec.py, and so its bytes, but nothing in silence.

Importing this makes OpenCV quiet and single-threaded in this process: the images of a data set are
spread over processes, and threads beside those only cost. Arrays are OpenCV's, blue first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..format import ImageError
from ..sniffing import check_complete, may_be_turned
from .recipe import QUALITY, check_encodable
from .with_pillow import mode_of, orientation_of, turned

try:
    import cv2
except ImportError as error:
    raise ImageError(
        f"backend opencv needs OpenCV: pip install 'rectool[opencv]' ({error})"
    ) from None

if TYPE_CHECKING:
    from .recipe import Color, Encoding, FitOf, Interp, Size
    from .resizing import Warp

cv2.setNumThreads(0)  # not 1: in a forked process that dies or hangs where the parent used threads
_logging: Any = cv2 if hasattr(cv2, "setLogLevel") else getattr(cv2.utils, "logging", None)
if _logging is not None:  # it has moved in OpenCV 4.13
    _logging.setLogLevel(0)

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


def decode(data: bytes, color: Color = "rgb") -> Array:
    """A decoded image, H x W or H x W x 3 or 4 (BGR, BGRA), of uint8; for "unchanged" or uint16.

    As cv2.imread has it, but oriented as its EXIF says whatever the format and `color`. Raises
    ImageError for anything that is no whole image, up to its end marker where its format has one,
    that OpenCV cannot decode, or that has more than MAX_PIXELS pixels.
    """
    kind = _check(data, color)
    with _faults(f"a damaged {kind}"):
        array: Array | None = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[color])
    if array is None:
        raise ImageError(f"a {kind} that is damaged, or of a kind that OpenCV does not read")
    if array.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{array.dtype} samples; convert it first")
    return turned(array, orientation_of(data)) if may_be_turned(data) else array


def render(data: bytes, color: Color, fit_of: FitOf) -> Array:
    """The image that a recipe makes, not yet encoded. Raises ImageError as `decode` does."""
    array = decode(data, color)
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


def _check(data: bytes, color: Color) -> str:
    """The format. OpenCV fills up a JPEG that was cut short, and says nothing."""
    kind = check_complete(data).format
    if kind == "TIFF" and color == "unchanged" and mode_of(data) in _TIFF_MODES:
        raise ImageError(
            "a TIFF with channels that OpenCV drops or takes for others; use --backend pillow"
        )
    return kind


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """What OpenCV raises is an ImageError, or a MemoryError."""
    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        raise ImageError(f"{what}: {error.err.strip()}") from None
