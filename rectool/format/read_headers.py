"""The headers of many records at once: nothing behind them is read.

Nearly all records have one frame, and there every field lies at a multiple of 4 from the record's
offset; numpy gathers them. The others are read one by one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import HeaderError
from .frames import WHOLE
from .header import HEADER_SIZE, payload_start, raw_fields
from .header_arrays import WORDS, Headers, Offsets, plain_headers, words_at
from .record_file import RecordFile


def max_frame_sizes(offsets: Offsets, size: int) -> Offsets:
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


def read_labels(file: RecordFile, offsets: Offsets, width: int) -> NDArray[np.float32]:
    """The first labels, (records, width), of image records that have a list of as many or more."""
    labels = np.empty((len(offsets), width), np.float32)
    whole = words_at(file.buffer, offsets, 2)[:, 1] >> 29 == WHOLE
    labels[whole] = words_at(file.buffer, offsets[whole] + 4 * WORDS, width).view("<f4")
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
