"""Boxes of COCO's segmentations, where annotations have no bbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.annotating import Runner, listed, write_images
from hypothesis import given
from hypothesis import strategies as st

from rectool import ListError
from rectool.listing.annotations.segments import box_of


def runs_of(mask: np.ndarray[Any, Any]) -> list[int]:
    """How many pixels are outside, inside, outside... going down the columns."""
    pixels = mask.T.ravel().tolist()
    runs, inside = [0], False
    for pixel in pixels:
        if pixel != inside:
            runs.append(0)
            inside = pixel
        runs[-1] += 1
    return runs


def compressed(runs: list[int]) -> str:
    """COCO's letters: 5 bits each, the lowest first; from the fourth on what differs by two."""
    letters = ""
    for at, run in enumerate(runs):
        value = run - runs[at - 2] if at > 2 else run
        more = True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            letters += chr(48 + bits + 32 * more)
    return letters


masks = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**81 - 1)).map(
    lambda one: np.array([bool(one[2] >> at & 1) for at in range(one[0] * one[1])]).reshape(
        one[0], one[1]
    )
)


@given(masks)
def test_the_box_of_a_mask(mask: np.ndarray[Any, Any]) -> None:
    rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
    runs, size = runs_of(mask), list(mask.shape)
    for counts in (runs, compressed(runs)):
        if not len(rows):
            with pytest.raises(ListError, match="no pixel inside"):
                box_of({"size": size, "counts": counts})
            continue
        left, top = int(columns[0]), int(rows[0])
        wanted = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
        assert box_of({"size": size, "counts": counts}) == wanted


def test_a_large_mask_takes_no_memory_of_its_size() -> None:
    counts = [10**12, 3, 10**16 - 10**12 - 3]
    assert box_of({"size": [10**8, 10**8], "counts": counts}) == [10_000, 0, 1, 3]


def test_the_box_of_polygons() -> None:
    assert box_of([[10, 20, 30.5, 25, 12, 60]]) == [10, 20, 20.5, 40]
    assert box_of([[10, 20, 30, 25, 12, 60], [0, 0, 5, 0, 5, 5]]) == [0, 0, 30, 60]
    assert box_of([10, 20, 30, 25, 12, 60]) == [10, 20, 20, 40]  # not in a list of its own


@pytest.mark.parametrize(
    "segmentation",
    [
        None, [], [[]], [[1, 2, 3]], [[1, 2], 3], [["1", "2"]], [[float("nan"), 1]], "x", 7,
        [[1e300, 2]], [[[1, 2], [3, 4]]], {}, {"size": [2, 2]}, {"size": [2, 2], "counts": [1, 1]},
        {"size": [2, 2], "counts": [5]}, {"size": [2, 2], "counts": [2, -1, 3]},
        {"size": [2, 2], "counts": "\x00"}, {"size": [2, 2], "counts": "o"},
        {"size": [2, 2], "counts": "o" * 100_000}, {"size": [0, 2], "counts": []},
        {"size": [2, 2.5], "counts": [4]}, {"size": "22", "counts": [4]},
        {"size": [2, 2], "counts": [1.5, 2.5]}, {"size": [10**12, 10**12], "counts": [1]},
    ],
)  # fmt: skip
def test_a_malformed_segmentation_raises_list_error(segmentation: Any) -> None:
    with pytest.raises(ListError) as caught:
        box_of(segmentation)
    assert len(str(caught.value)) < 200


def test_annotations_without_bbox(run: Runner, tmp_path: Path) -> None:
    write_images(tmp_path / "images", a_jpg=(100, 50), b_jpg=(40, 80))
    polygon = [[10, 5, 50, 5, 50, 25]]
    objects: list[dict[str, Any]] = [
        {"image_id": 1, "bbox": None, "segmentation": polygon},
        {"image_id": 1, "bbox": [], "segmentation": [[0, 0, 9, 0, 9, 9]]},
        {"image_id": 1, "segmentation": {"size": [50, 100], "counts": [60, 10, 4930]}},
        {"image_id": 1, "bbox": [1, 1, 2, 2], "segmentation": polygon},  # bbox counts
        {"image_id": 2, "bbox": None, "segmentation": []},
    ]
    parts = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [{"category_id": 1, **one} for one in objects],
        "categories": [{"id": 1, "name": "x"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(parts))
    result = run("list", "images", "--coco", "a.json", "--no-shuffle")
    assert result.status == 1
    assert "a.json: annotation number 5: segmentation should be polygons or RLE" in result.err
    assert "3 objects without bbox" in result.err
    numbers = [float(text) for text in result.out.split("\t")[1:-1]]
    assert np.array(numbers[2:]).reshape(-1, 5).tolist() == [
        [0, 0.1, 0.1, 0.5, 0.5], [0, 0, 0, 0.09, 0.18], [0, 0.01, 0.2, 0.02, 0.4],
        [0, 0.01, 0.02, 0.03, 0.06],
    ]  # fmt: skip


def test_images_that_only_an_address_names(run: Runner, tmp_path: Path) -> None:
    """LVIS has images of two folders of COCO."""
    write_images(tmp_path / "images", val2017__a_jpg=(9, 9), train2017__a_jpg=(9, 9))
    url = "http://images.cocodataset.org"
    parts = {
        "images": [
            {"id": 1, "coco_url": f"{url}/train2017/a.jpg"},
            {"id": 2, "coco_url": f"{url}/val2017/a.jpg", "file_name": None},
        ],
        "annotations": [],
        "categories": [],
    }
    (tmp_path / "a.json").write_text(json.dumps(parts))
    entries, _ = listed(run, "--coco", "a.json")
    assert [entry.path for entry in entries] == ["train2017/a.jpg", "val2017/a.jpg"]


@pytest.mark.parametrize(
    ("ids", "keys"),
    [
        (["7", "000000000139"], [7, 139]),
        ([7.0, 139], [7, 139]),
        (["b7e1", "a0"], [0, 1]),
        (["b7e1", 5], [0, 1]),
    ],
)
def test_ids_as_programs_write_them(
    run: Runner, tmp_path: Path, ids: list[Any], keys: list[int]
) -> None:
    write_images(tmp_path / "images", a_jpg=(100, 50), b_jpg=(40, 80))
    parts = {
        "images": [{"id": ids[0], "file_name": "a.jpg"}, {"id": ids[1], "file_name": "b.jpg"}],
        "annotations": [{"image_id": ids[1], "category_id": "1", "bbox": [0, 0, 20, 20]}],
        "categories": [{"id": 1.0, "name": 5}],
    }
    (tmp_path / "a.json").write_text(json.dumps(parts))
    entries, err = listed(run, "--coco", "a.json")
    assert [entry.key for entry in entries] == keys
    assert entries[1].labels == (2, 5, 0, 0, 0, 0.5, 0.25)
    assert err[1].split() == ["0", "5"]
    assert any("keys count from 0" in line for line in err) == (keys == [0, 1])


def test_images_that_are_there_twice(run: Runner, tmp_path: Path) -> None:
    write_images(tmp_path / "images", a_jpg=(100, 50))
    one = {"id": 1, "file_name": "a.jpg"}
    (tmp_path / "a.json").write_text(
        json.dumps({"images": [one, one, one], "annotations": [], "categories": []})
    )
    entries, err = listed(run, "--coco", "a.json")
    assert len(entries) == 1
    assert any(line.startswith("left out, being there already: 2 images") for line in err)
