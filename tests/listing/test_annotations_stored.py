"""`rectool list --stored-boxes`: boxes that lie on the pixels as they are stored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.annotating import Runner
from PIL import Image, ImageDraw

from rectool import RecordDataset

SIZE = (80, 60)
BOX = (8, 12, 40, 28)  # xmin, ymin, xmax, ymax


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with 1.png to 8.png, by their EXIF orientation: black but for a white box."""
    (tmp_path / "images").mkdir()
    for turn in range(1, 9):
        image = Image.new("RGB", SIZE)
        left, top, right, bottom = BOX
        ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), fill="white")
        exif = image.getexif()
        exif[0x0112] = turn
        image.save(tmp_path / "images" / f"{turn}.png", exif=exif.tobytes())
    return tmp_path


def write(folder: Path) -> list[tuple[str, str]]:
    """The box of each image in every format."""
    left, top, right, bottom = BOX
    width, height = SIZE
    size = {"width": width, "height": height}
    here = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    bbox = [left, top, right - left, bottom - top]
    for name in ("xml", "json", "yolo"):
        (folder / name).mkdir()
    lines = []
    for turn in range(1, 9):
        sides = zip(("xmin", "ymin", "xmax", "ymax"), BOX, strict=True)
        corners = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
        (folder / "xml" / f"{turn}.xml").write_text(
            f"<annotation><filename>{turn}.png</filename><size><width>{width}</width><height>"
            f"{height}</height></size><object><name>x</name><bndbox>{corners}</bndbox></object>"
            "</annotation>"
        )
        middle = (left + right) / 2 / width, (top + bottom) / 2 / height
        row = (*middle, (right - left) / width, (bottom - top) / height)
        (folder / "yolo" / f"{turn}.txt").write_text("0 {} {} {} {}\n".format(*row))
        shape = {"label": "x", "points": [BOX[:2], BOX[2:]], "shape_type": "rectangle"}
        sheet = {"imagePath": f"{turn}.png", "shapes": [shape]}
        sheet |= {"imageWidth": width, "imageHeight": height}
        (folder / "json" / f"{turn}.json").write_text(json.dumps(sheet))
        boxes = {"image_size": [size], "annotations": [{"class_id": 0, **here}]}
        lines.append(json.dumps({"source-ref": f"s3://x/{turn}.png", "job": boxes}))
    (folder / "m.manifest").write_text("\n".join(lines))
    parts = {
        "images": [{"id": turn, "file_name": f"{turn}.png", **size} for turn in range(1, 9)],
        "annotations": [{"image_id": turn, "category_id": 1, "bbox": bbox} for turn in range(1, 9)],
        "categories": [{"id": 1, "name": "x"}],
    }
    (folder / "a.json").write_text(json.dumps(parts))
    return [
        ("--coco", "a.json"), ("--voc", "xml"), ("--yolo", "yolo"), ("--labelme", "json"),
        ("--manifest", "m.manifest"),
    ]  # fmt: skip


def test_boxes_turn_with_their_images(run: Runner, folder: Path) -> None:
    """In the image that is packed, which is turned, the box is where the white pixels are."""
    for option, source in write(folder):
        args = ("--stored-boxes", "--no-shuffle", "--exts", "png")
        args = args[:2] if option in ("--coco", "--manifest") else args
        images = run("list", "images", option, source, *args)
        assert images.status == 0, images
        assert "7 images turned by EXIF" in images.err
        packing = ("--root", "images", "--encoding", ".png")
        done = run("pack", "-", f"out{option}", *packing, stdin=images.stdout)
        assert done.status == 0, done
        dataset = RecordDataset(folder / f"out{option}.rec", boxes="pixels")
        assert len(dataset) == 8
        for number, (image, boxes) in enumerate(dataset):
            rows, columns = (image[..., 0] > 128).nonzero()
            wanted = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            assert boxes[:, 1:5] == pytest.approx(np.array([wanted]), abs=0.01), (option, number)


def test_without_the_option_sizes_tell(run: Runner, folder: Path) -> None:
    write(folder)
    result = run("list", "images", "--coco", "a.json")
    assert result.status == 1
    assert result.err.count("(--stored-boxes is for boxes on the pixels as they are stored)") == 4
    assert result.out.count("\n") == 4


def test_with_the_option_sizes_are_those_that_are_stored(run: Runner, folder: Path) -> None:
    parts = {
        "images": [{"id": 6, "file_name": "6.png", "width": SIZE[1], "height": SIZE[0]}],
        "annotations": [],
        "categories": [],
    }
    (folder / "a.json").write_text(json.dumps(parts))
    assert run("list", "images", "--coco", "a.json").status == 0
    result = run("list", "images", "--coco", "a.json", "--stored-boxes")
    assert result.status == 1
    assert "the annotations are of 60x80 pixels, images/6.png has 80x60" in result.err
