"""What ImageRecordIter refuses, and what it does about damaged data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.backends import need
from helpers.batches import SHAPE, flat, flats, seen, write

from rectool import (
    CorruptError,
    HeaderError,
    ImageError,
    ImageRecordIter,
    IndexFileError,
    ListError,
    RecordError,
)

JPEG = encoded(picture(1, 60, 50))


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    return flats(tmp_path / "a.rec", 10)


def broken(path: Path, count: int, *bad: int, payload: bytes = b"no image, but text") -> Path:
    """As `flats`, but for these."""
    return write(path, [payload if at in bad else flat(at) for at in range(count)])


@pytest.mark.parametrize(
    ("name", "meant"),
    [("randcrop", "rand_crop"), ("and_mirror", "rand_mirror"), ("shufle", "shuffle"),
     ("path_imagidx", "path_imgidx"), ("mean", "mean_"), ("dtpe", "dtype"),
     ("numparts", "num_parts")],
)  # fmt: skip
def test_an_unknown_parameter_is_named_with_a_near_one(rec: Path, name: str, meant: str) -> None:
    with pytest.raises(TypeError, match=f"no parameter '{name}': did you mean {meant}"):
        ImageRecordIter(rec, SHAPE, 4, **{name: True})


def test_an_unknown_parameter_that_is_like_none(rec: Path) -> None:
    with pytest.raises(TypeError, match="no parameter 'xyzzy'$"):
        ImageRecordIter(rec, SHAPE, 4, xyzzy=1)


def test_what_is_not_near_is_not_suggested(rec: Path) -> None:
    for name in ("num_workers", "cache"):
        with pytest.raises(TypeError, match=f"no parameter '{name}'$"):
            ImageRecordIter(rec, SHAPE, 4, **{name: 2})
    with pytest.raises(ValueError, match=r"mean_img must be an array .*mx.io.ImageRecordIter"):
        ImageRecordIter(rec, SHAPE, 4, mean_img="mean.bin")


def test_a_missing_parameter_is_named(rec: Path) -> None:
    options: dict[str, Any] = {"batchsize": 4}
    with pytest.raises(TypeError, match="'batch_size'"):
        ImageRecordIter(rec, SHAPE, **options)


NAN = float("nan")
NONSENSE: list[dict[str, Any]] = [
    *({name: value} for name in ("batch_size", "label_width", "num_parts", "preprocess_threads",
                                 "prefetch_buffer") for value in (0, -1, 2.5, "4", None)),
    *({"data_shape": value} for value in ((4, 5), (2, 4, 5), (3, 0, 5), (3, 4, -5), 4, (3, 4.5, 5),
                                          (3, 4, 5, 6), None)),
    {"part_index": 2, "num_parts": 2}, {"part_index": -1}, {"part_index": 0.5},
    *({"dtype": value} for value in ("float16", "int32", "nonsense", np.float64)),
    {"backend": "gpu"}, {"on_error": "ignore"},
    {"inter_method": 5}, {"inter_method": -1}, {"inter_method": 11}, {"inter_method": 1.5},
    *({name: value} for name in ("shuffle", "round_batch") for value in ("False", "0", 2, None)),
    *({"seed": value} for value in (1.5, "7", None)), {"seed_aug": 0.5}, {"seed_aug": "x"},
    {"resize": 10**400}, {"scale": 10**400}, {"scale": 1j},
    {"resize": 0}, {"resize": -2}, {"resize": 2.5}, {"resize": "4"}, {"pad": -1}, {"pad": NAN},
    {"fill_value": 256}, {"fill_value": -1}, {"rotate": -30}, {"max_rotate_angle": -5},
    {"max_rotate_angle": 2.5}, {"max_shear_ratio": -0.5},
    {"random_h": 181}, {"random_s": -1}, {"random_l": 256}, {"random_l": 0.5},
    *({name: value} for name in ("brightness", "contrast", "saturation", "pca_noise",
                                 "max_random_contrast", "max_random_illumination")
      for value in (-0.1, NAN, float("inf"), "0.1", None)),
    *({f"std_{channel}": 0} for channel in "rgba"), {"scale": NAN}, {"mean_r": "123"},
    {"rand_crop": "no"}, {"rand_mirror": 2}, {"mirror": None}, {"random_resized_crop": "yes"},
    {"max_crop_size": 5}, {"min_crop_size": 5}, {"min_crop_size": 9, "max_crop_size": 5},
    {"min_crop_size": 0, "max_crop_size": 5},
    {"min_random_area": 0}, {"min_random_area": 0.5, "max_random_area": 0.4},
    {"max_random_area": 1.5}, {"min_random_area": -0.5},
    {"max_aspect_ratio": 1.0}, {"min_aspect_ratio": 1.5, "max_aspect_ratio": 1.2},
    {"min_aspect_ratio": 0.0, "max_aspect_ratio": 1.2}, {"min_aspect_ratio": 0.5},
    {"min_random_scale": 0}, {"min_random_scale": 1.5}, {"max_random_scale": 0.5},
    {"min_img_size": 9, "max_img_size": 5}, {"max_img_size": -1},
    *({"random_resized_crop": True, **more} for more in (
        {"rand_crop": True}, {"min_crop_size": 3, "max_crop_size": 4}, {"max_random_scale": 2.0})),
    *({"data_shape": (channels, 4, 5), name: 1} for channels in (1, 4)
      for name in ("brightness", "contrast", "saturation", "pca_noise", "random_h")),
]  # fmt: skip


@pytest.mark.parametrize("options", NONSENSE, ids=str)
def test_nonsense_is_refused(rec: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ImageRecordIter(**{"path_imgrec": rec, "data_shape": SHAPE, "batch_size": 4, **options})


def test_a_refusal_says_what_is_valid(rec: Path) -> None:
    for options, said in (
        ({"fill_value": 300}, "fill_value must be a whole number from 0 to 255, got 300"),
        ({"rand_crop": "no"}, "rand_crop must be True or False, got 'no'"),
        ({"pca_noise": -1}, "pca_noise must be a number, 0 or more, got -1"),
        ({"prefetch_buffer": 0}, "prefetch_buffer must be a whole number, 1 or more, got 0"),
    ):
        with pytest.raises(ValueError, match=f"^{said}$"):
            ImageRecordIter(rec, SHAPE, 4, **options)


@pytest.mark.parametrize(
    "payload", [b"no image, but text", JPEG[: len(JPEG) // 2], JPEG[:-2], b"\xff\xd8\xff", b"\0"]
)
@pytest.mark.parametrize(
    "options",
    [{}, {"resize": 6}, {"resize": 6, "backend": "opencv"}, {"resize": 6, "backend": "fast"}],
)
def test_a_bad_image_is_named_and_the_next_batch_follows(
    tmp_path: Path, payload: bytes, options: dict[str, Any]
) -> None:
    path = broken(tmp_path / "a.rec", 10, 5, payload=payload)
    need(options.get("backend", "pillow"))
    it = ImageRecordIter(path, SHAPE, 4, preprocess_threads=3, **options)
    assert seen([next(it)]) == [0, 1, 2, 3]
    with pytest.raises(ImageError, match=r"a\.rec: the record with the key 15: "):
        next(it)
    assert seen([next(it)]) == [8, 9]
    with pytest.raises(StopIteration):
        next(it)
    it.reset()
    assert seen([next(it)]) == [0, 1, 2, 3]


def test_of_several_bad_images_the_first_is_named(tmp_path: Path) -> None:
    """Whichever thread comes to its end first: a large one is slow to decode."""
    large = encoded(picture(1, 1500, 1500), progressive=True)
    payloads = [large[:-2], *[b"no image"] * 9]
    it = ImageRecordIter(write(tmp_path / "a.rec", payloads), SHAPE, 10, preprocess_threads=4)
    for _ in range(3):
        with pytest.raises(ImageError, match="key 10: "):
            next(it)
        it.reset()


def test_a_for_ends_with_the_error_and_the_next_goes_on(tmp_path: Path) -> None:
    it = ImageRecordIter(broken(tmp_path / "a.rec", 10, 1, 9), SHAPE, 4)
    for wanted in ([4, 5, 6, 7], []):
        done = []
        with pytest.raises(ImageError):
            done.extend(it)
        assert done == []
        if wanted:
            assert seen([next(it)]) == wanted


def test_a_damaged_record_is_named(rec: Path) -> None:
    idx = rec.with_suffix(".idx").read_text().splitlines()
    offset = int(idx[5].split("\t")[1])
    data = bytearray(rec.read_bytes())
    data[offset : offset + 4] = b"oops"
    rec.write_bytes(data)
    it = ImageRecordIter(rec, SHAPE, 4)
    next(it)
    with pytest.raises(CorruptError, match=r"a\.rec.*the record with the key 15"):
        next(it)


def test_a_rec_that_was_cut_is_refused_at_once(rec: Path) -> None:
    rec.write_bytes(rec.read_bytes()[:-30])
    with pytest.raises(RecordError, match=r"a\.rec"):
        ImageRecordIter(rec, SHAPE, 4)


def test_a_missing_index(rec: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.idx"):
        ImageRecordIter(rec, SHAPE, 4, path_imgidx=tmp_path / "no.idx")


def test_an_index_of_another_file(rec: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "b.rec", [flat(at, 60 + at * 7, 50) for at in range(30)])
    for count in (30, 10):
        idx = other.with_suffix(".idx").read_text().splitlines(keepends=True)[:count]
        (tmp_path / "c.idx").write_text("".join(idx))
        with pytest.raises(IndexFileError, match=r"a\.rec"):
            ImageRecordIter(rec, SHAPE, 4, path_imgidx=tmp_path / "c.idx")


@pytest.mark.parametrize("payloads", [[], [b""], [b"", b"", b""]])
def test_no_image_at_all(tmp_path: Path, payloads: list[bytes]) -> None:
    path = write(tmp_path / "a.rec", payloads)
    with pytest.raises(ValueError, match=r"a\.rec: none of the records holds an image"):
        ImageRecordIter(path, SHAPE, 4)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.rec: none of the records holds an image"):
        ImageRecordIter(tmp_path / "a.rec", SHAPE, 4)


@pytest.mark.parametrize(("labels", "width"), [([1.0, [1.0, 2.0]], 1), ([[1.0, 2.0], 1.0], 2)])
def test_labels_of_another_width_are_named(tmp_path: Path, labels: list[Any], width: int) -> None:
    path = write(tmp_path / "a.rec", [flat(1), flat(1)], labels)
    it = ImageRecordIter(path, SHAPE, 1, label_width=width)
    next(it)
    said = rf"key 11: it has {3 - width} labels?, and label_width is {width}"
    with pytest.raises(HeaderError, match=said):
        next(it)


def test_a_list_of_another_width(rec: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("100\t1\tx\n101\t1\t2\tx\n")
    with pytest.raises(ListError, match=r"a\.lst"):
        ImageRecordIter(rec, SHAPE, 4, path_imglist=tmp_path / "a.lst")


def test_an_id_that_the_list_lacks(rec: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("".join(f"{at}\t1\tx\n" for at in range(100, 105)))
    it = ImageRecordIter(rec, SHAPE, 5, path_imglist=tmp_path / "a.lst")
    next(it)
    with pytest.raises(ListError, match=r"a\.rec.*key 15: .*a\.lst has no line for the id 105"):
        next(it)


@pytest.mark.parametrize("options", [{}, {"resize": 4}])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "P"])
def test_four_channels_are_asked_of_an_image_without(
    tmp_path: Path, mode: str, options: dict[str, Any]
) -> None:
    image = picture(1, 9, 9, mode) if mode != "LA" else picture(1, 9, 9, "L").convert(mode)
    path = write(tmp_path / "a.rec", [encoded(image, "PNG")])
    with pytest.raises(ImageError, match="channels? of uint8, and data_shape requires 4"):
        next(ImageRecordIter(path, (4, 4, 4), 1, **options))


def test_more_than_the_image_has_cannot_be_cut_out(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4, min_crop_size=5, max_crop_size=5)
    with pytest.raises(
        ImageError, match="key 10: the image has 5x4 pixels, less than max_crop_size 5"
    ):
        next(it)


def test_a_batch_that_is_too_large_for_memory_raises(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 10**13)
    with pytest.raises(MemoryError):
        next(it)


@pytest.mark.parametrize("threads", [1, 4])
def test_bad_samples_are_skipped(tmp_path: Path, threads: int) -> None:
    path = broken(tmp_path / "a.rec", 10, 0, 3, 4, 9)
    options: dict[str, Any] = {"on_error": "skip", "preprocess_threads": threads}
    it = ImageRecordIter(path, SHAPE, 4, **options)
    for _ in range(2):
        batches = list(it)
        labels = np.concatenate([batch.label[0] for batch in batches]).tolist()
        assert labels == [1, 1, 2, 5, 5, 5, 6, 7, 8, 1, 1, 1]
        assert [batch.pad for batch in batches] == [0, 0, 2]
        for batch in batches:
            assert (batch.data[0][:, 0, 0, 0] == batch.label[0]).all()
            assert (batch.index == batch.label[0] + 10).all()
    assert sorted(it.skipped) == [10, 13, 14, 19]
    assert all(isinstance(error, ImageError) for error in it.skipped.values())
    assert "key 13" in str(it.skipped[13])
    assert all(error.__traceback__ is None for error in it.skipped.values())  # nor any batch


def test_nothing_is_skipped_where_nothing_is_bad(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4, on_error="skip")
    assert seen(it) == list(range(10))
    assert it.skipped == {}


def test_bad_labels_are_skipped_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rec", [flat(1)] * 3, [0.0, [1.0, 2.0], 2.0])
    it = ImageRecordIter(path, SHAPE, 3, on_error="skip")
    assert next(it).label[0].tolist() == [0, 2, 2]
    assert isinstance(it.skipped[11], HeaderError)


@pytest.mark.parametrize("round_batch", [False, True])
def test_where_all_are_bad_there_is_an_error_and_an_end(tmp_path: Path, round_batch: bool) -> None:
    path = broken(tmp_path / "a.rec", 5, *range(5))
    it = ImageRecordIter(path, SHAPE, 2, on_error="skip", round_batch=round_batch)
    for _ in range(3):
        with pytest.raises(ImageError, match="the record with the key 1"):
            next(it)
    with pytest.raises(StopIteration):
        next(it)
    assert sorted(it.skipped) == [10, 11, 12, 13, 14]


def test_a_closed_iterator(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4)
    next(it)
    it.close()
    it.close()
    for _ in range(4):
        with pytest.raises(ValueError, match=r"a\.rec: the iterator is closed"):
            next(it)


def test_a_thousand_bad_samples_in_a_row_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rectool.loading.sample_loader._MOST_SKIPPED", 5)
    four, five = (broken(tmp_path / f"{n}.rec", 20, *range(n)) for n in (4, 5))
    with ImageRecordIter(four, SHAPE, 2, on_error="skip") as it:
        assert next(it).label[0].tolist() == [4, 4]
    with (
        ImageRecordIter(five, SHAPE, 2, on_error="skip") as it,
        pytest.raises(ImageError, match="the record with the key 14"),
    ):
        next(it)
