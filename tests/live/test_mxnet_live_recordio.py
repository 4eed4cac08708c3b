"""A live MXNet 1.9.1 reads what we write, and writes the same. See test_mxnet_live."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded, picture, rectool
from PIL import Image
from test_mxnet_live import mxnet

import rectool.mx as mx
from rectool import RecordReader
from rectool.format.frames import MAGIC

pytestmark = pytest.mark.mxnet

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
