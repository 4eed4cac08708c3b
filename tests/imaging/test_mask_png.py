"""The short way into and out of a mask's PNG: Pillow reads the same, and judges the rest."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from conftest import encoded
from helpers.pngs import png, unfiltered
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from rectool.errors import ImageError
from rectool.imaging.mask_png import decode_plain, encode_plain
from rectool.imaging.masks import decode_mask


def noise(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> NDArray[Any]:
    most = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, most, shape, dtype, endpoint=True)


def by_pillow(png: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    level=st.integers(0, 9),
    seed=st.integers(0, 1 << 32),
)
def test_pillow_reads_the_same(height: int, width: int, dtype: Any, level: int, seed: int) -> None:
    numbers = noise((height, width), dtype, seed)
    png = encode_plain(numbers, level)
    assert np.array_equal(by_pillow(png), numbers)
    found = decode_plain(png)
    assert found is not None
    assert np.array_equal(found, numbers)
    assert found.dtype == dtype
    assert found.dtype.isnative
    assert found.flags.writeable
    assert found.flags.c_contiguous


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_several_channels_are_for_pillow(channels: int) -> None:
    numbers = noise((5, 7, channels), np.uint8)
    png = encode_plain(numbers, 6)
    assert np.array_equal(by_pillow(png), numbers)
    assert decode_plain(png) is None


def test_strided_numbers() -> None:
    numbers = noise((8, 6), np.uint16).T[::2, ::-1]
    assert np.array_equal(by_pillow(encode_plain(numbers, 6)), numbers)


def test_what_is_cut_or_changed_is_not_taken() -> None:
    png = encode_plain(noise((3, 4), np.uint8), 6)
    for length in range(len(png)):
        assert decode_plain(png[:length]) is None
    assert decode_plain(png + b"\0") is None
    for at in range(len(png)):
        for bit in range(8):
            changed = bytearray(png)
            changed[at] ^= 1 << bit
            assert decode_plain(bytes(changed)) is None, (at, bit)


ROWS = unfiltered(b"abcd", b"efgh", b"ijkl")


def rebuilt(pixels: bytes, width: int = 4, height: int = 3, **more: Any) -> bytes:
    return png(width, height, 8, 0, pixels, **more)


def test_the_tests_png_is_one() -> None:
    found = decode_plain(rebuilt(ROWS))
    assert found is not None
    assert found.tobytes() == b"abcdefghijkl"


@pytest.mark.parametrize(
    "png",
    [
        rebuilt(ROWS[:-1]),
        rebuilt(ROWS + b"\0"),
        rebuilt(ROWS + bytes(50_000_000)),
        rebuilt(ROWS, end=b"\0"),
        rebuilt(b"\1" + ROWS[1:]),
        rebuilt(ROWS[:10] + b"\2" + ROWS[11:]),
        png(4, 3, 8, 3, ROWS),
        rebuilt(ROWS, methods=(0, 0, 1)),
        rebuilt(ROWS, methods=(1, 0, 0)),
        rebuilt(ROWS, methods=(0, 1, 0)),
        png(4, 3, 4, 0, ROWS),
        rebuilt(b"\0\0\0", 0, 3),
        rebuilt(b"", 4, 0),
        rebuilt(ROWS, 1 << 31, 1 << 31),
        encoded(Image.fromarray(noise((4, 4), np.uint8)).convert("RGB")),
        b"",
    ],
    ids=range(16),
)
def test_what_is_not_so_is_for_pillow(png: bytes) -> None:
    assert decode_plain(png) is None


def test_no_more_pixels_than_others_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rectool.imaging.mask_png.MAX_PIXELS", 11)
    monkeypatch.setattr("rectool.imaging.probe.MAX_PIXELS", 11)
    assert decode_plain(rebuilt(ROWS)) is None
    with pytest.raises(ImageError, match="4x3 pixels, more than the 11 allowed"):
        decode_mask(rebuilt(ROWS))


def test_a_palette_and_filters_are_read_all_the_same() -> None:
    gradient = np.add.outer(np.arange(64, dtype=np.uint8), np.arange(64, dtype=np.uint8))
    png = encoded(Image.fromarray(gradient), "PNG")
    assert decode_plain(png) is None  # Pillow filters, which pays here
    assert np.array_equal(decode_mask(png), gradient)


def test_damage_is_named() -> None:
    png = bytearray(encode_plain(noise((30, 40), np.uint8), 6))
    png[200] ^= 1
    with pytest.raises(ImageError):
        decode_mask(bytes(png))
