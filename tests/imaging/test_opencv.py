"""The OpenCV backend: OpenCV's pixels and bytes, and nothing that it would let pass in silence."""

from __future__ import annotations

import io
import multiprocessing
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import EXAMPLES, Run, encoded, picture
from PIL import Image, ImageOps
from test_imaging import DEEP, deep_colour_png

from rectool import ImageError
from rectool.packing.transform import Reencode

cv2 = pytest.importorskip("cv2")
from rectool.imaging.opencv import decode, encode  # noqa: E402

Runner = Callable[..., Run]
COLORS = ["rgb", "gray", "unchanged"]
PHOTO = next(iter(sorted((EXAMPLES / "images" / "cat").glob("*.jpg")))).read_bytes()


def opencv(data: bytes, flag: int = 1) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    return array


@pytest.mark.parametrize(
    ("interp", "number"),
    [("nearest", 0), ("bilinear", 1), ("bicubic", 2), ("area", 3), ("lanczos", 4)],
)
@pytest.mark.parametrize(("color", "flag"), [("rgb", 1), ("gray", 0), ("unchanged", -1)])
def test_interpolations_are_opencvs(interp: Any, number: int, color: Any, flag: int) -> None:
    image = opencv(PHOTO, flag)
    height, width = image.shape[:2]
    for length in (40, 300):
        size = (
            (width * length // height, length)
            if width >= height
            else (length, height * length // width)
        )
        wanted = cv2.imencode(".jpg", cv2.resize(image, size, interpolation=number), [1, 80])[1]
        recipe = Reencode(color, resize=length, quality=80, backend="opencv", interp=interp)
        assert recipe.apply(PHOTO) == wanted.tobytes()


@pytest.mark.parametrize(
    ("size", "interpolation"),
    [((20, 20), cv2.INTER_AREA), ((90, 90), cv2.INTER_CUBIC), ((50, 50), cv2.INTER_LINEAR)],
)
def test_auto(size: tuple[int, int], interpolation: int) -> None:
    data = encoded(picture(4, 60, 40), "PNG")
    recipe = Reencode(
        resize=size[0], resize_mode="exact", encoding="png", backend="opencv", interp="auto"
    )
    wanted = cv2.resize(opencv(data), size, interpolation=interpolation)
    assert np.array_equal(opencv(recipe.apply(data)), wanted)


def test_crop_comes_before_resize() -> None:
    data = encoded(picture(1, 41, 20), "PNG")
    recipe = Reencode(center_crop=True, resize=8, encoding="png", backend="opencv")
    wanted = cv2.resize(opencv(data)[:, 10:30], (8, 8))
    assert np.array_equal(opencv(recipe.apply(data)), wanted)
    uncut = Reencode(center_crop=True, encoding="png", backend="opencv")
    assert np.array_equal(opencv(uncut.apply(data)), opencv(data)[:, 10:30])


@pytest.mark.parametrize(
    ("encoding", "quality", "parameters"),
    [
        ("jpg", None, [cv2.IMWRITE_JPEG_QUALITY, 95]),
        ("jpg", 30, [cv2.IMWRITE_JPEG_QUALITY, 30]),
        ("png", None, [cv2.IMWRITE_PNG_COMPRESSION, 6]),
        ("png", 9, [cv2.IMWRITE_PNG_COMPRESSION, 9]),
        ("webp", None, [cv2.IMWRITE_WEBP_QUALITY, 95]),
        ("webp", 30, [cv2.IMWRITE_WEBP_QUALITY, 30]),
    ],
)
def test_encodings_are_opencvs(encoding: Any, quality: int | None, parameters: list[int]) -> None:
    wanted = cv2.imencode("." + encoding, opencv(PHOTO), parameters)[1].tobytes()
    assert Reencode(encoding=encoding, quality=quality, backend="opencv").apply(PHOTO) == wanted


@pytest.mark.parametrize(("color", "flag"), [("rgb", 1), ("gray", 0), ("unchanged", -1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 10))
def test_orientations(kind: str, orientation: int, color: Any, flag: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture(3, 30, 20), kind, exif=exif)
    plain = Image.fromarray(opencv(encoded(picture(3, 30, 20), kind), flag))
    plain.getexif()[0x0112] = orientation
    assert np.array_equal(decode(data, color), ImageOps.exif_transpose(plain))


def test_unchanged_keeps_alpha_and_sixteen_bits() -> None:
    recipe = Reencode("unchanged", encoding="png", backend="opencv")
    image = picture(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    again = Image.open(io.BytesIO(recipe.apply(encoded(image, "PNG"))))
    assert np.array_equal(again, image)
    again = Image.open(io.BytesIO(recipe.apply(encoded(Image.fromarray(DEEP), "PNG"))))
    assert np.array_equal(again, DEEP)
    again_deep = recipe.apply(deep_colour_png())
    assert again_deep[24:26] == b"\x10\x02"  # 16 bits, RGB
    assert opencv(again_deep, -1)[2].tolist() == [[2000, 1000, 512], [2, 0, 65535]]


@pytest.mark.parametrize(
    ("data", "encoding", "says"),
    [
        (encoded(picture(mode="RGBA"), "PNG"), "jpg", "has an alpha channel, which jpg images"),
        (encoded(Image.fromarray(DEEP), "PNG"), "jpg", "has 16-bit samples, which jpg"),
        (deep_colour_png(), "webp", "has 16-bit samples, which webp"),
        (encoded(Image.new("L", (70_000, 1)), "PNG"), "jpg", "at most 65500 a side"),
        (encoded(Image.new("L", (20_000, 1)), "PNG"), "webp", "at most 16383 a side"),
    ],
)
def test_what_an_encoding_cannot_hold(data: bytes, encoding: Any, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        Reencode("unchanged", encoding=encoding, backend="opencv").apply(data)


def bomb(kind: str) -> bytes:
    if kind == "PNG":
        data = bytearray(encoded(picture(), "PNG"))
        struct.pack_into(">II", data, 16, 60_000, 60_000)
        return bytes(data)
    entries = struct.pack("<HHHIIHHII", 2, 256, 4, 1, 60_000, 257, 4, 1, 60_000)
    return b"II*\0" + struct.pack("<I", 8) + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "an empty file"),
        (b"hello", "not an image of a known format"),
        (PHOTO[:-2], "a JPEG cut short: its end marker is missing"),
        (PHOTO[: len(PHOTO) // 2], "a JPEG cut short"),
        (PHOTO[:100], "a JPEG whose header is cut short"),
        (encoded(picture(), "PNG")[:-60], "a PNG cut short"),
        (encoded(picture(), "WEBP")[:-6], "a WebP cut short"),
        (encoded(picture(), "BMP")[:-9], "a BMP cut short"),
        (encoded(picture(), "TIFF")[:-9], "a TIFF"),
        (encoded(Image.new("F", (4, 4), 0.5), "TIFF"), "floating-point samples"),
        (bomb("PNG"), "60000x60000 pixels, more than the 178956970 allowed"),
        (bomb("TIFF"), "60000x60000 pixels, more than the 178956970 allowed"),
    ],
)
@pytest.mark.parametrize("color", COLORS)
def test_bad_images_say_what_they_are(data: bytes, says: str, color: Any) -> None:
    with pytest.raises(ImageError, match=says):
        decode(data, color)


def test_damage_in_the_middle() -> None:
    data = bytearray(encoded(picture(2, 200, 150), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="a damaged PNG"):
        decode(bytes(data))


@pytest.mark.parametrize("mode", ["CMYK", "LA"])
def test_channels_that_opencv_takes_for_others(mode: str) -> None:
    image = picture(mode="L" if mode == "LA" else "RGB").convert(mode)
    with pytest.raises(ImageError, match="use --backend pillow"):
        decode(encoded(image, "TIFF"), "unchanged")
    assert decode(encoded(image, "TIFF")).shape == (18, 24, 3)


def test_a_result_too_large() -> None:
    with pytest.raises(ImageError, match="would have 2000000x1000 pixels"):
        Reencode(resize=1000, backend="opencv").apply(encoded(Image.new("L", (2000, 1)), "PNG"))


def test_an_empty_array_is_no_image() -> None:
    with pytest.raises(ImageError, match="0x0 pixels cannot be encoded as jpg"):
        encode(np.zeros((0, 0, 3), np.uint8))


@pytest.mark.parametrize("color", ["1", "0", "-1"])
def test_c_libraries_do_not_talk(run: Runner, tmp_path: Path, color: str) -> None:
    root = tmp_path / "images"
    root.mkdir()
    good = encoded(picture(2, 200, 150))
    (root / "good.jpg").write_bytes(good)
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("WEBP", "webp")):
        for number in range(8):
            data = bytearray(encoded(picture(2, 200, 150), kind))
            for at in range(100 + number, len(data) - 20, 30):
                data[at] ^= 0x55
            (root / f"bad{number}.{ending}").write_bytes(data)
    options = ["--backend", "opencv", "--color", color, "--flat", "--exts", "jpg,png,tif,webp"]
    result = run("pack", "images", "out", *options)
    assert result.status == 1
    assert result.out == ""
    ours = (
        "rectool: images/bad",
        "rectool: and ",
        "packed ",
        "not packed",
        "shuffled by ",
        "key 0 ",
    )
    lines = [line for line in result.err.splitlines() if "e.g. images/bad" not in line]
    assert [line for line in lines if not line.startswith(ours)] == []
    assert sum(line.startswith("rectool: images/bad") for line in lines) == 20


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_workers_forked_from_a_process_with_opencvs_threads(tmp_path: Path, tree: Path) -> None:
    """Where setNumThreads(1) crashes, or waits for threads that are not there."""
    code = """
import cv2, numpy as np
from rectool.packing.transform import Reencode
from rectool.listing.lst import ImageList
from rectool.packing.pack_source import pack_source
from rectool.packing.list_source import FileSource
cv2.setNumThreads(4)
for _ in range(5):
    cv2.resize(np.zeros((3000, 4000, 3), np.uint8), (1000, 700), interpolation=cv2.INTER_AREA)
images = ImageList(b"0\\t0\\tcats/0.jpg\\n1\\t1\\tdogs/7.jpg\\n", "a list")
recipe = Reencode(resize=9, backend="opencv")
source = FileSource(images, "images")
print(pack_source(source, "out", recipe, workers=2, start_method="fork").images)
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("2\n", "")
