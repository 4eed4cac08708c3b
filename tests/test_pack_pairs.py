"""`rectool pack` of record files and of their masks' files: pairs stay pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aligned import both, check_aligned, image_of, mask_of
from conftest import Run, encoded, picture

from rectool import IRHeader, RecordReader, RecordWriter, pack
from rectool.imaging.masks import decode_mask
from rectool.record_source import RecordSource

Runner = Callable[..., Run]


def make(folder: Path, name: str, keys: range, label: Any = 3.0) -> None:
    for suffix, payload in (("", image_of), ("_mask", mask_of)):
        with RecordWriter(folder / f"{name}{suffix}.rec") as writer:
            for key in keys:
                writer.write(pack(IRHeader(0, label, key, 0), payload(30 + key, 44)), key)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    make(tmp_path, "a", range(5, 11))
    make(tmp_path, "b", range(20, 24))
    return tmp_path


FILES = ["b_mask.rec", "./a.rec", "b.rec", "a_mask.rec"]


def test_merged_and_copied(run: Runner, two: Path) -> None:
    result = run("pack", *FILES, "out")
    assert result.status == 0, result
    assert "packed 10 of 10 records, and their masks, into out.rec and out_mask.rec" in result.err
    found = both(two)
    assert [key for key, *_ in found] == [*range(5, 11), *range(20, 24)]
    for key, image, mask in found:
        assert (image, mask) == (image_of(30 + key, 44), mask_of(30 + key, 44))


@pytest.mark.parametrize("shards", [[], ["--shards", 3]])
def test_resized_shuffled_divided(run: Runner, two: Path, shards: list[Any]) -> None:
    options = ["--shuffle", "--resize", 21, "--center-crop", "--encoding", "png", "--workers", 2]
    assert run("pack", *FILES, "out", *options, *shards).status == 0
    found = both(two)
    keys = [key for key, *_ in found]
    assert sorted(keys) == [*range(5, 11), *range(20, 24)] != keys
    for _, image, mask in found:
        assert decode_mask(mask).shape == (21, 21)
        check_aligned(image, mask)
    if shards:
        sets = sorted(two.glob("out*-of-*.rec"))
        result = run("pack", *(path.name for path in sets), "again")
        assert result.status == 0
        assert both(two, "again") == found


def test_renumbered(run: Runner, two: Path) -> None:
    assert run("pack", *FILES, "out", "--renumber").status == 0
    assert [key for key, *_ in both(two)] == list(range(10))
    masks = RecordReader(two / "out_mask.rec")
    assert masks.headers().ids.tolist() == list(range(10))


def test_what_does_not_belong_together(run: Runner, two: Path) -> None:
    make(two, "c", range(5, 10))
    (two / "c_mask.rec").write_bytes((two / "a_mask.rec").read_bytes())
    (two / "c_mask.idx").write_bytes((two / "a_mask.idx").read_bytes())
    result = run("pack", "c.rec", "c_mask.rec", "out")
    assert (result.status, result.err) == (
        1,
        "rectool: c_mask.rec: these are no masks of c.rec: 6 records, not 5; the first difference"
        " is at position 5, the key 10, not the end; it was taken for them by its"
        " name\n",
    )  # fmt: skip
    result = run("pack", "a.rec", "a_mask.rec", "c.rec", "out")
    assert (result.status, result.err) == (
        1,
        "rectool: a_mask.rec: by its name it has the masks of another file, and c.rec has none"
        " (c_mask.rec is not given)\n",
    )
    make(two, "d", range(5, 11), label=4.0)
    for ending in ("rec", "idx"):
        (two / f"d_mask.{ending}").write_bytes((two / f"a_mask.{ending}").read_bytes())
    result = run("pack", "d.rec", "d_mask.rec", "out")
    assert result.status == 1
    reason = "its mask in d_mask.rec has the label 3, and its image the label 4"
    assert result.err.count(f"rectool: d.rec: {reason} (byte ") == 6
    assert "none of 6 records could be packed" in result.err
    assert not list(two.glob("out*"))


def test_a_bad_mask_is_a_bad_record(run: Runner, two: Path) -> None:
    with RecordWriter(two / "b_mask.rec", force=True) as writer:
        for key in range(20, 24):
            size = (30 + key, 44 + (key == 21))
            writer.write(pack(IRHeader(0, 3.0, key, 0), mask_of(*size)), key)
    result = run("pack", "b.rec", "b_mask.rec", "out", "--resize", 20)
    assert result.status == 1
    assert (
        "b.rec: its mask in b_mask.rec: 51x45 pixels, and the image has 51x44 (byte " in result.err
    )
    assert [key for key, *_ in both(two)] == [20, 22, 23]


def test_a_damaged_mask_is_named_with_its_own_file(run: Runner, two: Path) -> None:
    index = dict(map(str.split, (two / "b_mask.idx").read_text().splitlines()))
    data = bytearray((two / "b_mask.rec").read_bytes())
    data[int(index["22"])] ^= 1
    (two / "b_mask.rec").write_bytes(data)
    for options in ([], ["--resize", 20]):
        result = run("pack", "b.rec", "b_mask.rec", "out", "--force", *options)
        assert result.status == 1
        reason = f"its mask in b_mask.rec, byte {index['22']}: a record should begin here"
        assert f"rectool: b.rec: {reason}" in result.err
        assert [key for key, *_ in both(two)] == [20, 21, 23]


def test_records_without_an_image_are_copied(two: Path) -> None:
    for suffix in ("", "_mask"):
        with RecordWriter(two / f"f{suffix}.rec") as writer:
            writer.write(pack(IRHeader(2, [9.0, 9.0], 0, 0), b""), 0)
    source = RecordSource([two / "f.rec"], masks=[two / "f_mask.rec"])
    from rectool.imaging import Recipe

    image, mask = source.maker(Recipe())(source.samples(range(1))[0])
    assert image == mask == pack(IRHeader(2, [9.0, 9.0], 0, 0), b"")


def test_masks_that_were_not_given_are_remarked_on(run: Runner, two: Path) -> None:
    result = run("pack", "a.rec", "b.rec", "out")
    assert result.status == 0
    remark = "a_mask.rec and 1 more: left out; given too, its masks are packed beside\n"
    assert remark in result.err
    result = run("inspect", "a.rec", "b_mask.rec")
    assert result.status == 0
    assert result.err == (
        "b_mask.rec: not compared, as no file given has it for its masks by name\n"
    )
    assert run("inspect", "b_mask.rec").err == ""


def test_masks_of_other_images_are_no_images(run: Runner, two: Path) -> None:
    result = run("pack", "a.rec", "b_mask.rec", "out")
    assert (result.status, result.err) == (
        1,
        "rectool: b_mask.rec: by its name and content it has the masks of b.rec, which is not"
        " given; masks are packed with their images, or alone\n",
    )
    assert not (two / "out.rec").exists()


def test_images_by_the_name_of_masks_are_images(run: Runner, two: Path) -> None:
    for name in ("face.rec", "face_mask.rec"):  # of faces, and of faces with masks
        with RecordWriter(two / name) as writer:
            writer.write(pack(IRHeader(0, 1.0, 90, 0), encoded(picture(1, 5, 4), "PNG")), 90)
    result = run("pack", "face_mask.rec", "a.rec", "out")
    assert result.status == 0, result
    assert len(RecordReader(two / "out.rec")) == 6 + 1


def test_partners_are_known_by_every_spelling(run: Runner, two: Path) -> None:
    result = run("pack", "a.rec", two / "a_mask.rec", "out")
    assert result.status == 0, result
    assert len(both(two)) == 6


def test_masks_without_their_images_are_remarked_on(run: Runner, two: Path) -> None:
    remark = "a_mask.rec: masks, by its name; given a.rec too, they stay such\n"
    assert remark in run("pack", "a_mask.rec", "out", "--resize", 8).err
    (two / "a.rec").unlink()
    assert "by its name" not in run("pack", "a_mask.rec", "out", "--force").err
