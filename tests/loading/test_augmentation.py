"""Colours against OpenCV, geometry step by step and at once, the layout of rows."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.backends import BACKENDS, need
from helpers.batches import iterate, write
from PIL import Image

from rectool.imaging.array_decoding import decode_array
from rectool.imaging.options import Fit, Warp
from rectool.imaging.resizing import pad_array, resize_array, warp_array
from rectool.loading.augment import color as colour
from rectool.loading.augment.affine import as_fit
from rectool.loading.augment.geometry import GeometryPlan
from rectool.loading.augment.options import Augmentation
from rectool.loading.augment.steps import Crop, Pad, Resize, interp_of

RNG = np.random.default_rng(5)
COLOURS = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)


class Draws(Random):
    """Draws what it is told to."""

    def __new__(cls, *_: float, **__: Any) -> Draws:  # Python 3.10's takes one argument
        return super().__new__(cls)

    def __init__(self, *values: float, order: tuple[int, ...] = (0, 1, 2)) -> None:
        super().__init__(0)
        self.values, self.order = list(values), list(order)

    def uniform(self, a: float, b: float) -> float:
        value = self.values.pop(0)
        assert a <= value <= b
        return value

    def gauss(self, mu: float = 0, sigma: float = 1) -> float:
        return mu + sigma * self.values.pop(0)

    def random(self) -> float:
        return self.values.pop(0)

    def shuffle(self, x: Any) -> None:
        x[:] = self.order


def off(one: Any, other: Any) -> Any:
    return np.abs(np.asarray(one, np.float64) - other).max()


def test_hls_is_opencvs() -> None:
    cv2 = pytest.importorskip("cv2")
    every = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3), -1).reshape(1, -1, 3)
    greys = np.repeat(np.arange(256)[None, :, None], 3, 2)
    image = np.concatenate([every, greys, COLOURS.reshape(1, -1, 3)], 1).astype(np.uint8)
    hue, lightness, saturation = colour.to_hls(image)
    wanted = cv2.cvtColor(image, cv2.COLOR_RGB2HLS)
    assert off(hue, wanted[:, :, 0]) <= 1
    assert np.array_equal(lightness, wanted[:, :, 1])
    assert np.array_equal(saturation, wanted[:, :, 2])


def test_from_hls_is_opencvs() -> None:
    cv2 = pytest.importorskip("cv2")
    hls = RNG.integers(0, 256, (50, 90, 3), dtype=np.uint8)
    hls[:, :, 0] = np.arange(90) * 180 // 89
    made = colour.from_hls(*np.float32(hls.transpose(2, 0, 1)))
    assert made.dtype == np.uint8
    assert off(made, cv2.cvtColor(hls, cv2.COLOR_HLS2RGB)) <= 1


@pytest.mark.parametrize("factor", [0.25, 0.9, 1.234, 1.75])
def test_jitter_is_opencvs(factor: float) -> None:
    cv2 = pytest.importorskip("cv2")
    most, grey = abs(factor - 1), cv2.cvtColor(COLOURS, cv2.COLOR_RGB2GRAY)
    bright = colour.jitter(COLOURS, most, 0, 0, Draws(factor - 1, 0, 0))
    assert off(bright, cv2.convertScaleAbs(COLOURS, alpha=factor)) <= 1
    contrast = colour.jitter(COLOURS, 0, most, 0, Draws(0, factor - 1, 0))
    around = np.float32((1 - factor) * cv2.mean(grey)[0])
    assert off(contrast, np.clip(np.rint(COLOURS * np.float32(factor) + around), 0, 255)) <= 1
    saturated = colour.jitter(COLOURS, 0, 0, most, Draws(0, 0, factor - 1))
    greys = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    assert off(saturated, cv2.addWeighted(COLOURS, factor, greys, 1 - factor, 0)) <= 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_jitter_is_one_step_after_the_other(order: tuple[int, ...]) -> None:
    at_once = colour.jitter(COLOURS, 0.5, 0.5, 0.5, Draws(0.4, -0.3, 0.2, order=order))
    image = COLOURS
    for which in order:
        values = [0.0, 0.0, 0.0]
        values[which] = (0.4, -0.3, 0.2)[which]
        image = colour.jitter(image, 0.5, 0.5, 0.5, Draws(*values))
    assert np.array_equal(at_once, image)
    assert image.dtype == np.uint8


def test_luma_weighs_red_more_than_blue() -> None:
    """Without colour, red is 0.3, green 0.59 and blue 0.11 of white."""
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    grey = colour.jitter(image, 0, 0, 1, Draws(0, 0, -1))
    assert grey[0].tolist() == [[76] * 3, [150] * 3, [29] * 3]


def test_hls_adds_and_cuts() -> None:
    image = np.array([[[250, 10, 10], [10, 10, 250], [128, 128, 128]]], np.uint8)
    # hue, lightness, saturation; a share of (0.5 + 4 * 0.5) / 5 adds nothing
    half, most = (0.5, 0.5), (1.0, 1.0)
    lighter = colour.add_hls(image, (0, 50, 0), Draws(*half, *most, *half))
    assert off(lighter[0, 2], [178] * 3) <= 1
    darker = colour.add_hls(image, (0, 200, 0), Draws(*half, 0, 0, *half))
    assert not darker.any()
    turned = colour.add_hls(image, (60, 0, 0), Draws(*most, *half, *half))
    assert off(turned[0, 0], [10, 250, 10]) <= 1  # 120 degrees from red is green
    assert off(turned[0, 1], [250, 10, 10]) <= 1  # blue + 120 would be 360 degrees: cut there
    assert off(turned[0, 2], image[0, 2]) <= 1  # grey has no hue
    still = colour.add_hls(image, (60, 0, 0), Draws(0, 0, *half, *half))
    assert off(still[0, 0], image[0, 0]) <= 1  # red - 120 is cut at 0, and does not go round


def test_noise_is_one_colour_for_all_pixels() -> None:
    image = np.full((4, 5, 3), 128, np.uint8)
    noisy = colour.add_noise(image, 0.1, Draws(1, 0, 0))
    # the first axis of ImageNet's colours: brightness, about 55.46 * 0.57 of it a deviation
    assert (noisy == noisy[0, 0]).all()
    assert noisy[0, 0].tolist() == [int(128 - 5.546 * share) for share in (0.5675, 0.5808, 0.5836)]
    assert not colour.add_noise(image, 100, Draws(1, 0, 0)).any()
    assert (colour.add_noise(image, 100, Draws(-1, 0, 0)) == 255).all()


def plan(width: int, height: int, seed: int = 0, **options: Any) -> list[Any]:
    return GeometryPlan(Augmentation(**options), width, height, Random(seed)).steps


def test_steps_of_the_middle() -> None:
    assert plan(5, 4, data_shape=(3, 4, 5)) == []
    assert plan(8, 7, data_shape=(3, 4, 5)) == [Crop(1, 1, 5, 4)]
    assert plan(8, 7, data_shape=(3, 4, 5), pad=3) == [Pad(3), Crop(4, 4, 5, 4)]
    wide = plan(160, 101, data_shape=(3, 64, 64), resize=70)
    assert wide == [Resize(110, 70, "bilinear"), Crop(23, 3, 64, 64)]
    high = plan(101, 160, data_shape=(3, 64, 64), resize=70, inter_method=9)
    assert high == [Resize(70, 110, "area"), Crop(3, 23, 64, 64)]
    small = plan(20, 10, data_shape=(3, 40, 40), inter_method=2)
    assert small == [Resize(80, 40, "bicubic"), Crop(20, 0, 40, 40)]
    square = plan(30, 20, data_shape=(3, 8, 8), min_crop_size=12, max_crop_size=12)
    assert square == [Crop(9, 4, 12, 12), Resize(8, 8, "bilinear")]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_image_the_result_is_of_the_shape_asked_for(seed: int) -> None:
    draw = Random(seed)
    for _ in range(300):
        width, height = draw.randint(1, 90), draw.randint(1, 90)
        shape = (3, draw.randint(1, 90), draw.randint(1, 90))
        options = draw.choice([{}, {"rand_crop": True}, {"resize": draw.randint(1, 90)},
                               {"random_resized_crop": True, "min_random_area": 0.1},
                               {"pad": 3}])  # fmt: skip
        steps = GeometryPlan(Augmentation(shape, **options), width, height, draw).steps
        size = (width, height)
        for step in steps:
            if isinstance(step, Crop):
                assert 0 <= step.left <= size[0] - step.width
                assert 0 <= step.top <= size[1] - step.height
                size = (step.width, step.height)
            elif isinstance(step, Pad):
                size = (size[0] + 6, size[1] + 6)
            else:
                size = (step.width, step.height)
            assert min(size) > 0
        assert size == (shape[2], shape[1])


def test_inter_methods() -> None:
    draw = Random(0)
    names = ["nearest", "bilinear", "bicubic", "area", "lanczos"]
    assert [interp_of(method, (9, 9), (5, 5), draw) for method in range(5)] == names
    assert interp_of(9, (9, 9), (10, 10), draw) == "bicubic"
    assert interp_of(9, (9, 9), (8, 8), draw) == "area"
    assert interp_of(9, (9, 9), (10, 8), draw) == interp_of(9, (9, 9), (9, 8), draw) == "bilinear"
    assert {interp_of(10, (9, 9), (5, 5), draw) for _ in range(100)} == set(names)


def test_steps_as_one() -> None:
    steps = [Resize(110, 70, "bilinear"), Crop(23, 3, 64, 60), Resize(32, 30, "lanczos")]
    (left, top, right, bottom), size, interp = as_fit(steps, 220, 140)
    assert (size, interp) == ((32, 30), "lanczos")
    assert np.allclose((left, top, right, bottom), (46, 6, 174, 126))
    assert as_fit([], 7, 5) == Fit((0, 0, 7, 5), (7, 5), "bilinear")


@pytest.mark.parametrize("turn", [1, 2, 5, 6, 8])
@pytest.mark.parametrize(
    "options",
    [{"resize": 70}, {"resize": 40, "inter_method": 9}, {"resize": 100, "inter_method": 2},
     {"min_crop_size": 60, "max_crop_size": 60, "inter_method": 4},
     {"resize": 30, "mirror": True}],
    ids=str,
)  # fmt: skip
def test_resizing_at_once_is_close_to_step_by_step(
    tmp_path: Path, options: dict[str, Any], turn: int
) -> None:
    """Also of large images, which Pillow decodes small, and turned ones."""
    exif = Image.Exif()
    exif[0x0112] = turn
    jpegs = [
        encoded(picture(turn, *size), exif=exif, quality=95) for size in ((90, 71), (640, 403))
    ]
    path = write(tmp_path / "a.rec", jpegs)
    shape = (3, 32, 33)
    fused = iterate(path, shape, 2, **options)
    aug = Augmentation(shape, **options)
    for image, jpeg in zip(fused, jpegs, strict=True):
        array = decode_array(jpeg)
        for step in GeometryPlan(aug, array.shape[1], array.shape[0], Random(0)).steps:
            if isinstance(step, Crop):
                array = array[step.top : step.top + step.height, step.left : step.left + step.width]
            else:
                array = resize_array(array, (step.width, step.height), step.interp)
        row = np.empty(shape, np.float32)
        aug.put(array, row, Random(0), mirrored=aug.mirror)
        assert np.abs(image - row).mean() < 2
        assert np.abs(image - row[:, :, ::-1]).mean() > 5  # the pictures are not that alike


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_maps_move_pixels_where_they_say(backend: Any, channels: tuple[int, ...]) -> None:
    need(backend)
    array = RNG.integers(0, 256, (20, 30, *channels), dtype=np.uint8)
    shift = Warp((1, 0, 4, 0, 1, -3), 30, 20, "nearest")
    moved = warp_array(array, shift, 9, backend)
    assert np.array_equal(moved[:17, 4:], array[3:, :26])
    wanted = 9 if channels != (4,) else [9, 9, 9, 0]
    assert (moved[17:] == wanted).all()
    assert (moved[:, :4] == wanted).all()
    quarter = warp_array(array, Warp((0, 1, 0, -1, 0, 29), 20, 30, "bilinear"), 0, backend)
    assert off(quarter, np.rot90(array)) <= 1


def test_padding() -> None:
    array = RNG.integers(0, 256, (2, 3, 3), dtype=np.uint8)
    padded = pad_array(array, 2, 7)
    assert padded.shape == (6, 7, 3)
    assert np.array_equal(padded[2:-2, 2:-2], array)
    assert padded.sum() == array.sum(dtype=int) + 7 * (6 * 7 - 6) * 3
    assert pad_array(array[:, :, 0], 1, 255).shape == (4, 5)
    see_through = pad_array(np.full((1, 1, 4), 50, np.uint8), 1, 9)
    assert see_through[0, 0].tolist() == [9, 9, 9, 0]
    assert see_through[1, 1].tolist() == [50] * 4


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_rows_are_channels_first(channels: int, dtype: str) -> None:
    image = RNG.integers(0, 256, (4, 5, channels), dtype=np.uint8)
    means = {"mean_r": 10, "mean_g": 0.5, "mean_b": 2.5, "mean_a": 100.4}
    stds = {"std_r": 2, "std_g": 3, "std_b": 5, "std_a": 7}
    aug = Augmentation((channels, 4, 5), dtype=dtype, scale=0.5, **means, **stds)
    row = np.empty((channels, 4, 5), dtype)
    aug.put(image[:, :, 0] if channels == 1 else image, row, Random(0), mirrored=True)
    wanted = image[:, ::-1].transpose(2, 0, 1).astype(float)
    if dtype == "int8":
        whole = np.array([10, 1, 3, 100])[:channels, None, None]  # halves away from zero
        wanted = np.clip(wanted - whole, -128, 127)
    elif dtype == "float32":
        mean, std = (np.array([*some.values()])[:channels, None, None] for some in (means, stds))
        wanted = (wanted - mean) * 0.5 / std
    assert np.allclose(row, wanted, rtol=1e-6, atol=1e-6)


def test_contrast_and_illumination_of_the_whole() -> None:
    image = np.stack([np.full((2, 2), value, np.uint8) for value in (10, 20, 30)], axis=2)
    options = {"mean_r": 4, "std_g": 2, "scale": 0.5}
    aug = Augmentation((3, 2, 2), max_random_contrast=0.5, max_random_illumination=20, **options)
    row = np.empty((3, 2, 2), np.float32)
    aug.put(image, row, Draws(0.25, -8), mirrored=False)
    assert row[:, 0, 0].tolist() == [(6 * 1.25 - 8) * 0.5, (20 * 1.25 - 8) * 0.25, (37.5 - 8) * 0.5]
