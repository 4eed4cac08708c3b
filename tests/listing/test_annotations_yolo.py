"""`rectool list --yolo`: boxes and polygons, names found, every bad line with its number."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.annotating import Runner, faults, in_pixels, listed, packed, write_images
from hypothesis import given, settings
from hypothesis import strategies as st

from rectool.listing.annotations.yolo import read_yolo
from rectool.listing.lst import Entry

EMPTY = "which MXNet's ImageDetIter refuses (--skip-empty leaves such out)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, 100x50, and sub/b.png, 40x80; and `labels`, empty."""
    write_images(tmp_path / "images", a_jpg=(100, 50), sub__b_png=(40, 80))
    (tmp_path / "labels" / "sub").mkdir(parents=True)
    return tmp_path


def write(folder: Path, **texts: str | bytes) -> None:
    for name, text in texts.items():
        path = folder / "labels" / (name.replace("__", "/") + ".txt")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_boxes(run: Runner, folder: Path) -> None:
    write(folder, a="3 0.5 0.5 0.2 0.4\r\n\n0.0\t0.25  .5 5e-1 1\n", sub__b="12 1 1 1 1")
    entries, err = listed(run, "--yolo", "labels")
    assert entries == [
        Entry(0, (2, 5, 3, 0.4, 0.3, 0.6, 0.7, 0, 0, 0, 0.5, 1), "a.jpg"),
        Entry(1, (2, 5, 12, 0.5, 0.5, 1, 1), "sub/b.png"),
    ]
    assert err == ["cut at the image's edges: 1 box, as in sub/b.png"]


def test_endings_in_capitals(run: Runner, folder: Path) -> None:
    """As those of images, whatever the file system makes of them."""
    (folder / "labels" / "a.TXT").write_text("1 0.5 0.5 0.2 0.4\n")
    (folder / "labels" / "sub" / "b.Txt").write_text("2 0.5 0.5 0.5 0.5\n")
    entries, err = listed(run, "--yolo", "labels")
    assert [entry.labels[2] for entry in entries] == [1, 2]
    assert err == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
@pytest.mark.skipif(sys.platform != "linux", reason="needs names of every kind")
def test_label_files_whose_names_are_spelled_otherwise(run: Runner, folder: Path) -> None:
    for name in ("caf\u00e9", "Upper", "x", "X"):
        shutil.copy(folder / "images" / "a.jpg", folder / "images" / f"{name}.jpg")
    row = "0 .5 .5 .2 .2"
    write(folder, a=row, sub__B=row, upper=row, X=row)
    (folder / "labels" / "cafe\u0301.txt").write_text(row)
    entries, err = listed(run, "--yolo", "labels")
    with_boxes = {entry.path for entry in entries if entry.labels[2] >= 0}
    assert with_boxes == {"a.jpg", "sub/b.png", "caf\u00e9.jpg", "Upper.jpg", "X.jpg"}
    assert any(line.startswith("3 paths found under another spelling") for line in err)
    assert not any("label file" in line for line in err)


def test_a_label_file_that_links_to_nothing(folder: Path) -> None:
    """Its image is not one without objects."""
    write(folder, a="1 0.5 0.5 0.2 0.4\n")
    (folder / "labels" / "sub" / "b.txt").symlink_to("nothing.txt")
    assert faults("--yolo", "labels", folder=folder) == [
        "labels/sub/b.txt: a link to nothing, or no regular file"
    ]


def test_polygons(run: Runner, folder: Path) -> None:
    write(folder, a="0 0.2 0.9 0.1 0.3 0.6 0.5\n1 0.1 0.1 0.4 0.1 0.4 0.4 0.1 0.4\n", sub__b="")
    entries, _ = listed(run, "--yolo", "labels")
    assert entries[0].labels == (2, 5, 0, 0.1, 0.3, 0.6, 0.9, 1, 0.1, 0.1, 0.4, 0.4)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1 .5 .5 .2 .4 0.875", "1 box with a confidence"),  # as predictions are saved
        ("1 .5 .5 .2 .4 .1 .1 2 .2 .2 1 .3 .3 0", "1 box with key points"),
        ("1 .5 .5 .2 .4 .1 .1 2 .2 .2 1", "1 box with key points"),
        ("1 .4 .3 .6 .3 .6 .7 .4 .7", ""),  # a box that may be turned
    ],
)
def test_more_than_a_box(run: Runner, folder: Path, row: str, says: str) -> None:
    write(folder, a=row, sub__b=row)
    entries, err = listed(run, "--yolo", "labels")
    assert [entry.labels for entry in entries] == [(2, 5, 1, 0.4, 0.3, 0.6, 0.7)] * 2
    assert [line.replace("2 boxes", "1 box").startswith(says) for line in err] == [True] * bool(
        says
    )


def test_label_files_of_every_form_of_text(run: Runner, folder: Path) -> None:
    text = "1 .5 .5 .2 .4\r\n2 .5 .5 .2 .4\r\n"
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le"):
        write(folder, a=text.encode(encoding), sub__b=text.replace("\r\n", "\r").encode())
        entries, _ = listed(run, "--yolo", "labels")
        assert [entry.labels[2::5] for entry in entries] == [(1, 2), (1, 2)]


@pytest.mark.parametrize(
    ("images", "labels", "root", "source"),
    [
        ("images/train", "labels/train", "set", "set"),
        ("images/train", "labels/train", "set/images", "set"),
        ("images/train", "labels/train", "set/images/train", "set/labels"),
        ("train/images", "train/labels", "set", "set"),
        ("train/images/x", "train/labels/x", "set/train/images", "set/train"),
    ],
)
def test_labels_in_the_folder_beside(
    run: Runner, tmp_path: Path, images: str, labels: str, root: str, source: str
) -> None:
    write_images(tmp_path / "set" / images, a_jpg=(9, 9), b_jpg=(9, 9))
    (tmp_path / "set" / labels).mkdir(parents=True)
    (tmp_path / "set" / labels / "a.txt").write_text("1 .5 .5 .2 .4")
    entries, err = listed(run, "--yolo", source, root=root)
    assert [entry.labels[2] for entry in entries] == [1, -1]
    assert err[0].startswith("no .txt, so taken to be without objects: 1 image, as ")
    assert err[0].endswith("b.jpg")


def test_what_is_changed_or_left_out(run: Runner, folder: Path) -> None:
    twice = "1 0.5 0.5 0.2 0.2\n"
    write(
        folder,
        a=twice + "1 0.05 0.5 0.1000001 1\n1 0.05 0.5 0.105 1\n1 0.5 0.5 0 0.5\n" + twice + twice,
        sub__b="  \n",
        other="0 0 0 0 0\n",
        classes="a\nb\n",
    )
    (folder / "labels" / "sub" / "classes.txt").touch()
    entries, err = listed(run, "--yolo", "labels")
    assert entries == [
        Entry(0, (2, 5, 1, 0.4, 0.4, 0.6, 0.6, 1, 0, 0, 0.1, 1, 1, 0, 0, 0.1025, 1), "a.jpg"),
        Entry(1, (2, 5, -1, -1, -1, -1, -1), "sub/b.png"),
    ]
    assert err == [
        "label  class",
        "    0  a",
        "    1  b",
        "class names are those of labels/classes.txt",
        "left out, being there already: 2 boxes, as in a.jpg",
        "cut at the image's edges: 1 box, as in a.jpg",
        "left out: 1 box of no width or no height, as in a.jpg",
        f"1 image without objects, as in sub/b.png, {EMPTY}",
        "left out: 2 label files without an image, as other.txt",
    ]


def test_images_without_a_file(run: Runner, folder: Path) -> None:
    write(folder, a="1 0.5 0.5 0.2 0.2")
    entries, err = listed(run, "--yolo", "labels")
    assert entries[1] == Entry(1, (2, 5, -1, -1, -1, -1, -1), "sub/b.png")
    assert err == [
        "no .txt, so taken to be without objects: 1 image, as sub/b.png",
        f"1 image without objects, as in sub/b.png, {EMPTY}",
    ]
    entries, err = listed(run, "--yolo", "labels", "--skip-empty")
    assert [entry.path for entry in entries] == ["a.jpg"]
    assert err[1] == "left out: 1 image without objects, as in sub/b.png"


def test_images_are_those_of_a_folder(run: Runner, folder: Path) -> None:
    write_images(folder / "images", c_bmp=(9, 9))
    write(folder, a="1 0.5 0.5 0.2 0.2", sub__b="", c="2 0.5 0.5 0.2 0.2")
    _, err = listed(run, "--yolo", "labels")
    assert "left out: 1 file ending in .bmp (--exts names what is taken)" in err
    entries, _ = listed(run, "--yolo", "labels", "--exts", "bmp")
    assert [entry.path for entry in entries] == ["c.bmp"]
    entries, _ = listed(run, "--yolo", "labels", "--flat", "--exts", "jpg,bmp,png")
    assert [entry.path for entry in entries] == ["a.jpg", "c.bmp"]


def test_labels_beside_images(run: Runner, folder: Path) -> None:
    (folder / "images" / "a.txt").write_text("1 0.5 0.5 0.2 0.2")
    (folder / "images" / "sub" / "b.txt").write_text("0 0.5 0.5 0.2 0.2")
    entries, err = listed(run, "--yolo", "images")
    assert ([entry.labels[2] for entry in entries], err) == ([1, 0], [])


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and any bytes in names")
def test_odd_names(run: Runner, folder: Path) -> None:
    write(folder, a="", sub__b="")
    (folder / "images" / "gone.jpg").symlink_to("nothing.jpg")
    result = run("list", "images", "out", "--yolo", "labels")
    assert result.status == 1
    says = "rectool: images/gone.jpg: a link to nothing, or no regular file"
    assert says in result.err.splitlines()
    (folder / "images" / "b\tc.jpg").touch()
    odd = "'images/b\\tc.jpg': 'b\\tc.jpg': a path must not have a tab, a line's end or a zero byte"
    (folder / "out.lst").unlink()
    assert faults("--yolo", "labels", folder=folder) == [says.removeprefix("rectool: "), odd]


NO_FRACTION = "coordinates must be fractions of the image, from 0 to 1, got"
FAULTS: list[tuple[str | bytes, list[str]]] = [
    ("0 0.5 0.5 0.2", ["1: expected a class and 4 numbers, or 6 or more of a polygon, found '0"]),
    ("0 0.5 0.5 0.2 0.2 1.5", ["1: expected a class and 4 numbers, or 6 or more of a polygon"]),
    ("0 .1 .1 .2 .2 .3 .3 .4", ["1: expected a class and 4 numbers, or 6 or more of a polygon"]),
    ("0", ["1: expected a class and 4 numbers"]),
    ("\n0 64 0.5 0.2 0.2\n", [f"2: {NO_FRACTION} 64; are these pixels?"]),
    ("0 0.5 0.5 1.2 0.2", [f"1: {NO_FRACTION} 1.2"]),
    ("0 0.5 -0.5 0.2 0.2", [f"1: {NO_FRACTION} -0.5"]),
    ("0 .1 .1 .2 .2 .3 2.5", [f"1: {NO_FRACTION} 2.5; are these pixels?"]),
    ("0 0.5 0.5 -0.005 0.2", ["1: a box -0.005 wide and 0.2 high"]),
    ("0 0.5 0.5 0.2 -0.005", ["1: a box 0.2 wide and -0.005 high"]),
    ("0 0.5 0.5 nan 0.2", ["1: expected numbers with blanks between, found 'nan'"]),
    ("0 0.5 0.5 inf 0.2", ["1: expected numbers with blanks between, found 'inf'"]),
    ("0,0.5,0.5,0.2,0.2", ["1: expected numbers with blanks between, found '0,0.5"]),
    ("dog 0.5 0.5 0.2 0.2", ["1: expected numbers with blanks between, found 'dog'"]),
    ("1_0 0.5 0.5 0.2 0.2", ["1: expected numbers with blanks between, found '1_0'"]),
    (bytes(range(64)), [" a label file is required, and this is a binary file"]),
    ("-1 0.5 0.5 0.2 0.2", ["1: a class should be a whole number from 0, found -1"]),
    ("1.5 0.5 0.5 0.2 0.2", ["1: a class should be a whole number from 0, found 1.5"]),
    ("16777217 0.5 0.5 0.2 0.2", ["1: label 16777217 would become 16777216 in float32"]),
    ("0 0 0 0 2\n0 0 0 0 0\nx\n", [f"1: {NO_FRACTION} 2", "3: expected numbers with blanks"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), FAULTS, ids=range(len(FAULTS)))
def test_faults(folder: Path, text: str | bytes, says: list[str]) -> None:
    write(folder, a=text, sub__b="0 0.5 0.5 0.2 0.2")
    lines = faults("--yolo", "labels", folder=folder)
    assert len(lines) == len(says)
    for line, begin in zip(lines, says, strict=True):
        assert line.startswith(f"labels/a.txt:{begin}")


def test_folders_that_cannot_be_meant(folder: Path) -> None:
    says = ["labels: no label file of an image in images: there is no labels/a.txt"]
    assert faults("--yolo", "labels", folder=folder) == says
    write(folder, other="0 0.5 0.5 0.2 0.2")
    assert faults("--yolo", "labels", folder=folder) == says
    assert faults("--yolo", "no", folder=folder) == ["no: No such file or directory"]
    write(folder, a="0 0.5 0.5 0.2 0.2")
    says = ["images: there are no images in this folder (looked for .webp)"]
    assert faults("--yolo", "labels", "--exts", "webp", folder=folder) == says


def test_folders_one_too_high(folder: Path) -> None:
    write(folder, sub__a="0 0.5 0.5 0.2 0.2", sub__other="")
    assert faults("--yolo", "labels", folder=folder) == [
        "labels: no label file of an image in images: there is no labels/a.txt, but"
        " labels/sub/a.txt (is it --yolo labels/sub?)"
    ]
    write(folder, sub__b="0 0.5 0.5 0.2 0.2")
    (folder / "labels" / "sub" / "a.txt").unlink()
    assert faults("--yolo", "labels/sub", folder=folder) == [
        "labels/sub: no label file of an image in images: there is no labels/sub/a.txt, but"
        " labels/sub/b.txt (is ROOT images/sub?)"
    ]
    (folder / "labels" / "xsub").mkdir()
    (folder / "labels" / "sub" / "b.txt").rename(folder / "labels" / "xsub" / "b.txt")
    says = ["labels: no label file of an image in images: there is no labels/a.txt"]
    assert faults("--yolo", "labels", folder=folder) == says


def test_turned_images(run: Runner, folder: Path) -> None:
    exif = picture().getexif()
    exif[0x0112] = 6
    for name in ("a.jpg", "empty.jpg", "p.jpg"):
        (folder / "images" / name).write_bytes(encoded(picture(0, 100, 50), exif=exif))
    (folder / "images" / "sub" / "b.png").write_bytes(b"no image, as pack will say")
    write(folder, a="0 0.5 0.5 0.2 0.2", p="0 0.5 0.5 0.2 0.2", empty="", sub__b="0 .5 .5 .2 .2")
    entries, err = listed(run, "--yolo", "labels", "--skip-empty")
    assert [entry.path for entry in entries] == ["a.jpg", "p.jpg", "sub/b.png"]
    assert err[0] == (
        "2 images turned by EXIF, as a.jpg: boxes are taken for those of the turned image"
    )


def test_through_the_pipe_into_a_rec(run: Runner, folder: Path) -> None:
    write(folder, a="2 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.3 0.6 0.2 0.4", sub__b="1 0.25 0.5 0.5 1")
    images = run("list", "images", "--yolo", "labels")
    done = run("pack", "-", "out", "--root", "images", stdin=images.stdout)
    assert done.status == 0, done
    found = in_pixels(folder / "out.rec", {0: (100, 50), 1: (40, 80)})
    assert found[0] == pytest.approx(np.array([[2, 40, 15, 60, 35], [0, 10, 10, 30, 30]]), abs=0.01)
    assert found[1] == pytest.approx(np.array([[1, 0, 0, 20, 80]]), abs=0.01)


span = st.integers(0, 299).flatmap(lambda x: st.tuples(st.just(x), st.integers(x + 1, 300)))


@settings(max_examples=20)
@given(st.lists(st.lists(st.tuples(st.integers(0, 9), span, span), max_size=4), min_size=1))
def test_boxes_come_out_of_the_rec(
    images: list[list[tuple[int, tuple[int, int], tuple[int, int]]]],
) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number, boxes in enumerate(images):
            (folder / f"{number:03d}.jpg").write_bytes(encoded(picture(0, 300, 300)))
            lines = [
                f"{class_} {(left + right) / 600:.6f} {(top + bottom) / 600:.6f}"
                f" {(right - left) / 300:.6f} {(bottom - top) / 300:.6f}\n"
                for class_, (left, right), (top, bottom) in dict.fromkeys(boxes)
            ]
            (folder / f"{number:03d}.txt").write_text("".join(lines))
        rec = packed(read_yolo(folder, folder).images, folder, folder / "out.rec")
        found = in_pixels(rec, dict.fromkeys(range(len(images)), (300, 300)))
    for number, boxes in enumerate(images):
        wanted = [[c, x[0], y[0], x[1], y[1]] for c, x, y in dict.fromkeys(boxes)]
        assert found[number].shape == (len(wanted), 5)
        if boxes:
            assert np.abs(found[number] - wanted).max() < 0.01
