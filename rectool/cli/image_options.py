"""The options that say what becomes of each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from ..imaging.options import Backend, Interp, ResizeMode
from .main import given_options, option_group

if TYPE_CHECKING:
    from ..packing.transform import Treatment

_COLORS = {"1": "rgb", "0": "gray", "-1": "unchanged"}
_RESIZE_NAMES = ("interp", "resize_mode", "no_upscale")
_IMAGE_NAMES = (
    "resize",
    *_RESIZE_NAMES,
    "center_crop",
    "quality",
    "encoding",
    "color",
    "background",
    "truncated",
    "backend",
)


def _color(_: click.Context, __: click.Parameter, value: str) -> str:
    return _COLORS.get(value, value)


def _background(
    _: click.Context, __: click.Parameter, value: str | None
) -> tuple[int, int, int] | None:
    if value is None:
        return None
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(value)[:3]
    except ValueError:
        raise click.BadParameter(f"{value!r} must be a color's name or #rrggbb.") from None


image_options = option_group(
    click.option("--resize", type=click.IntRange(1), help="New shorter edge in pixels."),
    click.option(
        "--resize-mode",
        type=click.Choice(get_args(ResizeMode)),
        default="short",
        show_default=True,
        help="What --resize gives: the shorter edge, the longer one, or both, proportions ignored.",
    ),
    click.option(
        "--interp",
        type=click.Choice(get_args(Interp)),
        default="bilinear",
        show_default=True,
        help="How to resize. pillow has no area, opencv no box or hamming; auto: bicubic to grow,"
        " area (pillow: box) to shrink.",
    ),
    click.option("--no-upscale", is_flag=True, help="Leave an image that would grow at its size."),
    click.option("--center-crop", is_flag=True, help="Cut out the square in the middle first."),
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        help="JPEG and WebP: 1 to 100, default 95. PNG: 1 to 9, default 6.",
    ),
    click.option(
        "--encoding",
        type=click.Choice(["jpg", "png", "webp", ".jpg", ".png", ".webp"]),
        default="jpg",
        show_default=True,
    ),
    click.option(
        "--color",
        type=click.Choice([*_COLORS.values(), *_COLORS]),
        default="rgb",
        callback=_color,
        show_default=True,
        help="rgb drops an alpha channel; unchanged keeps it, and 16-bit grey.",
    ),
    click.option(
        "--background",
        callback=_background,
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
        help="Refuse images of more pixels; --pass-through without --verify never does.  [default:"
        " 178956970, a fourth of it for WebP and AVIF]",
    ),
    click.option(
        "--backend",
        type=click.Choice(get_args(Backend)),
        default="pillow",
        show_default=True,
        help="pillow antialiases what it resizes; opencv gives im2rec.py's bytes.",
    ),
    click.option(
        "--pass-through",
        is_flag=True,
        help="Store images as they are, if they are whole.",
    ),
    click.option("--verify", is_flag=True, help="With --pass-through: decode each image too."),
)


def treatment_of(ctx: click.Context, options: dict[str, Any], *, copies: bool) -> Treatment:
    """What the options of `image_options` ask for; a usage error where they do not go together.

    With `copies` images stay as they are where no option asks for anything.
    """
    from ..packing.transform import Copy

    changes = given_options(ctx, _IMAGE_NAMES)
    if options["pass_through"]:
        if changes:
            raise click.UsageError(
                f"--pass-through leaves images as they are: no {', '.join(changes)}."
            )
        return Copy("pixels" if options["verify"] else "end", options["max_pixels"])
    if options["verify"]:
        raise click.UsageError("--verify is for --pass-through.")
    if copies and not changes:
        return Copy("nothing")
    idle = given_options(ctx, _RESIZE_NAMES)
    if idle and not options["resize"]:
        raise click.UsageError(f"{', '.join(idle)}: only with --resize.")
    from ..errors import ImageError
    from ..imaging.backends import load
    from ..packing.transform import Recipe

    try:
        recipe = Recipe(
            color=options["color"],
            center_crop=options["center_crop"],
            resize=options["resize"] or 0,
            encoding=options["encoding"].removeprefix("."),
            quality=options["quality"],
            backend=options["backend"],
            interp=options["interp"],
            resize_mode=options["resize_mode"],
            upscale=not options["no_upscale"],
            background=options["background"],
            max_pixels=options["max_pixels"],
            truncated=options["truncated"],
        )
        load(recipe.backend)  # before any work; and what is forked has it then
    except (ValueError, ImageError) as error:
        raise click.UsageError(f"{error}.") from None
    return recipe
