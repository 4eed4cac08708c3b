"""PNGs written by hand: what Pillow would tidy up, or never writes, stays as it is."""

from __future__ import annotations

import struct
import zlib


def unfiltered(*rows: bytes) -> bytes:
    """Rows as a PNG's image data have them, each behind the number of its filter: 0, none."""
    return b"".join(b"\0" + row for row in rows)


def png(
    width: int,
    height: int,
    bits: int,
    colour: int,
    pixels: bytes,
    *chunks: bytes,
    methods: tuple[int, int, int] = (0, 0, 0),
    end: bytes = b"",
) -> bytes:
    """A PNG with these fields, image data and chunks before them (name and data).

    `methods` are those of compression, filters and interlacing; `end` follows the zlib stream.
    """
    head = struct.pack(">IIBB3B", width, height, bits, colour, *methods)
    data = b"IDAT" + zlib.compress(pixels) + end
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, (b"IHDR" + head, *chunks, data, b"IEND")))


def _chunk(named: bytes) -> bytes:
    return struct.pack(">I", len(named) - 4) + named + struct.pack(">I", zlib.crc32(named))
