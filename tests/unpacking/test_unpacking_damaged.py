"""`rectool unpack` of damaged files: what is whole is written, what is not is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, Run, encoded, picture

from rectool import IRHeader, RecordReader, RecordWriter, pack, unpack
from rectool.errors import CorruptError, HeaderError, RecordError
from rectool.unpacking.unpack_records import unpack_records

Runner = Callable[..., Run]


def test_records_that_are_no_image_records(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 5, 0), b"\xff\xd8\xff"), 5)
        writer.write(b"short", 6)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "key 6: this is not an image record: 5 bytes" in result.err
    assert "1 record could not be read" in result.err
    assert sorted(os.listdir(tmp_path / "files")) == ["5.jpg", "a.lst"]
    with pytest.raises(HeaderError, match="key 6: this is not an image record"):
        unpack_records(tmp_path / "a.rec", tmp_path / "strict")


def test_more_labels_than_a_list_can_give_back(run: Runner, tmp_path: Path) -> None:
    records = [
        pack(IRHeader(0, np.arange(count) % 10, key, 0), encoded(picture(key, 8, 8)))
        for key, count in enumerate((100_000, 200_000, 2))
    ]
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key, record in enumerate(records):
            writer.write(record, key)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "key 1: 200000 labels" in result.err
    assert run("pack", "files/a.lst", "again", "--pass-through").status == 0
    assert list(RecordReader(tmp_path / "again.rec")) == [records[0], records[2]]


def test_nothing_that_can_be_unpacked(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(b"short", 6)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "none of 1 record could be unpacked" in result.err
    assert os.listdir(tmp_path / "files") == []


def test_an_index_that_leaves_records_out(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes((GOLDEN / "faces.rec").read_bytes())
    lines = (GOLDEN / "faces.idx").read_bytes().splitlines(keepends=True)
    (tmp_path / "a.idx").write_bytes(b"".join(lines[:5]))
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "12 records" in result.err
    assert "index" in result.err
    assert len(os.listdir(tmp_path / "files")) == 6


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    for ending in (".rec", ".idx"):
        content = (GOLDEN / "faces.rec").with_suffix(ending).read_bytes()
        (tmp_path / "a.rec").with_suffix(ending).write_bytes(content)
    return tmp_path / "a.rec"


def damage(rec: Path, position: int) -> int:
    """Damages the beginning of a record; gives its key."""
    key, at = map(int, rec.with_suffix(".idx").read_text().splitlines()[position].split("\t"))
    content = bytearray(rec.read_bytes())
    content[at] ^= 1
    rec.write_bytes(content)
    return key


def check_files(folder: Path, keys: set[int]) -> None:
    """These records' payloads, and nothing else but the list that names them."""
    original = RecordReader(GOLDEN / "faces.rec")
    files = {int(path.stem): path for path in folder.iterdir() if path.suffix != ".lst"}
    assert set(files) == keys
    for key, path in files.items():
        assert path.read_bytes() == unpack(original.by_key(key))[1]
    lines = (folder / "a.lst").read_text().splitlines()
    assert {int(line.split("\t")[0]) for line in lines if line[0] != "#"} == keys


@pytest.mark.parametrize("position", [0, 6, 16])
def test_what_is_whole_of_a_damaged_file(run: Runner, faces: Path, position: int) -> None:
    keys = set(RecordReader(faces).keys.tolist())
    lost = damage(faces, position)
    result = run("unpack", "a.rec", "files")
    assert (result.status, result.out) == (1, "")
    named = [line for line in result.err.splitlines() if line.startswith("rectool: a.rec: at byte")]
    assert len(named) == 1
    assert "1 record could not be read, and not written" in result.err
    check_files(faces.parent / "files", keys - {lost})
    with pytest.raises(CorruptError):
        unpack_records(faces, faces.parent / "strict")


@pytest.mark.parametrize("position", [0, 6, 15])
def test_what_is_behind_damage_is_found_without_an_index(
    run: Runner, faces: Path, position: int
) -> None:
    keys = set(RecordReader(faces).keys.tolist())
    offsets = RecordReader(faces).offsets.tolist()
    lost = damage(faces, position)
    faces.with_suffix(".idx").unlink()
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    named = [line for line in result.err.splitlines() if line.startswith("rectool: a.rec:")]
    assert len(named) == 1
    assert f"at byte {offsets[position]}:" in named[0]
    assert f"damaged up to byte {offsets[position + 1]}" in named[0]
    check_files(faces.parent / "files", keys - {lost})


def test_a_file_cut_short_without_an_index(run: Runner, faces: Path) -> None:
    content = faces.read_bytes()
    faces.with_suffix(".idx").unlink()
    faces.write_bytes(content[: len(content) // 2])
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "rectool: a.rec: at byte " in result.err
    count = len(os.listdir(faces.parent / "files")) - 1
    assert 2 < count < 12


def test_an_index_of_another_file_ends_it(run: Runner, faces: Path) -> None:
    lines = faces.with_suffix(".idx").read_text().splitlines()
    shifted = (f"{key}\t{int(at) + 8}\n" for key, at in (line.split("\t") for line in lines))
    faces.with_suffix(".idx").write_text("".join(shifted))
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "a.idx" in result.err
    assert not (faces.parent / "files").exists()


def test_many_damaged_records_fold(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 0, 0), b"whole"), 0)
        for key in range(1, 100):
            writer.write(b"short", key)
    seen: list[RecordError] = []
    result = unpack_records(tmp_path / "a.rec", tmp_path / "library", on_damage=seen.append)
    assert (result.raw, result.damaged, len(seen)) == (1, 99, 99)
    printed = run("unpack", "a.rec", "files")
    assert printed.status == 1
    assert len(printed.err.splitlines()) < 25
    assert "and 79 more like these" in printed.err
    assert "99 records could not be read" in printed.err


def test_an_empty_file(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(b"")
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "rectool: a.rec: the file is empty" in result.err
    assert not (tmp_path / "files").exists()


def test_a_file_cut_short_with_its_index(run: Runner, faces: Path) -> None:
    content = faces.read_bytes()
    faces.write_bytes(content[: len(content) // 2])
    keys = [int(line.split("\t")[0]) for line in faces.with_suffix(".idx").read_text().splitlines()]
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "cut" in result.err
    count = len(os.listdir(faces.parent / "files")) - 1
    assert 2 < count < 12
    check_files(faces.parent / "files", set(keys[:count]))
