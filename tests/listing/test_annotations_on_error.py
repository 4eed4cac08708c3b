"""Images that annotations cannot give: named, the others listed, by the exit status told."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest
from helpers.annotating import Runner, in_process, write_images

from rectool.listing.listing_faults import Faults

BAD = {
    "coco": "a.json: image 2: no such file: images/gone.jpg",
    "voc": "xml/b.xml: object 1: a box -20 wide",
    "yolo": "yolo/b.txt:1: coordinates must be fractions of the image, from 0 to 1, got -0.02",
    "labelme": "labelme/b.json: shape 1: points",
    "manifest": "m.manifest:2: no such file: images/s3:/x/gone.jpg",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg and b.jpg, 40x40, and annotations of which those of b are bad."""
    write_images(tmp_path / "images", a_jpg=(40, 40), b_jpg=(40, 40))
    for name in ("xml", "yolo", "labelme"):
        (tmp_path / name).mkdir()
    write_coco(tmp_path, "gone.jpg")
    for name, right in (("a", 24), ("b", -16)):
        (tmp_path / "xml" / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.jpg</filename><object><name>{name}</name><bndbox>"
            f"<xmin>4</xmin><ymin>4</ymin><xmax>{right}</xmax><ymax>24</ymax></bndbox></object>"
            "</annotation>"
        )
    (tmp_path / "yolo" / "a.txt").write_text("0 .5 .5 .2 .2\n")
    (tmp_path / "yolo" / "b.txt").write_text("0 -.02 .5 .2 .2\n")
    for name, points in (("a", [[4, 4], [24, 24]]), ("b", [[4, None], [24, 24]])):
        shape = {"label": name, "points": points, "shape_type": "rectangle"}
        sheet = {"imagePath": f"{name}.jpg", "shapes": [shape]}
        (tmp_path / "labelme" / f"{name}.json").write_text(json.dumps(sheet))
    boxes = [{"class_id": 0, "left": 4, "top": 4, "width": 20, "height": 20}]
    lines = [
        {"source-ref": f"s3://x/{name}.jpg", "job": {"annotations": boxes}, "job-metadata": {}}
        for name in ("a", "gone")
    ]
    (tmp_path / "m.manifest").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def write_coco(folder: Path, second: str, **more: object) -> None:
    box = {"image_id": 1, "category_id": 1, "bbox": [4, 4, 20, 20]}
    parts = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": second}],
        "annotations": [{"id": 1, **box}, {"id": 2, **box, "image_id": 2, **more}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (folder / "a.json").write_text(json.dumps(parts))


SOURCES = [
    ("coco", "a.json"), ("voc", "xml"), ("yolo", "yolo"), ("labelme", "labelme"),
    ("manifest", "m.manifest"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "source"), SOURCES)
def test_the_other_images_are_listed(run: Runner, folder: Path, kind: str, source: str) -> None:
    args = ("list", "images", "out.lst", f"--{kind}", source)
    result = run(*args)
    assert (result.status, result.out) == (1, "")
    errors = [line for line in result.err.splitlines() if line.startswith("rectool: ")]
    assert len(errors) == 1
    assert errors[0].startswith(f"rectool: {BAD[kind]}")
    assert "1 image in out.lst" in result.err
    assert "not listed: 1 image" in result.err
    listed = (folder / "out.lst").read_text()
    assert listed.count("\n") == listed.count("a.jpg") == 1

    result = run(*args, "--force", "--on-error", "skip")
    assert result.status == 0
    assert BAD[kind] in result.err
    assert (folder / "out.lst").read_text() == listed

    (folder / "out.lst").unlink()
    result = run(*args, "--on-error", "fail")
    assert (result.status, result.out) == (1, "")
    assert BAD[kind] in result.err
    assert not (folder / "out.lst").exists()


@pytest.mark.parametrize(("kind", "source"), SOURCES)
def test_no_image_left_is_an_error_whatever_is_skipped(
    run: Runner, folder: Path, kind: str, source: str
) -> None:
    for name in ("a.jpg", "b.jpg"):
        (folder / "images" / name).unlink()
    result = run("list", "images", "out.lst", f"--{kind}", source, "--on-error", "skip")
    assert (result.status, result.out) == (1, "")
    assert not (folder / "out.lst").exists()


def test_classes_of_images_that_are_not_listed_keep_their_numbers(
    run: Runner, folder: Path
) -> None:
    """So that labels are the same once the image is mended."""
    for kind, source in (("voc", "xml"), ("labelme", "labelme")):
        run("list", "images", "out.lst", f"--{kind}", source, "--classes-out", "c.txt", "--force")
        assert (folder / "c.txt").read_text() == "a 0\nb 1\n"


@pytest.mark.parametrize(
    "more",
    [
        {"bbox": [4, 4, -1, 20]}, {"bbox": [float("nan"), 4, 1, 1]}, {"bbox": None},
        {"category_id": 7}, {"bbox": [4, 4, float("inf"), 2]}, {"bbox": [1, 2, 3]},
    ],
)  # fmt: skip
def test_an_image_is_not_listed_without_one_of_its_boxes(
    run: Runner, folder: Path, more: dict[str, object]
) -> None:
    write_coco(folder, "b.jpg", **more)
    result = run("list", "images", "--coco", "a.json")
    assert result.status == 1
    assert "a.json: annotation 2: " in result.err
    assert [line.rsplit("\t")[-1] for line in result.out.splitlines()] == ["a.jpg"]


def test_annotations_of_images_that_are_not_there_take_no_image_along(
    run: Runner, folder: Path
) -> None:
    write_coco(folder, "b.jpg", image_id=9)
    result = run("list", "images", "--coco", "a.json")
    assert result.status == 1
    assert "annotation 2: there is no image with the id 9" in result.err
    assert "not listed" not in result.err
    assert len(result.out.splitlines()) == 2


def test_of_two_that_contradict_each_other_neither_is_listed(run: Runner, folder: Path) -> None:
    write_coco(folder, "./a.jpg")
    result = run("list", "images", "--coco", "a.json", "--on-error", "skip")
    assert result.status == 1
    (folder / "xml" / "b.xml").write_bytes((folder / "xml" / "a.xml").read_bytes())
    (folder / "images" / "b.jpg").unlink()
    result = run("list", "images", "--voc", "xml", "--on-error", "skip")
    assert result.status == 1
    assert "a.jpg already belongs to xml/a.xml" in result.err


def test_faults_fold(run: Runner, folder: Path) -> None:
    """Twenty are named, and the others counted."""
    images = [{"id": at, "file_name": f"no{at}.jpg"} for at in range(50)]
    images.append({"id": 50, "file_name": "a.jpg"})
    parts = {"images": images, "annotations": [], "categories": []}
    (folder / "a.json").write_text(json.dumps(parts))
    result = run("list", "images", "--coco", "a.json")
    assert result.status == 1
    assert result.err.count("no such file") == 20
    assert "a.json: 30 more" in result.err
    assert "not listed: 50 images" in result.err


def test_faults_take_no_memory() -> None:
    faults = Faults()
    for number in range(100_000):
        faults.add(f"fault {number}")
    assert faults.images == 100_000
    assert len(faults.text("x").splitlines()) == 21


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_folders_with_what_is_no_file(run: Runner, folder: Path) -> None:
    (folder / "images" / "gone.jpg").symlink_to("nothing.jpg")
    statuses = {"report": 1, "skip": 0, "fail": 1}
    for mode, status in statuses.items():
        result = run("list", "images", "out", "--on-error", mode)
        assert result.status == status
        assert "images/gone.jpg: a link to nothing" in result.err
        assert (folder / "out.lst").exists() == (mode != "fail")
        (folder / "out.lst").unlink(missing_ok=True)


@pytest.mark.parametrize(("kind", "source"), [one for one in SOURCES if "." not in one[1]])
def test_annotations_that_may_not_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, source: str
) -> None:
    """What is the file's fault is its image's; what is the disk's ends the run."""
    ending = {"voc": ".xml", "yolo": ".txt", "labelme": ".json"}[kind]
    bad = os.path.join(source, f"b{ending}")
    opened = io.open
    for number, word in ((errno.EACCES, "1 image in out.lst"), (errno.EIO, "rectool: ")):

        def refusing(path: object, *more: object, number: int = number, **named: object) -> object:
            if path == bad:
                raise OSError(number, os.strerror(number), bad)
            return opened(path, *more, **named)  # type: ignore[call-overload]

        monkeypatch.setattr("builtins.open", refusing)
        monkeypatch.setattr("rectool.listing.text_files.open_regular", partial(refusing, mode="rb"))
        command = ["list", "images", "out", f"--{kind}", source, "--force"]
        status, _, err = in_process(folder, command)
        monkeypatch.undo()
        assert status == 1
        assert word in err
        assert os.strerror(number) in err
        assert (folder / "out.lst").exists() == (number == errno.EACCES)
        (folder / "out.lst").unlink(missing_ok=True)


def test_images_of_a_disk_that_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def failing(path: object, *more: object, **named: object) -> object:
        if path == os.path.join("images", "b.jpg"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return stat(path, *more, **named)  # type: ignore[arg-type]

    write_coco(folder, "b.jpg")
    monkeypatch.setattr(os, "stat", failing)
    status, out, err = in_process(folder, ["list", "images", "--coco", "a.json"])
    assert (status, out) == (1, b"")
    assert os.strerror(errno.EIO) in err


def test_images_larger_than_any_record_are_not_read(run: Runner, folder: Path) -> None:
    write_coco(folder, "b.jpg")
    with (folder / "images" / "b.jpg").open("ab") as file:
        file.truncate(1 << 29)
    result = run("list", "images", "--coco", "a.json")
    assert result.status == 1
    assert "images/b.jpg: the file has 536870912 bytes" in result.err
