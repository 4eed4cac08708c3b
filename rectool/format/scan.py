"""The index of a `.rec` from its frames alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Literal

import numpy as np

from ..errors import IndexFileError
from .frames import Buffer, Span, data, parts_of
from .header import HEADER_SIZE, raw_fields
from .index import MAX_KEY, Index

KeySource = Literal["auto", "id", "position"]


def index_of_spans(spans: Iterable[Span], buffer: Buffer, keys: KeySource = "auto") -> Index:
    """The index of records of a `.rec` that were found without one.

    "auto" takes the records' ids where all are image records with ids that differ, else positions.
    "id" raises IndexFileError, saying why, where ids cannot be keys.
    """
    offsets, ids = array("q"), array("q")
    trouble = "" if keys != "position" else "not wanted"
    for span in spans:
        offsets.append(span.begin)
        if not trouble:
            id_ = _id_of(buffer, span)
            ids.append(0 if id_ is None or id_ > MAX_KEY else id_)
            if id_ is None:
                trouble = f"the record at byte {span.begin} has no IRHeader"
            elif id_ > MAX_KEY:
                trouble = f"the record at byte {span.begin} has the id {id_}, beyond {MAX_KEY}"
    found = np.array(offsets, np.int64)
    if not trouble:
        as_keys = np.array(ids, np.int64)
        unique, counts = np.unique(as_keys, return_counts=True)
        if len(unique) == len(ids):
            return Index(as_keys, found, "id")
        trouble = f"{counts.max()} records have the id {unique[counts.argmax()]}"
    if keys == "id":
        raise IndexFileError(f"ids cannot be the keys: {trouble}")
    return Index(np.arange(len(found), dtype=np.int64), found, "position")


def _id_of(buffer: Buffer, span: Span) -> int | None:
    begin, end = next(parts_of(buffer, span))
    if not span.is_whole and end - begin < HEADER_SIZE:
        record = data(buffer, span)
    else:
        record = bytes(buffer[begin : min(end, begin + HEADER_SIZE)])
    if len(record) < HEADER_SIZE:
        return None
    flag, _, id_, _ = raw_fields(record)
    return id_ if HEADER_SIZE + 4 * flag <= span.size else None
