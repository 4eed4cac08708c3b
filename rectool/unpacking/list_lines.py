"""The lines of a list for unpacked records, from which they can be packed again."""

from __future__ import annotations

from array import array

from ..format.header import HEADER_SIZE, MANY_LABELS, IRHeader, compact_labels, pack_raw, raw_fields
from ..listing.lst import Entry, HeaderFields, format_header_line, format_line
from ..listing.text_files import LONGEST_LINE

_LONGEST_PATH = 1 << 14  # bytes, and the key


def lines_of(key: int, header: IRHeader, path: str, record: bytes) -> bytes:
    """The record's line, behind a #header line where packing it would give another header."""
    entry = Entry(key, _labels_of(header), path)
    flag = len(entry.labels) if len(entry.labels) > 1 else 0
    own = 0.0 if flag else entry.labels[0]
    if record[:HEADER_SIZE] == pack_raw(flag, own, entry.key, 0):
        return format_line(entry)
    return format_header_line(entry.key, HeaderFields(*raw_fields(record))) + format_line(entry)


def fits_a_line(header: IRHeader) -> bool:
    """Whether a list with the labels could be read again."""
    if header.flag <= MANY_LABELS:
        return True
    least, most = 9 * header.flag, LONGEST_LINE - _LONGEST_PATH  # the least is "0.000000" and a tab
    return least < most and len(format_line(Entry(0, _labels_of(header), ""))) < most


def _labels_of(header: IRHeader) -> tuple[float, ...] | array[float]:
    labels = compact_labels(header)
    return labels if isinstance(labels, array) else tuple(labels)
