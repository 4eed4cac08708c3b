"""Masks as numbers: decoded, turned, cut, encoded; what could change them is refused."""

from __future__ import annotations

import io
import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.pngs import png, unfiltered
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from rectool.errors import ImageError
from rectool.imaging.masks import cut_mask, decode_mask, encode_mask, sample_mask, turn_of
from rectool.imaging.pillow import decode


def numbers(dtype: Any, height: int = 5, width: int = 7, channels: int = 0) -> NDArray[Any]:
    shape = (height, width, channels) if channels else (height, width)
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(
    ("mask", "kind", "options"),
    [
        (numbers(np.uint8), "PNG", {}),
        (numbers(np.uint16), "PNG", {}),
        (numbers(np.uint8, channels=3), "PNG", {}),
        (numbers(np.uint8, channels=4), "PNG", {}),
        (numbers(np.uint8, channels=2), "PNG", {}),
        (numbers(np.uint8), "BMP", {}),
        (numbers(np.uint8), "TIFF", {}),
        (numbers(np.uint16), "TIFF", {"compression": "tiff_lzw"}),
        (numbers(np.uint8, channels=3), "WEBP", {"lossless": True}),
        (numbers(np.uint8), "PPM", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_stay_what_they_are(mask: NDArray[Any], kind: str, options: Any) -> None:
    read = decode_mask(encoded(Image.fromarray(mask), kind, **options))
    assert read.dtype == mask.dtype
    assert (read == mask).all()
    again = decode_mask(encode_mask(read))
    assert again.dtype == mask.dtype
    assert (again == mask).all()


def test_a_palettes_indices_also_those_beyond_it() -> None:
    rows = [bytes([0, 1, 2, 255]), bytes([20, 15, 255, 0])]
    data = png(4, 2, 8, 3, unfiltered(*rows), b"PLTE" + bytes(range(9)))
    assert decode_mask(data).tolist() == [[0, 1, 2, 255], [20, 15, 255, 0]]
    stored = encode_mask(decode_mask(data))
    # grey, so that readers which make colours of a palette see the numbers too
    assert Image.open(io.BytesIO(stored)).mode == "L"
    assert np.array(decode(stored, "gray")).tolist() == [[0, 1, 2, 255], [20, 15, 255, 0]]


def test_palettes_with_transparency_and_fewer_bits() -> None:
    colours = b"PLTE" + bytes(range(12))
    few = png(4, 1, 2, 3, unfiltered(bytes([0b00011011])), colours, b"tRNS\0")
    assert decode_mask(few).tolist() == [[0, 1, 2, 3]]
    assert decode_mask(png(2, 1, 4, 3, unfiltered(bytes([0x3F])), colours)).tolist() == [[3, 15]]


def test_a_gif_of_two_colours_is_0_and_1() -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8))
    image.putpalette([0, 0, 0, 255, 0, 0])
    assert decode_mask(encoded(image, "GIF")).tolist() == [[0, 1], [1, 0]]


def test_one_bit_is_0_and_1() -> None:
    mask = decode_mask(png(8, 1, 1, 0, unfiltered(bytes([0b10110001]))))
    assert mask.tolist() == [[1, 0, 1, 1, 0, 0, 0, 1]]
    assert mask.dtype == np.uint8


@pytest.mark.parametrize("data", [b"P1 4 2 0 1 1 0 1 0 0 0\n", b"P4 4 2\n\x60\x80"])
def test_a_pbm_is_not_inverted(data: bytes) -> None:
    assert decode_mask(data).tolist() == [[0, 1, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [(2, [0b00011011], [0, 1, 2, 3]), (4, [0x01, 0x2E, 0xF7], [0, 1, 2, 14, 15, 7])],
)
def test_grey_of_few_bits_is_not_stretched(bits: int, row: list[int], expected: list[int]) -> None:
    mask = decode_mask(png(len(expected), 1, bits, 0, unfiltered(bytes(row))))
    assert mask.tolist() == [expected]
    assert mask.dtype == np.uint8


@pytest.mark.parametrize("highest", [1, 2, 20, 150, 254, 255, 256, 1000, 65_534, 65_535])
@pytest.mark.parametrize("plain", [False, True])
def test_a_pgm_is_not_stretched(highest: int, plain: bool) -> None:
    values = np.arange(highest + 1)
    head = f"{'P2' if plain else 'P5'} {len(values)} 1 {highest}\n".encode()
    body = " ".join(map(str, values.tolist())).encode()
    raw = values.astype(">u2" if highest > 255 else np.uint8).tobytes()
    mask = decode_mask(head + (body + b"\n" if plain else raw))
    assert mask.tolist() == [values.tolist()]
    assert mask.dtype == (np.uint16 if highest > 255 else np.uint8)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encoded(picture()), "a JPEG, which changes the numbers"),
        (encoded(picture(), "WEBP", quality=90), "a lossy WebP"),
        (encoded(picture(), "TIFF", compression="jpeg"), "a TIFF of JPEGs"),
        (encoded(picture().convert("CMYK"), "TIFF"), "CMYK pixels"),
        (encoded(Image.fromarray(np.full((2, 2), 0.5, np.float32)), "TIFF"), "F pixels"),
        (
            encoded(Image.fromarray(np.full((2, 2), 70_000, np.int32)), "TIFF"),
            "70000; a mask 0 to 65535",
        ),
        (encoded(Image.fromarray(np.full((2, 2), -1, np.int32)), "TIFF"), "holds -1"),
        (png(1, 1, 16, 2, unfiltered(bytes(6))), "16 bits a channel in colour; a mask"),
        (b"no image at all", "not an image of a known format"),
        (encoded(picture(), "PNG")[:200], "a PNG cut short"),
        (b"", "an empty file"),
    ],
)
def test_what_is_no_mask(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode_mask(data)


def test_an_integer_tiff_of_small_numbers_is_a_mask() -> None:
    mask = decode_mask(encoded(Image.fromarray(np.array([[0, 65_535]], np.int32)), "TIFF"))
    assert (mask.dtype, mask.tolist()) == (np.uint16, [[0, 65_535]])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_mask_is_turned_as_its_image_is(orientation: int, kind: str) -> None:
    """The image's quadrants have greys of their own, and the mask the same ones."""
    quadrants = np.kron(
        np.array([[40, 90, 140], [190, 240, 10]], np.uint8), np.ones((16, 16), np.uint8)
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = encoded(Image.fromarray(quadrants), kind, exif=exif)
    assert turn_of(image) == orientation
    mask = decode_mask(encode_mask(quadrants), orientation)
    seen = np.array(decode(image, "gray"))
    assert mask.shape == seen.shape
    assert abs(mask[8::16, 8::16].astype(int) - seen[8::16, 8::16]).max() < 8


def test_an_own_orientation_is_not_looked_at() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    mask = numbers(np.uint8)
    assert (decode_mask(encoded(Image.fromarray(mask), "PNG", exif=exif)) == mask).all()


def test_a_turned_tiff_is_no_mask() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    with pytest.raises(ImageError, match="a TIFF with an orientation of its own"):
        decode_mask(encoded(Image.fromarray(numbers(np.uint8)), "TIFF", exif=exif))


def test_a_tiff_whose_0_is_white_is_no_mask() -> None:
    data = encoded(Image.fromarray(numbers(np.uint8)), "TIFF")
    entry = struct.pack("<HHIH", 262, 3, 1, 1)  # BlackIsZero
    assert entry in data
    inverted = data.replace(entry, struct.pack("<HHIH", 262, 3, 1, 0))
    with pytest.raises(ImageError, match="a TIFF whose 0 is white"):
        decode_mask(inverted)


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_cut_as_pillow_takes_nearest_neighbours(
    width: int, height: int, data: st.DataObject
) -> None:
    """Pillow's own, where a box has no fractions that rounding decides."""
    left = data.draw(st.integers(0, width - 1))
    top = data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    size = data.draw(
        st.tuples(st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([1, 2, 4, 8, 16]))
    )
    mask = np.arange(width * height, dtype=np.uint16).reshape(height, width) % 256
    image = Image.fromarray(mask.astype(np.uint8)).resize(
        size, Image.Resampling.NEAREST, (left, top, right, bottom)
    )
    assert (cut_mask(mask, (left, top, right, bottom), size) == np.array(image)).all()


@given(st.integers(1, 300), st.integers(1, 300))
def test_the_nearest_pixel_of_each_middle_by_fractions(width: int, count: int) -> None:
    mask = np.arange(width, dtype=np.uint16)[None]
    middles = [Fraction(2 * at + 1, 2) * Fraction(width, count) for at in range(count)]
    assert cut_mask(mask, (0, 0, width, 1), (count, 1)).tolist() == [list(map(math.floor, middles))]


def test_nothing_is_done_where_nothing_changes() -> None:
    mask = numbers(np.uint16)
    assert (cut_mask(mask, (0, 0, 7, 5), (7, 5)) == mask).all()
    assert (cut_mask(mask, (1, 2, 4, 5), (3, 3)) == mask[2:5, 1:4]).all()


@pytest.mark.parametrize(
    ("scale", "shift", "inside", "wanted"),
    [
        (1, 1, (-1, 3), [1, 2, 3, 9]),
        (1, 0, (0, 4), [0, 1, 2, 3]),
        (2, -2, (1, 3), [9, 1, 3, 9]),  # as far from the first to the last as at a scale of 1
    ],
)
def test_each_pixel_gets_the_number_where_it_comes_from(
    scale: int, shift: int, inside: tuple[int, int], wanted: list[int]
) -> None:
    mask, out = np.arange(4, dtype=np.uint8)[None].repeat(2, 0), np.zeros((2, 4), np.uint8)
    sample_mask(mask, (scale, 0, shift, 0, 1, 0), (inside[0], 0, inside[1], 2), out, 9)
    assert out.tolist() == [wanted, wanted]
