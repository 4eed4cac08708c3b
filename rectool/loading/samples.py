"""Which records of a file are samples: those with an image."""

from __future__ import annotations

import operator
import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, RecordError, plural, shown
from ..format.header import IRHeader, payload_start, unpack
from ..format.reader import RecordReader
from ..format.shard_names import ShardSet, group_shards

Positions = NDArray[np.int64] | range
"""A range where they follow each other, which takes no memory."""

Scalar = TypeVar("Scalar", bound=np.generic)

_SMALL = 1024
"""All records of at most so many bytes are looked at to see whether they hold an image at all.

Those without one (InsightFace's header and ranges) have a header and two labels.
"""

_LARGER = 4096
"""So many larger records are looked at too, the smallest ones, and the first and last of each file.

To look at all would be to read a page of each, which of 1,000,000 images that no one has read yet
takes minutes. A record without an image that is found only when it is read raises ImageError.
"""


def check_files(reader: RecordReader) -> None:
    """Raises RecordError for a file that is given twice.

    Warns of shards that are missing beside others of their set, and of shards in another order than
    that of their numbers: a list of files that was not sorted differs between machines.
    """
    if len(reader.paths) < 2:
        return
    seen: dict[tuple[int, int], str] = {}
    for path in reader.paths:
        state = os.stat(path)
        first = seen.get((state.st_dev, state.st_ino))
        if first is not None:
            other = "" if first == path else f", as {shown(first)} too"
            raise RecordError(f"the same file is given twice{other}", path=path)
        seen[state.st_dev, state.st_ino] = path
    for group in group_shards(reader.paths):
        if isinstance(group, ShardSet):
            missing = group.missing()
            if missing is not None:
                warnings.warn(str(missing), stacklevel=3)
            if list(group.members) != sorted(group.members):
                warnings.warn(
                    f"{shown(group.name)}: the shards are not given in the order of their numbers",
                    stacklevel=3,
                )


def check_max_pixels(value: int | None) -> int | None:
    """Raises ValueError unless it is a number of pixels, or None for the usual one."""
    if value is None:
        return None
    number = operator.index(value) if isinstance(value, SupportsIndex) else 0
    if number < 1:
        raise ValueError(f"max_pixels must be a whole number, 1 or more, got {value!r}")
    return number


def places_of(reader: RecordReader) -> int:
    """A checksum of where all records lie, and of their keys."""
    return zlib.crc32(reader.keys.data, zlib.crc32(reader.offsets.data))


def sample_positions(reader: RecordReader) -> Positions:
    """The positions of all records but those whose header is all they have.

    A record that is damaged is taken for one with an image: reading it says what is wrong with it.
    """
    looked_at = _suspects(reader)
    try:
        payloads = reader.headers(looked_at).payloads
    except RecordError:
        empty = np.array([at for at in looked_at.tolist() if _is_empty(reader, at)], np.int64)
    else:
        empty = looked_at[payloads == 0]
    if not len(empty):
        return range(len(reader))
    kept = np.delete(np.arange(len(reader), dtype=np.int64), empty)
    if len(kept) and kept[-1] - kept[0] == len(kept) - 1:
        return range(int(kept[0]), int(kept[-1]) + 1)
    return kept


def _suspects(reader: RecordReader) -> NDArray[np.int64]:
    """The positions of the records that are looked at, in their order."""
    sizes = reader.max_frame_sizes()
    larger = np.flatnonzero(sizes > _SMALL)
    if len(larger) <= _LARGER:
        return np.arange(len(sizes), dtype=np.int64)
    smallest = larger[sizes[larger].argpartition(_LARGER)[:_LARGER]]
    suspects = np.zeros(len(sizes), bool)
    suspects[sizes <= _SMALL] = suspects[smallest] = True
    ends = np.unique(reader.starts)
    suspects[ends[:-1]] = suspects[ends[1:] - 1] = True
    return np.flatnonzero(suspects)


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
        header, payload = unpack(reader[position])
        if not payload:
            count = plural(max(header.flag, 1), "label")
            raise ImageError(f"the record has no image, only a header and {count}")
    return header, payload


@contextmanager
def named_errors(reader: RecordReader, position: int) -> Iterator[None]:
    """Errors of what the block does with this record name its file and key.

    Only those that reading and decoding have; others are no record's.
    """
    try:
        yield
    except RecordError as error:
        path, record = _named(reader, position)
        raise error.located(path=path, prefix=f"{record}: ") from None
    except MemoryError as error:
        path, record = _named(reader, position)
        reason = str(error) or "not enough memory"
        raise MemoryError(f"{shown(path)}: {record}: {reason}") from error
    except OSError as error:
        path, record = _named(reader, position)
        raise OSError(error.errno, f"{record}: {error.strerror or error}", path) from error


def _named(reader: RecordReader, position: int) -> tuple[str, str]:
    """The file of a record, and what messages call the record."""
    path = reader.paths[reader.shard(position)]
    return path, f"the record with the key {reader.keys[position]}"
