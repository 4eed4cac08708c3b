"""rectool.mx.image's augmenters of images with boxes, and the lists that are made of them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rectool.mx as mx
from rectool.mx.nd import NDArray

image = mx.image
nd = mx.nd

Draws = Callable[..., list[tuple[int, int]]]


def numbered(height: int, width: int, dtype: str = "uint8") -> NDArray:
    """Each pixel's channels are y, x and 200."""
    rows, columns = np.mgrid[:height, :width]
    return nd.array(np.stack([rows, columns, np.full_like(rows, 200)], axis=2), dtype=dtype)


def boxes(*rows: list[float]) -> Any:
    return np.array(rows, np.float32)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Draws:
    """Makes random.randint give these numbers, one after the other, and no more.

    Returns a list of what it is asked for: the lowest number and the highest.
    """

    def fix(*numbers: int) -> list[tuple[int, int]]:
        left, asked = iter(numbers), []

        def randint(low: int, high: int) -> int:
            asked.append((low, high))
            return next(left)

        monkeypatch.setattr(random, "randint", randint)
        return asked

    return fix


def test_a_module_of_its_own() -> None:
    assert image.det is image.detection
    for name in image.det.__all__:
        assert getattr(image.det, name) is getattr(image, name)
    assert not issubclass(image.DetAugmenter, image.Augmenter)
    with pytest.raises(TypeError, match="DetAugmenter has no __call__"):
        image.DetAugmenter(a=1)(numbered(2, 2), boxes([0, 0, 0, 1, 1]))


def test_dumps() -> None:
    assert json.loads(image.DetAugmenter(a=np.eye(2)).dumps()) == [
        "detaugmenter", {"a": [[1, 0], [0, 1]]},
    ]  # fmt: skip
    flip = image.DetHorizontalFlipAug(0.5)
    assert flip.dumps() == '["dethorizontalflipaug", {"p": 0.5}]'
    assert image.DetBorrowAug(image.CastAug()).dumps() == [
        "detborrowaug", '["castaug", {"type": "float32"}]',
    ]  # fmt: skip
    assert image.DetRandomSelectAug([flip, flip]).dumps() == [
        "detrandomselectaug", [flip.dumps(), flip.dumps()],
    ]  # fmt: skip
    assert json.loads(image.DetRandomCropAug(area_range=0.5).dumps()) == [
        "detrandomcropaug",
        {
            "min_object_covered": 0.1, "aspect_ratio_range": [0.75, 1.33],
            "area_range": [0.5, 0.5], "min_eject_coverage": 0.3, "max_attempts": 50,
        },
    ]  # fmt: skip
    assert json.loads(image.DetRandomPadAug(pad_val=5).dumps()) == [
        "detrandompadaug",
        {
            "aspect_ratio_range": [0.75, 1.33], "area_range": [1.0, 3.0], "max_attempts": 50,
            "pad_val": 5,
        },
    ]  # fmt: skip


def test_what_is_borrowed_sees_no_boxes() -> None:
    label = boxes([0, 0.1, 0.2, 0.3, 0.4])
    made, same = image.DetBorrowAug(image.ForceResizeAug((5, 7)))(numbered(3, 3), label)
    assert made.shape == (7, 5, 3)
    assert same is label
    for other in (image.DetHorizontalFlipAug(1), lambda src: src, None):
        with pytest.raises(TypeError, match=r"requires an mx\.image\.Augmenter"):
            image.DetBorrowAug(other)


def test_flips() -> None:
    label = boxes([1, 0.25, 0.125, 0.5, 0.875, 7], [2, 0, 0, 1, 1, 8])
    before = label.copy()
    made, flipped = image.DetHorizontalFlipAug(1)(numbered(2, 3), label)
    assert made[0, :, 1].tolist() == [2, 1, 0]
    assert flipped.tolist() == [[1, 0.5, 0.125, 0.75, 0.875, 7], [2, 0, 0, 1, 1, 8]]
    assert np.array_equal(label, before)
    random.seed(0)
    array = numbered(2, 3)
    flips = sum(image.DetHorizontalFlipAug(0.3)(array, label)[0] is not array for _ in range(300))
    assert 60 < flips < 120


class Mark(image.DetAugmenter):  # type: ignore[misc, name-defined]
    def __init__(self, number: int) -> None:
        super().__init__(number=number)
        self.number = number

    def __call__(self, src: Any, label: Any) -> Any:
        return self.number, label


def test_one_of_several() -> None:
    random.seed(0)
    given = [Mark(1), Mark(2), Mark(3)]
    select = image.DetRandomSelectAug(given, skip_prob=0.4)
    found = [select(0, None)[0] for _ in range(1000)]
    assert 350 < found.count(0) < 450
    for number in (1, 2, 3):
        assert 150 < found.count(number) < 250
    assert [one.number for one in given] == [1, 2, 3]  # the caller's list stays as it is
    assert image.DetRandomSelectAug(Mark(4))(0, None) == (4, None)
    assert image.DetRandomSelectAug([])(0, None) == (0, None)
    for bad in ([Mark(1), image.CastAug()], image.CastAug()):
        with pytest.raises(ValueError, match="DetRandomSelectAug requires DetAugmenters"):
            image.DetRandomSelectAug(bad)


# Crops. Of an image of 8x8 a quarter as a square is 4x4: y and x are drawn, in this order.

WHOLE = [3, 0.25, 0.25, 0.5, 0.75, 9]  # x 2 to 4, y 2 to 6
CORNER = [4, 0, 0, 0.375, 0.25, 9]  # x 0 to 3, y 0 to 2
AWAY = [5, 0.875, 0.875, 1, 1, 9]


def test_a_crop_and_its_boxes(drawn: Draws) -> None:
    asked = drawn(1, 2)
    label = boxes(WHOLE, CORNER, AWAY)
    crop = image.DetRandomCropAug(0.1, 1, 0.25)
    made, kept = crop(numbered(8, 8), label)
    assert asked == [(0, 4), (0, 4)]
    assert made.shape == (4, 4, 3)
    assert made[:, 0, 0].tolist() == [1, 2, 3, 4]
    assert made[0, :, 1].tolist() == [2, 3, 4, 5]
    # three quarters of the first are in it, a sixth of the second: more than 0.1, not than 0.3
    assert kept.tolist() == [[3, 0, 0.25, 0.5, 1, 9]]
    assert kept.dtype == np.float32
    assert label.tolist() == boxes(WHOLE, CORNER, AWAY).tolist()


def test_all_boxes_that_a_crop_touches_are_covered_enough(drawn: Draws) -> None:
    crop = image.DetRandomCropAug(0.2, 1, 0.25, max_attempts=2)
    drawn(1, 2, 2, 3)  # a sixth of the second is not enough; then it is left out altogether
    made, kept = crop(numbered(8, 8), boxes(WHOLE, CORNER))
    assert made[0, 0].tolist() == [2, 3, 200]
    assert kept.tolist() == [[3, 0, 0, 0.25, 1, 9]]
    array, label = numbered(8, 8), boxes(WHOLE, CORNER)
    for least in (0.2, 0.75, 0.8):
        drawn(1, 2)
        given = label if least == 0.2 else label[:1]
        made, kept = image.DetRandomCropAug(least, 1, 0.25, max_attempts=1)(array, given)
        assert made is array
        assert kept is given


@pytest.mark.parametrize(
    "label",
    [
        boxes(CORNER),  # all would be left out
        boxes(AWAY),  # none is touched
        boxes([0, 0.25, 0.25, 0.375, 0.5]),  # of two pixels: it has no say
        boxes([0, 0.25, 0.25, 0.25, 0.5]),
        np.zeros((0, 5), np.float32),
    ],
)
def test_a_crop_keeps_a_box(drawn: Draws, label: Any) -> None:
    drawn(1, 2, 1, 2)
    array = numbered(8, 8)
    made, kept = image.DetRandomCropAug(0.1, 1, 0.25, max_attempts=2)(array, label)
    assert made is array
    assert kept is label


def test_crops_smaller_than_two_pixels_are_not_made(drawn: Draws) -> None:
    drawn(1, 2)
    kept = image.DetRandomCropAug(0.1, 1, 0.25)(
        numbered(8, 8), boxes([0, 0.25, 0.25, 0.375, 0.5625])
    )[1]
    assert len(kept) == 1  # two and a half pixels
    drawn(0, 1)
    made, _ = image.DetRandomCropAug(0, 2, 0.5, 0)(numbered(1, 4), boxes([0, 0, 0, 1, 1]))
    assert made.shape == (1, 2, 3)
    drawn(0, 1)
    array = numbered(1, 4)
    crop = image.DetRandomCropAug(0, 1, 0.25, 0, max_attempts=1)
    assert crop(array, boxes([0, 0, 0, 1, 1]))[0] is array  # one pixel


def test_crops_fit_into_the_image(drawn: Draws) -> None:
    label = boxes([0, 0, 0, 1, 1])
    asked = drawn(0, 3)
    made, _ = image.DetRandomCropAug(0, 0.5, (0.25, 1), 0)(numbered(4, 8), label)
    assert made.shape == (4, 2, 3)  # as high as the image, and no height is drawn
    assert asked == [(0, 0), (0, 6)]
    asked = drawn(4, 5, 2)
    made, _ = image.DetRandomCropAug(0, 2.1, (0.2, 1), 0)(numbered(10, 10), label)
    assert made.shape == (4, 8, 3)  # 5 high it would be 10.5 wide
    assert asked == [(3, 4), (0, 6), (0, 2)]
    array = numbered(3, 3)
    drawn()
    assert image.DetRandomCropAug(0, 1, 0.5, 0)(array, label)[0] is array  # 4 or 9 of 9 pixels


def test_a_tenth_is_compared_as_mxnet_does(drawn: Draws) -> None:
    """In double precision, where a tenth of float32 is more than 0.1."""
    drawn(0, 0)
    crop = image.DetRandomCropAug(0.1, 2.5, 0.1, min_eject_coverage=0)
    made, kept = crop(numbered(10, 10), boxes([1, 0, 0, 1, 1]))
    assert made.shape == (2, 5, 3)
    assert kept.tolist() == [[1, 0, 0, 1, 1]]


def test_boxes_of_no_area_leave_with_a_crop(drawn: Draws) -> None:
    drawn(1, 2)
    none = [0, 0.4, 0.3, 0.4, 0.6, 9]
    kept = image.DetRandomCropAug(0.1, 1, 0.25)(numbered(8, 8), boxes(WHOLE, none))[1]
    assert kept[:, 0].tolist() == [3]


def test_boxes_of_whole_numbers(drawn: Draws) -> None:
    drawn(2, 0)
    kept = image.DetRandomCropAug(0.1, 2, 0.5)(numbered(8, 8), [[7, 0, 0, 1, 1]])[1]
    assert kept.tolist() == [[7, 0, 0, 1, 1]]
    assert kept.dtype == np.float32


def test_crops_stay_in_their_ranges() -> None:
    crop = image.DetRandomCropAug(0.1, (0.5, 2), (0.2, 0.6), min_eject_coverage=0)
    array = numbered(60, 90)
    random.seed(1)
    shapes = [crop(array, boxes([0, 0, 0, 1, 1]))[0].shape[:2] for _ in range(200)]
    shares = [height * width / 5400 for height, width in shapes]
    ratios = [width / height for height, width in shapes]
    assert 0.2 <= min(shares) < 0.25
    assert 0.55 < max(shares) <= 0.6
    assert 0.48 < min(ratios) < 0.6
    assert 1.8 < max(ratios) < 2.05


# Pads. An image of 4x4 on one of four times its area, a square: 8x8, then y and x.


def test_a_pad_and_its_boxes(drawn: Draws) -> None:
    asked = drawn(1, 3)
    label = boxes([6, 0.5, 0.25, 1, 0.75, 9])
    array = numbered(4, 4)
    made, moved = image.DetRandomPadAug(1, 4, pad_val=(50, 60.5, 300))(array, label)
    assert asked == [(0, 4), (0, 4)]
    wanted = np.tile(np.uint8([50, 60, 255]), (8, 8, 1))
    wanted[1:5, 3:7] = array
    assert np.array_equal(made, wanted)
    assert moved.tolist() == [[6, 0.625, 0.25, 0.875, 0.5, 9]]
    assert moved.dtype == np.float32
    assert label.tolist() == [[6, 0.5, 0.25, 1, 0.75, 9]]


@pytest.mark.parametrize("value", [7, (7,), [7]])
def test_one_number_is_for_all_channels(drawn: Draws, value: Any) -> None:
    drawn(0, 0)
    made, none = image.DetRandomPadAug(1, 4, pad_val=value)(numbered(4, 4), np.zeros((0, 5)))
    assert (made[4:, 4:] == 7).all()
    assert none.shape == (0, 5)


def test_small_pads_are_none() -> None:
    array, label = numbered(10, 10), boxes([0, 0, 0, 1, 1])
    for pad in (
        image.DetRandomPadAug(1, 1.2),  # 11x11
        image.DetRandomPadAug((0.1, 0.3), 1.5),  # high, but not wide
        image.DetRandomPadAug(11 / 12, 1.32),  # 11x12
        image.DetRandomPadAug(12 / 11, 1.32),  # 12x11
        image.DetRandomPadAug(1, 4, max_attempts=0),
    ):
        made, same = pad(array, label)
        assert made is array
        assert same is label


def test_pads_stay_in_their_ranges() -> None:
    pad = image.DetRandomPadAug((0.8, 1.5), (1.0, 3.0))
    array, label = numbered(60, 60), boxes([0, 0, 0, 1, 1])
    random.seed(1)
    sizes = []
    for _ in range(100):
        made, moved = pad(array, label)
        height, width, _ = made.shape
        left, top, right, bottom = np.rint(moved[0, 1:] * [width, height, width, height])
        assert (right - left, bottom - top) == (60, 60)
        assert np.array_equal(made[int(top) : int(bottom), int(left) : int(right)], array)
        sizes.append(height * width / 3600)
    assert 1 < min(sizes) < 1.3
    assert 2.7 < max(sizes) < 3.03


def test_ranges_of_nothing() -> None:
    for bad in ((0.5, 0.2), (-0.1, 0.5), 0, (0, 0), (1,) * 3, (float("nan"), 1)):
        with pytest.raises(ValueError, match="area_range .* two numbers in order, up to above 0"):
            image.DetRandomCropAug(area_range=bad)
    for bad in ((1, 1), 1, (3, 2), (0.5, 0.9)):
        with pytest.raises(ValueError, match="area_range .* two numbers in order, up to above 1"):
            image.DetRandomPadAug(area_range=bad)
    for kind in (image.DetRandomCropAug, image.DetRandomPadAug):
        for bad in ((2, 1), 0, (0, 1), (-1, 1)):
            with pytest.raises(ValueError, match="aspect_ratio_range"):
                kind(aspect_ratio_range=bad)
    image.DetRandomCropAug(area_range=(0, 1))


# Lists.


def test_several_crops() -> None:
    made = image.CreateMultiRandCropAugmenter(
        [0.1, 0.3], (1, 2), [(0.1, 1), (0.2, 1)], max_attempts=[5], skip_prob=0.25
    )
    assert made.skip_prob == 0.25
    found = [
        (one.min_object_covered, one.aspect_ratio_range, one.area_range, one.max_attempts)
        for one in made.aug_list
    ]
    assert found == [(0.1, (1, 2), (0.1, 1), 5), (0.3, (1, 2), (0.2, 1), 5)]
    assert {one.min_eject_coverage for one in made.aug_list} == {0.3}
    assert len(image.CreateMultiRandCropAugmenter().aug_list) == 1
    with pytest.raises(ValueError, match="min_object_covered has 2 values, where .* has 3"):
        image.CreateMultiRandCropAugmenter([0.1, 0.2], max_attempts=[1, 2, 3])
    with pytest.raises(ValueError, match="max_attempts has 0 values, where another list has 2"):
        image.CreateMultiRandCropAugmenter([0.1, 0.2], max_attempts=[])


def kinds_of(made: list[Any]) -> list[str]:
    inner = [getattr(one, "augmenter", one) for one in made]
    return [type(one).__name__ for one in inner]


def test_create_det_augmenter_makes_these() -> None:
    plain = image.CreateDetAugmenter((3, 20, 30))
    assert kinds_of(plain) == ["ForceResizeAug", "CastAug"]
    assert plain[0].augmenter.size == (30, 20)
    every = image.CreateDetAugmenter(
        (3, 20, 30), resize=40, rand_crop=0.3, rand_pad=0.4, rand_gray=0.1, rand_mirror=True,
        mean=True, std=True, brightness=0.1, contrast=0.1, saturation=0.1, pca_noise=0.1, hue=0.1,
        inter_method=9,
    )  # fmt: skip
    assert kinds_of(every) == [
        "ResizeAug", "DetRandomSelectAug", "DetHorizontalFlipAug", "DetRandomSelectAug",
        "ForceResizeAug", "CastAug", "ColorJitterAug", "HueJitterAug", "LightingAug",
        "RandomGrayAug", "ColorNormalizeAug",
    ]  # fmt: skip
    assert [every[0].augmenter.interp, every[4].augmenter.interp] == [9, 9]
    assert (every[1].skip_prob, every[3].skip_prob, every[2].p) == (0.7, 0.6, 0.5)
    (crop,), (pad,) = every[1].aug_list, every[3].aug_list
    assert (crop.area_range, crop.min_object_covered) == ((0.05, 3.0), 0.1)
    assert (pad.area_range, pad.pad_val, pad.max_attempts) == ((1.0, 3.0), (127, 127, 127), 50)
    assert every[10].augmenter.mean.tolist() == np.float32([123.68, 116.28, 103.53]).tolist()
    result, label = numbered(50, 60), boxes([1, 0.1, 0.1, 0.9, 0.9])
    for one in every:
        result, label = one(result, label)
    assert (result.shape, result.dtype) == ((20, 30, 3), np.float32)
    assert label.shape == (1, 5)


def test_create_det_augmenter_refuses() -> None:
    for name, bad in (
        ("area_range", [(0.1, 2), (0.2, 2)]),
        ("aspect_ratio_range", [(1, 2), (1, 3)]),
        ("max_attempts", [5, 6]),
    ):
        options = {name: bad}
        assert len(image.CreateDetAugmenter((3, 9, 9), rand_crop=1, **options)[0].aug_list) == 2
        with pytest.raises(ValueError, match=f"{name} .* one value for rand_pad, .*: lists are"):
            image.CreateDetAugmenter((3, 9, 9), rand_crop=1, rand_pad=1, **options)
    with pytest.raises(ValueError, match=r"area_range .*got \(1.0, 0.9\)"):
        image.CreateDetAugmenter((3, 9, 9), rand_pad=1, area_range=(0.3, 0.9))
    with pytest.raises(ValueError, match="one number or three"):
        image.CreateDetAugmenter((3, 9, 9), mean=[1, 2])
    with pytest.raises(TypeError, match="randcrop"):
        image.CreateDetAugmenter((3, 9, 9), randcrop=1)
    (pad,) = image.CreateDetAugmenter((3, 9, 9), rand_pad=1, area_range=2)[0].aug_list
    assert pad.area_range == (1.0, 2)
