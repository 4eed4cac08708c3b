"""Encoded images to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ImageError, StrPath
from ...imaging.array_decoding import decode_array
from ...imaging.image_files import read_named
from ..base import opening
from ..nd import NDArray


def imdecode(
    buf: bytes | bytearray | memoryview | np.ndarray[Any, Any],
    flag: int = 1,
    to_rgb: int | bool = 1,
    out: NDArray | None = None,
) -> NDArray:
    """The decoded image, uint8: HxWx3 for `flag` 1, RGB or without `to_rgb` BGR; HxWx1 for 0, grey.

    `buf` holds the encoded image; an array of it is uint8. The image is put into `out` where that
    is given, which must have its shape, and `out` is returned. An EXIF orientation is always
    applied (MXNet did it for some JPEGs); alpha is dropped. Raises ImageError for what is no whole
    image, TypeError for a `buf` of another type, ValueError for another flag.
    """
    if flag not in (0, 1):
        raise ValueError(f"flag must be 1 (color) or 0 (gray), got {flag!r}")
    array = decode_array(_as_bytes(buf), "rgb" if flag else "gray")
    if not flag:
        array = array[:, :, None]
    elif not to_rgb:
        array = array[:, :, ::-1]
    if out is not None:
        return fill(out, array)
    if not array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, order="C")
    return array.view(NDArray)


def imread(
    filename: StrPath, flag: int = 1, to_rgb: int | bool = 1, out: NDArray | None = None
) -> NDArray:
    """The image in a file, as `imdecode` has it. Errors name the file; OSError too."""
    with opening():
        data = read_named(filename)
    try:
        return imdecode(data, flag, to_rgb, out)
    except ImageError as error:
        raise error.located(path=filename) from None


def fill(out: NDArray, array: np.ndarray[Any, Any]) -> NDArray:
    """Puts a result where the caller wants it."""
    if out.shape != array.shape:
        raise ValueError(f"out must have the shape {array.shape}, got {out.shape}")
    out[...] = array
    return out


def _as_bytes(buf: Any) -> bytes:
    if isinstance(buf, bytes):
        return buf
    if isinstance(buf, np.ndarray):
        if buf.dtype != np.uint8:
            raise TypeError(f"an array of an encoded image's bytes must be uint8, got {buf.dtype}")
        return buf.tobytes()
    if isinstance(buf, bytearray | memoryview):
        return bytes(buf)
    raise TypeError(
        f"an encoded image must be bytes or an array of uint8, got {type(buf).__name__}"
    )
