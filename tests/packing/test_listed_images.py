"""Images of a list are packed whatever spelling of their paths it has, and that is said once."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, encoded, picture

from rectool import RecordReader, unpack

Runner = Callable[..., Run]

posix = pytest.mark.skipif(sys.platform != "linux", reason="needs names of every kind")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images`: names that lists spell otherwise, each image of its own width."""
    names = ["a b.jpg", "caf\u00e9/c.jpg", "d.JPG", "sub/e.jpeg", "f.png", "good.jpg"]
    for number, name in enumerate(names):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "PNG" if name.endswith("png") else "JPEG"
        path.write_bytes(encoded(picture(number, 20 + number), kind))
    return tmp_path


SAID = [
    "a%20b.jpg",
    unicodedata.normalize("NFD", "caf\u00e9/c.jpg"),
    "d.jpg",
    "C:\\data\\images\\sub\\e.jpeg",
    "f",
    "good.jpg",
]


def lst(*paths: str) -> bytes:
    lines = [f"{key}\t{key}\t{path}\n" for key, path in enumerate(paths)]
    return "".join(lines).encode("utf-8", "surrogateescape")


@posix
@pytest.mark.parametrize("options", [["--pass-through"], [], ["--workers", "2"], ["--shards", "2"]])
def test_every_spelling_is_packed_and_counted(
    run: Runner, folder: Path, options: list[str]
) -> None:
    result = run("pack", "-", "out", "--root", "images", *options, stdin=lst(*SAID))
    assert result.status == 0, result
    (line,) = [line for line in result.err.splitlines() if "another spelling" in line]
    assert line == "5 paths found under another spelling, e.g. 'a%20b.jpg' as 'a b.jpg'"
    recs = sorted(folder.glob("out*.rec"))
    with RecordReader(recs) as reader:
        headers = [unpack(record)[0] for record in reader]
    assert [(header.id, header.label) for header in headers] == [(n, n) for n in range(6)]


@posix
def test_the_bytes_are_those_of_the_right_spelling(run: Runner, folder: Path) -> None:
    right = ["a b.jpg", "caf\u00e9/c.jpg", "d.JPG", "sub/e.jpeg", "f.png", "good.jpg"]
    for name, paths in (("a", right), ("b", SAID)):
        assert run("pack", "-", name, "--root", "images", stdin=lst(*paths)).status == 0
    assert (folder / "a.rec").read_bytes() == (folder / "b.rec").read_bytes()


@posix
def test_two_that_may_be_meant_are_named_and_none_is_packed(run: Runner, folder: Path) -> None:
    for name in ("x.JPG", "x.Jpg"):
        (folder / "images" / name).write_bytes(encoded(picture()))
    result = run("pack", "-", "out", "--root", "images", stdin=lst("good.jpg", "x.jpg"))
    assert result.status == 1
    (line,) = [line for line in result.err.splitlines() if "x.jpg" in line]
    assert "x.JPG" in line
    assert "x.Jpg" in line
    assert len(RecordReader(folder / "out.rec")) == 1


def test_what_is_nowhere_is_told_as_before(run: Runner, folder: Path) -> None:
    result = run("pack", "-", "out", "--root", "images", stdin=lst("good.jpg", "none.jpg"))
    assert result.status == 1
    assert "none.jpg: No such file or directory (line 2, key 1)" in result.err
    assert "spelling" not in result.err


def test_nothing_outside_of_the_root_is_taken_for_another_spelling(
    run: Runner, folder: Path
) -> None:
    (folder / "OUT.JPG").write_bytes(encoded(picture()))
    result = run("pack", "-", "out", "--root", "images", stdin=lst("good.jpg", "../out.jpg"))
    assert result.status == 1
    assert len(RecordReader(folder / "out.rec")) == 1


@posix
def test_a_long_list_of_which_every_path_is_respelled(run: Runner, folder: Path) -> None:
    names = ["sub\\e.jpeg"] * 150
    result = run("pack", "-", "out", "--root", "images", "--pass-through", stdin=lst(*names))
    assert result.status == 0, result
    assert "150 paths found under another spelling" in result.err
    names = ["nowhere\\e.jpeg"] * 150
    result = run("pack", "-", "out2", "--root", "images", "--pass-through", stdin=lst(*names))
    assert result.status == 1
    assert "none of its 150 files is found" in result.err


@posix
def test_masks_are_found_by_the_path_that_the_image_has(run: Runner, folder: Path) -> None:
    (folder / "masks").mkdir()
    mask = picture(0, 20, 18, "L")
    (folder / "masks" / "a b.png").write_bytes(encoded(mask, "PNG"))
    options = ["--root", "images", "--masks", "masks"]
    result = run("pack", "-", "out", *options, stdin=lst("a%20b.jpg"))
    assert result.status == 0, result
    assert len(RecordReader(folder / "out_mask.rec")) == 1


@posix
def test_masks_of_a_list_are_found_under_any_spelling(run: Runner, folder: Path) -> None:
    (folder / "masks" / "sub").mkdir(parents=True)
    (folder / "masks" / "sub" / "A.PNG").write_bytes(encoded(picture(0, 20, 18, "L"), "PNG"))
    (folder / "masks" / "m.lst").write_text("0\t0\tsub\\a.png\n")
    options = ["--root", "images", "--masks", "masks/m.lst"]
    result = run("pack", "-", "out", *options, stdin=lst("a b.jpg"))
    assert result.status == 0, result
    assert "1 path found under another spelling" in result.err
    assert len(RecordReader(folder / "out_mask.rec")) == 1


@posix
def test_a_mask_of_another_unicode_form_is_its_images(run: Runner, folder: Path) -> None:
    path = folder / "masks" / unicodedata.normalize("NFD", "caf\u00e9/c.png")
    path.parent.mkdir(parents=True)
    path.write_bytes(encoded(picture(0, 21, 18, "L"), "PNG"))
    options = ["--root", "images", "--masks", "masks"]
    result = run("pack", "-", "out", *options, stdin=lst("caf\u00e9/c.jpg"))
    assert result.status == 0, result
    assert "1 path found under another spelling" in result.err


@posix
def test_a_mask_of_another_case_is_not(run: Runner, folder: Path) -> None:
    (folder / "masks").mkdir()
    (folder / "masks" / "GOOD.png").write_bytes(encoded(picture(0, 25, 18, "L"), "PNG"))
    options = ["--root", "images", "--masks", "masks"]
    assert run("pack", "-", "out", *options, stdin=lst("good.jpg")).status == 1
