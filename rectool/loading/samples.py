"""Which records of a file are samples: those with an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..format import IRHeader, RecordError, RecordReader, payload_start, unpack

Positions = NDArray[np.int64] | range
"""A range where they follow each other, which takes no memory."""

Scalar = TypeVar("Scalar", bound=np.generic)

_SMALL = 1024
"""Bytes of the largest record that is looked at to see whether it holds an image at all.

Records without one (InsightFace's header and ranges) have a header and two labels. To look at
larger records would be to read all of a data set before the first image is asked for.
"""


def sample_positions(reader: RecordReader) -> Positions:
    """The positions of all records but those whose header is all they have.

    A record of more than a kilobyte is taken for one with an image, and one that is damaged too:
    reading it says what is wrong with it.
    """
    small = np.flatnonzero(reader.room() <= _SMALL)
    try:
        payloads = reader.headers(small).payloads
    except RecordError:
        empty = np.array([at for at in small.tolist() if _is_empty(reader, at)], np.int64)
    else:
        empty = small[payloads == 0]
    if not len(empty):
        return range(len(reader))
    kept = np.delete(np.arange(len(reader), dtype=np.int64), empty)
    if len(kept) and kept[-1] - kept[0] == len(kept) - 1:
        return range(int(kept[0]), int(kept[-1]) + 1)
    return kept


def as_array(positions: Positions) -> NDArray[np.int64]:
    if isinstance(positions, range):
        return np.arange(positions.start, positions.stop, dtype=np.int64)
    return positions


def part_of(column: NDArray[Scalar], positions: Positions) -> NDArray[Scalar]:
    """The column's values at these positions."""
    if isinstance(positions, range):
        return column[positions.start : positions.stop]
    return column[positions]


def in_file_order(reader: RecordReader, positions: Positions) -> Positions:
    """Whatever the order of the index: MXNet reads files from their beginning to their end."""
    offsets = part_of(reader.offsets, positions)
    shards = np.searchsorted(reader.starts, as_array(positions), side="right")
    if ((offsets[1:] > offsets[:-1]) | (shards[1:] > shards[:-1])).all():
        return positions
    return as_array(positions)[np.lexsort((offsets, shards))]


def _is_empty(reader: RecordReader, position: int) -> bool:
    try:
        record = reader.view(position)
        return len(record) == payload_start(record)
    except RecordError:
        return False


def read_sample(reader: RecordReader, position: int) -> tuple[IRHeader, bytes]:
    """Header and encoded image of a record. Errors name its key and file."""
    with named_errors(reader, position):
        return unpack(reader[position])


@contextmanager
def named_errors(reader: RecordReader, position: int) -> Iterator[None]:
    """Errors of what the block does with this record name its file and key."""
    try:
        yield
    except RecordError as error:
        error.path = reader.paths[reader.shard(position)]
        error.message = f"the record with the key {reader.keys[position]}: {error.message}"
        raise
