"""The same batches as a live MXNet 1.9.1's ImageRecordIter. See test_mxnet_live.py."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import EXAMPLES, encoded, picture
from PIL import Image
from test_mxnet_live import mxnet

from rectool import ImageRecordIter, IRHeader, RecordWriter, pack

cv2 = pytest.importorskip("cv2")

pytestmark = pytest.mark.mxnet
OLD_OPENCV = tuple(map(int, cv2.__version__.split(".")[:2])) < (4, 12)  # later: other rotations

ITERATE = """
import json, mxnet as mx, numpy as np
for number, options in enumerate(json.load(open("cases.json"))):
    it = mx.io.ImageRecordIter(verbose=False, **options)
    batches = []
    for batch in it:
        batches.append([batch.data[0].asnumpy(), batch.label[0].asnumpy(), np.array(batch.pad)])
    arrays = [np.stack(list(arrays)) for arrays in zip(*batches)]
    np.savez(f"{number}.npz", data=arrays[0], label=arrays[1], pad=arrays[2])
"""


def write(path: Path, images: list[bytes], width: int = 1, idx: bool = True) -> None:
    """Images with labels of their own, ids that are not their keys, and the lines of the index
    in another order than the file's."""
    with RecordWriter(path) as writer:
        for number, image in enumerate(images):
            label: Any = number / 8 if width == 1 else [number / 8 + at for at in range(width)]
            writer.write(pack(IRHeader(0, label, number + 100, 0), image), key=number * 7 % 101)
    lines = path.with_suffix(".idx").read_text().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    path.with_suffix(".idx").write_text("".join(lines))
    if not idx:
        path.with_suffix(".idx").unlink()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("batches")
    photos = [path.read_bytes() for path in sorted(EXAMPLES.glob("images/*/*.jpg"))]
    assert len(photos) == 24
    write(root / "photos.rec", photos)
    write(root / "unindexed.rec", photos, idx=False)
    write(root / "wide.rec", photos[:10], width=3)
    sizes = [(33, 40), (40, 33), (34, 47), (57, 36), (33, 33)]
    jpegs = [encoded(picture(seed, *size)) for seed, size in enumerate(sizes)]
    jpegs.append(encoded(picture(5, 40, 50, "L")))
    jpegs.append(encoded(picture(6, 40, 50), progressive=True, subsampling=0))
    write(root / "jpegs.rec", jpegs)
    modes = ("RGB", "RGBA", "L", "P", "1")
    write(root / "pngs.rec", [encoded(picture(7, 40, 36, mode), "PNG") for mode in modes])
    rgba = [encoded(picture(seed, *size, "RGBA"), "PNG") for seed, size in enumerate(sizes)]
    write(root / "rgba.rec", rgba)
    small = [(20, 30), (30, 20), (7, 60), (60, 7), (31, 31), (40, 31), (11, 13)]
    write(root / "small.rec", [encoded(picture(seed, *size)) for seed, size in enumerate(small)])
    lines = [f"{number + 100}\t{number * 3}\tx.jpg\n" for number in reversed(range(24))]
    (root / "photos.lst").write_text("".join(lines))
    wide = [f"{number + 100}\t{number}\t-1\t0.5\tx.jpg\n" for number in range(24)]
    (root / "wide.lst").write_text("".join(wide))
    return root


Case = tuple[str, dict[str, Any]]


def case(rec: str, shape: tuple[int, int, int], **options: Any) -> Case:
    named = "".join(f",{name}={value}" for name, value in options.items())
    options = {"batch_size": 5, **options, "path_imgrec": f"{rec}.rec", "data_shape": shape}
    return f"{rec}{shape}{named}", options


NORMAL = {
    "mean_r": 123.68, "mean_g": 116.779, "mean_b": 103.939, "mean_a": 127.5,
    "std_r": 58.395, "std_g": 57.12, "std_b": 57.375, "std_a": 2, "scale": 0.017,
}  # fmt: skip
HALVES = {"mean_r": 2.5, "mean_g": 127.5, "mean_b": 200.4, "mean_a": 0.5}
PLAIN = [
    case("photos", (3, 100, 97)),
    case("photos", (3, 81, 64), batch_size=24),
    case("photos", (1, 96, 101), mirror=True),
    case("photos", (3, 96, 96), **NORMAL),
    case("photos", (1, 96, 96), mirror=True, **NORMAL),
    case("photos", (3, 90, 91), dtype="uint8", mirror=True, **NORMAL),
    case("photos", (3, 90, 91), dtype="int8", **NORMAL),
    case("photos", (3, 90, 91), dtype="int8", mirror=True, **HALVES),
    case("photos", (3, 200, 170), pad=50),
    case("photos", (1, 200, 171), pad=51, fill_value=9),
    case("jpegs", (3, 33, 32)),
    case("jpegs", (1, 33, 33)),
    case("pngs", (3, 33, 32)),
    case("rgba", (4, 32, 33)),
    case("rgba", (4, 50, 60), pad=14, fill_value=9, mirror=True, **NORMAL),
    case("rgba", (4, 50, 60), pad=14, fill_value=200, dtype="int8", **HALVES),
    case("wide", (3, 90, 90), label_width=3),
    case("photos", (3, 90, 90), path_imglist="photos.lst"),
    case("unindexed", (3, 90, 90), path_imglist="wide.lst", label_width=3),
    case("unindexed", (3, 90, 90)),
    case("photos", (3, 90, 90), path_imgidx="photos.idx"),
    *(
        case(
            "photos",
            (3, 90, 90),
            path_imgidx="photos.idx",
            num_parts=3,
            part_index=part,
            batch_size=4,
        )
        for part in range(3)
    ),
]
"""Cases in which no pixel is computed anew."""

RESIZED = [
    case(rec, shape, inter_method=method, **options)
    for method in (1, 3, 4)
    for rec, shape, options in (
        ("photos", (3, 96, 91), {"resize": 120}),
        ("photos", (3, 96, 91), {"resize": 96, "mirror": True, **NORMAL}),
        ("photos", (3, 32, 31), {"resize": 33}),
        ("photos", (1, 96, 96), {"resize": 300}),
        ("photos", (3, 224, 224), {}),
        ("photos", (3, 96, 96), {"min_crop_size": 80, "max_crop_size": 80}),
        ("jpegs", (3, 32, 32), {"resize": 20}),
        ("small", (3, 32, 32), {}),
        ("small", (1, 33, 28), {"dtype": "uint8"}),
        ("rgba", (4, 32, 33), {"resize": 45}),
    )
] + [
    case("photos", (3, 96, 91), inter_method=9, resize=100),
    case("photos", (3, 32, 31), inter_method=9, resize=33),
]
"""Bilinear, area, Lanczos."""

ROUNDED = [
    case("photos", (3, 96, 91), inter_method=2, resize=120),
    case("photos", (3, 96, 91), inter_method=2, resize=300),
    case("photos", (1, 90, 91), inter_method=9, resize=200),
    case("small", (3, 32, 32), inter_method=2),
    case("rgba", (4, 32, 33), inter_method=9, resize=45),
    case("pngs", (1, 33, 28)),
]
"""Bicubic, which MXNet's own OpenCV rounds in another way; and PNGs whose colours become grey."""

TURNED = [
    case(rec, shape, inter_method=method, **options)
    for method in (1, 4)
    for rec, shape, options in (
        ("photos", (3, 90, 90), {"rotate": 30}),
        ("photos", (1, 90, 90), {"rotate": 131, "fill_value": 7}),
        ("photos", (3, 60, 60), {"rotate": 222, "resize": 61, "pad": 3}),
        ("photos", (3, 29, 29), {"min_random_scale": 0.29, "max_random_scale": 0.29}),
        ("photos", (3, 90, 90), {"min_random_scale": 1.7, "max_random_scale": 1.7}),
        ("photos", (3, 90, 90), {"min_aspect_ratio": 0.7, "max_aspect_ratio": 0.7, "rotate": 20}),
        ("photos", (3, 40, 40), {"max_img_size": 50}),
        ("jpegs", (3, 32, 32), {"min_img_size": 70}),
        ("rgba", (4, 32, 33), {"rotate": 77, "fill_value": 90}),
    )
]


Batches = dict[str, Any]
Theirs = dict[str, Batches]


@pytest.fixture(scope="module")
def theirs(folder: Path) -> Theirs:
    """What MXNet makes of all cases."""
    cases = [*PLAIN, *RESIZED, *ROUNDED, *TURNED]
    names = [name for name, _ in cases]
    assert len(set(names)) == len(names)
    (folder / "cases.json").write_text(json.dumps([options for _, options in cases]))
    mxnet(ITERATE, cwd=folder)
    return {name: np.load(folder / f"{number}.npz") for number, name in enumerate(names)}


def ours(folder: Path, options: dict[str, Any], **more: Any) -> Batches:
    paths = {name: folder / value for name, value in options.items() if name.startswith("path")}
    batches = list(ImageRecordIter(**{**options, **paths, **more}))
    return {
        "data": np.stack([batch.data[0] for batch in batches]),
        "label": np.stack([batch.label[0] for batch in batches]),
        "pad": np.array([batch.pad for batch in batches]),
    }


def difference(mine: Batches, other: Batches) -> Any:
    """Of the pixels; all else is the same."""
    for name in ("label", "pad"):
        assert np.array_equal(mine[name], other[name]), name
    assert (mine["data"].shape, mine["data"].dtype) == (other["data"].shape, other["data"].dtype)
    return np.abs(mine["data"].astype(np.float64) - other["data"])


def named(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("example", cases, ids=[name for name, _ in cases])


@pytest.mark.parametrize("backend", ["pillow", "opencv"])
@named(PLAIN)
def test_the_same_batches(folder: Path, theirs: Theirs, example: Case, backend: str) -> None:
    name, options = example
    assert not difference(ours(folder, options, backend=backend), theirs[name]).any()


@named(RESIZED)
def test_opencv_resizes_to_the_bit(folder: Path, theirs: Theirs, example: Case) -> None:
    name, options = example
    assert not difference(ours(folder, options, backend="opencv"), theirs[name]).any()


@named(ROUNDED)
def test_opencv_is_off_by_rounding(folder: Path, theirs: Theirs, example: Case) -> None:
    name, options = example
    off = difference(ours(folder, options, backend="opencv"), theirs[name])
    assert off.max() <= 2
    assert off.mean() < (0.1 if "inter_method" in options else 0.4)


@named(TURNED)
def test_opencv_turns_to_the_bit(folder: Path, theirs: Theirs, example: Case) -> None:
    name, options = example
    off = difference(ours(folder, options, backend="opencv"), theirs[name])
    assert off.max() <= (0 if OLD_OPENCV else 16)
    assert off.mean() < 0.5


@named([example for example in [*RESIZED, *ROUNDED] if example[1].get("inter_method") != 3])
def test_pillow_is_close(folder: Path, theirs: Theirs, example: Case) -> None:
    name, options = example
    off = difference(ours(folder, options), theirs[name])
    shrinks_much = options.get("resize") == 33  # of 160: antialiased here, aliased there
    assert off.mean() < (10 if shrinks_much else 3)


def test_exif_orientations_are_applied(tmp_path: Path) -> None:
    """MXNet applies them to some JPEGs and not to others."""
    image = picture(3, 40, 24)
    exif = Image.Exif()
    exif[0x0112] = 6
    write(
        tmp_path / "a.rec",
        [
            encoded(image, exif=exif, quality=100),
            encoded(image.rotate(-90, expand=True), quality=100),
        ],
    )
    turned, upright = next(ImageRecordIter(tmp_path / "a.rec", (3, 40, 24), 2)).data[0]
    assert np.abs(turned - upright).mean() < 2
