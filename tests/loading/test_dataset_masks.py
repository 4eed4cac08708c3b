"""RecordDataset with masks: two files whose records belong together."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, in_threads, picture
from helpers.pairs import mask_of, places, write_pair
from numpy.typing import NDArray
from PIL import Image

from rectool import (
    CorruptError,
    HeaderError,
    ImageError,
    IRHeader,
    RecordDataset,
    RecordError,
    RecordWriter,
    pack,
)
from rectool.imaging.pillow import decode

COUNT = 12


def numbers_of(at: int) -> NDArray[Any]:
    """A mask of a size of its own, of 8 or 16 bits."""
    return places(9 + at, 7 + at % 3).astype(np.uint16 if at % 2 else np.uint8)


def image_of(at: int) -> bytes:
    return encoded(picture(at, 9 + at, 7 + at % 3), "PNG" if at % 4 else "JPEG")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    images, masks = map(image_of, range(COUNT)), map(mask_of, map(numbers_of, range(COUNT)))
    return write_pair(tmp_path / "a.rec", list(images), list(masks))


def wrong_samples(dataset: RecordDataset, seed: int) -> int:
    wrong = 0
    for at in np.random.default_rng(seed).permutation(COUNT).tolist():
        image, mask, label = dataset[at]
        wrong += not np.array_equal(image, np.asarray(decode(image_of(at))))
        wrong += not np.array_equal(mask, numbers_of(at)) or mask.dtype != numbers_of(at).dtype
        wrong += label != at
    return wrong


def test_image_mask_and_label(pair: tuple[Path, Path]) -> None:
    dataset = RecordDataset(pair[0], masks=pair[1])
    assert len(dataset) == COUNT
    assert wrong_samples(dataset, 0) == 0
    assert dataset[-1][2] == COUNT - 1
    assert dataset.labels.tolist() == list(range(COUNT))
    assert dataset.keys.tolist() == list(range(10, 10 + COUNT))
    header, image, mask = dataset.record(3)
    assert (header.id, image, mask) == (103, image_of(3), mask_of(numbers_of(3)))
    encoded_ones = RecordDataset(pair[0], masks=[pair[1]], decode=False)
    assert encoded_ones[3] == (image_of(3), mask_of(numbers_of(3)), 3.0)
    names = f"{str(pair[0])!r}: 12 images, masks of {str(pair[1])!r}"
    assert repr(dataset) == f"RecordDataset({names})"
    dataset.close()
    for use in (lambda: dataset[0], lambda: dataset._masks and dataset._masks.reader[0]):
        with pytest.raises(ValueError, match="the reader is closed"):
            use()


def sizes(image: Any, mask: Any, label: Any) -> tuple[Any, ...]:
    return image.shape[:2], mask.shape, 2 * label


def test_a_transform_takes_all_three(pair: tuple[Path, Path]) -> None:
    dataset = RecordDataset(pair[0], masks=pair[1], transform=sizes)
    assert dataset[4] == ((8, 13), (8, 13), 8)


def test_masks_of_several_channels(tmp_path: Path) -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (5, 4, 4), dtype=np.uint8)
    palette = Image.fromarray(np.arange(20, dtype=np.uint8).reshape(5, 4), "L")
    palette.putpalette(list(range(60)))
    images = [encoded(picture(1, 4, 5), "PNG")] * 2
    masks = [encoded(Image.fromarray(rgba), "PNG"), encoded(palette, "PNG")]
    dataset = RecordDataset(*write_pair(tmp_path / "a.rec", images, masks)[:1],
                            masks=tmp_path / "a_mask.rec")  # fmt: skip
    assert np.array_equal(dataset[0][1], rgba)
    assert np.array_equal(dataset[1][1], np.arange(20).reshape(5, 4))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_masks_are_turned_as_their_images_are(tmp_path: Path, kind: str) -> None:
    """A mask's own orientation counts for nothing, nor the image's where nothing is decoded."""
    numbers = places(9, 7).astype(np.uint8)
    images = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        red = Image.fromarray(np.dstack([numbers, numbers * 0, numbers * 0]))
        options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
        images.append(encoded(red, kind, exif=exif, **options.get(kind, {})))
    exif = Image.Exif()
    exif[0x0112] = 6
    mask = encoded(Image.fromarray(numbers), "PNG", exif=exif)
    pair = write_pair(tmp_path / "a.rec", images, [mask] * 8)
    shapes = []
    for image, found, _ in RecordDataset(pair[0], masks=pair[1]):
        assert np.abs(image[..., 0].astype(int) - found).max() <= (8 if kind == "JPEG" else 0)
        shapes.append(found.shape)
    assert shapes == [(7, 9)] * 4 + [(9, 7)] * 4
    assert RecordDataset(pair[0], masks=pair[1], decode=False)[5][1] == mask


def test_records_without_an_image_are_left_out_of_both(tmp_path: Path) -> None:
    numbers = np.zeros((5, 4), np.uint8)
    images = [b"", encoded(picture(1, 4, 5)), b"", encoded(picture(2, 4, 5))]
    masks = [b"" if not image else mask_of(numbers + at) for at, image in enumerate(images)]
    rec, mask = write_pair(tmp_path / "a.rec", images, masks)
    dataset = RecordDataset(rec, masks=mask)
    assert [found.max() for _, found, _ in dataset] == [1, 3]


def test_shards_may_be_divided_in_another_way(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    images = []
    for number, part in enumerate((range(5), range(5, COUNT))):
        with RecordWriter(tmp_path / f"{number}.rec") as writer:
            for at in part:
                writer.write(pack(IRHeader(0, float(at), 100 + at, 0), image_of(at)), 10 + at)
        images.append(tmp_path / f"{number}.rec")
    dataset = RecordDataset(images, masks=pair[1])
    assert wrong_samples(dataset, 0) == 0
    assert f"and 1 more': 12 images, masks of {str(pair[1])!r}" in repr(dataset)


def test_without_indexes(pair: tuple[Path, Path]) -> None:
    """The records' ids are the keys of both, or of none."""
    dataset = pickle.loads(pickle.dumps(RecordDataset(pair[0], False, masks=pair[1])))
    assert dataset.keys.tolist() == list(range(100, 112))
    assert wrong_samples(dataset, 0) == 0
    pair[1].with_suffix(".idx").unlink()
    with pytest.raises(RecordError, match="position 0, the key 100, not the key 10"):
        RecordDataset(pair[0], masks=pair[1])


def test_labels_that_are_no_numbers_are_alike(tmp_path: Path) -> None:
    images, masks = [encoded(picture(1, 4, 5))] * 2, [mask_of(np.zeros((5, 4), np.uint8))] * 2
    nan = float("nan")
    rec, mask = write_pair(tmp_path / "a.rec", images, masks, [[1.0, nan], nan])
    dataset = RecordDataset(rec, masks=mask)
    assert [np.isnan(label).sum() for _, _, label in dataset] == [1, 1]


# Files that do not belong together.


def rewritten(path: Path, keys: list[int]) -> Path:
    """Other keys in the same records."""
    idx = path.with_suffix(".idx")
    offsets = [line.split("\t")[1] for line in idx.read_text().splitlines()]
    lines = [f"{key}\t{offset}\n" for key, offset in zip(keys, offsets, strict=False)]
    idx.write_text("".join(lines))
    return path


KEYS = list(range(10, 10 + COUNT))
OTHERS = [
    (KEYS[:-1], "11 records, not 12; .* at position 11, the end, not the key 21"),
    (KEYS[:2], "2 records, not 12; .* at position 2, the end, not the key 12"),
    ([10, 99, *KEYS[2:]], "other keys; .* at position 1, the key 99, not the key 11"),
    ([10, 12, 11, *KEYS[3:]], "its keys in another order; .* position 1, the key 12, not the "),
    ([99, *KEYS[1:-1]], "11 records, not 12; .* position 0, the key 99, not the key 10"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "says"), OTHERS, ids=[says for _, says in OTHERS])
def test_other_records(pair: tuple[Path, Path], keys: list[int], says: str) -> None:
    rewritten(pair[1], keys)
    wanted = rf"a_mask\.rec: these are no masks of .*a\.rec: {says}"
    with pytest.raises(RecordError, match=wanted) as caught:
        RecordDataset(pair[0], masks=pair[1])
    assert caught.value.path == str(pair[1])


def test_more_masks_than_images(pair: tuple[Path, Path]) -> None:
    rewritten(pair[0], KEYS[:-1])
    with pytest.raises(RecordError, match="12 records, not 11; .* 11, the key 21, not the end"):
        RecordDataset(pair[0], masks=pair[1])


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (IRHeader(0, 1.0, 999, 0), "the mask has the id 999, and its image 101"),
        (IRHeader(0, 5.5, 101, 0), "the mask has the label 5.5, and its image the label 1"),
        (IRHeader(0, [1, 2], 101, 0), "the mask has the labels 1, 2, and its image the label 1"),
    ],
)
def test_other_headers(tmp_path: Path, header: IRHeader, says: str) -> None:
    rec, mask = write_pair(
        tmp_path / "a.rec",
        [encoded(picture(1, 4, 5))] * 2,
        [mask_of(np.zeros((5, 4), np.uint8))] * 2,
    )
    with RecordWriter(mask, force=True) as writer:
        for number, wrong in enumerate((IRHeader(0, 0.0, 100, 0), header)):
            writer.write(pack(wrong, mask_of(np.zeros((5, 4), np.uint8))), 10 + number)
    for decoding in (True, False):
        dataset = RecordDataset(rec, masks=mask, decode=decoding)
        dataset[0]
        wanted = rf"a_mask\.rec: the record with the key 11: {says}"
        with pytest.raises(HeaderError, match=wanted):
            dataset[1]
    with pytest.raises(HeaderError, match=says):
        dataset.record(1)


BAD = [
    (mask_of(np.zeros((9, 7), np.uint8)), "the mask has 7x9 pixels, and its image 9x7"),
    (encoded(picture(1, 9, 7)), "a JPEG, which changes the numbers"),
    (mask_of(numbers_of(0))[:50], "a PNG cut short"),
    (b"", "has no image"),
]


@pytest.mark.parametrize(("bad", "says"), BAD, ids=[says for _, says in BAD])
def test_bad_masks_are_named(tmp_path: Path, bad: bytes, says: str) -> None:
    rec, mask = write_pair(tmp_path / "a.rec", [image_of(0)] * 2, [mask_of(numbers_of(0)), bad])
    dataset = RecordDataset(rec, masks=mask)
    dataset[0]
    with pytest.raises(ImageError, match=rf"a_mask\.rec: .* key 11: .*{says}") as caught:
        dataset[1]
    assert caught.value.path == str(mask)
    undecoded = RecordDataset(rec, masks=mask, decode=False)
    if bad:
        assert undecoded[1] == (image_of(0), bad, 1.0)
    else:
        with pytest.raises(ImageError, match=says):
            undecoded[1]


def test_a_damaged_record_of_a_mask_is_named(pair: tuple[Path, Path]) -> None:
    dataset = RecordDataset(pair[0], masks=pair[1])
    offset = int(pair[1].with_suffix(".idx").read_text().splitlines()[2].split("\t")[1])
    dataset.close()
    data = bytearray(pair[1].read_bytes())
    data[offset] ^= 1
    pair[1].write_bytes(data)
    dataset = RecordDataset(pair[0], masks=pair[1])
    with pytest.raises(CorruptError, match=r"a_mask\.rec: .*the record with the key 12"):
        dataset[2]
    assert dataset[3][2] == 3


def test_missing_masks(pair: tuple[Path, Path]) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.rec"):
        RecordDataset(pair[0], masks=pair[0].with_name("none.rec"))
    with pytest.raises(ValueError, match="at least one path is required"):
        RecordDataset(pair[0], masks=[])


# Copies, threads and processes.


def test_it_pickles_as_its_paths(pair: tuple[Path, Path]) -> None:
    dataset = RecordDataset(pair[0], masks=pair[1], transform=sizes)
    dataset.labels  # noqa: B018
    data = pickle.dumps(dataset)
    assert len(data) < 800
    assert pickle.loads(data)[4] == ((8, 13), (8, 13), 8)
    rewritten(pair[1], [10, 12, 11, *KEYS[3:]])
    with pytest.raises(RecordError, match="these are no masks of"):
        pickle.loads(data)


def test_threads_share_it(pair: tuple[Path, Path]) -> None:
    dataset = RecordDataset(pair[0], masks=pair[1])
    assert in_threads(8, lambda seed: wrong_samples(dataset, seed)) == [0] * 8


def work(dataset: RecordDataset, seed: int) -> None:
    sys.exit(min(wrong_samples(dataset, seed), 100))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_share_it_after_it_was_read(pair: tuple[Path, Path], method: str) -> None:
    dataset = RecordDataset(pair[0], masks=pair[1])
    assert wrong_samples(dataset, 0) == 0
    context: Any = multiprocessing.get_context(method)
    workers = [context.Process(target=work, args=(dataset, seed)) for seed in range(2)]
    for worker in workers:
        worker.start()
    assert wrong_samples(dataset, 5) == 0
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 2
