"""The options that say what becomes of each image."""

from __future__ import annotations

from typing import get_args

import click

from ..imaging.options import Backend, Interp, ResizeMode
from .main import option_group

_COLORS = {"1": "rgb", "0": "gray", "-1": "unchanged"}


def _color(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return value and _COLORS.get(value, value)


def _encoding(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return value and value.removeprefix(".")


image_options = option_group(
    click.option(
        "--resize", type=click.IntRange(1), help="Resize the shorter edge to this many pixels."
    ),
    click.option(
        "--resize-mode",
        type=click.Choice(get_args(ResizeMode)),
        help="Resize the shorter edge, the longer one, or both, whatever the proportions."
        "  [default: short]",
    ),
    click.option(
        "--interp",
        type=click.Choice(get_args(Interp)),
        help="Resize by this interpolation; opencv has area, the others box and hamming; auto:"
        " bicubic to grow, area or box to shrink.  [default: bilinear]",
    ),
    click.option("--no-upscale", is_flag=True, help="Leave an image that would grow at its size."),
    click.option("--center-crop", is_flag=True, help="Cut out the square in the middle first."),
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        help="Encode at this quality; JPEG and WebP: 1 to 100, default 95; PNG: 1 to 9, default 6.",
    ),
    click.option(
        "--encoding",
        type=click.Choice(["jpg", "png", "webp", ".jpg", ".png", ".webp"]),
        callback=_encoding,
        help="Store images in this format.  [default: jpg]",
    ),
    click.option(
        "--color",
        type=click.Choice([*_COLORS.values(), *_COLORS]),
        callback=_color,
        help="Convert images; rgb drops an alpha channel, unchanged keeps it, and 16-bit grey."
        "  [default: rgb]",
    ),
    click.option(
        "--background",
        metavar="COLOR",
        help="Blend transparent images with a color, white or #rrggbb.",
    ),
    click.option(
        "--truncated",
        is_flag=True,
        help="Pack images that are cut short or damaged as far as they can be decoded.",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(1),
        metavar="N",
        help="Refuse images of more pixels, but for those that --pass-through stores without"
        " --verify.  [default: 178956970, a fourth of it for WebP and AVIF]",
    ),
    click.option(
        "--backend",
        type=click.Choice(get_args(Backend)),
        help="Decode and resize by this library; pillow antialiases, fast does so in less time"
        " (values at most 1 of 255 apart), opencv gives im2rec.py's bytes.  [default: pillow]",
    ),
    click.option(
        "--pass-through", is_flag=True, help="Store images as they are, if they are whole."
    ),
    click.option("--verify", is_flag=True, help="Decode each image that --pass-through stores."),
)
