"""Files are found by the paths that lists have of them, however these are spelled."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from rectool import ListError
from rectool.listing.paths import Root

posix = pytest.mark.skipif(sys.platform != "linux", reason="needs names of every kind, and links")


def with_files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


NFC = "caf\u00e9/\u00fc.jpg"
NFD = unicodedata.normalize("NFD", NFC)


@pytest.mark.parametrize("said", ["a/b c.jpg", "./a/b c.jpg", "a//b c.jpg", "x/../a/b c.jpg"])
def test_a_path_that_is_there_is_not_remarked_on(tmp_path: Path, said: str) -> None:
    root = Root(with_files(tmp_path, "a/b c.jpg", "x/y"))
    assert root.find(said) == os.path.join("a", "b c.jpg")
    assert root.remarks() == []


@posix
@pytest.mark.parametrize(
    ("file", "said"),
    [
        (NFC, NFD),
        (NFD, NFC),
        ("a/b c.jpg", "a/b%20c.jpg"),
        (NFC, "caf%C3%A9/%C3%BC.jpg"),
        ("100%/a.jpg", "100%25/a.jpg"),
        ("a%20b.jpg", "A%20B.jpg"),
        ("a/b.jpg", "a\\b.jpg"),
        ("a/b.jpg", ".\\a\\b.jpg"),
        ("a/b.JPG", "a/b.jpg"),
        ("a/b.jpg", "a/b.JPEG".replace("JPEG", "JPG")),
        ("Cats/B.jpg", "cats/b.JPG"),
        ("a/n02119789_1.JPEG", "a/n02119789_1"),
        ("a/img.v2.png", "a/img.v2"),
        ("a/b.jpg", "/home/me/set/a/b.jpg"),
        ("a/b.jpg", "C:\\Users\\me\\set\\a\\b.jpg"),
        ("a/b.jpg", "\\\\server\\share\\a\\b.jpg"),
        ("a/b.jpg", "/a/b.jpg"),
        ("a/b.jpg", "/b.jpg/../a/b.jpg"),
        ("b.jpg", "/content/drive/b.jpg"),
        ("a/b c.jpg", "file:///home/me/a/b%20c.jpg"),
        ("a/b.jpg", "file:/home/me/a/b.jpg"),
        ("a/b.jpg", "file://localhost/C:/me/a/b.jpg"),
        ("a/b.jpg", "https://host/set/a/b.jpg?size=large#top"),
        ("a/b.jpg", "s3://bucket/a/b.jpg"),
        ("a/b.jpg", "  a/b.jpg "),
        ("a/b.jpg", '"a/b.jpg"'),
        ("a/b.jpg", "'a\\b.JPG'"),
        ("a/b.jpg", "\ufeffa/b.jpg"),
        ("a/b.jpg", "\u00a0a/b.jpg"),
        ("caf\u00e9.jpg", os.fsdecode(b"caf\xe9.jpg")),
    ],
)
def test_one_file_is_found_under_another_spelling(tmp_path: Path, file: str, said: str) -> None:
    root = Root(with_files(tmp_path, file, "other/c.jpg"))
    assert root.find(said) == file
    (remark,) = root.remarks()
    alike = unicodedata.normalize("NFC", said) == unicodedata.normalize("NFC", file)
    example = f"{said!a} as {file!a}" if alike else f"{said!r} as {file!r}"
    assert remark == f"1 path found under another spelling, e.g. {example}"


def test_many_are_remarked_on_in_one_line(tmp_path: Path) -> None:
    root = Root(with_files(tmp_path, *(f"{number}.JPG" for number in range(5))))
    for number in range(5):
        assert root.find(f"{number}.jpg") == f"{number}.JPG"
    assert root.find("3.JPG") == "3.JPG"
    (remark,) = root.remarks()
    assert remark.startswith("5 paths found under another spelling, e.g. '0.jpg' as '0.JPG'")


@posix
@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["a.JPG", "a.Jpg"], "a.jpg"),
        (["A.jpg", "a.JPG"], "a.jpg"),
        (["a.jpg", "a.png"], "a"),
        (["a.JPG", "a.jpg"], "a"),
        (["Cats/a.jpg", "CATS/a.jpg"], "cats/a.jpg"),
        ([NFC, NFD], NFC.upper()),
        (["a b.jpg", "a%20b.JPG"], "a%20b.jpg"),
        (["x/A.jpg", "x/a.JPG"], "/set/x/a.jpg"),
    ],
)
def test_of_two_files_none_is_taken_and_both_are_named(
    tmp_path: Path, files: list[str], said: str
) -> None:
    root = Root(with_files(tmp_path, *files))
    with pytest.raises(ListError) as caught:
        root.find(said)
    assert all(file in str(caught.value) for file in files)
    assert root.remarks() == []


@posix
@pytest.mark.parametrize(
    ("files", "said", "found"),
    [
        (["a/1.png", "A/1.png"], "a/1", "a/1.png"),
        (["a.png", "A.png"], "a", "a.png"),
        (["Cats/b.JPG", "cats/c.jpg"], "cats/b.jpg", None),
        (["a/b.jpg", "b.jpg"], "/set/a/b.jpg", "a/b.jpg"),
        (["a/a.jpg"], "a", None),
        (["a/x.jpg", "a.jpg"], "a", "a.jpg"),
        (["a.png"], "a.jpg", None),
        (["a.txt"], "a", None),
    ],
)
def test_what_is_spelled_as_said_goes_first(
    tmp_path: Path, files: list[str], said: str, found: str | None
) -> None:
    root = Root(with_files(tmp_path, *files))
    if found:
        assert root.find(said) == found
        return
    with pytest.raises(ListError, match="no such file"):
        root.find(said)


def test_endings_that_a_path_may_lack_are_those_asked_for(tmp_path: Path) -> None:
    with_files(tmp_path, "a.TIFF")
    assert Root(tmp_path, ["tiff"]).find("a") == "a.TIFF"
    with pytest.raises(ListError, match="no such file"):
        Root(tmp_path).find("a")


@posix
@pytest.mark.parametrize(
    "said",
    [
        "../b.jpg",
        "..\\b.jpg",
        "..%2Fb.jpg",
        "x/../../b.jpg",
        "/../b.jpg",
        ".",
        "",
        "/",
        "file:///",
        "a\tb.jpg",
        "a%09b.jpg",
        "a\0.jpg",
        "\ud800.jpg",
        "a/" * 100_000 + "b.jpg",
        "/" + "b/" * 8_000,
    ],
)
def test_nothing_is_found_outside_or_by_no_name(tmp_path: Path, said: str) -> None:
    with_files(tmp_path, "b.jpg", "images/a/c.jpg", "images/a\tb.jpg")
    root = Root(tmp_path / "images")
    with pytest.raises(ListError):
        root.find(said)


@posix
def test_a_file_elsewhere_on_this_machine_is_not_one_of_the_same_name(tmp_path: Path) -> None:
    with_files(tmp_path, "other/a.jpg", "images/a.jpg")
    with pytest.raises(ListError, match="not below"):
        Root(tmp_path / "images").find(str(tmp_path / "other" / "a.jpg"))


@posix
def test_absolute_paths_below_a_root_that_is_a_link(tmp_path: Path) -> None:
    with_files(tmp_path, "real/sub/a.jpg", "real2/sub/a.jpg")
    (tmp_path / "link").symlink_to("real")
    root = Root(tmp_path / "link")
    for name in ("real", "link"):
        assert root.find(str(tmp_path / name / "sub" / "a.jpg")) == "sub/a.jpg"
    assert root.remarks() == []
    with pytest.raises(ListError, match="not below"):
        root.find(str(tmp_path / "real2" / "sub" / "a.jpg"))


@posix
def test_links_in_circles_end(tmp_path: Path) -> None:
    for name in ("aa", "AA", "aA"):
        (tmp_path / name).symlink_to(".")
    with pytest.raises(ListError, match="no such file"):
        Root(tmp_path).find("Aa/" * 1000 + "b.jpg")


def test_each_folder_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Root(with_files(tmp_path, *(f"x/{number}.JPG" for number in range(9))))
    read: list[str] = []
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: (read.append(path), listed(path))[1])
    for number in range(9):
        root.find(f"x/{number}.JPG")
    assert read == []
    for number in range(9):
        root.find(f"X/{number}.jpg")
    assert len(read) == 2
