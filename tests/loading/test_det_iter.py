"""ImageDetRecordIter: boxes lie where what they are around lies in the batch's image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded
from helpers.backends import BACKENDS, need
from helpers.batches import flat, write
from helpers.pairs import mask_of, write_pair
from numpy.typing import NDArray
from PIL import Image

import rectool
from rectool import (
    Augmentation,
    HeaderError,
    ImageDetRecordIter,
    ImageError,
    ImageRecordIter,
    ListError,
    RecordError,
)
from rectool.format.boxes import box_labels

SHAPE = (3, 60, 80)
COUNT = 24


def labels_of(boxes: list[list[float]], width: int = 5) -> list[float]:
    return box_labels(np.array(boxes, float).reshape(-1, width))


def painted(width: int, height: int, boxes: list[list[float]]) -> Image.Image:
    """Black, and in red the first box, in green the second, in blue the third, filled."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for channel, (_, left, top, right, bottom) in enumerate(boxes):
        rows = slice(round(top * height), round(bottom * height))
        pixels[rows, round(left * width) : round(right * width), channel] = 255
    return Image.fromarray(pixels)


def measured(image: NDArray[Any], channel: int) -> list[float] | None:
    """Left, top, right, bottom of what is painted in a channel, of 1; None for nothing."""
    plane = image[channel] / 255
    if plane.max() < 0.5:
        return None
    across, down = plane.max(axis=0), plane.max(axis=1)
    edges = []
    for line in (across, down):
        bright = np.flatnonzero(line >= 0.5)
        begin, end = bright[0], bright[-1] + 1
        edges.append((begin / len(line), end / len(line)))
    return [edges[0][0], edges[1][0], edges[0][1], edges[1][1]]


BOXES = [[[1, 0.1, 0.2, 0.4, 0.5], [2, 0.5, 0.3, 0.95, 0.8], [3, 0.3, 0.6, 0.45, 0.95]]] * COUNT


@pytest.fixture(scope="module")
def rec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of 200x120 pixels, each with three boxes."""
    images = [encoded(painted(200, 120, boxes), "PNG") for boxes in BOXES]
    path = tmp_path_factory.mktemp("det") / "a.rec"
    return write(path, images, list(map(labels_of, BOXES)))


OPTIONS: list[dict[str, Any]] = [
    {}, {"mirror": True}, {"rand_mirror": True}, {"pad": 15}, {"resize": 90},
    {"force_resize": False, "resize": 70}, {"rand_crop": True, "resize": 80, "rand_mirror": True},
    {"min_crop_size": 60, "max_crop_size": 110, "rand_crop": True},
    {"random_resized_crop": True, "min_random_area": 0.4, "min_aspect_ratio": 0.7,
     "max_aspect_ratio": 1.4, "rand_mirror": True},
    {"pad": 20, "rand_crop": True, "resize": 70},
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_boxes_are_around_what_they_were_around(
    rec: Path, options: dict[str, Any], backend: str
) -> None:
    """To within a pixel of the result; left out is what is nearly or wholly outside."""
    need(backend)
    it = ImageDetRecordIter(rec, SHAPE, 8, backend=backend, fill_value=0, dtype="uint8", **options)
    found = 0
    for batch in it:
        for image, rows in zip(batch.data[0], batch.label[0], strict=True):
            boxes = {int(row[0]): row[1:].tolist() for row in rows if row[0] >= 0}
            assert (rows[len(boxes) :] == -1).all()
            for class_ in (1, 2, 3):
                seen = measured(image, class_ - 1)
                if class_ not in boxes:
                    assert seen is None or 0 in seen or 1 in seen  # cut at an edge
                    continue
                found += 1
                assert seen is not None
                wanted = np.array(boxes[class_])
                assert (np.abs(wanted - seen) * [80, 60, 80, 60]).max() <= 1.01
    assert found >= COUNT


def test_a_batch(rec: Path) -> None:
    it = ImageDetRecordIter(rec, SHAPE, 7, round_batch=False)
    (label,) = it.provide_label
    assert (label.name, label.shape, label.dtype) == ("label", (7, 3, 5), np.float32)
    *_, last = it
    assert last.data[0].shape == (7, *SHAPE)
    assert np.allclose(last.label[0][:3], BOXES[:3])
    assert (last.label[0][3:] == -1).all()
    assert last.pad == 4
    assert last.index.tolist() == [31, 32, 33, -1, -1, -1, -1]
    assert repr(it) == f"ImageDetRecordIter({str(rec)!r}: 24 images in 4 batches of 7)"
    assert (
        next(ImageDetRecordIter(rec, SHAPE, 2, label_name="boxes")).provide_label[0].name == "boxes"
    )
    assert isinstance(it, ImageRecordIter)
    assert "ImageDetRecordIter" in dir(rectool)


def test_images_with_more_boxes_and_with_none(tmp_path: Path) -> None:
    boxes = [
        [],
        [[1, 0, 0, 0.5, 0.5]],
        [[2, 0.5, 0.5, 1, 1], [-1, 0, 0, 1, 1], [3, 0, 0, 1, 1]],
        [],
    ]
    labels: list[Any] = list(map(labels_of, boxes))
    labels[3] = [2, 5]  # no row at all
    path = write(tmp_path / "a.rec", [flat(9)] * 4, labels)
    found = next(ImageDetRecordIter(path, (3, 4, 5), 4)).label[0]
    none = [-1] * 5
    assert found.tolist() == [
        [none] * 3,
        [[1, 0, 0, 0.5, 0.5], none, none],
        [[2, 0.5, 0.5, 1, 1], [3, 0, 0, 1, 1], none],
        [none] * 3,
    ]


def test_no_box_in_the_whole_set(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [flat(9)] * 2, [[2, 5], [2, 5]])
    assert next(ImageDetRecordIter(path, (3, 4, 5), 2)).label[0].tolist() == [[[-1] * 5]] * 2


def test_wider_boxes_and_headers(tmp_path: Path) -> None:
    labels = [[4, 6, 320, 240, 1, 0, 0, 1, 1, 0.5], [2, 6, 2, 0, 0, 0.5, 1, 7, 3, 0, 0, 1, 0.5, 8]]
    path = write(tmp_path / "a.rec", [flat(9)] * 2, labels)
    found = next(ImageDetRecordIter(path, (3, 4, 5), 2, mirror=True)).label[0]
    assert found.tolist() == [
        [[1, 0, 0, 1, 1, 0.5], [-1] * 6],
        [[2, 0.5, 0, 1, 1, 7], [3, 0, 0, 1, 0.5, 8]],
    ]


def test_the_widest_counts_wherever_it_is(tmp_path: Path) -> None:
    """Also in another part, another shard, and with threads and shuffling in any order."""
    labels = [labels_of([[at, 0, 0, 1, (at + 1) / 8]] * (1 + at % 4)) for at in range(8)]
    paths = [
        write(tmp_path / f"{shard}.rec", [flat(1)] * 4, labels[shard * 4 : shard * 4 + 4])
        for shard in range(2)
    ]
    shapes = [
        ImageDetRecordIter(paths, (3, 4, 5), 3, num_parts=2, part_index=part).provide_label[0].shape
        for part in range(2)
    ]
    assert shapes == [(3, 4, 5)] * 2
    rows = [
        batch.label[0].tobytes()
        for threads in (1, 5)
        for batch in ImageDetRecordIter(
            paths, (3, 4, 5), 3, shuffle=True, preprocess_threads=threads
        )
    ]
    assert rows[:3] == rows[3:]
    assert len(set(rows)) == 3


def test_labels_of_a_list(rec: Path, tmp_path: Path) -> None:
    lines = []
    for at in range(COUNT):
        labels = labels_of([[at, 0.25, 0.5, 0.75, 1]] * (at % 3))
        lines.append("\t".join([str(100 + at), *map(str, labels), "x\n"]))
    (tmp_path / "b.lst").write_text("".join(reversed(lines)))
    it = ImageDetRecordIter(rec, SHAPE, COUNT, path_imglist=tmp_path / "b.lst")
    found = next(it).label[0]
    assert found.shape == (COUNT, 2, 5)
    assert found[5].tolist() == [[5, 0.25, 0.5, 0.75, 1]] * 2
    assert (found[::3] == -1).all()
    (tmp_path / "c.lst").write_text("".join(lines[:-1]))
    with pytest.raises(ListError, match=r"a\.rec: .* key 33: .*c\.lst has no line for the id 123"):
        ImageDetRecordIter(rec, SHAPE, COUNT, path_imglist=tmp_path / "c.lst")
    skipping = ImageDetRecordIter(rec, SHAPE, 8, path_imglist=tmp_path / "c.lst", on_error="skip")
    assert [batch.pad for batch in skipping] == [0, 0, 0]
    assert list(skipping.skipped) == [33]


def test_masks_too(tmp_path: Path) -> None:
    masks = [
        mask_of(np.asarray(painted(200, 120, boxes)).argmax(axis=2).astype(np.uint8))
        for boxes in BOXES
    ]
    images = [encoded(painted(200, 120, boxes), "PNG") for boxes in BOXES]
    rec, mask = write_pair(tmp_path / "a.rec", images, masks, list(map(labels_of, BOXES)))
    it = ImageDetRecordIter(
        rec, SHAPE, 8, masks=mask, rand_mirror=True, pad=9, fill_value=0, mask_fill=0
    )
    assert [one.name for one in it.provide_label] == ["label", "mask"]
    for batch in it:
        for rows, found in zip(*batch.label, strict=True):
            for class_, value in ((2, 1), (3, 2)):  # of what is painted green and blue
                box = next(row[1:] for row in rows if row[0] == class_)
                across, down = (
                    np.flatnonzero((found == value).any(0)),
                    np.flatnonzero((found == value).any(1)),
                )
                seen = [across[0] / 80, down[0] / 60, (across[-1] + 1) / 80, (down[-1] + 1) / 60]
                assert (np.abs(box - seen) * [80, 60, 80, 60]).max() <= 1


# What is wrong.

TURNS: list[dict[str, Any]] = [
    {"max_rotate_angle": 10}, {"rotate": 30}, {"max_shear_ratio": 0.1}, {"max_random_scale": 1.5},
    {"min_random_scale": 0.5}, {"max_aspect_ratio": 0.25}, {"max_img_size": 90.0},
]  # fmt: skip


@pytest.mark.parametrize("options", TURNS, ids=str)
def test_boxes_are_not_turned(rec: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot turn boxes: it has no rotation"):
        ImageDetRecordIter(rec, SHAPE, 2, **options)
    if "max_aspect_ratio" in options:
        ImageDetRecordIter(rec, SHAPE, 2, random_resized_crop=True, **options)


def test_room_for_more_boxes(rec: Path) -> None:
    """So that the batches of two sets have one shape."""
    usual = ImageDetRecordIter(rec, SHAPE, 2)
    most = usual.provide_label[0].shape[1]
    wide = ImageDetRecordIter(rec, SHAPE, 2, max_boxes=most + 3)
    assert wide.provide_label[0].shape == (2, most + 3, 5)
    for batch, other in zip(usual, wide, strict=True):
        assert (other.label[0][:, :most] == batch.label[0]).all()
        assert (other.label[0][:, most:] == -1).all()
    with pytest.raises(
        ValueError,
        match=f"max_boxes must be {most} or more, the most boxes of a record, got {most - 1}",
    ):
        ImageDetRecordIter(rec, SHAPE, 2, max_boxes=most - 1)
    with pytest.raises(ValueError, match="max_boxes must be a whole number, 1 or more, got 0"):
        ImageDetRecordIter(rec, SHAPE, 2, max_boxes=0)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("label_width", "; rectool.mx.image.ImageDetIter has"),
        ("randmirror", ": did you mean rand_mirror"),
    ],
)
def test_unknown_parameters(rec: Path, name: str, meant: str) -> None:
    with pytest.raises(TypeError, match=f"ImageDetRecordIter has no parameter '{name}'{meant}"):
        ImageDetRecordIter(rec, SHAPE, 2, **{name: 1})


GOOD = [2, 5, 1, 0, 0, 1, 1]
WRONG: list[tuple[Any, str]] = [
    (3.0, "these are not labels of boxes: 1 label"),
    ([2, 5, 1, 0, 0, 1], "these are not labels of boxes: 6 labels"),
    ([1, 5, 1, 0, 0, 1, 1], "these are not labels of boxes: 7 labels"),
    ([2.5, 5, 1, 0, 0, 1, 1], "these are not labels of boxes"),
    ([9, 5, 1, 0, 0, 1, 1], "these are not labels of boxes"),
    ([2, 4, 1, 0, 0, 1], "these are not labels of boxes"),
    ([2, float("nan"), 1, 0, 0, 1], "these are not labels of boxes"),
    ([2, 6, 1, 0, 0, 1, 1, 9], "a box has 6 numbers, and 5 in the first sample"),
]


@pytest.mark.parametrize(("labels", "says"), WRONG, ids=[str(labels) for labels, _ in WRONG])
def test_labels_that_are_no_boxes(tmp_path: Path, labels: Any, says: str) -> None:
    path = write(tmp_path / "a.rec", [flat(1)] * 4, [GOOD, GOOD, labels, GOOD])
    with pytest.raises(HeaderError, match=rf"a\.rec: the record with the key 12: {says}"):
        ImageDetRecordIter(path, (3, 4, 5), 2)
    it = ImageDetRecordIter(path, (3, 4, 5), 2, on_error="skip")
    assert [batch.index.tolist() for batch in it] == [[10, 11], [13, 13]]
    assert isinstance(it.skipped[12], HeaderError)


def test_no_boxes_at_all(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [flat(1)] * 2, [1.0, 2.0])
    for on_error in ("fail", "skip"):
        with pytest.raises(HeaderError, match="key 10: these are not labels of boxes: 1 label"):
            ImageDetRecordIter(path, (3, 4, 5), 2, on_error=on_error)


def test_a_record_that_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [flat(1), b"no image" * 200, flat(1), flat(2)], [GOOD] * 4)
    offset = int(path.with_suffix(".idx").read_text().splitlines()[2].split("\t")[1])
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordError, match=r"a\.rec: at byte"):
        ImageDetRecordIter(path, (3, 4, 5), 4)
    it = ImageDetRecordIter(path, (3, 4, 5), 4, on_error="skip")
    assert next(it).index.tolist() == [10, 13, 13, 13]
    assert sorted(it.skipped) == [11, 12]
    assert isinstance(it.skipped[11], ImageError)


def test_image_record_iter_hints_at_it(rec: Path) -> None:
    with pytest.raises(HeaderError, match="17 labels, and label_width is 1; they look like boxes"):
        next(ImageRecordIter(rec, SHAPE, 2))
    found = next(ImageRecordIter(rec, SHAPE, 2, label_width=17)).label[0]
    assert np.allclose(found[0], labels_of(BOXES[0]))


# force_resize.


def test_force_resize_takes_the_whole_image(rec: Path) -> None:
    for options in ({}, {"resize": 100}, {"backend": "opencv"}, {"backend": "fast"}):
        need(options.get("backend", "pillow"))
        image = next(ImageRecordIter(rec, SHAPE, 1, label_width=17, force_resize=True, **options))
        for channel, (_, *box) in enumerate(BOXES[0]):
            seen = measured(image.data[0][0], channel)
            assert np.abs((np.array(seen) - box) * [80, 60, 80, 60]).max() <= 1.01


def test_with_pillow_it_is_resized_once(rec: Path) -> None:
    once, twice = (
        next(ImageRecordIter(rec, SHAPE, 1, label_width=17, force_resize=True, **more)).data[0]
        for more in ({}, {"resize": 60})
    )
    assert np.array_equal(once, twice)
    assert Augmentation(SHAPE, force_resize=True).resamples  # and so JPEGs are decoded small


def test_force_resize_is_for_what_finds_no_crop(tmp_path: Path) -> None:
    """Of a long image no square of nearly all of its area can be cut out."""
    path = write(tmp_path / "a.rec", [encoded(painted(200, 20, BOXES[0]), "PNG")], [[1.0] * 17])
    options = {"random_resized_crop": True, "min_random_area": 0.9, "label_width": 17}
    whole = next(ImageRecordIter(path, SHAPE, 1, force_resize=True, **options)).data[0][0]
    cut = next(ImageRecordIter(path, SHAPE, 1, **options)).data[0][0]
    left, _, right, _ = measured(whole, 1) or [0] * 4
    assert abs(left - 0.5) < 0.02
    assert abs(right - 0.95) < 0.02
    assert not np.array_equal(whole, cut)


@pytest.mark.parametrize(
    "options", [{"rand_crop": True}, {"min_crop_size": 3, "max_crop_size": 9}], ids=str
)
def test_force_resize_cuts_nothing(rec: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="force_resize does not go with rand_crop or crop sizes"):
        ImageRecordIter(rec, SHAPE, 1, label_width=17, force_resize=True, **options)
