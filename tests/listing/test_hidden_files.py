"""Hidden files and folders are no classes and no images, unless they are asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, encoded, picture

from rectool import ListError
from rectool.listing.scan import scan

Runner = Callable[..., Run]

FOLDERS = [".ipynb_checkpoints", "__MACOSX/cats", "@eaDir", "$RECYCLE.BIN", "lost+found", "dogs/.x"]
FILES = ["cats/._0.jpg", "dogs/.DS_Store", "Thumbs.db", ".hidden.jpg", "cats/thumbs.DB"]


@pytest.fixture
def littered(tree: Path) -> Path:
    """`tree` with an image in each of FOLDERS, and with FILES."""
    for name in FOLDERS:
        (tree / name).mkdir(parents=True)
        shutil.copy(tree / "cats" / "0.jpg", tree / name / "0-checkpoint.jpg")
    for name in FILES:
        (tree / name).write_bytes(encoded(picture()))
    return tree


def test_they_are_left_out_and_counted(littered: Path) -> None:
    found = scan(littered)
    assert found.classes == {"cats": 0, "dogs": 1}
    assert len(found.images) == 10
    assert found.hidden == len(FOLDERS) + len(FILES)


def test_one_line_says_so(run: Runner, littered: Path) -> None:
    for command in (("list", "images", "out.lst"), ("pack", "images", "set")):
        result = run(*command)
        assert result.status == 0, result
        (line,) = [line for line in result.err.splitlines() if "hidden" in line]
        assert line.startswith("left out: 11 hidden files and folders, e.g. ")
        assert "--hidden" in line


def test_they_are_taken_when_asked_for(run: Runner, littered: Path) -> None:
    """Then the list is im2rec.py's: what os.walk finds, in its order."""
    lines = []
    labels: dict[str, int] = {}
    for folder, subfolders, names in os.walk(littered):
        subfolders.sort()
        for name in sorted(names):
            if name.endswith(".jpg"):
                path = os.path.relpath(os.path.join(folder, name), littered)
                label = labels.setdefault(folder, len(labels))
                lines.append(f"{len(lines)}\t{label}.000000\t{path}\n")
    result = run("list", "images", "--no-shuffle", "--hidden")
    assert result.out == "".join(lines)
    assert "left out" not in result.err
    assert len(lines) == 10 + len(FOLDERS) + 2


def test_a_root_may_be_hidden_itself(tree: Path) -> None:
    tree.rename(tree.parent / ".images")
    assert len(scan(tree.parent / ".images").images) == 10


def test_nothing_but_hidden_images(tmp_path: Path) -> None:
    (tmp_path / "._a.jpg").touch()
    with pytest.raises(ListError, match=r"no images .*1 hidden file or folder left out"):
        scan(tmp_path)


@pytest.mark.parametrize("option", ["--voc", "--yolo"])
def test_annotations_that_are_hidden(run: Runner, tmp_path: Path, option: str) -> None:
    for folder in ("images", "notes", "notes/.x"):
        (tmp_path / folder).mkdir()
    for name in ("a.jpg", "._a.jpg"):
        (tmp_path / "images" / name).write_bytes(encoded(picture()))
    sheet = "<annotation><filename>a.jpg</filename></annotation>"
    (tmp_path / "notes" / "a.xml").write_text(sheet)
    (tmp_path / "notes" / "a.txt").write_text("0 .5 .5 .1 .1\n")
    for name in ("._a.xml", "._a.txt", ".x/b.xml", ".x/b.txt"):
        (tmp_path / "notes" / name).write_bytes(b"\0\5\x16\7")
    result = run("list", "images", option, "notes")
    assert result.status == 0, result
    assert len(result.out.splitlines()) == 1
    assert run("list", "images", option, "notes", "--hidden").status == 1


@pytest.mark.parametrize("option", ["--csv", "--coco"])
def test_where_no_folder_is_listed_it_is_refused(run: Runner, tree: Path, option: str) -> None:
    (tree.parent / "x").write_text("")
    (tree.parent / "x.lst").write_text("")
    result = run("list", "images", option, "x", "--hidden")
    assert (result.status, "--hidden" in result.err) == (2, True)
    result = run("pack", "x.lst", "out", "--hidden")
    assert (result.status, "--hidden" in result.err) == (2, True)


def test_packing_a_folder_says_how_it_was_shuffled(run: Runner, tree: Path) -> None:
    assert "shuffled by seed 100" in run("pack", "images", "a").err
    assert "shuffled by seed 7" in run("pack", "images", "b", "--seed", "7").err
    assert "shuffled" not in run("pack", "images", "c", "--no-shuffle").err
    assert (tree.parent / "a.lst").read_bytes() != (tree.parent / "b.lst").read_bytes()
