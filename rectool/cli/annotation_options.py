"""The options of `rectool list` for labels that stand in annotations."""

from __future__ import annotations

import click

from .main import option_group, path_option

_MOST_FLOAT32 = 3.4e38


def _split_columns(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(value.split(",")) if value else ()


def _finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not abs(value) < _MOST_FLOAT32:
        raise click.BadParameter(f"{value:g} must be a number that float32 holds.")
    return value


annotation_options = option_group(
    path_option(
        "--csv",
        "FILE",
        "Read labels or boxes from a table with or without a header (- for stdin):"
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
    path_option("--coco", "FILE", "Read boxes from COCO's instances JSON; keys are image ids."),
    path_option("--voc", "DIR", "Read boxes from a folder of Pascal VOC's XML files."),
    path_option(
        "--yolo", "DIR", "Read boxes from a folder of YOLO's .txt files, parallel to ROOT."
    ),
    path_option("--labelme", "DIR", "Read boxes from a folder of labelme's JSON files."),
    path_option(
        "--manifest",
        "FILE",
        "Read boxes or classes from the output.manifest of SageMaker Ground Truth.",
    ),
    click.option(
        "--stored-boxes",
        is_flag=True,
        help="Turn boxes as EXIF turns their images: they were drawn on the pixels as stored.",
    ),
    path_option(
        "--only",
        "FILE",
        "List only the images that this file names, a name or path a line, such as VOC's"
        " ImageSets/Main/train.txt or darknet's train.txt.",
    ),
    click.option(
        "--no-difficult",
        is_flag=True,
        help="Write VOC's boxes without `difficult` as a sixth number, as those of other formats.",
    ),
    click.option("--skip-empty", is_flag=True, help="Leave out images without boxes."),
)
