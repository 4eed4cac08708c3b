"""Small record files for the tests of iterators, whose pixels tell which sample they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from conftest import encoded
from numpy.typing import NDArray
from PIL import Image

from rectool import ImageRecordIter, IRHeader, RecordWriter, pack

SHAPE = (3, 4, 5)


def flat(value: int, width: int = 5, height: int = 4) -> bytes:
    """A PNG of one grey."""
    return encoded(Image.new("RGB", (width, height), (value,) * 3), "PNG")


def write(path: Path, payloads: Sequence[bytes], labels: Sequence[Any] | None = None) -> Path:
    """Records with the keys 10, 11..., the ids 100, 101... and the labels 0, 1..., or these."""
    with RecordWriter(path) as writer:
        for number, payload in enumerate(payloads):
            label = float(number) if labels is None else labels[number]
            writer.write(pack(IRHeader(0, label, 100 + number, 0), payload), key=10 + number)
    return path


def flats(path: Path, count: int) -> Path:
    """As many images, each of the grey that its label says."""
    return write(path, [flat(number) for number in range(count)])


def grid(width: int, height: int) -> bytes:
    """A PNG whose red is 4 times the column and whose green is 4 times the row of a pixel."""
    pixels = np.full((height, width, 3), 200, np.uint8)
    pixels[:, :, 0] = 4 * np.arange(width)
    pixels[:, :, 1] = 4 * np.arange(height)[:, None]
    return encoded(Image.fromarray(pixels), "PNG")


def seen(batches: Iterable[Any]) -> list[int]:
    """The labels of all samples, those that fill a batch left out; the pixels agree with them."""
    labels: list[int] = []
    for batch in batches:
        real = len(batch.label[0]) - batch.pad
        assert (batch.data[0][:real, 0, 0, 0] == batch.label[0][:real]).all()
        assert (batch.index[:real] == batch.label[0][:real] + 10).all()
        labels += batch.label[0][:real].astype(int).tolist()
    return labels


def images(batches: Iterable[Any]) -> NDArray[Any]:
    """The data of all batches, one after the other."""
    return np.concatenate([batch.data[0] for batch in batches])


def iterate(path: Path, shape: Sequence[int], size: int = 8, **options: Any) -> NDArray[Any]:
    """All images of an epoch."""
    return images(ImageRecordIter(path, shape, size, **options))
