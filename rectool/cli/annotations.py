"""The options of `rectool list` for labels that stand in annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .door import check_stdin, given_options, option_group

if TYPE_CHECKING:
    from ..annotations.common import Annotated

annotation_options = option_group(
    click.option(
        "--csv",
        type=click.Path(readable=False),
        metavar="FILE",
        help="Labels from a table of path,label or path,label,label... a line, with or without a"
        " header: numbers, or in one column also names of classes. - is stdin.",
    ),
    click.option(
        "--coco",
        type=click.Path(readable=False),
        metavar="FILE",
        help="Boxes from COCO's instances JSON; keys are image ids.",
    ),
    click.option(
        "--voc",
        type=click.Path(readable=False),
        metavar="DIR",
        help="Boxes from a folder of Pascal VOC's XML files.",
    ),
    click.option(
        "--yolo",
        type=click.Path(readable=False),
        metavar="DIR",
        help="Boxes from a folder of YOLO's .txt files, parallel to ROOT.",
    ),
    click.option(
        "--no-difficult",
        is_flag=True,
        help="Boxes of VOC as those of other formats, without `difficult` as a sixth number.",
    ),
    click.option("--skip-empty", is_flag=True, help="Leave out images without boxes."),
)

FORMATS = ("csv", "coco", "voc", "yolo")
_NOT_FOR = {
    "csv": ("recursive", "exts", "hidden", "skip_empty", "no_difficult"),
    "coco": ("recursive", "exts", "hidden", "no_difficult"),
    "voc": ("recursive",),
    "yolo": ("no_difficult",),
}


def annotation_format(ctx: click.Context) -> str | None:
    """Which of the formats was given, if one was; options that do not go with it refused."""
    given = given_options(ctx, FORMATS)
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]}: labels are from one of them.")
    if not given:
        if given_options(ctx, ("skip_empty",)):
            raise click.UsageError("--skip-empty is of --coco, --voc and --yolo.")
        if given_options(ctx, ("no_difficult",)):
            raise click.UsageError("--no-difficult is of --voc.")
        return None
    name = given[0].removeprefix("--")
    wrong = given_options(ctx, _NOT_FOR[name])
    if wrong:
        raise click.UsageError(f"{wrong[0]} does not go with {given[0]}.")
    return name


def read_annotations(
    name: str,
    root: str,
    options: Mapping[str, Any],
) -> Annotated:
    """What annotations in this format say of the images below `root`."""
    from ..annotations.names import read_names

    source, classes_file = options[name], options["classes_file"]
    names = read_names(classes_file) if classes_file else None
    classes = names.classes if names else None
    exts = {"exts": options["exts"]} if options["exts"] else {}
    if name == "yolo":
        from ..annotations.yolo import read_yolo

        return read_yolo(
            source,
            root,
            recursive=options["recursive"],
            names=names,
            skip_empty=options["skip_empty"],
            hidden=options["hidden"],
            **exts,
        )
    if name == "csv":
        from ..annotations.tables import read_csv

        if source == "-":
            check_stdin()
        return read_csv(source, root, classes=classes)
    if name == "coco":
        from ..annotations.coco import read_coco

        return read_coco(source, root, classes=classes, skip_empty=options["skip_empty"])
    from ..annotations.voc import read_voc

    return read_voc(
        source,
        root,
        classes=classes,
        difficult=not options["no_difficult"],
        skip_empty=options["skip_empty"],
        hidden=options["hidden"],
        **exts,
    )
