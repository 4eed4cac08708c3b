"""`rectool list`, and the options of listing a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .annotation_options import FORMATS, annotation_format, annotation_options, read_annotations
from .main import data_stream, fail, force_option, main, option_group, say, say_all, shown_path
from .usage import check_list

if TYPE_CHECKING:
    from ..listing.annotations.base import Annotated
    from ..listing.scan import Scan


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
        default=True,
        help="Shuffle images, or keep their order.  [default: shuffle; not for a .lst or .rec]",
    ),
    click.option(
        "--seed",
        type=int,
        default=100,
        show_default=True,
        help="Shuffle by this number; 100 gives im2rec's order.",
    ),
    click.option(
        "--classes",
        "classes_file",
        type=click.Path(readable=False),
        help="Read the labels of classes from this file: a class and its label a line (`cat 0`), or"
        " for annotations also names alone, numbered from 0, or YOLO's YAML.",
    ),
    click.option(
        "--classes-out",
        type=click.Path(readable=False),
        help="Write the labels of classes to this file (- for stdout), `cat 0`, one a line.",
    ),
)


SCAN_NAMES = ("recursive", "exts", "hidden", "shuffle", "seed", "classes_file", "classes_out")


def scan_folder(
    root: str,
    *,
    recursive: bool,
    exts: tuple[str, ...],
    hidden: bool,
    shuffle: bool,
    seed: int,
    classes_file: str | None,
    classes_out: str | None,
    outputs: Sequence[str],
    force: bool,
    strict: bool = False,
    only: str | None = None,
) -> Scan:
    """What a folder holds, its images in their final order; remarks said, outputs checked.

    Raises ListError where an image cannot be listed and that is `strict`.
    """
    from ..listing import scan as scanning
    from ..listing.classes import read_classes
    from ..listing.split import shuffled

    if (classes_file or classes_out) and not recursive:
        raise click.UsageError("--classes and --classes-out are of sub-folders; --flat takes none.")
    _check_outputs(outputs, classes_out, [classes_file], force=force)
    classes = read_classes(classes_file) if classes_file else None
    found = scanning.scan(
        root,
        recursive=recursive,
        exts=exts or scanning.EXTS,
        classes=classes,
        hidden=hidden,
    )
    if only:
        from ..listing.annotations.only import Only

        names = Only(only)
        found.images = names.keep(found.images, found.faults)
        for remark in names.remarks:
            say(remark)
    if strict:
        found.faults.check(root)
    if shuffle:
        found.images = shuffled(found.images, seed)
    has_table = recursive and not classes and not classes_out
    _say_found(found, root, "folder" if has_table else None)
    return found


def _annotated(
    name: str,
    root: str,
    options: dict[str, Any],
    *,
    outputs: Sequence[str],
    force: bool,
    strict: bool,
) -> Annotated:
    """What annotations say, the images in their final order; remarks said, outputs checked.

    Raises ListError where an image cannot be listed and that is `strict`.
    """
    from ..listing.lst import shuffled_order

    inputs = [options[name] for name in (*FORMATS, "classes_file")]
    _check_outputs(outputs, options["classes_out"], inputs, force=force)
    found = read_annotations(name, root, options)
    if strict:
        found.faults.check(options[name])
    if options["classes_out"] and not found.classes:
        raise click.UsageError("--classes-out: no names of classes are known.")
    if options["shuffle"]:
        found.images = found.images.take(shuffled_order(len(found.images), options["seed"]))
    has_table = found.classes and not options["classes_file"] and not options["classes_out"]
    _say_found(found, options[name], "class" if has_table else None)
    for remark in found.remarks:
        say(remark)
    return found


def _check_outputs(
    outputs: Sequence[str], classes_out: str | None, inputs: Sequence[str | None], *, force: bool
) -> None:
    from ..system.replacing import CLASSES, check_free, check_outputs

    tables = [classes_out] if classes_out and classes_out != "-" else []
    check_table(outputs, classes_out)
    check_outputs([*outputs, *tables], filter(None, inputs))
    for path in outputs:
        check_free(path, force=force)
    for path in tables:
        check_free(path, force=force, kind=CLASSES)


def check_table(
    outputs: Sequence[str], classes_out: str | None, *, on_stdout: str | None = None
) -> None:
    """Raises UsageError where --classes-out names another output; so may what is `on_stdout`."""
    from ..errors import RecordError
    from ..system.replacing import check_outputs

    if on_stdout and classes_out == "-":
        raise click.UsageError(
            f"--classes-out - and {on_stdout} cannot both go to stdout; name a file."
        )
    if classes_out and classes_out != "-":
        try:
            check_outputs([*outputs, classes_out])
        except RecordError:
            reason = f"--classes-out {classes_out} is the name of another output."
            raise click.UsageError(reason) from None


def _say_found(found: Scan, source: str, title: str | None) -> None:
    """The class table, if it has a title, what is wrong in the source, and what was passed over."""
    from ..errors import plural, shown
    from ..listing.scan import hidden_text
    from .report import classes_text

    if title:
        say(classes_text(found.classes, title))
    for ending, count in sorted(found.left_out.items()):
        say(f"left out: {plural(count, 'file')} ending in {ending} (--exts names what is taken)")
    if found.hidden:
        example = shown(found.hidden_example)
        say(f"left out: {hidden_text(found.hidden)}, e.g. {example} (--hidden takes them)")
    if found.faults:
        fail(found.faults.text(source))
    loop = "links back to a folder above it"
    say_all([f"left out: {shown(path)}, which {loop}" for path in found.loops])


def write_classes(
    found: Scan, classes_out: str | None, *, force: bool, resume: bool = False
) -> None:
    """The class table, where it was asked for: last, when all else went well."""
    from ..listing.classes import class_table
    from ..system.atomic import Output
    from ..system.replacing import CLASSES

    if classes_out:
        table = class_table(found.classes)
        if classes_out == "-":
            data_stream().buffer.write(table)
            return
        if resume and os.path.isfile(classes_out):
            with open(classes_out, "rb") as file:
                if file.read() == table:
                    return
        with Output(classes_out, kind=CLASSES, force=force) as output:
            output.write(table)


@main.command("list")
@click.argument("root", type=click.Path(readable=False))
@click.argument("out", default="-", type=click.Path(readable=False))
@annotation_options
@scan_options
@click.option(
    "--chunks",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Split the images into so many lists.",
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
    default=0.0,
    help="Put this share of each chunk in OUT_test.lst.",
)
@click.option(
    "--on-error",
    type=click.Choice(["report", "fail", "skip"]),
    default="report",
    show_default=True,
    help="Name an image that cannot be listed, list the others, and exit with 1; list nothing; or"
    " exit with 0.",
)
@force_option
@click.pass_context
def list_(
    ctx: click.Context,
    /,
    root: str,
    out: str,
    chunks: int,
    train_ratio: float | None,
    test_ratio: float,
    on_error: str,
    force: bool,
    **options: Any,
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
    from ..errors import plural
    from ..listing.split import split, write_lists

    check_list(root, out)
    train = 1.0 - test_ratio if train_ratio is None else train_ratio
    check_table([], options["classes_out"], on_stdout="the list" if out == "-" else None)
    if out == "-" and (chunks > 1 or train != 1.0):
        raise click.UsageError("several lists need a name: rectool list ROOT OUT.")
    if not train + test_ratio <= 1 + 1e-9:  # nan is neither
        raise click.UsageError("--train-ratio and --test-ratio make more than 1.")
    ending = out[-4:] if out.lower().endswith(".lst") else ".lst"
    prefix = out.removesuffix(ending)
    if out != "-" and os.path.basename(prefix) in ("", os.curdir, os.pardir):
        raise click.UsageError(f"{out} is a folder; name a list in it.")
    single = [prefix + ending] if out != "-" and chunks == 1 and train == 1.0 else []
    source, strict = annotation_format(ctx), on_error == "fail"
    if source:
        found: Scan = _annotated(source, root, options, outputs=single, force=force, strict=strict)
    else:
        scan = {name: options[name] for name in SCAN_NAMES}
        found = scan_folder(
            root, outputs=single, force=force, strict=strict, only=options["only"], **scan
        )
    if out == "-":
        data_stream().buffer.write(found.images.contents())
    elif chunks > len(found.images):
        count = plural(len(found.images), "image")
        raise click.UsageError(f"--chunks {chunks}: too many for {count}.")
    else:
        parts = split(found.images, chunks=chunks, train_ratio=train, test_ratio=test_ratio)
        lists = [f"{prefix}{part.suffix}{ending}" for part in parts]
        inputs = [options[name] for name in (*FORMATS, "classes_file")]
        _check_outputs(lists, options["classes_out"], inputs, force=force)
        write_lists(prefix, parts, ending=ending, force=force)
        for path, part in zip(lists, parts, strict=True):
            say(f"{plural(len(part.images), 'image')} in {shown_path(path)}")
    write_classes(found, options["classes_out"], force=force)
    if found.faults.images:
        say(f"not listed: {plural(found.faults.images, 'image')}, named above")
    if found.faults and on_error == "report":
        raise click.exceptions.Exit(1)
