"""Damaged masks, as files and as records: an image has its own mask, or is named."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
from conftest import encoded, picture
from PIL import Image

from helpers.damaged_images import MUTATIONS
from helpers.damaged_records import DAMAGES, Pair, pair_of
from helpers.fuzz_records import read_pair
from helpers.fuzzing import Trial
from helpers.mutations import BYTES
from helpers.plain_records import Record, fields, read_at

KEYS = (5, 2, 9, 4, 7)


@functools.cache
def image_of(key: int) -> bytes:
    return encoded(picture(key, 20 + key, 15))


@functools.cache
def mask_of(key: int) -> bytes:
    return encoded(Image.fromarray(numbers_of(key)), "PNG")


def numbers_of(key: int) -> Any:
    """Another one for each key."""
    rows, columns = np.mgrid[:15, : 20 + key]
    return ((rows // 3 + columns // 4 + key) % 11).astype(np.uint8)


def decoded(mask: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(mask)))


def try_mask_files(trial: Trial) -> None:
    """One of the masks in a folder is damaged."""
    fault = trial.rng.choice((*BYTES, *MUTATIONS))
    trial.kind = f"mask file: {fault.__name__}"
    damaged = trial.rng.choice(KEYS)
    for key in KEYS:
        trial.path(f"images/{key}.jpg", image_of(key))
        mask = mask_of(key)
        mask = bytes(fault(bytearray(mask), trial.rng)) if key == damaged else mask  # type: ignore[arg-type]
        trial.path(f"masks/{key}.png", mask)
    trial.path("m.lst", "".join(f"{key}\t{key}\t{key}.jpg\n" for key in KEYS))
    way = trial.rng.choice((("--pass-through",), ("--resize", "12"), ("--encoding", "png")))
    said = trial.rectool(
        "pack", "m.lst", "out", "--root", "images", "--masks", "masks", "--workers", "1", *way
    )
    images, masks = _both(trial)
    trial.check(set(KEYS) - {damaged} <= set(images), f"lost {set(KEYS) - set(images)}")
    trial.check((said.status == 0) == (damaged in images), f"status {said.status}: {said.err}")
    for key, record in images.items():
        image, mask = fields(record), fields(masks.get(key, b""))
        trial.check(image and mask and image[:2] == mask[:2], f"{key}: another header")
        if "--pass-through" in way and image and mask and key != damaged:
            trial.check(image[2] == image_of(key), f"{key}: another image")
            trial.check(mask[2] == mask_of(key), f"{key}: another mask")


def _both(trial: Trial) -> tuple[dict[int, bytes], dict[int, bytes]]:
    images = read_pair(trial, "out") if Path("out.rec").exists() else {}
    masks = read_pair(trial, "out_mask") if Path("out_mask.rec").exists() else {}
    trial.check(list(images) == list(masks), f"images {list(images)}, masks {list(masks)}")
    return images, masks


def try_mask_records(trial: Trial) -> None:
    """Of two files, of images and of their masks, one is damaged."""
    keys = trial.rng.sample(KEYS, trial.rng.randint(2, len(KEYS)))
    labels = {key: (float(key),) for key in keys}
    images = pair_of(Record(key, labels[key], image_of(key)) for key in keys)
    masks = pair_of(Record(key, labels[key], mask_of(key)) for key in keys)
    damage, of_masks = trial.rng.choice(DAMAGES), trial.rng.random() < 0.7
    trial.kind = f"mask rec: {damage.__name__}"
    data = {
        "a": images.rec if of_masks else damage(images, trial.rng),
        "b": damage(masks, trial.rng) if of_masks else masks.rec,
    }
    for name, pair in (("a", images), ("b", masks)):
        trial.path(f"{name}.rec", data[name])
        trial.path(f"{name}.idx", pair.idx)
    untouched = {
        key for key in keys if _same(images, data["a"], key) and _same(masks, data["b"], key)
    }
    _read(trial, untouched)
    if trial.rng.random() < 0.5:
        _pack(trial, keys, untouched)
    else:
        _unpack(trial, keys, untouched)


def _same(pair: Pair, data: bytes, key: int) -> bool:
    one = read_at(data, pair.spans[key][0])
    return one is not None and one[0] == pair.records[key].data


def _read(trial: Trial, untouched: set[int]) -> None:
    from rectool import RecordDataset, RecordError

    trial.at = "RecordDataset(masks=)"
    with trial.raises_only((RecordError, OSError), "RecordDataset"):
        dataset = RecordDataset("a.rec", masks="b.rec")
        for at, key in enumerate(dataset.keys.tolist()):
            with trial.raises_only((RecordError,), f"sample {key}") as reading:
                image, mask, label = dataset[at]
                trial.check(image.shape[:2] == mask.shape[:2], f"{key}: a mask of another size")
                if key in untouched:
                    trial.check(np.array_equal(mask, numbers_of(key)), f"{key}: another mask")
                    trial.check(label == key, f"{key}: another label")
            trial.check(
                key not in untouched or reading.error is None, f"refuses {key}: {reading.error}"
            )


def _pack(trial: Trial, keys: list[int], untouched: set[int]) -> None:
    way = trial.rng.choice(((), ("--pass-through",), ("--resize", "10", "--workers", "1")))
    said = trial.rectool("pack", "a.rec", "--masks", "b.rec", "out", *way)
    images, masks = _both(trial)
    if said.status == 0:
        trial.check(set(keys) <= set(images), f"lost {set(keys) - set(images)} with status 0")
    for key in set(images) & untouched:
        image, mask = fields(images[key]), fields(masks.get(key, b""))
        trial.check(image and mask and image[:2] == mask[:2], f"{key}: another header")
        if mask and "--resize" not in way:
            trial.check(np.array_equal(decoded(mask[2]), numbers_of(key)), f"{key}: another mask")


def _unpack(trial: Trial, keys: list[int], untouched: set[int]) -> None:
    said = trial.rectool("unpack", "a.rec", "files", "--masks", "b.rec", "--masks-out", "masks")
    lines = {folder: _lines(folder) for folder in ("files", "masks")}
    for key in untouched & set(lines["masks"]):
        name = lines["masks"][key]
        trial.check(Path("masks", name).read_bytes() == mask_of(key), f"{name}: another mask")
    for key in untouched & set(lines["files"]):
        name = lines["files"][key]
        trial.check(Path("files", name).read_bytes() == image_of(key), f"{name}: another image")
    if said.status == 0:
        lost = set(keys) - (set(lines["files"]) & set(lines["masks"]))
        trial.check(not lost, f"lost {lost} with status 0")


def _lines(folder: str) -> dict[int, str]:
    lists = list(Path(folder).glob("*.lst")) if Path(folder).exists() else []
    lines = lists[0].read_text().splitlines() if lists else []
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {int(row[0]): row[-1] for row in rows}
