"""Masks of the benchmarks' images, made so that it can be seen which image a mask belongs to.

A class for each eighth of the range of brightness, of the image without its details. Runs also in
the Pythons of the peers.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

LEVELS = 32  # of brightness, that are one class
BLOCK = 16  # pixels to each side, in which details are lost
LIMIT = 1.0  # of `distance`; a pair cut at two places is at some 10, two of different images at 30


def mask_of(jpeg: bytes) -> bytes:
    """The mask as a PNG with a palette, whose colours are its numbers: greys, where it is lost."""
    from PIL import Image

    image = Image.open(io.BytesIO(jpeg)).convert("L")
    small = (image.width // BLOCK, image.height // BLOCK)
    smooth = image.resize(small, Image.Resampling.BOX).resize(image.size)
    mask = smooth.point([level // LEVELS for level in range(256)])
    mask.putpalette([level for level in range(256) for _ in "rgb"])
    file = io.BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()


def distance(image: Any, mask: Any) -> float:
    """How far the brightness of an image, HxWx3, is from what its mask, HxW, says; near 0."""
    grey = np.asarray(image, np.float32).mean(2)
    middle = np.asarray(mask, np.float32) * LEVELS + LEVELS / 2
    height, width = (edge // BLOCK for edge in middle.shape)
    off = (grey - middle)[: height * BLOCK, : width * BLOCK]
    blocks = off.reshape(height, BLOCK, width, BLOCK).mean((1, 3))
    return float(np.maximum(0, np.abs(blocks) - LEVELS / 2).mean())
