"""The index of a `.rec` from its frames alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import IndexFileError
from .frames import Buffer, Span, data, parts_of, walk
from .header import HEADER_SIZE, raw_fields
from .header_arrays import plain_headers
from .index import MAX_KEY, Index, Keys

KeySource = Literal["auto", "id", "position"]


def index_of_spans(spans: Iterable[Span], buffer: Buffer, keys: KeySource = "auto") -> Index:
    """The index of records of a `.rec` that were found without one.

    "auto" takes the records' ids where all are image records with ids that differ, else positions.
    "id" raises IndexFileError, saying why, where ids cannot be keys.
    """
    offsets, ids = array("q"), array("Q")
    trouble = "not wanted" if keys == "position" else ""
    for span in spans:
        offsets.append(span.begin)
        if not trouble:
            id_ = _id_of(buffer, span)
            ids.append(id_ or 0)
            if id_ is None:
                trouble = f"the record at byte {span.begin} has no IRHeader"
    found = np.array(offsets, np.int64)
    return _with_keys(found, np.array(ids, np.uint64), trouble, keys)


def index_of_records(offsets: Keys, buffer: Buffer, keys: KeySource = "auto") -> Index:
    """The same of all the records of a file, which are whole and begin at these offsets."""
    ids = np.empty(0, np.uint64)
    if keys != "position":
        headers, plain = plain_headers(buffer, offsets)
        if not plain.all():
            return index_of_spans(walk(buffer), buffer, keys)
        ids = headers.ids
    return _with_keys(offsets, ids, "not wanted" if keys == "position" else "", keys)


def _with_keys(offsets: Keys, ids: NDArray[np.uint64], trouble: str, keys: KeySource) -> Index:
    """The index with the ids for keys, unless `trouble` or anything else speaks against it."""
    if not trouble and len(ids) and int(ids.max()) > MAX_KEY:
        at = int(ids.argmax())
        trouble = f"the record at byte {offsets[at]} has the id {ids[at]}, beyond {MAX_KEY}"
    if not trouble:
        unique, counts = np.unique(ids, return_counts=True)
        if len(unique) == len(ids):
            return Index(ids.astype(np.int64), offsets, "id")
        trouble = f"{counts.max()} records have the id {unique[counts.argmax()]}"
    if keys == "id":
        raise IndexFileError(f"ids cannot be the keys: {trouble}")
    return Index(np.arange(len(offsets), dtype=np.int64), offsets, "position")


def _id_of(buffer: Buffer, span: Span) -> int | None:
    if span.is_whole:
        begin, end = span.begin + 8, span.begin + 8 + span.size
    else:
        begin, end = next(parts_of(buffer, span))
    if not span.is_whole and end - begin < HEADER_SIZE:
        record = data(buffer, span)
    else:
        record = bytes(buffer[begin : min(end, begin + HEADER_SIZE)])
    if len(record) < HEADER_SIZE:
        return None
    flag, _, id_, _ = raw_fields(record)
    return id_ if HEADER_SIZE + 4 * flag <= span.size else None
