"""What size images get, which choices go together, and what the command says of those."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from helpers.backends import BACKENDS
from hypothesis import given
from hypothesis import strategies as st

from rectool import ImageError, RecordReader
from rectool.imaging.pillow import decode
from rectool.packing.transform import Reencode

Runner = Callable[..., Run]


@pytest.mark.parametrize(
    ("mode", "size", "length", "result"),
    [
        ("short", (500, 375), 256, (341, 256)),
        ("short", (375, 500), 256, (256, 341)),
        ("short", (100, 100), 256, (256, 256)),
        ("short", (10, 7), 7, (10, 7)),
        ("short", (99, 100), 50, (50, 50)),
        ("short", (1, 300), 2, (2, 600)),
        ("long", (500, 375), 256, (256, 192)),
        ("long", (375, 500), 256, (192, 256)),
        ("long", (100, 100), 256, (256, 256)),
        ("long", (1000, 3), 100, (100, 1)),
        ("long", (3, 1000), 100, (1, 100)),
        ("long", (30, 20), 700, (700, 466)),
        ("exact", (500, 375), 256, (256, 256)),
        ("exact", (3, 1000), 40, (40, 40)),
    ],
)
def test_sizes(mode: Any, size: tuple[int, int], length: int, result: tuple[int, int]) -> None:
    recipe = Reencode(resize=length, resize_mode=mode)
    assert recipe.fit(*size)[:2] == ((0, 0, *size), result)


edges = st.integers(1, 5000)


@given(edges, edges, st.integers(1, 1000))
def test_proportions_are_rounded_down(width: int, height: int, length: int) -> None:
    scale = Fraction(length, min(width, height))
    if scale * scale * width * height < 100_000_000:
        short = Reencode(resize=length).fit(width, height).size
        assert short == (int(width * scale), int(height * scale))
    scale = Fraction(length, max(width, height))
    long = Reencode(resize=length, resize_mode="long").fit(width, height).size
    assert long == (max(1, int(width * scale)), max(1, int(height * scale)))


@given(edges, edges, st.integers(1, 1000), st.sampled_from(["short", "long"]))
def test_no_upscale(width: int, height: int, length: int, mode: Any) -> None:
    edge = min(width, height) if mode == "short" else max(width, height)
    size = Reencode(resize=length, resize_mode=mode, upscale=False).fit(width, height).size
    if length >= edge:
        assert size == (width, height)
    else:
        assert size == Reencode(resize=length, resize_mode=mode).fit(width, height).size
        assert size[0] <= width
        assert size[1] <= height


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((10, 7), (1, 0, 8, 7)),
        ((7, 10), (0, 1, 7, 8)),
        ((5, 5), (0, 0, 5, 5)),
        ((8, 5), (1, 0, 6, 5)),
    ],
)
def test_center_crop(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    side = min(size)
    assert Reencode(center_crop=True).fit(*size)[:2] == (box, (side, side))
    for mode in ("short", "long", "exact"):
        recipe = Reencode(center_crop=True, resize=3, resize_mode=mode)  # type: ignore[arg-type]
        assert recipe.fit(*size)[:2] == (box, (3, 3))


def test_a_resize_that_makes_a_bomb() -> None:
    with pytest.raises(ImageError, match="would have 2000000x1000 pixels"):
        Reencode(resize=1000).fit(2000, 1)


@pytest.mark.parametrize(
    ("size", "interp"),
    [
        ((30, 20), "bicubic"),  # both edges grow
        ((200, 300), "area"),  # both shrink
        ((30, 200), "bilinear"),
        ((100, 200), "bilinear"),  # one stays
        ((100, 100), "bilinear"),
    ],
)
def test_auto_is_mxnets_inter_method_9(size: tuple[int, int], interp: str) -> None:
    recipe = Reencode(resize=100, resize_mode="exact", interp="auto")
    assert recipe.fit(*size).interp == interp


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"interp": "area"}, "with pillow take box"),
        ({"interp": "box", "backend": "opencv"}, "opencv has no interp box, but nearest, bilin"),
        ({"interp": "hamming", "backend": "opencv"}, "opencv has no interp hamming"),
        ({"interp": "area", "backend": "fast"}, "with fast take box"),
        ({"interp": "cubic"}, "pillow has no interp cubic"),
        (
            {"backend": "imagemagick"},
            "backend must be one of pillow, opencv, fast, got 'imagemagick'",
        ),
        ({"encoding": "png", "quality": 10}, "compression level, 1 to 9"),
        ({"resize": 9, "resize_mode": "exact", "upscale": False}, "has to upscale some"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Reencode(**options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--interp bilinear", "--interp: only with --resize"),
        ("--resize-mode long --no-upscale", "--resize-mode, --no-upscale: only with --resize"),
        ("--resize 9 --interp area", "with pillow take box"),
        ("--resize 9 --interp hamming --backend opencv", "opencv has no interp hamming"),
        ("--resize 9 --resize-mode exact --no-upscale", "has to upscale some"),
        ("--encoding png --quality 10", "compression level, 1 to 9"),
        ("--pass-through --backend opencv", "no --backend"),
        ("--pass-through --no-upscale", "no --no-upscale"),
        ("--backend cv2", "'cv2' is not one of"),
    ],
)
def test_wrong_usage(run: Runner, tmp_path: Path, tree: Path, options: str, says: str) -> None:
    result = run("pack", "images", "out", *options.split())
    assert (result.status, result.out) == (2, "")
    assert says in " ".join(result.err.split())
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("--resize 9", (10, 9)),  # the first image is 20 x 18
        ("--resize 9 --resize-mode long", (9, 8)),
        ("--resize 9 --resize-mode exact --interp nearest", (9, 9)),
        ("--resize 30 --interp auto", (33, 30)),
        ("--resize 30 --no-upscale", (20, 18)),
        ("--resize 30 --center-crop --no-upscale", (18, 18)),
    ],
)
def test_the_command_resizes(
    run: Runner, tmp_path: Path, tree: Path, options: str, size: tuple[int, int], backend: str
) -> None:
    args = ["--backend", backend, "--no-shuffle", *options.split()]
    result = run("pack", "images", "out", *args)
    assert result.status == 0, result
    assert decode(RecordReader(tmp_path / "out.rec")[0][24:]).size == size


NEEDS = {"opencv": ("cv2",), "fast": ("simplejpeg", "cykooz_resizer")}


@pytest.fixture(params=[(backend, module) for backend in NEEDS for module in NEEDS[backend]])
def missing(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """A backend, and a PYTHONPATH under which something that it needs is not there."""
    backend, module = request.param
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"import sys; sys.modules['{module}'] = None\n")
    return backend, os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])


def test_without_what_a_backend_needs(
    run: Runner, tmp_path: Path, tree: Path, missing: tuple[str, str]
) -> None:
    backend, path = missing
    result = run("pack", "images", "out", "--backend", backend, PYTHONPATH=path)
    assert (result.status, result.out) == (2, "")
    assert f"backend {backend} needs " in result.err
    assert f"pip install 'rectool[{backend}]'" in result.err
    assert not list(tmp_path.glob("out*"))
    assert run("pack", "images", "out", "--resize", 9, PYTHONPATH=path).status == 0


def test_the_library_without_what_a_backend_needs(missing: tuple[str, str]) -> None:
    code = """
import sys
from rectool import ImageError
from rectool.packing.transform import Reencode
try:
    Reencode(backend=sys.argv[1]).apply(b"")
except ImageError as error:
    print(error)
"""
    backend, path = missing
    env = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", code, backend]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert f"pip install 'rectool[{backend}]'" in done.stdout, done


def test_help_imports_no_image_library() -> None:
    code = """
import sys
from rectool.cli.main import main
main(["pack", "--help"], standalone_mode=False)
print("imported:", *{"PIL", "cv2", "numpy"} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("imported:\n")
    assert "--backend [pillow|opencv|fast]" in done.stdout
