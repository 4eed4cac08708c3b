"""Damaged images of every format: each is packed or named, once, and nothing else happens."""

from __future__ import annotations

import io
import os
import random
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.damaged_images import MUTATIONS, originals, with_checksum
from helpers.processes import measured
from PIL import Image

from rectool import RecordReader, unpack

MUTANTS = 20  # of each of the 13 images below
GIB = 1 << 30
EXTS = "jpg,png,gif,webp,tif,bmp"


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that claim to be huge: as large as is allowed, and larger."""
    for width, height in ((60_000, 60_000), (0xFFFF, 0xFFFF), (13_000, 13_000)):
        for name, at, kind in (
            ("rgb.png", 16, ">II"), ("some.gif", 6, "<HH"), ("some.bmp", 18, "<ii"),
            ("lossy.webp", 26, "<HH"),
        ):  # fmt: skip
            data = bytearray(dict(originals())[name])
            most = 0x3FFF if name == "lossy.webp" else 0x7FFFFFFF
            struct.pack_into(kind, data, at, min(width, most), min(height, most))
            yield f"{width}x{height}-{name}", bytes(with_checksum(data))
        data = bytearray(dict(originals())["gray.jpg"])
        struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
        if width > 13_000:  # else it is decoded, which takes its time
            yield f"{width}x{height}-gray.jpg", bytes(data)
        for name in ("plain.tif", "deflated.tif"):
            data = bytearray(dict(originals())[name])
            for tag, value in ((256, width), (257, height)):
                where = re.search(struct.pack("<H", tag) + rb"[\x03\x04]\0\x01\0\0\0", data)
                assert where is not None
                struct.pack_into("<HHII", data, where.start(), tag, 4, 1, value)
            yield f"{width}x{height}-{name}", bytes(data)


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders, TIFFs and others, with whole images of each kind and many damaged ones."""
    images = [(f"whole-{name}", data) for name, data in originals()]
    images += [(f"bomb-{name}", data) for name, data in bombs()]
    rng = random.Random(20_240_229)
    for name, data in originals():
        for number in range(MUTANTS):
            mutation = MUTATIONS[number % len(MUTATIONS)]
            damaged = bytes(mutation(bytearray(data), rng))
            images.append((f"{mutation.__name__}-{number:02}-{name}", damaged))
    assert len(images) >= 250
    root = tmp_path_factory.mktemp("mutants")
    (root / "tiffs").mkdir()
    (root / "others").mkdir()
    for name, data in images:
        (root / ("tiffs" if name.endswith("tif") else "others") / name).write_bytes(data)
    return root


def decodes(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="needs getrusage with the memory in kB")
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("folder", ["others", "tiffs"])
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--encoding", "png", "--color", "unchanged", "--resize", "20"],
        ["--pass-through"],
        ["--pass-through", "--verify"],
        ["--backend", "opencv"],
        ["--backend", "fast", "--resize", "20"],
    ],
    ids=lambda options: " ".join(options) or "encoded anew",
)
def test_each_is_packed_or_named(
    mutants: Path, tmp_path: Path, options: list[str], folder: str
) -> None:
    names = set(os.listdir(mutants / folder))
    args = ["pack", folder, f"{tmp_path}/out", "--exts", EXTS, "--workers", "2", *options]
    status, said, peak = measured(*args, cwd=mutants)
    lines = said.splitlines()
    log = (tmp_path / "out.failures.txt").read_text()
    named = [line.split("\t") for line in log.splitlines()]
    assert all(reason for _, _, _, reason in named)
    bad = {path.removeprefix(f"{folder}/") for _, path, _, _ in named}
    kept = len(names) - len(bad)
    assert len(named) == len(bad)
    assert bad < names
    whole = {name for name in bad if name.startswith("whole-")}
    assert whole <= ({"whole-some.gif"} if "opencv" in options else set()), lines  # some read it
    assert not [line for line in lines if "internal error" in line or "Traceback" in line]
    assert status == 1
    reader = RecordReader(tmp_path / "out.rec")
    assert len(reader) == kept
    assert set(reader.keys.tolist()).isdisjoint(int(key) for key, *_ in named)
    if "--pass-through" not in options:
        assert all(decodes(unpack(record)[1]) for record in reader)
    assert peak < 1.5 * GIB
    ends = [f"packed {kept} of {len(names)} images into ", f"not packed: {len(bad)} images"]
    assert all(any(line.startswith(end) for line in lines) for end in ends)
