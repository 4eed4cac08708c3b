"""Image headers read without decoding, and files cut short."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from conftest import encoded, picture

from rectool import ImageError
from rectool.imaging.check_complete import check_complete
from rectool.imaging.probe import MAX_PIXELS, describe, format_of
from rectool.packing.transform import CopyBytes

KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "jpeg": ("JPEG", {}, "JPEG"),
    "progressive": ("JPEG", {"progressive": True}, "JPEG"),
    "jpeg with comment": ("JPEG", {"comment": b"\xff\xd9 is no end here \xff\xc0"}, "JPEG"),
    "jpeg with restarts": ("JPEG", {"restart_marker_blocks": 1}, "JPEG"),
    "png": ("PNG", {}, "PNG"),
    "gif": ("GIF", {}, "GIF"),
    "webp": ("WEBP", {}, "WebP"),
    "webp lossless": ("WEBP", {"lossless": True}, "WebP"),
    "webp with exif": ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}, "WebP"),
    "bmp": ("BMP", {}, "BMP"),
    "tiff": ("TIFF", {}, "TIFF"),
    "tiff big-endian": ("TIFF", {"big_endian": True}, "TIFF"),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}, "TIFF"),
    "tiff jpeg": ("TIFF", {"compression": "jpeg"}, "TIFF"),
    "tiff of two": (
        "TIFF",
        {"save_all": True, "append_images": [picture(2, 9, 9)]},
        "TIFF",
    ),
}


def sample(kind: str, width: int = 37, height: int = 23) -> bytes:
    pillow, options, _ = KINDS[kind]
    return encoded(picture(1, width, height), pillow, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(37, 23), (1, 1), (300, 2)])
def test_format_and_size(kind: str, size: tuple[int, int]) -> None:
    data = sample(kind, *size)
    assert describe(data) == describe(memoryview(data)) == (KINDS[kind][2], *size)


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_image_is_complete_and_no_cut_is(kind: str) -> None:
    data = sample(kind)
    assert CopyBytes().apply(data) == data
    for size in range(len(data)):
        if kind == "bmp" and size >= len(data) - 2:
            continue  # Pillow pads the file behind the last row
        if kind == "tiff of two" and size >= len(sample("tiff")):
            continue  # the second page is never decoded
        with pytest.raises(ImageError):
            CopyBytes().apply(data[:size])


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "jpeg with restarts"])
def test_a_jpeg_may_have_more_behind_its_end(kind: str) -> None:
    data = sample(kind)
    assert check_complete(data + b"made by a camera").format == "JPEG"
    with pytest.raises(ImageError, match="a JPEG cut short: its end marker is missing"):
        check_complete(data[:-2] + b"made by a camera")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\0" * 100,
        b"BM is how this text begins",
        b"RIFF    WAVE",
        b"\xff\xd8",
        b"GIF",
    ],
)
def test_what_is_no_image(data: bytes) -> None:
    assert format_of(data) is None
    assert describe(data) is None
    with pytest.raises(
        ImageError, match="an empty file" if not data else "not an image of a known"
    ):
        check_complete(data)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_headers_are_one_kind_of_error(kind: str) -> None:
    """Any byte of the first hundred changed, any cut: a size, nothing known, or ImageError."""
    data = sample(kind)
    for at in range(min(len(data), 100)):
        for value in (0, 0xFF, data[at] ^ 0x40):
            changed = data[:at] + bytes([value]) + data[at + 1 :]
            for candidate in (changed, changed[: at + 1]):
                for check in (describe, check_complete):
                    try:
                        info = check(candidate)
                    except ImageError:
                        continue
                    assert info is None or (info.width > 0 and info.height > 0)


def test_a_jpeg_without_a_scan_is_not_whole() -> None:
    data = sample("jpeg")
    scan = data.index(b"\xff\xda")
    with pytest.raises(ImageError, match="cut short"):
        check_complete(data[:scan] + b"\xff\xd9")


def test_bombs_are_refused() -> None:
    data = bytearray(sample("png"))
    struct.pack_into(">II", data, 16, 60_000, 60_000)
    with pytest.raises(ImageError, match=f"60000x60000 pixels, more than the {MAX_PIXELS} allowed"):
        check_complete(bytes(data))
