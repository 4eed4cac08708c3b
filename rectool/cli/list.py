"""`rectool list`, and the options of listing a folder."""

from __future__ import annotations

from typing import Literal

import click

from ..errors import plural
from ..listing.list_images import list_images
from .annotation_options import annotation_options
from .main import (
    check_stdin,
    data_stream,
    fail,
    force_option,
    main,
    option_group,
    path_option,
    say,
    shown_path,
)
from .usage import check_list
from .verbs import verb


def _split_exts(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(ext for value in values for ext in value.replace(",", " ").split())


scan_options = option_group(
    click.option(
        "--recursive/--flat",
        default=True,
        help="List sub-folders too, each a class (the default), or only the folder's own images.",
    ),
    click.option(
        "--exts",
        multiple=True,
        callback=_split_exts,
        metavar="EXT[,EXT...]",
        help="List files with these endings, in any case.  [default: jpeg,jpg,png]",
    ),
    click.option(
        "--hidden",
        is_flag=True,
        help="List hidden files and folders too: .ipynb_checkpoints, ._a.jpg, __MACOSX, @eaDir...",
    ),
    click.option(
        "--shuffle/--no-shuffle",
        default=None,
        help="Shuffle images, or keep their order.  [default: shuffle; not for a .lst or .rec]",
    ),
    click.option(
        "--seed",
        type=int,
        show_default=True,
        help="Shuffle by this number; 100 gives im2rec's order.",
    ),
    path_option(
        "--classes",
        "PATH",
        "Read the labels of classes from this file: a class and its label a line (`cat 0`), or"
        " for annotations also names alone, numbered from 0, or YOLO's YAML.",
    ),
    path_option(
        "--classes-out",
        "PATH",
        "Write the labels of classes to this file (- for stdout), `cat 0`, one a line.",
    ),
)


def say_classes(classes: dict[str, int], title: str) -> None:
    """Prints the table of classes on stderr."""
    from .report import classes_text

    if classes:
        say(classes_text(classes, title))


_GROUPS = {
    "Labels": (
        *("csv", "csv_columns", "csv_separator", "csv_blank", "coco", "voc", "yolo", "labelme"),
        *("manifest", "stored_boxes", "no_difficult", "skip_empty", "classes", "classes_out"),
    ),
    "Images": ("only", "recursive", "exts", "hidden", "shuffle", "seed"),
    "Output": ("chunks", "train_ratio", "test_ratio", "on_error", "force"),
}


@main.command("list", groups=_GROUPS)
@click.argument("root", type=click.Path(readable=False))
@click.argument("out", default="-", type=click.Path(readable=False))
@annotation_options
@scan_options
@click.option(
    "--chunks",
    type=click.IntRange(1),
    show_default=True,
    help="Split the images into N lists.",
)
@click.option(
    "--train-ratio",
    type=click.FloatRange(0, 1, min_open=True),
    help="Put this share of each chunk in OUT_train.lst, the rest in OUT_val.lst.  [default: what"
    " --test-ratio leaves]",
)
@click.option(
    "--test-ratio",
    type=click.FloatRange(0, 1, max_open=True),
    help="Put this share of each chunk in OUT_test.lst.",
)
@click.option(
    "--on-error",
    type=click.Choice(["report", "fail", "skip"]),
    show_default=True,
    help="Decide what an image that cannot be listed does: report names it, lists the others and"
    " exits with 1; fail lists nothing; skip exits with 0.",
)
@force_option
@verb(list_images)
@click.pass_context
def list_(
    ctx: click.Context,
    /,
    root: str,
    out: str,
    csv: str | None,
    csv_columns: tuple[str, ...],
    csv_separator: str | None,
    csv_blank: float | None,
    coco: str | None,
    voc: str | None,
    yolo: str | None,
    labelme: str | None,
    manifest: str | None,
    stored_boxes: bool,
    only: str | None,
    no_difficult: bool,
    skip_empty: bool,
    recursive: bool,
    exts: tuple[str, ...],
    hidden: bool,
    shuffle: bool,
    seed: int,
    classes: str | None,
    classes_out: str | None,
    chunks: int,
    train_ratio: float | None,
    test_ratio: float,
    on_error: Literal["report", "fail", "skip"],
    force: bool,
) -> None:
    """List the images of folder ROOT in OUT.lst, or on stdout.

    Each sub-folder with images is a class; labels count from 0 in the order of their names. Or
    labels come from --csv, --coco, --voc, --yolo, --labelme or --manifest, whose paths start from
    ROOT; boxes become labels in MXNet's detection layout.

    \b
    rectool list images/ train
    rectool list images/ data --train-ratio 0.8 --test-ratio 0.1
    rectool list val/ val --classes train-classes.txt
    rectool list images/ labels --csv labels.csv
    rectool list images/ boxes --coco instances.json --classes-out classes.txt
    rectool list set/images/train train --yolo set/labels/train
    rectool list JPEGImages train --voc Annotations --only ImageSets/Main/train.txt
    """
    check_list(root, out)
    if out == "-" and classes_out == "-":
        raise click.UsageError("--classes-out - and the list cannot both go to stdout.")
    if csv == "-":
        check_stdin()
    title = "class" if any((csv, coco, voc, yolo, labelme, manifest)) else "folder"
    is_told = recursive and not classes and not classes_out
    result = list_images(
        root,
        data_stream().buffer if out == "-" else out,
        csv=csv,
        csv_columns=csv_columns,
        csv_separator=csv_separator,
        csv_blank=csv_blank,
        coco=coco,
        voc=voc,
        yolo=yolo,
        labelme=labelme,
        manifest=manifest,
        stored_boxes=stored_boxes,
        only=only,
        no_difficult=no_difficult,
        skip_empty=skip_empty,
        recursive=recursive,
        exts=exts,
        hidden=hidden,
        shuffle=shuffle,
        seed=seed,
        classes=classes,
        classes_out=data_stream().buffer if classes_out == "-" else classes_out,
        chunks=chunks,
        train_ratio=train_ratio,
        test_ratio=test_ratio,
        on_error=on_error,
        force=force,
        on_classes=lambda found: say_classes(found, title) if is_told else None,
        on_remark=say,
        on_fault=fail,
    )
    for path, count in result.lists:
        say(f"{plural(count, 'image')} in {shown_path(path)}")
    if result.unlisted:
        say(f"not listed: {plural(result.unlisted, 'image')}, named above")
    ctx.exit(1 if result.faults and on_error == "report" else 0)
