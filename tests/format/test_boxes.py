"""RecordDataset with boxes, and where boxes lie once their images were cut and resized."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.batches import flat, write
from helpers.pairs import mask_of, write_pair
from PIL import Image

from rectool import Augmentation, HeaderError, ImageDetRecordIter, RecordDataset, RecordReader
from rectool.format.boxes import box_labels
from rectool.loading.augment.geometry import GeometryPlan
from rectool.loading.labels import moved

BOXES = [
    [[3, 0.25, 0.5, 0.75, 1.0], [0, 0, 0, 0.5, 0.25]],
    [],
    [[7, 0.125, 0.25, 0.5, 0.625]],
]


def labels_of(boxes: list[list[float]]) -> list[float]:
    return box_labels(np.array(boxes).reshape(-1, 5))


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    """Images of 40x20 pixels."""
    return write(tmp_path / "a.rec", [flat(1, 40, 20)] * 3, list(map(labels_of, BOXES)))


def test_normalized_boxes_are_as_they_are_stored(rec: Path) -> None:
    for decode in (True, False):
        dataset = RecordDataset(rec, boxes="normalized", decode=decode)
        for (_, boxes), wanted in zip(dataset, BOXES, strict=True):
            assert (boxes.dtype, boxes.shape) == (np.float32, (len(wanted), 5))
            assert boxes.tolist() == wanted
            assert boxes.flags.writeable


@pytest.mark.parametrize("box", [[1, 20, 30, 39, 19], [1, 0, 0, 0.5, 2.5], [1, -1.5, 0, 1, 1]])
def test_boxes_stored_in_pixels_are_refused(tmp_path: Path, box: list[float]) -> None:
    labels = labels_of([[0, 0, 0, 2, 1], box])
    rec = write(tmp_path / "a.rec", [flat(1, 40, 20)], [labels])
    for unit in ("pixels", "normalized"):
        with pytest.raises(HeaderError, match=r"key 10: the box 1, .* look like pixels: divide"):
            RecordDataset(rec, boxes=unit)[0]
    with (
        ImageDetRecordIter(rec, (3, 8, 8), 1) as batches,
        pytest.raises(HeaderError, match=r"key 10: the box 1, .* look like pixels: divide"),
    ):
        next(batches)


def test_boxes_in_pixels_are_of_the_decoded_image(rec: Path) -> None:
    dataset = RecordDataset(rec, boxes="pixels")
    assert dataset[0][1].tolist() == [[3, 10, 10, 30, 20], [0, 0, 0, 20, 5]]
    assert dataset[1][1].shape == (0, 5)
    doubled = RecordDataset(rec, boxes="pixels", transform=lambda image, boxes: boxes.sum())
    assert [doubled[at] for at in range(3)] == [98, 0, 7 + 5 + 5 + 20 + 12.5]


def test_more_numbers_a_box(tmp_path: Path) -> None:
    labels = [4, 7, 99, 98, 2, 0.25, 0.5, 0.5, 1, 8, 9, -1, 0, 0, 0, 0, 0, 0]
    rec = write(tmp_path / "a.rec", [flat(1, 40, 20)], [labels])
    assert RecordDataset(rec, boxes="pixels")[0][1].tolist() == [[2, 10, 10, 20, 20, 8, 9]]


def test_image_mask_and_boxes(tmp_path: Path) -> None:
    labels = [labels_of(boxes) for boxes in BOXES]
    masks = [mask_of(np.full((20, 40), at, np.uint8)) for at in range(3)]
    rec, mask = write_pair(tmp_path / "a.rec", [flat(1, 40, 20)] * 3, masks, labels)
    image, found, boxes = RecordDataset(rec, masks=mask, boxes="normalized")[2]
    assert (image.shape, found.shape, found.max()) == ((20, 40, 3), (20, 40), 2)
    assert boxes.tolist() == BOXES[2]


@pytest.mark.parametrize("labels", [3.0, [3.0], [2, 4, 1, 1, 1, 1], [2, 5, 1, 0, 0, 1]])
def test_labels_that_are_no_boxes_are_named(tmp_path: Path, labels: Any) -> None:
    rec = write(tmp_path / "a.rec", [flat(1)] * 2, [labels_of(BOXES[0]), labels])
    dataset = RecordDataset(rec, boxes="normalized")
    dataset[0]
    with pytest.raises(
        HeaderError, match=r"a\.rec: .* the key 11: these are not labels of boxes: "
    ):
        dataset[1]


def test_boxes_of_no_kind(rec: Path) -> None:
    with pytest.raises(ValueError, match="boxes must be normalized or pixels, got 'xyxy'"):
        RecordDataset(rec, boxes="xyxy")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='boxes="pixels" requires decode=True'):
        RecordDataset(rec, boxes="pixels", decode=False)


def test_labels_of_different_widths_that_look_like_boxes(rec: Path, tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match=r"12 with the key 10, 7 .*; they look like boxes: "):
        RecordDataset(rec).labels  # noqa: B018
    other = write(tmp_path / "b.rec", [flat(1)] * 2, [1.0, [1.0, 2.0]])
    with pytest.raises(HeaderError, match="1 with the key 10, 2 with the key 11$"):
        RecordDataset(other).labels  # noqa: B018


def test_the_first_labels_of_each_record(rec: Path, tmp_path: Path) -> None:
    reader = RecordReader(rec)
    assert reader.labels(width=2).tolist() == [[2, 5]] * 3
    assert reader.labels(width=1).tolist() == [2, 2, 2]
    assert reader.labels(np.array([2, 0]), width=4).tolist() == [[2, 5, 7, 0.125], [2, 5, 3, 0.25]]
    with pytest.raises(HeaderError, match="fewer labels than the 8 .*: 7 with the key 11$"):
        reader.labels(width=8)
    with pytest.raises(ValueError, match="width must be 1 or more, got 0"):
        reader.labels(width=0)
    other = RecordReader(write(tmp_path / "b.rec", [flat(1)] * 2, [4.0, [5.0, 6.0]]))
    assert other.labels(width=1).tolist() == [4, 5]
    # the magic word among them: a record of two parts
    magic = float(np.array([0xCED7230A], np.uint32).view(np.float32)[0])
    parts = RecordReader(write(tmp_path / "c.rec", [flat(1)] * 2, [[1, magic, 3], [4, 5, 6, 7]]))
    assert parts.labels(width=2).tolist() == [[1, magic], [4, 5]]


# Boxes through steps.


def after(
    box: list[float], width: int, height: int, shape: tuple[int, int], *, mirrored: bool = False,
    seed: int = 0, **options: Any,
) -> list[list[float]]:  # fmt: skip
    plan = GeometryPlan(Augmentation((3, *shape), **options), width, height, Random(seed))
    boxes = moved(np.array([[1, *box, 9]], np.float32), plan, mirrored=mirrored)
    assert (boxes[:, 0] == 1).all()
    assert (boxes[:, 5] == 9).all()
    assert boxes.dtype == np.float32
    return [[round(value, 6) for value in row] for row in boxes[:, 1:5].tolist()]


def test_a_resize_of_all_changes_nothing() -> None:
    exact = np.float32([0.1, 0.2, 0.7, 0.9]).tolist()
    plan = GeometryPlan(Augmentation((3, 30, 50), force_resize=True), 41, 17, Random(0))
    boxes = np.array([[2, *exact]], np.float32)
    assert moved(boxes, plan, mirrored=False).tolist() == [[2, *exact]]
    assert boxes.tolist() == [[2, *exact]]  # what was given stays


def test_crops_pads_and_mirrors() -> None:
    # of 40x20 the middle 20x20: from 10 to 30 across
    assert after([0.25, 0.25, 0.5, 0.75], 40, 20, (20, 20)) == [[0, 0.25, 0.5, 0.75]]
    assert after([0.25, 0.25, 0.5, 0.75], 40, 20, (20, 20), mirrored=True) == [[0.5, 0.25, 1, 0.75]]
    # cut at the left edge: of 5 to 20 remain 10 to 20
    assert after([0.125, 0, 0.5, 1], 40, 20, (20, 20)) == [[0, 0, 0.5, 1]]
    # a border of 10 pixels around 40x20
    assert after([0, 0, 1, 1], 40, 20, (40, 60), pad=10) == [[0.166667, 0.25, 0.833333, 0.75]]
    # resized to 80x40, of which the middle 40x40
    assert after([0.25, 0.5, 0.75, 1], 40, 20, (40, 40), resize=40) == [[0, 0.5, 1, 1]]
    # scaled up from 10x5 to 40x20, of which the middle 20x20
    assert after([0.25, 0, 0.5, 0.5], 10, 5, (20, 20)) == [[0, 0, 0.5, 0.5]]


@pytest.mark.parametrize(("left", "wanted"), [(3.2, 0.16), (2.8, None), (-5, None), (10, 0.5)])
def test_of_what_is_cut_three_tenths_must_be_left(left: float, wanted: float | None) -> None:
    """A box 10 pixels wide, and a crop that begins at the tenth."""
    box = [left / 40, 0.5, (left + 10) / 40, 1]
    assert after(box, 40, 20, (20, 20)) == ([] if wanted is None else [[0, 0.5, wanted, 1]])


@pytest.mark.parametrize(
    "box",
    [[0.5, 0.2, 0.5, 0.8], [0.6, 0.2, 0.5, 0.8], [0.2, 0.5, 0.8, 0.5], [0.2, 0.9, 0.8, 0.5],
     [0.2, float("nan"), 0.8, 0.5], [0.6, 0.8, 0.5, 0.2]],
)  # fmt: skip
def test_boxes_without_an_area_are_left_out(box: list[float]) -> None:
    assert after(box, 40, 20, (20, 40)) == []


def test_boxes_beyond_the_image_are_cut() -> None:
    assert after([-0.1, 0.5, 0.5, 1.2], 40, 20, (20, 40)) == [[0, 0.5, 0.5, 1]]


def test_no_box_at_all() -> None:
    plan = GeometryPlan(Augmentation((3, 4, 4)), 9, 9, Random(0))
    assert moved(np.empty((0, 6), np.float32), plan, mirrored=True).shape == (0, 6)


def test_orientations_leave_boxes_as_they_are(tmp_path: Path) -> None:
    """They are fractions of the image as it is decoded."""
    exif = Image.Exif()
    exif[0x0112] = 6
    rec = write(tmp_path / "a.rec", [encoded(picture(1, 40, 20), exif=exif)], [labels_of(BOXES[2])])
    image, boxes = RecordDataset(rec, boxes="pixels")[0]
    assert image.shape == (40, 20, 3)
    assert boxes.tolist() == [[7, 2.5, 10, 10, 25]]
