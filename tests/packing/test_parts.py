"""Parts of images resized as if of the whole, and arrays turned by each backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from conftest import encoded, photo, picture
from helpers.backends import BACKENDS, need
from numpy.typing import NDArray
from PIL import Image

from rectool import ImageError
from rectool.imaging.options import Backend, Fit, Interp, Warp
from rectool.imaging.pillow import cut, decode
from rectool.imaging.resizing import warp_array

Array = NDArray[Any]
Size = tuple[int, int]

FILTERS: list[Interp] = ["bilinear", "bicubic", "box", "hamming", "lanczos"]


class Part:
    """What is left of an image resized to `size` and then cropped, as the function for `cut`."""

    def __init__(self, size: Size, left: int, top: int, crop: Size, interp: Interp) -> None:
        self.size, self.interp, self.crop = size, interp, crop
        self.box = (left, top, left + crop[0], top + crop[1])
        self.asked: list[Size] = []

    def __call__(self, width: int, height: int) -> Fit:
        self.asked.append((width, height))
        across, down = width / self.size[0], height / self.size[1]
        left, top, right, bottom = self.box
        box = (left * across, top * down, right * across, bottom * down)
        return Fit(box, self.crop, self.interp)

    def of_whole(self, image: Image.Image) -> Array:
        resized = image.resize(self.size, Image.Resampling[self.interp.upper()])
        return np.asarray(resized.crop(self.box)).astype(float)


def busy() -> Image.Image:
    """96x72 pixels that change from each to the next."""
    pixels = np.random.default_rng(3).integers(0, 256, (72, 96, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("interp", [*FILTERS, "nearest"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("color", ["rgb", "gray"])
@pytest.mark.parametrize("size", [(48, 36), (32, 24), (192, 144), (48, 144), (96, 72)])
def test_a_part_is_what_the_whole_would_have_there(
    interp: Interp, kind: str, color: Any, size: Size
) -> None:
    data = encoded(busy(), kind)
    for left, top in ((0, 0), (7, 4), (size[0] - 20, size[1] - 16)):
        part = Part(size, left, top, (20, 16), interp)
        assert np.array_equal(cut(data, color, part), part.of_whole(decode(data, color)))
        assert part.asked == [(96, 72)]


@pytest.mark.parametrize("interp", ["bilinear", "bicubic", "hamming", "lanczos"])
def test_parts_of_sizes_that_do_not_divide(interp: Interp) -> None:
    """The filters that do not take whole pixels, of colours that none of them clips."""
    rng = np.random.default_rng(1)
    image = busy().point(lambda value: 64 + value // 2)
    data = encoded(image, "PNG")
    for _ in range(20):
        width, height = rng.integers(20, 200, 2).tolist()
        crop = (int(rng.integers(1, width + 1)), int(rng.integers(1, height + 1)))
        left, top = int(rng.integers(0, width - crop[0] + 1)), height - crop[1]
        part = Part((width, height), left, top, crop, interp)
        made = np.asarray(cut(data, "rgb", part)).astype(float)
        # rounded twice, in the one order or the other of rows and columns
        assert np.abs(made - part.of_whole(image)).max() <= 2


def test_what_is_around_counts_unless_it_is_alone() -> None:
    image = busy()
    data = encoded(image, "PNG")
    part = Part((24, 18), 5, 5, (8, 8), "bilinear")
    alone = image.crop((20, 20, 52, 52)).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(cut(data, "rgb", part, alone=True), alone)
    around = np.asarray(cut(data, "rgb", part)).astype(int)
    assert (around != np.asarray(alone)).any(axis=2).mean() > 0.1
    assert (around == np.asarray(alone))[2:-2, 2:-2].all()


def test_a_part_that_keeps_its_size_keeps_its_pixels() -> None:
    image = busy()
    for kind, orientation in (("PNG", 1), ("TIFF", 1), ("TIFF", 6), ("PNG", 6)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(image, kind, exif=exif)
        turned = image.transpose(Image.Transpose.ROTATE_270) if orientation == 6 else image
        part = Part(turned.size, 3, 50, (31, 17), "lanczos")
        assert np.array_equal(cut(data, "rgb", part), turned.crop((3, 50, 34, 67)))
        assert part.asked == [turned.size]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("color", ["rgb", "gray"])
@pytest.mark.parametrize(("shorter", "interp"), [(60, "lanczos"), (90, "bilinear")])
def test_parts_of_large_jpegs_are_decoded_small(
    orientation: int, color: Any, shorter: int, interp: Interp
) -> None:
    """In each corner, of sides that no scale divides: no shift, and little else."""
    data = photo(1203, 797, orientation)
    whole = decode(data, color)
    size = (shorter, shorter * 3 // 2) if orientation >= 5 else (shorter * 3 // 2, shorter)
    crop = (25, 30)
    for left in (0, size[0] - crop[0]):
        for top in (0, size[1] - crop[1]):
            part = Part(size, left, top, crop, interp)
            made = np.asarray(cut(data, color, part)).astype(float)
            wanted = part.of_whole(whole)
            assert made.shape == wanted.shape
            # a shift by half of one of the photo's pixels makes it more than 1
            assert 0 < np.sqrt(((made - wanted) ** 2).mean()) < 0.95
            assert part.asked == [whole.size]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_small_part_of_a_large_jpeg_keeps_its_details(orientation: int) -> None:
    """What is cut out counts, not the whole: it is not decoded small where it grows."""
    data = photo(1203, 797, orientation)
    whole = decode(data)
    fit = Fit((100, 200, 160, 290), (60, 90), "bilinear")
    assert np.array_equal(cut(data, "rgb", lambda *_: fit), whole.crop((100, 200, 160, 290)))


@pytest.mark.parametrize("data", [b"", b"hello", encoded(picture())[:-300], photo(1200, 800)[:-99]])
def test_bad_images(data: bytes) -> None:
    with pytest.raises(ImageError):
        cut(data, "rgb", Part((24, 18), 0, 0, (8, 8), "bilinear"))


def test_what_cannot_be_made_is_said_as_it_is() -> None:
    def too_small(width: int, height: int) -> Fit:
        raise ImageError(f"{width}x{height} pixels, too small")

    with pytest.raises(ImageError, match="^96x72 pixels, too small"):
        cut(encoded(busy()), "rgb", too_small)


# Arrays turned.


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    need(request.param)
    return request.param  # type: ignore[no-any-return]


def smooth(shape: tuple[int, ...]) -> Array:
    """Waves, slow enough for all filters to agree."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    wave = 128 + 60 * np.sin(rows / 9) + 60 * np.cos(columns / 7)
    if len(shape) == 2:
        return wave.astype(np.uint8)
    return np.stack([np.roll(wave, 5 * n, 1) for n in range(shape[2])], axis=2).astype(np.uint8)


def around_middle(angle: float, scale: float, width: int, height: int) -> Warp:
    """Turned and scaled around the middle, into an image of the same size."""
    a, b = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    x, y = (width - 1) / 2, (height - 1) / 2
    matrix = (a, b, x - a * x - b * y, -b, a, y + b * x - a * y)
    return Warp(matrix, width, height, "bilinear")


@pytest.mark.parametrize("shape", [(60, 80), (60, 80, 3), (60, 80, 4)])
@pytest.mark.parametrize("interp", ["nearest", "bilinear", "bicubic", "area", "lanczos"])
def test_quarter_turns_and_shifts_are_exact(
    shape: tuple[int, ...], interp: Interp, backend: Backend
) -> None:
    array = smooth(shape)
    # pixel (x, y) comes to (59 - y, x): a quarter to the right
    turned = warp_array(array, Warp((0, -1, 59, 1, 0, 0), 60, 80, interp), 7, backend)
    assert np.array_equal(turned[1:-1, 1:-1], np.rot90(array, -1)[1:-1, 1:-1])
    shifted = warp_array(array, Warp((1, 0, 5, 0, 1, -3), 90, 50, interp), 7, backend)
    assert shifted.shape == (50, 90, *shape[2:])
    assert np.array_equal(shifted[1:, 6:84], array[4:53, 1:79])
    fill = 7 if shape[2:] != (4,) else (7, 7, 7, 0)  # transparent, where there is alpha
    assert (shifted[:, :4] == fill).all()
    assert (shifted[:, 86:] == fill).all()
    for made in (turned, shifted):
        assert made.dtype == np.uint8
        assert made.flags.writeable


@pytest.mark.parametrize("angle", [0, 10, -45, 90, 133])
@pytest.mark.parametrize("scale", [0.8, 1, 1.7])
@pytest.mark.parametrize("shape", [(60, 80), (60, 80, 3)])
def test_backends_agree(angle: int, scale: float, shape: tuple[int, ...]) -> None:
    pytest.importorskip("cv2")
    warp = around_middle(angle, scale, 80, 60)
    array = smooth(shape)
    inside = warp_array(np.full((60, 80), 255, np.uint8), warp, 0, "pillow") == 255
    for axis in (0, 1):  # and two pixels further in
        for step in (-2, -1, 1, 2):
            inside &= np.roll(inside, step, axis)
    pillow, opencv = (
        warp_array(array, warp, 0, backend).astype(int)  # type: ignore[arg-type]
        for backend in ("pillow", "opencv")
    )
    assert inside.mean() > 0.3
    difference = np.abs(pillow - opencv)[inside]
    assert difference.max() <= 2
    assert difference.mean() < 0.7  # Pillow rounds down here


def test_a_part_of_an_array_is_turned(backend: Backend) -> None:
    array = smooth((60, 80, 3))
    warp = around_middle(20, 1, 30, 20)
    part = array[10:30, 40:70]
    assert np.array_equal(
        warp_array(part, warp, 0, backend), warp_array(part.copy(), warp, 0, backend)
    )


def test_too_many_pixels(backend: Backend) -> None:
    with pytest.raises(ImageError, match="20000x20000 pixels, more than"):
        warp_array(smooth((9, 9)), Warp((1, 0, 0, 0, 1, 0), 20_000, 20_000, "nearest"), 0, backend)
