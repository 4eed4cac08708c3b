"""`rectool pack` of record files and of their masks' files: pairs stay pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, encoded, picture
from helpers.aligned import both, check_aligned, image_of, mask_of

from rectool import IRHeader, RecordReader, RecordWriter, pack
from rectool.imaging.masks import decode_mask
from rectool.packing.record_source import RecordSource

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


FILES = ["./a.rec", "b.rec"]
MASKS = ["--masks", "a_mask.rec", "--masks", "b_mask.rec"]


def test_merged_and_copied(run: Runner, two: Path) -> None:
    result = run("pack", *FILES, "out", *MASKS)
    assert result.status == 0, result
    assert "packed 10 of 10 records, and their masks, into out.rec and out_mask.rec" in result.err
    found = both(two)
    assert [key for key, *_ in found] == [*range(5, 11), *range(20, 24)]
    for key, image, mask in found:
        assert (image, mask) == (image_of(30 + key, 44), mask_of(30 + key, 44))


@pytest.mark.parametrize("shards", [[], ["--shards", 3]])
def test_resized_shuffled_divided(run: Runner, two: Path, shards: list[Any]) -> None:
    options = ["--shuffle", "--resize", 21, "--center-crop", "--encoding", "png", "--workers", 2]
    assert run("pack", *FILES, "out", *MASKS, *options, *shards).status == 0
    found = both(two)
    keys = [key for key, *_ in found]
    assert sorted(keys) == [*range(5, 11), *range(20, 24)] != keys
    for _, image, mask in found:
        assert decode_mask(mask).shape == (21, 21)
        check_aligned(image, mask)
    if shards:
        sets = [path.name for path in sorted(two.glob("out-*.rec"))]
        result = run("pack", *sets, "again", "--masks", "out_mask-*.rec")
        assert result.status == 0
        assert both(two, "again") == found


def test_renumbered(run: Runner, two: Path) -> None:
    assert run("pack", *FILES, "out", *MASKS, "--renumber").status == 0
    assert [key for key, *_ in both(two)] == list(range(10))
    masks = RecordReader(two / "out_mask.rec")
    assert masks.headers().ids.tolist() == list(range(10))


def test_what_does_not_belong_together(run: Runner, two: Path) -> None:
    make(two, "c", range(5, 10))
    (two / "c_mask.rec").write_bytes((two / "a_mask.rec").read_bytes())
    (two / "c_mask.idx").write_bytes((two / "a_mask.idx").read_bytes())
    result = run("pack", "c.rec", "--masks", "c_mask.rec", "out")
    assert (result.status, result.err) == (
        1,
        "rectool: c_mask.rec: these are no masks of c.rec: 6 records, not 5; the first difference"
        " is at position 5, the key 10, not the end\n",
    )  # fmt: skip
    for given in ("a_mask.rec", "c.rec", "a.rec", "none*.rec", "."):
        result = run("pack", "a.rec", "c.rec", "out", "--masks", given)
        assert (result.status, result.out) == (2, "")
        assert "--masks" in result.err
    make(two, "d", range(5, 11), label=4.0)
    for ending in ("rec", "idx"):
        (two / f"d_mask.{ending}").write_bytes((two / f"a_mask.{ending}").read_bytes())
    result = run("pack", "d.rec", "--masks", "d_mask.rec", "out")
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
    result = run("pack", "b.rec", "--masks", "b_mask.rec", "out", "--resize", 20)
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
        result = run("pack", "b.rec", "--masks", "b_mask.rec", "out", "--force", *options)
        assert result.status == 1
        reason = f"its mask in b_mask.rec, byte {index['22']}: a record should begin here"
        assert f"rectool: b.rec: {reason}" in result.err
        assert [key for key, *_ in both(two)] == [20, 21, 23]


def test_records_without_an_image_are_copied(two: Path) -> None:
    for suffix in ("", "_mask"):
        with RecordWriter(two / f"f{suffix}.rec") as writer:
            writer.write(pack(IRHeader(2, [9.0, 9.0], 0, 0), b""), 0)
    source = RecordSource([two / "f.rec"], masks=[two / "f_mask.rec"])
    from rectool.packing.transform import Reencode

    image, mask = source.maker(Reencode())(source.samples(range(1))[0]).records
    assert image == mask == pack(IRHeader(2, [9.0, 9.0], 0, 0), b"")


def test_files_are_no_masks_by_their_names(run: Runner, two: Path) -> None:
    """Photos of faces with masks, say, in face_mask.rec beside face.rec."""
    for name, keys in (("face", range(100, 102)), ("face_mask", range(200, 203))):
        with RecordWriter(two / f"{name}.rec") as writer:
            for key in keys:
                payload = encoded(picture(key % 9, 5, 4).convert("L"), "PNG")
                writer.write(pack(IRHeader(0, 1.0, key, 0), payload), key)
    result = run("pack", "face.rec", "face_mask.rec", "a.rec", "b_mask.rec", "all")
    assert result.status == 0, result
    keys = RecordReader(two / "all.rec").keys.tolist()
    assert keys == [100, 101, 200, 201, 202, *range(5, 11), *range(20, 24)]
    assert not list(two.glob("all_*"))
    alone = run("pack", "face_mask.rec", "one", "--resize", 3)
    assert alone.status == 0
    assert alone.err.startswith("packed 3 of 3 records into one.rec")


def test_masks_given_as_sources_have_keys_of_their_images(run: Runner, two: Path) -> None:
    result = run("pack", "a.rec", "a_mask.rec", "out")
    assert result.status == 1
    assert "key 5 is also that of a record of a.rec" in result.err
    assert "--masks" in result.err
    make(two, "c", range(10, 12))
    assert "--masks" not in run("pack", "a.rec", "c.rec", "out").err
    assert not list(two.glob("out*"))


@pytest.mark.parametrize("masks", ["m", "m/m.lst"])
def test_masks_of_records_are_records(run: Runner, two: Path, masks: str) -> None:
    (two / "m").mkdir()
    (two / "m/m.lst").write_text("5\t0\ta.png\n")
    result = run("pack", "a.rec", "out", "--masks", masks)
    assert result.status in (1, 2)
    assert masks in result.err
    result = run("pack", "m/m.lst", "out", "--masks", "a_mask.rec")
    assert result.status == 2
    assert "a_mask.rec" in result.err
    assert not list(two.glob("out*"))
