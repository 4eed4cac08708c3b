"""`rectool unpack --lst`: names of files from a list, and those that are refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GOLDEN, Run

from rectool.unpacking.file_names import below_folder

Runner = Callable[..., Run]


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


def test_names_that_would_replace_others(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("1\t0\t2.jpg\n")
    result = run("unpack", GOLDEN / "faces.rec", "files", "--lst", "a.lst")
    assert result.status == 1
    assert "key 2: 2.jpg is the list's name for another record" in result.err
    (tmp_path / "b.lst").write_text("1\t0\tfaces.lst\n")
    result = run("unpack", GOLDEN / "faces.rec", "more", "--lst", "b.lst")
    assert result.err == "rectool: b.lst:1: faces.lst is the name of the list to be written\n"
    assert not (tmp_path / "more").exists()


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


def test_the_list_with_names_is_not_replaced(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    lst = tmp_path / "files/faces.lst"
    lst.write_text("1\t0\tone.jpg\n")
    rec = GOLDEN / "faces.rec"
    result = run("unpack", rec, "files", "--lst", "files/faces.lst", "--force")
    assert result.status == 1
    assert "files/faces.lst: this would replace a file that is being read" in result.err
    assert os.listdir(tmp_path / "files") == ["faces.lst"]
    assert lst.read_text() == "1\t0\tone.jpg\n"


def test_long_names_that_are_no_utf8() -> None:
    name = "\udcff" * 255
    assert below_folder(name, windows=False) == name
    with pytest.raises(ValueError, match="too long"):
        below_folder(name + "x", windows=False)
