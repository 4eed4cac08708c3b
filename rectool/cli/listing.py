"""`rectool list`, and the options of listing a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .door import force_option, main, say, shown_path

if TYPE_CHECKING:
    from ..scanning import Scan

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


def _split_exts(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(ext for value in values for ext in value.replace(",", " ").split())


scan_options = _options(
    click.option(
        "--recursive/--flat",
        default=True,
        help="Sub-folders too, each a class (the default), or only the folder's own images.",
    ),
    click.option(
        "--exts",
        multiple=True,
        callback=_split_exts,
        metavar="EXT[,EXT...]",
        help="Endings of images, in any case, with or without dot.  [default: jpeg,jpg,png]",
    ),
    click.option(
        "--shuffle/--no-shuffle",
        default=True,
        help="Random order (the default) or that of the names.",
    ),
    click.option(
        "--seed", type=int, default=100, show_default=True, help="Of the random order; im2rec's."
    ),
    click.option(
        "--classes",
        "classes_file",
        type=click.Path(),
        help="Take the folders' labels from this file.",
    ),
    click.option(
        "--classes-out", type=click.Path(), help="Write the folders' labels to this file."
    ),
)


def scan_folder(
    root: str,
    *,
    recursive: bool,
    exts: tuple[str, ...],
    shuffle: bool,
    seed: int,
    classes_file: str | None,
    classes_out: str | None,
    force: bool,
) -> Scan:
    """What a folder holds, its entries in their final order; remarks said, class table written."""
    from .. import scanning
    from ..format import Output, plural, shown
    from ..reporting import classes_text

    if classes_file and not recursive:
        raise click.UsageError("--classes names sub-folders; --flat takes none.")
    classes = scanning.read_classes(classes_file) if classes_file else None
    found = scanning.scan(root, recursive=recursive, exts=exts or scanning.EXTS, classes=classes)
    if shuffle:
        found.entries = scanning.shuffled(found.entries, seed)
    if classes_out:
        with Output(classes_out, force=force) as output:
            output.write(scanning.class_table(found.classes))
    elif recursive and not classes:
        say(classes_text(found.classes))
    for ending, count in sorted(found.left_out.items()):
        say(f"left out: {plural(count, 'file')} ending in {ending} (--exts names what is taken)")
    for path in found.dangling:
        say(f"left out: {shown(path)}, which links to nothing")
    for path in found.loops:
        say(f"left out: {shown(path)}, which links back to a folder above it")
    return found


@main.command("list")
@click.argument("root", type=click.Path())
@click.argument("out", default="-", type=click.Path())
@scan_options
@click.option(
    "--chunks", type=click.IntRange(1), default=1, show_default=True, help="Lists to split into."
)
@click.option(
    "--train-ratio",
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of each chunk for OUT_train.lst; the rest goes to OUT_val.lst.  [default: what"
    " --test-ratio leaves]",
)
@click.option(
    "--test-ratio",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    help="Share of each chunk for OUT_test.lst.",
)
@force_option
def list_(
    root: str,
    out: str,
    chunks: int,
    train_ratio: float | None,
    test_ratio: float,
    force: bool,
    **folder_options: Any,
) -> None:
    """List the images of folder ROOT in OUT.lst, or on stdout.

    Each sub-folder with images is a class; labels count from 0 in the order of their names.

    \b
    rectool list images/ train
    rectool list images/ data --train-ratio 0.8 --test-ratio 0.1
    rectool list val/ val --classes train-classes.txt
    """
    from ..format import plural
    from ..scanning import Part, list_bytes, split, write_lists

    train = 1.0 - test_ratio if train_ratio is None else train_ratio
    if out == "-" and (chunks > 1 or train != 1.0):
        raise click.UsageError("several lists need a name: rectool list ROOT OUT.")
    if train + test_ratio > 1 + 1e-9:
        raise click.UsageError("--train-ratio and --test-ratio make more than 1.")
    found = scan_folder(root, force=force, **folder_options)
    if out == "-":
        sys.stdout.buffer.write(list_bytes(found.entries))
        return
    if chunks > len(found.entries):
        raise click.UsageError(f"--chunks {chunks}: there are only {len(found.entries)} images.")
    parts: list[Part] = split(
        found.entries, chunks=chunks, train_ratio=train, test_ratio=test_ratio
    )
    for path, part in zip(
        write_lists(out.removesuffix(".lst"), parts, force=force), parts, strict=True
    ):
        say(f"{plural(len(part.entries), 'image')} in {shown_path(path)}")
