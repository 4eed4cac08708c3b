"""Lists and class tables as editors, spreadsheets and shells write them, and what is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GOLDEN, rectool
from helpers.processes import measured

from rectool import ListError
from rectool.listing.annotations.class_names import read_names
from rectool.listing.classes import read_classes
from rectool.listing.lst import Entry, read_list
from rectool.listing.text_files import LONGEST_LINE

LIST = "0\t1\tcaf\u00e9/a b.jpg\n7\t0.5\t2\t\u732b.jpg\n"
ENTRIES = [Entry(0, (1.0,), "caf\u00e9/a b.jpg"), Entry(7, (0.5, 2.0), "\u732b.jpg")]
TABLE = "black cat 1\n\u732b 0\n"
CLASSES = {"black cat": 1, "\u732b": 0}

FORMS = {
    "plain": lambda text: text.encode(),
    "with a mark": lambda text: text.encode("utf-8-sig"),
    "of PowerShell": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16, little": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16, big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big, without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "of an old Mac": lambda text: text.replace("\n", "\r").encode(),
    "without a last line's end": lambda text: text.rstrip("\n").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_text(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.lst").write_bytes(FORMS[form](LIST))
    assert list(read_list(tmp_path / "a.lst")) == ENTRIES
    (tmp_path / "c.txt").write_bytes(FORMS[form](TABLE))
    assert read_classes(tmp_path / "c.txt") == CLASSES
    assert read_names(tmp_path / "c.txt").classes == CLASSES


def test_lists_joined_with_their_marks(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_bytes(b"\xef\xbb\xbf0\t1\ta\n\xef\xbb\xbf1\t2\tb\n")
    assert [entry.key for entry in read_list(tmp_path / "a.lst")] == [0, 1]


def test_utf16_that_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_bytes(LIST.encode("utf-16")[:-1])
    with pytest.raises(ListError, match="malformed UTF-16"):
        read_list(tmp_path / "a.lst")


def test_a_list_with_a_zero_byte_is_told_from_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_bytes(b"0\t1.0\ta.jpg\0\n")
    with pytest.raises(ListError, match="zero bytes"):
        read_list(tmp_path / "a.lst")


KINDS = [
    ("1\timages/a.jpg\t0\n1\timages/b.jpg\t1\n", "InsightFace", "{print NR-1, $3, $2}"),
    ("1\timages/a.jpg\t0\t3.5\t4\t9\t2\n", "InsightFace", "{print NR-1, $3, $2}"),
    ("0\tcat\ta.jpg\n1\tdog\tb.jpg\n", "names of classes", "--csv-columns 3,2"),
    ("0 1 a.jpg\n1 0.5 b/c.jpg\n", "blanks", "{$1 = $1; print}"),
    ("0   1   2  a.jpg\n", "blanks", "{$1 = $1; print}"),
    ("0,1,a.jpg\n1,0,b.jpg\n", "','", "tr ',' '\\t'"),
    ("0;1;a b.jpg\n", "';'", "tr ';' '\\t'"),
    ("1.0\t0\ta.jpg\n2.0\t0\tb.jpg\n", "keys", "int($1)"),
    ("a/b.jpg 3\nc.jpg 0\n", "path and label", "{print NR-1, $2, $1}"),
    ("a/b.jpg\t3\n", "path and label", "{print NR-1, $2, $1}"),
    ("3\ta/b.jpg\n", "a number and a path", "{print NR-1, $1, $2}"),
    ("a/b c.jpg\nd.jpg\n", "paths alone", "{print NR-1, 0, $0}"),
    ("path,label\na.jpg,cat\n", "CSV", "--csv"),
    ('{"images": [], "annotations": []}', "JSON", "--coco"),
    ("0\t0\n1\t4096\n", "index (.idx)", ""),
    ("<!DOCTYPE html><html>", "HTML page", ""),
    ("version https://git-lfs.github.com/spec/v1\n", "LFS pointer", ""),
]


@pytest.mark.parametrize(("text", "what", "command"), KINDS)
def test_what_is_no_list_is_told_once(tmp_path: Path, text: str, what: str, command: str) -> None:
    (tmp_path / "a.lst").write_text(text * 50, newline="")
    with pytest.raises(ListError) as caught:
        read_list(tmp_path / "a.lst")
    assert len(str(caught.value).splitlines()) == 1
    assert what in str(caught.value)
    assert command in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (KINDS[0][0], [Entry(0, (0.0,), "images/a.jpg"), Entry(1, (1.0,), "images/b.jpg")]),
        (KINDS[4][0], [Entry(0, (1.0, 2.0), "a.jpg")]),
        (KINDS[6][0], [Entry(0, (1.0,), "a b.jpg")]),
        (KINDS[7][0], [Entry(1, (0.0,), "a.jpg"), Entry(2, (0.0,), "b.jpg")]),
        (KINDS[8][0], [Entry(0, (3.0,), "a/b.jpg"), Entry(1, (0.0,), "c.jpg")]),
        (KINDS[10][0], [Entry(0, (3.0,), "a/b.jpg")]),
        (KINDS[11][0], [Entry(0, (0.0,), "a/b c.jpg"), Entry(1, (0.0,), "d.jpg")]),
    ],
)
def test_the_command_that_is_told_makes_a_list(
    tmp_path: Path, text: str, entries: list[Entry]
) -> None:
    name = "my list.lst"
    (tmp_path / name).write_text(text)
    with pytest.raises(ListError) as caught:
        read_list(tmp_path / name)
    command = (
        str(caught.value).partition(": ")[2].partition(": ")[2].removesuffix(" makes a list of it")
    )
    command = command.replace(str(tmp_path) + "/", "").replace("tr ';' '\\t' ", "tr ';' '\\t' < ")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert list(read_list(tmp_path / "new.lst")) == entries


def test_one_good_line_among_others_of_a_kind_is_told_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("0\t1\ta.jpg\n" + "1\ta.jpg\t0\n" * 30)
    with pytest.raises(ListError) as caught:
        read_list(tmp_path / "a.lst")
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert "a.lst:2: " in lines[0]
    assert "10 more" in lines[20]


def test_thousands_of_faults_fold(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("3\t0\ta.jpg\n" * 5000)
    with pytest.raises(ListError) as caught:
        read_list(tmp_path / "a.lst")
    assert len(str(caught.value).splitlines()) == 21
    assert "4979 more" in str(caught.value)
    (tmp_path / "a.lst").write_text("".join(f"{key}\t0\ta.jpg\n" for key in range(5000)))
    with pytest.raises(ListError, match="4980 more"):
        read_list(tmp_path / "a.lst").check_width(2)


def test_an_endless_label_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text(f"0\t1\tb\n1\t1e{'9' * 10_000}\ta\n2\t{'x' * 10_000}\ta\n")
    with pytest.raises(ListError) as caught:
        read_list(tmp_path / "a.lst")
    assert len(str(caught.value)) < 500


READERS = [
    ["pack", "x", "out"],
    ["list", "images", "--classes", "x"],
    ["list", "images", "--csv", "x"],
    ["list", "images", "--only", "x"],
    ["list", "images", "--csv", "t.csv", "--classes", "x"],
]


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
@pytest.mark.parametrize("args", READERS, ids=" ".join)
@pytest.mark.parametrize("text", [b"", b"0\t0\ta.jpg\n"], ids=["zeros", "a line, then zeros"])
def test_sixty_gigabytes_are_refused_in_little_memory(
    tree: Path, args: list[str], text: bytes
) -> None:
    folder = tree.parent
    (folder / "t.csv").write_text("cats/0.jpg,1\n")
    with open(folder / "x", "wb") as file:
        file.write(text)
        file.truncate(60 << 30)
    status, says, peak = measured(*args, cwd=folder)
    assert status == 1, says
    assert "rectool: x: " in says
    assert peak < 150 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
@pytest.mark.parametrize(
    ("option", "start"), [("--coco", b'{"images":['), ("--manifest", b'{"source-ref":"a","b":1}\n')]
)
def test_sixty_gigabytes_of_annotations_are_refused_in_little_memory(
    tree: Path, option: str, start: bytes
) -> None:
    with open(tree.parent / "x", "wb") as file:
        file.write(start)
        file.truncate(60 << 30)
    status, says, peak = measured("list", "images", option, "x", cwd=tree.parent)
    assert status == 1, says
    assert "rectool: x: not " in says
    assert peak < 150 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
def test_millions_of_faults_are_counted_in_little_memory(tree: Path) -> None:
    (tree.parent / "x").write_bytes(b"a\n" * 1_000_000)
    status, says, peak = measured("list", "images", "--classes", "x", cwd=tree.parent)
    assert status == 1, says
    assert "999980 more" in says
    assert peak < 150 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
@pytest.mark.parametrize("args", READERS, ids=" ".join)
def test_an_endless_line_is_refused(tree: Path, args: list[str]) -> None:
    folder = tree.parent
    (folder / "t.csv").write_text("cats/0.jpg,1\n")
    (folder / "x").write_bytes(b"0" * (40 * LONGEST_LINE))
    status, says, peak = measured(*args, cwd=folder)
    assert status == 1, says
    assert str(LONGEST_LINE) in says
    assert peak < 150 << 20


@pytest.mark.skipif(sys.platform == "win32", reason="needs FIFOs")
@pytest.mark.parametrize("args", READERS, ids=" ".join)
def test_a_fifo_is_not_waited_for(tree: Path, args: list[str]) -> None:
    (tree.parent / "t.csv").write_text("cats/0.jpg,1\n")
    os.mkfifo(tree.parent / "x")
    result = rectool(*args, cwd=tree.parent)
    assert result.status == 1, result
    assert "pipe" in result.err


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs a shell's pipes")
def test_what_a_shell_pipes_under_a_name_is_read(tree: Path) -> None:
    result = rectool("pack", "/dev/stdin", "out", "--root", "images", cwd=tree.parent,
                     stdin=b"\xef\xbb\xbf0\t1\tcats/0.jpg\r\n")  # fmt: skip
    assert result.status == 0, result


def test_a_header_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("index\tlabel\tpath\n0\t1\ta.jpg\n")
    with pytest.raises(ListError, match=r"a.lst:1: .*header"):
        read_list(tmp_path / "a.lst")


def test_golden_lists_are_lists() -> None:
    for path in (GOLDEN / "lists").glob("*.lst"):
        assert len(read_list(path)) > 0
