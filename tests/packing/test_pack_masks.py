"""`rectool pack --masks`: two aligned files, each mask where its image's pixels are."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run, encoded, picture
from helpers.aligned import SIZES, both, check_aligned, image_of, mask_of
from helpers.backends import BACKENDS
from PIL import Image

from rectool.imaging.masks import decode_mask, encode_mask

Runner = Callable[..., Run]

GEOMETRY = [
    [],
    ["--resize", 20],
    ["--resize", 90],
    ["--center-crop"],
    ["--resize", 17, "--center-crop"],
    ["--resize", 25, "--resize-mode", "long"],
    ["--resize", 31, "--resize-mode", "exact", "--interp", "bicubic"],
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("options", GEOMETRY, ids=lambda options: "".join(map(str, options)))
def test_masks_lie_where_their_images_do(
    run: Runner, pairs: Path, options: list[Any], backend: str
) -> None:
    options = [*options, "--backend", backend, "--encoding", "png", "--workers", 2]
    result = run("pack", "images", "out", "--masks", "masks", *options)
    assert result.status == 0, result
    assert "packed 24 of 24 images, and their masks, into out.rec and out_mask.rec" in result.err
    found = both(pairs)
    assert sorted(key for key, *_ in found) == list(range(24))
    for _, image, mask in found:
        check_aligned(image, mask)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_that_is_decoded_small(run: Runner, tmp_path: Path, orientation: int) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    pixels = np.full((403, 637, 3), 90, np.uint8)
    pixels[:, :, 0] = np.arange(637) / 2.5
    pixels[:, :, 1] = np.arange(403)[:, None] / 2.5
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = encoded(Image.fromarray(pixels), quality=97, exif=exif)
    (tmp_path / "images/a.jpg").write_bytes(image)
    rows, columns = np.mgrid[:403, :637]
    for channel, numbers in enumerate((columns, rows)):
        (tmp_path / "masks/a.png").write_bytes(encode_mask(numbers.astype(np.uint16)))
        options = ["--resize", 41, "--encoding", "png", "--force"]
        assert run("pack", "images", "out", "--masks", "masks", *options).status == 0
        [(_, packed, mask)] = both(tmp_path)
        seen = np.array(Image.open(io.BytesIO(packed)))[:, :, channel] * 2.5
        off = (seen - decode_mask(mask))[2:-2, 2:-2]
        assert np.abs(off).max() < 9  # a packed pixel is ten of the image's
        assert abs(off.mean()) < 1.5


def test_shards_and_workers_change_nothing(run: Runner, pairs: Path) -> None:
    options = ["--masks", "masks", "--resize", 20, "--center-crop", "--encoding", "png"]
    assert run("pack", "images", "out", *options, "--workers", 1).status == 0
    one = both(pairs)
    for name, shards in (("set", ["--shards", 5]), ("sized", ["--shard-size", "2kB"])):
        result = run("pack", "images", name, *options, *shards, "--workers", 2)
        assert result.status == 0, result
        assert both(pairs, name) == one
        count = len(list(pairs.glob(f"{name}-*.rec")))
        assert f"{count} shards: {name}_mask-00000-of-0000" in result.err
        assert len(list(pairs.glob(f"{name}_mask-*.idx"))) == count > 2
        assert all(path.stat().st_size <= 2000 for path in pairs.glob("sized*.rec"))


def test_a_file_with_the_name_of_a_shard(run: Runner, pairs: Path) -> None:
    """Named as a part of a set: the file of its masks is the one that is looked for."""
    name, masks = "p-00000-of-00002", "p_mask-00000-of-00002"
    options = ["--masks", "masks", "--part", "0/2"]
    assert run("pack", "images", name, *options).status == 0
    assert sorted(path.name for path in pairs.glob("p*.rec")) == [f"{name}.rec", f"{masks}.rec"]
    result = run("inspect", f"{name}.rec", "--masks", f"{masks}.rec")
    assert "all 12 match" in result.out
    assert "1 of 2 shards is missing" in result.err


def test_numbers_are_kept_and_palettes_become_grey(run: Runner, pairs: Path) -> None:
    palette = np.array(np.arange(60 * 40).reshape(40, 60) % 21, np.uint8)
    palette[:3] = 255
    image = Image.fromarray(palette)
    image.putpalette([value * 11 % 256 for value in range(768)])
    (pairs / "masks/c0/n0.png").write_bytes(encoded(image, "PNG"))
    assert run("pack", "images", "out", "--masks", "masks", "--no-shuffle").status == 0
    masks = {key: mask for key, _, mask in both(pairs)}
    stored = Image.open(io.BytesIO(masks[0]))
    assert (stored.format, stored.mode) == ("PNG", "L")
    assert (np.array(stored) == palette).all()
    assert (decode_mask(masks[6]) == decode_mask(mask_of(*SIZES[2]))).all()  # c0/n2, 16 bits


def test_copied_pairs_keep_their_bytes(run: Runner, pairs: Path) -> None:
    """Those whose readers would turn the image alone are named."""
    result = run("pack", "images", "out", "--masks", "masks", "--pass-through", "--verify")
    assert result.status == 1
    assert result.err.count("without --pass-through both are packed upright (line") == 14
    for _, image, mask in both(pairs):
        size = Image.open(io.BytesIO(image)).size
        assert image in (image_of(*size), image_of(*size, 1, "JPEG"))
        assert mask == mask_of(*size)


def test_copied_masks_of_another_size(run: Runner, tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images/a.png").write_bytes(image_of(60, 40))
    (tmp_path / "masks/a.pgm").write_bytes(encoded(Image.new("L", (5, 4)), "PPM"))
    for options in ([], ["--verify"]):
        result = run("pack", "images", "out", "--masks", "masks", "--pass-through", *options)
        assert result.status == 1
        assert "its mask masks/a.pgm: 5x4 pixels, and the image has 60x40" in result.err
    assert run("pack", "images", "out", "--masks", "masks").status == 1  # another size


@pytest.mark.parametrize(
    ("name", "kind", "says"), [("a.jpg", "JPEG", "JPEG"), ("a.webp", "WEBP", "lossy WebP")]
)
def test_masks_that_lose_numbers_are_not_copied(
    run: Runner, tmp_path: Path, name: str, kind: str, says: str
) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images/a.png").write_bytes(image_of(60, 40))
    (tmp_path / "masks" / name).write_bytes(encoded(picture(1, 60, 40), kind))
    result = run("pack", "images", "out", "--masks", "masks", "--pass-through")
    assert result.status == 1
    assert f"its mask masks/{name}: a {says}, which changes the numbers" in result.err


def test_upright_masks(run: Runner, tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images/a.jpg").write_bytes(image_of(60, 40, 6, "JPEG"))
    (tmp_path / "images/b.jpg").write_bytes(image_of(60, 40, 3, "JPEG"))
    rows, columns = np.mgrid[:40, :60]
    stored = 256 * rows + columns  # turned here as the EXIF standard says: 6 is a quarter clockwise
    upright = np.rot90(stored, -1).astype(np.uint16), np.rot90(stored, 2).astype(np.uint16)
    (tmp_path / "masks/a.png").write_bytes(encode_mask(upright[0]))
    (tmp_path / "masks/b.png").write_bytes(encode_mask(upright[1]))
    result = run("pack", "images", "out", "--masks", "masks", "--no-shuffle")
    assert (
        "images/a.jpg: its mask masks/a.png: 40x60 pixels, and the image has 60x40;"
        " --upright-masks is for such as are drawn on the image as it is seen (line 1, key 0)\n"
    ) in result.err
    options = ["--encoding", "png", "--upright-masks", "--force"]
    assert run("pack", "images", "out", "--masks", "masks", *options).status == 0
    for _, image, mask in both(tmp_path):
        check_aligned(image, mask)
    (tmp_path / "masks/a.png").write_bytes(encode_mask(stored.astype(np.uint16)))
    result = run("pack", "images", "out", "--masks", "masks", *options)
    assert (
        "its mask masks/a.png: 60x40 pixels, and the image has 40x60; without --upright-masks it is"
        " turned as its image is (line "
    ) in result.err


@pytest.mark.parametrize("by", ["folder", "list"])
def test_what_unpack_writes_is_packed_back(run: Runner, pairs: Path, by: str) -> None:
    assert run("pack", "images", "out", "--masks", "masks").status == 0
    masks = ["--masks", "out_mask.rec", "--masks-out", "numbers"]
    assert run("unpack", "out.rec", "files", *masks).status == 0
    where = "numbers" if by == "folder" else "numbers/out_mask.lst"
    result = run("pack", "files/out.lst", "again", "--masks", where, "--pass-through")
    assert result.status == 0, result
    for name in ("rec", "idx"):
        assert (pairs / f"again.{name}").read_bytes() == (pairs / f"out.{name}").read_bytes()
        again = (pairs / f"again_mask.{name}").read_bytes()
        assert again == (pairs / f"out_mask.{name}").read_bytes()
