"""Lists shuffled, divided and written, as im2rec.py does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import StrPath
from ..system.atomic import AtomicFile, publish
from .lst import SEED, ImageList, shuffled_order


def shuffled(images: ImageList, seed: int = SEED) -> ImageList:
    """The images in im2rec.py's random order; keys stay what they were."""
    moved = images.take(shuffled_order(len(images), seed))
    return ImageList.numbered(moved.contents(), moved.name, moved.keys)


class Part(NamedTuple):
    """Some images of a list, and what their file's name has between prefix and `.lst`."""

    suffix: str
    images: ImageList


def split(
    images: ImageList, *, chunks: int = 1, train_ratio: float = 1.0, test_ratio: float = 0.0
) -> list[Part]:
    """The parts that im2rec.py writes, in its order: for each chunk test, val, train.

    Sizes are the chunk's times the ratio, rounded down; what is left over goes to val, and where
    there is none (the ratios make 1) to train. Raises ValueError for ratios that make more than 1
    and for more chunks than images.
    """
    if train_ratio + test_ratio > 1.0 + 1e-9:
        raise ValueError(
            f"train_ratio and test_ratio must not exceed 1 together, got {train_ratio:g}"
            f" and {test_ratio:g}"
        )
    if chunks > len(images):
        raise ValueError(
            f"chunks must be at most the number of images, {len(images)}, got {chunks}"
        )
    size = -(-len(images) // chunks)
    parts: list[Part] = []
    for number in range(chunks):
        chunk = images.take(slice(number * size, (number + 1) * size))
        prefix = f"_{number}" if chunks > 1 else ""
        if train_ratio == 1.0:
            parts.append(Part(prefix, chunk))
            continue
        test = int(size * test_ratio)
        train = test + int(size * train_ratio)
        if test_ratio:
            parts.append(Part(prefix + "_test", chunk.take(slice(0, test))))
        if train_ratio + test_ratio < 1.0:
            parts.append(Part(prefix + "_val", chunk.take(slice(train, None))))
            parts.append(Part(prefix + "_train", chunk.take(slice(test, train))))
        else:
            parts.append(Part(prefix + "_train", chunk.take(slice(test, None))))
    return parts


def write_lists(
    prefix: StrPath, parts: Iterable[Part], *, ending: str = ".lst", force: bool = False
) -> list[str]:
    """Writes each part to PREFIX + suffix + ending, all or none, and returns the paths."""
    outputs: list[AtomicFile] = []
    try:
        for part in parts:
            output = AtomicFile(f"{os.fspath(prefix)}{part.suffix}{ending}", force=force)
            outputs.append(output)
            output.write(part.images.contents())
    except BaseException:
        for output in outputs:
            output.discard()
        raise
    publish(outputs)
    return [output.path for output in outputs]
