"""Whether the keys of an index are those of the records beside them, as far as their ids tell.

Writers usually give a record its key for an id. Where ids and keys are the same numbers, but in
another order, lines of the index have moved against the file: each key finds another's record.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import IndexFileError, StrPath, plural, shown
from .frames import Buffer
from .header_arrays import plain_headers
from .index import Index

_SAMPLE = 1 << 16  # records that are looked at first, and all where one of them has another id
_MOSTLY = 0.9


def check_ids(index: Index, buffer: Buffer, rec: StrPath, idx: StrPath | None) -> None:
    """Raises IndexFileError where ids tell that an index gives keys the records of other keys."""
    if index.source != "idx" or len(index.keys) < 2:
        return
    step = -(-len(index.keys) // _SAMPLE)
    for chosen in (slice(None, None, step), slice(None)):
        headers, plain = plain_headers(buffer, index.offsets[chosen])
        keys, ids = index.keys[chosen][plain], headers.ids[plain]
        if (ids.astype(np.int64) == keys).all():
            return
    wrong = moved_keys(keys, ids.astype(np.int64), index.keys)
    if wrong is not None:
        raise IndexFileError(moved_message(wrong, len(index.keys), rec), path=idx)


class MovedKeys(tuple[int, int, int]):
    """How many keys are beside the record of another key; one of them, and its record's id."""


def moved_keys(
    keys: NDArray[np.int64], ids: NDArray[np.int64], known: NDArray[np.int64]
) -> MovedKeys | None:
    """Tells keys that have moved against the records with these ids; None where there are none.

    `known` are all keys, those of records whose ids were not looked at too.
    Ids that are no keys, all the same, or each as far from its key (counted from 1, say) are
    another numbering, and nothing is wrong with it.
    """
    other = ids != keys
    count = int(np.count_nonzero(other))
    if count < 2 or len(np.unique(ids)) < _MOSTLY * len(ids):
        return None
    if count == len(keys) and len(np.unique(ids - keys)) == 1:
        return None
    moved_ids, found = ids[other], np.isin(ids[other], known)
    shared = int(np.count_nonzero(found))
    least = count if 2 * count < len(keys) else _MOSTLY * count - 1
    if shared < max(2, least) or len(np.unique(moved_ids)) < _MOSTLY * count:
        return None
    first = int(np.flatnonzero(other)[0])
    return MovedKeys((count, int(keys[first]), int(ids[first])))


def moved_message(moved: MovedKeys, total: int, rec: StrPath) -> str:
    count, key, id_ = moved
    return (
        f"{count} of {plural(total, 'key')} stand beside the record of another key: key {key} finds"
        f" the record with the id {id_} (rectool index {shown(rec)} --keys id --force makes an"
        " index of the records' ids)"
    )
