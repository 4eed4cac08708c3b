"""The first words of many records at once, with numpy, from a mapping or read by position."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..system.reading import FileBytes
from .frames import Buffer

Offsets = NDArray[np.int64]
Words = NDArray[np.uint32]

_GROUP = 256  # records that are read at once where they lie close together
_CLOSE = 1 << 20  # bytes that so many may span


def words_at(buffer: Buffer, offsets: Offsets, count: int) -> Words:
    """So many words from each offset on, (offsets, count), of an array of multiples of 4.

    All must lie in the buffer.
    """
    if not len(offsets):
        return np.empty((0, count), "<u4")
    if not isinstance(buffer, FileBytes):
        words = np.frombuffer(buffer, "<u4", len(buffer) // 4)
        found: Words = sliding_window_view(words, count)[offsets >> 2]
        return found
    groups = range(0, len(offsets), _GROUP)
    return np.concatenate([_read(buffer, offsets[at : at + _GROUP], count) for at in groups])


def _read(buffer: FileBytes, offsets: Offsets, count: int) -> Words:
    low, high = int(offsets.min()), int(offsets.max()) + 4 * count
    if high - low <= _CLOSE:
        words = np.frombuffer(buffer[low:high], "<u4")
        gathered: Words = sliding_window_view(words, count)[offsets - low >> 2]
        return gathered
    pieces = b"".join([buffer[at : at + 4 * count] for at in offsets.tolist()])
    return np.frombuffer(pieces, "<u4").reshape(-1, count)
