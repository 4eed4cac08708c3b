"""The masks and boxes of the examples' pictures fit the pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import EXAMPLES
from PIL import Image

from rectool.imaging.masks import decode_mask

IMAGES, MASKS = EXAMPLES / "images", EXAMPLES / "masks"
NUMBERS = {"brick": 1, "cat": 2, "coffee": 3, "grass": 4, "rocket": 5, "stars": 6}
PICTURES = sorted(path.relative_to(IMAGES) for path in IMAGES.glob("*/*.jpg"))


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_each_picture_has_a_mask() -> None:
    masks = sorted(path.relative_to(MASKS) for path in MASKS.rglob("*") if path.is_file())
    assert masks == [picture.with_suffix(".png") for picture in PICTURES]
    assert len(masks) == 24


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_mask_has_the_numbers_of_its_class(picture: Path) -> None:
    path = (MASKS / picture).with_suffix(".png")
    mask = decode_mask(path.read_bytes())
    assert (mask.dtype, mask.shape) == (np.uint8, size_of(IMAGES / picture)[::-1])
    number = NUMBERS[picture.parent.name]
    filled = picture.parent.name in ("brick", "grass") or picture.stem == "cat3"
    assert set(np.unique(mask).tolist()) == ({number} if filled else {0, number})


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_mask_shows_each_class_in_its_colour(picture: Path) -> None:
    with Image.open((MASKS / picture).with_suffix(".png")) as image:
        assert (image.mode, len(image.getpalette("RGB"))) == ("P", 3 * 256)
        palette = image.getpalette("RGB")
    colours = [tuple(palette[3 * number : 3 * number + 3]) for number in range(7)]
    assert colours[0] == (0, 0, 0)
    assert len(set(colours)) == 7


def test_masks_and_boxes_are_small() -> None:
    files = [*MASKS.rglob("*.png"), EXAMPLES / "boxes.json"]
    assert sum(path.stat().st_size for path in files) < 40_000


@pytest.fixture(scope="module")
def coco() -> dict[str, Any]:
    return json.loads((EXAMPLES / "boxes.json").read_text(encoding="utf-8"))


def boxes(coco: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each box with its image."""
    images = {image["id"]: image for image in coco["images"]}
    for box in coco["annotations"]:
        yield box, images[box["image_id"]]


def test_boxes_have_ids_of_their_own(coco: dict[str, Any]) -> None:
    for name, count in (("images", 14), ("annotations", 16), ("categories", 4)):
        ids = [entry["id"] for entry in coco[name]]
        assert all(type(number) is int for number in ids), name
        assert len(set(ids)) == len(ids) == count, name


def test_boxes_are_of_pictures_that_are_there(coco: dict[str, Any]) -> None:
    names = [image["file_name"] for image in coco["images"]]
    assert len(set(names)) == len(names)
    for image in coco["images"]:
        size = size_of(IMAGES / image["file_name"])
        assert (image["width"], image["height"]) == size, image


def test_boxes_are_of_the_pictures_classes(coco: dict[str, Any]) -> None:
    categories = {category["id"]: category["name"] for category in coco["categories"]}
    assert categories == {17: "cat", 47: "cup", 50: "spoon", 90: "rocket"}
    images = {image["id"]: image["file_name"].split("/")[0] for image in coco["images"]}
    found: dict[int, list[str]] = {key: [] for key in images}
    for annotation in coco["annotations"]:
        found[annotation["image_id"]].append(categories[annotation["category_id"]])
    wanted = {"cat": ["cat"], "coffee": ["cup", "spoon"], "rocket": ["rocket"]}
    assert found == {key: wanted.get(name, []) for key, name in images.items()}


def test_boxes_lie_within_their_pictures(coco: dict[str, Any]) -> None:
    for box, image in boxes(coco):
        x, y, width, height = box["bbox"]
        assert 0 <= x < x + width <= image["width"], box
        assert 0 <= y < y + height <= image["height"], box
        assert (box["area"], box["iscrowd"]) == (width * height, 0), box


def test_a_box_lies_around_its_mask(coco: dict[str, Any]) -> None:
    spoon = 50  # has no mask
    for box, image in boxes(coco):
        if box["category_id"] == spoon:
            continue
        mask = decode_mask((MASKS / image["file_name"]).with_suffix(".png").read_bytes())
        rows, columns = np.nonzero(mask)
        left, top = columns.min(), rows.min()
        assert box["bbox"] == [left, top, np.ptp(columns) + 1, np.ptp(rows) + 1], image
