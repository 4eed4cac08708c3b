"""rectool.mx.image's augmenters and CreateAugmenter."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

import rectool.mx as mx
from rectool.mx.nd import NDArray

image = mx.image
nd = mx.nd

LUMA = np.array([0.299, 0.587, 0.114])


def noisy(width: int = 31, height: int = 23, dtype: str = "float32") -> NDArray:
    rng = np.random.default_rng(5)
    return nd.array(rng.integers(0, 256, (height, width, 3)), dtype=dtype)


def test_a_base_that_does_nothing_says_so() -> None:
    with pytest.raises(TypeError, match="Augmenter has no __call__"):
        image.Augmenter(a=1)(noisy())


def test_dumps() -> None:
    assert json.loads(image.Augmenter(a=np.eye(2), b=nd.array([1])).dumps()) == [
        "augmenter", {"a": [[1, 0], [0, 1]], "b": [1]},
    ]  # fmt: skip
    for made, wanted in (
        (image.ResizeAug(5), '["resizeaug", {"size": 5, "interp": 2}]'),
        (image.CenterCropAug((10, 10)), '["centercropaug", {"size": [10, 10], "interp": 2}]'),
        (image.CastAug(), '["castaug", {"type": "float32"}]'),
        (image.CastAug(np.uint8), '["castaug", {"type": "uint8"}]'),
        (image.HorizontalFlipAug(0.5), '["horizontalflipaug", {"p": 0.5}]'),
        (
            image.ColorNormalizeAug(nd.array([1, 2, 3]), np.array([1, 2, 3])),
            '["colornormalizeaug", {"mean": [1.0, 2.0, 3.0], "std": [1, 2, 3]}]',
        ),
    ):
        assert made.dumps() == wanted
    both = image.SequentialAug([image.CastAug(), image.ColorJitterAug(0.1, 0, 0)])
    assert both.dumps() == [
        "sequentialaug",
        [
            '["castaug", {"type": "float32"}]',
            ["colorjitteraug", ['["brightnessjitteraug", {"brightness": 0.1}]']],
        ],
    ]


class Append(image.Augmenter):
    def __init__(self, seen: list[int], number: int) -> None:
        super().__init__()
        self.seen, self.number = seen, number

    def __call__(self, src: NDArray) -> NDArray:
        self.seen.append(self.number)
        return src + 1


def test_sequences() -> None:
    seen: list[int] = []
    steps: list[Any] = [Append(seen, number) for number in range(5)]
    made = image.SequentialAug(steps)(nd.zeros((1, 1, 3)))
    assert seen == [0, 1, 2, 3, 4]
    assert made.asnumpy().tolist() == [[[5, 5, 5]]]
    seen.clear()
    shuffle = image.RandomOrderAug(steps)
    orders = set()
    for _ in range(20):
        assert shuffle(nd.zeros((1, 1, 3))).asnumpy().tolist() == [[[5, 5, 5]]]
        orders.add(tuple(seen))
        seen.clear()
    assert len(orders) > 5
    assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2, 3, 4)}


def test_geometry_is_that_of_the_functions() -> None:
    array = noisy(dtype="uint8")
    assert np.array_equal(image.ResizeAug(12, 3)(array), image.resize_short(array, 12, 3))
    assert np.array_equal(image.ForceResizeAug((9, 7))(array), image.imresize(array, 9, 7, 2))
    assert np.array_equal(image.CenterCropAug((9, 7))(array), image.center_crop(array, (9, 7))[0])
    for made, function, args in (
        (image.RandomCropAug((9, 7)), image.random_crop, ()),
        (image.RandomSizedCropAug((9, 7), 0.2, (0.5, 2)), image.random_size_crop, (0.2, (0.5, 2))),
    ):
        random.seed(3)
        wanted = function(array, (9, 7), *args)[0]
        random.seed(3)
        assert np.array_equal(made(array), wanted)


def test_flips_happen_as_often_as_they_should() -> None:
    array = noisy()
    random.seed(1)
    flips = [np.array_equal(image.HorizontalFlipAug(0.3)(array), array) for _ in range(300)]
    assert 180 < sum(flips) < 240
    assert np.array_equal(image.HorizontalFlipAug(1)(array), np.asarray(array)[:, ::-1])
    assert image.HorizontalFlipAug(0)(array) is array


def drawn(seed: int, amount: float) -> float:
    random.seed(seed)
    drawn = random.uniform(-amount, amount)
    random.seed(seed)
    return drawn


def test_brightness() -> None:
    array = noisy()
    factor = 1 + drawn(2, 0.4)
    wanted = array.asnumpy() * factor
    made = image.BrightnessJitterAug(0.4)(array)
    assert made is array
    assert np.allclose(made, wanted, rtol=1e-6)


def test_contrast() -> None:
    array = noisy()
    factor = 1 + drawn(2, 0.4)
    plain = array.asnumpy().astype(np.float64)
    wanted = factor * plain + (1 - factor) * (plain @ LUMA).mean()
    made = image.ContrastJitterAug(0.4)(array)
    assert made is array
    assert np.allclose(made, wanted, atol=1e-3)


def test_saturation() -> None:
    array = noisy()
    factor = 1 + drawn(2, 0.4)
    plain = array.asnumpy().astype(np.float64)
    wanted = factor * plain + (1 - factor) * (plain @ LUMA)[:, :, None]
    made = image.SaturationJitterAug(0.4)(array)
    assert made is array
    assert np.allclose(made, wanted, atol=1e-3)


def test_hue_turns_colours_about_grey() -> None:
    grey = nd.array(np.full((2, 2, 3), 100))
    random.seed(1)
    assert np.allclose(image.HueJitterAug(0.5)(grey), 100, atol=0.6)
    array = noisy()
    random.seed(1)
    made = image.HueJitterAug(0.5)(array)
    assert made.dtype == np.float32
    assert np.allclose(np.asarray(made) @ LUMA, np.asarray(array) @ LUMA, atol=1.5)
    assert np.abs(np.asarray(made) - np.asarray(array)).max() > 50
    assert np.allclose(image.HueJitterAug(0)(array), array, atol=1.5)


def test_color_jitter_has_what_is_above_zero() -> None:
    kinds = [type(one) for one in image.ColorJitterAug(0.1, 0, 0.2).ts]
    assert kinds == [image.BrightnessJitterAug, image.SaturationJitterAug]


def test_lighting_adds_one_colour_to_all_pixels() -> None:
    array = noisy()
    before = array.asnumpy()
    np.random.seed(3)
    alpha = np.random.normal(0, 0.5, 3)
    np.random.seed(3)
    made = image.LightingAug(0.5, [1, 2, 3], np.eye(3))(array)
    assert made is array
    assert np.allclose(made - before, alpha * [1, 2, 3], atol=1e-4)


def test_gray() -> None:
    array = noisy()
    made = image.RandomGrayAug(1)(array)
    assert np.allclose(made, (np.asarray(array) @ [0.21, 0.72, 0.07])[:, :, None], atol=1e-3)
    assert made.shape == array.shape
    assert made.dtype == np.float32
    assert image.RandomGrayAug(0)(array) is array


def test_normalize() -> None:
    array = noisy()
    wanted = (array.asnumpy() - np.float32([1, 2, 3])) / np.float32([4, 5, 6])
    made = image.color_normalize(array, nd.array([1, 2, 3]), nd.array([4, 5, 6]))
    assert made is array
    assert np.array_equal(made, wanted)
    assert np.array_equal(image.ColorNormalizeAug([1, 2, 3], [4, 5, 6])(noisy()), wanted)
    assert np.array_equal(image.color_normalize(noisy(), None), noisy())
    assert np.array_equal(image.color_normalize(noisy(), 1.0, 2), (noisy() - 1) / 2)
    # numbers of double precision leave the image what it was
    made = image.color_normalize(noisy(), np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))
    assert made.dtype == np.float32
    assert np.array_equal(made, wanted)


@pytest.mark.parametrize(
    "made",
    [
        image.BrightnessJitterAug(0.1),
        image.ContrastJitterAug(0.1),
        image.SaturationJitterAug(0.1),
        image.HueJitterAug(0.1),
        image.LightingAug(0.1, [1, 2, 3], np.eye(3)),
        image.RandomGrayAug(0.5),
        image.ColorNormalizeAug([1, 2, 3], None),
    ],
    ids=lambda made: type(made).__name__,
)
def test_colours_want_floats(made: image.Augmenter) -> None:
    with pytest.raises(TypeError, match="requires floats, got uint8: put CastAug first"):
        made(noisy(dtype="uint8"))


def kinds_of(augmenters: list[Any]) -> list[str]:
    return [type(one).__name__ for one in augmenters]


def test_create_augmenter_makes_these() -> None:
    plain = image.CreateAugmenter((3, 20, 30))
    assert kinds_of(plain) == ["CenterCropAug", "CastAug"]
    assert plain[0].size == (30, 20)
    every = image.CreateAugmenter(
        (3, 20, 30), resize=40, rand_crop=True, rand_resize=True, rand_mirror=True, mean=True,
        std=True, brightness=0.1, contrast=0.1, saturation=0.1, hue=0.1, pca_noise=0.1,
        rand_gray=0.1, inter_method=9,
    )  # fmt: skip
    assert kinds_of(every) == [
        "ResizeAug", "RandomSizedCropAug", "HorizontalFlipAug", "CastAug", "ColorJitterAug",
        "HueJitterAug", "LightingAug", "RandomGrayAug", "ColorNormalizeAug",
    ]  # fmt: skip
    assert (every[0].size, every[0].interp, every[1].interp) == (40, 9, 9)
    assert (every[1].area, every[1].ratio) == (0.08, (0.75, 4 / 3))
    assert np.allclose(every[-1].mean, [123.68, 116.28, 103.53])
    assert np.allclose(every[-1].std, [58.395, 57.12, 57.375])
    for given in (np.array([1, 2, 3]), nd.array([1, 2, 3]), [1, 2, 3]):
        (last,) = image.CreateAugmenter((3, 20, 30), rand_crop=True, mean=given)[2:]
        assert last.mean.tolist() == [1, 2, 3]
        assert last.std is None
    result = noisy(dtype="uint8")
    for one in every:
        result = one(result)
    assert (result.shape, result.dtype) == ((20, 30, 3), np.float32)


def test_create_augmenter_refuses() -> None:
    with pytest.raises(ValueError, match="requires rand_crop=True"):
        image.CreateAugmenter((3, 20, 30), rand_resize=True)
    for bad in ([1, 2], 5.0, np.eye(3)):
        with pytest.raises(ValueError, match="one number or three"):
            image.CreateAugmenter((3, 20, 30), mean=bad)
    with pytest.raises(TypeError, match="randcrop"):
        image.CreateAugmenter((3, 20, 30), randcrop=True)  # type: ignore[call-arg]
