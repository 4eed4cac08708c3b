"""Lists of boxes: what would make them wrong is refused, whatever they are packed from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

from rectool import RecordReader, unpack
from rectool.errors import HeaderError
from rectool.format.boxes import are_boxes, box_labels, boxes_of

Runner = Callable[..., Run]

LINES = """0\t2\t5\t-1\t-1\t-1\t-1\t-1\tcats/0.jpg
1\t2\t5\t1\t0.1\t0.2\t0.5\t0.75\tcats/1.jpg
2\t2\t5\t1\t0.1\t0.2\t0.5\t0.75\t0\t0\t0\t1\t1\tcats/2.jpg
"""


@pytest.fixture
def lst(tree: Path, tmp_path: Path) -> Path:
    (tmp_path / "boxes.lst").write_text(LINES)
    return tree


@pytest.mark.usefixtures("lst")
@pytest.mark.parametrize("options", [["--center-crop"], ["--label-width", 7]])
def test_boxes_are_not_cut(run: Runner, tmp_path: Path, options: list[object]) -> None:
    assert run("pack", "boxes.lst", "boxes", "--root", "images", "--resize", 16).status == 0
    sources = [["boxes.lst", "out", "--root", "images"]]
    if options[0] == "--center-crop":
        sources.append(["boxes.rec", "out"])
    for args in sources:
        result = run("pack", *args, *options)
        assert (result.status, result.out) == (1, "")
        assert result.err == (
            f"rectool: {args[0]}: the labels are boxes (MXNet's detection layout), which"
            f" {options[0]} would make wrong: pack without it\n"
        )
    assert not list(tmp_path.glob("out*"))


@pytest.mark.usefixtures("tree")
def test_other_labels_are(run: Runner, tmp_path: Path) -> None:
    lines = "0\t2\t5\t1\t0.1\t0.2\t0.5\tcats/0.jpg\n1\t2\t5\t1\t0.1\t0.2\t0.5\tcats/1.jpg\n"
    (tmp_path / "several.lst").write_text(lines)
    options = ["--root", "images", "--center-crop", "--label-width", 3]
    assert run("pack", "several.lst", "out", *options).status == 0
    with RecordReader(tmp_path / "out.rec") as reader:
        assert unpack(reader[0])[0].label.tolist() == [2, 5, 1]


@pytest.mark.usefixtures("tree")
def test_boxes_in_pixels_are_remarked_on(run: Runner, tmp_path: Path) -> None:
    lines = "0\t2\t5\t1\t20\t30\t40\t50\tcats/0.jpg\n1\t2\t6\t1\t0.5\t0\t0.4\t1\t9\tcats/1.jpg\n"
    (tmp_path / "odd.lst").write_text(lines)
    result = run("pack", "odd.lst", "out", "--root", "images")
    assert result.status == 0
    assert result.err.splitlines()[0] == (
        "odd.lst: in the first 2 lines 1 box reaching out of the image (coordinates below 0 or"
        " above 1), 1 box without an area (xmax <= xmin or ymax <= ymin)"
    )
    (tmp_path / "boxes.lst").write_text(LINES)
    assert "in the first" not in run("pack", "boxes.lst", "b", "--root", "images").err


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ("2 5 640 480 1 .1 .2 .8 .9", ("9 labels beginning with 2 5", "7 are", "4 in place of 2")),
        ("2 6 640 480 1 .1 .2 .8 .9 0", ("8 are", "multiple of 6", "4 in place of 2")),
        ("2 5 0 .1 .2 .8 .9 1 .1 .2 .3", ("9 are for boxes: no multiple of 5",)),
        ("2 5 1 .1 .2 .8", ("6 labels beginning with 2 5", "4 are for boxes")),
        ("2 5 0 .5", ("2 are for boxes: no multiple of 5",)),
        ("2 5 1.5 .5", ()),
        ("4 5 640 480 1 .1 .2 .8 .9", ()),
        ("2 5 7", ()),  # three classes
        ("2 5 1 0 1 0 1 0", ()),
        ("0.5 5 1 .1 .2 .8 .9 1", ()),
    ],
)
def test_what_is_nearly_the_layout_is_remarked_on(
    run: Runner, tmp_path: Path, labels: str, says: tuple[str, ...]
) -> None:
    (tmp_path / "odd.lst").write_text("\t".join(["0", *labels.split(), "cats/0.jpg\n"]))
    packed = run("pack", "odd.lst", "out", "--root", "images")
    assert packed.status == 0
    for text in (packed.err, run("inspect", "out.rec").out):
        assert ("detection layout" in text) == bool(says)
        assert all(part in text for part in says)


@pytest.mark.usefixtures("tree")
def test_a_list_without_its_folder(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "boxes.lst").write_text(LINES)
    result = run("pack", "boxes.lst", "out")
    assert result.status == 1
    assert result.err.endswith(
        "rectool: none of 3 images could be packed; the list's paths start from ., unless --root"
        " says otherwise\n"
    )


@pytest.mark.parametrize(
    ("labels", "boxes"),
    [
        ([2, 5], []),
        ([2, 5, -1, -1, -1, -1, -1], []),
        ([2, 5, 3, 0.25, 0.5, 0.75, 1], [[3, 0.25, 0.5, 0.75, 1]]),
        ([4, 6, 640, 480, 0, 0, 0, 1, 1, 9], [[0, 0, 0, 1, 1, 9]]),
        ([2, 5, -1, 0, 0, 0, 0, 7, 0, 0, 1, 1], [[7, 0, 0, 1, 1]]),
    ],
)
def test_boxes_of_labels(labels: list[float], boxes: list[list[float]]) -> None:
    assert are_boxes(labels)
    assert boxes_of(labels).tolist() == boxes
    assert boxes_of(np.array(labels, np.float32)).shape[1] == labels[1]


@pytest.mark.parametrize(
    "labels",
    [
        3.0, [], [2], [1, 5, 0, 0, 0, 1, 1], [2, 4, 0, 0, 0, 0], [2, 5, 0], [2.5, 5], [2, 5.5],
        [float("nan"), 5], [2, float("inf")], [2, 1 << 30], [9, 5, 0, 0, 0, 0, 0], [-2, 5],
    ],
)  # fmt: skip
def test_no_boxes(labels: object) -> None:
    assert not are_boxes(labels)
    with pytest.raises(HeaderError, match="these are not labels of boxes"):
        boxes_of(labels)


def test_labels_of_boxes() -> None:
    assert box_labels([[1, 0, 0.25, 0.5, 1]]) == [2, 5, 1, 0, 0.25, 0.5, 1]
    assert box_labels(np.empty((0, 6))) == [2, 6, -1, -1, -1, -1, -1, -1]
    for wrong in ([], [1, 2, 3, 4, 5], [[1, 2, 3, 4]]):
        with pytest.raises(ValueError, match="boxes must have the shape"):
            box_labels(wrong)
