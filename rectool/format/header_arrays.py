"""The first words of many records at once, with numpy, from a mapping or read by position.

Nearly all records have one frame, and there every field lies at a multiple of 4 from the record's
offset.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..system.file_bytes import FileBytes
from .frames import MAGIC_WORD, MAX_RECORD, Buffer
from .header import HEADER_SIZE

Offsets = NDArray[np.int64]
Words = NDArray[np.uint32]

WORDS = (8 + HEADER_SIZE) // 4
"""The words of a frame's head and the header behind it."""

_BLOCK = 1 << 16  # records
_GROUP = 256  # records that are read at once where they lie close together
_CLOSE = 1 << 20  # bytes that so many may span


class Headers(NamedTuple):
    """Of records: arrays of shape (records,). Fields are IRHeader's.

    `labels` are the headers' own, which count where `flags` is 0; `payloads` are sizes in bytes.
    """

    flags: NDArray[np.uint32]
    labels: NDArray[np.float32]
    ids: NDArray[np.uint64]
    payloads: NDArray[np.int64]

    @classmethod
    def empty(cls, count: int) -> Headers:
        return cls(
            np.empty(count, np.uint32),
            np.empty(count, np.float32),
            np.empty(count, np.uint64),
            np.empty(count, np.int64),
        )

    def put(self, where: slice | Offsets, part: Headers) -> None:
        """Sets the fields of some records."""
        self.flags[where], self.labels[where] = part.flags, part.labels
        self.ids[where], self.payloads[where] = part.ids, part.payloads

    @property
    def widths(self) -> NDArray[np.uint32]:
        """How many labels each record has: one where the flag is 0."""
        return np.maximum(self.flags, 1)


def plain_headers(buffer: Buffer, offsets: Offsets) -> tuple[Headers, NDArray[np.bool_]]:
    """The headers of whole image records of one frame, and which these are; of others nothing."""
    size = len(buffer)
    headers, plain = Headers.empty(len(offsets)), np.zeros(len(offsets), bool)
    for first in range(0, len(offsets) if size >= 4 * WORDS else 0, _BLOCK):
        block = slice(first, first + _BLOCK)
        begins = offsets[block]
        fits = (begins >= 0) & (begins + 4 * WORDS <= size) & (begins & 3 == 0)
        words = words_at(buffer, np.where(fits, begins, 0), WORDS)
        sizes = words[:, 1].astype(np.int64)
        starts = HEADER_SIZE + 4 * words[:, 2].astype(np.int64)
        whole = fits & (words[:, 0] == MAGIC_WORD) & (sizes <= MAX_RECORD)
        plain[block] = whole & (sizes >= starts) & (begins + 8 + (sizes + 3 & ~3) <= size)
        labels, ids = words[:, 3].view("<f4"), words[:, 4:6].copy().view("<u8")[:, 0]
        headers.put(block, Headers(words[:, 2], labels, ids, sizes - starts))
    return headers, plain


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
    pieces = buffer.read_each(offsets.tolist(), 4 * count)
    return np.frombuffer(pieces, "<u4").reshape(-1, count)
