"""Arrays as OpenCV has them, blue first."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError
from ..imaging.pillow import decode, encode
from ..imaging.pillow_open import is_deep_png


def encode_bgr(array: NDArray[Any], quality: int, img_fmt: str) -> bytes:
    """See `pack_img`."""
    image = _image(np.asarray(array))
    ending = "." + img_fmt.lower().removeprefix(".")
    if ending in (".jpg", ".jpeg"):
        plain = image.convert("RGB") if image.mode == "RGBA" else image
        return encode(plain, "jpg", min(max(quality, 1), 100))
    if ending == ".png":
        return encode(image, "png", min(max(quality, 0), 9))
    if ending not in (".bmp", ".webp"):
        raise ImageError(f"img_fmt must be .jpg, .png, .webp or .bmp, got {img_fmt!r}")
    file = io.BytesIO()
    options = {"lossless": True, "exact": True} if ending == ".webp" else {}
    image.save(file, ending[1:].upper(), **options)
    return file.getvalue()


def _image(array: NDArray[Any]) -> Image.Image:
    if array.dtype.kind not in "biuf":
        nothing = " (cv2.imread gives None for a file that it cannot read)" * (array.shape == ())
        raise ImageError(f"the image must be an array of pixels, got {array!r:.80}{nothing}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    deep = array.dtype == np.uint16 and array.ndim == 2
    if array.dtype != np.uint8 and not deep:
        array = np.clip(np.rint(array), 0, 255).astype(np.uint8)
    if array.size and array.ndim == 2:
        return Image.fromarray(np.ascontiguousarray(array))
    if not array.size or array.ndim != 3 or array.shape[2] not in (3, 4):
        raise ImageError(f"an image must have the shape HxW, HxWx3 or HxWx4, got {array.shape}")
    return Image.fromarray(_swapped(array))


def decode_bgr(data: bytes, iscolor: int) -> NDArray[Any] | None:
    """See `unpack_img`."""
    if iscolor not in (-1, 0, 1):
        raise ValueError(f"iscolor must be -1, 0 or 1, got {iscolor}")
    if not data:
        raise ImageError("the record has no image")
    color = {1: "rgb", 0: "gray", -1: "unchanged"}[iscolor]
    try:
        image = decode(data, color, orient=iscolor >= 0)  # type: ignore[arg-type]
    except ImageError:
        if iscolor == -1 and is_deep_png(data):
            raise
        return None
    array = np.array(image.convert("RGBA") if image.mode == "LA" else image)
    return array if array.ndim == 2 else _swapped(array)


def _swapped(array: NDArray[Any]) -> NDArray[Any]:
    """RGB(A) to BGR(A) and back."""
    order = [2, 1, 0, 3][: array.shape[2]]
    return np.ascontiguousarray(array[:, :, order])
