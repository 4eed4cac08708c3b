"""What record files hold, damaged or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ArgumentError, RecordError, StrPath, ignore

if TYPE_CHECKING:
    from ..format.shard_names import ShardSet
    from .compare_masks import Pair
    from .rows_and_summary import Records, Row, Summary


@dataclass(frozen=True)
class Inspection:
    """What one record file, or a set of shards, holds.

    Attributes:
        rec: The file, or a pattern for the files of a set.
        summary: A summary of all records; None where rows or keys were asked for, or where the file
            cannot be read.
        pair: How these masks match their images, where this is a file of masks.
        problems: What is damaged or missing, at most some thousands.
        unnamed: How many more problems there are.
    """

    rec: str
    summary: Summary | None
    pair: Pair | None
    problems: tuple[RecordError, ...]
    unnamed: int


def inspect_records(
    recs: StrPath | Sequence[StrPath],
    *,
    records: bool = False,
    keys: bool = False,
    key: int | None = None,
    masks: StrPath | Sequence[StrPath] = (),
    on_rows: Callable[[Iterator[Row]], None] = ignore,
    on_keys: Callable[[Iterator[int]], None] = ignore,
    on_inspection: Callable[[Inspection], None] = ignore,
) -> tuple[Inspection, ...]:
    """Look through record files, which may be damaged. No image is decoded.

    Args:
        recs: A record file, or several; shards of one set are shown as one.
        records: Give `on_rows` a row for each record, in place of a summary.
        keys: Give `on_keys` the keys, in place of a summary.
        key: Give `on_rows` only the row of the record with this key.
        masks: Files with the masks of the images in `recs`: as many, in the same order. They are
            shown too, and compared with their images.
        on_rows: Takes an iterator of rows, for each file or set.
        on_keys: Takes an iterator of keys, for each file or set.
        on_inspection: Takes each Inspection as soon as it is made.

    Returns:
        An Inspection of each file or set, in order. What is wrong with a file, also that it does
        not exist, is in its `problems`; then `summary` may be None.

    Raises:
        ArgumentError: Arguments do not go together.

    Example:
        >>> [found] = inspect_records("out.rec")
        >>> found.summary.records, found.problems
        (24, ())
    """
    from ..format.mask_files import mask_groups
    from ..format.record_file import paths_of
    from ..format.shard_names import group_shards

    wanted = [name for name, given in (("records", records), ("keys", keys)) if given]
    wanted += ["key"] if key is not None else []
    if len(wanted) > 1:
        raise ArgumentError(f"{{{wanted[0]}}} does not go with {{{wanted[1]}}}")
    mask_paths = paths_of(masks)
    if mask_paths and wanted:
        raise ArgumentError(f"{{masks}} compares all records, and does not go with {{{wanted[0]}}}")
    groups = group_shards(paths_of(recs))
    shown: list[tuple[str | ShardSet, str | ShardSet | None]] = [(group, None) for group in groups]
    if mask_paths:
        pairs = zip(groups, mask_groups(groups, mask_paths), strict=True)
        shown = [pair for images, of in pairs for pair in ((images, None), (of, images))]

    def look(found: Records) -> None:
        if keys:
            on_keys(iter(found.index.keys.tolist()))
            found.check_cover()
        else:
            only = None if key is None else iter([found.row(found.position(key))])
            on_rows(only or found.rows())

    inspections = []
    for rec, images in shown:
        inspections.append(_inspect(rec, images, look if wanted else None))
        on_inspection(inspections[-1])
    return tuple(inspections)


def _inspect(
    rec: str | ShardSet, images: str | ShardSet | None, look: Callable[[Records], None] | None
) -> Inspection:
    from .rows_and_summary import Records

    failed: list[RecordError] = []
    found = summary = pair = None
    try:
        found = Records(rec)
        if look is None:
            summary = found.summary()
            pair = None if images is None else _pair(images, found)
        else:
            look(found)
    except RecordError as error:  # of the file, or of the one record that was asked for
        failed.append(error)
    except OSError as error:
        if error.filename is None:  # not of this file: on_rows raised it
            raise
        failed.append(RecordError(error.strerror or str(error), path=error.filename))
    if found is None:
        return Inspection(str(rec), None, None, tuple(failed), 0)
    problems = (*found.problems, *(pair.problems if pair else ()), *failed)
    unnamed = found.unnamed + (pair.unnamed if pair else 0)
    return Inspection(str(rec), summary, pair, problems, unnamed)


def _pair(images: str | ShardSet, masks: Records) -> Pair | None:
    from .compare_masks import compare
    from .rows_and_summary import Records

    try:
        return compare(Records(images), masks)
    except (OSError, RecordError):  # which is told where the images are shown
        return None
