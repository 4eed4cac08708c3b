"""`rectool list --labelme`: a box for each shape, images found, every bad shape named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.annotating import Runner, faults, listed, write_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, 100x50, and `json`, empty."""
    write_images(tmp_path / "images", a_jpg=(100, 50))
    (tmp_path / "json").mkdir()
    return tmp_path


def shape(label: object, *points: Any, kind: str | None = "rectangle") -> dict[str, Any]:
    return {"label": label, "points": list(points), "shape_type": kind, "flags": {}}


def write(folder: Path, name: str, *shapes: Any, **more: Any) -> None:
    sheet = {"version": "5.0", "shapes": list(shapes), "imagePath": "a.jpg", **more}
    (folder / "json" / name).write_text(json.dumps(sheet), "utf-8")


SIZE = {"imageWidth": 100, "imageHeight": 50}


def test_boxes_of_every_kind_of_shape(run: Runner, folder: Path) -> None:
    write(
        folder,
        "a.json",
        shape("dog", [50, 25], [10, 5]),  # drawn from the lower right
        shape("cat", [0, 0], [20, 5], [10, 50], kind="polygon"),
        shape("cat", [50, 25], [50, 35], kind="circle"),
        shape("cat", [1, 2], kind="point"),
        shape("cat", [1, 2], [3, 4], kind="linestrip"),
        shape("ant", [0, 0], [20, 10], kind="mask"),
        imageData="x" * 100_000,
        **SIZE,
    )
    entries, err = listed(run, "--labelme", "json")
    assert entries[0].labels == (
        2, 5,
        2, 0.1, 0.1, 0.5, 0.5,
        1, 0, 0, 0.2, 1,
        1, 0.4, 0.3, 0.6, 0.7,
        0, 0, 0, 0.2, 0.2,
    )  # fmt: skip
    assert "2 shapes that are points or lines" in "\n".join(err)
    assert "3 shapes of another form" in "\n".join(err)


@pytest.mark.parametrize(
    "said", ["../images/a.jpg", "..\\images\\a.jpg", "/home/me/a.jpg", "a.jpg"]
)
def test_the_image_is_found(run: Runner, folder: Path, said: str) -> None:
    write(folder, "a.json", shape("dog", [10, 5], [50, 25]), imagePath=said)
    entries, _ = listed(run, "--labelme", "json")
    assert [entry.path for entry in entries] == ["a.jpg"]


def test_labels_that_are_numbers_are_names(run: Runner, folder: Path) -> None:
    write(folder, "a.json", shape(7, [10, 5], [50, 25]), shape("7", [0, 0], [9, 9]))
    listed(run, "--labelme", "json", "--classes-out", "c")
    assert (folder / "c").read_text() == "7 0\n"


@pytest.mark.parametrize(
    ("shapes", "more", "says"),
    [
        ([shape("", [1, 2], [3, 4])], {}, "shape 1: a class has no name"),
        ([shape(None, [1, 2], [3, 4])], {}, "shape 1: label should be a text, found none"),
        ([shape("x")], {}, "shape 1: points should be pairs of numbers, found []"),
        ([shape("x", [1, 2], [3, float("nan")])], {}, "shape 1: points should be pairs"),
        ([shape("x", [1, 2], [3])], {}, "shape 1: points should be pairs"),
        ([shape("x", [1, 2], kind="circle")], {}, "shape 1: a circle should have a centre"),
        ([7], {}, "shape 1: label should be a text, found none"),
        ([], {"imageWidth": 50, "imageHeight": 100}, "the annotations are of 50x100 pixels"),
        ([], {"imageWidth": "x", "imageHeight": 1}, "imageWidth and imageHeight should be whole"),
        ([], {"shapes": {}}, "not labelme's JSON: shapes is not a list"),
    ],
)  # fmt: skip
def test_faults(folder: Path, shapes: list[Any], more: dict[str, Any], says: str) -> None:
    write(folder, "a.json", *shapes, **more)
    lines = faults("--labelme", "json", folder=folder)
    assert len(lines) == 1
    assert f"json/a.json: {says}" in lines[0]


def test_sheets_that_are_something_else(folder: Path) -> None:
    write(folder, "a.json", shape("x", [1, 2], [3, 4]))
    (folder / "json" / "b.json").write_text('{"images": [], "annotations": []}')
    (folder / "json" / "c.json").write_text("<html>")
    first, second = faults("--labelme", "json", folder=folder)
    assert "json/b.json: not labelme's JSON, but COCO annotations" in first
    assert "json/c.json: not labelme's JSON, but an HTML page" in second
