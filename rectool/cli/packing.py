"""`rectool pack`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from .door import fail, force_option, given_options, main, progress, say, shown_path
from .imaging import image_options, treatment_of
from .listing import scan_folder, scan_options, write_classes

if TYPE_CHECKING:
    from ..listing import ImageList
    from ..packing import Failure

_SCAN_NAMES = ("recursive", "exts", "shuffle", "seed", "classes_file", "classes_out")


@main.command("pack")
@click.argument("source", type=click.Path(readable=False))
@click.argument("out", type=click.Path(readable=False))
@click.option(
    "--root",
    type=click.Path(readable=False),
    help="Folder that a list's paths start from.  [default: the list's own, for - this one]",
)
@image_options
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
    from ..listing import ImageList
    from ..packing import outputs_of, pack_images
    from ..scanning import list_bytes

    folder_options = {name: options.pop(name) for name in _SCAN_NAMES}
    if options["pack_label"] and label_width is not None:
        raise click.UsageError("--pack-label takes all labels, --label-width some of them.")
    treatment = treatment_of(ctx, options)
    is_folder = os.path.isdir(source)
    _check_applies(ctx, source, is_folder)
    outputs = outputs_of(out)[: 3 if is_folder else 2]
    found = None
    if is_folder:
        found = scan_folder(source, outputs=outputs, force=force, **folder_options)
        if found.unusable and on_error == "fail":
            fail("nothing was packed, because of what was left out")
            raise click.exceptions.Exit(1)
        images, root = ImageList(list_bytes(found.entries), outputs[2]), source
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


def _check_applies(ctx: click.Context, source: str, is_folder: bool) -> None:
    wrong = given_options(ctx, ("root",) if is_folder else _SCAN_NAMES)
    if wrong:
        meant, is_ = ("a list", "a folder") if is_folder else ("a folder", "a list")
        raise click.UsageError(f"{', '.join(wrong)}: only for {meant}; {source} is {is_}.")


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
