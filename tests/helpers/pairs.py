"""Images and masks whose pixels say where in the image they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from conftest import encoded
from numpy.typing import NDArray
from PIL import Image

from rectool import IRHeader, RecordWriter, pack
from rectool.format.shard_names import mask_name

FILL = 65_535
"""What no mask of these holds."""


STEP = 4


def ramp(width: int, height: int, step: int = STEP) -> NDArray[np.uint8]:
    """RGB: red is `step` times the column and green that of the row, to 255 at most; blue 200.

    OpenCV's resizing rounds 8 bits down by 0.15, Pillow's maps by 0.5: less of a larger step.
    """
    pixels = np.full((height, width, 3), 200, np.uint8)
    pixels[:, :, 0] = step * np.arange(width)
    pixels[:, :, 1] = step * np.arange(height)[:, None]
    return pixels


def places(width: int, height: int) -> NDArray[np.uint16]:
    """Numbers from 0, row by row."""
    return np.arange(width * height, dtype=np.uint16).reshape(height, width)


def picture_of(
    width: int, height: int, kind: str = "PNG", step: int = STEP, **options: Any
) -> bytes:
    """A ramp, encoded."""
    if kind == "JPEG":
        options = {"quality": 100, "subsampling": 0, **options}
    return encoded(Image.fromarray(ramp(width, height, step)), kind, **options)


def mask_of(numbers: NDArray[Any]) -> bytes:
    return encoded(Image.fromarray(numbers), "PNG")


def write_pair(
    path: Path,
    images: Sequence[bytes],
    masks: Sequence[bytes],
    labels: Sequence[Any] | None = None,
) -> tuple[Path, Path]:
    """Two files with the keys 10, 11..., the ids 100, 101... and the labels 0, 1..., or these."""
    paths = (path, Path(mask_name(str(path))))
    for name, payloads in zip(paths, (images, masks), strict=True):
        with RecordWriter(name, force=True) as writer:
            for number, payload in enumerate(payloads):
                label = float(number) if labels is None else labels[number]
                writer.write(pack(IRHeader(0, label, 100 + number, 0), payload), key=10 + number)
    return paths
