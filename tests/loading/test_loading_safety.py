"""What loading images for training leaves alone, whatever is in a record."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import photo
from helpers.backends import installed
from helpers.batches import SHAPE, flat, flats, write
from PIL import Image

from rectool import ImageError, ImageRecordIter, RecordDataset

BACKENDS = installed()


def bug(*_: object, **__: object) -> Any:
    raise KeyError("a bug")


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("resize", [-1, 8])
@pytest.mark.parametrize(
    "where", ["sample_loader.GeometryPlan", "Augmentation.put", "Augmentation.mirrors"]
)
def test_a_bug_in_augmentation_is_no_damaged_image(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_error: Any,
    backend: Any,
    resize: int,
    where: str,
) -> None:
    rec = write(tmp_path / "a.rec", [photo(50, 50), flat(1, 30, 20)])
    monkeypatch.setattr(f"rectool.loading.{where}", bug)
    with ImageRecordIter(rec, SHAPE, 2, resize=resize, on_error=on_error, backend=backend) as it:
        with pytest.raises(KeyError, match="a bug"):
            next(it)
        assert it.skipped == {}


@pytest.fixture(scope="module")
def huge() -> bytes:
    """A WebP of 34 bytes, 13,300 pixels wide and high."""
    file = io.BytesIO()
    Image.new("RGB", (13_300, 13_300)).save(file, "WEBP", lossless=True, quality=0, method=0)
    return file.getvalue()


def test_a_huge_image_is_an_error_with_its_key(tmp_path: Path, huge: bytes) -> None:
    rec = write(tmp_path / "a.rec", [flat(0), huge, flat(2), flat(3)])
    dataset = RecordDataset(rec)
    with pytest.raises(ImageError, match=r"a\.rec: the record with the key 11: .*13300"):
        dataset[1]
    with ImageRecordIter(rec, SHAPE, 4) as it, pytest.raises(ImageError, match="the key 11"):
        next(it)
    with ImageRecordIter(rec, SHAPE, 4, on_error="skip") as it:
        assert next(it).label[0].tolist() == [0, 2, 2, 3]
        assert list(it.skipped) == [11]


Opened = Callable[[Path, int], Any]
WAYS: dict[str, Opened] = {
    "dataset": lambda rec, most: RecordDataset(rec, max_pixels=most)[0],
    "iterator": lambda rec, most: next(ImageRecordIter(rec, SHAPE, 1, max_pixels=most)),
    "resized": lambda rec, most: next(ImageRecordIter(rec, SHAPE, 1, max_pixels=most, resize=9)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("payload", [flat(1, 20, 20), photo(50, 50)], ids=["PNG", "JPEG"])
def test_max_pixels_is_the_most_that_an_image_may_have(
    tmp_path: Path, way: Opened, payload: bytes
) -> None:
    rec = write(tmp_path / "a.rec", [payload])
    size = 400 if payload[:4] == b"\x89PNG" else 2500
    way(rec, size)
    with pytest.raises(ImageError, match="the key 10"):
        way(rec, size - 1)


@pytest.mark.parametrize("value", [0, -1, 1.5, "9"])
def test_max_pixels_is_a_whole_number(tmp_path: Path, value: Any) -> None:
    rec = flats(tmp_path / "a.rec", 1)
    for open_ in (lambda: RecordDataset(rec, max_pixels=value),
                  lambda: ImageRecordIter(rec, SHAPE, 1, max_pixels=value)):  # fmt: skip
        with pytest.raises(ValueError, match="max_pixels"):
            open_()


UNTOUCHED = """
import sys, warnings
import numpy as np
from PIL import Image, ImageFile, PngImagePlugin

try:
    import cv2
    cv2.setNumThreads(3)
except ImportError:
    cv2 = None
Image.MAX_IMAGE_PIXELS = 12345678
ImageFile.LOAD_TRUNCATED_IMAGES = True
np.seterr(over="raise")
np.random.seed(7)

def state():
    log = getattr(cv2, "getLogLevel", lambda: None)() if cv2 else None
    return (
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, ImageFile.MAXBLOCK,
        PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY, sorted(Image.OPEN),
        repr(np.geterr()), np.random.get_state()[1].tolist(), warnings.filters[:],
        cv2 and (cv2.getNumThreads(), cv2.ocl.useOpenCL(), log),
    )

Image.init()
import rectool
before = state()
dataset = rectool.RecordDataset(sys.argv[1])
dataset[0], dataset.labels
for backend in sys.argv[2:]:
    for batch in rectool.ImageRecordIter(
        sys.argv[1], (3, 8, 8), 2, shuffle=True, rand_crop=True, resize=12, backend=backend
    ):
        pass
after = state()
assert before == after, [pair for pair in zip(before, after) if pair[0] != pair[1]]
"""


def test_the_users_settings_of_libraries_stay_as_they_are(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", [photo(50, 50), flat(1, 30, 20), photo(75, 50)])
    command = [sys.executable, "-c", UNTOUCHED, str(rec), *BACKENDS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pickled_data_set_is_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flats(tmp_path / "a.rec", 3)
    flats(tmp_path / "b.rec", 3)
    monkeypatch.chdir(tmp_path)
    dataset = RecordDataset(["a.rec", "b.rec"], ["a.idx", "b.idx"])
    (tmp_path / "elsewhere").mkdir()
    os.chdir("elsewhere")
    assert pickle.loads(pickle.dumps(dataset)).labels.tolist() == [0, 1, 2, 0, 1, 2]
