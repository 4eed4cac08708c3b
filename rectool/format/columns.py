"""The headers of many records at once: nothing behind them is read.

Nearly all records have one frame, and there every field lies at a multiple of 4 from the record's
offset; numpy gathers them. The others are read one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .errors import HeaderError
from .frames import MAGIC, MAX_RECORD, WHOLE, Buffer, record_at
from .header import HEADER_SIZE, payload_start, raw_fields, unpack

_MAGIC_WORD = int.from_bytes(MAGIC, "little")
_HEAD_WORDS, _HEADER_WORDS = 2, HEADER_SIZE // 4
_BLOCK = 1 << 18

Offsets = NDArray[np.int64]


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

    def part(self, where: slice | Offsets) -> Headers:
        """Some of the records'; views, where they are a slice."""
        return Headers(self.flags[where], self.labels[where], self.ids[where], self.payloads[where])

    def put(self, where: Offsets, part: Headers) -> None:
        """Sets the fields of some records."""
        self.flags[where], self.labels[where] = part.flags, part.labels
        self.ids[where], self.payloads[where] = part.ids, part.payloads

    @property
    def widths(self) -> NDArray[np.uint32]:
        """How many labels each record has: one where the flag is 0."""
        return np.maximum(self.flags, 1)


def room(offsets: Offsets, size: int) -> Offsets:
    """Bytes from each record to the next indexed one, or to the file's end: none is longer."""
    if (offsets[1:] > offsets[:-1]).all():  # as nearly always: no need to look for the next one
        return np.diff(offsets, append=size)
    ordered = np.append(np.unique(offsets), size)
    ends: Offsets = ordered[ordered.searchsorted(offsets, side="right")]
    return ends - offsets


def read_headers(buffer: Buffer, offsets: Offsets, into: Headers) -> None:
    """Reads the headers of the image records that begin at these bytes of a `.rec`.

    Raises HeaderError where one is none, CorruptError or TruncatedError where none begins; errors
    have the record's offset.
    """
    words = np.frombuffer(buffer, "<u4", len(buffer) // 4)
    for first in range(0, len(offsets), _BLOCK):
        block = slice(first, first + _BLOCK)
        _read_block(buffer, words, offsets[block], into.part(block))


def _read_block(buffer: Buffer, words: NDArray[np.uint32], offsets: Offsets, into: Headers) -> None:
    at = offsets >> 2
    span = _HEAD_WORDS + _HEADER_WORDS
    fits = at + span <= len(words)
    if len(words) >= span:
        gathered = sliding_window_view(words, span)[np.where(fits, at, 0)]
        sizes = gathered[:, 1].astype(np.int64)
        starts = HEADER_SIZE + 4 * gathered[:, 2].astype(np.int64)
        plain = fits & (gathered[:, 0] == _MAGIC_WORD) & (sizes <= MAX_RECORD)
        plain &= (sizes >= starts) & (offsets + 8 + (sizes + 3 & ~3) <= len(buffer))
        into.flags[:] = gathered[:, 2]
        into.labels[:] = gathered[:, 3].view(np.float32)
        into.ids[:] = gathered[:, 4:6].copy().view("<u8")[:, 0]
        into.payloads[:] = sizes - starts
    else:
        plain = fits
    for number in np.flatnonzero(~plain).tolist():
        record = _record(buffer, int(offsets[number]))
        flag, label, id_, _ = raw_fields(record)
        into.flags[number], into.labels[number], into.ids[number] = flag, label, id_
        into.payloads[number] = len(record) - payload_start(record)


def read_labels(
    buffer: Buffer, offsets: Offsets, headers: Headers, into: NDArray[np.float32]
) -> None:
    """Reads the labels of records of one width, (records, width), given their headers."""
    width = into.shape[1]
    own = headers.flags == 0
    into[own, 0] = headers.labels[own]
    words = np.frombuffer(buffer, "<u4", len(buffer) // 4)
    behind = _HEAD_WORDS + _HEADER_WORDS
    for first in range(0, len(offsets), _BLOCK):
        several = first + np.flatnonzero(headers.flags[first : first + _BLOCK])
        at = offsets[several] >> 2
        if not len(at):
            continue
        whole = words[at + 1] >> 29 == WHOLE
        windows = sliding_window_view(words, width)
        into[several[whole]] = windows[at[whole] + behind].view(np.float32)
        for number in several[~whole].tolist():
            into[number] = unpack(_record(buffer, int(offsets[number])))[0].label


def _record(buffer: Buffer, offset: int) -> bytes:
    record = record_at(buffer, offset)
    try:
        payload_start(record)
    except HeaderError as error:
        error.offset = offset
        raise
    return record
