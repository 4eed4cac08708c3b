"""`rectool unpack --masks --masks-out`: images and masks in two folders, and the way back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture

from rectool import IRHeader, RecordReader, RecordWriter, pack, unpack
from rectool.errors import CorruptError, HeaderError
from rectool.format.shard_names import shard_name
from rectool.imaging.masks import decode_mask, encode_mask
from rectool.unpacking.unpack_pair import unpack_pair

Runner = Callable[..., Run]
KEYS = (7, 2, 30)
MASKS = ["--masks", "out_mask.rec", "--masks-out", "masks"]


def mask_of(key: int) -> bytes:
    return encode_mask(np.full((18, 24), key, np.uint8))


def write(rec: Path, records: Sequence[tuple[int, bytes]]) -> None:
    with RecordWriter(rec, force=True) as writer:
        for key, payload in records:
            writer.write(pack(IRHeader(0, [key / 4, 2.0], key, key % 2), payload), key)


@pytest.fixture
def pair(tmp_path: Path) -> None:
    """out.rec, out_mask.rec: JPEGs and PNGs; one has an id2, which a list has no column for."""
    write(tmp_path / "out.rec", [(key, encoded(picture(key))) for key in KEYS])
    write(tmp_path / "out_mask.rec", [(key, mask_of(key)) for key in KEYS])


def listed(lst: Path) -> list[tuple[str, str]]:
    """Keys and paths."""
    lines = [line.split("\t") for line in lst.read_text().splitlines() if line[0] != "#"]
    return [(line[0], line[-1]) for line in lines]


def check_way_back(run: Runner, tmp_path: Path, lst: str, rec: str) -> None:
    assert run("pack", lst, "again", "--pass-through", "--force").status == 0
    for ending in (".rec", ".idx"):
        again = (tmp_path / "again").with_suffix(ending).read_bytes()
        assert again == (tmp_path / rec).with_suffix(ending).read_bytes()


@pytest.mark.usefixtures("pair")
def test_there_and_back(run: Runner, tmp_path: Path) -> None:
    result = run("unpack", "out.rec", "files", *MASKS)
    assert (result.status, result.out) == (0, "")
    assert result.err.splitlines() == [
        "3 images in files, listed in files/out.lst",
        "3 masks in masks, listed in masks/out_mask.lst",
    ]
    assert listed(tmp_path / "files" / "out.lst") == [(str(key), f"{key}.jpg") for key in KEYS]
    masks = listed(tmp_path / "masks" / "out_mask.lst")
    assert masks == [(str(key), f"{key}.png") for key in KEYS]
    assert len(os.listdir(tmp_path / "files")) == len(os.listdir(tmp_path / "masks")) == 4
    for key in KEYS:
        _, image = unpack(RecordReader(tmp_path / "out.rec").by_key(key))
        assert (tmp_path / "files" / f"{key}.jpg").read_bytes() == image
        mask = (tmp_path / "masks" / f"{key}.png").read_bytes()
        assert mask == mask_of(key)
        assert (decode_mask(mask) == key).all()
    check_way_back(run, tmp_path, "files/out.lst", "out.rec")
    check_way_back(run, tmp_path, "masks/out_mask.lst", "out_mask.rec")


@pytest.mark.usefixtures("pair")
def test_masks_have_their_images_names(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "names.lst").write_text("7\t0\tcats/a.jpeg\n30\t0\tdogs/b.c.png\n")
    result = run("unpack", "out.rec", "files", "--lst", "names.lst", *MASKS)
    assert (result.status, result.out) == (0, "")
    assert result.err.splitlines() == [
        "3 images in files, listed in files/out.lst",
        "1 record not in names.lst, named by key",
        "1 file of another format than the name's ending says",
        "3 masks in masks, listed in masks/out_mask.lst",
    ]
    names = ["cats/a.jpeg", "2.jpg", "dogs/b.c.png"]
    assert [name for _, name in listed(tmp_path / "files" / "out.lst")] == names
    names = ["cats/a.png", "2.png", "dogs/b.c.png"]
    assert [name for _, name in listed(tmp_path / "masks" / "out_mask.lst")] == names
    for key, name in zip(KEYS, names, strict=True):
        assert (tmp_path / "masks" / name).read_bytes() == mask_of(key)
    check_way_back(run, tmp_path, "masks/out_mask.lst", "out_mask.rec")


def test_payloads_without_an_image(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "out.rec", [(1, encoded(picture(), "PNG")), (2, b""), (3, b"text")])
    write(tmp_path / "out_mask.rec", [(1, mask_of(1)), (2, b""), (3, mask_of(3))])
    result = run("unpack", "out.rec", "files", *MASKS)
    assert result.status == 0
    assert result.err.splitlines() == [
        "1 image and 2 payloads without an image in files, listed in files/out.lst",
        "2 masks and 1 payload without an image in masks, listed in masks/out_mask.lst",
    ]
    names = [name for _, name in listed(tmp_path / "masks" / "out_mask.lst")]
    assert names == ["1.png", "2.bin", "3.png"]
    check_way_back(run, tmp_path, "files/out.lst", "out.rec")
    check_way_back(run, tmp_path, "masks/out_mask.lst", "out_mask.rec")


def test_sets_of_shards(run: Runner, tmp_path: Path) -> None:
    for number, keys in enumerate([(1, 5), (3,)]):
        write(tmp_path / shard_name("a", number, 2), [(key, b"") for key in keys])
        write(tmp_path / shard_name("a_mask", number, 2), [(key, mask_of(key)) for key in keys])
    images = [shard_name("a", number, 2) for number in (0, 1)]
    result = run("unpack", *images, "files", "--masks", "a_mask-*.rec", "--masks-out", "masks")
    assert result.status == 0
    assert result.err.endswith("3 masks in masks, listed in masks/a_mask.lst\n")
    assert [key for key, _ in listed(tmp_path / "files" / "a.lst")] == ["1", "5", "3"]
    masks = listed(tmp_path / "masks" / "a_mask.lst")
    assert masks == [("1", "1.png"), ("5", "5.png"), ("3", "3.png")]
    gone = shard_name("a_mask", 1, 2)
    (tmp_path / gone).unlink()
    result = run("unpack", *images, "more", "--masks", "a_mask-*.rec", "--masks-out", "masks2")
    assert (result.status, result.out) == (1, "")
    assert "1 of 2 shards is missing" in result.err


@pytest.mark.usefixtures("pair")
def test_without_a_file_of_masks(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "out_mask.rec").unlink()
    result = run("unpack", "out.rec", "files", *MASKS)
    assert (result.status, result.out) == (1, "")
    assert result.err == "rectool: out_mask.rec: No such file or directory\n"
    assert not (tmp_path / "files").exists()
    assert not (tmp_path / "masks").exists()


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ([7, 2], "2 records, not 3; the first difference is at position 2"),
        ([7, 2, 30, 40, 50], "5 records, not 3; the first difference is at position 3"),
        ([2, 7, 30], "its keys in another order; the first difference is at position 0"),
        ([7, 8, 30], "other keys; the first difference is at position 1, the key 8"),
    ],
    ids=str,
)
def test_keys_that_do_not_match(run: Runner, tmp_path: Path, keys: list[int], says: str) -> None:
    write(tmp_path / "out_mask.rec", [(key, mask_of(key)) for key in keys])
    result = run("unpack", "out.rec", "files", *MASKS)
    assert (result.status, result.out) == (1, "")
    assert f"rectool: out_mask.rec: these are no masks of out.rec: {says}" in result.err
    assert not (tmp_path / "files").exists()
    assert not (tmp_path / "masks").exists()


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    ("folder", "masks"),
    [("f", "f"), ("f", "./f/"), ("f", "f/masks"), ("f/images", "f"), ("f", "."), ("f", "g/../F")],
)
def test_folders_in_each_other(run: Runner, tmp_path: Path, folder: str, masks: str) -> None:
    before = sorted(os.listdir(tmp_path))
    result = run(
        "unpack", "out.rec", folder, "--masks", "out_mask.rec", "--masks-out", masks, "--force"
    )
    assert (result.status, result.out) == (2, "")
    assert "--masks-out must be a folder apart from DIR" in result.err
    assert sorted(os.listdir(tmp_path)) == before
    with pytest.raises(ValueError, match="two folders"):
        unpack_pair(tmp_path / "out.rec", folder, tmp_path / "out_mask.rec", masks)


@pytest.mark.usefixtures("pair")
def test_folders_that_only_begin_alike(run: Runner, tmp_path: Path) -> None:
    assert (
        run(
            "unpack", "out.rec", "files", "--masks", "out_mask.rec", "--masks-out", "files_mask"
        ).status
        == 0
    )
    if sys.platform != "win32":
        (tmp_path / "link").symlink_to(tmp_path / "files")
        refused = run(
            "unpack",
            "out.rec",
            "files",
            "--masks",
            "out_mask.rec",
            "--masks-out",
            "link/x",
            "--force",
        )
        assert refused.status == 2


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("full", ["files", "masks"])
def test_a_folder_that_is_not_empty(run: Runner, tmp_path: Path, full: str) -> None:
    (tmp_path / full).mkdir()
    (tmp_path / full / "mine.txt").write_text("mine")
    result = run("unpack", "out.rec", "files", *MASKS)
    assert (result.status, result.out) == (1, "")
    says = f"rectool: {full}: the folder is not empty (--force replaces files in it)\n"
    assert result.err == says
    other = "masks" if full == "files" else "files"
    assert not (tmp_path / other).exists()
    assert os.listdir(tmp_path / full) == ["mine.txt"]
    for _ in range(2):
        assert run("unpack", "out.rec", "files", *MASKS, "--force").status == 0
    assert (tmp_path / full / "mine.txt").read_text() == "mine"
    assert len(os.listdir(tmp_path / full)) == 5


@pytest.mark.usefixtures("pair")
def test_names_that_would_be_one_for_masks(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("7\t0\tx/a.jpg\n2\t0\tx/./a.png\n")
    assert run("unpack", "out.rec", "alone", "--lst", "a.lst").status == 0
    result = run("unpack", "out.rec", "files", "--lst", "a.lst", *MASKS)
    assert (result.status, result.out) == (1, "")
    says = "rectool: a.lst:2: x/./a.png is, but for its ending, the name of line 1 already\n"
    assert result.err == says
    (tmp_path / "b.lst").write_text("7\t0\t30.png\n")
    assert run("unpack", "out.rec", "alone2", "--lst", "b.lst").status == 0
    result = run("unpack", "out.rec", "files", "--lst", "b.lst", *MASKS)
    assert (result.status, result.out) == (1, "")
    assert result.err == (
        "rectool: out.rec: key 30: 30.jpg is, but for its ending, the list's name for another"
        " record\n"
    )
    assert not (tmp_path / "files").exists()
    assert not (tmp_path / "masks").exists()


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("name", ["out", "out_mask"])
@pytest.mark.parametrize(("at", "wrong"), [(0, bytes(4)), (8, b"\xff\xff\xff\0")])
def test_a_pair_is_left_out_where_one_is_damaged(
    run: Runner, tmp_path: Path, name: str, at: int, wrong: bytes
) -> None:
    rec = tmp_path / f"{name}.rec"
    begin, _ = map(int, RecordReader(rec).offsets[1:])
    content = bytearray(rec.read_bytes())
    content[begin + at : begin + at + 4] = wrong
    rec.write_bytes(content)
    result = run("unpack", "out.rec", "files", *MASKS)
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith(f"rectool: {name}.rec: at byte {begin}: ")
    assert sorted(os.listdir(tmp_path / "files")) == ["30.jpg", "7.jpg", "out.lst"]
    assert sorted(os.listdir(tmp_path / "masks")) == ["30.png", "7.png", "out_mask.lst"]
    with pytest.raises((CorruptError, HeaderError)):
        unpack_pair(tmp_path / "out.rec", tmp_path / "f", tmp_path / "out_mask.rec", tmp_path / "m")
    assert not (tmp_path / "f").exists()
    assert not (tmp_path / "m").exists()


@pytest.mark.usefixtures("pair")
def test_an_index_of_masks_that_leaves_records_out(run: Runner, tmp_path: Path) -> None:
    for name in ("out", "out_mask"):
        index = tmp_path / f"{name}.idx"
        index.write_text("".join(index.read_text().splitlines(keepends=True)[:2]))
    with RecordWriter(tmp_path / "out.rec", force=True) as writer:
        for key in KEYS[:2]:
            writer.write(pack(IRHeader(0, 1.0, key, 0), encoded(picture(key))), key)
    result = run("unpack", "out.rec", "files", *MASKS)
    assert (result.status, result.out) == (1, "")
    assert "rectool: out_mask.idx: 1 record" in result.err
    assert "2 images in files, listed in files/out.lst\n" in result.err
    assert "2 masks in masks, listed in masks/out_mask.lst\n" in result.err


@pytest.mark.skipif(os.name == "nt", reason="folders are written to otherwise there")
@pytest.mark.usefixtures("pair")
def test_lists_come_last_and_together(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "30.png").mkdir()
    result = run("unpack", "out.rec", "files", *MASKS, "--force")
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("rectool: masks/30.png: cannot be written: ")
    assert sorted(os.listdir(tmp_path / "files")) == ["2.jpg", "30.jpg", "7.jpg"]
    assert sorted(os.listdir(tmp_path / "masks")) == ["2.png", "30.png", "7.png"]


@pytest.mark.usefixtures("pair")
def test_what_is_read_is_not_replaced(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("out", "out_mask"):
        os.replace(tmp_path / f"{name}.rec", tmp_path / "d" / name)
    (tmp_path / "names.lst").write_text("7\t0\tout_mask\n")
    before = (tmp_path / "d" / "out_mask").read_bytes()
    masks = ["--masks", "d/out_mask", "--masks-out", "masks"]
    result = run("unpack", "d/out", "d", "--lst", "names.lst", *masks, "--force")
    assert (result.status, result.out) == (1, "")
    assert "this would replace a file that is being read" in result.err
    assert (tmp_path / "d" / "out_mask").read_bytes() == before


@pytest.mark.usefixtures("pair")
def test_the_library_counts_both(tmp_path: Path) -> None:
    seen: list[int] = []
    images, masks = unpack_pair(
        tmp_path / "out.rec",
        tmp_path / "f",
        tmp_path / "out_mask.rec",
        tmp_path / "m",
        on_progress=seen.append,
    )
    assert (images.rec, masks.rec) == (str(tmp_path / "out.rec"), str(tmp_path / "out_mask.rec"))
    assert masks.lst == str(tmp_path / "m" / "out_mask.lst")
    assert (images.images, masks.images, masks.raw, masks.unnamed) == (3, 3, 0, 0)
    assert seen == [6] * 6


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    "options",
    [
        ["--masks", "masks"],
        ["--masks-out", "masks"],
        ["--masks", "out_mask.rec"],
        ["--masks", "out.rec", "--masks-out", "masks"],
        ["--masks", "none*.rec", "--masks-out", "masks"],
        [*MASKS, "--masks", "out_mask.rec"],
    ],
    ids=" ".join,
)
def test_masks_need_a_file_and_a_folder(run: Runner, tmp_path: Path, options: list[str]) -> None:
    before = sorted(os.listdir(tmp_path))
    result = run("unpack", "out.rec", "files", *options)
    assert (result.status, result.out) == (2, "")
    assert "--masks" in result.err
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.usefixtures("pair")
def test_the_file_of_masks_may_have_any_name(run: Runner, tmp_path: Path) -> None:
    for ending in ("rec", "idx"):
        (tmp_path / f"out_mask.{ending}").rename(tmp_path / f"numbers.{ending}")
    result = run("unpack", "out.rec", "f", "--masks", "numbers.rec", "--masks-out", "m")
    assert result.status == 0
    assert "3 masks in m, listed in m/numbers.lst\n" in result.err


@pytest.mark.usefixtures("pair")
def test_a_folder_may_have_an_images_name_without_ending(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("7\t0\tx/a.jpg\n2\t0\tx/a/b.jpg\n")
    result = run("unpack", "out.rec", "files", "--lst", "a.lst", *MASKS)
    assert result.status == 0
    assert (tmp_path / "masks/x/a.png").read_bytes() == mask_of(7)
    assert (tmp_path / "masks/x/a/b.png").read_bytes() == mask_of(2)
