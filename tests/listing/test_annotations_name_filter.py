"""`rectool list --only`: the images of a split, as VOC, darknet and others write it down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.annotating import Runner, listed, write_images

from rectool.listing.annotations.name_filter import NameFilter
from rectool.listing.listing_faults import Faults


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, b.jpg and sub/c.png, and annotations of them and of one more."""
    write_images(tmp_path / "images", a_jpg=(40, 40), b_jpg=(40, 40), sub__c_png=(40, 40))
    for name in ("xml/sub", "yolo/sub", "labelme/sub"):
        (tmp_path / name).mkdir(parents=True)
    images, lines = [], []
    for number, name in enumerate(("a.jpg", "b.jpg", "sub/c.png", "gone.jpg")):
        stem = name[:-4]
        if name != "gone.jpg":
            (tmp_path / "yolo" / f"{stem}.txt").write_text("0 .5 .5 .2 .2\n")
        label = f"<name>{stem[-1]}</name>"
        sides = "<xmin>4</xmin><ymin>4</ymin><xmax>9</xmax><ymax>9</ymax>"
        (tmp_path / "xml" / f"{stem}.xml").write_text(
            f"<annotation><filename>{name}</filename><object>{label}<bndbox>{sides}</bndbox>"
            "</object></annotation>"
        )
        shape = {"label": stem[-1], "points": [[4, 4], [9, 9]], "shape_type": "rectangle"}
        sheet = {"imagePath": name, "shapes": [shape]}
        (tmp_path / "labelme" / f"{stem}.json").write_text(json.dumps(sheet))
        images.append({"id": number, "file_name": name})
        lines.append({"source-ref": f"s3://x/y/{name}", "job": number})
    parts = {"images": images, "annotations": [], "categories": []}
    (tmp_path / "a.json").write_text(json.dumps(parts))
    (tmp_path / "m.manifest").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


@pytest.mark.parametrize(
    "source",
    [
        (), ("--coco", "a.json"), ("--voc", "xml"), ("--yolo", "yolo"), ("--labelme", "labelme"),
        ("--manifest", "m.manifest"),
    ],
)  # fmt: skip
def test_images_of_a_split(run: Runner, folder: Path, source: tuple[str, ...]) -> None:
    """What is wrong with the others is no matter."""
    (folder / "train.txt").write_text("sub/c\na\n")
    entries, _ = listed(run, *source, "--only", "train.txt")
    assert [entry.path for entry in entries] == ["a.jpg", "sub/c.png"]


def test_a_split_keeps_the_labels_of_the_whole(run: Runner, folder: Path) -> None:
    (folder / "train.txt").write_text("c\n")
    for kind, source in (("voc", "xml"), ("labelme", "labelme")):
        entries, _ = listed(run, f"--{kind}", source, "--only", "train.txt")
        assert [entry.labels[2] for entry in entries] == [2]  # after a and b
    entries, _ = listed(run, "--only", "train.txt")
    assert [(entry.key, entry.labels) for entry in entries] == [(2, (1.0,))]


def test_a_name_of_no_image_is_a_fault(run: Runner, folder: Path) -> None:
    (folder / "train.txt").write_text("a\nmissing\ngone\n")
    result = run("list", "images", "--voc", "xml", "--only", "train.txt")
    assert result.status == 1
    assert "train.txt:2: no image missing" in result.err
    assert "xml/gone.xml: no such file" in result.err
    assert result.out.count("\n") == 1
    (folder / "train.txt").write_text("missing\n")
    for source in ((), ("--coco", "a.json"), ("--yolo", "yolo")):
        result = run("list", "images", *source, "--only", "train.txt", "--on-error", "skip")
        assert (result.status, result.out) == (1, "")


@pytest.fixture
def choose(tmp_path: Path) -> Callable[..., tuple[set[str], str]]:
    def call(text: str | bytes, *paths: str) -> tuple[set[str], str]:
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "t.txt").write_bytes(data)
        faults = Faults()
        only = NameFilter(tmp_path / "t.txt")
        chosen = only.choose(paths, faults)
        return chosen, "\n".join([faults.text("t"), *only.remarks])

    return call


@pytest.mark.parametrize(
    ("text", "paths", "wanted"),
    [
        ("a.jpg", ["a.jpg", "b.jpg"], {"a.jpg"}),
        ("a", ["a.jpg", "b.jpg"], {"a.jpg"}),
        ("a.jpg", ["a.JPEG", "b.jpg"], {"a.JPEG"}),  # as of an XML
        ("data/obj_train_data/a.jpg\n", ["a.jpg", "b.jpg"], {"a.jpg"}),  # darknet
        ("/home/me/images/train/a.jpg", ["train/a.jpg", "val/a.jpg"], {"train/a.jpg"}),
        ("./images/a.jpg", ["a.jpg"], {"a.jpg"}),
        (r"C:\sets\train\a.jpg", ["train/a.jpg"], {"train/a.jpg"}),
        ("000001", ["JPEGImages/000001.jpg"], {"JPEGImages/000001.jpg"}),
        ("a.jpg", ["a.jpg", "sub/a.jpg"], {"a.jpg"}),  # of all its parts
        ("sub/a", ["a.jpg", "sub/a.jpg"], {"sub/a.jpg"}),
        ("2007.01", ["2007.01.jpg", "2007.jpg"], {"2007.01.jpg"}),
        ("my dog 1.jpg", ["my dog 1.jpg", "my dog.jpg"], {"my dog 1.jpg"}),
        ("cafe\u0301", ["caf\u00e9.jpg"], {"caf\u00e9.jpg"}),
        (b"\xef\xbb\xbfa.jpg\r\n\r\n b.jpg \r\n", ["a.jpg", "b.jpg"], {"a.jpg", "b.jpg"}),
        ("a.jpg\n".encode("utf-16"), ["a.jpg", "b.jpg"], {"a.jpg"}),
        ("a\na\n", ["a.jpg"], {"a.jpg"}),
        ("a", ["a.jpg", "./a.jpg"], {"a.jpg", "./a.jpg"}),  # one file, and all that is said of it
    ],
)  # fmt: skip
def test_names_match_paths_with_or_without_folder_and_ending(
    choose: Callable[..., tuple[set[str], str]],
    text: str | bytes,
    paths: list[str],
    wanted: set[str],
) -> None:
    assert choose(text, *paths) == (wanted, "")


def test_numbers_behind_names(choose: Callable[..., tuple[set[str], str]]) -> None:
    """VOC's: 1 of the class, 0 hard to tell, -1 not of it. ImageNet's count lines."""
    chosen, said = choose("a  1\nb -1\nc  0\nd\t12\n", *(f"{name}.jpg" for name in "abcd"))
    assert chosen == {"a.jpg", "c.jpg", "d.jpg"}
    assert "1 image marked -1" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a", "t.txt:1: a may be x/a.jpg or y/a.jpg"),
        ("b.jpg\nc.png", "t.txt:2: no image c.png"),
        ("z/b.jpg", "t.txt:1: no image z/b.jpg"),
        ("a\x1b[31m", "t.txt:1: no image 'a\\x1b[31m'"),
    ],
)
def test_names_that_are_not_clear(
    choose: Callable[..., tuple[set[str], str]], text: str, says: str
) -> None:
    assert says in choose(text, "x/a.jpg", "y/a.jpg", "w/b.jpg")[1]


def test_files_that_have_no_names(run: Runner, folder: Path) -> None:
    (folder / "empty").write_text("\n \n")
    (folder / "binary").write_bytes(bytes(range(256)))
    for name, says in (
        ("empty", "no names of images"), ("binary", "a binary file"), ("images", "a folder"),
        ("nowhere", "No such file"),
    ):  # fmt: skip
        result = run("list", "images", "--only", name)
        assert (result.status, result.out) == (1, "")
        assert says in result.err
