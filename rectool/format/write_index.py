"""The indexes of record files that have none."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import ArgumentError, RecordError, StrPath, check_choice


@dataclass(frozen=True)
class IndexResult:
    """An index that was written.

    Attributes:
        rec: The record file.
        idx: Its index.
        records: How many records it has.
        keys_from: What the keys are: "id", the records' ids, or "position", their positions.
    """

    rec: str
    idx: str
    records: int
    keys_from: Literal["id", "position"]


def write_index(
    recs: StrPath | Sequence[StrPath],
    *,
    out: StrPath | None = None,
    keys: Literal["auto", "id", "position"] = "auto",
    force: bool = False,
    on_error: Callable[[OSError | RecordError], None] | None = None,
) -> tuple[IndexResult, ...]:
    """Write the `.idx` of each record file beside it.

    Args:
        recs: The record file, or several.
        out: The name of the index of one record file; None for the file's name with `.idx`.
        keys: "id" for the records' ids, "position" for their positions, "auto" for ids where they
            are all different.
        force: Replace indexes that exist.
        on_error: Takes the error of a file that cannot be indexed, and the others are indexed.
            None raises the error.

    Returns:
        A result for each index that was written.

    Raises:
        ArgumentError: `out` was given with several record files, or `keys` is another word.
        RecordError: A record file is damaged or holds no records, or an index would replace it.
        FileExistsError: An index exists and `force` is false, or is a file of another kind.

    Example:
        >>> write_index("train.rec", keys="id")  # doctest: +SKIP
    """
    from ..system.replacing import check_outputs
    from .index_records import index_records
    from .record_file import paths_of
    from .writer import idx_beside

    check_choice("keys", keys, ("auto", "id", "position"))
    paths = paths_of(recs)
    if out is not None and len(paths) > 1:
        raise ArgumentError("{out} names the index of one record file, got {0} of them", len(paths))
    targets = [idx_beside(path) for path in paths] if out is None else [os.fspath(out)]
    check_outputs(targets, paths)
    results = []
    for path, target in zip(paths, targets, strict=True):
        try:
            made = index_records(path, target, keys=keys, force=force)
        except (OSError, RecordError) as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            source: Literal["id", "position"] = "id" if made.source == "id" else "position"
            results.append(IndexResult(path, target, len(made.keys), source))
    return tuple(results)
