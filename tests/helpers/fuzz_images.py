"""Damaged images of every format: packed or named, and never in the way of the others."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path

from conftest import encoded, picture
from PIL import Image

from helpers.damaged_images import MUTATIONS
from helpers.fuzz_records import read_pair
from helpers.fuzzing import Trial
from helpers.mutations import BYTES
from helpers.plain_records import fields

WAYS = (
    (), ("--resize", "12"), ("--encoding", "png", "--color", "unchanged"), ("--pass-through",),
    ("--pass-through", "--verify"), ("--color", "gray", "--center-crop"),
)  # fmt: skip
GOOD = ("good0.jpg", "good1.png")


@functools.cache
def originals() -> dict[str, bytes]:
    small = picture(5, 34, 27)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    return {
        "base.jpg": encoded(small, exif=exif),
        "progressive.jpg": encoded(small, progressive=True, comment=b"by hand"),
        "gray.jpg": encoded(picture(6, 20, 20, "L")),
        "cmyk.jpg": encoded(picture(6, 20, 20).convert("CMYK")),
        "rgb.png": encoded(small, "PNG"),
        "palette.png": encoded(picture(7, 23, 20, "P"), "PNG", transparency=3),
        "alpha.png": encoded(picture(7, 23, 20, "RGBA"), "PNG"),
        "some.gif": encoded(picture(8, 20, 20, "P"), "GIF"),
        "frames.gif": encoded(picture(8, 20, 20, "P"), "GIF", save_all=True,
                              append_images=[picture(9, 20, 20, "P")]),
        "lossy.webp": encoded(small, "WEBP"),
        "lossless.webp": encoded(small, "WEBP", lossless=True),
        "plain.tif": encoded(small, "TIFF"),
        "lzw.tif": encoded(small, "TIFF", compression="tiff_lzw"),
        "deflated.tif": encoded(small, "TIFF", compression="tiff_adobe_deflate"),
        "some.bmp": encoded(small, "BMP"),
    }  # fmt: skip


FAULTS = (*BYTES, *MUTATIONS)


def try_images(trial: Trial) -> None:
    """One damaged image between two whole ones."""
    name, data = trial.rng.choice(list(originals().items()))
    fault = trial.rng.choice(FAULTS)
    trial.kind = f"image: {name.rpartition('.')[2]}"
    damaged = bytes(fault(bytearray(data), trial.rng))  # type: ignore[arg-type]
    trial.path(f"images/{name}", damaged)
    for number, good in enumerate(GOOD):
        trial.path(f"images/{good}", originals()["base.jpg" if not number else "rgb.png"])
    order = [GOOD[0], name, GOOD[1]]
    trial.path("m.lst", "".join(f"{7 + at}\t{at}\t{one}\n" for at, one in enumerate(order)))
    way = trial.rng.choice(WAYS)
    if "--pass-through" not in way and trial.rng.random() < 0.3 and _has_opencv():
        way = (*way, "--backend", "opencv")
    said = trial.rectool("pack", "m.lst", "out", "--root", "images", "--workers", "1", *way)
    made = read_pair(trial, "out") if Path("out.rec").exists() else {}
    trial.check({7, 9} <= set(made), f"lost { ({7, 9} - set(made)) }, which are whole")
    trial.check((said.status == 0) == (8 in made), f"status {said.status}, {sorted(made)} packed")
    trial.check(8 in made or name in said.err, f"does not name {name}: {said.err}")
    for key, record in made.items():
        about = fields(record)
        trial.check(about and about[:2] == (key, (key - 7.0,)), f"another header of {key}")
        if about and "--pass-through" in way:
            source = Path("images", order[key - 7]).read_bytes()
            trial.check(about[2] == source, f"another image for {key}")
    if made:
        _read_again(trial)


def _has_opencv() -> bool:
    return importlib.util.find_spec("cv2") is not None


def _read_again(trial: Trial) -> None:
    from rectool import ImageError, RecordDataset

    dataset = RecordDataset("out.rec")
    for at, key in enumerate(dataset.keys.tolist()):
        with trial.raises_only((ImageError,), f"sample {key}") as reading:
            dataset[at]
        trial.check(key == 8 or reading.error is None, f"the whole image {key}: {reading.error}")
    said = trial.rectool("inspect", "out.rec", "--records", "--json")
    rows = [json.loads(line) for line in said.out.splitlines()]
    trial.check([row["key"] for row in rows] == dataset.keys.tolist(), f"other rows: {said.out}")
