"""COCO: the boxes of "instances", one JSON file."""

from __future__ import annotations

import json
import math
import os
from array import array
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..boxes import BOX_WIDTH
from ..format import MAX_KEY, ListError, StrPath, shown
from ..listed_paths import Root
from ..listing import raise_faults
from .common import FAR, Annotated, BoxLines, Kind, check_classes, check_pixels, class_name
from .pixels import Size, agreed_size

_KEPT = frozenset(
    {
        "images", "annotations", "categories", "id", "file_name", "width", "height", "image_id",
        "category_id", "bbox", "iscrowd", "name",
    }
)  # fmt: skip
"""What is read; the rest is let go of while parsing, polygons above all."""

_CROWD = Kind("left out: {} of crowds (iscrowd), as in {}", "box")
_SAME_ID = Kind("left out, being of the id of one before: {}, as in {}", "box")


class _Image(NamedTuple):
    where: str
    key: int
    path: str
    size: Size | None


def read_coco(
    path: StrPath,
    root: StrPath,
    *,
    classes: Mapping[str, int] | None = None,
    skip_empty: bool = False,
) -> Annotated:
    """The images of a COCO "instances" file with their boxes, in its order; keys are image ids.

    `file_name` starts from `root`. Categories are labelled from 0 in the order of their ids, or by
    their names as `classes` says. Boxes of crowds are left out, and so is the second one of a class
    and place, or of an annotation's id, in an image; others are cut to their image. With
    `skip_empty` images without boxes are left out.

    Raises ListError with a line for each fault, among them an image file that is missing or not of
    the size that the annotations say, and boxes that are all fractions.
    """
    name, folder = os.fspath(path), Root(root)
    parts = _load(name)
    faults: list[str] = []
    labels, known = _categories(parts, name, classes, faults)
    images = _images(parts["images"], name, folder, faults)
    raise_faults(faults, name)
    lines = BoxLines(BOX_WIDTH, skip_empty=skip_empty)
    owners, rows = _boxes(parts.pop("annotations"), name, labels, images, lines, faults)
    raise_faults(faults, name)
    order = owners.argsort(kind="stable")
    farthest = float(np.abs(rows[:, 1:]).max(initial=0))
    bounds = owners[order].searchsorted(np.arange(len(images) + 1)).tolist()
    for number, image in enumerate(images):
        try:
            width, height = agreed_size(folder, image.path, image.size, lines.remarks)
        except ListError as error:
            faults.append(f"{image.where}: {error.message}")
            continue
        own = rows[order[bounds[number] : bounds[number + 1]]]
        if len(own):
            check_pixels(farthest, image.path, width, height, name)
        own[:, 1:] /= width, height, width, height
        lines.add(image.key, image.path, own.tolist())
    raise_faults(faults, name)
    return Annotated(lines.images(folder.path, name), known, remarks=lines.remarks.lines())


def _load(name: str) -> dict[str, list[Any]]:
    try:
        parts = json.loads(_text_in(name), object_pairs_hook=_kept)
    except (ValueError, RecursionError) as error:
        raise ListError(f"no JSON: {error}", path=name) from None
    if type(parts) is not dict:
        raise ListError("no COCO annotations: no object with images, annotations...", path=name)
    for part in ("images", "annotations", "categories"):
        if type(parts.get(part)) is not list:
            raise ListError(f"no COCO annotations: {part} is not a list in it", path=name)
    return parts


def _text_in(name: str) -> str:
    """Decoded here, so that the bytes are gone when the text is parsed."""
    with open(name, "rb") as file:
        data = file.read()
    return data.decode(json.detect_encoding(data), "surrogatepass")


def _kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in pairs if key in _KEPT}


def _items(part: list[Any], noun: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of a list, with its place for messages."""
    for number, item in enumerate(part, 1):
        has_id = type(item) is dict and type(item.get("id")) is int
        where = f"{noun} {item['id']}" if has_id else f"{noun} number {number}"
        yield f"{shown(name)}: {where}", item if type(item) is dict else {}


def _whole(item: dict[str, Any], field: str) -> int:
    value = item.get(field)
    if type(value) is not int:
        raise ListError(f"{field} should be a whole number, found {_found(value)}")
    return value


def _string(item: dict[str, Any], field: str) -> str:
    value = item.get(field)
    if type(value) is not str:
        raise ListError(f"{field} should be a text, found {_found(value)}")
    return value


def _found(value: object) -> str:
    return "none" if value is None else f"{json.dumps(value):.60}"


def _categories(
    parts: dict[str, list[Any]], name: str, classes: Mapping[str, int] | None, faults: list[str]
) -> tuple[dict[int, int], dict[str, int]]:
    """The label of each category id, and the class table.

    Of two categories with one name the one that no annotation has is passed over: Roboflow's files
    begin with such. Nor does it have to be in a table that is given.
    """
    names: dict[int, str] = {}
    places: dict[str, str] = {}
    used = {
        item["category_id"]
        for item in parts["annotations"]
        if type(item) is dict and type(item.get("category_id")) is int
    }
    items = list(_items(parts["categories"], "category", name))
    items.sort(key=lambda one: one[1].get("id") not in used)  # so that it comes second
    for where, item in items:
        try:
            id_, category = _whole(item, "id"), class_name(_string(item, "name"))
            if id_ in names:
                raise ListError("its id occurs twice")
            if category in places and id_ not in used:
                continue
            if category in places:
                raise ListError(f"a second one with the name {shown(category)}")
            names[id_], places[category] = category, where
        except ListError as error:
            faults.append(f"{where}: {error.message}")
    if classes is None:
        classes = {names[id_]: number for number, id_ in enumerate(sorted(names))}
    else:
        wanted = {names[id_] for id_ in used & names.keys()}
        check_classes(((cls, places[cls]) for cls in places if cls in wanted), classes, faults)
    labels = {id_: classes.get(category, 0) for id_, category in names.items()}
    return labels, dict(classes)


def _images(part: list[Any], name: str, root: Root, faults: list[str]) -> list[_Image]:
    images: list[_Image] = []
    ids: set[int] = set()
    paths: set[str] = set()
    for where, item in _items(part, "image", name):
        try:
            key = _whole(item, "id")
            if not 0 <= key <= MAX_KEY:
                raise ListError(f"an id should be 0 to {MAX_KEY}: it becomes the record's key")
            if key in ids:
                raise ListError("its id occurs twice")
            path = root.below(_string(item, "file_name"))
            if path in paths:
                raise ListError(f"a second one with the file {shown(path)}")
            images.append(_Image(where, key, path, _size(item)))
            ids.add(key)
            paths.add(path)
        except ListError as error:
            faults.append(f"{where}: {error.message}")
    return images


def _size(item: dict[str, Any]) -> Size | None:
    """The size that an image should have, or None where that is not said."""
    width, height = (item.get(field) or 0 for field in ("width", "height"))
    for side in (width, height):
        if type(side) not in (int, float) or not 0 <= side < FAR or side != math.floor(side):
            raise ListError(
                "width and height should be whole numbers of pixels, found"
                f" {_found(width)} and {_found(height)}"
            )
    return (int(width), int(height)) if width and height else None


def _boxes(
    part: list[Any],
    name: str,
    labels: dict[int, int],
    images: list[_Image],
    lines: BoxLines,
    faults: list[str],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each box the position of its image, and label, xmin, ymin, xmax, ymax in pixels."""
    positions = {image.key: position for position, image in enumerate(images)}
    owners, rows = array("q"), array("d")
    ids: set[tuple[int, int]] = set()
    for where, item in _items(part, "annotation", name):
        try:
            owner = positions.get(_whole(item, "image_id"))
            label = labels.get(_whole(item, "category_id"))
            if owner is None or label is None:
                missing = "image" if owner is None else "category"
                raise ListError(f"there is no {missing} with the id {item[missing + '_id']}")
            x, y, width, height = _bbox(item.get("bbox"))
        except ListError as error:
            faults.append(f"{where}: {error.message}")
            continue
        if item.get("iscrowd"):
            lines.remarks.count(_CROWD, images[owner].path)
            continue
        id_ = item.get("id")
        if type(id_) is int:
            if (owner, id_) in ids:
                lines.remarks.count(_SAME_ID, images[owner].path)
                continue
            ids.add((owner, id_))
        owners.append(owner)
        rows.extend((label, x, y, x + width, y + height))
    return np.array(owners, np.int64), np.array(rows).reshape(-1, BOX_WIDTH)


def _bbox(box: Any) -> list[float]:
    if box is None:
        raise ListError("no bbox, and a polygon alone is not read")
    numbers = type(box) is list and all(type(side) in (int, float) for side in box)
    if not numbers or len(box) != 4 or not all(-FAR < side < FAR for side in box):
        raise ListError(f"bbox should be x, y, width and height in pixels, found {_found(box)}")
    if box[2] < 0 or box[3] < 0:
        raise ListError(f"a box {box[2]:g} wide and {box[3]:g} high")
    return box  # type: ignore[no-any-return]
