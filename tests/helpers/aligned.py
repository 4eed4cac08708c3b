"""Images and masks that say where each pixel was, as files, and what is packed of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from conftest import encoded
from PIL import Image

from rectool import RecordReader, unpack
from rectool.imaging.masks import decode_mask, encode_mask

SIZES = [(60, 40), (40, 60), (51, 51), (33, 62), (64, 21), (47, 46), (30, 44), (58, 29)]


def image_of(width: int, height: int, orientation: int = 1, kind: str = "PNG") -> bytes:
    """Red is 4 times the column, green 4 times the row of a pixel."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[:, :, 0] = 4 * np.arange(width)
    pixels[:, :, 1] = 4 * np.arange(height)[:, None]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else {}
    return encoded(Image.fromarray(pixels), kind, exif=exif, **options)


def mask_of(width: int, height: int) -> bytes:
    """A pixel's number is 256 times its row and its column."""
    rows, columns = np.mgrid[:height, :width]
    return encode_mask((256 * rows + columns).astype(np.uint16))


def make_pairs(folder: Path) -> Path:
    """24 images in `images`, of all orientations, with masks in `masks`."""
    for number in range(24):
        name = f"c{number % 2}/n{number}"
        size, kind = SIZES[number % 8], ("PNG", "JPEG")[number // 16]
        orientation = number % 8 + 1 if number > 7 else 1
        image, mask = folder / f"images/{name}.png", folder / f"masks/{name}.png"
        for path in (image, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(image_of(*size, orientation, kind))
        mask.write_bytes(mask_of(*size))
    return folder


def read(path: Path) -> dict[int, tuple[Any, bytes]]:
    with RecordReader(path) as reader:
        return {int(key): unpack(record) for key, record in zip(reader.keys, reader, strict=True)}


def check_aligned(image: bytes, mask: bytes) -> None:
    """The mask says where its image's pixels were, and these say the same."""
    pixels = np.array(Image.open(io.BytesIO(image)).convert("RGB")).astype(float)
    numbers = decode_mask(mask).astype(int)
    assert pixels.shape[:2] == numbers.shape
    inside = slice(2, -2), slice(2, -2)  # filters see no more than the edge there
    for channel, place in ((0, numbers % 256), (1, numbers // 256)):
        off = (pixels[:, :, channel] / 4 - place)[inside]
        assert np.abs(off).max() < 1.6
        assert abs(off.mean()) < 0.55  # where a middle lies between two pixels the right one counts


def both(folder: Path, name: str = "out") -> list[tuple[int, bytes, bytes]]:
    """Key, image and mask of all records, of one file or of shards; headers are the same."""
    found = []
    for rec in sorted(folder.glob(f"{name}.rec")) or sorted(folder.glob(f"{name}-*.rec")):
        images = read(rec)
        masks = read(rec.parent / rec.name.replace(name, name + "_mask", 1))
        assert list(images) == list(masks)
        for key, (header, image) in images.items():
            assert masks[key][0] == header
            found.append((key, image, masks[key][1]))
    return found
