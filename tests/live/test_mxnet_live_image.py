"""The same images as a live MXNet 1.9.1's: one program, run with mxnet and with rectool.mx.

See test_mxnet_live.py. MXNet has OpenCV 3.4.2 inside; what is not equal to the bit here, with the
OpenCV of today, is said where it is compared.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import EXAMPLES, encoded, picture

import rectool.mx as mx
from rectool import IRHeader, RecordWriter, pack

pytestmark = [pytest.mark.mxnet, pytest.mark.usefixtures("opencv")]
PYTHON = os.environ.get("RECTOOL_MXNET_PYTHON", "")

Results = dict[str, Any]

START = """
import random, warnings
warnings.simplefilter("ignore")
import numpy as np
import mxnet as mx
results = {}
"""
END = """
np.savez("theirs.npz", **results)
"""


@pytest.fixture(scope="module")
def opencv() -> Iterator[None]:
    pytest.importorskip("cv2")
    mx.image.set_backend("opencv")
    yield
    mx.image.set_backend("pillow")


def both(program: str, cwd: Path) -> tuple[Results, Results]:
    """What the program puts into `results`, run by us and by MXNet."""
    assert PYTHON, "RECTOOL_MXNET_PYTHON is not set"
    command = [PYTHON, "-c", START + program + END]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = dict(np.load(cwd / "theirs.npz"))
    ours: Results = {}
    before = Path.cwd()
    os.chdir(cwd)
    try:
        exec(program, {"mx": mx, "np": np, "random": random, "results": ours})
    finally:
        os.chdir(before)
    assert list(ours) == list(theirs)
    assert ours
    for name, wanted in theirs.items():
        ours[name] = np.asarray(ours[name])
        assert ours[name].shape == wanted.shape, name
        assert ours[name].dtype == wanted.dtype, name
    return ours, theirs


def check(program: str, cwd: Path, tolerance: float = 0.0) -> None:
    ours, theirs = both(program, cwd)
    for name, wanted in theirs.items():
        if tolerance:
            assert np.abs(ours[name].astype(float) - wanted).max() <= tolerance, name
        else:
            assert np.array_equal(ours[name], wanted), name


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images without EXIF orientations, which MXNet does not always apply."""
    root = tmp_path_factory.mktemp("images")
    for path in sorted((EXAMPLES / "images").glob("*/*1.jpg")):
        shutil.copy(path, root)
    for seed, (width, height) in enumerate([(1, 1), (7, 30), (33, 16), (64, 65), (3, 200)]):
        (root / f"size{seed}.jpg").write_bytes(encoded(picture(seed, width, height)))
    (root / "grey.jpg").write_bytes(encoded(picture(5, mode="L")))
    (root / "progressive.jpg").write_bytes(encoded(picture(6, 90, 70), progressive=True))
    (root / "full.jpg").write_bytes(encoded(picture(7, 90, 70), subsampling=0, quality=100))
    for mode in ("RGB", "RGBA", "L", "P", "1"):
        (root / f"{mode}.png").write_bytes(encoded(picture(9, 50, 40, mode), "PNG"))
    return root


def test_decoding(images: Path) -> None:
    program = """
import os
for name in sorted(os.listdir(".")):
    if name.endswith((".jpg", ".png")):
        with open(name, "rb") as file:
            data = file.read()
        results[name] = mx.image.imdecode(data).asnumpy()
        results[name + " bgr"] = mx.image.imdecode(bytearray(data), 1, 0).asnumpy()
        results[name + " read"] = mx.image.imread(name, to_rgb=1).asnumpy()
        as_array = np.frombuffer(data, np.uint8)
        results[name + " grey"] = mx.image.imdecode(as_array, flag=0).asnumpy()
"""
    ours, theirs = both(program, images)
    for name, wanted in theirs.items():
        # OpenCV and Pillow weigh a PNG's colours into grey with other roundings
        tolerance = 1 if name.endswith(".png grey") else 0
        assert np.abs(ours[name].astype(int) - wanted).max() <= tolerance, name


RESIZE = """
rng = np.random.RandomState(0)
for height, width in ((37, 53), (120, 90), (5, 9), (64, 64)):
    for channels in (1, 3, 4):
        array = rng.uniform(0, 256, (height, width, channels))
        array = mx.nd.array(array, dtype="{dtype}")
        for size in ((20, 20), (64, 48), (100, 240), (32, 32), (37, 53)):
            name = str((height, width, channels, size))
            results[name] = mx.image.imresize(array, *size, interp={code}).asnumpy()
"""
TOLERANCES = {
    # today's wheels of OpenCV have Intel's bicubic, which rounds otherwise
    ("uint8", 2): 1,
    # and its bilinear; of all three, sums of float32 are in another order
    ("float32", 1): 0.01,
    ("float32", 2): 0.01,
    ("float32", 4): 0.001,
}


@pytest.mark.parametrize("code", range(5))
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_resizing(tmp_path: Path, dtype: str, code: int) -> None:
    program = RESIZE.format(dtype=dtype, code=code)
    check(program, tmp_path, TOLERANCES.get((dtype, code), 0))


GEOMETRY = """
rng = np.random.RandomState(0)
for height, width in ((37, 53), (120, 90), (16, 16)):
    array = mx.nd.array(rng.randint(0, 256, (height, width, 3)), dtype="uint8")
    for interp in (0, 1, 3, 4):
        random.seed(interp)
        for size in (11, 40, 200):
            name = str((height, width, interp, size))
            results[name + "short"] = mx.image.resize_short(array, size, interp).asnumpy()
            sides = (size, size // 2 + 3)
            made = {
                "fixed": (mx.image.fixed_crop(array, 2, 3, 12, 11, sides, interp), ()),
                "plain": (mx.image.fixed_crop(array, 2, 3, 99, 11), ()),
                "center": mx.image.center_crop(array, sides, interp),
                "random": mx.image.random_crop(array, sides, interp),
                "sized": mx.image.random_size_crop(array, sides, (0.2, 0.9), (0.5, 2), interp),
                "area": mx.image.random_size_crop(array, sides, 0.3, (3 / 4, 4 / 3), interp),
                "none": mx.image.random_size_crop(array, sides, 0.99, (5, 9), interp),
            }
            for kind, (part, area) in made.items():
                results[name + kind] = part.asnumpy()
                results[name + kind + " area"] = np.array(area or 0)
            results[name + "down"] = np.array(mx.image.scale_down((width, height), sides))
"""


def test_geometry(tmp_path: Path) -> None:
    check(GEOMETRY, tmp_path)


def test_geometry_by_sizes(tmp_path: Path) -> None:
    # 9 is bicubic where both sides grow, 10 at random: see TOLERANCES
    check(GEOMETRY.replace("(0, 1, 3, 4)", "(2, 9, 10)"), tmp_path, 1)


def test_borders(tmp_path: Path) -> None:
    program = """
rng = np.random.RandomState(0)
for dtype in ("uint8", "float32"):
    for height, width, channels in ((7, 5, 3), (4, 9, 1), (1, 1, 3), (1, 3, 4)):
        array = mx.nd.array(rng.randint(0, 256, (height, width, channels)), dtype=dtype)
        for sides in ((1, 2, 3, 4), (9, 0, 13, 2), (0, 0, 0, 0)):
            for kind in range(5):
                name = str((dtype, height, width, channels, sides, kind))
                results[name] = mx.image.copyMakeBorder(array, *sides, type=kind).asnumpy()
            colours = [{"values": (1, 2.5, 3.5, 300)}, {"values": (-4, 1.5, 2.6, 0.5)}]
            # of four channels MXNet leaves the last one zero
            for colour in colours + [{"value": 7}] * (channels < 4):
                results[name + str(colour)] = mx.image.copyMakeBorder(
                    array, *sides, type=0, **colour
                ).asnumpy()
"""
    check(program, tmp_path)


COLOURS = """
rng = np.random.RandomState(0)
array = mx.nd.array(rng.randint(0, 256, (37, 53, 3)))
for seed in range(5):
    for name, aug in {augmenters}.items():
        random.seed(seed)
        np.random.seed(seed)
        results[name + str(seed)] = aug(array.copy()).asnumpy()
"""


def test_colours_to_the_bit(tmp_path: Path) -> None:
    augmenters = """{
    "brightness": mx.image.BrightnessJitterAug(0.5),
    "lighting": mx.image.LightingAug(0.3, np.array([5.0, 2, 1]), np.eye(3) + 0.5),
    "normalize": mx.image.ColorNormalizeAug(mx.nd.array([1, 2, 3.3]), mx.nd.array([4, 5, 6.6])),
    "mean": mx.image.ColorNormalizeAug(np.array([1, 2, 3.3]), None),
    "flip": mx.image.HorizontalFlipAug(0.5),
    "cast": mx.image.CastAug("uint8"),
}"""
    check(COLOURS.replace("{augmenters}", augmenters), tmp_path)


def test_colours_about(tmp_path: Path) -> None:
    """Sums and products of matrices in float32, whose order is another one."""
    augmenters = """{
    "contrast": mx.image.ContrastJitterAug(0.5),
    "saturation": mx.image.SaturationJitterAug(0.5),
    "hue": mx.image.HueJitterAug(0.5),
    "grey": mx.image.RandomGrayAug(0.5),
    "all": mx.image.ColorJitterAug(0.5, 0.5, 0.5),
    "order": mx.image.RandomOrderAug([mx.image.CastAug(), mx.image.HueJitterAug(0.1)]),
}"""
    check(COLOURS.replace("{augmenters}", augmenters), tmp_path, 1e-3)


def test_lists_of_augmenters(tmp_path: Path) -> None:
    program = """
rng = np.random.RandomState(0)
array = mx.nd.array(rng.randint(0, 256, (60, 80, 3)), dtype="uint8")
colours = dict(brightness=0.1, contrast=0.2, saturation=0.3, hue=0.1, pca_noise=0.1, rand_gray=0.5)
for number, options in enumerate((
    dict(),
    dict(resize=40),
    dict(rand_crop=True, rand_mirror=True, inter_method=10),
    dict(rand_crop=True, rand_resize=True, mean=True, std=True),
    dict(resize=50, rand_crop=True, rand_mirror=True, mean=np.array([1.0, 2, 3]), **colours),
)):
    made = mx.image.CreateAugmenter((3, 24, 32), **dict({"inter_method": 1}, **options))
    results["dumps %d" % number] = np.array(str([aug.dumps() for aug in made]))
    for seed in range(4):
        random.seed(seed)
        np.random.seed(seed)
        image = array.copy()
        for aug in made:
            image = aug(image)
        results["%d %d" % (number, seed)] = image.asnumpy()
sequence = mx.image.SequentialAug([mx.image.RandomOrderAug(made[:2]), mx.image.CastAug()])
results["sequence"] = np.array(str(sequence.dumps()))
"""
    ours, theirs = both(program, tmp_path)
    for name, wanted in theirs.items():
        if wanted.dtype.kind == "U":
            assert ours[name] == wanted
        else:
            tolerance = 1e-3 if name.startswith("4") else 0
            assert np.abs(ours[name] - wanted).max() <= tolerance, name


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.rec` of 11 JPEGs whose keys are out of order, a list for it, and its images as files."""
    root = tmp_path_factory.mktemp("set")
    keys = [7, 3, 9, 1, 10, 4, 0, 2, 8, 6, 5]
    with RecordWriter(root / "a.rec") as writer:
        for key in keys:
            image = encoded(picture(key, 40 + 3 * key, 60 - 2 * key))
            (root / f"{key}.jpg").write_bytes(image)
            writer.write(pack(IRHeader(0, key / 2, key, 0), image), key=key)
    lines = (f"{key}\t{key}\t{key * key}\t{key}.jpg\n" for key in sorted(keys))
    (root / "a.lst").write_text("".join(lines), encoding="utf-8")
    return root


ITERATE = """
for number, options in enumerate((
    dict(path_imgrec="a.rec"),
    dict(path_imgrec="a.rec", path_imgidx="a.idx", last_batch_handle="discard"),
    dict(path_imgrec="a.rec", path_imgidx="a.idx", path_imglist="a.lst", label_width=2),
    dict(path_imglist="a.lst", path_root=".", label_width=2, dtype="float32"),
    dict(imglist=[[1.5, "7.jpg"], [2, "3.jpg"], [0, "4.jpg"]], path_root="", shuffle=True),
    dict(path_imgrec="a.rec", path_imgidx="a.idx", shuffle=True, rand_crop=True,
         rand_mirror=True, mean=True, std=True),
    dict(path_imgrec="a.rec", path_imgidx="a.idx", shuffle=True, rand_crop=True, rand_resize=True,
         resize=50, num_parts=11, part_index=3),
    dict(path_imgrec="a.rec", aug_list=[mx.image.ForceResizeAug((32, 24), 3)]),
)):
    random.seed(number)
    if "aug_list" not in options:
        options["inter_method"] = {inter_method}
    batch_size = 1 if "num_parts" in options else 3
    source = mx.image.ImageIter(batch_size, (3, 24, 32), **options)
    name = "%d " % number
    results[name + "provides"] = np.array(str([
        [(one[0], tuple(one[1])) for one in provided]
        for provided in (source.provide_data, source.provide_label)
    ]))
    for epoch in range(2):
        for at, batch in enumerate(source):
            where = name + "%d %d " % (epoch, at)
            results[where + "data"] = batch.data[0].asnumpy()
            results[where + "label"] = batch.label[0].asnumpy()
            results[where + "pad"] = np.array(batch.pad)
        source.reset()
"""


def test_image_iter(data_set: Path) -> None:
    check(ITERATE.replace("{inter_method}", "1"), data_set)


def test_image_iter_with_bicubic(data_set: Path) -> None:
    ours, theirs = both(ITERATE.replace("{inter_method}", "2"), data_set)
    for name, wanted in theirs.items():
        if name.endswith("data"):
            # one level of 255 for each time (see TOLERANCES), which normalised is a fiftieth
            tolerance = {"5": 0.018, "6": 2}.get(name[0], 1)
            assert np.abs(ours[name] - wanted).max() <= tolerance, name
        else:
            assert (ours[name] == wanted).all(), name


def test_rolling_over(data_set: Path) -> None:
    program = """
source = mx.image.ImageIter(3, (3, 24, 32), path_imgrec="a.rec", path_imgidx="a.idx",
                            last_batch_handle="roll_over", inter_method=1)
for epoch in range(4):
    for at, batch in enumerate(source):
        results["%d %d data" % (epoch, at)] = batch.data[0].asnumpy()
        results["%d %d label" % (epoch, at)] = batch.label[0].asnumpy()
        results["%d %d pad" % (epoch, at)] = np.array(batch.pad)
    if epoch == 2:
        source.hard_reset()
    else:
        source.reset()
"""
    check(program, data_set)


def test_arrays(tmp_path: Path) -> None:
    program = """
nd = mx.nd
pixels = nd.array(np.arange(24).reshape(2, 4, 3), dtype="uint8")
floats = pixels.astype("float32")
for name, made in {
    "list": nd.array([1, 2]), "array": nd.array(np.arange(3)), "scalar": nd.array(5),
    "uint8": nd.array(np.uint8([1])), "float64": nd.array(np.float64([1])),
    "own": nd.array(pixels), "dtype": nd.array([1], dtype="int32"), "zeros": nd.zeros(3),
    "ones": nd.ones((1, 2), dtype="uint8"), "transpose": nd.transpose(pixels, axes=(2, 0, 1)),
    "method": pixels.transpose((2, 0, 1)), "reversed": nd.transpose(pixels),
    "flip": nd.flip(data=pixels, axis=2), "reverse": nd.reverse(pixels, axis=0),
    "stack": nd.stack(pixels, pixels, axis=1), "concat": nd.concat(pixels, pixels),
    "dim": nd.concat(pixels, pixels, dim=2), "concatenate": nd.concatenate([pixels, pixels]),
    "expand": nd.expand_dims(pixels, axis=0), "expanded": pixels.expand_dims(1),
    "cast": nd.cast(pixels, dtype="float32"), "clip": nd.clip(floats, 2, 7),
    "dot": nd.dot(floats, nd.ones((3, 2))), "reshape": pixels.reshape((0, -1)),
    "sizes": pixels.reshape(4, 6), "flatten": pixels.flatten(), "element": pixels[1, 2, 0],
    "one": nd.array([3.5, 4])[1], "row": pixels[1], "slice": pixels[:, 1:3, ::-1],
    "minus": floats - nd.array([1, 2, 3]), "times": floats * 2.5, "over": 3 / (floats + 1),
    "copied": pixels.copyto(nd.zeros((2, 4, 3))), "context": pixels.as_in_context(mx.cpu()),
}.items():
    results[name] = made.asnumpy()
results["asscalar"] = nd.array([3.5])[0].asscalar()
results["shown"] = np.array([repr(floats), str(pixels), repr(mx.cpu()), str(pixels.context)])
"""
    check(program, tmp_path)
