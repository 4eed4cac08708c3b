"""`rectool pack --masks`: two aligned files, each mask where its image's pixels are."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run, encoded, picture
from PIL import Image

from rectool import RecordReader, unpack
from rectool.imaging.masks import decode_mask, encode_mask

Runner = Callable[..., Run]
SIZES = [(60, 40), (40, 60), (51, 51), (33, 62), (64, 21), (47, 46), (30, 44), (58, 29)]


def image_of(width: int, height: int, orientation: int = 1, kind: str = "PNG") -> bytes:
    """Red is 4 times the column, green 4 times the row of a pixel."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[:, :, 0] = 4 * np.arange(width)
    pixels[:, :, 1] = 4 * np.arange(height)[:, None]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else {}
    return encoded(Image.fromarray(pixels), kind, exif=exif, **options)


def mask_of(width: int, height: int) -> bytes:
    """A pixel's number is 256 times its row and its column."""
    rows, columns = np.mgrid[:height, :width]
    return encode_mask((256 * rows + columns).astype(np.uint16))


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """24 images in `images`, of all orientations, with masks in `masks`."""
    for number in range(24):
        name = f"c{number % 2}/n{number}"
        size, kind = SIZES[number % 8], ("PNG", "JPEG")[number // 16]
        orientation = number % 8 + 1 if number > 7 else 1
        image, mask = tmp_path / f"images/{name}.png", tmp_path / f"masks/{name}.png"
        for path in (image, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(image_of(*size, orientation, kind))
        mask.write_bytes(mask_of(*size))
    return tmp_path


def read(path: Path) -> dict[int, tuple[Any, bytes]]:
    with RecordReader(path) as reader:
        return {int(key): unpack(record) for key, record in zip(reader.keys, reader, strict=True)}


def check_aligned(image: bytes, mask: bytes) -> None:
    """The mask says where its image's pixels were, and these say the same."""
    pixels = np.array(Image.open(io.BytesIO(image)).convert("RGB")).astype(float)
    numbers = decode_mask(mask).astype(int)
    assert pixels.shape[:2] == numbers.shape
    inside = slice(2, -2), slice(2, -2)  # filters see no more than the edge there
    for channel, place in ((0, numbers % 256), (1, numbers // 256)):
        off = (pixels[:, :, channel] / 4 - place)[inside]
        assert np.abs(off).max() < 1.6
        assert abs(off.mean()) < 0.55  # where a middle lies between two pixels the right one counts


def both(folder: Path, name: str = "out") -> list[tuple[int, bytes, bytes]]:
    """Key, image and mask of all records, of one file or of shards; headers are the same."""
    found = []
    for rec in sorted(folder.glob(f"{name}.rec")) or sorted(folder.glob(f"{name}-*.rec")):
        images = read(rec)
        masks = read(rec.parent / rec.name.replace(name, name + "_mask", 1))
        assert list(images) == list(masks)
        for key, (header, image) in images.items():
            assert masks[key][0] == header
            found.append((key, image, masks[key][1]))
    return found


GEOMETRY = [
    [],
    ["--resize", 20],
    ["--resize", 90],
    ["--center-crop"],
    ["--resize", 17, "--center-crop"],
    ["--resize", 25, "--resize-mode", "long"],
    ["--resize", 31, "--resize-mode", "exact", "--interp", "bicubic"],
]


@pytest.mark.parametrize("backend", ["pillow", "opencv"])
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
    result = run("inspect", f"{name}.rec", f"{masks}.rec")
    assert f"pairs    with {name}.rec: all 12 match" in result.out
    assert run("unpack", f"{name}.rec", "files", "--masks", "numbers").status == 0


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


def test_copied_masks_of_a_format_that_tells_no_size(run: Runner, tmp_path: Path) -> None:
    """Decoding knows PPM, but what is only decoded was compared with nothing."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images/a.png").write_bytes(image_of(60, 40))
    (tmp_path / "masks/a.pgm").write_bytes(encoded(Image.new("L", (5, 4)), "PPM"))
    for options in ([], ["--verify"]):
        result = run("pack", "images", "out", "--masks", "masks", "--pass-through", *options)
        assert result.status == 1
        assert "its mask masks/a.pgm: not an image of a known format (line 1" in result.err
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
        "images/a.jpg: its mask masks/a.png: 40x60 pixels, as the image is seen"
        " (--upright-masks is for such), and the image has 60x40 (line 1, key 0)\n"
    ) in result.err
    options = ["--encoding", "png", "--upright-masks", "--force"]
    assert run("pack", "images", "out", "--masks", "masks", *options).status == 0
    for _, image, mask in both(tmp_path):
        check_aligned(image, mask)
    (tmp_path / "masks/a.png").write_bytes(encode_mask(stored.astype(np.uint16)))
    result = run("pack", "images", "out", "--masks", "masks", *options)
    assert (
        "its mask masks/a.png: 60x40 pixels, as the image is stored (without --upright-masks its"
        " mask is turned with it), and the image has 40x60 (line "
    ) in result.err


def test_bad_masks_are_bad_images(run: Runner, pairs: Path) -> None:
    """Neither file gets them; each is named once, with the reason."""
    folder = pairs / "masks/c0"
    (folder / "n0.png").unlink()
    (folder / "n2.png").write_bytes(mask_of(51, 50))
    (folder / "n4.png").rename(folder / "n4.jpg")
    (folder / "n4.jpg").write_bytes(encoded(picture(4, *SIZES[4])))
    (folder / "n6.png").write_bytes(mask_of(*SIZES[6])[:-20])
    (folder / "n8.tif").write_bytes(mask_of(*SIZES[0]))
    (folder / "n10.png").unlink()
    (folder / "n10.png").mkdir()
    (pairs / "images/c0/n12.png").write_bytes(b"no image")
    result = run("pack", "images", "out", "--masks", "masks", "--json")
    assert result.status == 1
    reasons = {failure["path"]: failure["reason"] for failure in json.loads(result.out)["failures"]}
    assert reasons == {
        "images/c0/n0.png": "no mask masks/c0/n0.png, or of another ending",
        "images/c0/n2.png": "its mask masks/c0/n2.png: 51x50 pixels, and the image has 51x51",
        "images/c0/n4.png": "its mask masks/c0/n4.jpg: a JPEG, which changes the numbers in a mask;"
        " masks are PNG, say",
        "images/c0/n6.png": "its mask masks/c0/n6.png: a PNG cut short: its end marker is missing",
        "images/c0/n8.png": "has two masks, n8.png and n8.tif in masks/c0",
        "images/c0/n10.png": "its mask masks/c0/n10.png: a folder",
        "images/c0/n12.png": "not an image of a known format",
    }
    for path, reason in reasons.items():
        assert result.err.count(f"rectool: {path}: {reason} (line ") == 1
    assert "packed 17 of 24 images, and their masks," in result.err
    for _, image, mask in both(pairs):
        assert Image.open(io.BytesIO(image)).size == Image.open(io.BytesIO(mask)).size
    before = {path.name: path.read_bytes() for path in pairs.glob("out*")}
    result = run("pack", "images", "out", "--masks", "masks", "--on-error", "fail", "--force")
    assert result.status == 1
    assert {path.name: path.read_bytes() for path in pairs.glob("out*")} == before
    assert run("pack", "images", "o", "--masks", "masks", "--on-error", "skip").status == 0


def test_two_masks_where_one_answers_to_two_names(run: Runner, tmp_path: Path) -> None:
    """As on file systems that do not tell a from A; a link to it does the same."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "images/a.jpg").write_bytes(image_of(30, 20, 1, "JPEG"))
    (tmp_path / "masks/a.png").write_bytes(mask_of(30, 20))
    if not (tmp_path / "masks/a.PNG").exists():
        (tmp_path / "masks/a.PNG").hardlink_to(tmp_path / "masks/a.png")
    assert run("pack", "images", "out", "--masks", "masks").status == 0
    (tmp_path / "masks/a.bmp").write_bytes(b"another mask")
    result = run("pack", "images", "out", "--masks", "masks", "--force")
    assert result.status == 1
    assert "images/a.jpg: has two masks, a.png and a.bmp in masks (line 1" in result.err


def test_a_jpeg_beside_its_mask(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    (tmp_path / "both/a.jpg").write_bytes(image_of(30, 20, 1, "JPEG"))
    (tmp_path / "both/a.PNG").write_bytes(mask_of(30, 20))
    result = run("pack", "both", "out", "--exts", "jpg", "--masks", "both")
    assert result.status == 0, result
    assert len(both(tmp_path)) == 1


def test_a_list_of_masks(run: Runner, pairs: Path) -> None:
    """By key, in any order, paths from that list's folder, labels of no meaning."""
    assert run("list", "images", "out", "--no-shuffle").status == 0
    lines = (pairs / "out.lst").read_text().splitlines()
    masks = [f"{line.split(chr(9))[0]}\t0\t{line.split(chr(9))[2]}" for line in reversed(lines[1:])]
    (pairs / "masks/m.lst").write_text("\n".join(masks))
    options = ["--root", "images", "--encoding", "png"]
    result = run("pack", "out.lst", "out", *options, "--masks", "masks/m.lst")
    assert result.status == 1
    assert (
        "images/c0/n0.png: no mask: masks/m.lst has no line with its key (line 1, key 0)"
        in result.err
    )
    by_list = both(pairs)
    assert len(by_list) == 23
    assert run("pack", "out.lst", "out", *options, "--masks", "masks", "--force").status == 0
    assert both(pairs)[1:] == by_list


def test_no_image_is_its_own_mask(run: Runner, pairs: Path) -> None:
    """Where paths lead out of the folder of masks, or both are in one folder."""
    for root in (pairs / "images", Path("..", "images")):
        path = root / "c0/n0.png"
        (pairs / "a.lst").write_text(f"0\t1\t{path}\n1\t1\t{root / 'c1/n1.png'}\n")
        for options in (["--encoding", "png"], ["--pass-through"]):
            result = run("pack", "a.lst", "out", "--root", "masks", "--masks", "masks", *options)
            assert result.status == 1
            assert (
                result.err.count(": the image itself; where images and masks lie in one folder")
                == 2
            )
            assert "none of 2 images could be packed" in result.err
    (pairs / "masks/c0/photo.jpg").write_bytes(image_of(60, 40, 1, "JPEG"))
    (pairs / "masks/c0/n0.png").rename(pairs / "masks/c0/photo.png")
    result = run("pack", "masks/c0", "out", "--masks", "masks/c0")
    assert "masks/c0/photo.png: its mask masks/c0/photo.png: the image itself; where" in result.err
    assert "packed 1 of 13 images" in result.err


def test_masks_of_several_channels_are_remarked_on(run: Runner, pairs: Path) -> None:
    for name in ("n0", "n2"):
        image = Image.open(pairs / f"images/c0/{name}.png").convert("RGB")
        (pairs / f"masks/c0/{name}.png").write_bytes(encoded(image, "PNG"))
    (pairs / "masks/c0/n4.png").write_bytes(encode_mask(np.zeros((21, 64), np.uint8)))
    for options in ([], ["--pass-through"]):
        result = run("pack", "images", "out", "--masks", "masks", "--force", *options)
        assert (
            "2 masks of several channels: where each pixel is to be one number, convert such first"
        ) in result.err
    assert run("pack", "images", "out", "--masks", "masks", "--force").status == 0
    result = run("inspect", "out.rec", "out_mask.rec")
    assert "; masks 21 of 16 bits, 2 of 3 channels, 1 of 8 bits\n" in result.out
    result = run("inspect", "out_mask.rec", "out.rec", "--json")
    counts = json.loads(result.out.splitlines()[0])["pairs"]["masks"]
    assert counts == {"16 bits": 21, "3 channels": 2, "8 bits": 1}


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--masks", "nowhere"], "--masks nowhere: no such folder or list."),
        (["--upright-masks"], "--upright-masks is of --masks."),
    ],
)
def test_wrong_usage(run: Runner, pairs: Path, args: list[str], reason: str) -> None:
    result = run("pack", "images", "out", *args)
    assert (result.status, result.out) == (2, "")
    assert reason in result.err
    assert not list(pairs.glob("out*"))


def test_not_for_record_files(run: Runner, pairs: Path) -> None:
    assert run("pack", "images", "out", "--masks", "masks").status == 0
    result = run("pack", "out.rec", "again", "--masks", "masks")
    assert result.status == 2
    assert "--masks: only for a folder or a list; out.rec is a .rec" in result.err


def test_nothing_is_replaced_unasked(run: Runner, pairs: Path) -> None:
    (pairs / "out_mask.idx").write_bytes(b"mine")
    result = run("pack", "images", "out", "--masks", "masks")
    assert (result.status, result.err) == (
        1, "rectool: out_mask.idx: exists already (--force replaces it)\n"
    )  # fmt: skip
    assert [path.name for path in pairs.glob("out*")] == ["out_mask.idx"]


def test_masks_of_another_run_are_remarked_on(run: Runner, pairs: Path) -> None:
    assert run("pack", "images", "out", "--masks", "masks").status == 0
    result = run("pack", "images", "out", "--force")
    assert "out_mask.rec was there before: its masks may not be of these images\n" in result.err


@pytest.mark.parametrize("by", ["folder", "list"])
def test_what_unpack_writes_is_packed_back(run: Runner, pairs: Path, by: str) -> None:
    assert run("pack", "images", "out", "--masks", "masks").status == 0
    assert run("unpack", "out.rec", "files", "--masks", "numbers").status == 0
    where = "numbers" if by == "folder" else "numbers/out_mask.lst"
    result = run("pack", "files/out.lst", "again", "--masks", where, "--pass-through")
    assert result.status == 0, result
    for name in ("rec", "idx"):
        assert (pairs / f"again.{name}").read_bytes() == (pairs / f"out.{name}").read_bytes()
        again = (pairs / f"again_mask.{name}").read_bytes()
        assert again == (pairs / f"out_mask.{name}").read_bytes()
