"""The options of `rectool list` for labels that stand in annotations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from .main import check_stdin, given_options, option_group

if TYPE_CHECKING:
    from ..listing.annotations.base import Annotated

_MOST_FLOAT32 = 3.4e38


def _split_columns(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(value.split(",")) if value else ()


def _finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not abs(value) < _MOST_FLOAT32:
        raise click.BadParameter(f"{value:g} must be a number that float32 holds.")
    return value


annotation_options = option_group(
    click.option(
        "--csv",
        type=click.Path(readable=False),
        metavar="FILE",
        help="Read labels or boxes from a table with or without a header (- for stdin):"
        " path,label,label... or path,x1,y1,x2,y2,class.",
    ),
    click.option(
        "--csv-columns",
        callback=_split_columns,
        metavar="PATH,LABEL[,LABEL...]",
        help="Read these columns of the table, named by its header or numbered from 1.",
    ),
    click.option(
        "--csv-separator",
        metavar="SEP",
        help="Split each label at SEP (|, a blank...) into names of classes, each a column of 0 or"
        " 1; `none` takes the whole for one name.",
    ),
    click.option(
        "--csv-blank",
        type=float,
        callback=_finite,
        metavar="NUMBER",
        help="Take an empty label for this number.",
    ),
    click.option(
        "--coco",
        type=click.Path(readable=False),
        metavar="FILE",
        help="Read boxes from COCO's instances JSON; keys are image ids.",
    ),
    click.option(
        "--voc",
        type=click.Path(readable=False),
        metavar="DIR",
        help="Read boxes from a folder of Pascal VOC's XML files.",
    ),
    click.option(
        "--yolo",
        type=click.Path(readable=False),
        metavar="DIR",
        help="Read boxes from a folder of YOLO's .txt files, parallel to ROOT.",
    ),
    click.option(
        "--labelme",
        type=click.Path(readable=False),
        metavar="DIR",
        help="Read boxes from a folder of labelme's JSON files.",
    ),
    click.option(
        "--manifest",
        type=click.Path(readable=False),
        metavar="FILE",
        help="Read boxes or classes from the output.manifest of SageMaker Ground Truth.",
    ),
    click.option(
        "--stored-boxes",
        is_flag=True,
        help="Turn boxes as EXIF turns their images: they were drawn on the pixels as stored.",
    ),
    click.option(
        "--only",
        type=click.Path(readable=False),
        metavar="FILE",
        help="List only the images that this file names, a name or path a line, such as VOC's"
        " ImageSets/Main/train.txt or darknet's train.txt.",
    ),
    click.option(
        "--no-difficult",
        is_flag=True,
        help="Write VOC's boxes without `difficult` as a sixth number, as those of other formats.",
    ),
    click.option("--skip-empty", is_flag=True, help="Leave out images without boxes."),
)

FORMATS = ("csv", "coco", "voc", "yolo", "labelme", "manifest")
_OF_CSV = ("csv_columns", "csv_separator", "csv_blank")
_NOT_FOR = {
    "csv": ("recursive", "hidden", "no_difficult"),
    "coco": ("recursive", "exts", "hidden", "no_difficult", *_OF_CSV),
    "voc": ("recursive", *_OF_CSV),
    "yolo": ("no_difficult", *_OF_CSV),
    "labelme": ("recursive", "no_difficult", *_OF_CSV),
    "manifest": ("recursive", "exts", "hidden", "no_difficult", *_OF_CSV),
}
_BOXES = "--coco, --voc, --yolo, --labelme and --manifest"
_ONLY_OF = {
    "skip_empty": _BOXES,
    "stored_boxes": _BOXES,
    "no_difficult": "--voc",
    **dict.fromkeys(_OF_CSV, "--csv"),
}


def annotation_format(ctx: click.Context) -> str | None:
    """Which of the formats was given, if one was; options that do not go with it refused."""
    given = given_options(ctx, FORMATS)
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]}: labels are from one of them.")
    if not given:
        for option, formats in _ONLY_OF.items():
            if wrong := given_options(ctx, (option,)):
                raise click.UsageError(f"{wrong[0]} is of {formats}.")
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
    from ..listing.annotations.class_names import read_names
    from ..listing.annotations.only import Only

    source, classes_file = options[name], options["classes_file"]
    names = read_names(classes_file) if classes_file else None
    only = Only(options["only"]) if options["only"] else None
    taken: dict[str, Any] = {"classes": names and names.classes}
    if name == "csv" and source == "-":
        check_stdin()
    taken |= {"skip_empty": options["skip_empty"], "stored": options["stored_boxes"]}
    taken |= {"only": only}
    if name == "csv":
        taken |= {one.removeprefix("csv_"): options[one] for one in _OF_CSV}
    if name in ("voc", "yolo", "labelme"):
        taken |= {"hidden": options["hidden"]}
    if options["exts"]:
        taken |= {"exts": options["exts"]}
    if name == "voc":
        taken |= {"difficult": not options["no_difficult"]}
    if name == "yolo":
        del taken["classes"]
        taken |= {"names": names, "recursive": options["recursive"]}
    found = _reader(name)(source, root, **taken)
    if name == "csv" and not found.has_boxes and (options["skip_empty"] or options["stored_boxes"]):
        raise click.UsageError(
            "--skip-empty and --stored-boxes are for boxes, and this table has none."
        )
    found.remarks += only.remarks if only else []
    return found


def _reader(name: str) -> Callable[..., Annotated]:
    """What reads a format; the others are not loaded."""
    if name == "coco":
        from ..listing.annotations.coco import read_coco

        return read_coco
    if name == "voc":
        from ..listing.annotations.voc import read_voc

        return read_voc
    if name == "yolo":
        from ..listing.annotations.yolo import read_yolo

        return read_yolo
    if name == "labelme":
        from ..listing.annotations.labelme import read_labelme

        return read_labelme
    if name == "manifest":
        from ..listing.annotations.manifest import read_manifest

        return read_manifest
    from ..listing.annotations.csv import read_csv

    return read_csv
