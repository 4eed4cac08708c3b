"""Damaged lists, tables of classes and annotations: labels are right, or an error says why."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from conftest import encoded, picture

from helpers.fuzz_records import read_pair
from helpers.fuzzing import Trial
from helpers.mutations import TEXT, Fault
from helpers.plain_records import fields

SIZE = (40, 30)
NAMES = ("cat/a.jpg", "cat/b.jpg", "cat/c d.jpg", "dog/e.jpg", "dog/\u00e9.jpg", "dog/g.jpg")


@functools.cache
def image(number: int) -> bytes:
    return encoded(picture(50 + number, *SIZE))


def make_images(trial: Trial) -> None:
    for number, name in enumerate(NAMES):
        trial.path(f"images/{name}", image(number))


def as_floats(words: list[str]) -> list[float] | None:
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


# .lst


def try_list(trial: Trial) -> None:
    """A damaged `.lst`, packed."""
    make_images(trial)
    labels = [f"{number}" if number % 2 else f"{number}\t0.5" for number in range(len(NAMES))]
    if trial.rng.random() < 0.5:
        labels = [str(number % 3) for number in range(len(NAMES))]
    rows = enumerate(zip(labels, NAMES, strict=True))
    whole = "".join(f"{3 * number}\t{label}\t{name}\n" for number, (label, name) in rows)
    fault = trial.rng.choice(TEXT)
    trial.kind = f"lst: {fault.__name__}"
    text = fault(whole.encode(), trial.rng)
    trial.path("m.lst", text)
    pack = ("pack", "m.lst", "m", "--root", "images", "--pass-through")
    command = trial.rng.choice((
        pack, (*pack, "--on-error", "skip"),
        ("im2rec", "m", "images", "--pass-through", "--pack-label"),
    ))  # fmt: skip
    said = trial.rectool(*command)
    made = read_pair(trial, "m") if Path("m.rec").exists() else {}
    lines = [line.split("\t") for line in whole.splitlines()]
    truth = {int(key): (as_floats(values), name) for key, *values, name in lines}
    kept = set(text.split(b"\n"))
    untouched = {int(line.split("\t")[0]) for line in whole.splitlines() if line.encode() in kept}
    for key, data in made.items():
        about = fields(data)
        if key in untouched and about is not None:
            labels_, name = truth[key]
            trial.check(list(about[1]) == labels_, f"{key}: labels {about[1]}, not {labels_}")
            trial.check(about[2] == image(NAMES.index(name)), f"{key}: another image")
        elif about is None or about[2] not in map(image, range(len(NAMES))):
            trial.problem(f"{key}: no image of the list's")
    if said.status == 0 and "skip" not in command:
        trial.check(untouched <= set(made), f"lost {untouched - set(made)} with status 0")
        count = len([line for line in _decoded(text).splitlines() if line.strip(" \0\r")])
        trial.check(len(made) == count, f"{len(made)} records of {count} lines with status 0")


def _decoded(text: bytes) -> str:
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return text.decode("utf-16", "replace")
    return text.decode("utf-8-sig", "replace")


# what `list` made


def listed(trial: Trial) -> dict[str, list[float]]:
    """Labels by path, of `out.lst`, which must be well-formed."""
    path = Path("out.lst")
    lines = path.read_text().splitlines() if path.exists() else []
    found: dict[str, list[float]] = {}
    keys: set[int] = set()
    for line in lines:
        key, *words, name = line.split("\t")
        labels = as_floats(words)
        trial.check(labels and all(map(math.isfinite, labels)), f"labels that are none: {line}")
        trial.check(int(key) not in keys and name not in found, f"twice: {line}")
        trial.check(Path("images", name).is_file(), f"a path that is not there: {line}")
        keys.add(int(key))
        found[name] = labels or []
    return found


def compare(trial: Trial, status: int, truth: dict[str, list[float]], untouched: set[str]) -> None:
    """Images whose annotation is as it was have their labels; with status 0 all are there."""
    found = listed(trial)
    for name in untouched & set(found):
        same = len(found[name]) == len(truth[name])
        same = same and np.allclose(found[name], truth[name], atol=1e-5)
        trial.check(same, f"{name}: {found[name]}, not {truth[name]}")
    if status == 0:
        trial.check(untouched <= set(found), f"lost {untouched - set(found)} with status 0")


# tables


def _labels_csv() -> tuple[str, dict[str, list[float]]]:
    rows = ["path,first,second"]
    rows += [f"{name},{number},{number / 2}" for number, name in enumerate(NAMES)]
    return "\n".join(rows) + "\n", {name: [n, n / 2] for n, name in enumerate(NAMES)}


def _names_csv() -> tuple[str, dict[str, list[float]]]:
    rows = [f"{name},{name.split('/')[0]}" for name in NAMES]
    return "\n".join(rows) + "\n", {name: [float("dog" in name)] for name in NAMES}


def try_table(trial: Trial) -> None:
    """A damaged CSV, of numbers or of names of classes."""
    make_images(trial)
    numbers = trial.rng.random() < 0.5
    whole, truth = _labels_csv() if numbers else _names_csv()
    fault = trial.rng.choice(TEXT)
    trial.kind = f"csv: {fault.__name__}"
    text = fault(whole.encode(), trial.rng)
    trial.path("m.csv", text)
    said = trial.rectool("list", "images", "out", "--csv", "m.csv")
    kept = _same_rows(whole, text)
    first = whole.splitlines()[0]
    classes = {row[1] for row in _rows(_decoded(text)) if len(row) > 1}
    sure = first in kept if numbers else classes == {"cat", "dog"}
    names = {name for name in NAMES for line in kept if line.startswith(name)}
    compare(trial, said.status, truth, names if sure else set())


def _rows(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error:
        return []


def _same_rows(whole: str, text: bytes) -> set[str]:
    """The lines of a table that are rows of the damaged one too, and there by themselves."""
    rows = _rows(_decoded(text))
    lines = whole.splitlines()
    same = {line for line in lines if rows.count(line.split(",")) == 1}
    return same if len(rows) else set()


def try_classes(trial: Trial) -> None:
    """A damaged table of classes, for a folder's classes or a CSV's."""
    make_images(trial)
    fault = trial.rng.choice(TEXT)
    trial.kind = f"classes: {fault.__name__}"
    text = fault(b"bird 7\ncat 4\ndog 5\n", trial.rng)
    trial.path("m.txt", text)
    trial.path("m.csv", _names_csv()[0])
    source = trial.rng.choice(((), ("--csv", "m.csv")))
    said = trial.rectool("list", "images", "out", "--classes", "m.txt", *source)
    lines = set(_decoded(text).splitlines())
    names = {name for name in NAMES if f"{name[:3]} {4 + (name[:3] == 'dog')}" in lines}
    if not any(_decoded(text).count(name) > 1 for name in ("cat", "dog")):
        truth = {name: [4.0 + ("dog" in name)] for name in NAMES}
        compare(trial, said.status, truth, names)
    elif said.status == 0:
        listed(trial)


# boxes

Boxes = dict[str, list[tuple[int, int, int, int, int]]]


def some_boxes(rng: random.Random) -> Boxes:
    """Of each image some boxes: class, left, top, width, height, in pixels."""
    return {name: list({_some_box(rng) for _ in range(rng.randint(1, 3))}) for name in NAMES}


def _some_box(rng: random.Random) -> tuple[int, int, int, int, int]:
    wide, high = rng.randint(1, 20), rng.randint(1, 15)
    return rng.randrange(3), rng.randrange(20), rng.randrange(15), wide, high


def box_labels(boxes: Boxes, extra: tuple[float, ...] = ()) -> dict[str, list[float]]:
    width, height = SIZE
    made = {}
    for name, rows in boxes.items():
        labels: list[float] = [2, 5 + len(extra)]
        for class_, left, top, wide, high in rows:
            labels += [class_, left / width, top / height, (left + wide) / width]
            labels += [(top + high) / height, *extra]
        made[name] = labels
    return made


def try_coco(trial: Trial) -> None:
    make_images(trial)
    boxes = some_boxes(trial.rng)
    about: dict[str, Any] = {
        "images": [
            {"id": number + 1, "file_name": name, "width": SIZE[0], "height": SIZE[1]}
            for number, name in enumerate(NAMES)
        ],
        "categories": [{"id": 10 + number, "name": f"class{number}"} for number in range(3)],
        "annotations": [],
    }
    for number, name in enumerate(NAMES):
        for class_, *box in boxes[name]:
            about["annotations"].append({
                "id": len(about["annotations"]) + 1, "image_id": number + 1,
                "category_id": 10 + class_, "bbox": box, "iscrowd": 0,
            })  # fmt: skip
    fault = trial.rng.choice(TEXT)
    trial.kind = f"coco: {fault.__name__}"
    whole = json.dumps(about, indent=trial.rng.choice((None, 1)), ensure_ascii=False)
    text = fault(whole.encode(), trial.rng)
    trial.path("m.json", text)
    said = trial.rectool("list", "images", "out", "--coco", "m.json")
    found = _json(text)
    if found is None:
        trial.check(said.status, "took what is no JSON")
        listed(trial)
        return
    compare(trial, said.status, box_labels(boxes), _same_images(about, found))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _same_images(about: dict[str, Any], found: Any) -> set[str]:
    """The images of which all is as it was, annotations and categories included."""
    try:
        if found["categories"] != about["categories"]:
            return set()
        return {one["file_name"] for one in about["images"] if _of(about, one) == _of(found, one)}
    except (KeyError, TypeError, AttributeError):
        return set()


def _of(about: dict[str, Any], image: dict[str, Any]) -> object:
    same = [one for one in about["images"]
            if one == image or one.get("id") == image["id"]
            or one.get("file_name") == image["file_name"]]  # fmt: skip
    boxes = [one for one in about["annotations"] if one.get("image_id") == image["id"]]
    return same, boxes


XML = """<annotation><folder>f</folder><filename>{name}</filename>
<size><width>{width}</width><height>{height}</height><depth>3</depth></size>
{objects}</annotation>
"""
OBJECT = """<object><name>class{}</name><difficult>0</difficult>
<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>
"""


def try_voc(trial: Trial) -> None:
    make_images(trial)
    boxes = some_boxes(trial.rng)
    sheets = {}
    for name, rows in boxes.items():
        objects = "".join(OBJECT.format(c, x, y, x + w, y + h) for c, x, y, w, h in rows)
        text = XML.format(name=Path(name).name, width=SIZE[0], height=SIZE[1], objects=objects)
        sheets[name] = text.encode()
    fault = trial.rng.choice(TEXT)
    trial.kind = f"voc: {fault.__name__}"
    same = _one_file(trial, sheets, fault, "voc/{}.xml")
    trial.path("m.txt", "class0 0\nclass1 1\nclass2 2\n")
    said = trial.rectool("list", "images", "out", "--voc", "voc", "--classes", "m.txt")
    _all_but_one(trial, said.status, box_labels(boxes, (0.0,)), same)


def try_yolo(trial: Trial) -> None:
    make_images(trial)
    boxes = some_boxes(trial.rng)
    texts = {}
    for name, rows in boxes.items():
        lines = []
        for class_, x, y, w, h in rows:
            middle = ((x + w / 2) / SIZE[0], (y + h / 2) / SIZE[1], w / SIZE[0], h / SIZE[1])
            lines.append(" ".join([str(class_), *(f"{value:.6f}" for value in middle)]))
        texts[name] = ("\n".join(lines) + "\n").encode()
    fault = trial.rng.choice(TEXT)
    trial.kind = f"yolo: {fault.__name__}"
    same = _one_file(trial, texts, fault, "labels/{}.txt")
    said = trial.rectool("list", "images", "out", "--yolo", "labels")
    _all_but_one(trial, said.status, box_labels(boxes), same)


def _one_file(trial: Trial, files: dict[str, bytes], fault: Fault, pattern: str) -> set[str]:
    """Writes the files, one of them damaged. Returns whose are as they were."""
    damaged = trial.rng.choice(NAMES)
    content = {**files, damaged: fault(files[damaged], trial.rng)}
    for name, data in content.items():
        trial.path(pattern.format(name.removesuffix(".jpg")), data)
    return {name for name in files if content[name] == files[name]}


def _all_but_one(trial: Trial, status: int, truth: dict[str, list[float]], same: set[str]) -> None:
    compare(trial, status, truth, same)
    if status == 0:
        trial.check(len(listed(trial)) == len(NAMES), "an image is not listed, with status 0")


TRIES: dict[str, Callable[[Trial], None]] = {
    "lst": try_list, "csv": try_table, "classes": try_classes, "coco": try_coco, "voc": try_voc,
    "yolo": try_yolo,
}  # fmt: skip
