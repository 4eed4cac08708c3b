"""`--masks`: which files and folders hold the masks of the images that are given."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from .main import Command, option_group, shown_path

if TYPE_CHECKING:
    from ..format.names import ShardSet
    from ..packing.mask_numbers import MaskNumbers
    from ..packing.masks import Masks


def masks_option(text: str) -> Callable[[Command], Command]:
    """`--masks` of a command that takes record files; `text` is its help."""
    return click.option(
        "--masks",
        metavar="REC",
        multiple=True,
        type=click.Path(readable=False),
        help=f"{text} (again for each REC; a pattern in quotes for several).",
    )


mask_options = option_group(
    click.option(
        "--masks",
        metavar="DIR|LIST|REC",
        multiple=True,
        type=click.Path(readable=False),
        help="Also pack each image's mask, into OUT_mask.rec: the file in DIR with the image's path"
        " but for the ending, that with the image's key in LIST, a .lst, or of a .rec SOURCE the"
        " record in REC (again for each SOURCE; a pattern in quotes for several).",
    ),
    click.option(
        "--mask-suffix",
        metavar="TEXT",
        help="Look in DIR for masks with TEXT behind their images' names: _mask for a_mask.png.",
    ),
    click.option(
        "--mask-values",
        metavar="OLD=NEW,...",
        multiple=True,
        help="Give pixels of masks other numbers: 255=1 for masks drawn in black and white.",
    ),
    click.option(
        "--mask-colors",
        metavar="FILE",
        type=click.Path(readable=False),
        help="Turn masks drawn in colours into numbers, by lines of red, green, blue and number.",
    ),
    click.option(
        "--upright-masks",
        is_flag=True,
        help="An image's EXIF orientation does not turn its mask: it was drawn on the image as it"
        " is seen.",
    ),
)


def masks_of(options: dict[str, Any]) -> Masks | None:
    """Where the masks of a folder or a list are, as the options say."""
    from ..format.frames import MAGIC
    from ..listing.lst import read_list
    from ..packing.masks import ListedMasks, MasksInFolder, MaskTreatment

    given, suffix = options["masks"], options["mask_suffix"]
    if suffix is not None and (set(suffix) & {"/", "\\"} or os.path.splitext(suffix)[1]):
        raise click.UsageError(
            "--mask-suffix must be what comes between an image's name and the ending of its mask,"
            f" such as _mask, got {shown_path(suffix)}."
        )
    treatment = MaskTreatment(options["upright_masks"], new_numbers_of(options))
    if not given:
        if options["upright_masks"] or suffix is not None:
            option = "--upright-masks" if options["upright_masks"] else "--mask-suffix"
            raise click.UsageError(f"{option} requires --masks.")
        return None
    if len(given) > 1:
        raise click.UsageError("--masks: of a folder or a list give one folder or list of masks.")
    path = given[0]
    if os.path.isdir(path):
        return MasksInFolder(path, suffix or "", treatment)
    if not os.path.isfile(path):
        raise click.UsageError(f"--masks {path}: no such folder or list.")
    with open(path, "rb") as file:
        if path.lower().endswith(".rec") or file.read(len(MAGIC)) == MAGIC:
            raise click.UsageError(
                f"--masks {path} is a .rec, which holds the masks of a .rec; of a folder or a list"
                " masks are in a folder, or in a list of their own."
            )
    if suffix is not None:
        raise click.UsageError(f"--mask-suffix requires a folder of masks; {path} is a list.")
    return ListedMasks(read_list(path), os.path.dirname(path) or ".", treatment)


def new_numbers_of(options: dict[str, Any]) -> MaskNumbers | None:
    """What the pixels of masks become, as the options say."""
    values, colors = options["mask_values"], options["mask_colors"]
    if not values and colors is None:
        return None
    if not options["masks"]:
        option = "--mask-values" if values else "--mask-colors"
        raise click.UsageError(f"{option} requires --masks.")
    if values and colors is not None:
        raise click.UsageError("--mask-values is for numbers, --mask-colors for colours: give one.")
    from ..packing.mask_numbers import parse_values, read_colors

    if colors is not None:
        return read_colors(colors)
    try:
        return parse_values(values)
    except ValueError as error:
        raise click.UsageError(f"--mask-values: {error}.") from None


def mask_recs(recs: Sequence[str], given: Sequence[str]) -> list[str]:
    """The files with the masks of these record files: as many, in the same order."""
    masks = _expanded(given)
    for rec, mask in zip(recs, masks, strict=False):
        _check_apart(rec, mask)
    _check_count(len(recs), len(masks), "record file")
    return masks


def mask_groups(groups: Sequence[str | ShardSet], given: Sequence[str]) -> list[str | ShardSet]:
    """The same of files and sets of shards."""
    from ..format.names import group_shards

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
    from ..errors import plural

    if masks != images:
        raise click.UsageError(
            f"--masks names {plural(masks, noun)} for {plural(images, noun)} of images; give as"
            " many, in the same order (a pattern in quotes gives several: --masks 'a_mask-*.rec')."
        )
