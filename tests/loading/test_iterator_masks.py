"""ImageRecordIter with masks: each number of a mask lies where its image's pixel does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded
from helpers.backends import BACKENDS, need
from helpers.pairs import FILL, STEP, mask_of, picture_of, places, ramp, write_pair
from numpy.typing import NDArray
from PIL import Image

from rectool import ImageRecordIter
from rectool.imaging.options import Warp
from rectool.loading.augment.affine import origin_of
from rectool.loading.augment.steps import Crop, Pad, Resize

SHAPE = (3, 33, 38)
COUNT = 12

STILL: list[dict[str, Any]] = [{}, {"mirror": True}, {"rand_crop": True, "rand_mirror": True},
                               {"pad": 9}, {"pad": 9, "rand_crop": True}]  # fmt: skip
RESIZED: list[dict[str, Any]] = [
    {"resize": 41}, {"resize": 43, "rand_crop": True, "rand_mirror": True},
    {"resize": 34, "pad": 5}, {"resize": 101}, {"force_resize": True},
    {"force_resize": True, "pad": 7, "mirror": True},
    {"resize": 37, "force_resize": True},
    {"min_crop_size": 10, "max_crop_size": 28, "rand_crop": True, "rand_mirror": True},
    {"random_resized_crop": True, "min_random_area": 0.1, "min_aspect_ratio": 0.5,
     "max_aspect_ratio": 2.0, "rand_mirror": True},
]  # fmt: skip
WARPED: list[dict[str, Any]] = [
    {"max_rotate_angle": 40}, {"rotate": 90}, {"max_shear_ratio": 0.3, "rand_mirror": True},
    {"min_random_scale": 0.6, "max_random_scale": 1.6}, {"max_aspect_ratio": 0.4},
    {"min_img_size": 61.0}, {"max_img_size": 37.0, "pad": 6, "rand_crop": True},
    {"resize": 47, "max_rotate_angle": 30, "min_random_scale": 0.8, "pad": 4, "rand_crop": True,
     "rand_mirror": True},
    {"rotate": 30, "max_img_size": 25.0, "pad": 12},
]  # fmt: skip

SIZES = [(61, 49), (43, 57), (31, 29)]


def read(path: Path, masks: Path, options: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """All images, channels last, and all masks."""
    chosen = {"dtype": "uint8", "mask_dtype": "int32", "mask_fill": -1, "fill_value": 0, **options}
    batches = list(ImageRecordIter(path, SHAPE, 4, masks=masks, **chosen))
    images, found = (
        np.concatenate([batch_of(batch) for batch in batches])
        for batch_of in (lambda batch: batch.data[0], lambda batch: batch.label[1])
    )
    return images.transpose(0, 2, 3, 1).astype(float), found


def off(
    images: NDArray[Any], masks: NDArray[Any], width: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Columns and rows between a mask's pixels and its image's, and where both have any."""
    inside = (images[..., 2] == 200) & (masks >= 0)
    return masks % width - images[..., 0] / STEP, masks // width - images[..., 1] / STEP, inside


def lost(images: NDArray[Any], masks: NDArray[Any]) -> float:
    """The share of pixels that are the image's or its border's, and of the mask are not."""
    other = ((images[..., 2] == 200) & (masks < 0)) | ((images[..., 2] == 0) & (masks >= 0))
    return float(other.mean())


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("pairs")
    return {
        size: write_pair(
            folder / f"{size[0]}.rec", [picture_of(*size)] * COUNT, [mask_of(places(*size))] * COUNT
        )
        for size in SIZES
    }


def of_backend(backend: str, options: dict[str, Any]) -> dict[str, Any]:
    need(backend)
    return {**options, "backend": backend}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("options", [*STILL, *RESIZED, *WARPED], ids=str)
def test_masks_lie_where_their_images_do(
    pairs: dict[Any, tuple[Path, Path]],
    size: tuple[int, int],
    options: dict[str, Any],
    backend: str,
) -> None:
    """To within about a pixel of the image that was resized, and on average to nothing."""
    images, masks = read(*pairs[size], of_backend(backend, options))
    assert lost(images, masks) < 0.003  # at a border that was resized once more
    across, down, inside = off(images, masks, size[0])
    assert inside.mean() > 0.4
    kept = inside & (masks % size[0] % (size[0] - 1) > 0)  # at edges filters see but one side
    kept &= masks // size[0] % (size[1] - 1) > 0
    for differences in (across[kept], down[kept]):
        assert np.abs(differences).max() <= 1.25
        assert abs(differences.mean()) < 0.16
    if options in STILL and (size != SIZES[2] or "pad" in options):
        assert not across[inside].any()
        assert not down[inside].any()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", SIZES[:2], ids=str)
@pytest.mark.parametrize("options", [*RESIZED[:6], *RESIZED[7:], *WARPED[:3], *WARPED[4:7],
                                     *WARPED[8:]], ids=str)  # fmt: skip
def test_nearest_neighbours_are_the_masks_own(
    pairs: dict[Any, tuple[Path, Path]],
    size: tuple[int, int],
    options: dict[str, Any],
    backend: str,
) -> None:
    """An image that is resampled once, of nearest neighbours, is made of the same pixels."""
    options = of_backend(backend, {**options, "inter_method": 0})
    images, masks = read(*pairs[size], options)
    assert lost(images, masks) == 0
    across, down, inside = off(images, masks, size[0])
    assert ((np.abs(across) + np.abs(down) > 0) & inside).mean() < 0.07  # two are as near
    assert max(np.abs(across[inside]).max(), np.abs(down[inside]).max()) <= 1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_is_lost_by_resizing_twice(
    pairs: dict[Any, tuple[Path, Path]], size: tuple[int, int]
) -> None:
    """OpenCV's nearest neighbours lie half a pixel off, each time."""
    options = {"resize": 37, "force_resize": True, "inter_method": 0}
    images, masks = read(*pairs[size], of_backend("opencv", options))
    assert (masks >= 0).all()
    across, down, _ = off(images, masks, size[0])
    assert max(np.abs(across).max(), np.abs(down).max()) <= 1


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("side", [23, 51, 113])
def test_jpegs_that_are_decoded_small_and_turned(
    tmp_path: Path, side: int, orientation: int
) -> None:
    """Pillow decodes them at half or a quarter."""
    width, height = 256, 240
    exif = Image.Exif()
    exif[0x0112] = orientation
    pair = write_pair(
        tmp_path / "a.rec",
        [picture_of(width, height, "JPEG", 1, exif=exif)] * COUNT,
        [mask_of(places(width, height))] * COUNT,
    )
    shape = (3, side - 6, side - 3)
    it = ImageRecordIter(
        pair[0], shape, COUNT, masks=pair[1], mask_dtype="int32", resize=side, rand_crop=True
    )
    batch = next(it)
    images, masks = batch.data[0], batch.label[1]
    for differences in (masks % width - images[:, 0], masks // width - images[:, 1]):
        inner = differences[:, 2:-2, 2:-2]
        assert np.abs(inner).max() <= 256 / side / 2 + 3
        assert abs(inner.mean()) < 0.3
    assert len(np.unique(masks[:, 0, 0])) > 3


def test_nearest_neighbours_that_are_resized_once_more() -> None:
    """All of an image without a border comes from somewhere; behind one the border stays whole."""
    steps = [Resize(30, 60, "nearest"), Resize(90, 180, "bilinear")]
    assert origin_of(steps, 20, 40, "opencv").inside == (0, 0, 90, 180)
    # of 24 pixels the columns 2 to 21 are the image's, of 12 those that lie at 2, 4, ... 20
    steps = [Pad(2), Resize(12, 22, "nearest"), Resize(36, 66, "bicubic")]
    assert origin_of(steps, 20, 40, "opencv").inside == (3, 3, 33, 63)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    "options",
    [{}, {"resize": 41}, {"backend": "opencv"}, {"resize": 41, "backend": "fast"}],
    ids=str,
)
def test_masks_are_turned_as_their_images_are(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    """By the EXIF orientation of the image, of all formats that have one."""
    options = of_backend(options.get("backend", "pillow"), options)
    images = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        lossless = {"lossless": True} if kind == "WEBP" else {}
        images.append(picture_of(61, 49, kind, exif=exif, **lossless))
    pair = write_pair(tmp_path / "a.rec", images, [mask_of(places(61, 49))] * 8)
    found, masks = read(*pair, {**options, "dtype": "uint8"})
    for image, mask in zip(found, masks, strict=True):
        across, down = mask % 61 - image[..., 0] / STEP, mask // 61 - image[..., 1] / STEP
        assert max(np.abs(across).max(), np.abs(down).max()) <= 2
        assert max(abs(across.mean()), abs(down.mean())) < 0.3
    assert len({mask.tobytes() for mask in masks}) == 8


def test_what_is_outside_is_filled(pairs: dict[Any, tuple[Path, Path]]) -> None:
    rec, masks = pairs[61, 49]
    it = ImageRecordIter(rec, (3, 69, 81), 1, masks=masks, mask_dtype="uint16", pad=10,
                         mask_fill=FILL)  # fmt: skip
    mask = next(it).label[1][0]
    assert np.array_equal(mask[10:59, 10:71], places(61, 49))
    mask[10:59, 10:71] = FILL
    assert (mask == FILL).all()


def test_a_border_is_empty_whatever_the_image_had_there(pairs: dict[Any, Any]) -> None:
    """A map that cuts off the image's sides, and a border behind it."""
    rec, masks = pairs[61, 49]
    options = {"masks": masks, "mask_dtype": "int32", "mask_fill": -7}
    mask = next(ImageRecordIter(rec, (3, 61, 61), 1, max_img_size=41.0, pad=10, **options)).label[1]
    assert (mask[0, 10:51, 10:51] == places(61, 49)[4:45, 10:51]).all()
    mask[0, 10:51, 10:51] = -7
    assert (mask == -7).all()


COLOURS: list[dict[str, Any]] = [
    {"brightness": 0.9}, {"contrast": 0.9, "saturation": 0.9}, {"random_h": 90, "random_l": 99},
    {"pca_noise": 0.5}, {"mean_r": 50, "std_g": 9, "scale": 0.1},
    {"max_random_contrast": 0.9, "max_random_illumination": 50},
]  # fmt: skip


@pytest.mark.parametrize("options", COLOURS, ids=str)
def test_colours_leave_masks_alone(pairs: dict[Any, Any], options: dict[str, Any]) -> None:
    rec, masks = pairs[61, 49]
    plain, coloured = (
        next(ImageRecordIter(rec, SHAPE, COUNT, masks=masks, mask_dtype="int32", rand_crop=True,
                             **more))
        for more in ({}, options)
    )  # fmt: skip
    assert np.array_equal(plain.label[1], coloured.label[1])
    assert not np.array_equal(plain.data[0], coloured.data[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_images_and_threads_do_not_change(pairs: dict[Any, Any], backend: str) -> None:
    """Images are the same with masks as without; masks the same whichever thread makes them."""
    rec, masks = pairs[43, 57]
    options = of_backend(backend, {"shuffle": True, "rand_mirror": True, "resize": 60,
                                   "rand_crop": True, "brightness": 0.3})  # fmt: skip
    more = {"masks": masks, "mask_dtype": "int32"}
    plain = list(ImageRecordIter(rec, SHAPE, 5, **options))
    found = []
    for threads in (1, 5):
        paired = list(ImageRecordIter(rec, SHAPE, 5, preprocess_threads=threads, **options, **more))
        for one, other in zip(plain, paired, strict=True):
            assert np.array_equal(one.data[0], other.data[0])
            assert np.array_equal(one.label[0], other.label[0])
        found.append([batch.label[1].tobytes() for batch in paired])
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["uint8", "uint16", "int32", "int64", "float32", np.int32])
def test_types_and_shapes(tmp_path: Path, name: Any) -> None:
    numbers = np.arange(20, dtype=np.uint8).reshape(4, 5)
    pair = write_pair(tmp_path / "a.rec", [picture_of(5, 4)] * 3, [mask_of(numbers)] * 3)
    it = ImageRecordIter(pair[0], (3, 4, 5), 2, masks=pair[1], mask_dtype=name, round_batch=False)
    label, mask = it.provide_label
    assert (label.name, label.shape) == ("softmax_label", (2,))
    assert (mask.name, mask.shape, mask.layout) == ("mask", (2, 4, 5), "NHW")
    assert mask.dtype is np.dtype(name).type
    for epoch in range(3):  # memory that was used before is filled too
        first, last = it
        assert first.label[1].dtype == np.dtype(name), epoch
        assert np.array_equal(first.label[1], [numbers, numbers])
        assert np.array_equal(last.label[1], [numbers, np.full((4, 5), 255)])
        assert last.label[0].tolist() == [2, 0]
    assert repr(it) == (
        f"ImageRecordIter({str(pair[0])!r}: 3 images in 2 batches of 2, masks of {str(pair[1])!r})"
    )


def test_masks_of_shards_and_parts(tmp_path: Path) -> None:
    """Whichever way they are divided; shuffled, each image with its mask."""
    numbers = [np.full((4, 5), value, np.uint8) for value in range(12)]
    images = [encoded(Image.fromarray(np.dstack([mask] * 3)), "PNG") for mask in numbers]
    rec, masks = write_pair(tmp_path / "a.rec", images, list(map(mask_of, numbers)))
    labels = []
    for part in range(3):
        it = ImageRecordIter(rec, (3, 4, 5), 4, masks=[masks], shuffle=True, num_parts=3,
                             part_index=part)  # fmt: skip
        (batch,) = it
        assert (batch.data[0][:, 0] == batch.label[1]).all()
        assert (batch.label[0] == batch.label[1][:, 0, 0]).all()
        labels += batch.label[0].tolist()
    assert sorted(labels) == list(range(12))


# One map for all steps.


def test_steps_become_one_map() -> None:
    """Of points: the first pixel's middle is (0.5, 0.5)."""
    steps = [Resize(20, 30, "bilinear"), Crop(4, 3, 10, 12), Resize(5, 24, "bicubic"), Pad(2)]
    origin = origin_of(steps, 40, 15)
    assert (origin.source, origin.size) == ((40, 15), (9, 28))
    assert np.allclose(origin.matrix, (4, 0, 8 - 8, 0, 0.25, 1.5 - 0.5))
    assert np.allclose(origin.inside, ((0 - 0) / 4, (0 - 1) / 0.25, 40 / 4, 14 / 0.25))
    # OpenCV's matrix has pixels' numbers: pixel 3 lies at 2 * 3 + 1, and so its middle at 7.5
    (a, _, c, _, e, f), inside, *_ = origin_of(
        [Warp((2, 0, 1, 0, 2, 1), 50, 40, "bilinear")], 20, 15
    )
    assert np.allclose((a * 7.5 + c, e * 7.5 + f), (3.5, 3.5))
    assert np.allclose(inside, (0.5, 0.5, 40.5, 30.5))
    quarter = origin_of([Warp((0, 1, 0, -1, 0, 29), 20, 30, "bilinear")], 30, 20)
    a, b, c, d, e, f = quarter.matrix
    assert np.allclose((a * 0.5 + b * 29.5 + c, d * 0.5 + e * 29.5 + f), (0.5, 0.5))


def test_ramps_are_what_they_say() -> None:
    assert ramp(61, 49)[48, 60].tolist() == [240, 192, 200]
    assert places(61, 49)[2, 3] == 125
