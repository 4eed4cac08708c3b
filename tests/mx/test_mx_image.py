"""rectool.mx.image: decoding, resizing, cutting, padding."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.backends import BACKENDS, need
from PIL import Image

import rectool.mx as mx
from rectool import ImageError, LimitError
from rectool.imaging.pillow import decode
from rectool.imaging.resizing import resize_array
from rectool.mx.nd import NDArray

image = mx.image
nd = mx.nd


@pytest.fixture
def opencv() -> Iterator[Any]:
    cv2 = pytest.importorskip("cv2")
    image.set_backend("opencv")
    yield cv2
    image.set_backend("pillow")


def noisy(width: int = 31, height: int = 23, channels: int = 3, dtype: str = "uint8") -> Any:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 256, (height, width, channels))
    return nd.array(values, dtype=dtype)


JPEG = encoded(picture(3, 40, 30), quality=90)


# Decoding.


@pytest.mark.parametrize(
    "kind",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: np.frombuffer(data, np.uint8),
        lambda data: np.frombuffer(data, np.uint8)[None],
        lambda data: nd.array(np.frombuffer(data, np.uint8), dtype="uint8"),
    ],
)
def test_whatever_holds_bytes_is_decoded(kind: Any) -> None:
    array = image.imdecode(kind(JPEG))
    assert type(array) is NDArray
    assert array.dtype == np.uint8
    assert array.flags.writeable
    assert np.array_equal(array, np.asarray(decode(JPEG)))


def test_flags() -> None:
    rgb = np.asarray(decode(JPEG))
    grey = np.asarray(decode(JPEG, "gray"))[:, :, None]
    assert np.array_equal(image.imdecode(JPEG, 0), grey)
    assert np.array_equal(image.imdecode(JPEG, flag=0, to_rgb=0), grey)
    assert np.array_equal(image.imdecode(JPEG, 1, 0), rgb[:, :, ::-1])
    assert np.array_equal(image.imdecode(JPEG, to_rgb=False), rgb[:, :, ::-1])
    assert image.imdecode(JPEG, to_rgb=0).flags.c_contiguous
    for flag in (-1, 2, None):
        with pytest.raises(ValueError, match="flag must be 1"):
            image.imdecode(JPEG, flag)  # type: ignore[arg-type]


def test_out_is_filled_and_returned() -> None:
    out = nd.zeros((30, 40, 3), dtype="uint8")
    assert image.imdecode(JPEG, out=out) is out
    assert np.array_equal(out, image.imdecode(JPEG))
    small = nd.zeros((5, 6, 3), dtype="uint8")
    assert image.imresize(out, 6, 5, out=small) is small
    assert np.array_equal(small, image.imresize(out, 6, 5))
    with pytest.raises(ValueError, match=r"out must have the shape .*, got \(5, 6, 3\)"):
        image.imdecode(JPEG, out=small)


def test_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "WEBP"):
        array = image.imdecode(encoded(picture(1, 40, 30), kind, exif=exif, lossless=True))
        assert array.shape == (40, 30, 3)


def test_alpha_and_grey_become_rgb() -> None:
    for mode in ("RGBA", "L", "P", "1"):
        assert image.imdecode(encoded(picture(2, mode=mode), "PNG")).shape == (18, 24, 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"abc", "not an image"), (JPEG[:-2], "cut short"), (JPEG[:300], "JPEG")],
)
def test_what_is_no_whole_image(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        image.imdecode(data)


def test_imdecode_requires_bytes_or_uint8() -> None:
    for buf in ("abc", 5, None):
        with pytest.raises(TypeError, match="bytes or an array of uint8"):
            image.imdecode(buf)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float32"):
        image.imdecode(nd.array(np.frombuffer(JPEG, np.uint8)))


def test_imread(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / "b.jpg").write_bytes(JPEG[:200])
    assert np.array_equal(image.imread(tmp_path / "a.jpg"), image.imdecode(JPEG))
    assert image.imread(str(tmp_path / "a.jpg"), 0).shape == (30, 40, 1)
    with pytest.raises(ImageError, match=r"b\.jpg: a JPEG cut short"):
        image.imread(tmp_path / "b.jpg")
    with pytest.raises(FileNotFoundError):
        image.imread(tmp_path / "none.jpg")
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(LimitError, match=r"huge\.jpg: the file has 1073741824 bytes"):
        image.imread(tmp_path / "huge.jpg")


# Resizing.


CODES = {0: "NEAREST", 1: "BILINEAR", 2: "BICUBIC", 3: "BOX", 4: "LANCZOS"}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("size", [(12, 9), (62, 50), (31, 10), (1, 1)])
def test_resized_as_pillow_does(code: int, size: tuple[int, int]) -> None:
    array = noisy()
    wanted = Image.fromarray(array.asnumpy()).resize(size, Image.Resampling[CODES[code]])
    assert np.array_equal(image.imresize(array, *size, code), np.asarray(wanted))
    assert np.array_equal(image.imresize(array, *size, interp=code), np.asarray(wanted))


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_resized_as_opencv_does(opencv: Any, code: int, dtype: str, channels: int) -> None:
    array = noisy(channels=channels, dtype=dtype)
    views = array, array[2:20, 3:29], array[:, ::-1], array.transpose((1, 0, 2))
    for source in views:
        for size in ((12, 9), (62, 50), (31, 10)):
            wanted = opencv.resize(np.array(source), size, interpolation=code)
            made = image.imresize(source, *size, code)
            assert made.shape == (size[1], size[0], channels)
            assert made.dtype == dtype
            assert np.array_equal(made, wanted.reshape(made.shape))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(23, 31), (23, 31, 1), (23, 31, 3), (23, 31, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_kind_of_array_keeps_its_kind(backend: Any, shape: Any, dtype: Any) -> None:
    need(backend)
    array = np.full(shape, 77, dtype)
    if shape[2:] == (4,):
        array[:, :, 3] = 255  # opaque
    for interp in ("nearest", "bilinear", "bicubic", "area", "lanczos", "auto"):
        for size in ((10, 12), (60, 70), (31, 23), (40, 9)):
            made = resize_array(array, size, interp, backend)  # type: ignore[arg-type]
            assert made.shape == (size[1], size[0], *shape[2:])
            assert made.dtype == dtype
            assert np.allclose(made, array[0, 0], atol=1e-4)
            assert not np.shares_memory(made, array)


def test_shrinking_is_antialiased_unless_opencv_does_it() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 255  # one column in four: a quarter of full light
    for dtype in (np.uint8, np.float32):
        grey = resize_array(stripes.astype(dtype), (16, 64), "bilinear")
        assert np.abs(grey[:, 1:-1].astype(float) - 255 / 4).max() < 32
    pytest.importorskip("cv2")
    aliased = resize_array(stripes, (16, 64), "bilinear", "opencv")
    assert np.abs(aliased.astype(float) - 255 / 4).max() > 60


def test_what_is_transparent_counts_for_nothing() -> None:
    array = np.full((8, 8, 4), 200, np.uint8)
    array[:, ::2] = (0, 0, 0, 0)
    made = resize_array(array, (4, 4), "area")
    assert np.abs(made.astype(int) - (200, 200, 200, 100)).max() <= 1


def test_float_pixels_are_not_cut_to_bytes() -> None:
    array = nd.array(np.linspace(-500, 900, 300).reshape(10, 10, 3))
    made = image.imresize(array, 5, 5, 3).asnumpy()
    means = array.asnumpy().reshape(5, 2, 5, 2, 3).mean(axis=(1, 3))
    assert np.allclose(made, means, atol=1e-3)


def test_auto_and_random_codes() -> None:
    array = noisy()
    for size, code in (((62, 50), 2), ((12, 9), 3), ((62, 9), 1)):
        assert np.array_equal(image.imresize(array, *size, 9), image.imresize(array, *size, code))
    random.seed(4)
    codes = [random.randint(0, 4) for _ in range(8)]
    random.seed(4)
    for code in codes:
        assert np.array_equal(image.imresize(array, 9, 9, 10), image.imresize(array, 9, 9, code))


def test_imresize_refuses_wrong_sizes_interps_and_arrays() -> None:
    array = noisy()
    for code in (5, 8, 11, -1, "bilinear"):
        with pytest.raises(ValueError, match="interp"):
            image.imresize(array, 5, 5, code)  # type: ignore[arg-type]
    for size in ((0, 5), (5, -1)):
        with pytest.raises(ValueError, match="pixels"):
            image.imresize(array, *size)
    with pytest.raises(TypeError):
        image.imresize(array, 5.5, 5)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="more than"):
        image.imresize(array, 100_000, 100_000)
    for bad, reason in (
        (np.zeros((5, 5, 0), np.uint8), "shape"),
        (np.zeros((0, 5, 3), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape"),
        (np.zeros((5, 5), np.int32), "int32"),
    ):
        with pytest.raises(ImageError, match=reason):
            image.imresize(bad, 3, 3)


@pytest.mark.parametrize("channels", [2, 5, 7])
def test_any_number_of_channels_is_resized(channels: int) -> None:
    array = np.random.default_rng(0).integers(0, 256, (9, 7, channels), np.uint8)
    for code in range(5):
        resized = image.imresize(array, 5, 4, code)
        assert resized.shape == (4, 5, channels)
        for at in range(channels):
            alone = image.imresize(array[:, :, at : at + 1], 5, 4, code)
            assert np.array_equal(resized[:, :, at], alone[:, :, 0])


def test_backends() -> None:
    with pytest.raises(ValueError, match="backend must be .*, got 'PIL'"):
        image.set_backend("PIL")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="opencv has no interp box"):
        resize_array(np.zeros((5, 5), np.uint8), (3, 3), "box", "opencv")


def test_opencv_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.delitem(sys.modules, "rectool.imaging.opencv", raising=False)
    with pytest.raises(ImageError, match=r"pip install 'rectool\[opencv\]'"):
        image.set_backend("opencv")
    assert image.imresize(noisy(), 5, 5).shape == (5, 5, 3)  # still Pillow's


def test_resize_short() -> None:
    for size, wanted in (((40, 30), (26, 20)), ((30, 40), (20, 26)), ((30, 30), (20, 20))):
        made = image.resize_short(noisy(*size), 20)
        assert (made.shape[1], made.shape[0]) == wanted
    array = noisy(40, 30)
    assert np.array_equal(image.resize_short(array, 20), image.imresize(array, 26, 20, 2))
    assert np.array_equal(image.resize_short(array, 20, 3), image.imresize(array, 26, 20, 3))


# Cutting.


def test_scale_down() -> None:
    assert image.scale_down((640, 480), (720, 120)) == (640, 106)
    assert image.scale_down((360, 1000), (480, 500)) == (360, 375)
    assert image.scale_down((300, 400), (100, 50)) == (100, 50)
    assert image.scale_down((30, 20), (60, 60)) == (20, 20)


def test_fixed_crop() -> None:
    array = noisy()
    part = image.fixed_crop(array, 3, 4, 10, 12)
    assert np.array_equal(part, array.asnumpy()[4:16, 3:13])
    part[:] = 0
    assert np.array_equal(array, noisy())
    assert image.fixed_crop(array, 25, 4, 10, 12).shape == (12, 6, 3)
    assert np.array_equal(
        image.fixed_crop(array, 3, 4, 10, 12, (5, 6), 1),
        image.imresize(array[4:16, 3:13], 5, 6, 1),
    )
    for x, y in ((31, 0), (0, 23), (-5, 0)):
        with pytest.raises(ValueError, match=f"no part of 10x12 pixels at .{x}, {y}."):
            image.fixed_crop(array, x, y, 10, 12)


def test_center_crop() -> None:
    array = noisy(31, 23)
    part, area = image.center_crop(array, (10, 8))
    assert area == (10, 7, 10, 8)
    assert np.array_equal(part, array.asnumpy()[7:15, 10:20])
    part, area = image.center_crop(array, (46, 46))
    assert (part.shape, area) == ((46, 46, 3), (4, 0, 23, 23))
    assert np.array_equal(part, image.imresize(array[:, 4:27], 46, 46, 2))


def test_random_crops_are_parts_and_follow_the_seed() -> None:
    array = noisy()
    areas = []
    for seed in (1, 1, 2, 3, 4, 5):
        random.seed(seed)
        part, (x, y, w, h) = image.random_crop(array, (10, 8))
        assert np.array_equal(part, array.asnumpy()[y : y + h, x : x + w])
        assert (w, h) == (10, 8)
        areas.append((x, y))
    assert areas[0] == areas[1]
    assert len(set(areas)) > 2
    part, area = image.random_crop(array, (46, 46))
    assert (part.shape, area[2:]) == ((46, 46, 3), (23, 23))


def test_random_size_crops_keep_to_area_and_ratio() -> None:
    array = noisy(200, 150)
    random.seed(0)
    for _ in range(50):
        part, (x, y, w, h) = image.random_size_crop(array, (20, 10), (0.2, 0.5), (0.5, 2))
        assert part.shape == (10, 20, 3)
        assert 0.19 < w * h / 30_000 < 0.51
        assert 0.48 < w / h < 2.1
        assert x >= 0
        assert y >= 0
        assert x + w <= 200
        assert y + h <= 150
    for _ in range(20):
        assert image.random_size_crop(array, (20, 10), 0.6, (1, 1))[1][2:] >= (134, 134)
    # none fits: the part in the middle
    assert image.random_size_crop(array, (20, 10), 1.0, (9, 9))[1] == (90, 70, 20, 10)


# Padding.


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        (0, "00abc00"),
        (1, "aaabccc"),
        (2, "baabccb"),
        (3, "bcabcab"),
        (4, "cbabcba"),
    ],
)
def test_copy_make_border_fills_as_opencv_does(kind: int, row: str) -> None:
    array = nd.array([[[ord(letter)] for letter in "abc"]], dtype="uint8")
    padded = image.copyMakeBorder(array, 0, 0, 2, 2, type=kind)
    assert bytes(padded.asnumpy()).replace(b"\0", b"0").decode() == row
    assert padded.shape == (1, 7, 1)
    assert image.copyMakeBorder(array, 1, 3, 2, 4, kind).shape == (5, 9, 1)


def test_copy_make_border_with_a_colour() -> None:
    array = noisy()
    corner = lambda **kwargs: image.copyMakeBorder(array, 1, 2, 3, 4, **kwargs)[0, 0].tolist()  # noqa: E731
    assert corner(value=7) == [7, 7, 7]
    assert corner(values=(1, 2, 3)) == [1, 2, 3]
    assert corner(values=[1, 2, 3, 4]) == [1, 2, 3]
    assert corner(values=(300, -5, 2.6)) == [255, 0, 3]
    padded = image.copyMakeBorder(array, 1, 2, 3, 4, value=9)
    assert np.array_equal(padded[1:-2, 3:-4], array)
    out = nd.zeros(padded.shape, dtype="uint8")
    assert image.copyMakeBorder(array, 1, 2, 3, 4, value=9, out=out) is out
    assert np.array_equal(out, padded)


def test_what_is_no_border() -> None:
    for bad in ({"type": 5}, {"type": -1}):
        with pytest.raises(ValueError, match="border type"):
            image.copyMakeBorder(noisy(), 1, 1, 1, 1, **bad)
    with pytest.raises(ValueError, match="one for each of 3 channels"):
        image.copyMakeBorder(noisy(), 1, 1, 1, 1, values=(1, 2))
    with pytest.raises(ValueError, match="-1"):
        image.copyMakeBorder(noisy(), -1, 1, 1, 1)
    with pytest.raises(ValueError, match=r"\(23, 31\)"):
        image.copyMakeBorder(noisy()[:, :, 0], 1, 1, 1, 1)
