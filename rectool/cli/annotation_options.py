"""The options of `rectool list` for labels that stand in annotations."""

from __future__ import annotations

import click

from .main import option_group

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
