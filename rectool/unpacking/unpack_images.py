"""The images of record files as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import ArgumentError, RecordError, StrPath, ignore

if TYPE_CHECKING:
    from ..format.shard_names import ShardSet
    from ..listing.lst import ImageList
    from .unpack_records import UnpackResult


def unpack_images(
    recs: StrPath | Sequence[StrPath],
    folder: StrPath,
    *,
    lst: StrPath | None = None,
    masks: StrPath | Sequence[StrPath] = (),
    masks_out: StrPath | None = None,
    force: bool = False,
    on_damage: Callable[[RecordError], None] | None = None,
    on_progress: Callable[[int], None] = ignore,
) -> UnpackResult:
    """Write the images of a record file to files, byte for byte, and a `.lst` of them.

    Args:
        recs: A record file, or all shards of one set.
        folder: The folder to write to. It is made if it does not exist.
        lst: A list whose paths name the files, by key. None names them by key and format.
        masks: The record file with the masks of the images; requires `masks_out`.
        masks_out: The folder for the masks' files, apart from `folder`.
        force: Replace files in a folder that is not empty.
        on_damage: Takes the error of each record that cannot be read, and what is whole is written.
            None raises the first.
        on_progress: Called after each record with the number of all records.

    Returns:
        What was written; the field `masks` is the same of the masks.

    Raises:
        ArgumentError: Arguments do not go together.
        RecordError: A record cannot be unpacked, or none can.
        FileExistsError: A folder is not empty, and `force` is false.

    Example:
        >>> unpack_images("out.rec", "images").images  # doctest: +SKIP
    """
    from ..format.mask_files import mask_groups
    from ..format.record_file import paths_of
    from ..format.shard_names import group_shards
    from ..listing.lst import read_list
    from .unpack_pair import unpack_pair
    from .unpack_records import unpack_records

    paths = paths_of(recs)
    if not paths:
        raise ArgumentError("{recs}: no file is given")
    rec, *others = group_shards(paths)
    if others:
        raise ArgumentError("{recs}: several files are unpacked together only as shards of one set")
    mask_paths = paths_of(masks)
    _check_masks_out(os.fspath(folder), mask_paths, masks_out)
    of_masks: str | ShardSet | None = mask_groups([rec], mask_paths)[0] if mask_paths else None
    names: ImageList | None = None if lst is None else read_list(lst)
    if of_masks is None or masks_out is None:
        return unpack_records(
            rec, folder, names=names, force=force, on_damage=on_damage, on_progress=on_progress
        )
    of_images, its = unpack_pair(
        rec,
        folder,
        of_masks,
        masks_out,
        names=names,
        force=force,
        on_damage=on_damage,
        on_progress=on_progress,
    )
    return replace(of_images, masks=its)


def _check_masks_out(folder: str, masks: Sequence[str], masks_out: StrPath | None) -> None:
    from .folder import are_apart

    if bool(masks) != (masks_out is not None):
        raise ArgumentError(
            "{masks} names the .rec with the masks, and {masks_out} the folder for their files:"
            " give both"
        )
    if masks_out is not None and not are_apart(folder, os.fspath(masks_out)):
        raise ArgumentError("{masks_out} must be a folder apart from {folder}, not in or around it")
