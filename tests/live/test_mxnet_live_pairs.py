"""A live MXNet 1.9.1 reads both files of a pair, as images and as numbers. See test_mxnet_live."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES, rectool
from PIL import Image
from test_mxnet_live import mxnet

pytestmark = pytest.mark.mxnet

READ = """
import json, sys
import mxnet as mx
images = mx.recordio.MXIndexedRecordIO("out.idx", "out.rec", "r")
masks = mx.recordio.MXIndexedRecordIO("out_mask.idx", "out_mask.rec", "r")
assert images.keys == masks.keys
for key in images.keys:
    header, image = mx.recordio.unpack(images.read_idx(key))
    other, mask = mx.recordio.unpack(masks.read_idx(key))
    assert header == other
    image, mask = mx.image.imdecode(image).asnumpy(), mx.image.imdecode(mask, flag=0).asnumpy()
    assert image.shape[:2] == mask.shape[:2]
    print(json.dumps([key, header.label, image.tolist(), mask[:, :, 0].tolist()]))
"""

ITERATE = """
import mxnet as mx
batches = [mx.io.ImageRecordIter(path_imgrec=name + ".rec", path_imgidx=name + ".idx",
    data_shape=(3, 48, 48), batch_size=6, shuffle=True, seed=5, rand_mirror=True, seed_aug=3,
    inter_method=0, preprocess_threads=1) for name in ("out", "out_mask")]
for image, mask in zip(*batches):
    assert (image.label[0] == mask.label[0]).asnumpy().all()
    found = mask.data[0].asnumpy()
    labels = {0, 1, 2, 3, 4, 5, 6}
    assert set(found.ravel().tolist()) <= labels
    for label, numbers in zip(image.label[0].asnumpy(), found):  # a class a folder, from 1
        assert set(numbers.ravel().tolist()) <= {0, label + 1}
    print("a batch")
"""


def test_both_files_hold_what_they_should(tmp_path: Path) -> None:
    masks = EXAMPLES / "masks"
    options = ["--resize", 48, "--encoding", "png"]
    assert rectool("pack", EXAMPLES / "images", "out", "--masks", masks, *options, cwd=tmp_path)
    names = {
        int(line.split("\t")[0]): line.split("\t")[2].rsplit(".", 1)[0]
        for line in (tmp_path / "out.lst").read_text().splitlines()
    }
    rows = [json.loads(line) for line in mxnet(READ, cwd=tmp_path).splitlines()]
    assert [row[0] for row in rows] == [int(line) for line in names]
    for key, label, image, mask in rows:
        numbers = np.array(Image.open(masks / f"{names[key]}.png"))
        assert set(np.unique(mask).tolist()) <= set(np.unique(numbers).tolist())
        assert label == ("brick", "cat", "coffee", "grass", "rocket", "stars").index(
            names[key].split("/")[0]
        )
        with Image.open(EXAMPLES / f"images/{names[key]}.jpg") as source:
            scaled = source.resize((len(image[0]), len(image)), Image.Resampling.BILINEAR)
        assert np.abs(np.array(scaled).astype(int) - image).max() <= 1
        down, columns = (  # the pixel in which the middle lies
            (2 * np.arange(count) + 1) * of // (2 * count)
            for count, of in zip((len(image), len(image[0])), numbers.shape, strict=True)
        )
        assert (numbers[down[:, None], columns] == mask).all()


def test_copied_16_bit_numbers(tmp_path: Path) -> None:
    """MXNet reads 8 bits of them; the bytes are what they were."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    with Image.open(EXAMPLES / "images/cat/cat1.jpg") as image:
        image.save(tmp_path / "images/a.jpg")
        deep = np.arange(image.width * image.height, dtype=np.uint16).reshape(image.height, -1)
    Image.fromarray(deep).save(tmp_path / "masks/a.png")
    assert rectool("pack", "images", "out", "--masks", "masks", cwd=tmp_path).status == 0
    code = """
import sys
import mxnet as mx
record = mx.recordio.MXIndexedRecordIO("out_mask.idx", "out_mask.rec", "r").read_idx(0)
open("mask.png", "wb").write(mx.recordio.unpack(record)[1])
"""
    mxnet(code, cwd=tmp_path)
    assert (np.array(Image.open(io.BytesIO((tmp_path / "mask.png").read_bytes()))) == deep).all()


def test_two_iterators_stay_together(tmp_path: Path) -> None:
    options = ["--masks", EXAMPLES / "masks", "--resize", 48, "--center-crop"]
    assert rectool("pack", EXAMPLES / "images", "out", *options, cwd=tmp_path).status == 0
    assert mxnet(ITERATE, cwd=tmp_path) == "a batch\n" * 4
