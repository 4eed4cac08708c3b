"""SageMaker Ground Truth's manifests: a line of JSON for each image and what it was labelled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import ListError, StrPath, shown
from ...format.boxes import BOX_WIDTH
from ...format.header import to_float32
from ..listing_faults import Faults
from ..lst import ImageList, encode_path
from ..paths import Root
from ..text_files import open_text
from .base import (
    ALL,
    Annotated,
    Box,
    BoxLines,
    ReadOptions,
    check_pixels,
    check_sides,
    class_labels,
    class_name,
)
from .detect_format import check_is_file, not_of_format
from .image_size import Measure, Size
from .json_values import Json, found, integer, is_place, size_in, string

_BOXES, _ONE, _SEVERAL = "boxes", "one class", "several classes"
_JOBS = {
    "groundtruth/object-detection": _BOXES,
    "groundtruth/image-classification": _ONE,
    "groundtruth/image-classification-multilabel": _SEVERAL,
}
_METADATA = "-metadata"
_WANTED = "Ground Truth's manifest"
_LONGEST_LINE = 1 << 24
_MOST_CLASSES = 1 << 16


class _Row(NamedTuple):
    """What a line says: the image's address, the job's name, kind and result, names of classes."""

    where: str
    address: str
    job: str
    kind: str
    result: Any
    names: dict[int, str]


def read_manifest(path: StrPath, root: StrPath, options: ReadOptions = ALL) -> Annotated:
    """The images of a Ground Truth manifest, keys from 0: with boxes, a class, or several.

    `source-ref` is an address: its longest end that is a file below `root` counts. Labels are the
    job's own numbers of classes, or those of their names in `classes`; where an image may have
    several classes it has a label for each class, 1 or 0.

    An image that cannot be listed is one of the faults of what is returned. Raises ListError, a
    line for each fault, where that is so of all images, for lines of several jobs, and for boxes
    that are all fractions.
    """
    name, folder = os.fspath(path), Root(root)
    check_is_file(name, "--manifest", "the output.manifest of a labelling job")
    made = Annotated()
    rows = list(_rows(name, made.faults))
    made.faults.check(name) if not rows else _check_jobs(rows, name)
    labels, made.classes = _labels(rows, options.classes, name)
    if options.only:
        chosen = options.only.choose([row.address for row in rows], made.faults)
        rows = [row for row in rows if row.address in chosen]
    paths = _paths(rows, folder, made.faults)
    if rows and rows[0].kind == _BOXES:
        lines = BoxLines(BOX_WIDTH, skip_empty=options.skip_empty)
        measure = Measure(folder, lines.remarks, stored=options.stored)
        _add_boxes(paths, labels, measure, lines, made, name)
        made.images = lines.images(folder.path, name, made.faults)
        made.remarks = lines.remarks.lines()
    elif options.skip_empty or options.stored:
        option = "--skip-empty" if options.skip_empty else "--stored-boxes"
        raise ListError(f"{option} requires boxes, and these are labels of images", path=name)
    else:
        made.images = _classified(paths, labels, made, folder.path, name)
    made.remarks += folder.remarks()
    return made


def _rows(name: str, faults: Faults) -> Iterator[_Row]:
    with open_text(name) as file:
        lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{shown(name)}:{number}"
            if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                reason = f"line {number} is longer than {_LONGEST_LINE >> 20} MB"
                raise not_of_format(name, _WANTED, reason)
            try:
                item = json.loads(line.decode("utf-8-sig"))
                if type(item) is not dict:
                    raise ValueError
            except (ValueError, RecursionError):
                if number == 1:
                    raise not_of_format(name, _WANTED, "line 1 is no JSON object") from None
                faults.add(f"{where}: no JSON object")
                continue
            if number == 1 and "source-ref" not in item:
                raise not_of_format(name, _WANTED, "line 1 has no source-ref")
            try:
                yield _row(where, item)
            except ListError as error:
                faults.add(f"{where}: {error.message}")


def _row(where: str, item: Json) -> _Row:
    address = string(item, "source-ref")
    jobs = [key for key in item if key + _METADATA in item]
    jobs = jobs or [key for key in item if key != "source-ref" and not key.endswith(_METADATA)]
    if len(jobs) != 1:
        names = " and ".join(shown(job) for job in jobs[:2])
        what = f"results of several jobs, {names}: keep one" if jobs else "no result of a job"
        raise ListError(what)
    job = jobs[0]
    result, about = item[job], item.get(job + _METADATA)
    about = about if type(about) is dict else {}
    if "failure-reason" in about:
        raise ListError(f"it could not be labelled: {found(about['failure-reason'])}")
    job_type = about.get("type")
    kind = _JOBS.get(job_type) if type(job_type) is str else _kind_of(result)
    if kind is None:
        raise ListError(f"rectool cannot read a job of the type {found(job_type or result)}")
    return _Row(where, address, job, kind, result, _names(about, kind, result))


def _kind_of(result: Any) -> str | None:
    if type(result) is dict and "annotations" in result:
        return _BOXES
    if type(result) is list:
        return _SEVERAL
    return _ONE if integer(result) is not None else None


def _names(about: Json, kind: str, result: Any) -> dict[int, str]:
    """Names of classes by their numbers, so far as a line has them."""
    names = about.get("class-map")
    if kind == _ONE and "class-name" in about:
        names = {result: about["class-name"]}
    return {_number(key): class_name(str(name)) for key, name in dict(names or {}).items()}


def _number(value: Any) -> int:
    number = integer(value)
    if number is None or not 0 <= number < _MOST_CLASSES:
        raise ListError(f"a class should be a number from 0, found {found(value)}")
    return number


def _check_jobs(rows: list[_Row], name: str) -> None:
    first = rows[0]
    other = next((row for row in rows if (row.job, row.kind) != (first.job, first.kind)), None)
    if other is not None:
        jobs = f"{shown(first.job)} ({first.kind}) and {shown(other.job)} ({other.kind})"
        raise ListError(f"the lines belong to several jobs, {jobs}: keep those of one", path=name)


def _labels(
    rows: list[_Row], classes: Mapping[str, int] | None, name: str
) -> tuple[dict[int, int] | None, dict[str, int]]:
    """The label of each of the job's numbers, None where they are labels; and the class table."""
    names: dict[int, str] = {}
    places: dict[str, str] = {}
    for row in rows:
        for number, text in row.names.items():
            if names.setdefault(number, text) != text:
                both = f"{shown(names[number])} and {shown(text)}"
                raise ListError(f"{row.where}: class {number} is both {both}", path=name)
            places.setdefault(text, row.where)
    if classes is None:
        return None, {text: number for number, text in sorted(names.items())}
    table = class_labels(places, classes, name)
    return {number: table[text] for number, text in names.items()}, table


def _label(number: int, labels: dict[int, int] | None) -> int:
    if labels is None:
        return int(to_float32(number))
    if number not in labels:
        raise ListError(f"class {number} has no name in the manifest")
    return labels[number]


def _paths(rows: list[_Row], root: Root, faults: Faults) -> dict[str, _Row]:
    """The images' paths, each with its line."""
    paths: dict[str, _Row] = {}
    twice: dict[str, str] = {}
    for row in rows:
        try:
            path = root.find(row.address)
        except ListError as error:
            faults.add(f"{row.where}: {error.message}")
            continue
        if path in paths:
            twice[path] = paths.pop(path).where
            faults.images += 1
        if path in twice:
            faults.add(f"{row.where}: {shown(path)} is in {twice[path]} already: neither is listed")
        else:
            paths[path] = row
    return paths


def _add_boxes(
    paths: Mapping[str, _Row],
    labels: dict[int, int] | None,
    measure: Measure,
    lines: BoxLines,
    made: Annotated,
    name: str,
) -> None:
    listed = []
    farthest = 0.0
    for path, row in paths.items():
        try:
            boxes, declared = _boxes(row.result, labels)
            size, turn = measure(path, declared)
        except ListError as error:
            made.faults.add(f"{row.where}: {error.message}")
            continue
        farthest = max([farthest, *(abs(place) for box in boxes for place in box[1:])])
        listed.append((path, boxes, size, turn))
    for path, boxes, size, turn in listed:
        if boxes:
            check_pixels(farthest, path, *size, name)
        sides = np.array([1, *size, *size])
        lines.add(None, path, (np.array(boxes).reshape(-1, BOX_WIDTH) / sides).tolist(), turn)


def _boxes(result: Any, labels: dict[int, int] | None) -> tuple[list[Box], Size | None]:
    parts = result if type(result) is dict else {}
    items, sizes = parts.get("annotations"), parts.get("image_size")
    if type(items) is not list or not all(type(item) is dict for item in items):
        raise ListError(f"annotations should be a list of boxes, found {found(items)}")
    first = sizes[0] if type(sizes) is list and sizes else None
    boxes: list[Box] = []
    for item in items:
        places = [item.get(side) for side in ("left", "top", "width", "height")]
        if not all(map(is_place, places)):
            raise ListError(f"a box should have left, top, width and height, found {found(item)}")
        x, y, width, height = places
        check_sides(width, height)
        label = _label(_number(item.get("class_id")), labels)
        boxes.append((label, x, y, x + width, y + height))
    return boxes, size_in(first) if type(first) is dict else None


def _classified(
    paths: Mapping[str, _Row], labels: dict[int, int] | None, made: Annotated, root: str, name: str
) -> ImageList:
    """Of each image its class, or a label for each class that there is, 1 or 0."""
    chosen: dict[str, list[int]] = {}
    several = False
    for path, row in paths.items():
        several = row.kind == _SEVERAL
        try:
            numbers = row.result if type(row.result) is list else [row.result]
            chosen[path] = [_label(_number(number), labels) for number in numbers]
        except ListError as error:
            made.faults.add(f"{row.where}: {error.message}")
    if not chosen:
        made.faults.check(name)
        raise ListError("there are no images", path=name)
    known = {*made.classes.values(), *(label for own in chosen.values() for label in own)}
    count = 1 + max(known, default=0)
    lines = bytearray()
    for number, (path, own) in enumerate(chosen.items()):
        values = [int(label in own) for label in range(count)] if several else own
        texts = b"\t".join(b"%d.000000" % value for value in values)
        lines += b"%d\t%s\t%s\n" % (number, texts, encode_path(path))
    widths = np.full(len(chosen), count if several else 1)
    return ImageList.numbered(bytes(lines), root, widths=widths)
