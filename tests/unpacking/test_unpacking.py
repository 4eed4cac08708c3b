"""`rectool unpack`: exact bytes, safe names, and the way back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, Run, encoded, picture

from rectool import IRHeader, RecordReader, RecordWriter, pack, unpack
from rectool.format.header import pack_raw
from rectool.unpacking.unpack_records import unpack_records

Runner = Callable[..., Run]
GOLDENS = ["labels", "images", "faces", "lists/packed", "lists/packed_labels"]


@pytest.mark.parametrize("name", GOLDENS)
def test_there_and_back(run: Runner, tmp_path: Path, name: str) -> None:
    rec = GOLDEN / f"{name}.rec"
    assert run("unpack", rec, "files").status == 0
    lst = f"files/{rec.stem}.lst"
    again = run("pack", lst, "again", "--pass-through")
    assert again.status == 0, again
    for ending in (".rec", ".idx"):
        assert (tmp_path / "again").with_suffix(ending).read_bytes() == rec.with_suffix(
            ending
        ).read_bytes()


def test_there_and_back_with_odd_headers(run: Runner, tmp_path: Path) -> None:
    """Fields that a list has no column for: other ids, im2rec.cc's label, one label as a vector."""
    image = encoded(picture())
    values = np.float32([3, 4]).tobytes()
    records = {
        7: pack(IRHeader(0, 0.1, 2**64 - 1, 5), image),
        3: pack_raw(2, 3.0, 3, 0) + values + image,
        9: pack(IRHeader(0, [0.30000001192092896], 9, 0), image),
        1: pack(IRHeader(0, 1.0, 1, 0), b""),
        2**62: pack(IRHeader(0, -1e-20, 0, 0), b"no image"),
    }
    with RecordWriter(tmp_path / "odd.rec") as writer:
        for key, record in records.items():
            writer.write(record, key)
    result = run("unpack", "odd.rec", "files")
    assert result.err == (
        "3 images and 2 payloads without an image in files, listed in files/odd.lst\n"
    )
    assert sorted(os.listdir(tmp_path / "files")) == [
        "1.bin",
        "3.jpg",
        f"{2**62}.bin",
        "7.jpg",
        "9.jpg",
        "odd.lst",
    ]
    assert run("pack", "files/odd.lst", "again", "--pass-through", "--workers", 2).status == 0
    assert (tmp_path / "again.rec").read_bytes() == (tmp_path / "odd.rec").read_bytes()
    assert (tmp_path / "again.idx").read_bytes() == (tmp_path / "odd.idx").read_bytes()
    # a list edited by hand: its label counts, and a width that is not the header's is an error
    lst = tmp_path / "files" / "odd.lst"
    lst.write_bytes(
        lst.read_bytes().replace(b"\n7\t0.100000\t", b"\n7\t8\t").replace(b"\t3.000000\t", b"\t")
    )
    assert run("pack", lst, "edited", "--pass-through").status == 1
    assert unpack(RecordReader(tmp_path / "edited.rec").by_key(7))[0] == (0, 8.0, 2**64 - 1, 5)


def test_exact_bytes(tmp_path: Path, run: Runner) -> None:
    rec = GOLDEN / "faces.rec"
    assert run("unpack", rec, "files").status == 0
    reader = RecordReader(rec)
    for key in reader.keys.tolist():
        _, payload = unpack(reader.by_key(key))
        name = f"{key}.jpg" if payload else f"{key}.bin"
        assert (tmp_path / "files" / name).read_bytes() == payload


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_links_in_the_folder_are_not_followed_out_of_it(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "far").mkdir()
    (tmp_path / "files" / "sub").symlink_to(tmp_path / "far")
    (tmp_path / "files" / "1.jpg").symlink_to(tmp_path / "far" / "stolen.jpg")
    (tmp_path / "a.lst").write_text("0\t0\tsub/a.jpg\n")
    refused = run("unpack", GOLDEN / "images.rec", "files", "--lst", "a.lst", "--force")
    assert refused.status == 1
    assert "files/sub: a link stands where a folder is to be written" in refused.err
    assert run("unpack", GOLDEN / "images.rec", "files", "--force").status == 0
    assert os.listdir(tmp_path / "far") == []
    assert not (tmp_path / "files" / "1.jpg").is_symlink()


def test_a_folder_that_is_not_empty(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine.txt").write_text("mine")
    result = run("unpack", GOLDEN / "images.rec", "files")
    assert result.status == 1
    assert result.err == "rectool: files: the folder is not empty (--force replaces files in it)\n"
    assert os.listdir(tmp_path / "files") == ["mine.txt"]
    assert run("unpack", GOLDEN / "images.rec", "files", "--force").status == 0
    assert (tmp_path / "files" / "mine.txt").read_text() == "mine"
    assert len(os.listdir(tmp_path / "files")) == 9


def test_keys_that_occur_twice(tmp_path: Path, run: Runner) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for _ in range(2):
            writer.write(pack(IRHeader(0, 1.0, 1, 0), b"x"), 1)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert result.err.startswith("rectool: a.rec: key 1 occurs 2 times")
    assert not (tmp_path / "files").exists()


def test_the_source_is_not_overwritten(run: Runner, tmp_path: Path) -> None:
    source = tmp_path / "1.jpg"
    source.write_bytes((GOLDEN / "images.rec").read_bytes())
    result = run("unpack", "1.jpg", ".", "--force")
    assert result.status == 1
    assert result.err == "rectool: ./1.jpg: this would replace a file that is being read\n"
    assert source.read_bytes() == (GOLDEN / "images.rec").read_bytes()


def test_keys_that_a_list_cannot_hold(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 1, 0), b"x"), -5)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "keys in a list must be 0 or more, got -5" in result.err


def test_the_library_counts(tmp_path: Path) -> None:
    seen: list[int] = []
    result = unpack_records(GOLDEN / "faces.rec", tmp_path / "f", on_progress=seen.append)
    assert (result.images, result.raw, result.unnamed, result.misnamed) == (12, 5, 0, 0)
    assert seen == [17] * 17
