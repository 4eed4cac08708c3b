"""`--masks`: which files and folders hold the masks of the images that are given."""

from __future__ import annotations

from collections.abc import Callable

import click

from .main import Command, option_group, path_option


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
        help="Also pack each image's mask, into OUT_mask.rec. DIR has a file with the image's path,"
        " whatever its ending; LIST, a .lst, names the file by the image's key; REC, for a .rec"
        " SOURCE, has a record with its key (again for each SOURCE; a pattern in quotes for"
        " several).",
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
    path_option(
        "--mask-colors",
        "FILE",
        "Turn masks drawn in colours into numbers, by lines of red, green, blue and number.",
    ),
    click.option(
        "--upright-masks",
        is_flag=True,
        help="Leave masks as they are where EXIF turns their images: they were drawn on the images"
        " as seen.",
    ),
)
