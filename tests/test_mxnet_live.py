"""The same bytes as a live MXNet 1.9.1 and its im2rec.py.

RECTOOL_MXNET_PYTHON names the Python of an environment with mxnet, numpy<1.24 and OpenCV;
`.ci/run` makes one. Run with `pytest -m mxnet`.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES, GOLDEN, encoded, picture, rectool
from PIL import Image

import rectool.mx as mx
from rectool import RecordReader, unpack
from rectool.format import MAGIC
from rectool.imaging import decode

pytestmark = pytest.mark.mxnet
PYTHON = os.environ.get("RECTOOL_MXNET_PYTHON", "")


def mxnet(code: str, *args: object, cwd: Path) -> str:
    assert PYTHON, "RECTOOL_MXNET_PYTHON is not set"
    command = [PYTHON, "-c", code, *map(str, args)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


IM2REC = "import runpy; runpy.run_module('mxnet.tools.im2rec', run_name='__main__')"


def im2rec(*args: object, cwd: Path) -> None:
    mxnet(IM2REC, *args, cwd=cwd)


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs of every kind: the examples, odd sizes, grey, progressive, 4:4:4, EXIF orientations."""
    root = tmp_path_factory.mktemp("jpegs")
    shutil.copytree(EXAMPLES / "images", root / "photos")
    odd = root / "odd"
    odd.mkdir()
    for seed, (width, height) in enumerate([(1, 1), (7, 30), (33, 16), (64, 65), (3, 200)]):
        (odd / f"size{seed}.jpg").write_bytes(encoded(picture(seed, width, height)))
    (odd / "grey.jpg").write_bytes(encoded(picture(5, mode="L")))
    (odd / "progressive.jpeg").write_bytes(encoded(picture(6, 90, 70), progressive=True))
    (odd / "full.jpg").write_bytes(encoded(picture(7, 90, 70), subsampling=0, quality=100))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(picture(8, 40, 25), exif=exif, comment=b"a comment")
        (odd / f"exif{orientation}.jpg").write_bytes(data)
    return root


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        ["--pass-through"],
        [],
        ["--quality", "80"],
        ["--quality", "100"],
        ["--quality", "1"],
        ["--color", "0"],
        ["--center-crop"],
        ["--color", "0", "--center-crop", "--quality", "70"],
    ],
    ids=" ".join,
)
def test_packing_gives_im2recs_bytes(
    jpegs: Path, tmp_path: Path, options: list[str], workers: int
) -> None:
    im2rec("--list", "--recursive", "theirs", jpegs, cwd=tmp_path)
    im2rec("theirs", jpegs, *options, "--num-thread", workers, cwd=tmp_path)
    run = rectool("pack", jpegs, "ours", *options, "--num-thread", workers, cwd=tmp_path)
    assert run.status == 0, run
    for ending in ("lst", "rec", "idx"):
        theirs, ours = (tmp_path / f"{name}.{ending}" for name in ("theirs", "ours"))
        assert ours.read_bytes() == theirs.read_bytes(), ending


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


def check_same_with_opencv(root: Path, options: list[str], workers: int, cwd: Path) -> None:
    im2rec("--list", "--recursive", "theirs", root, cwd=cwd)
    im2rec("theirs", root, *options, "--num-thread", workers, cwd=cwd)
    ours = ["--backend", "opencv", "--num-thread", workers]
    run = rectool("pack", root, "ours", *options, *ours, cwd=cwd)
    assert run.status == 0, run
    for ending in ("lst", "rec", "idx"):
        theirs, mine = (cwd / f"{name}.{ending}" for name in ("theirs", "ours"))
        assert mine.read_bytes() == theirs.read_bytes(), ending


@pytest.mark.usefixtures("same_opencv")
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
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
    ],
    ids=" ".join,
)
def test_opencv_gives_im2recs_bytes(
    jpegs: Path, tmp_path: Path, options: list[str], workers: int
) -> None:
    check_same_with_opencv(jpegs, options, workers, tmp_path)


@pytest.mark.usefixtures("same_opencv")
@pytest.mark.parametrize(
    "options",
    [
        ["--resize", "64"],
        ["--resize", "50", "--center-crop", "--encoding", ".png", "--quality", "1"],
    ],
    ids=" ".join,
)
def test_opencv_gives_im2recs_bytes_unchanged(
    unturned: Path, tmp_path: Path, options: list[str]
) -> None:
    check_same_with_opencv(unturned, ["--color", "-1", *options], 1, tmp_path)


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


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("options", LISTS, ids=" ".join)
def test_lists_are_im2recs(jpegs: Path, tmp_path: Path, options: list[str], flat: bool) -> None:
    root = GOLDEN / "tree" if "--exts" in options else jpegs / ("odd" if flat else "")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    im2rec("theirs/a", root, "--list", *([] if flat else ["--recursive"]), *options, cwd=tmp_path)
    mine = ["--exts", "BMP,png"] if "--exts" in options else options
    run = rectool("list", root, "ours/a", *(["--flat"] if flat else []), *mine, cwd=tmp_path)
    assert run.status == 0, run
    theirs = {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "ours").iterdir()} == theirs


WRITE = """
import random, sys
import mxnet as mx
random.seed(int(sys.argv[1]))
magic = b"\\x0a\\x23\\xd7\\xce"
writer = mx.recordio.MXIndexedRecordIO("theirs.idx", "theirs.rec", "w")
for key in range(200):
    body = b"".join(random.choice([magic, b"abcd", b"x", b""]) for _ in range(random.randrange(12)))
    label = random.choice([1.5, [0.25], [1, 2, 3]])
    writer.write_idx(key * 7 % 200, mx.recordio.pack((0, label, key, key % 3), body))
writer.close()
"""


def test_mxnet_and_we_write_the_same_records(tmp_path: Path) -> None:
    mxnet(WRITE, 5, cwd=tmp_path)
    random.seed(5)
    writer = mx.recordio.MXIndexedRecordIO(tmp_path / "ours.idx", tmp_path / "ours.rec", "w")
    for key in range(200):
        pieces = (random.choice([MAGIC, b"abcd", b"x", b""]) for _ in range(random.randrange(12)))
        body = b"".join(pieces)
        label = random.choice([1.5, [0.25], [1, 2, 3]])
        writer.write_idx(key * 7 % 200, mx.recordio.pack((0, label, key, key % 3), body))
    writer.close()
    for ending in ("rec", "idx"):
        ours, theirs = tmp_path / f"ours.{ending}", tmp_path / f"theirs.{ending}"
        assert ours.read_bytes() == theirs.read_bytes()


READ = """
import numpy as np, mxnet as mx
record = mx.recordio.MXIndexedRecordIO("a.idx", "a.rec", "r")
arrays = {}
for key in record.keys:
    for flag in (-1, 0, 1):
        header, image = mx.recordio.unpack_img(record.read_idx(key), flag)
        arrays[f"{key} {flag}"] = image
np.savez("theirs.npz", **arrays)
"""


def test_mxnet_reads_what_we_pack_and_sees_the_same_pixels(jpegs: Path, tmp_path: Path) -> None:
    root = tmp_path / "images"
    shutil.copytree(jpegs / "odd", root / "odd")
    for name, mode in {
        "rgb": "RGB",
        "rgba": "RGBA",
        "grey": "L",
        "bit": "1",
        "palette": "P",
    }.items():
        (root / "odd" / f"{name}.png").write_bytes(encoded(picture(9, mode=mode), "PNG"))
    deep = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100)
    (root / "odd" / "deep.png").write_bytes(encoded(deep, "PNG"))
    assert rectool("pack", root, "a", "--pass-through", cwd=tmp_path).status == 0
    mxnet(READ, cwd=tmp_path)
    theirs = np.load(tmp_path / "theirs.npz")
    record = mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r")
    assert len(theirs.files) == 3 * len(record.keys)
    for key in record.keys:
        for flag in (-1, 0, 1):
            image = mx.recordio.unpack_img(record.read_idx(key), flag)[1]
            wanted = theirs[f"{key} {flag}"]
            assert image is not None
            assert (image.shape, image.dtype) == (wanted.shape, wanted.dtype)
            is_png = record.read_idx(key)[24:28] == b"\x89PNG"
            # OpenCV and Pillow weigh a PNG's colours into grey with other roundings
            tolerance = 1 if is_png and flag == 0 else 0
            assert np.abs(image.astype(int) - wanted).max() <= tolerance, (key, flag)


PACK_IMG = """
import numpy as np, mxnet as mx
images = np.load("images.npz")
record = mx.recordio.MXRecordIO("theirs.rec", "w")
for name in images.files:
    for quality in (1, 60, 95, 100):
        record.write(mx.recordio.pack_img((0, 1.0, 3, 0), images[name], quality=quality))
record.close()
"""


def test_pack_img_gives_mxnets_jpegs(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    images = {
        "bgr": np.asarray(picture(1, 61, 47)),
        "bgra": np.asarray(picture(2, 61, 47, "RGBA")),
        "grey": np.asarray(picture(3, 61, 47, "L")),
        "grey3": np.asarray(picture(3, 61, 47, "L"))[:, :, None],
        "float": rng.uniform(-20, 300, (20, 30, 3)),
    }
    np.savez(tmp_path / "images.npz", **images)
    mxnet(PACK_IMG, cwd=tmp_path)
    theirs = list(RecordReader(tmp_path / "theirs.rec"))
    ours = [
        mx.recordio.pack_img((0, 1.0, 3, 0), image, quality=quality)
        for image in images.values()
        for quality in (1, 60, 95, 100)
    ]
    assert ours == theirs
