"""Images as arrays: the same pixels by either decoder, parts of images, arrays turned."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from numpy.typing import NDArray
from PIL import Image

from rectool import ImageError
from rectool.imaging import array_decoding, plain_jpegs
from rectool.imaging.array_decoding import decode_array
from rectool.imaging.pillow import decode
from rectool.imaging.probe import has_exif

cv2: Any = pytest.importorskip("cv2")

Array = NDArray[Any]

ODD = picture(1, 37, 23)
JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"


@pytest.fixture(params=["simplejpeg", "pillow"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With simplejpeg, and as where it is not installed."""
    if request.param == "pillow":
        monkeypatch.setattr(plain_jpegs, "_simplejpeg", None)
    else:
        pytest.importorskip("simplejpeg")
    return str(request.param)


def exif_of(orientation: int) -> bytes:
    """An EXIF segment of a JPEG."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    block = exif.tobytes()
    return b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block


def sampled(factors: int, *options: int) -> bytes:
    """A JPEG of a subsampling that Pillow does not write."""
    options = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors, *options)
    return bytes(cv2.imencode(".jpg", np.asarray(ODD), options)[1])


PLAIN: dict[str, bytes] = {
    "4:4:4": encoded(ODD, subsampling="4:4:4"),
    "4:2:2": encoded(ODD, subsampling="4:2:2"),
    "4:2:0": encoded(ODD, subsampling="4:2:0"),
    "4:4:0": sampled(0x121111),
    "4:1:1": sampled(0x411111),
    "progressive": encoded(ODD, progressive=True),
    "progressive 4:4:0": sampled(0x121111, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "grey": encoded(ODD.convert("L")),
    "grey, progressive": encoded(ODD.convert("L"), progressive=True),
    "colours as they are": encoded(ODD, keep_rgb=True),
    "restarts": encoded(ODD, restart_marker_blocks=2),
    "quality 1": encoded(ODD, quality=1),
    "a comment, a profile": encoded(ODD, comment=b"\xff\xd9 Exif", icc_profile=b"p" * 70_000),
    "fill bytes": encoded(ODD).replace(b"\xff\xdb", b"\xff\xff\xff\xdb"),
    "more behind the end": encoded(ODD) + b"made by a camera",
    **{f"{w}x{h}": encoded(picture(2, w, h)) for w, h in ((1, 1), (8, 8), (17, 33), (2, 640))},
}
OTHER: dict[str, bytes] = {
    "CMYK": encoded(ODD.convert("CMYK")),
    "junk between segments": encoded(ODD).replace(b"\xff\xdb", b"junk\xff\xdb", 1),
    "png": encoded(ODD, "PNG"),
    "png, alpha": encoded(picture(1, 9, 7, "RGBA"), "PNG"),
    "png, palette": encoded(ODD.convert("P"), "PNG"),
    "png, 16 bits": encoded(Image.fromarray(np.arange(70, dtype=np.uint16).reshape(7, 10)), "PNG"),
    "webp": encoded(ODD, "WEBP"),
    "gif": encoded(ODD, "GIF"),
    "bmp": encoded(ODD, "BMP"),
    "tiff": encoded(ODD, "TIFF"),
}


@pytest.mark.parametrize("color", ["rgb", "gray", "unchanged"])
@pytest.mark.parametrize("kind", [*PLAIN, *OTHER])
def test_pixels_are_pillows(kind: str, color: Any, decoder: str) -> None:
    data = {**PLAIN, **OTHER}[kind]
    wanted = np.asarray(decode(data, color))
    array = decode_array(data, color)
    assert (array.shape, array.dtype) == (wanted.shape, wanted.dtype)
    assert np.array_equal(array, wanted)
    assert array.flags.writeable
    if color != "unchanged":
        assert array.shape[2:] == ((3,) if color == "rgb" else ())
        assert array.dtype == np.uint8


@pytest.mark.parametrize("color", ["rgb", "gray"])
@pytest.mark.parametrize("kind", PLAIN)
def test_plain_jpegs_are_not_left_to_pillow(
    kind: str, color: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("simplejpeg")
    monkeypatch.setattr(array_decoding, "decode", None)
    decode_array(PLAIN[kind], color)


JUNK = b"\xff\xd8" + JFIF + b"junk"


@pytest.mark.parametrize("before", [b"\xff\xd8", b"\xff\xd8" + JFIF, JUNK, b"\xff\xd8\xff\xff"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("color", ["rgb", "gray"])
def test_orientations(before: bytes, orientation: int, color: Any, decoder: str) -> None:
    """EXIF comes first, behind JFIF, behind bytes that are none, or behind fill bytes."""
    plain = encoded(ODD)
    data = before + exif_of(orientation) + plain[2:]
    upright = np.asarray(decode(plain, color))
    turned = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.swapaxes(0, 1), 6: np.rot90(upright, -1),
        7: np.rot90(upright, 2).swapaxes(0, 1), 8: np.rot90(upright),
    }  # fmt: skip
    array = decode_array(data, color)
    assert np.array_equal(array, turned[orientation])
    assert array.flags.writeable


def test_has_exif() -> None:
    plain, exif = encoded(ODD), exif_of(6)
    fill, bare = b"\xff\xd8\xff", b"\xff\xd8\xff\x01"
    for before in (b"\xff\xd8", b"\xff\xd8" + JFIF, fill, fill + b"\xff", bare):
        assert has_exif(before + exif + plain[2:])
        assert not has_exif(before + plain[2:])
    xmp = b"\xff\xe1\0\x1fhttp://ns.adobe.com/xap/1.0/\0"
    comment = b"\xff\xfe" + struct.pack(">H", len(exif) + 2) + exif
    assert not has_exif(b"\xff\xd8" + xmp + comment + plain[2:] + exif)
    assert has_exif(memoryview(b"\xff\xd8" + xmp + comment + exif + plain[2:]))
    scan = plain.index(b"\xff\xda")
    for size in range(2, scan + 1):
        with pytest.raises(IndexError):
            has_exif(plain[:size])


def outcome(data: bytes, color: Any, read: Any) -> Array | str:
    try:
        return np.asarray(read(data, color))
    except ImageError as error:
        return str(error)


def check_as_pillow(data: bytes, color: Any) -> bool:
    """The very pixels or the very error of Pillow alone. Whether it is an error."""
    wanted, found = outcome(data, color, decode), outcome(data, color, decode_array)
    assert type(wanted) is type(found)
    assert np.array_equal(wanted, found)
    return isinstance(found, str)


CUT: dict[str, int] = {"4:2:0": 1, "progressive": 3, "grey": 3, "restarts": 3, "4:1:1": 7}


@pytest.mark.parametrize("kind", [*CUT, "png", "webp", "gif", "CMYK"])
def test_what_was_cut_short_is_not_filled_up(kind: str, decoder: str) -> None:
    data = {**PLAIN, **OTHER}[kind]
    for size in range(0, len(data), CUT.get(kind, 13)):
        is_error = check_as_pillow(data[:size], "rgb")
        assert is_error or kind in ("png", "gif")  # all pixels may be there


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["4:2:0", "progressive", "grey", "colours as they are"])
@pytest.mark.parametrize("color", ["rgb", "gray"])
def test_damaged_images_are_what_pillow_makes_of_them(kind: str, color: Any) -> None:
    pytest.importorskip("simplejpeg")
    rng = np.random.default_rng(5)
    errors = 0
    for _ in range(100):
        data = bytearray(PLAIN[kind])
        for at in rng.integers(2, len(data), 2).tolist():
            data[at] = int(rng.integers(0, 256))
        errors += check_as_pillow(bytes(data), color)
    assert 0 < errors < 100


def test_bombs_are_refused(decoder: str) -> None:
    data = encoded(ODD)
    at = data.index(b"\xff\xc0") + 5
    bomb = data[:at] + struct.pack(">HH", 60_000, 60_000) + data[at + 4 :]
    with pytest.raises(ImageError, match="60000x60000 pixels, more than"):
        decode_array(bomb)


def test_max_pixels_is_a_limit_of_ones_own(decoder: str) -> None:
    data = PLAIN["4:2:0"]
    assert decode_array(data, max_pixels=37 * 23).shape == (23, 37, 3)
    with pytest.raises(ImageError, match=f"37x23 pixels, more than the {37 * 23 - 1} allowed"):
        decode_array(data, max_pixels=37 * 23 - 1)
