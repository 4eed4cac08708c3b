"""The options of `rectool pack` that say what of a SOURCE is packed."""

from __future__ import annotations

import re

import click

from .list import scan_options
from .main import option_group, path_option
from .mask_options import mask_options


def _part(ctx: click.Context, _: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value)
    if match is None or int(match[1]) >= int(match[2]):
        raise click.BadParameter(f"{value}: expected I/N, with I from 0 to N - 1.")
    return int(match[1]), int(match[2])


source_options = option_group(
    path_option(
        "--root",
        "PATH",
        "Start a list's paths from this folder.  [default: the list's own, for - this one]",
    ),
    scan_options,
    click.option(
        "--pack-label", is_flag=True, help="Accepted as in im2rec.py; all labels are packed anyway."
    ),
    click.option(
        "--label-width", type=click.IntRange(1), help="Pack only the first N labels of each line."
    ),
    mask_options,
    click.option("--images-only", is_flag=True, help="Leave out records that hold no image."),
    click.option("--renumber", is_flag=True, help="Give records fresh keys and ids, from 0."),
    click.option(
        "--part",
        callback=_part,
        metavar="I/N",
        help="Pack part I of N equal parts, I from 0 to N - 1.",
    ),
)
