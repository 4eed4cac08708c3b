"""`rectool list --coco`: boxes and keys, what is cut or left out, every fault with its place."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.annotating import Runner, faults, in_pixels, listed, packed, write_images
from hypothesis import given, settings
from hypothesis import strategies as st

from rectool.listing.annotations.coco import read_coco
from rectool.listing.lst import Entry

Json = dict[str, Any]

EMPTY = "which MXNet's ImageDetIter refuses (--skip-empty leaves such out)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, 100x50, and sub/b.jpg, 40x80."""
    write_images(tmp_path / "images", a_jpg=(100, 50), sub__b_jpg=(40, 80))
    return tmp_path


def image(id_: int, file: str, width: int, height: int, **more: Any) -> Json:
    return {"id": id_, "file_name": file, "width": width, "height": height, **more}


ids = itertools.count(1000)


def box(image_id: int, category: int, *bbox: float, **more: Any) -> Json:
    ours = {"image_id": image_id, "category_id": category, "bbox": list(bbox)}
    return {"id": next(ids), **ours, **more}


def instances(**parts: list[Any]) -> Json:
    """Two images with a box each, and what is given in place of their parts."""
    return {
        "info": {"year": 2017},
        "images": [image(7, "a.jpg", 100, 50), image(3, "sub/b.jpg", 40, 80)],
        "annotations": [box(3, 9, 10, 20, 20, 40), box(7, 2, 50, 25, 50, 25, iscrowd=0)],
        "categories": [{"id": 9, "name": "zebra"}, {"id": 2, "name": "traffic light"}],
        **parts,
    }


def write(folder: Path, content: Json | list[Any] | str | bytes) -> str:
    data = content if isinstance(content, str | bytes) else json.dumps(content)
    (folder / "a.json").write_bytes(data if isinstance(data, bytes) else data.encode())
    return "a.json"


def test_boxes_keys_and_classes(run: Runner, folder: Path) -> None:
    entries, err = listed(run, "--coco", write(folder, instances()))
    assert entries == [
        Entry(7, (2, 5, 0, 0.5, 0.5, 1, 1), "a.jpg"),
        Entry(3, (2, 5, 1, 0.25, 0.25, 0.75, 0.75), "sub/b.jpg"),
    ]
    assert err == ["label  class", "    0  traffic light", "    1  zebra"]


def test_categories_that_nothing_has(run: Runner, folder: Path) -> None:
    """Roboflow's files begin with one, which may have another's name."""
    known = instances()["categories"]
    for unused in ("traffic light", "signs"):
        name = write(folder, instances(categories=[{"id": 0, "name": unused}, *known]))
        entries, err = listed(run, "--coco", name)
        shift = unused == "signs"
        assert [entry.labels[2] for entry in entries] == [shift, 1 + shift]
        assert err[-2:] == [f"    {shift:d}  traffic light", f"    {1 + shift}  zebra"]
        (folder / "c.txt").write_text("zebra 5\ntraffic light 6\n")
        entries, err = listed(run, "--coco", name, "--classes", "c.txt")
        assert [entry.labels[2] for entry in entries] == [6, 5]


def test_class_tables(run: Runner, folder: Path) -> None:
    name = write(folder, instances())
    entries, err = listed(run, "--coco", name, "--classes-out", "c.txt")
    assert ([entry.labels[2] for entry in entries], err) == ([0, 1], [])
    assert (folder / "c.txt").read_text() == "traffic light 0\nzebra 1\n"
    (folder / "c.txt").write_text("zebra 4\ntraffic light 6\nlion 0\n")
    entries, err = listed(run, "--coco", name, "--classes", "c.txt")
    assert ([entry.labels[2] for entry in entries], err) == ([6, 4], [])
    (folder / "c.txt").write_text("zebra 4\n")
    says = ["a.json: category 2: class traffic light is not in the class table"]
    assert faults("--coco", name, "--classes", "c.txt", folder=folder) == says


def test_shuffled_in_parts(run: Runner, folder: Path) -> None:
    result = run("list", "images", "out", "--coco", write(folder, instances()), "--chunks", 2)
    assert (result.status, result.out) == (0, ""), result
    keys = [int((folder / f"out_{part}.lst").read_text().split()[0]) for part in (0, 1)]
    assert sorted(keys) == [3, 7]
    orders = {run("list", "images", "--coco", "a.json", "--seed", n).out[0] for n in range(6)}
    assert orders == {"3", "7"}


def test_what_is_cut_or_left_out(run: Runner, folder: Path) -> None:
    content = instances(
        annotations=[
            box(7, 9, -10, 25, 60, 30),  # cut
            box(7, 9, 0, 0, 100.00001, 50),  # by rounding alone
            box(7, 9, 100, 0, 5, 5),
            box(7, 9, 0, -5, 5, 5),
            box(7, 9, 10, 10, 0, 5),
            box(7, 9, 10, 10, 5, 0.00001),
            box(3, 9, 0, 0, 40, 80, iscrowd=1, segmentation={"counts": [1], "size": [80, 40]}),
        ]
    )
    entries, err = listed(run, "--coco", write(folder, content))
    assert entries == [
        Entry(7, (2, 5, 1, 0, 0.5, 0.5, 1, 1, 0, 0, 1, 1), "a.jpg"),
        Entry(3, (2, 5, -1, -1, -1, -1, -1), "sub/b.jpg"),
    ]
    assert err[3:] == [
        "left out: 1 box of crowds (iscrowd), as in sub/b.jpg",
        "cut at the image's edges: 1 box, as in a.jpg",
        "left out: 2 boxes outside of the image, as in a.jpg",
        "left out: 2 boxes of no width or no height, as in a.jpg",
        f"1 image without objects, as in sub/b.jpg, {EMPTY}",
    ]


def test_one_object_twice(run: Runner, folder: Path) -> None:
    content = instances(
        annotations=[
            box(7, 9, 50, 25, 50, 25, id=1),
            box(7, 2, 50, 25, 50, 25, id=2),  # of another class
            box(3, 9, 20, 20, 20, 20, id=1),  # in another image
            box(7, 9, 50, 25, 50, 25.0, id=3),
            box(7, 9, 0, 0, 50, 25, id=2),
            box(3, 9, 0, 0, 20, 20, id=None),
            box(3, 9, 0, 0, 20, 40, id=None),
            box(3, 9, 0, 0, 20, 20, id=None),
            box(3, 9, 0, 0, 20, 20, id="1"),
        ]
    )
    entries, err = listed(run, "--coco", write(folder, content))
    assert entries == [
        Entry(7, (2, 5, 1, 0.5, 0.5, 1, 1, 0, 0.5, 0.5, 1, 1), "a.jpg"),
        Entry(3, (2, 5, 1, 0.5, 0.25, 1, 0.5, 1, 0, 0, 0.5, 0.25, 1, 0, 0, 0.5, 0.5), "sub/b.jpg"),
    ]
    assert err[3:] == [
        "left out, being of the id of one before: 1 box, as in a.jpg",
        "left out, being there already: 3 boxes, as in a.jpg",
    ]


def test_fractions_in_place_of_pixels(run: Runner, folder: Path) -> None:
    content = instances(annotations=[box(7, 9, 0.25, 0.5, 0.5, 1), box(3, 9, -0.5, 0, 1, 1)])
    says = [
        "a.json: coordinates of boxes reach 1.5 at most, and a.jpg has 100x50 pixels: fractions,"
        " where pixels are expected"
    ]
    assert faults("--coco", write(folder, content), folder=folder) == says
    for more in (box(3, 9, 0.5, 0, 1.1, 1), box(3, 9, -9, 0, 9.5, 1)):  # pixels, if few
        content["annotations"].append(more)
        assert len(listed(run, "--coco", write(folder, content))[0]) == 2
        content["annotations"].pop()


def test_small_images_have_small_boxes(run: Runner, folder: Path) -> None:
    write_images(folder / "images", c_jpg=(3, 2))
    images = [image(7, "a.jpg", 100, 50), image(1, "c.jpg", 3, 2)]
    name = write(folder, instances(images=images, annotations=[box(1, 9, 0, 0, 1.5, 1)]))
    entries, _ = listed(run, "--coco", name)
    assert entries[1].labels == (2, 5, 1, 0, 0, 0.5, 0.5)


def test_classes_from_lists_of_names(run: Runner, folder: Path) -> None:
    name = write(folder, instances())
    yaml = "names:\n- zebra\n- lion\n- traffic light\n"
    for file, text in (("c.txt", "zebra\nlion\ntraffic light\n"), ("c.yml", yaml)):
        (folder / file).write_text(text)
        entries, err = listed(run, "--coco", name, "--classes", file)
        assert ([entry.labels[2] for entry in entries], err) == ([2, 0], [])
    (folder / "c.txt").write_text("zebra,0\nlion,1\n")
    says = ["c.txt: expected a name, a blank and a number, found 'zebra,0'"]
    assert faults("--coco", name, "--classes", "c.txt", folder=folder) == says


def test_skip_empty(run: Runner, folder: Path) -> None:
    name = write(folder, instances(annotations=[box(3, 9, 0, 0, 4, 4)]))
    entries, err = listed(run, "--coco", name, "--skip-empty")
    assert [entry.key for entry in entries] == [3]
    assert err[3:] == ["left out: 1 image without objects, as in a.jpg"]
    name = write(folder, instances(annotations=[]))
    says = ["a.json: no images with objects (left out: 2 images without objects, as in a.jpg)"]
    assert faults("--coco", name, "--skip-empty", folder=folder) == says


def test_images_that_the_json_does_not_name(run: Runner, folder: Path) -> None:
    write_images(folder / "images", other_jpg=(9, 9))
    entries, err = listed(run, "--coco", write(folder, instances()))
    assert (len(entries), len(err)) == (2, 3)


def test_sizes_that_are_not_said(run: Runner, folder: Path) -> None:
    images = [image(7, "a.jpg", 0, 0), {"id": 3, "file_name": "sub/b.jpg"}]
    entries, err = listed(run, "--coco", write(folder, instances(images=images)))
    assert entries[1].labels == (2, 5, 1, 0.25, 0.25, 0.75, 0.75)
    assert err[3:] == ["2 images of no size in the annotations, as a.jpg: the file's own is used"]


def test_turned_images(run: Runner, folder: Path) -> None:
    exif = picture().getexif()
    exif[0x0112] = 6
    data = encoded(picture(0, 100, 50), exif=exif)
    (folder / "images" / "a.jpg").write_bytes(data)
    says = (
        "a.json: image 7: the annotations are of 100x50 pixels, images/a.jpg has 50x100, turned"
        " by its EXIF orientation (--stored-boxes is for boxes on the pixels as they are stored)"
    )
    assert faults("--coco", write(folder, instances()), folder=folder) == [says]
    images = [image(7, "a.jpg", 50, 100), image(3, "sub/b.jpg", 40, 80)]
    content = instances(
        images=images, annotations=[box(7, 9, 5, 10, 20, 40), box(3, 9, 0, 0, 4, 8)]
    )
    entries, err = listed(run, "--coco", write(folder, content))
    assert entries[0].labels == (2, 5, 1, 0.1, 0.1, 0.5, 0.5)
    says = "1 image turned by EXIF, as a.jpg: boxes are taken for those of the turned image"
    assert err[3:] == [says]


def one_image(**more: Any) -> Json:
    return instances(images=[{**image(7, "a.jpg", 100, 50), **more}], annotations=[])


def one_box(**more: Any) -> Json:
    return instances(annotations=[{**box(7, 9, 1, 2, 3, 4), "id": 5, **more}])


B = "images/sub/b.jpg"
FAULTS: list[tuple[Json | list[Any] | str | bytes, list[str]]] = [
    ("", ["not COCO annotations, but an empty file"]),
    ('{"image": [', ["not COCO annotations: no JSON: Expecting value: line 1 column 12"]),
    (b'{"image": "\xff"}', ["not COCO annotations: no JSON: 'utf-8' codec can't decode byte 0xff"]),
    ("[" * 100_000, ["not COCO annotations: no JSON: maximum recursion depth exceeded"]),
    ([], ["not COCO annotations: it is not an object with images and annotations"]),
    ({"images": [], "categories": []}, ["not COCO annotations: annotations is not a list"]),
    (instances(images=[], annotations=[]), ["there are no images"]),
    (instances(images=[7], annotations=[]), ["image number 1: id should be a whole number"]),
    (one_image(id=-1), [f"image -1: an id must be 0 to {2**63 - 1}: it becomes the"]),
    (one_image(id=2**63), [f"image {2**63}: an id must be 0 to"]),
    (one_image(id=" "), ['image number 1: id should be a whole number, found " "']),
    (one_image(id=True), ["image number 1: id should be a whole number, found true"]),
    (one_image(id=1.5), ["image number 1: id should be a whole number, found 1.5"]),
    (one_image(file_name=None), ["image 7: file_name should be a text, found none"]),
    (one_image(file_name="../x.jpg"), ["image 7: ../x.jpg is not below images"]),
    (one_image(file_name="a\0.jpg"), ["image 7: 'a\\x00.jpg': a path must not have a tab"]),
    (one_image(file_name="\ud800.jpg"), ["image 7: '\\ud800.jpg': no file can have this path"]),
    (one_image(file_name="c.jpg"), ["image 7: no such file: images/c.jpg"]),
    (one_image(file_name="sub"), ["image 7: no such file: images/sub"]),
    (one_image(file_name="bad.jpg"), ["image 7: images/bad.jpg: not an image of a known format"]),
    (one_image(file_name="cut.jpg"), ["image 7: images/cut.jpg: a JPEG whose header is cut short"]),
    (one_image(width=50, height=100), ["image 7: the annotations are of 50x100 pixels, images"]),
    (one_image(width=-5), ["image 7: width and height should be whole numbers of pixels, found"]),
    (one_image(width=1.5), ["image 7: width and height should be whole numbers of pixels"]),
    (one_image(height="50"), ["image 7: width and height should be whole numbers of pixels"]),
    (
        instances(
            images=[image(7, "a.jpg", 100, 50), image(7, "sub/b.jpg", 40, 80)], annotations=[]
        ),
        ["image 7: its id occurs twice, so neither is listed"],
    ),
    (
        instances(images=[image(7, "a.jpg", 100, 50), image(3, "./a.jpg", 40, 80)]),
        ["image 3: its file is that of another one, so neither is listed (a.jpg)"],
    ),
    (
        instances(categories=[{"id": 9, "name": "a"}, {"id": 2, "name": " a"}]),
        ["category 2: another one has the name a"],
    ),
    (
        instances(categories=[{"id": 9, "name": "a"}, {"id": 9, "name": "b"}]),
        ["category 9: its id occurs twice"],
    ),
    (instances(categories=[{"id": 9, "name": " "}]), ["category 9: a class has no name"]),
    (instances(categories=[{"name": "a"}]), ["category number 1: id should be a whole number"]),
    (
        instances(categories=[{"id": 9, "name": "a\nb"}]),
        ["category 9: 'a\\nb': a name must not have a tab, a line's end or a zero byte"],
    ),
    (one_box(image_id=8), ["annotation 5: there is no image with the id 8"]),
    (one_box(image_id=[7]), ["annotation 5: image_id should be a whole number, found [7]"]),
    (one_box(category_id=1), ["annotation 5: there is no category with the id 1"]),
    (one_box(id=None, category_id=1), ["annotation number 1: there is no category"]),
    (one_box(bbox=None), ["annotation 5: there is no bbox and no segmentation"]),
    *(
        (one_box(bbox=bbox), ["annotation 5: bbox should be x, y, width and height in pixels"])
        for bbox in (
            [], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, "4"], [1, 2, float("nan"), 4], "1234",
            [1, 2, float("inf"), 4], [10**400, 2, 3, 4], [True, 2, 3, 4], {"x": 1},
        )
    ),
    (one_box(bbox=[1, 2, -3, 4]), ["annotation 5: a box -3 wide and 4 high"]),
    (
        instances(annotations=[box(7, 1, 0, 0, 1, 1, id=5), box(7, 9, 0, 0, 1, -1, id=6)]),
        ["annotation 5: there is no category with the id 1", "annotation 6: a box 1 wide and -1"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "says"), FAULTS, ids=range(len(FAULTS)))
def test_faults(folder: Path, content: Json | str, says: list[str]) -> None:
    (folder / "images" / "bad.jpg").write_bytes(b"no image")
    (folder / "images" / "cut.jpg").write_bytes((folder / "images" / "a.jpg").read_bytes()[:100])
    lines = faults("--coco", write(folder, content), folder=folder)
    assert len(lines) == len(says)
    for line, begin in zip(lines, says, strict=True):
        assert line.startswith(f"a.json: {begin}")


def test_through_the_pipe_into_a_rec(run: Runner, folder: Path) -> None:
    images = run("list", "images", "--coco", write(folder, instances()))
    done = run("pack", "-", "out", "--root", "images", "--resize", 25, stdin=images.stdout)
    assert done.status == 0, done
    found = in_pixels(folder / "out.rec", {7: (100, 50), 3: (40, 80)})
    assert found[7] == pytest.approx(np.array([[0, 50, 25, 100, 50]]), abs=0.01)
    assert found[3] == pytest.approx(np.array([[1, 10, 20, 30, 60]]), abs=0.01)


side = st.integers(0, 1000).map(lambda part: part / 1000)


@settings(max_examples=20)
@given(
    st.dictionaries(
        st.integers(0, 2**63 - 1),
        st.lists(  # unique, for of equal ones the first counts
            st.tuples(st.sampled_from([1, 5, 90]), side, side, side, side), max_size=5, unique=True
        ),
        min_size=1,
        max_size=3,
    ),
    st.tuples(st.integers(10, 300), st.integers(10, 300)),
)
def test_boxes_come_out_of_the_rec(
    images: dict[int, list[tuple[float, ...]]], size: tuple[int, int]
) -> None:
    labels = {1: 0, 5: 1, 90: 2}
    annotations, wanted = [], {}
    for key, boxes in images.items():
        wanted[key] = []
        for category, x, y, across, down in boxes:
            left, top = 1 + x * (size[0] - 3), 1 + y * (size[1] - 3)
            width = 1 + across * (size[0] - left - 1)
            height = 1 + down * (size[1] - top - 1)
            annotations.append(box(key, category, left, top, width, height))
            wanted[key].append([labels[category], left, top, left + width, top + height])
    content = {
        "images": [image(key, f"{key}.jpg", *size) for key in images],
        "annotations": annotations[::-1],
        "categories": [{"id": id_, "name": f"n{id_}"} for id_ in (90, 1, 5)],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key in images:
            (folder / f"{key}.jpg").write_bytes(encoded(picture(0, *size)))
        (folder / "a.json").write_text(json.dumps(content))
        rec = packed(read_coco(folder / "a.json", folder).images, folder, folder / "out.rec")
        found = in_pixels(rec, dict.fromkeys(images, size))
    for key, boxes in wanted.items():
        assert found[key].shape == (len(boxes), 5)
        if boxes:
            assert np.abs(found[key] - boxes[::-1]).max() < 0.01
