"""The same bytes as the im2rec.py of a live MXNet 1.9.1.

RECTOOL_MXNET_PYTHON names the Python of an environment with mxnet, numpy<1.24 and OpenCV;
`.ci/run` makes one. Run with `pytest -m mxnet`.
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, encoded, picture, rectool
from helpers.live import im2rec, im2recs, mxnet
from helpers.processes import files
from PIL import Image

from rectool import RecordReader, unpack
from rectool.imaging.pillow import decode

pytestmark = pytest.mark.mxnet


def place(folder: Path, options: list[str], kind: object) -> Path:
    """Where in a folder stands what im2rec makes with these options."""
    return folder / " ".join([str(kind), *options])


def pack_by_im2rec(root: Path, folder: Path, choices: list[list[str]]) -> Path:
    """Packs the images with each of these options, by 3 workers and by 1: see `place`."""
    im2rec("--list", "--recursive", "theirs", root, cwd=folder)
    calls: list[list[object]] = []
    for workers in (3, 1):  # first where it forks: OpenCV's threads do not come along
        for options in choices:
            where = place(folder, options, workers)
            where.mkdir()
            shutil.copy(folder / "theirs.lst", where)
            calls.append([where / "theirs", root, *options, "--num-thread", workers])
    im2recs(calls, folder)
    return folder


def check_same(theirs: Path, ours: Path) -> None:
    for ending in ("lst", "rec", "idx"):
        wanted = (theirs / f"theirs.{ending}").read_bytes()
        assert (ours / f"ours.{ending}").read_bytes() == wanted, ending


PACKS = [
    ["--pass-through"],
    [],
    ["--quality", "80"],
    ["--quality", "100"],
    ["--quality", "1"],
    ["--color", "0"],
    ["--center-crop"],
    ["--color", "0", "--center-crop", "--quality", "70"],
]


@pytest.fixture(scope="module")
def packs(jpegs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_by_im2rec(jpegs, tmp_path_factory.mktemp("packs"), PACKS)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("options", PACKS, ids=" ".join)
def test_packing_gives_im2recs_bytes(
    jpegs: Path, packs: Path, tmp_path: Path, options: list[str], workers: int
) -> None:
    run = rectool("pack", jpegs, "ours", *options, "--num-thread", workers, cwd=tmp_path)
    assert run.status == 0, run
    check_same(place(packs, options, workers), tmp_path)


@pytest.fixture(scope="module")
def same_opencv(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Resized pixels and compressed bytes are those of one version of OpenCV."""
    cv2 = pytest.importorskip("cv2")
    theirs = mxnet("import cv2; print(cv2.__version__)", cwd=tmp_path_factory.mktemp("cv2")).strip()
    if cv2.__version__ != theirs:
        pytest.skip(f"OpenCV {cv2.__version__} here, {theirs} beside MXNet")


@pytest.fixture(scope="module")
def unturned(jpegs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `jpegs`, but without EXIF orientations, which im2rec drops with --color -1."""
    root = tmp_path_factory.mktemp("unturned") / "images"
    return Path(shutil.copytree(jpegs, root, ignore=shutil.ignore_patterns("exif*")))


OPENCV = [
    [],
    ["--resize", "256"],
    ["--resize", "64"],
    ["--resize", "700"],
    ["--resize", "37", "--quality", "80"],
    ["--resize", "101", "--center-crop"],
    ["--center-crop", "--quality", "100"],
    ["--resize", "64", "--color", "0"],
    ["--resize", "64", "--encoding", ".png", "--quality", "3"],
    ["--encoding", ".png", "--quality", "9", "--color", "0", "--center-crop"],
]
UNCHANGED = [
    ["--color", "-1", "--resize", "64"],
    ["--color", "-1", "--resize", "50", "--center-crop", "--encoding", ".png", "--quality", "1"],
]


@pytest.fixture(scope="module")
def opencv_packs(
    jpegs: Path, unturned: Path, same_opencv: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[Path, Path]:
    """What im2rec makes of these two folders."""
    return {
        jpegs: pack_by_im2rec(jpegs, tmp_path_factory.mktemp("opencv"), OPENCV),
        unturned: pack_by_im2rec(unturned, tmp_path_factory.mktemp("unchanged"), UNCHANGED),
    }


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("options", [*OPENCV, *UNCHANGED], ids=" ".join)
def test_opencv_gives_im2recs_bytes(
    jpegs: Path,
    unturned: Path,
    opencv_packs: dict[Path, Path],
    tmp_path: Path,
    options: list[str],
    workers: int,
) -> None:
    root = unturned if options in UNCHANGED else jpegs
    ours = ["--backend", "opencv", "--num-thread", workers]
    run = rectool("pack", root, "ours", *options, *ours, cwd=tmp_path)
    assert run.status == 0, run
    check_same(place(opencv_packs[root], options, workers), tmp_path)


@pytest.mark.usefixtures("same_opencv")
@pytest.mark.parametrize("color", ["1", "0", "-1"])
def test_opencv_gives_im2recs_bytes_of_pngs(tmp_path: Path, color: str) -> None:
    root = tmp_path / "images"
    root.mkdir()
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        image = picture(9, 50, 40, mode) if mode != "LA" else picture(9, 50, 40, "L").convert(mode)
        (root / f"{mode}.png").write_bytes(encoded(image, "PNG"))
    deep = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100)
    (root / "deep.png").write_bytes(encoded(deep, "PNG"))
    im2rec("--list", "theirs", root, cwd=tmp_path)
    options = ["--resize", "33", "--encoding", ".png", "--quality", "6", "--color", color]
    im2rec("theirs", root, *options, cwd=tmp_path)
    run = rectool("pack", root, "ours", "--flat", *options, "--backend", "opencv", cwd=tmp_path)
    assert run.status == 0, run
    assert (tmp_path / "ours.rec").read_bytes() == (tmp_path / "theirs.rec").read_bytes()


def test_packing_labels_gives_im2recs_bytes(jpegs: Path, tmp_path: Path) -> None:
    im2rec("--list", "--recursive", "a", jpegs, cwd=tmp_path)
    lines = [line.split("\t") for line in (tmp_path / "a.lst").read_text().splitlines()]
    labels = [[label, f"{0.1 * n}", f"{-n}"][: 1 + n % 3] for n, (_, label, _) in enumerate(lines)]
    text = "".join(
        "\t".join([key, *more, path]) + "\n"
        for (key, _, path), more in zip(lines, labels, strict=True)
    )
    for name in ("theirs", "first"):
        (tmp_path / f"{name}.lst").write_text(text)
    im2rec("theirs", jpegs, "--pack-label", cwd=tmp_path)
    im2rec("first", jpegs, cwd=tmp_path)
    for theirs, option in (
        ("theirs", ["--pack-label"]),
        ("theirs", []),
        ("first", ["--label-width", "1"]),
    ):
        run = rectool(
            "pack", f"{theirs}.lst", "ours", "--root", jpegs, "--force", *option, cwd=tmp_path
        )
        assert run.status == 0, run
        assert (tmp_path / "ours.rec").read_bytes() == (tmp_path / f"{theirs}.rec").read_bytes()


def test_pngs_have_im2recs_pixels(jpegs: Path, tmp_path: Path) -> None:
    im2rec("--list", "--recursive", "theirs", jpegs, cwd=tmp_path)
    im2rec("theirs", jpegs, "--encoding", ".png", "--quality", "3", cwd=tmp_path)
    run = rectool("pack", jpegs, "ours", "--encoding", ".png", "--quality", 3, cwd=tmp_path)
    assert run.status == 0, run
    ours, theirs = RecordReader(tmp_path / "ours.rec"), RecordReader(tmp_path / "theirs.rec")
    assert ours.keys.tolist() == theirs.keys.tolist()
    for mine, other in zip(ours, theirs, strict=True):
        (header, image), (wanted, reference) = unpack(mine), unpack(other)
        assert header == wanted
        assert np.array_equal(decode(image), decode(reference))


LISTS = [
    [],
    ["--no-shuffle"],
    ["--chunks", "3"],
    ["--train-ratio", "0.6", "--test-ratio", "0.2"],
    ["--train-ratio", "0.75"],
    ["--chunks", "4", "--train-ratio", "0.34", "--test-ratio", "0.33"],
    ["--exts", ".bmp", ".png"],
]


def listed(jpegs: Path, options: list[str], flat: bool) -> Path:
    """The folder that is listed with these options."""
    return GOLDEN / "tree" if "--exts" in options else jpegs / ("odd" if flat else "")


@pytest.fixture(scope="module")
def lists(jpegs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What im2rec makes of each."""
    folder, calls = tmp_path_factory.mktemp("lists"), []
    for options, flat in itertools.product(LISTS, (False, True)):
        where = place(folder, options, flat)
        where.mkdir()
        how = [] if flat else ["--recursive"]
        calls.append([where / "a", listed(jpegs, options, flat), "--list", *how, *options])
    im2recs(calls, folder)
    return folder


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("options", LISTS, ids=" ".join)
def test_lists_are_im2recs(
    jpegs: Path, lists: Path, tmp_path: Path, options: list[str], flat: bool
) -> None:
    mine = ["--exts", "BMP,png"] if "--exts" in options else options
    how = ["--flat"] if flat else []
    run = rectool("list", listed(jpegs, options, flat), "a", *how, *mine, cwd=tmp_path)
    assert run.status == 0, run
    assert files(tmp_path) == files(place(lists, options, flat))
