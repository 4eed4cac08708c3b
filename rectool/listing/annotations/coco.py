"""COCO: the boxes of "instances", one JSON file; LVIS's and others like it too."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import ListError, StrPath, shown
from ...format.boxes import BOX_WIDTH
from ...format.index import MAX_KEY
from ...remarks import RemarkKind
from ..listing_faults import Faults
from ..paths import Root
from .base import (
    ALL,
    Annotated,
    BoxLines,
    ReadOptions,
    check_pixels,
    check_sides,
    class_labels,
    class_name,
    split_by_owner,
)
from .detect_format import check_is_file, not_of_format
from .image_size import Measure, Size
from .json_values import Json, found, identity, integer, is_place, load, name_in, size_in, string
from .name_filter import NameFilter
from .segments import box_of

_KEPT = frozenset(
    {
        "images", "annotations", "categories", "id", "file_name", "coco_url", "width", "height",
        "image_id", "category_id", "bbox", "iscrowd", "name", "segmentation", "counts", "size",
    }
)  # fmt: skip
"""What is read; the rest is let go of while parsing, and polygons are but for their boxes."""
_WANTED = "COCO annotations"

_CROWD = RemarkKind("left out: {} of crowds (iscrowd), as in {}", "box")
_DUPLICATE_ID = RemarkKind("left out, being of the id of one before: {}, as in {}", "box")
_DUPLICATE_IMAGE = RemarkKind("left out, being there already: {}, as {}", "image")
_FROM_SEGMENT = RemarkKind(
    "{} without bbox: the box around the segmentation is taken, as in {}", "object"
)
_TEXT_IDS = RemarkKind("{} with an id that is no number, as {}: keys count from 0", "image")

_Id = int | str


class _Image(NamedTuple):
    where: str
    id: _Id
    path: str
    size: Size | None


def read_coco(path: StrPath, root: StrPath, options: ReadOptions = ALL) -> Annotated:
    """The images of a COCO "instances" file with their boxes, in its order; keys are image ids.

    `file_name`, or the last part of `coco_url`, starts from `root`. Categories are labelled from 0
    in the order of their ids, or by their names as `classes` says. An annotation without `bbox` has
    the box around its segmentation. Boxes of crowds are left out, and so is the second one of a
    class and place, or of an annotation's id, in an image; others are cut to their image.

    An image that cannot be listed is one of the faults of what is returned: its file is missing or
    not of the size that the annotations say, or one of its annotations is malformed. Raises
    ListError, a line for each fault, where that is so of all images, for malformed categories, and
    for boxes that are all fractions.
    """
    name, folder = os.fspath(path), Root(root)
    parts = _load(name)
    known = Annotated()
    labels, known.classes = _categories(parts, name, options.classes)
    lines = BoxLines(BOX_WIDTH, skip_empty=options.skip_empty)
    images, passed_over = _images(parts["images"], name, folder, options.only, lines, known.faults)
    boxes = _Boxes(labels, images, passed_over, lines, known.faults)
    for where, item in _items(parts.pop("annotations"), "annotation", name):
        boxes.add(where, item)
    measure = Measure(folder, lines.remarks, stored=options.stored)
    counted = any(type(image.id) is str for image in images)
    for image, own in boxes.by_image():
        try:
            size, turn = measure(image.path, image.size)
        except ListError as error:
            known.faults.add(f"{image.where}: {error.message}")
            continue
        if len(own):
            check_pixels(boxes.farthest, image.path, *size, name)
        own[:, 1:] /= *size, *size
        lines.add(None if counted else int(image.id), image.path, own.tolist(), turn)
    known.images = lines.images(folder.path, name, known.faults)
    known.remarks = [*lines.remarks.lines(), *folder.remarks()]
    return known


def _load(name: str) -> dict[str, list[Any]]:
    check_is_file(name, "--coco", "--voc, --yolo and --labelme take folders")
    parts = load(name, _WANTED, _kept)
    if type(parts) is not dict:
        raise not_of_format(name, _WANTED, "it is not an object with images and annotations")
    for part in ("images", "annotations", "categories"):
        if type(parts.get(part)) is not list:
            raise not_of_format(name, _WANTED, f"{part} is not a list")
    return parts


def _kept(pairs: list[tuple[str, Any]]) -> Json:
    kept = {key: value for key, value in pairs if key in _KEPT}
    if "segmentation" in kept:
        segmentation = kept.pop("segmentation")
        if "image_id" in kept and not _is_there(kept.get("bbox")):
            try:
                kept["segment"] = box_of(segmentation)
            except ListError as error:
                kept["segment"] = error.message
    return kept


def _is_there(bbox: Any) -> bool:
    return any(bbox) if type(bbox) is list else bbox is not None


def _items(part: list[Any], noun: str, name: str) -> Iterator[tuple[str, Json]]:
    """Each object of a list, with its place for messages."""
    for number, item in enumerate(part, 1):
        id_ = integer(item.get("id")) if type(item) is dict else None
        where = f"{noun} number {number}" if id_ is None else f"{noun} {id_}"
        yield f"{shown(name)}: {where}", item if type(item) is dict else {}


def _categories(
    parts: dict[str, list[Any]], name: str, classes: Mapping[str, int] | None
) -> tuple[dict[_Id, int], dict[str, int]]:
    """The label of each category id, and the class table.

    Of two categories with one name the one that no annotation has is passed over: Roboflow's files
    begin with such. Nor does it have to be in a table that is given. Raises ListError.
    """
    faults = Faults()
    names: dict[_Id, str] = {}
    places: dict[str, str] = {}
    used = {_used(item) for item in parts["annotations"]}
    items = list(_items(parts["categories"], "category", name))
    items.sort(key=lambda one: _used(one[1], "id") not in used)  # so that it comes second
    for where, item in items:
        try:
            id_, category = identity(item, "id"), class_name(name_in(item, "name"))
            if id_ in names:
                raise ListError("its id occurs twice")
            if category in places and id_ not in used:
                continue
            if category in places:
                raise ListError(f"another one has the name {shown(category)}, too")
            names[id_], places[category] = category, where
        except ListError as error:
            faults.add(f"{where}: {error.message}")
    if classes is None:
        in_order = sorted(names, key=lambda id_: (type(id_) is str, id_))
        classes = {names[id_]: number for number, id_ in enumerate(in_order)}
    wanted = {names[id_] for id_ in names if id_ in used}
    own = {category: where for category, where in places.items() if category in wanted}
    classes = class_labels(own, classes, name, faults)
    labels = {id_: classes.get(category, 0) for id_, category in names.items()}
    return labels, classes


def _used(item: Any, field: str = "category_id") -> _Id | None:
    """An id, or None where it is none; that is said elsewhere."""
    try:
        return identity(item, field) if type(item) is dict else None
    except ListError:
        return None


def _images(
    part: list[Any], name: str, root: Root, only: NameFilter | None, lines: BoxLines, faults: Faults
) -> tuple[list[_Image], set[_Id | None]]:
    """The images that can be listed, and the ids of the others."""
    chosen = only.choose(map(_file_of, part), faults) if only else None
    images: dict[_Id, _Image] = {}
    by_path: dict[str, _Id] = {}
    others: set[_Id | None] = set()
    for where, item in _items(part, "image", name):
        if chosen is not None and _file_of(item) not in chosen:
            others.add(_used(item, "id"))
            continue
        try:
            image = _image(where, item, root)
            same = images.get(image.id) or images.get(by_path.get(image.path, image.id))
            if same and same[1:] == image[1:]:
                lines.remarks.count(_DUPLICATE_IMAGE, image.path)
                continue
            if same:
                faults.images += same.id not in others
                others.add(same.id)
                what = "id occurs twice" if same.id == image.id else "file is that of another one"
                raise ListError(f"its {what}, so neither is listed ({shown(same.path)})")
            if type(image.id) is str:
                lines.remarks.count(_TEXT_IDS, image.id)
            images[image.id], by_path[image.path] = image, image.id
        except ListError as error:
            faults.add(f"{where}: {error.message}")
            others.add(_used(item, "id"))
    return [image for id_, image in images.items() if id_ not in others], others


def _image(where: str, item: Json, root: Root) -> _Image:
    id_ = identity(item, "id")
    if type(id_) is int and not 0 <= id_ <= MAX_KEY:
        raise ListError(f"an id must be 0 to {MAX_KEY}: it becomes the record's key")
    return _Image(where, id_, root.find(_file_of(item) or string(item, "file_name")), size_in(item))


def _file_of(item: Any) -> str:
    """What names an image's file, or "": LVIS has no more than the address that it is from."""
    fields = ("file_name", "coco_url") if type(item) is dict else ()
    return next((item[field] for field in fields if type(item.get(field)) is str), "")


class _Boxes:
    """Takes annotations, and gives the boxes of each image."""

    def __init__(
        self,
        labels: dict[_Id, int],
        images: list[_Image],
        passed_over: set[_Id | None],
        lines: BoxLines,
        faults: Faults,
    ) -> None:
        """Annotations of images that are `passed_over` are passed over too."""
        self._labels = labels
        self._images = images
        self._positions = {image.id: position for position, image in enumerate(images)}
        self._passed_over = passed_over
        self._remarks = lines.remarks
        self._faults = faults
        self._faulty: set[int] = set()
        self._ids: set[tuple[int, int]] = set()
        self._owners, self._rows = array("q"), array("d")
        self.farthest = 0.0

    def add(self, where: str, item: Json) -> None:
        owner = None
        try:
            image_id = identity(item, "image_id")
            if image_id in self._passed_over:
                return
            owner = self._positions.get(image_id)
            if owner is None:
                raise ListError(f"there is no image with the id {image_id!s:.40}")
            self._add(owner, item)
        except ListError as error:
            new = owner is not None and owner not in self._faulty
            self._faults.add(f"{where}: {error.message}", images=int(new))
            if owner is not None:
                self._faulty.add(owner)

    def _add(self, owner: int, item: Json) -> None:
        path = self._images[owner].path
        category = identity(item, "category_id")
        label = self._labels.get(category)
        if label is None:
            raise ListError(f"there is no category with the id {category!s:.40}")
        if item.get("iscrowd") not in (None, 0, "0"):
            self._remarks.count(_CROWD, path)
            return
        x, y, width, height = self._bbox(item, path)
        id_ = item.get("id")
        if type(id_) is int:
            if (owner, id_) in self._ids:
                self._remarks.count(_DUPLICATE_ID, path)
                return
            self._ids.add((owner, id_))
        self._owners.append(owner)
        self._rows.extend((label, x, y, x + width, y + height))

    def _bbox(self, item: Json, path: str) -> list[float]:
        box = item.get("bbox")
        if not _is_there(box):
            box = item.get("segment", box)
            if type(box) is str:
                raise ListError(box)
            if item.get("segment"):
                self._remarks.count(_FROM_SEGMENT, path)
        if box is None:
            raise ListError("there is no bbox and no segmentation")
        if type(box) is not list or len(box) != 4 or not all(map(is_place, box)):
            raise ListError(f"bbox should be x, y, width and height in pixels, found {found(box)}")
        check_sides(box[2], box[3])
        return box

    def by_image(self) -> Iterator[tuple[_Image, NDArray[np.float64]]]:
        """Each image that nothing is wrong with, and its rows of label and corners in pixels."""
        rows = np.array(self._rows).reshape(-1, BOX_WIDTH)
        self.farthest = float(np.abs(rows[:, 1:]).max(initial=0))
        parts = split_by_owner(self._owners, rows, len(self._images))
        for number, (image, own) in enumerate(zip(self._images, parts, strict=False)):
            if number not in self._faulty:
                yield image, own
