"""Which record files hold the masks of the images in other record files, as `masks` says."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence

from ..errors import ArgumentError, plural, shown
from .shard_names import ShardSet, group_shards


def mask_recs(recs: Sequence[str], given: Sequence[str]) -> list[str]:
    """The files with the masks of these record files: as many, in the same order.

    Raises ArgumentError.
    """
    masks = _expanded(given)
    for rec, mask in zip(recs, masks, strict=False):
        _check_apart(rec, mask)
    _check_count(len(recs), len(masks), "record file")
    return masks


def mask_groups(groups: Sequence[str | ShardSet], given: Sequence[str]) -> list[str | ShardSet]:
    """The same of files and sets of shards."""
    masks = group_shards(_expanded(given))
    for group, mask in zip(groups, masks, strict=False):
        _check_apart(str(group), str(mask))
    _check_count(len(groups), len(masks), "record file or set of shards")
    return masks


def _expanded(given: Sequence[str]) -> list[str]:
    """The files, those of patterns in the order of their names."""
    files: list[str] = []
    for path in given:
        if os.path.isdir(path):
            raise ArgumentError(
                "{masks} must be a record file for images in record files, got a folder: {0}",
                shown(path),
            )
        found = sorted(glob.glob(path)) if glob.has_magic(path) else [path]
        if not found:
            raise ArgumentError("{masks}: no file has a name like {0}", shown(path))
        files += [path] if os.path.exists(path) else found
    return files


def _check_apart(rec: str, mask: str) -> None:
    same = os.path.abspath(rec) == os.path.abspath(mask)
    if same or (os.path.exists(rec) and os.path.exists(mask) and os.path.samefile(rec, mask)):
        raise ArgumentError("{masks} {0} is the file of the images itself", shown(mask))


def _check_count(images: int, masks: int, noun: str) -> None:
    if masks != images:
        raise ArgumentError(
            "{masks} names {0} for {1} of images; give as many, in the same order (a pattern"
            " 'a_mask-*.rec' gives several)",
            plural(masks, noun),
            plural(images, noun),
        )
