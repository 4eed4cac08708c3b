"""`--masks`: which files and folders hold the masks of the images that are given."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from .door import Command, shown_path

if TYPE_CHECKING:
    from ..format import ShardSet


def masks_option(text: str) -> Callable[[Command], Command]:
    """`--masks` of a command that takes record files; `text` is its help."""
    return click.option(
        "--masks",
        metavar="REC",
        multiple=True,
        type=click.Path(readable=False),
        help=f"{text} (again for each REC; a pattern in quotes for several).",
    )


def mask_recs(recs: Sequence[str], given: Sequence[str]) -> list[str]:
    """The files with the masks of these record files: as many, in the same order."""
    masks = _expanded(given)
    for rec, mask in zip(recs, masks, strict=False):
        _check_apart(rec, mask)
    _check_count(len(recs), len(masks), "record file")
    return masks


def mask_groups(groups: Sequence[str | ShardSet], given: Sequence[str]) -> list[str | ShardSet]:
    """The same of files and sets of shards."""
    from ..format import group_shards

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
            raise click.UsageError(f"--masks {path} is a folder; masks of a .rec are in a .rec.")
        found = sorted(glob.glob(path)) if glob.has_magic(path) else [path]
        if not found:
            raise click.UsageError(f"--masks {path}: no file has such a name.")
        files += [path] if os.path.exists(path) else found
    return files


def _check_apart(rec: str, mask: str) -> None:
    same = os.path.abspath(rec) == os.path.abspath(mask)
    if same or (os.path.exists(rec) and os.path.exists(mask) and os.path.samefile(rec, mask)):
        raise click.UsageError(f"--masks {shown_path(mask)} is the file of the images itself.")


def _check_count(images: int, masks: int, noun: str) -> None:
    from ..format import plural

    if masks != images:
        raise click.UsageError(
            f"--masks names {plural(masks, noun)} for {plural(images, noun)} of images; give as"
            " many, in the same order (a pattern in quotes gives several: --masks 'a_mask-*.rec')."
        )
