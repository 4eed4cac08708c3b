"""The options of `rectool list` for labels that stand in annotations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        "--labelme",
        type=click.Path(readable=False),
        metavar="DIR",
        help="Boxes from a folder of labelme's JSON files.",
    ),
    click.option(
        "--manifest",
        type=click.Path(readable=False),
        metavar="FILE",
        help="Boxes or classes from the output.manifest of SageMaker Ground Truth.",
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
        help="Boxes of VOC as those of other formats, without `difficult` as a sixth number.",
    ),
    click.option("--skip-empty", is_flag=True, help="Leave out images without boxes."),
)

FORMATS = ("csv", "coco", "voc", "yolo", "labelme", "manifest")
_NOT_FOR = {
    "csv": ("recursive", "exts", "hidden", "skip_empty", "stored_boxes", "no_difficult"),
    "coco": ("recursive", "exts", "hidden", "no_difficult"),
    "voc": ("recursive",),
    "yolo": ("no_difficult",),
    "labelme": ("recursive", "no_difficult"),
    "manifest": ("recursive", "exts", "hidden", "no_difficult"),
}
_BOXES = "--coco, --voc, --yolo, --labelme and --manifest"
_ONLY_OF = {"skip_empty": _BOXES, "stored_boxes": _BOXES, "no_difficult": "--voc"}


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
    from ..annotations.names import read_names
    from ..annotations.only import Only

    source, classes_file = options[name], options["classes_file"]
    names = read_names(classes_file) if classes_file else None
    only = Only(options["only"]) if options["only"] else None
    taken: dict[str, Any] = {"classes": names and names.classes}
    if name == "csv" and source == "-":
        check_stdin()
    if name != "csv":
        taken |= {"skip_empty": options["skip_empty"], "stored": options["stored_boxes"]}
        taken |= {"only": only}
    if name in ("voc", "yolo", "labelme"):
        taken |= {"hidden": options["hidden"]}
        taken |= {"exts": options["exts"]} if options["exts"] else {}
    if name == "voc":
        taken |= {"difficult": not options["no_difficult"]}
    if name == "yolo":
        del taken["classes"]
        taken |= {"names": names, "recursive": options["recursive"]}
    found = _reader(name)(source, root, **taken)
    found.remarks += only.remarks if only else []
    return found


def _reader(name: str) -> Callable[..., Annotated]:
    """What reads a format; the others are not loaded."""
    if name == "coco":
        from ..annotations.coco import read_coco

        return read_coco
    if name == "voc":
        from ..annotations.voc import read_voc

        return read_voc
    if name == "yolo":
        from ..annotations.yolo import read_yolo

        return read_yolo
    if name == "labelme":
        from ..annotations.labelme import read_labelme

        return read_labelme
    if name == "manifest":
        from ..annotations.manifest import read_manifest

        return read_manifest
    from ..annotations.tables import read_csv

    return read_csv
