"""Whether a tool did its work: None, or what is wrong. Knows frames by itself, not from rectool."""

from __future__ import annotations

import contextlib
import io
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from data import ImageSet
from masks import LIMIT, distance
from PIL import Image

MAGIC = 0xCED7230A
HEAD = 24  # an image record's header, without labels
_LOOKED_AT = 16  # images decoded of each file


@contextlib.contextmanager
def mapped(rec: Path) -> Iterator[mmap.mmap]:
    with rec.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def find_records(rec: mmap.mmap) -> list[tuple[int, int]]:
    """Offset and length of each record's first part. Raises ValueError where there is none."""
    found, at = [], 0
    while at < len(rec):
        magic, word = struct.unpack_from("<II", rec, at)
        if magic != MAGIC:
            raise ValueError(f"no record at byte {at}")
        if word >> 29 in (0, 1):
            found.append((at + 8, word & (1 << 29) - 1))
        at += 8 + (word + 3 & (1 << 29) - 4)
    return found


def check_rec(rec: Path, sizes: list[int], idx: Path | None) -> str | None:
    """The records' number and that of the index's lines; the bytes, one label with each file."""
    wrong = _counted(rec, len(sizes), idx)
    length, due = rec.stat().st_size, sum(8 + HEAD + size + 3 & ~3 for size in sizes)
    return wrong or (None if length == due else f"{length} bytes, not {due}")


def _counted(rec: Path, count: int, idx: Path | None) -> str | None:
    with mapped(rec) as data:
        records = len(find_records(data))
    if records != count:
        return f"{records} records, not {count}"
    lines = count if idx is None else idx.read_bytes().count(b"\n")
    return None if lines == count else f"{lines} lines in the index, not {count}"


def check_encoded(
    rec: Path, images: ImageSet, shorter: int, idx: Path | None, kind: str = "JPEG"
) -> str | None:
    """The numbers; of some records the key, and the kind of file and size wanted (0: any)."""
    count = len(images.lines)
    wrong = _counted(rec, count, idx)
    if wrong:
        return wrong
    for number, (key, image) in _some_images(rec).items():
        if key != int(images.lines[number].split("\t")[0]):
            return f"record {number} has key {key}"
        if image.format != kind or (shorter and min(image.size) != shorter):
            return f"record {number} is {image.format} of {image.size}"
    return None


def check_masks(images: Path, masks: Path) -> str | None:
    """Of some records of two files, that the mask is its image's."""
    found = _some_images(masks)
    for number, (key, image) in _some_images(images).items():
        mask_key, mask = found[number]
        if (key, image.size) != (mask_key, mask.size):
            return f"record {number}: {key}, {image.size}, and its mask {mask_key}, {mask.size}"
        if (off := distance(image, mask)) > 4 * LIMIT:  # a single one, not the mean of many
            return f"record {number} and its mask differ by {off:.1f}"
    return None


def _some_images(rec: Path) -> dict[int, tuple[int, Image.Image]]:
    """Some records of a file by their number: key and image."""
    found = {}
    with mapped(rec) as data:
        records = find_records(data)
        for number in range(0, len(records), -(-len(records) // _LOOKED_AT)):
            offset, length = records[number]
            key = struct.unpack_from("<Q", data, offset + 8)[0]
            found[number] = key, Image.open(io.BytesIO(data[offset + HEAD : offset + length]))
    return found


def check_tar(tar: Path, sizes: list[int]) -> str | None:
    """The bytes: a block of 512 for each file's name, its data in blocks, and 10 kB at most."""
    least = sum(512 + (size + 511 & ~511) for size in sizes) + 1024
    size = tar.stat().st_size
    return None if least <= size < least + 10_240 else f"{size} bytes, not {least} or little more"


def check_list(lst: Path, count: int) -> str | None:
    """The number of lines, each with a path of its own."""
    paths = {line.rpartition(b"\t")[2] for line in lst.read_bytes().splitlines()}
    return None if len(paths) == count else f"{len(paths)} paths, not {count}"
