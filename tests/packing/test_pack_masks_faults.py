"""`rectool pack --masks` where masks are missing, wrong, or in the way."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture
from helpers.aligned import SIZES, both, image_of, mask_of
from PIL import Image

from rectool.imaging.masks import encode_mask

Runner = Callable[..., Run]


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
        "images/c0/n12.png": "not an image of a known format, but a text file",
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


def test_paths_that_lead_out_of_the_folder_of_masks(run: Runner, tmp_path: Path) -> None:
    """What lies beside such an image is no mask of that folder, nor is the image itself."""
    for folder in ("images", "other", "masks"):
        (tmp_path / folder).mkdir()
    images = [tmp_path / "images/a.jpg", tmp_path / "other/b.jpg", tmp_path / "images/c.jpg"]
    for path in images:
        path.write_bytes(image_of(30, 20, 1, "JPEG"))
        path.with_suffix(".png").write_bytes(mask_of(30, 20))
    (tmp_path / "masks/c.png").write_bytes(mask_of(30, 20))
    (tmp_path / "l.lst").write_text(f"0\t0\t{images[0]}\n1\t0\t../other/b.jpg\n2\t0\tc.jpg\n")
    for options in ([], ["--pass-through", "--force"]):
        result = run("pack", "l.lst", "out", "--root", "images", "--masks", "masks", *options)
        assert result.status == 1
        why = "no mask: its path in the list leads out of masks too"
        assert result.err.count(why) == 2
        assert f"{images[0]}: {why}" in result.err
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
    """Where both are in one folder."""
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
        assert "2 masks of several channels" in result.err
        assert "--mask-colors" in result.err
    assert run("pack", "images", "out", "--masks", "masks", "--force").status == 0
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert "; masks 21 of 16 bits, 2 of 3 channels, 1 of 8 bits\n" in result.out
    result = run("inspect", "out.rec", "--masks", "out_mask.rec", "--json")
    counts = json.loads(result.out.splitlines()[1])["pairs"]["masks"]
    assert counts == {"16 bits": 21, "3 channels": 2, "8 bits": 1}


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--masks", "nowhere"], "--masks nowhere: no such folder or list."),
        (["--masks", "masks", "--masks", "masks"], "give one folder or list of masks"),
        (["--upright-masks"], "--upright-masks requires --masks"),
    ],
)
def test_wrong_usage(run: Runner, pairs: Path, args: list[str], reason: str) -> None:
    result = run("pack", "images", "out", *args)
    assert (result.status, result.out) == (2, "")
    assert reason in result.err
    assert not list(pairs.glob("out*"))


def test_nothing_is_replaced_unasked(run: Runner, pairs: Path) -> None:
    (pairs / "out_mask.idx").write_bytes(b"0\t0\n")
    result = run("pack", "images", "out", "--masks", "masks")
    assert (result.status, result.err) == (
        1, "rectool: out_mask.idx: exists already (--force replaces it)\n"
    )  # fmt: skip
    assert [path.name for path in pairs.glob("out*")] == ["out_mask.idx"]


def test_copied_masks_are_not_turned_by_anybody(run: Runner, tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    exif = Image.Exif()
    exif[0x0112] = 3
    mask = Image.open(io.BytesIO(mask_of(30, 20)))
    (tmp_path / "images/a.png").write_bytes(image_of(30, 20))
    (tmp_path / "images/b.png").write_bytes(image_of(30, 20))
    (tmp_path / "masks/a.png").write_bytes(encoded(mask, "PNG", exif=exif))
    (tmp_path / "masks/b.tif").write_bytes(
        encoded(Image.fromarray(np.full((20, 30), 0.5, np.float32)), "TIFF")
    )
    result = run("pack", "images", "out", "--masks", "masks", "--pass-through", "--verify")
    assert result.status == 1
    for reason in (
        "its mask masks/a.png: an EXIF orientation of its own, which readers would turn it by",
        "its mask masks/b.tif: F pixels; a mask has whole numbers from 0 to 65535",
    ):
        assert reason in result.err
    assert run("pack", "images", "out", "--masks", "masks").status == 1  # a's own is not looked at
    assert [key for key, *_ in both(tmp_path)] == [0]


def test_wrong_usage_is_told_before_the_folder_is_gone_through(run: Runner, pairs: Path) -> None:
    assert pairs
    assert "label  folder" not in run("pack", "images", "out", "--masks", "nowhere").err


def test_masks_of_another_list(run: Runner, pairs: Path) -> None:
    lines = [f"{key}\t0\tc0/n{2 * (key - 3)}.png\n" for key in range(3, 8)]
    (pairs / "masks/m.lst").write_text("".join(lines))
    (pairs / "a.lst").write_text("".join(lines[:3]))
    result = run("pack", "a.lst", "out", "--root", "images", "--masks", "masks/m.lst")
    assert result.status == 0
    remark = "the list of masks has 2 keys of no image: is it of another list?\n"
    assert remark in result.err
    assert remark not in run("pack", "images", "o", "--masks", "masks/m.lst").err


def test_an_image_beside_which_the_mask_is_missing(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    for name in ("a.jpg", "a.png", "b.jpg"):
        mask = name.endswith("png")
        data = mask_of(30, 20) if mask else image_of(30, 20, 1, "JPEG")
        (tmp_path / "both" / name).write_bytes(data)
    result = run("pack", "both", "out", "--exts", "jpg", "--masks", "both")
    assert result.status == 1
    assert "both/b.jpg: no mask both/b.png, or of another ending (line" in result.err
    assert len(both(tmp_path)) == 1
