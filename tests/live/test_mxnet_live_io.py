"""Mean images, files of arrays, boxes and rotations as in a live MXNet 1.9.1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.live import mxnet

import rectool.mx as mx
from rectool import IRHeader, RecordWriter, pack

pytestmark = pytest.mark.mxnet


def write(path: Path, labels: list[Any]) -> None:
    with RecordWriter(path) as writer:
        for key, label in enumerate(labels):
            image = encoded(picture(key, 40, 30), "PNG")
            writer.write(pack(IRHeader(0, label, key, 0), image), key=key)


def test_mean_images_computed_by_either_are_those_of_the_other(tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [float(key) for key in range(10)])
    options: dict[str, Any] = {"path_imgrec": "a.rec", "data_shape": (3, 24, 30), "batch_size": 5}
    program = f"""
import mxnet as mx, numpy as np
for mirror in (False, True):
    it = mx.io.ImageRecordIter(mean_img="theirs.bin", verbose=False, mirror=mirror, **{options!r})
    np.save(f"{{mirror}}.npy", it.next().data[0].asnumpy())
mx.nd.save("mean.nd", mx.nd.load("theirs.bin"))
"""
    mxnet(program, cwd=tmp_path)
    options["path_imgrec"] = str(tmp_path / "a.rec")
    for name in ("theirs.bin", "ours.bin"):
        for mirror in (False, True):
            mean = str(tmp_path / name)
            source = mx.io.ImageRecordIter(mean_img=mean, mirror=mirror, **options)
            wanted = np.load(tmp_path / f"{mirror}.npy")
            assert np.allclose(source.next().data[0], wanted, atol=1e-3)
            source.close()
    ours, theirs = (mx.nd.load(str(tmp_path / name)) for name in ("ours.bin", "theirs.bin"))
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    assert list(ours) == list(theirs)
    assert np.allclose(ours["mean_img"], theirs["mean_img"], atol=1e-4)


def test_files_of_arrays_are_read_and_written_as_mxnet_does(tmp_path: Path) -> None:
    program = """
import mxnet as mx
arrays = [mx.nd.arange(6).reshape((2, 3)).astype(dtype) for dtype in
          ("float32", "float64", "float16", "uint8", "int32", "int8", "int64")]
mx.nd.save("list", arrays)
mx.nd.save("dict", {"a": arrays[0], "b": arrays[3]})
"""
    mxnet(program, cwd=tmp_path)
    for name in ("list", "dict"):
        loaded = mx.nd.load(str(tmp_path / name))
        values = loaded.values() if isinstance(loaded, dict) else loaded
        assert all(one.tolist() == [[0, 1, 2], [3, 4, 5]] for one in values)
        mx.nd.save(str(tmp_path / "ours"), loaded)
        assert (tmp_path / "ours").read_bytes() == (tmp_path / name).read_bytes()


def test_rotations(tmp_path: Path) -> None:
    image = np.random.default_rng(0).uniform(0, 1, (3, 30, 60)).astype(np.float32)
    np.save(tmp_path / "image.npy", image)
    cases = [(11, False, False), (-70, False, True), (33.5, True, False), (90, False, False)]
    program = f"""
import mxnet as mx, numpy as np
image = mx.nd.array(np.load("image.npy"))
np.savez("out.npz", *[mx.image.imrotate(image, *case).asnumpy() for case in {cases!r}])
"""
    mxnet(program, cwd=tmp_path)
    wanted = np.load(tmp_path / "out.npz")
    for number, case in enumerate(cases):
        turned = mx.image.imrotate(mx.nd.array(image), *case)
        assert np.allclose(turned, wanted[f"arr_{number}"], atol=1e-3)


@pytest.mark.parametrize("shape", [(3, 30, 40), (3, 24, 24)])
def test_boxes(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    write(tmp_path / "a.rec", [
        [2, 5, 3, 0.1, 0.2, 0.5, 0.6], [4, 5, 9, 9, 1, 0.25, 0, 0.5, 1, 2, 0, 0, 1, 1],
    ])  # fmt: skip
    options: dict[str, Any] = {
        "path_imgrec": "a.rec", "data_shape": shape, "batch_size": 2, "mean_r": 10, "std_g": 2,
        "std_r": 1, "std_b": 1, "verbose": False, "inter_method": 0,
    }  # fmt: skip
    program = f"""
import mxnet as mx, numpy as np
for mirror in (0, 1):
    it = mx.io.ImageDetRecordIter(rand_mirror_prob=mirror, **{options!r})
    batch = it.next()
    np.savez(f"{{mirror}}.npz", batch.data[0].asnumpy(), batch.label[0].asnumpy())
"""
    mxnet(program, cwd=tmp_path)
    options["path_imgrec"] = str(tmp_path / "a.rec")
    for mirror in (0, 1):
        source = mx.io.ImageDetRecordIter(rand_mirror_prob=mirror, **options)
        batch, wanted = source.next(), np.load(tmp_path / f"{mirror}.npz")
        assert np.allclose(batch.label[0], wanted["arr_1"], atol=1e-6)
        if shape == (3, 30, 40):
            assert np.allclose(batch.data[0], wanted["arr_0"], atol=1e-4)
        source.close()
