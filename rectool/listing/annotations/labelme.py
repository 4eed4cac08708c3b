"""labelme: the shapes of an image in a JSON file of its own."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

from ...errors import ListError, StrPath
from ...remarks import RemarkKind, Remarks
from .base import ALL, Annotated, ReadOptions, class_name
from .detect_format import not_of_format
from .file_per_image import Object, Page, Pages, read_pages
from .json_values import Json, found, is_place, load, name_in, size_in

_KEPT = frozenset(
    {"shapes", "imagePath", "imageWidth", "imageHeight", "label", "points", "shape_type"}
)
"""What is read; the rest is let go of while parsing, the image itself above all."""
_LINES = ("point", "points", "line", "linestrip")

_NO_AREA = RemarkKind("left out: {} that are points or lines, as in {}", "shape")
_AROUND = RemarkKind("{} of another form: the box around it is taken, as in {}", "shape")


def read_labelme(folder: StrPath, root: StrPath, options: ReadOptions = ALL) -> Annotated:
    """The images of labelme's JSON files in a folder and those below it, with a box a shape.

    An image is a file with the JSON's name and one of `exts`, or else `imagePath` below `root`. Of
    polygons, circles and masks the box around them is taken; points and lines are left out. All
    else is as `read_voc` has it, boxes of five numbers.
    """
    return read_pages(folder, root, Pages("JSON", "--labelme", ".json", _read), options)


def _read(name: str, remarks: Remarks) -> Page:
    sheet = load(name, "labelme's JSON", _kept)
    if type(sheet) is not dict or type(sheet.get("shapes")) is not list:
        raise not_of_format(name, "labelme's JSON", "shapes is not a list")
    objects, faults, classes = [], [], []
    for number, item in enumerate(sheet["shapes"], 1):
        shape = item if type(item) is dict else {}
        try:
            classes.append(class_name(name_in(shape, "label")))
            row = _row(shape, name, remarks)
        except ListError as error:
            faults.append(f"shape {number}: {error.message}")
        else:
            objects += [Object(classes[-1], row)] if row else []
    path = sheet.get("imagePath")
    images = [path] if type(path) is str and path else []
    return Page(images, size_in(sheet, "imageWidth", "imageHeight"), objects, faults, classes)


def _kept(pairs: list[tuple[str, Any]]) -> Json:
    return {key: value for key, value in pairs if key in _KEPT}


def _row(shape: Json, name: str, remarks: Remarks) -> tuple[float, ...] | None:
    """The box of a shape, or None where it has none."""
    points = shape.get("points")
    kind = shape.get("shape_type") or "polygon"
    pairs = type(points) is list and all(type(one) is list and len(one) == 2 for one in points)
    if not pairs or not points or not all(map(is_place, chain.from_iterable(points))):
        raise ListError(f"points should be pairs of numbers, found {found(points)}")
    if kind in _LINES:
        remarks.count(_NO_AREA, name)
        return None
    if kind != "rectangle":
        remarks.count(_AROUND, name)
    if kind == "circle":
        if len(points) != 2:
            raise ListError(f"a circle should have a centre and a point, found {found(points)}")
        (x, y), edge = points
        radius = math.dist(points[0], edge)
        return x - radius, y - radius, x + radius, y + radius, 0.0
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down), 0.0
