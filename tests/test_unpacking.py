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
from rectool.format import CorruptError, HeaderError, RecordError, pack_raw
from rectool.unpack_names import below_folder
from rectool.unpacking import unpack_records

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


def test_original_names(run: Runner, tmp_path: Path, tree: Path) -> None:
    assert run("pack", "images", "a", "--pass-through").status == 0
    assert run("unpack", "a.rec", "back", "--lst", "a.lst").status == 0
    for number in range(10):
        name = f"{'cats' if number < 6 else 'dogs'}/{number}.jpg"
        assert (tmp_path / "back" / name).read_bytes() == (tree / name).read_bytes()
    assert (tmp_path / "back" / "a.lst").read_bytes() == (tmp_path / "a.lst").read_bytes()
    some = (tmp_path / "a.lst").read_bytes().splitlines(keepends=True)[:4]
    (tmp_path / "some.lst").write_bytes(b"".join(some).replace(b".jpg", b".png"))
    partly = run("unpack", "a.rec", "partly", "--lst", "some.lst")
    assert partly.status == 0
    assert "6 records not in some.lst, named by key\n" in partly.err
    assert "4 files of another format than the name's ending says\n" in partly.err


@pytest.mark.parametrize(
    "path",
    [
        "../out.jpg", "a/../../out.jpg", "/tmp/out.jpg", "..", ".", "a/..", "./../x/../../b", "a/",
        "a/.", "C:\\a.jpg", "c:/a.jpg", "\\a.jpg", "\\\\host\\a.jpg", "..\\a.jpg",
        "a\\..\\..\\b.jpg",
        "//a.jpg", "fine.jpg/a.jpg", "images.lst", "./images.lst", "images.lst/a.jpg", "x" * 256,
        "x/" * 2000 + "a.jpg",
    ],
)  # fmt: skip
def test_names_that_lead_out_or_are_no_files(run: Runner, tmp_path: Path, path: str) -> None:
    (tmp_path / "bad.lst").write_text(f"1\t0\tfine.jpg\n2\t0\t{path}\n")
    result = run("unpack", GOLDEN / "images.rec", "files", "--lst", "bad.lst")
    assert (result.status, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1
    assert "bad.lst:2: " in result.err
    assert sorted(os.listdir(tmp_path)) == ["bad.lst"]


def test_names_that_occur_twice(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "bad.lst").write_text("1\t0\ta.jpg\n2\t0\t./a.jpg\n")
    result = run("unpack", GOLDEN / "images.rec", "files", "--lst", "bad.lst")
    assert result.err == "rectool: bad.lst:2: ./a.jpg is the name of line 1 already\n"
    assert result.status == 1


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
    assert result.err == "rectool: files: this folder is not empty (--force replaces files in it)\n"
    assert os.listdir(tmp_path / "files") == ["mine.txt"]
    assert run("unpack", GOLDEN / "images.rec", "files", "--force").status == 0
    assert (tmp_path / "files" / "mine.txt").read_text() == "mine"
    assert len(os.listdir(tmp_path / "files")) == 9


def test_records_that_are_no_image_records(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 5, 0), b"\xff\xd8\xff"), 5)
        writer.write(b"short", 6)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "key 6: no image record: 5 bytes" in result.err
    assert "1 record could not be read" in result.err
    assert sorted(os.listdir(tmp_path / "files")) == ["5.jpg", "a.lst"]
    with pytest.raises(HeaderError, match="key 6: no image record"):
        unpack_records(tmp_path / "a.rec", tmp_path / "strict")


def test_nothing_that_can_be_unpacked(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(b"short", 6)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "none of 1 record could be unpacked" in result.err
    assert os.listdir(tmp_path / "files") == []


def test_keys_that_occur_twice(tmp_path: Path, run: Runner) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for _ in range(2):
            writer.write(pack(IRHeader(0, 1.0, 1, 0), b"x"), 1)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert result.err.startswith("rectool: a.rec: key 1 occurs 2 times")
    assert not (tmp_path / "files").exists()


def test_an_index_that_leaves_records_out(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes((GOLDEN / "faces.rec").read_bytes())
    lines = (GOLDEN / "faces.idx").read_bytes().splitlines(keepends=True)
    (tmp_path / "a.idx").write_bytes(b"".join(lines[:5]))
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "12 records" in result.err
    assert "index" in result.err
    assert len(os.listdir(tmp_path / "files")) == 6


def test_names_that_would_replace_others(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("1\t0\t2.jpg\n")
    result = run("unpack", GOLDEN / "faces.rec", "files", "--lst", "a.lst")
    assert result.status == 1
    assert "key 2: 2.jpg is the list's name for another record" in result.err
    (tmp_path / "b.lst").write_text("1\t0\tfaces.lst\n")
    result = run("unpack", GOLDEN / "faces.rec", "more", "--lst", "b.lst")
    assert result.err == "rectool: b.lst:1: faces.lst is the name of the list to be written\n"
    assert not (tmp_path / "more").exists()


def test_the_source_is_not_overwritten(run: Runner, tmp_path: Path) -> None:
    source = tmp_path / "1.jpg"
    source.write_bytes((GOLDEN / "images.rec").read_bytes())
    result = run("unpack", "1.jpg", ".", "--force")
    assert result.status == 1
    assert result.err == "rectool: ./1.jpg: a file to be written would replace what is being read\n"
    assert source.read_bytes() == (GOLDEN / "images.rec").read_bytes()


def test_keys_that_a_list_cannot_hold(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 1, 0), b"x"), -5)
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "key -5" in result.err


def test_the_library_counts(tmp_path: Path) -> None:
    seen: list[int] = []
    result = unpack_records(GOLDEN / "faces.rec", tmp_path / "f", on_progress=seen.append)
    assert (result.images, result.raw, result.unnamed, result.misnamed) == (12, 5, 0, 0)
    assert seen == [17] * 17


def test_names_of_windows_become_folders(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("1\t0\tcats\\a.jpg\n2\t0\tcats\\b\\c.jpg\n99\t0\td.jpg\n")
    result = run("unpack", GOLDEN / "faces.rec", "files", "--lst", "a.lst")
    assert result.status == 0
    assert "2 names with backslashes" in result.err
    assert "1 key of a.lst that no record has" in result.err
    assert (tmp_path / "files/cats/a.jpg").is_file()
    assert (tmp_path / "files/cats/b/c.jpg").is_file()
    again = run("pack", "files/faces.lst", "again", "--pass-through")
    assert again.status == 0
    assert (tmp_path / "again.rec").read_bytes() == (GOLDEN / "faces.rec").read_bytes()


@pytest.mark.parametrize(
    "name",
    ["con", "NUL.jpg", "a/Com1.png", "lpt9 .x", "a.", "a ", "b./c.jpg", "a:b", "x?.jpg", "*"],
)
def test_names_that_windows_keeps_for_itself(name: str) -> None:
    with pytest.raises(ValueError, match="Windows"):
        below_folder(name, windows=True)
    assert below_folder(name, windows=False) == name


@pytest.mark.parametrize("name", ["console.jpg", "a.con", "com.jpg", ".hidden", "a b.jpg", "lpt0x"])
def test_names_that_windows_takes(name: str) -> None:
    assert below_folder(name, windows=True) == name


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


def test_damage_without_an_index(run: Runner, faces: Path) -> None:
    keys = RecordReader(faces).keys.tolist()
    damage(faces, 6)
    faces.with_suffix(".idx").unlink()
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "records behind it were not found" in result.err
    assert len(list((faces.parent / "files").glob("*.jpg"))) == sum(
        0 < key < 12 for key in keys[:6]
    )


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


def test_the_list_with_names_is_not_replaced(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    lst = tmp_path / "files/faces.lst"
    lst.write_text("1\t0\tone.jpg\n")
    rec = GOLDEN / "faces.rec"
    result = run("unpack", rec, "files", "--lst", "files/faces.lst", "--force")
    assert result.status == 1
    assert "files/faces.lst: a file to be written would replace what is being read" in result.err
    assert os.listdir(tmp_path / "files") == ["faces.lst"]
    assert lst.read_text() == "1\t0\tone.jpg\n"


def test_long_names_that_are_no_utf8() -> None:
    name = "\udcff" * 255
    assert below_folder(name, windows=False) == name
    with pytest.raises(ValueError, match="too long"):
        below_folder(name + "x", windows=False)
