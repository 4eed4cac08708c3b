"""Images decoded to arrays, for training: by simplejpeg where that is installed, else by Pillow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .options import Color
from .pillow import decode
from .plain_jpegs import plain_jpeg


def decode_array(data: bytes, color: Color = "rgb", max_pixels: int | None = None) -> NDArray[Any]:
    """A decoded image: uint8, HxWx3 (RGB), for "gray" HxW; for "unchanged" what Pillow makes of it.

    As `imaging.decode` has it, its EXIF orientation applied, and raising ImageError as that does.
    """
    jpeg = plain_jpeg(data, max_pixels)
    array = jpeg and jpeg.decoded(color)
    return np.array(decode(data, color, max_pixels=max_pixels)) if array is None else array
