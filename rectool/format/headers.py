"""The headers of many records at once: nothing behind them is read.

Nearly all records have one frame, and there every field lies at a multiple of 4 from the record's
offset; numpy gathers them. The others are read one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import HeaderError
from .frames import MAGIC_WORD, MAX_RECORD, WHOLE, Buffer
from .header import HEADER_SIZE, payload_start, raw_fields
from .heads import words_at
from .record_file import RecordFile

_SPAN = (8 + HEADER_SIZE) // 4  # words of a frame's head and the header behind it

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

    def put(self, where: slice | Offsets, part: Headers) -> None:
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
    ordered = np.append(np.sort(offsets), size)
    ends: Offsets = ordered[ordered.searchsorted(offsets, side="right")]
    return ends - offsets


def read_headers(file: RecordFile, offsets: Offsets) -> Headers:
    """The headers of the image records that begin at these bytes of a file.

    Raises HeaderError where one is none, CorruptError or TruncatedError where none begins; errors
    have the file and the record's offset.
    """
    headers, plain = plain_headers(file.buffer, offsets)
    for number in np.flatnonzero(~plain).tolist():
        record, start = _record(file, int(offsets[number]))
        headers.flags[number], _, headers.ids[number], _ = raw_fields(record)
        headers.labels[number] = np.frombuffer(record, "<f4", 2)[1]  # also the bits of a NaN
        headers.payloads[number] = len(record) - start
    return headers


def plain_headers(buffer: Buffer, offsets: Offsets) -> tuple[Headers, NDArray[np.bool_]]:
    """The headers of whole image records of one frame, and which these are; of others nothing."""
    size = len(buffer)
    headers, plain = Headers.empty(len(offsets)), np.zeros(len(offsets), bool)
    if size >= 4 * _SPAN:
        fits = (offsets >= 0) & (offsets + 4 * _SPAN <= size) & (offsets & 3 == 0)
        gathered = words_at(buffer, np.where(fits, offsets, 0), _SPAN)
        sizes = gathered[:, 1].astype(np.int64)
        starts = HEADER_SIZE + 4 * gathered[:, 2].astype(np.int64)
        plain = fits & (gathered[:, 0] == MAGIC_WORD) & (sizes <= MAX_RECORD)
        plain &= (sizes >= starts) & (offsets + 8 + (sizes + 3 & ~3) <= size)
        headers.flags[:] = gathered[:, 2]
        headers.labels[:] = gathered[:, 3].view("<f4")
        headers.ids[:] = gathered[:, 4:6].copy().view("<u8")[:, 0]
        headers.payloads[:] = sizes - starts
    return headers, plain


def read_labels(file: RecordFile, offsets: Offsets, width: int) -> NDArray[np.float32]:
    """The first labels, (records, width), of image records that have a list of as many or more."""
    labels = np.empty((len(offsets), width), np.float32)
    whole = words_at(file.buffer, offsets, 2)[:, 1] >> 29 == WHOLE
    labels[whole] = words_at(file.buffer, offsets[whole] + 4 * _SPAN, width).view("<f4")
    for number in np.flatnonzero(~whole).tolist():
        record, start = _record(file, int(offsets[number]))
        labels[number] = np.frombuffer(record[HEADER_SIZE:start], "<f4", width)
    return labels


def _record(file: RecordFile, offset: int) -> tuple[bytes, int]:
    """An image record, and where its payload begins."""
    record = file.read(offset)
    try:
        return record, payload_start(record)
    except HeaderError as error:
        raise error.located(path=file.path, offset=offset) from None
