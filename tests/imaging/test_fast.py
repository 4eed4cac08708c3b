"""The fast backend: Pillow's images, their values within 1 of Pillow's."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from rectool.imaging import pillow, plain_jpegs
from rectool.imaging.options import INTERPS, Fit, Interp
from rectool.imaging.resizing import resize_array
from rectool.packing.transform import Reencode

pytest.importorskip("simplejpeg")
cykooz: Any = pytest.importorskip("cykooz_resizer")
from rectool.imaging import fast  # noqa: E402

Array = NDArray[Any]
MODES = {"L": (), "RGB": (3,), "RGBA": (4,)}
FILTERS = {
    "nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC, "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING, "lanczos": Image.Resampling.LANCZOS,
}  # fmt: skip


def photo(width: int, height: int) -> Image.Image:
    """A picture with some noise."""
    grain = np.random.default_rng(width).integers(0, 20, (height, width, 3), np.uint8)
    smooth = np.asarray(picture(3, width, height)) // 2
    return Image.fromarray(smooth + grain)


def check_close(one: Any, other: Any) -> None:
    """Within 1, but for a value among very many."""
    apart = np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int))
    assert apart.max() <= 2
    assert np.count_nonzero(apart > 1) <= 1 + apart.size / 100_000


def pixels(seed: int, shape: tuple[int, ...]) -> Array:
    """Noise, black and white, or smooth: what filters overshoot on, and what they do not."""
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        return rng.integers(0, 256, shape, np.uint8)
    if seed % 3 == 1:
        return rng.integers(0, 2, shape, np.uint8) * np.uint8(255)
    return (rng.integers(0, 32, shape, np.uint8).cumsum(axis=1) % 256).astype(np.uint8)


edges = st.integers(1, 160)
sizes = st.tuples(edges, edges)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 99), sizes, sizes, st.sampled_from([*FILTERS]), st.sampled_from([*MODES]))
def test_arrays_are_resized_as_pillow_does(
    seed: int, old: tuple[int, int], new: tuple[int, int], interp: Interp, mode: str
) -> None:
    array = pixels(seed, (old[1], old[0], *MODES[mode]))
    wanted = Image.fromarray(array).resize(new, FILTERS[interp])
    made = resize_array(array, new, interp, "fast")
    assert made.shape == (new[1], new[0], *MODES[mode])
    check_close(made, wanted)
    assert made.flags.writeable


parts = st.tuples(*[st.floats(0, 1)] * 4).filter(
    lambda part: abs(part[0] - part[1]) > 0.05 and abs(part[2] - part[3]) > 0.05
)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 99), sizes, sizes, parts, st.booleans(), st.booleans(), st.sampled_from([*MODES])
)
def test_parts_are_cut_out_as_pillow_does(
    seed: int, old: tuple[int, int], new: tuple[int, int], part: Any, jpeg: bool, whole: bool,
    mode: str,
) -> None:  # fmt: skip
    array = pixels(seed, (old[1], old[0], *MODES[mode]))
    jpeg = jpeg and mode != "RGBA"
    data = encoded(Image.fromarray(array), "JPEG" if jpeg else "PNG")
    (left, right), (top, bottom) = sorted(part[:2]), sorted(part[2:])
    box = (left * old[0], top * old[1], right * old[0], bottom * old[1])
    if whole:
        box = (0, 0, *old)
    fit = Fit(box, new, "bilinear")
    made, wanted = (
        np.asarray(way.cut(data, "unchanged", lambda *_: fit)) for way in (fast, pillow)
    )
    assert made.shape == wanted.shape == (new[1], new[0], *MODES[mode])
    check_close(made, wanted)


@pytest.mark.parametrize("interp", INTERPS["fast"])
@pytest.mark.parametrize("color", ["rgb", "gray", "unchanged"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_packed_images_are_pillows(kind: str, color: Any, interp: Interp) -> None:
    data = encoded(photo(120, 90), kind)
    for more in ({"resize": 16}, {"resize": 31, "center_crop": True}, {"resize": 99}, {}):
        fast_one, pillow_one = (
            Image.open(io.BytesIO(recipe.apply(data)))
            for recipe in (
                Reencode(color, encoding="png", interp=interp, backend=backend, **more)
                for backend in ("fast", "pillow")
            )
        )
        assert (fast_one.size, fast_one.mode) == (pillow_one.size, pillow_one.mode)
        check_close(fast_one, pillow_one)


def test_bilinear_is_cykoozs(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Counting(cykooz.Resizer):  # type: ignore[misc]
        def resize(self, *args: Any) -> None:
            calls.append(args)
            super().resize(*args)

    monkeypatch.setattr(cykooz, "Resizer", Counting)
    data = encoded(photo(200, 150))
    for color in ("rgb", "gray"):
        Reencode(color, resize=40, backend="fast").apply(data)  # type: ignore[arg-type]
    Reencode(resize=40, backend="fast").apply(encoded(photo(200, 150), "PNG"))
    resize_array(np.zeros((20, 20, 3), np.uint8), (9, 9), "bilinear", "fast")
    assert len(calls) == 4
    Reencode(resize=40).apply(data)
    Reencode(backend="fast").apply(data)  # nothing is resized
    assert len(calls) == 4


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("color", ["rgb", "gray", "unchanged"])
def test_jpegs_decoded_small_are_the_same_without_simplejpeg(
    sampling: str, progressive: bool, mode: str, color: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = [
        Reencode(color, resize=length, encoding="png", center_crop=crop)
        for length in (1, 2, 7, 16, 30, 60)
        for crop in (False, True)
    ]
    images = [
        encoded(photo(*size).convert(mode), subsampling=sampling, progressive=progressive)
        for size in ((4, 4), (6, 9), (16, 17), (33, 32), (69, 125), (201, 150))
    ]
    made = [recipe.apply(data) for recipe in recipes for data in images]
    monkeypatch.setattr(plain_jpegs, "_simplejpeg", None)
    assert made == [recipe.apply(data) for recipe in recipes for data in images]


def test_plain_jpegs_are_decoded_by_simplejpeg_for_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(photo(401, 300))
    wanted = Reencode(resize=40).apply(data)
    monkeypatch.setattr(pillow, "opened", None)
    assert Reencode(resize=40).apply(data) == wanted
    Reencode(resize=40, backend="fast").apply(data)


@pytest.mark.parametrize("library", [fast, pillow])
def test_what_to_cut_out_is_asked_for_once(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a JPEG that simplejpeg refuses and Pillow takes: the answer may be by chance."""
    asked = []

    def fit_of(width: int, height: int) -> Fit:
        asked.append((width, height))
        return Fit((0, 0, width, height), (30, 20), "bilinear")

    data = encoded(picture(2, 60, 40))
    made = library.cut(data, "rgb", fit_of)
    monkeypatch.setattr(plain_jpegs.PlainJpeg, "decoded", lambda *_: None)
    assert np.array_equal(library.cut(data, "rgb", fit_of), made)
    assert asked == [(60, 40)] * 2


def test_threads_share_the_library() -> None:
    images = [encoded(photo(200 + 10 * n, 150)) for n in range(8)]
    recipe = Reencode(resize=64, backend="fast")
    wanted = [recipe.apply(data) for data in images]
    found: list[list[bytes]] = []

    def work() -> None:
        found.append([recipe.apply(data) for data in images * 3])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted * 3] * 4


def test_a_box_may_end_a_rounding_behind_the_image() -> None:
    data = encoded(photo(37, 23), "PNG")
    fit = Fit((0.0, 0.0, 37.0000001, 23.0000001), (12, 9), "bilinear")
    check_close(*(library.cut(data, "rgb", lambda *_: fit) for library in (fast, pillow)))


def test_large_images_are_left_to_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """For which memory may be short, and Pillow alone says so."""
    monkeypatch.setattr(cykooz, "Resizer", None)
    monkeypatch.setattr(fast, "_MOST_PIXELS", 100 * 100)
    array = np.zeros((100, 101), np.uint8)
    assert resize_array(array, (50, 50), "bilinear", "fast").shape == (50, 50)
    assert resize_array(array[:50], (50, 201), "bilinear", "fast").shape == (201, 50)
