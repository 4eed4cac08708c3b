"""What is a whole image: the same for every backend, for copying, and for reading records."""

from __future__ import annotations

import functools
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture
from helpers.backends import BACKENDS, installed, need
from helpers.image_variants import GIF, PHOTO, PNG, PROGRESSIVE, several, variants
from PIL import Image, ImageFile

from rectool import ImageError, ImageRecordIter, IRHeader, RecordDataset, RecordWriter, pack
from rectool.imaging import array_decoding, pillow_open, plain_jpegs
from rectool.imaging.check_complete import check_complete
from rectool.imaging.options import Backend
from rectool.imaging.pillow import cut, decode
from rectool.packing.transform import CopyBytes, Reencode

Runner = Callable[..., Run]

VARIANTS = variants()
ONLY_DECODING_TELLS = ("png pixels that end too early",)


def _is_taken(make: Callable[[bytes], object], data: bytes) -> bool:
    try:
        make(data)
    except ImageError:
        return False
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", VARIANTS)
def test_all_ways_agree_on_what_is_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, whole = VARIANTS[name]
    ways = {
        "copied and decoded": CopyBytes("pixels").apply,
        "array": array_decoding.decode_array,
    }
    if name not in ONLY_DECODING_TELLS:
        ways["copied"] = CopyBytes().apply
    for backend in installed():
        ways[backend] = Reencode(backend=backend).apply
        ways[f"{backend}, smaller"] = Reencode(resize=8, backend=backend).apply
    found = {way: _is_taken(make, data) for way, make in ways.items()}
    monkeypatch.setattr(plain_jpegs, "_simplejpeg", None)
    found["array by pillow"] = _is_taken(array_decoding.decode_array, data)
    found["pillow alone"] = _is_taken(Reencode(resize=8).apply, data)
    assert found == dict.fromkeys(found, whole)


@pytest.mark.filterwarnings("ignore")
def test_odd_forms_of_an_image_have_its_pixels() -> None:
    plain = np.array(decode(PHOTO))
    forms = ("stray", "fill bytes", "exif of", "junk", "unknown marker", "says length")
    for name, (data, whole) in VARIANTS.items():
        odd = name.startswith("jpeg") and any(form in name for form in forms)
        if odd and whole and "between scans" not in name:
            assert np.array_equal(np.array(decode(data)), plain), name


def test_a_tiffs_tags_are_not_all_read() -> None:
    """Thousands of entries, each of which claims all of the file."""
    size, count = 200_000, 16_000
    entry = b"\x11\1\4\0" + (size // 4).to_bytes(4, "little") + (8).to_bytes(4, "little")
    data = b"II*\0\x08\0\0\0" + count.to_bytes(2, "little") + entry * count + bytes(size)
    for make in (Reencode().apply, CopyBytes().apply):
        with pytest.raises(ImageError, match="a TIFF"):
            make(data)


def test_a_jpeg_of_too_many_scans_is_refused() -> None:
    scan = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]
    data = PROGRESSIVE[:-2] + scan * 600 + b"\xff\xd9"
    for make in (Reencode().apply, CopyBytes().apply, array_decoding.decode_array):
        with pytest.raises(ImageError, match="a JPEG of more than 500 scans"):
            make(data)


def test_a_jpeg_of_very_many_segments_is_refused() -> None:
    many = PHOTO[:2] + b"\xff\xfe\0\2" * 100_000 + PHOTO[2:]
    some = PHOTO[:2] + b"\xff\xfe\0\2" * 10_000 + PHOTO[2:]
    for make in (Reencode().apply, CopyBytes().apply, array_decoding.decode_array):
        with pytest.raises(ImageError, match="a JPEG of more than 65536 segments"):
            make(many)
    assert np.array_equal(array_decoding.decode_array(some), array_decoding.decode_array(PHOTO))


def test_a_cut_avif_is_said_to_be_damaged() -> None:
    plugin = pytest.importorskip("PIL.AvifImagePlugin", reason="this Pillow decodes no AVIF")
    if not plugin.SUPPORTED:
        pytest.skip("this Pillow decodes no AVIF")
    avif = encoded(Image.new("RGB", (64, 64), "red"), "AVIF")
    with pytest.raises(ImageError, match="a damaged AVIF"):
        decode(avif[:300])


def test_an_avif_and_a_pillow_that_cannot_decode_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)  # importing it fails
    pillow_open._is_decoded.cache_clear()
    head = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"
    avif = head + b"\0\0\0\x14ispe" + bytes(4) + (9).to_bytes(4, "big") * 2
    try:
        with pytest.raises(ImageError, match=r"does not decode AVIF .*11\.3"):
            decode(avif)
    finally:
        pillow_open._is_decoded.cache_clear()


def test_a_bug_in_a_callback_is_no_damaged_image() -> None:
    def fit_of(width: int, height: int) -> object:
        return {}["no such fit"]

    with pytest.raises(KeyError, match="no such fit"):
        cut(PHOTO, "rgb", fit_of)  # type: ignore[arg-type]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    need(request.param)
    chosen: Backend = request.param
    return chosen


def _changes(recipe: Reencode, data: bytes) -> list[str]:
    changes: list[str] = []
    recipe.apply(data, changes)  # type: ignore[arg-type]
    return changes


def half_transparent() -> Image.Image:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 255))
    image.paste((255, 0, 255, 0), (10, 0, 20, 10))
    return image


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (PHOTO, []),
        (PNG, []),
        (encoded(half_transparent(), "PNG"), ["alpha"]),
        (encoded(half_transparent(), "WEBP", lossless=True), ["alpha"]),
        (encoded(picture(mode="RGBA"), "PNG"), []),  # opaque: nothing is lost
        (encoded(Image.fromarray(np.full((9, 9), 4095, np.uint16)), "PNG"), ["depth"]),
        (several("GIF"), ["frames"]),
        (several("TIFF"), ["frames"]),
        (several("PNG"), ["frames"]),
        (several("WEBP"), ["frames"]),
        (GIF, []),
        (encoded(picture().convert("CMYK")), ["cmyk"]),
    ],
)
def test_what_is_lost_of_an_image_is_noted(
    data: bytes, changes: list[str], backend: Backend
) -> None:
    assert _changes(Reencode(backend=backend), data) == changes


def test_a_background_shows_through(backend: Backend) -> None:
    recipe = Reencode(background=(0, 255, 0), encoding="png", backend=backend)
    data = encoded(half_transparent(), "PNG")
    made = np.array(decode(recipe.apply(data)))
    assert (made[:, :10] == (0, 0, 0)).all()
    assert (made[:, 10:] == (0, 255, 0)).all()
    assert _changes(recipe, data) == []
    with pytest.raises(ValueError, match="background"):
        Reencode(background=(0, 0, 0), color="unchanged")


@pytest.mark.parametrize("data", [PHOTO[:-2], PHOTO[: len(PHOTO) * 2 // 3], PNG[:-40], GIF[:-9]])
def test_truncated_images_are_packed_where_that_is_wanted(data: bytes, backend: Backend) -> None:
    with pytest.raises(ImageError):
        Reencode(backend=backend).apply(data)
    recipe = Reencode(truncated=True, backend=backend)
    assert _changes(recipe, data) == ["truncated"]
    assert decode(recipe.apply(data)).size == (64, 48)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    with pytest.raises(ImageError):
        recipe.apply(b"no image")


def test_max_pixels_allows_more_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 48 // 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(PHOTO).size == (64, 48)
    assert Image.MAX_IMAGE_PIXELS == 64 * 48 // 4
    for make in (Reencode(max_pixels=9).apply, CopyBytes("pixels", max_pixels=9).apply):
        with pytest.raises(ImageError, match="64x48 pixels, more than the 9 allowed"):
            make(PHOTO)


def test_a_webp_of_few_bytes_and_many_pixels_is_refused() -> None:
    data = bytearray(encoded(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    bits = (13_300 - 1) | (13_300 - 1) << 14
    data[21:25] = (int.from_bytes(data[21:25], "little") & 0xF0000000 | bits).to_bytes(4, "little")
    with pytest.raises(ImageError, match="13300x13300 pixels, more than the 44739242 allowed"):
        decode(bytes(data))
    assert check_complete(bytes(data), 1 << 30).width == 13_300


def test_opencvs_settings_are_the_programs_own() -> None:
    pytest.importorskip("cv2")
    code = """
import cv2
cv2.setNumThreads(3)
from rectool.packing.transform import Reencode
from PIL import Image
import io
file = io.BytesIO()
Image.new("RGB", (9, 9)).save(file, "JPEG")
level = cv2.getLogLevel() if hasattr(cv2, "getLogLevel") else None
Reencode(resize=4, backend="opencv").apply(file.getvalue())
assert level == (cv2.getLogLevel() if hasattr(cv2, "getLogLevel") else None)
print(cv2.getNumThreads())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_pack_tells_what_was_lost(run: Runner, tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (root / "a.png").write_bytes(encoded(half_transparent(), "PNG"))
    (root / "b.png").write_bytes(encoded(Image.fromarray(np.full((9, 9), 99, np.uint16)), "PNG"))
    (root / "c.jpg").write_bytes(PHOTO[:-2])
    result = run("pack", "images", "out", "--truncated")
    assert result.status == 0
    for words in ("1 image had an alpha channel", "images/c.jpg: cut short", "1 image had 16 bits"):
        assert words in result.err
    blended = run("pack", "images", "blended", "--truncated", "--background", "#ffffff")
    assert "alpha" not in blended.err
    assert run("pack", "images", "x", "--background", "no color").status == 2
    assert run("pack", "images", "x", "--pass-through", "--truncated").status == 2


def test_pass_through_copies_any_number_of_pixels(run: Runner, tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (root / "a.png").write_bytes(encoded(Image.new("1", (20_000, 10_000)), "PNG"))
    assert run("pack", "images", "out", "--pass-through").status == 0
    refused = run("pack", "images", "none", "--resize", "8")
    assert refused.status == 1
    assert "20000x10000 pixels" in refused.err
    assert "--max-pixels" in refused.err


def test_readers_have_a_limit_of_pixels_too(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    with RecordWriter(path) as writer:
        writer.write(pack(IRHeader(0, 1.0, 7, 0), PHOTO), 7)
    for limit, error in ((64 * 48, None), (64 * 48 - 1, "key 7.*64x48 pixels, more than the 3071")):
        dataset = RecordDataset(path, max_pixels=limit)
        batches = [
            ImageRecordIter(path, (3, 48, 64), 1, max_pixels=limit, **options)
            for options in ({}, {"resize": 50})
        ]
        for read in (functools.partial(dataset.__getitem__, 0), *[each.next for each in batches]):
            if error is None:
                read()
            else:
                with pytest.raises(ImageError, match=error):
                    read()
