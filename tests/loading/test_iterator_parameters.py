"""Each parameter of an augmentation has its effect on what ImageRecordIter gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.backends import BACKENDS, need
from helpers.batches import SHAPE, flat, flats, grid, iterate, write
from numpy.typing import NDArray
from PIL import Image

from rectool import ImageRecordIter

COUNT = 400


@pytest.fixture(scope="module")
def grids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures 60 wide and 50 high that say where each pixel was: red the column, green the row."""
    return write(tmp_path_factory.mktemp("grids") / "a.rec", [grid(60, 50)] * COUNT)


@pytest.fixture(scope="module")
def greys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("greys") / "a.rec", [flat(100, 6, 6)] * COUNT)


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each a red half and a grey one."""
    image = Image.new("RGB", (6, 6), (100, 100, 100))
    image.paste((150, 50, 50), (0, 0, 3, 6))
    path = tmp_path_factory.mktemp("colours") / "a.rec"
    return write(path, [encoded(image, "PNG")] * COUNT)


def column(images: NDArray[Any], y: int, x: int) -> NDArray[Any]:
    """Where this pixel of each was, from the left."""
    return images[:, 0, y, x] / 4


def row(images: NDArray[Any], y: int, x: int) -> NDArray[Any]:
    return images[:, 1, y, x] / 4


def corners(images: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Left, top, right, bottom of where each image was cut out."""
    first, last = (images, 0, 0), (images, -1, -1)
    return column(*first), row(*first), column(*last) + 1, row(*last) + 1


def test_the_crop_is_in_the_middle(grids: Path) -> None:
    images = iterate(grids, (3, 20, 31))
    for got, wanted in zip(corners(images), (14, 15, 45, 35), strict=True):
        assert (got == wanted).all()


def test_rand_crop_is_anywhere(grids: Path) -> None:
    left, top, right, bottom = corners(iterate(grids, (3, 44, 53), rand_crop=True))
    assert set(left) == set(range(8))
    assert set(top) == set(range(7))
    assert len(set(zip(left, top, strict=True))) == 8 * 7
    assert (right - left == 53).all()
    assert (bottom - top == 44).all()
    counts = np.bincount(left.astype(int))
    assert counts.min() > 25  # of 50 expected: 3.8 standard deviations
    assert counts.max() < 75


def test_mirror(grids: Path) -> None:
    plain, mirrored = iterate(grids, (3, 20, 30)), iterate(grids, (3, 20, 30), mirror=True)
    assert np.array_equal(mirrored, plain[:, :, :, ::-1])


def test_rand_mirror_is_half(grids: Path) -> None:
    images = iterate(grids, (3, 20, 30), rand_mirror=True)
    left, _, right, _ = corners(images)
    mirrored = left > right
    assert 160 < mirrored.sum() < 240  # 4 standard deviations
    assert np.array_equal(images[mirrored][0], images[~mirrored][0][:, :, ::-1])
    assert (iterate(grids, (3, 20, 30), rand_mirror=True, mirror=True)[:, 0, 0, 0] == 44 * 4).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("way", ["areas", "ratios"])
def test_random_resized_crops_are_within_bounds(grids: Path, way: str, backend: str) -> None:
    need(backend)
    options: dict[str, Any] = {"min_random_area": 0.2, "max_random_area": 0.5}
    if way == "ratios":
        options = {**options, "min_aspect_ratio": 0.5, "max_aspect_ratio": 0.8}
    images = iterate(grids, (3, 30, 30), random_resized_crop=True, backend=backend, **options)
    # bilinear steps between pixels of the middle say how much one of the result spans
    wide = (column(images, 15, 20) - column(images, 15, 10)) * 3
    high = (row(images, 20, 15) - row(images, 10, 15)) * 3
    area, ratio = wide * high / 3000, np.maximum(wide / high, high / wide)
    assert 0.15 < area.min() < 0.28
    assert 0.42 < area.max() < 0.56
    if way == "ratios":
        assert ratio.min() > 1.1
        assert 1.7 < ratio.max() < 2.3
        assert 100 < (wide > high).sum() < 300  # either way round
    else:
        assert ratio.max() < 1.1
    left, top, right, bottom = corners(images)
    assert (left.min(), top.min()) < (4, 4)
    assert (right.max(), bottom.max()) > (56, 46)


def test_random_resized_crop_of_all_is_the_crop_of_the_middle(grids: Path) -> None:
    wanted = iterate(grids, (3, 30, 30))
    assert np.array_equal(iterate(grids, (3, 30, 30), random_resized_crop=True), wanted)


def test_crop_sizes(grids: Path) -> None:
    options = {"min_crop_size": 10, "max_crop_size": 40}
    images = iterate(grids, (3, 20, 20), rand_crop=True, **options)
    side = (column(images, 10, 15) - column(images, 10, 5)) * 2
    assert 9 <= side.min() < 12
    assert 38 < side.max() <= 41
    assert np.abs(side - (row(images, 15, 10) - row(images, 5, 10)) * 2).max() < 3
    left, top, _, _ = corners(iterate(grids, (3, 20, 20), min_crop_size=20, max_crop_size=20))
    assert (left == 20).all()
    assert (top == 15).all()


def test_resize_gives_the_shorter_edge_a_length(grids: Path) -> None:
    images = iterate(grids, (3, 25, 30), resize=25)
    steps = column(images, 12, 20) - column(images, 12, 10)
    assert np.abs(steps - 20).max() <= 1
    left, top, right, bottom = corners(images)
    assert max(left.max(), top.max()) <= 1
    assert (right.min(), bottom.min()) > (58, 48)


def test_pad_and_fill_value(greys: Path) -> None:
    image = iterate(greys, (3, 12, 10), pad=3, fill_value=7)[0]
    wanted = np.full((3, 12, 10), 7)
    wanted[:, 3:9, 2:8] = 100
    assert np.array_equal(image, wanted)
    assert iterate(greys, (3, 12, 12), pad=3)[0, 0, 0, 0] == 255


@pytest.mark.parametrize("backend", BACKENDS)
def test_turns_and_shears_stay_within_bounds(grids: Path, backend: str) -> None:
    need(backend)

    def angles(**options: Any) -> NDArray[Any]:
        """How far the rows of pixels point upwards in the middle, in degrees."""
        images = iterate(grids, (3, 24, 24), backend=backend, **options)
        across = column(images, 12, 16) - column(images, 12, 8)
        down = column(images, 16, 12) - column(images, 8, 12)
        return np.degrees(np.arctan2(down, across))

    turned = angles(max_rotate_angle=40)
    assert -44 < turned.min() < -30
    assert 30 < turned.max() < 44
    for angle in (30, 90, 135):
        assert np.abs(np.abs(angles(rotate=angle)) - angle).max() < 4
    assert np.ptp(angles(rotate=30, max_rotate_angle=90)) < 1
    sheared = angles(max_shear_ratio=0.3)
    assert -20 < sheared.min() < -10
    assert 10 < sheared.max() < 20
    assert not angles().any()


def test_a_turn_is_counter_clockwise_and_filled_around(grids: Path) -> None:
    image = iterate(grids, (3, 50, 60), rotate=90, fill_value=9)[0]
    assert (image[:, :, :5] == 9).all()
    assert (image[:, :, -5:] == 9).all()
    column, row = image[:2, 10, 30] / 4
    assert abs(column - (60 / 2 + (25 - 10))) <= 1  # what was right is on top
    assert abs(row - 25) <= 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_scales_and_proportions(grids: Path, backend: str) -> None:
    need(backend)

    def steps(**options: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Pixels of the result to one of the image, across and down."""
        images = iterate(grids, (3, 24, 24), backend=backend, **options)
        across = 8 / (column(images, 12, 16) - column(images, 12, 8))
        return across, 8 / (row(images, 16, 12) - row(images, 8, 12))

    across, down = steps(min_random_scale=0.5, max_random_scale=2.0)
    assert np.abs(across / down - 1).max() < 0.35  # of whole numbers
    assert 0.45 < across.min() < 0.6
    assert 1.7 < across.max() < 2.3
    across, down = steps(max_aspect_ratio=0.5)
    assert 0.4 < (down / across).min() < 0.62
    assert 1.3 < (down / across).max() < 1.7
    across, down = steps(min_aspect_ratio=1.5, max_aspect_ratio=2.0)
    assert (down / across).min() > 1.3


def test_sizes_of_the_result_of_a_map(grids: Path) -> None:
    """The image keeps its scale and its middle, and what is around it is cut off, or filled."""
    cut = iterate(grids, (3, 40, 40), max_img_size=40)
    for got, wanted in zip(corners(cut), (10, 5, 50, 45), strict=True):
        assert (got == wanted).all()
    filled = iterate(grids, (3, 70, 70), min_img_size=70, fill_value=3)[0]
    assert np.array_equal(filled[:, 10:60, 5:65], iterate(grids, (3, 50, 60))[0])
    assert (filled[:, :10] == 3).all()
    assert (filled[:, :, 65:] == 3).all()


def test_brightness(greys: Path) -> None:
    values = iterate(greys, (3, 6, 6), brightness=0.3)[:, :, 2, 3]
    assert (values == values[:, :1]).all()
    assert 70 <= values.min() < 75
    assert 125 < values.max() <= 130


def test_contrast_and_saturation(colours: Path) -> None:
    """The red half has a luma of 80, the grey one of 100: 90 in the middle."""
    contrast = iterate(colours, (3, 6, 6), contrast=0.5)
    red, grey = contrast[:, 0, 3, 0], contrast[:, 0, 3, 5]
    assert 120 <= red.min() < 125
    assert 175 < red.max() <= 180
    assert np.abs((red - 90) - (grey - 90) * 6).max() <= 4
    saturated = iterate(colours, (3, 6, 6), saturation=0.5)
    red = saturated[:, 0, 3, 0]
    assert 115 <= red.min() < 120
    assert 180 < red.max() <= 185
    assert (saturated[:, :, :, 3:] == 100).all()


@pytest.mark.parametrize("name", ["random_h", "random_s", "random_l"])
def test_hls(colours: Path, name: str) -> None:
    images = iterate(colours, (3, 6, 6), **{name: 60})
    grey, red = images[:, :, 3, 5], images[:, :, 3, 0]
    assert (grey.max(axis=1) - grey.min(axis=1)).max() <= (0 if name != "random_s" else 60)
    if name == "random_l":
        assert 40 <= grey.min() < 55
        assert 145 < grey.max() <= 160
    else:
        assert np.abs(red.max(axis=1) + red.min(axis=1) - 200).max() <= 2  # as light as it was
        spread = red.max(axis=1) - red.min(axis=1)
        assert (np.ptp(spread) > 50) == (name == "random_s")
    if name == "random_h":
        assert (red.argmax(axis=1) == 1).any()  # green
        assert np.abs(grey - 100).max() <= 1


def test_pca_noise(greys: Path) -> None:
    noisy = iterate(greys, (3, 6, 6), pca_noise=0.1)
    assert (noisy == noisy[:, :, :1, :1]).all()
    means = noisy[:, :, 0, 0].mean(axis=1)
    assert 2.7 < means.std() < 3.8  # 0.1 * 55.46, and 0.577 of that in each of the colours
    assert np.abs(means.mean() - 100) < 2


def test_random_contrast_and_illumination(greys: Path) -> None:
    options = {"mean_r": 60, "mean_g": 60, "mean_b": 60, "scale": 0.5}
    factors = iterate(greys, (3, 6, 6), max_random_contrast=0.4, **options)
    assert (factors == factors[:, :1, :1, :1]).all()
    assert 12 <= factors.min() < 13
    assert 27 < factors.max() <= 28
    light = iterate(greys, (3, 6, 6), max_random_illumination=10, **options)
    assert 15 <= light.min() < 15.5
    assert 24.5 < light.max() <= 25


RANDOM: list[dict[str, Any]] = [
    {"rand_crop": True}, {"rand_mirror": True}, {"brightness": 0.5}, {"random_h": 90},
    {"pca_noise": 0.1}, {"random_resized_crop": True, "min_random_area": 0.3},
    {"min_crop_size": 5, "max_crop_size": 40}, {"max_rotate_angle": 45},
    {"max_shear_ratio": 0.5}, {"min_random_scale": 0.7}, {"max_aspect_ratio": 0.3},
    {"max_random_contrast": 0.5}, {"inter_method": 10, "resize": 33}, {"contrast": 0.5},
]  # fmt: skip


@pytest.mark.parametrize("options", RANDOM, ids=str)
def test_random_numbers(tmp_path: Path, options: dict[str, Any]) -> None:
    """They differ by place, epoch and seed, and by nothing else."""
    images = [encoded(picture(1, 60, 50), "PNG")] * 24
    path = write(tmp_path / "a.rec", images)
    shape = (3, 30, 30)
    first, second = (ImageRecordIter(path, shape, size, seed=3, **options) for size in (8, 5))
    epochs = [np.concatenate([batch.data[0] for batch in first]) for _ in range(2)]
    again = [np.concatenate([batch.data[0] for batch in second])[:24] for _ in range(2)]
    assert np.array_equal(epochs, again)
    assert not np.array_equal(*epochs)
    assert len({image.tobytes() for image in epochs[0]}) >= (4 if "inter_method" in options else 2)
    assert not np.array_equal(iterate(path, shape, seed=4, **options), epochs[0])
    assert not np.array_equal(iterate(path, shape, seed=-3, **options), epochs[0])
    assert np.array_equal(iterate(path, shape, seed=9, seed_aug=3, **options), epochs[0])
    assert not np.array_equal(iterate(path, shape, seed=3, seed_aug=0, **options), epochs[0])


def test_seed_aug_leaves_the_order(tmp_path: Path) -> None:
    path = flats(tmp_path / "a.rec", 10)
    orders = [
        next(ImageRecordIter(path, SHAPE, 10, shuffle=True, seed_aug=seed)).label[0].tolist()
        for seed in (None, 1, 2)
    ]
    assert orders[0] == orders[1] == orders[2]
