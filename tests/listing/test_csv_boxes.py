"""Boxes in tables: keras-retinanet's, TensorFlow's and Open Images' columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import encoded, picture
from helpers.annotating import Runner, in_pixels, listed, packed, write_images
from PIL import Image

from rectool.listing.annotations.csv import read_csv


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, 100x50, b.jpg, 40x80, and sub/c.png, 10x10."""
    write_images(tmp_path / "images", a_jpg=(100, 50), b_jpg=(40, 80), sub__c_png=(10, 10))
    return tmp_path


def table(folder: Path, text: str) -> str:
    (folder / "t.csv").write_text(text)
    return "t.csv"


A = [1, 10, 5, 60, 30]
A2 = [0, 0, 0, 100, 50]
B = [1, 10, 20, 30, 40]


def rows(*boxes: tuple[str, list[int]], form: str) -> str:
    names = ["cat", "dog"]
    lines = []
    for path, (number, left, top, right, bottom) in boxes:
        lines.append(
            form.format(
                path=path, name=names[number], left=left, top=top, right=right, bottom=bottom
            )
        )
    return "\n".join(lines) + "\n"


FORMS = {
    "retinanet": ("", "{path},{left},{top},{right},{bottom},{name}"),
    "retinanet with a header": (
        "path,x1,y1,x2,y2,class_name\n",
        "{path},{left},{top},{right},{bottom},{name}",
    ),
    "tensorflow": (
        "filename,class,xmin,ymin,xmax,ymax\n",
        "{path},{name},{left},{top},{right},{bottom}",
    ),
    "semicolons": ("", "{path};{left};{top};{right};{bottom};{name}"),
    "decimals": ("", "{path},{left}.0,{top}.0,{right}.0,{bottom}.0,{name}"),
    "from 0": (
        "image,label,x0,y0,x1,y1\n",
        "{path},{name},{left},{top},{right},{bottom}",
    ),
    "label first": (
        "label;file name;x min;y min;x max;y max\n",
        "{name};{path};{left};{top};{right};{bottom}",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_boxes_of_every_form(run: Runner, folder: Path, form: str) -> None:
    header, line = FORMS[form]
    text = header + rows(("a.jpg", A), ("b.jpg", B), ("a.jpg", A2), form=line)
    entries, err = listed(run, "--csv", table(folder, text))
    assert [entry.path for entry in entries] == ["a.jpg", "b.jpg"]
    assert entries[0].labels == (2, 5, 1, 0.1, 0.1, 0.6, 0.6, 0, 0, 0, 1, 1)
    assert entries[1].labels == (2, 5, 1, 0.25, 0.25, 0.75, 0.5)
    assert err[:3] == ["label  class", "    0  cat", "    1  dog"]


def test_open_images(run: Runner, folder: Path) -> None:
    header = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsGroupOf\n"
    text = header + (
        "a,xclick,/m/01,1,0.1,0.6,0.1,0.6,0,0\n"
        "b,xclick,/m/02,1,0.25,0.75,0.25,0.5,1,0\n"
        "a,xclick,/m/02,1,0,1,0,1,0,1\n"
    )
    entries, err = listed(run, "--csv", table(folder, text))
    assert [(entry.path, entry.labels) for entry in entries] == [
        ("a.jpg", (2, 5, 0, 0.1, 0.1, 0.6, 0.6)),
        ("b.jpg", (2, 5, 1, 0.25, 0.25, 0.75, 0.5)),
    ]
    assert any("fractions" in line for line in err)
    assert any("1 box of groups" in line for line in err)


def test_the_boxes_come_out_of_the_rec(folder: Path) -> None:
    text = rows(("a.jpg", A), ("b.jpg", B), ("a.jpg", A2), form=FORMS["retinanet"][1])
    made = read_csv(folder / table(folder, text), folder / "images").images
    rec = packed(made, folder / "images", folder / "out.rec")
    found = in_pixels(rec, {0: (100, 50), 1: (40, 80)})
    assert found[0].round(3).tolist() == [A, A2]
    assert found[1].round(3).tolist() == [B]


@pytest.mark.parametrize("first", [True, False])
def test_images_without_objects(run: Runner, folder: Path, first: bool) -> None:
    lines = ["b.jpg,,,,,", "a.jpg,10,5,60,30,dog"]
    name = table(folder, "\n".join(lines if first else lines[::-1]))
    entries, err = listed(run, "--csv", name)
    assert {entry.path: entry.labels[2] for entry in entries} == {"a.jpg": 0, "b.jpg": -1}
    assert any("1 image without objects" in line for line in err)
    entries, _ = listed(run, "--csv", name, "--skip-empty")
    assert [entry.path for entry in entries] == ["a.jpg"]


def test_class_numbers_and_tables(run: Runner, folder: Path) -> None:
    header = "path,x1,y1,x2,y2,class\n"
    entries, _ = listed(run, "--csv", table(folder, header + "a.jpg,1,2,30,40,7\n"))
    assert entries[0].labels[2] == 7
    (folder / "c.txt").write_text("dog 5\n")
    name = table(folder, "a.jpg,10,5,60,30,dog\n")
    entries, _ = listed(run, "--csv", name, "--classes", "c.txt")
    assert entries[0].labels[2] == 5
    result = run(
        "list", "images", "--csv", table(folder, "a.jpg,1,2,3,4,x\n"), "--classes", "c.txt"
    )
    assert (result.status, "x is not in the class table" in result.err) == (1, True)


BAD = [
    "a.jpg,60,5,10,30,dog",
    "a.jpg,10,5,60,nan,dog",
    "a.jpg,10,5,60,,dog",
    "a.jpg,10,5,60,x,dog",
    "a.jpg,10,5,60,30,",
    "a.jpg,,,,,dog",
    "a.jpg,10,5,60,1e12,dog",
]


@pytest.mark.parametrize("row", BAD)
def test_a_bad_box_leaves_its_image_out_and_no_other(run: Runner, folder: Path, row: str) -> None:
    text = f"b.jpg,10,20,30,40,dog\na.jpg,0,0,9,9,dog\n{row}\n{row}\n"
    result = run("list", "images", "--csv", table(folder, text))
    assert result.status == 1
    assert [line.rpartition("\t")[2] for line in result.out.splitlines()] == ["b.jpg"]
    assert "t.csv:3: " in result.err
    assert "not listed: 1 image," in result.err


def test_a_missing_image_with_many_boxes_is_told_once(run: Runner, folder: Path) -> None:
    text = "a.jpg,0,0,9,9,dog\n" + "none.jpg,0,0,9,9,dog\n" * 30
    result = run("list", "images", "--csv", table(folder, text))
    assert result.status == 1
    assert result.err.count("none.jpg") == 1
    assert "not listed: 1 image," in result.err


def test_numbers_that_may_be_boxes_are_told(run: Runner, folder: Path) -> None:
    result = run("list", "images", "--csv", table(folder, "a.jpg,1,2,9,9,0\na.jpg,3,4,9,9,1\n"))
    assert (result.status, "path,x1,y1,x2,y2,class" in result.err) == (1, True)


def test_automl_is_told_with_what_makes_it_readable(run: Runner, folder: Path) -> None:
    row = "TRAIN,gs://bucket/set/a.jpg,dog,0.1,0.1,,,0.6,0.6,,\n"
    result = run("list", "images", "--csv", table(folder, row))
    assert (result.status, "AutoML" in result.err) == (1, True)
    assert "{print $2, $4, $5, $8, $9, $3}" in result.err
    cells = row.split(",")
    text = ",".join(cells[at - 1] for at in (2, 4, 5, 8, 9, 3)) + "\n"
    entries, _ = listed(run, "--csv", table(folder, text))
    assert entries[0].labels == (2, 5, 0, 0.1, 0.1, 0.6, 0.6)


def test_a_wrong_size(run: Runner, folder: Path) -> None:
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    name = table(folder, header + "a.jpg,100,50,x,1,2,3,4\nb.jpg,80,40,x,1,2,3,4\n")
    result = run("list", "images", "--csv", name)
    assert result.status == 1
    assert "80x40" in result.err
    assert [line.rpartition("\t")[2] for line in result.out.splitlines()] == ["a.jpg"]


@pytest.mark.parametrize("column", ["xmin", "x_min", "YMax", " bbox", "bbox_x", "BoundingBox"])
def test_columns_that_lack_something(run: Runner, folder: Path, column: str) -> None:
    name = table(folder, f"path,width,{column},label\na.jpg,1,2,3\n")
    result = run("list", "images", "--csv", name)
    assert result.status == 1
    assert "xmin, ymin, xmax, ymax" in result.err


def test_boxes_on_stored_pixels(run: Runner, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (folder / "images" / "a.jpg").write_bytes(encoded(picture(0, 100, 50), exif=exif))
    name = table(folder, "a.jpg,0,0,50,50,dog\n")
    entries, _ = listed(run, "--csv", name, "--stored-boxes")
    assert entries[0].labels == (2, 5, 0, 0, 0, 1, 0.5)


def test_options_of_boxes_are_refused_for_labels(run: Runner, folder: Path) -> None:
    for option in ("--skip-empty", "--stored-boxes"):
        result = run("list", "images", "--csv", table(folder, "a.jpg,1\n"), option)
        assert (result.status, option in result.err) == (2, True)
