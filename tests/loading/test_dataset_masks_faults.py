"""What ImageRecordIter refuses of masks, and what it does about bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.batches import SHAPE, flats
from helpers.pairs import mask_of, picture_of, write_pair

from rectool import HeaderError, ImageError, ImageRecordIter, RecordDataset, RecordError


def numbered(path: Path, bad: dict[int, bytes], count: int = 6) -> tuple[Path, Path]:
    images = [picture_of(5, 4)] * count
    masks = [bad.get(at, mask_of(np.full((4, 5), at, np.uint8))) for at in range(count)]
    return write_pair(path, images, masks)


RGB = encoded(picture(1, 5, 4), "PNG")
BAD = [
    (encoded(picture(1, 5, 4, "L")), "a JPEG, which changes the numbers"),
    (mask_of(np.zeros((5, 4), np.uint8)), "the mask has 4x5 pixels, and its image 5x4"),
    (RGB, "a mask must have one channel, got 3"),
    (
        mask_of(np.full((4, 5), 300, np.uint16)),
        "the mask has the number 300, and mask_dtype uint8 holds 0 to 255",
    ),
    (b"text", "not an image"),
    (b"", "has no image"),
]


@pytest.mark.parametrize(("bad", "says"), BAD, ids=[says for _, says in BAD])
@pytest.mark.parametrize("options", [{}, {"resize": 6, "rand_crop": True}], ids=str)
def test_bad_masks_are_bad_samples(
    tmp_path: Path, bad: bytes, says: str, options: dict[str, Any]
) -> None:
    rec, masks = numbered(tmp_path / "a.rec", {3: bad})
    it = ImageRecordIter(rec, (3, 4, 5), 2, masks=masks, **options)
    assert next(it).index.tolist() == [10, 11]
    with pytest.raises(ImageError, match=f"a_mask.rec: the record with the key 13: .*{says}"):
        next(it)
    assert next(it).index.tolist() == [14, 15]
    it = ImageRecordIter(rec, (3, 4, 5), 2, masks=masks, on_error="skip", **options)
    for _ in range(2):
        batches = list(it)
        assert [batch.index.tolist() for batch in batches] == [[10, 11], [12, 14], [14, 15]]
        assert [batch.label[1][:, 0, 0].tolist() for batch in batches] == [[0, 1], [2, 4], [4, 5]]
    assert list(it.skipped) == [13]
    assert it.skipped[13].path == str(masks)


def test_a_number_too_large_is_found_where_the_crop_has_none(tmp_path: Path) -> None:
    numbers = np.zeros((4, 50), np.uint16)
    numbers[0, 0] = 300
    rec, masks = write_pair(tmp_path / "a.rec", [picture_of(50, 4)], [mask_of(numbers)])
    with pytest.raises(ImageError, match="the mask has the number 300"):
        next(ImageRecordIter(rec, (3, 4, 5), 1, masks=masks))
    assert (
        not next(ImageRecordIter(rec, (3, 4, 5), 1, masks=masks, mask_dtype="int32")).label[1].any()
    )


NONSENSE: list[dict[str, Any]] = [
    {"mask_dtype": "int8"}, {"mask_dtype": "float64"}, {"mask_dtype": "nonsense"},
    {"mask_fill": 256}, {"mask_fill": -1}, {"mask_fill": 0.5}, {"mask_fill": "0"},
    {"mask_fill": None}, {"mask_dtype": "uint16", "mask_fill": 65_536},
    {"mask_dtype": "float32", "mask_fill": 1 << 25},
]  # fmt: skip


@pytest.mark.parametrize("options", NONSENSE, ids=str)
def test_nonsense_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    rec, masks = numbered(tmp_path / "a.rec", {})
    with pytest.raises(ValueError, match=f"{list(options)[-1]} must be .*, got "):
        ImageRecordIter(rec, (3, 4, 5), 2, masks=masks, **options)


def test_no_file_is_taken_for_masks_by_its_name(tmp_path: Path) -> None:
    rec, masks = numbered(tmp_path / "a.rec", {})
    for paths in ([rec, masks], [masks, rec]):
        assert len(RecordDataset(paths)) == 12
        with ImageRecordIter(paths, (3, 4, 5), 2) as batches:
            assert batches.samples == 12


def test_other_files_are_refused_and_other_labels(tmp_path: Path) -> None:
    rec, _ = numbered(tmp_path / "a.rec", {})
    _, fewer = numbered(tmp_path / "b.rec", {}, 5)
    with pytest.raises(
        RecordError, match=r"b_mask\.rec: these are no masks of .*a\.rec: 5 records"
    ):
        ImageRecordIter(rec, (3, 4, 5), 2, masks=fewer)
    with pytest.raises(FileNotFoundError):
        ImageRecordIter(rec, (3, 4, 5), 2, masks=tmp_path / "none.rec")
    write_pair(tmp_path / "c.rec", [RGB] * 6, [mask_of(np.zeros((4, 5), np.uint8))] * 6, [9.0] * 6)
    it = ImageRecordIter(rec, (3, 4, 5), 2, masks=tmp_path / "c_mask.rec")
    with pytest.raises(
        HeaderError, match=r"c_mask\.rec: .* key 10: .* label 9, and its image .* 0"
    ):
        next(it)


def test_closing_closes_both(tmp_path: Path) -> None:
    rec, masks = numbered(tmp_path / "a.rec", {})
    it = ImageRecordIter(rec, (3, 4, 5), 2, masks=masks)
    next(it)
    it.close()
    assert it._masks is not None
    with pytest.raises(ValueError, match="closed"):
        it._masks.reader[0]


@pytest.mark.parametrize("option", [{"mask_dtype": "int64"}, {"mask_fill": 0}], ids=str)
def test_options_of_masks_without_masks(tmp_path: Path, option: dict[str, Any]) -> None:
    rec = flats(tmp_path / "a.rec", 2)
    with pytest.raises(ValueError, match="mask_dtype and mask_fill require masks"):
        ImageRecordIter(rec, SHAPE, 2, **option)
