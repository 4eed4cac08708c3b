"""The PNGs that masks are packed as: of one image data chunk and rows without filters.

Filters are for numbers that are quantities. Those of classes take more room with them, as Pillow
writes PNGs, and twice as long to decode.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .probe import MAX_PIXELS

Array = NDArray[Any]

_HEAD, _WORD = Struct(">IIBBBBB"), Struct(">I")
_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG's, by the number of channels


def _chunk(kind: bytes, data: bytes) -> bytes:
    named = kind + data
    return _WORD.pack(len(data)) + named + _WORD.pack(zlib.crc32(named))


_START = b"\x89PNG\r\n\x1a\n" + _WORD.pack(_HEAD.size) + b"IHDR"
_END = _chunk(b"IEND", b"")
_HEAD_END = len(_START) + _HEAD.size + 4
_DATA = _HEAD_END + 8  # where the image data begin, behind their length and name


def encode_plain(numbers: Array, level: int) -> bytes:
    """A PNG of these numbers, HxW or HxWxC, uint8 or uint16, compressed by zlib at this level."""
    height, width, channels = (*numbers.shape, 1)[:3]
    words = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder(">"))
    rows = np.pad(words.view(np.uint8).reshape(height, -1), ((0, 0), (1, 0)))  # 0: no filter
    head = _HEAD.pack(width, height, 8 * numbers.itemsize, _COLOURS[channels], 0, 0, 0)
    pixels = zlib.compress(rows.tobytes(), level)
    return _START[:8] + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _END


def decode_plain(data: bytes) -> Array | None:
    """The numbers in a PNG that is as `encode_plain` writes those of one channel, HxW.

    None for all other images, and for what is damaged.
    """
    if not _is_whole(data):
        return None
    width, height, bits, *kind = _HEAD.unpack_from(data, len(_START))
    row = 1 + width * bits // 8
    if bits not in (8, 16) or any(kind) or not 0 < width * height <= MAX_PIXELS:
        return None
    pixels = _inflated(memoryview(data)[_DATA : -len(_END) - 4], height * row)
    if pixels is None:
        return None
    rows = np.frombuffer(pixels, np.uint8).reshape(height, row)
    if rows[:, 0].any():  # filtered
        return None
    numbers: Array = rows[:, 1:].copy()
    return numbers if bits == 8 else numbers.view(">u2").astype(np.uint16)


def _is_whole(data: bytes) -> bool:
    """Whether these are the three chunks, with right checksums."""
    if len(data) < _DATA + 4 + len(_END) or not (data.startswith(_START) and data.endswith(_END)):
        return False
    (size,) = _WORD.unpack_from(data, _HEAD_END)
    return (
        len(data) == _DATA + size + 4 + len(_END)
        and data[_DATA - 4 : _DATA] == b"IDAT"
        and _is_sound(data, len(_START) - 4, _HEAD_END)
        and _is_sound(data, _DATA - 4, _DATA + size + 4)
    )


def _is_sound(data: bytes, begin: int, end: int) -> bool:
    """Whether a chunk's checksum, its last 4 bytes, is that of its name and data."""
    checksum: int = _WORD.unpack_from(data, end - 4)[0]
    return zlib.crc32(memoryview(data)[begin : end - 4]) == checksum


def _inflated(data: memoryview, size: int) -> bytes | None:
    """What a zlib stream holds, if that are so many bytes."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, size + 1)  # never more: memory is not the sender's
    except zlib.error:
        return None
    return found if len(found) == size and stream.eof and not stream.unused_data else None
