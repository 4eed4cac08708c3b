"""Masks in black and white and in colours, and masks under longer names than their images'."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture
from numpy.typing import NDArray
from PIL import Image

from rectool import RecordReader, unpack
from rectool.errors import ImageError
from rectool.imaging.masks import decode_colors, decode_mask, encode_mask
from rectool.packing.mask_values import MaskColors, parse_values

Runner = Callable[..., Run]
Numbers = NDArray[np.uint8]

WHITE = np.array([[0, 255, 255], [0, 0, 255]], np.uint8)
COLORS = {(128, 64, 128): 3, (0, 0, 0): 0, (255, 255, 255): 300, (1, 2, 3): 3}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two images of 3x2, a.png and b.png, and a folder for masks."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for name in "ab":
        (tmp_path / f"images/{name}.png").write_bytes(encoded(picture(1, 3, 2), "PNG"))
    return tmp_path


def masks(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        (folder / "masks" / name).write_bytes(content)


def packed(folder: Path, name: str = "out") -> dict[int, list[list[int]]]:
    reader = RecordReader(folder / f"{name}_mask.rec")
    return {key: decode_mask(unpack(reader.by_key(key))[1]).tolist() for key in reader.keys}


def png(numbers: Numbers, mode: str | None = None) -> bytes:
    image = Image.fromarray(numbers)
    return encoded(image if mode is None else image.convert(mode), "PNG")


def drawn(mode: str, alpha: int = 255) -> bytes:
    """A mask of the first three colours, as the image mode holds them."""
    rows = np.array([list(COLORS)[:3], list(COLORS)[:3][::-1]], np.uint8)
    image = Image.fromarray(rows)
    if mode == "P":
        image = image.quantize(8)
    elif mode == "RGBA":
        image.putalpha(alpha)
    return encoded(image, "PNG")


def write_table(folder: Path) -> None:
    rows = [f"{red} {green} {blue} {number}" for (red, green, blue), number in COLORS.items()]
    (folder / "colors.txt").write_text("# a comment\n\n" + "\n".join(rows))


@pytest.mark.parametrize("options", [[], ["--pass-through"], ["--shards", 2]])
def test_black_and_white_is_remarked_on(run: Runner, images: Path, options: list[object]) -> None:
    masks(images, {"a.png": png(WHITE), "b.png": png(np.zeros_like(WHITE))})
    result = run("pack", "images", "out", "--masks", "masks", *options)
    assert result.status == 0
    assert "2 masks hold only 0 and 255" in result.err
    assert "--mask-values 255=1" in result.err


def test_black_and_white_of_16_bits(run: Runner, images: Path) -> None:
    deep = encode_mask(WHITE.astype(np.uint16) * 257)
    masks(images, {"a.png": deep, "b.png": deep})
    assert "--mask-values 65535=1" in run("pack", "images", "out", "--masks", "masks").err


@pytest.mark.parametrize("other", [1, 21, 254])
def test_masks_with_classes_and_a_border_are_not(run: Runner, images: Path, other: int) -> None:
    classes = WHITE.copy()
    classes[0, 0] = other
    masks(images, {"a.png": png(WHITE), "b.png": png(classes)})
    assert "hold only" not in run("pack", "images", "out", "--masks", "masks").err


def test_masks_of_background_or_void_alone_are_not(run: Runner, images: Path) -> None:
    for number in (0, 255):
        flat = png(np.full((2, 3), number, np.uint8))
        masks(images, {"a.png": flat, "b.png": flat})
        result = run("pack", "images", "out", "--masks", "masks", "--force")
        assert "hold only" not in result.err


@pytest.mark.parametrize("copied", [[], ["--pass-through"], ["--pass-through", "--verify"]])
def test_numbers_become_others(run: Runner, images: Path, copied: list[str]) -> None:
    masks(images, {"a.png": png(WHITE), "b.png": png(WHITE // 255 * 7)})
    options = ["--no-shuffle", "--masks", "masks", "--mask-values", "255=1,7=300"]
    result = run("pack", "images", "out", *options, *copied)
    assert result.status == 0, result
    assert "hold only" not in result.err
    assert packed(images) == {0: [[0, 1, 1], [0, 0, 1]], 1: [[0, 300, 300], [0, 0, 300]]}
    if copied:
        image = unpack(RecordReader(images / "out.rec").by_key(0))[1]
        assert image == (images / "images/a.png").read_bytes()


def test_all_numbers_change_at_once(run: Runner, images: Path) -> None:
    masks(images, {"a.png": png(WHITE), "b.png": png(WHITE)})
    options = ["--masks", "masks", "--mask-values", "0=255", "--mask-values", "255=0"]
    assert run("pack", "images", "out", *options).status == 0
    assert packed(images)[0] == (255 - WHITE).tolist()


def test_numbers_of_records_become_others(run: Runner, images: Path) -> None:
    masks(images, {"a.png": png(WHITE), "b.png": png(WHITE)})
    assert run("pack", "images", "old", "--masks", "masks").status == 0
    given = ["--masks", "old_mask.rec", "--mask-values", "255=1"]
    for options in ([], ["--resize", "2", "--resize-mode", "exact"], ["--pass-through"]):
        result = run("pack", "old.rec", "out", *given, *options, "--force")
        assert result.status == 0, result
        assert {number for rows in packed(images)[0] for number in rows} == {0, 1}
        if "--resize" not in options:
            old = (images / "old.rec").read_bytes()
            assert (images / "out.rec").read_bytes() == old
            assert packed(images)[0] == [[0, 1, 1], [0, 0, 1]]


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
@pytest.mark.parametrize("copied", [[], ["--pass-through"]])
def test_colours_become_numbers(run: Runner, images: Path, mode: str, copied: list[str]) -> None:
    masks(images, {"a.png": drawn(mode), "b.png": drawn(mode)})
    write_table(images)
    options = ["--masks", "masks", "--mask-colors", "colors.txt", *copied]
    result = run("pack", "images", "out", *options)
    assert result.status == 0, result
    assert "channels" not in result.err
    assert packed(images)[0] == [[3, 0, 300], [300, 0, 3]]


def test_colours_are_remarked_on(run: Runner, images: Path) -> None:
    masks(images, {"a.png": drawn("RGB"), "b.png": drawn("RGB")})
    result = run("pack", "images", "out", "--masks", "masks")
    assert "2 masks of several channels" in result.err
    assert "--mask-colors" in result.err


def test_colours_that_have_no_number(run: Runner, images: Path) -> None:
    rows = np.array([[[0, 0, 0]] * 3, [[0, 0, 0], [9, 8, 7], [0, 0, 0]]], np.uint8)
    masks(images, {"a.png": drawn("RGB"), "b.png": png(rows)})
    write_table(images)
    result = run("pack", "images", "out", "--masks", "masks", "--mask-colors", "colors.txt")
    assert result.status == 1
    assert "its mask masks/b.png: the colour 9 8 7, at x 1 and y 1, is not in colors.txt" in (
        result.err
    )
    assert len(packed(images)) == 1


def test_black_and_white_by_its_colours() -> None:
    table = MaskColors("t", ((0, 0, 0, 0), (255, 255, 255, 1)))
    for mode in (None, "1", "RGB", "LA", "P"):
        assert table.decoded(png(WHITE, mode)).tolist() == (WHITE // 255).tolist()


def test_what_has_no_colours() -> None:
    for data in (
        drawn("RGBA", 254),
        encode_mask(WHITE.astype(np.uint16)),
        encoded(picture(1, 3, 2)),
        drawn("RGB")[:-8],
    ):
        with pytest.raises(ImageError):
            decode_colors(data)


def test_values_are_for_masks_of_one_channel() -> None:
    with pytest.raises(ImageError, match="mask-colors"):
        parse_values(["255=1"]).decoded(drawn("RGB"))


@pytest.mark.parametrize(
    "options",
    [
        ["--mask-values", "255"],
        ["--mask-values", "a=1"],
        ["--mask-values", "255=-1"],
        ["--mask-values", "255=65536"],
        ["--mask-values", "255=1,255=2"],
        ["--mask-values", ""],
        ["--mask-values", "255=1", "--mask-colors", "colors.txt"],
    ],
    ids=" ".join,
)
def test_wrong_usage(run: Runner, images: Path, options: list[str]) -> None:
    write_table(images)
    result = run("pack", "images", "out", "--masks", "masks", *options)
    assert (result.status, result.out) == (2, "")
    assert "--mask-values" in result.err


@pytest.mark.parametrize("option", ["--mask-values=255=1", "--mask-colors=c", "--mask-suffix=_m"])
def test_options_of_masks_without_masks(run: Runner, images: Path, option: str) -> None:
    result = run("pack", "images", "out", option)
    assert result.status == 2
    assert f"{option.split('=', maxsplit=1)[0]} requires --masks" in result.err


@pytest.mark.parametrize(
    "row",
    ["1 2 3", "1 2 3 4 5", "1 2 256 0", "1 2 3 65536", "64 128 64 Animal", "a,b,c,d", "0 0 0 9"],
)
def test_tables_of_colours_that_are_none(run: Runner, images: Path, row: str) -> None:
    (images / "colors.txt").write_text(f"0 0 0 0\n{row}\n")
    result = run("pack", "images", "out", "--masks", "masks", "--mask-colors", "colors.txt")
    assert result.status == 1
    assert "colors.txt:2: " in result.err
    assert not list(images.glob("out*"))


def test_empty_and_missing_tables(run: Runner, images: Path) -> None:
    (images / "colors.txt").write_text("# none\n")
    for name in ("colors.txt", "nowhere.txt", "masks"):
        result = run("pack", "images", "out", "--masks", "masks", "--mask-colors", name)
        assert result.status in (1, 2)
        assert name in result.err
        assert len(result.err.splitlines()) <= 4


def test_names_with_a_suffix(run: Runner, images: Path) -> None:
    masks(images, {"a_mask.png": png(WHITE), "b_mask.gif": encoded(picture(1, 3, 2, "L"), "GIF")})
    missed = run("pack", "images", "out", "--masks", "masks")
    assert missed.status == 1
    for name in ("a_mask.png", "b_mask.gif"):
        assert f"there is {name}: --mask-suffix _mask" in missed.err
    found = run("pack", "images", "out", "--masks", "masks", "--mask-suffix", "_mask")
    assert found.status == 0, found
    assert len(packed(images)) == 2


def test_a_suffix_in_one_folder(run: Runner, images: Path) -> None:
    (images / "images/b.png").unlink()
    (images / "images/a.png").rename(images / "masks/a.jpg")
    masks(images, {"a-seg.png": png(WHITE), "a.jpg": encoded(picture(1, 3, 2))})
    options = ["--exts", "jpg", "--masks", "masks", "--mask-suffix", "-seg"]
    assert run("pack", "masks", "out", *options).status == 0


def test_masks_before_whose_names_something_stands(run: Runner, images: Path) -> None:
    masks(images, {"mask_a.png": png(WHITE), "b2.png": png(WHITE)})
    result = run("pack", "images", "out", "--masks", "masks", "--json")
    reasons = {
        one["path"]: one["reason"] for one in json.loads(result.out or "{}").get("failures", [])
    }
    text = str(reasons) + result.err
    assert "there is mask_a: a list of masks" in text
    assert "there is b2" not in text


def test_a_suffix_is_for_a_folder_of_masks(run: Runner, images: Path) -> None:
    (images / "m.lst").write_text("0\t0\ta.png\n")
    result = run("pack", "images", "out", "--masks", "m.lst", "--mask-suffix", "_m")
    assert result.status == 2
    assert "--mask-suffix" in result.err


@pytest.mark.parametrize("suffix", ["_mask.png", "/../x", "a\\b"])
def test_what_is_no_suffix(run: Runner, images: Path, suffix: str) -> None:
    result = run("pack", "images", "out", "--masks", "masks", "--mask-suffix", suffix)
    assert result.status == 2
    assert "--mask-suffix must be" in result.err


def test_a_table_of_colours_is_not_replaced(run: Runner, images: Path) -> None:
    masks(images, {"a.png": drawn("RGB"), "b.png": drawn("RGB")})
    write_table(images)
    (images / "colors.txt").rename(images / "out.lst")
    before = (images / "out.lst").read_bytes()
    options = ["--masks", "masks", "--mask-colors", "out.lst", "--force"]
    result = run("pack", "images", "out", *options)
    assert result.status == 1
    assert "out.lst" in result.err
    assert (images / "out.lst").read_bytes() == before
