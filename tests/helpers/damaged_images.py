"""Images of every format, and faults at the places in their bytes that count."""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator

from conftest import encoded, picture
from PIL import Image

HUGE = (0x7FFFFFFF, 0xFFFFFFFF, 0x10000000, 0xFFFF)


def originals() -> Iterator[tuple[str, bytes]]:
    """Whole images: a name with the usual ending, and the bytes."""
    small = picture(5, 44, 31)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    yield "baseline.jpg", encoded(small, exif=exif)
    yield "progressive.jpg", encoded(small, progressive=True, comment=b"by hand")
    yield "gray.jpg", encoded(picture(6, 40, 40, "L"))
    yield "rgb.png", encoded(small, "PNG")
    yield "palette.png", encoded(picture(7, 33, 30, "P"), "PNG", transparency=3)
    yield "some.gif", encoded(picture(8, 30, 30, "P"), "GIF")
    yield "lossy.webp", encoded(small, "WEBP")
    yield "lossless.webp", encoded(small, "WEBP", lossless=True)
    yield "plain.tif", encoded(small, "TIFF")
    yield "lzw.tif", encoded(small, "TIFF", compression="tiff_lzw")
    yield "jpeg.tif", encoded(small, "TIFF", compression="jpeg")
    yield "deflated.tif", encoded(small, "TIFF", compression="tiff_adobe_deflate")
    yield "some.bmp", encoded(small, "BMP")


def lengths(data: bytes) -> list[tuple[int, str]]:
    """Where lengths, counts and sizes stand in a whole image, and how they are written."""
    if data.startswith(b"\x89PNG"):
        found, at = [(16, ">I"), (20, ">I")], 8
        while at < len(data):
            found.append((at, ">I"))
            at += 12 + int(struct.unpack_from(">I", data, at)[0])
        return found
    if data.startswith(b"\xff\xd8"):
        return [(at.end(), ">H") for at in re.finditer(rb"\xff[\xc0-\xc4\xda\xdb\xe0-\xfe]", data)]
    if data[:2] in (b"II", b"MM"):
        order = "<" if data[:2] == b"II" else ">"
        folder = int(struct.unpack_from(order + "I", data, 4)[0])
        tags = range(int(struct.unpack_from(order + "H", data, folder)[0]))
        fields = [(folder + 2 + 12 * tag + at, order + "I") for tag in tags for at in (4, 8)]
        return [(4, order + "I"), *fields]
    if data.startswith(b"RIFF"):
        return [(4, "<I"), (16, "<I"), (24, "<H"), (26, "<H"), (28, "<H")]
    if data.startswith(b"GIF"):
        return [(6, "<H"), (8, "<H"), (10, "B"), (13 + 768 + 5, "<H"), (13 + 768 + 7, "<H")]
    return [(at, "<I") for at in (2, 10, 14, 18, 22, 30, 34, 46)]


def with_checksum(data: bytearray) -> bytearray:
    """The same, and if it is a PNG with the header's checksum made right."""
    if data.startswith(b"\x89PNG"):
        struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    return data


def cut(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def cut_near_the_end(data: bytearray, rng: random.Random) -> bytearray:
    return data[: len(data) - rng.randint(1, 12)]


def flipped(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 3, 30))):
        data[rng.randrange(len(data))] ^= rng.randint(1, 255)
    return data


def flipped_at_the_beginning(data: bytearray, rng: random.Random) -> bytearray:
    data[rng.randrange(4, 64)] ^= 1 << rng.randrange(8)
    return with_checksum(data)


def inflated(data: bytearray, rng: random.Random) -> bytearray:
    at, kind = rng.choice(lengths(bytes(data)))
    largest = (1 << 8 * struct.calcsize(kind)) - 1
    struct.pack_into(kind, data, at, rng.choice((*HUGE, rng.getrandbits(31))) & largest)
    return with_checksum(data)


def zeroed_tail(data: bytearray, rng: random.Random) -> bytearray:
    begin = rng.randrange(len(data))
    return data[:begin] + bytes(len(data) - begin)


def torn(data: bytearray, rng: random.Random) -> bytearray:
    begin, end = sorted(rng.randrange(len(data)) for _ in range(2))
    return data[:begin] + data[end:]


def of_another_kind(data: bytearray, rng: random.Random) -> bytearray:
    magic = (
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\0",
        b"RIFF",
        b"BM",
        b"P6\n",
    )
    begin = rng.choice(magic)
    return bytearray(begin) + data[len(begin) :]


def twice(data: bytearray, rng: random.Random) -> bytearray:
    return data + data[rng.randrange(2) * 7 :]


MUTATIONS: list[Callable[[bytearray, random.Random], bytearray]] = [
    cut, cut_near_the_end, flipped, flipped, flipped_at_the_beginning, inflated, inflated, inflated,
    zeroed_tail, torn, of_another_kind, twice,
]  # fmt: skip
