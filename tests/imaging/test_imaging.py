"""Decoding, orientation, cropping, resizing, encoding, by Pillow."""

from __future__ import annotations

import errno
import io
import os
import struct
from typing import Any

import numpy as np
import pytest
from conftest import encoded, photo, picture
from helpers.pngs import png, unfiltered
from PIL import Image, ImageFile, ImageOps

from rectool import ImageError
from rectool.imaging.options import Reading
from rectool.imaging.pillow import decode, encode, render
from rectool.packing.transform import Reencode


def pixels(data: bytes, **options: Any) -> np.ndarray[Any, Any]:
    return np.asarray(decode(data, **options))


DEEP = np.arange(24 * 18, dtype=np.uint16).reshape(18, 24) * 150


def deep_colour_png() -> bytes:
    """A PNG of 16 bits a channel, made by hand: Pillow writes none."""
    rows = [struct.pack(">6H", 256 * n, 1000, 2000, 65535, 0, n) for n in range(3)]
    return png(2, 3, 16, 2, unfiltered(*rows))


@pytest.mark.parametrize(
    ("image", "kind", "color", "mode"),
    [
        (picture(), "JPEG", "rgb", "RGB"),
        (picture(), "JPEG", "gray", "L"),
        (picture(), "JPEG", "unchanged", "RGB"),
        (picture(mode="L"), "JPEG", "rgb", "RGB"),
        (picture(mode="L"), "JPEG", "unchanged", "L"),
        (picture(mode="CMYK"), "JPEG", "rgb", "RGB"),
        (picture(mode="CMYK"), "JPEG", "gray", "L"),
        (picture(mode="CMYK"), "JPEG", "unchanged", "RGB"),
        (picture(mode="RGBA"), "PNG", "rgb", "RGB"),
        (picture(mode="RGBA"), "PNG", "gray", "L"),
        (picture(mode="RGBA"), "PNG", "unchanged", "RGBA"),
        (picture(mode="LA"), "PNG", "rgb", "RGB"),
        (picture(mode="LA"), "PNG", "unchanged", "LA"),
        (picture(mode="P"), "PNG", "rgb", "RGB"),
        (picture(mode="P"), "PNG", "unchanged", "RGB"),
        (picture(mode="P"), "GIF", "rgb", "RGB"),
        (picture(mode="1"), "PNG", "rgb", "RGB"),
        (picture(mode="1"), "PNG", "unchanged", "L"),
        (Image.fromarray(DEEP), "PNG", "rgb", "RGB"),
        (Image.fromarray(DEEP), "PNG", "gray", "L"),
        (Image.fromarray(DEEP), "PNG", "unchanged", "I;16"),
        (Image.fromarray(DEEP), "TIFF", "gray", "L"),
        (picture(), "BMP", "rgb", "RGB"),
        (picture(mode="RGBA"), "WEBP", "rgb", "RGB"),
    ],
)
def test_modes(image: Image.Image, kind: str, color: Any, mode: str) -> None:
    decoded = decode(encoded(image, kind), color)
    assert (decoded.mode, decoded.size) == (mode, image.size)


def test_alpha_is_dropped_and_not_blended() -> None:
    image = picture(mode="RGBA")
    image.putalpha(7)
    assert np.array_equal(pixels(encoded(image, "PNG")), np.asarray(image)[:, :, :3])


def test_a_transparent_palette() -> None:
    image = picture(mode="RGB").quantize(8)
    for transparency in (3, bytes(range(8))):
        data = encoded(image, "PNG", transparency=transparency)
        assert np.array_equal(pixels(data), np.asarray(image.convert("RGB")))
        assert decode(data, "unchanged").mode == "RGBA"


def test_sixteen_bits() -> None:
    for kind in ("PNG", "TIFF"):
        data = encoded(Image.fromarray(DEEP), kind)
        assert np.array_equal(pixels(data, color="gray"), DEEP >> 8)
        assert np.array_equal(pixels(data, color="unchanged"), DEEP)
        again = encode(decode(data, "unchanged"), "png")
        assert np.array_equal(pixels(again, color="unchanged"), DEEP)


def test_sixteen_bits_in_colour_are_not_halved_unasked() -> None:
    data = deep_colour_png()
    assert pixels(data)[2].tolist() == [[2, 3, 7], [255, 0, 0]]
    with pytest.raises(
        ImageError, match="16 bits a channel in colour, which only --pass-through and --backend"
    ):
        decode(data, "unchanged")
    ppm = b"P6 1 1 65535 " + struct.pack(">3H", 300, 40000, 65535)
    assert pixels(ppm).tolist() == [[[1, 156, 255]]]
    with pytest.raises(ImageError, match="16 bits a channel in colour"):
        decode(ppm, "unchanged")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(kind: str, orientation: int) -> None:
    image = picture(3, 30, 20)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, kind, exif=exif)
    plain = Image.open(io.BytesIO(data))
    assert np.array_equal(pixels(data), np.asarray(ImageOps.exif_transpose(plain)))
    if kind != "TIFF":
        assert decode(data, orient=False).size == (30, 20)


@pytest.mark.parametrize(
    "exif",
    [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0nonsense at length", b"x"],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_turns_nothing(exif: bytes) -> None:
    assert decode(encoded(picture(3, 30, 20), exif=exif)).size == (30, 20)


def test_crop_comes_before_resize() -> None:
    recipe = Reencode(center_crop=True, resize=8, encoding="png")
    image = picture(1, 40, 20)
    wanted = image.crop((10, 0, 30, 20)).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(pixels(recipe.apply(encoded(image, "PNG"))), wanted)


@pytest.mark.parametrize("interp", ["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_interpolations_are_pillows(interp: Any, mode: str) -> None:
    image = picture(4, 60, 45, mode)
    recipe = Reencode("unchanged", resize=17, encoding="png", interp=interp)
    wanted = image.resize((22, 17), Image.Resampling[interp.upper()])
    assert np.array_equal(pixels(recipe.apply(encoded(image, "PNG")), color="unchanged"), wanted)


def test_auto_shrinks_by_box_and_grows_by_bicubic() -> None:
    image = picture(4, 60, 45)
    for length, size, resample in ((15, (20, 15), "BOX"), (90, (120, 90), "BICUBIC")):
        wanted = image.resize(size, Image.Resampling[resample])
        recipe = Reencode(resize=length, encoding="png", interp="auto")
        assert np.array_equal(
            render(encoded(image, "PNG"), Reading(recipe.color), recipe.fit, []), wanted
        )


def resized_from_all_pixels(data: bytes, recipe: Reencode) -> np.ndarray[Any, Any]:
    image = decode(data, recipe.color)
    fit = recipe.fit(*image.size)
    resample = Image.Resampling[recipe.interp.upper()]
    return np.asarray(image.crop(fit.box).resize(fit.size, resample)).astype(float)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("width", "height", "options"),
    [
        (1203, 797, {"resize": 100}),
        (801, 1209, {"resize": 96, "center_crop": True}),
        (1203, 797, {"resize": 99, "center_crop": True, "interp": "lanczos"}),
        (1203, 797, {"resize": 300, "resize_mode": "long", "color": "gray"}),
        (807, 803, {"resize": 200, "resize_mode": "exact", "interp": "bicubic"}),
    ],
)
def test_large_jpegs_are_decoded_small_and_look_the_same(
    width: int, height: int, options: dict[str, Any], orientation: int
) -> None:
    data, recipe = photo(width, height, orientation), Reencode(**options)
    wanted = resized_from_all_pixels(data, recipe)
    small = np.asarray(render(data, Reading(recipe.color), recipe.fit, [])).astype(float)
    assert small.shape == wanted.shape
    # a shift by a quarter of one of the photo's pixels makes it more than 1
    assert 0 < np.sqrt(((small - wanted) ** 2).mean()) < 0.95


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((400, 300), {"resize": 76}),  # half of 300 is less than twice 76
        ((1200, 800), {"resize": 100, "interp": "nearest"}),
        ((1200, 800), {"resize": 100, "interp": "box"}),
        ((1200, 100), {"resize": 40}),
        ((1200, 100), {"resize": 40, "resize_mode": "exact"}),
        ((1200, 800), {"resize": 900}),
    ],
)
def test_no_other_image_is(size: tuple[int, int], options: dict[str, Any]) -> None:
    data, recipe = photo(*size), Reencode(**options)
    assert np.array_equal(
        render(data, Reading(recipe.color), recipe.fit, []), resized_from_all_pixels(data, recipe)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_jpeg_is_cropped_in_the_middle(orientation: int) -> None:
    """A mark of 40 x 40 pixels, 101 left of and 51 above the middle, is there in the result."""
    image = Image.new("L", (1601, 1001))
    image.paste(255, (680, 430, 720, 470))
    turned = ImageOps.exif_transpose(_with_orientation(image, orientation))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, quality=95, exif=exif)
    recipe = Reencode(center_crop=True, resize=100)
    small = np.asarray(render(data, Reading(recipe.color), recipe.fit, []).convert("L"))
    full = np.asarray(turned.crop(Reencode(center_crop=True).fit(*turned.size).box))
    for axis in (0, 1):
        assert _middle(small, axis) * 10.01 == pytest.approx(_middle(full, axis), abs=0.3)


def _middle(array: np.ndarray[Any, Any], axis: int) -> float:
    weights = array.sum(axis=1 - axis, dtype=float)
    return float(((np.arange(len(weights)) + 0.5) * weights).sum() / weights.sum())


def _with_orientation(image: Image.Image, orientation: int) -> Image.Image:
    image = image.copy()
    image.getexif()[0x0112] = orientation
    return image


def test_nothing_but_pixels_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    noisy = encoded(
        picture(), exif=exif, comment=b"comment", icc_profile=b"profile", dpi=(300, 300)
    )
    plain = encoded(picture())
    assert Reencode(quality=75).apply(noisy) == Reencode(quality=75).apply(plain)
    out = Reencode().apply(noisy)
    assert not any(word in out for word in (b"comment", b"Exif", b"profile"))


def test_a_fault_of_the_system_is_none_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    data = encoded(picture())
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="open files"):
        encode(Image.new("RGB", (4, 4)))
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(OSError, match="open files"):
        decode(data)


@pytest.mark.parametrize(
    ("image", "encoding", "says"),
    [
        (picture(mode="RGBA"), "jpg", "has an alpha channel, which jpg images cannot hold"),
        (picture(mode="LA"), "webp", "has an alpha channel, which webp"),
        (Image.fromarray(DEEP), "jpg", "has 16-bit samples"),
        (
            Image.new("L", (70_000, 1)),
            "jpg",
            "70000x1 pixels: jpg images have at most 65500 a side",
        ),
        (
            Image.new("RGB", (20_000, 1)),
            "webp",
            "20000x1 pixels: webp images have at most 16383 a side",
        ),
    ],
)
def test_what_an_encoding_cannot_hold(image: Image.Image, encoding: Any, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        encode(image, encoding)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "an empty file"),
        (b"hello", "not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known format"),
        (encoded(picture())[:200], "a JPEG cut short"),
        (encoded(picture(1, 200, 200))[:-900], "a JPEG cut short"),
        (encoded(picture(), "PNG")[:-60], "a PNG cut short"),
    ],
)
def test_bad_images_say_what_they_are(data: bytes, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        decode(data)


def test_floats_are_not_guessed_at() -> None:
    with pytest.raises(ImageError, match="floating-point samples"):
        decode(encoded(Image.new("F", (4, 4), 0.5), "TIFF"))


def test_bombs_are_refused() -> None:
    data = bytearray(encoded(picture(), "GIF"))
    struct.pack_into("<HH", data, 6, 60_000, 60_000)
    with pytest.raises(ImageError, match="60000x60000 pixels, more than"):
        decode(bytes(data))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_mutated_images_decode_or_are_bad(kind: str) -> None:
    rng = np.random.default_rng(7)
    whole = encoded(picture(2, 60, 45), kind)
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 4).tolist():
            data[at] = int(rng.integers(0, 256))
        del data[int(rng.integers(1, 2 * len(data))) :]
        try:
            assert decode(bytes(data)).mode == "RGB"
        except ImageError:
            continue
