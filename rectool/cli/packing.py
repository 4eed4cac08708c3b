"""`rectool pack`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from .door import fail, force_option, main, progress, say, shown_path
from .listing import scan_folder, scan_options, write_classes

if TYPE_CHECKING:
    from ..imaging import Recipe
    from ..listing import ImageList
    from ..packing import Copy, Failure

_COLORS = {"1": "rgb", "0": "gray", "-1": "unchanged"}
_SCAN_NAMES = ("recursive", "exts", "shuffle", "seed", "classes_file", "classes_out")
_IMAGE_NAMES = ("resize", "center_crop", "quality", "encoding", "color")


def _color(_: click.Context, __: click.Parameter, value: str) -> str:
    return _COLORS.get(value, value)


@main.command("pack")
@click.argument("source", type=click.Path(readable=False))
@click.argument("out", type=click.Path(readable=False))
@click.option(
    "--root",
    type=click.Path(readable=False),
    help="Folder that a list's paths start from.  [default: the list's own, for - this one]",
)
@click.option("--resize", type=click.IntRange(1), help="Shorter edge in pixels.")
@click.option("--center-crop", is_flag=True, help="Cut out the square in the middle first.")
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    help="JPEG and WebP: 1 to 100, default 95. PNG: 1 to 9, default 6.",
)
@click.option(
    "--encoding",
    type=click.Choice(["jpg", "png", "webp", ".jpg", ".png", ".webp"]),
    default="jpg",
    show_default=True,
)
@click.option(
    "--color",
    type=click.Choice([*_COLORS.values(), *_COLORS]),
    default="rgb",
    callback=_color,
    show_default=True,
    help="rgb drops an alpha channel; unchanged keeps it, and 16-bit grey.",
)
@click.option(
    "--pass-through", is_flag=True, help="Store the files as they are, if they are whole images."
)
@click.option("--verify", is_flag=True, help="With --pass-through: decode each image too.")
@click.option(
    "--pack-label", is_flag=True, help="im2rec's; all of a line's labels are packed anyway."
)
@click.option(
    "--label-width", type=click.IntRange(1), help="Pack only so many labels of each line."
)
@click.option(
    "--workers",
    "--num-thread",
    type=click.IntRange(1),
    help="Processes.  [default: one a core; 1 for --pass-through]",
)
@click.option(
    "--on-error",
    type=click.Choice(["report", "fail", "skip"]),
    default="report",
    show_default=True,
    help="Of a bad image: name it, pack the others, and exit with 1; pack nothing; or exit with 0.",
)
@scan_options
@click.option("--json", "as_json", is_flag=True, help="Print the result on stdout as JSON.")
@force_option
@click.pass_context
def pack(
    ctx: click.Context,
    /,
    source: str,
    out: str,
    root: str | None,
    label_width: int | None,
    workers: int | None,
    on_error: Any,
    as_json: bool,
    force: bool,
    **options: Any,
) -> None:
    """Pack the images of SOURCE, a folder or a .lst (- for stdin), into OUT.rec and OUT.idx.

    A folder is listed as by rectool list, and the list kept in OUT.lst.

    \b
    rectool pack images/ out
    rectool pack train.lst train --root images/ --resize 256 --quality 90
    rectool list images/ | rectool pack - out --root images/ --pass-through
    """
    from .. import reporting
    from ..format import check_free, plural
    from ..packing import outputs_of, pack_images

    folder_options = {name: options.pop(name) for name in _SCAN_NAMES}
    treatment = _treatment(ctx, options, label_width)
    is_folder = os.path.isdir(source)
    _check_applies(ctx, source, is_folder)
    outputs = outputs_of(out)[: 3 if is_folder else 2]
    found = None
    if is_folder:
        found = scan_folder(source, outputs=outputs, force=force, **folder_options)
        if found.unusable and on_error == "fail":
            fail("nothing was packed, because of what was left out")
            raise click.exceptions.Exit(1)
        images, root = found.images, source
        images.name = outputs[2]
    else:
        for path in outputs:
            check_free(path, force=force)
        images, root = _given_list(source, root)
    with progress("image") as (advance, tell):
        result = pack_images(
            images,
            root,
            out,
            treatment,
            label_width=label_width,
            workers=workers,
            on_error=on_error,
            with_list=is_folder,
            force=force,
            on_failure=lambda failure: tell(_failure_text(failure, root)),
            on_progress=advance,
        )
    say(reporting.pack_text(result))
    if as_json:
        click.echo(reporting.pack_json(result))
    if result.failures:
        say(f"not packed: {plural(len(result.failures), 'image')}, named above")
    if found is not None:
        write_classes(found, folder_options["classes_out"], force=force)
    bad = bool(result.failures or (found is not None and found.unusable))
    ctx.exit(1 if bad and on_error == "report" else 0)


def _given(ctx: click.Context, names: tuple[str, ...]) -> list[str]:
    """The options among these that stand on the command line, as their user knows them."""
    source = click.core.ParameterSource.COMMANDLINE
    return [
        param.secondary_opts[0] if ctx.params.get(param.name) is False else param.opts[0]
        for param in ctx.command.params
        if param.name in names and ctx.get_parameter_source(param.name) == source
    ]


def _check_applies(ctx: click.Context, source: str, is_folder: bool) -> None:
    wrong = _given(ctx, ("root",) if is_folder else _SCAN_NAMES)
    if wrong:
        meant, is_ = ("a list", "a folder") if is_folder else ("a folder", "a list")
        raise click.UsageError(f"{', '.join(wrong)}: only for {meant}; {source} is {is_}.")


def _treatment(
    ctx: click.Context, options: dict[str, Any], label_width: int | None
) -> Recipe | Copy:
    verify, encoding = options["verify"], options["encoding"].removeprefix(".")
    if options["pack_label"] and label_width is not None:
        raise click.UsageError("--pack-label takes all labels, --label-width some of them.")
    if options["pass_through"]:
        from ..packing import Copy

        changes = _given(ctx, _IMAGE_NAMES)
        if changes:
            raise click.UsageError(
                f"--pass-through leaves images as they are: no {', '.join(changes)}."
            )
        return Copy(verify)
    if verify:
        raise click.UsageError("--verify is for --pass-through; otherwise every image is decoded.")
    if encoding == "png" and (options["quality"] or 0) > 9:
        raise click.UsageError("--quality of PNG images is their compression level, 1 to 9.")
    from ..imaging import Recipe

    return Recipe(
        options["color"],
        options["center_crop"],
        options["resize"] or 0,
        encoding,
        options["quality"],
    )


def _given_list(source: str, root: str | None) -> tuple[ImageList, str]:
    from ..listing import ImageList, read_list

    if source == "-":
        if sys.stdin is None:
            raise click.UsageError("stdin is closed.")
        return ImageList(sys.stdin.buffer.read(), "stdin"), root or "."
    return read_list(source), root or os.path.dirname(source) or "."


def _failure_text(failure: Failure, root: str) -> str:
    path = os.path.join(root, failure.path)
    where = f"line {failure.line}, key {failure.key}"
    return f"rectool: {shown_path(path)}: {failure.reason} ({where})"
