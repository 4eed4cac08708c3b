"""What `rectool unpack` writes stays in its folder, and no file of a run replaces another."""

from __future__ import annotations

import errno
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Run

from rectool import IRHeader, RecordReader, RecordWriter, pack, unpack
from rectool.errors import RecordError
from rectool.system import held_folder
from rectool.system.held_folder import HeldFolder
from rectool.unpacking.folder import Folder

Runner = Callable[..., Run]

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="needs links")


@pytest.fixture(params=["held", "by path"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders held by descriptors, and as where the system has no such way."""
    if request.param == "by path":
        monkeypatch.setattr(held_folder, "_CAN_HOLD", False)


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    """Four records, 0 to 3."""
    with RecordWriter(tmp_path / "out.rec") as writer:
        for key in range(4):
            writer.write(pack(IRHeader(0, float(key), key, 0), image(key)), key)
    return tmp_path / "out.rec"


def image(key: int) -> bytes:
    return b"\xff\xd8\xff image %d" % key


def opened(path: Path, *, force: bool = True, by_list: bool = True) -> Folder:
    return Folder(str(path), [], force=force, by_list=by_list)


def names_below(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


@pytest.mark.usefixtures("rec")
@pytest.mark.parametrize("taken", [".unpack.tmp", ".out.lst.tmp", ".out.lst.0123456789abcdef.tmp"])
def test_names_that_look_like_unfinished_files(run: Runner, tmp_path: Path, taken: str) -> None:
    names = [taken, "b.jpg", "c.jpg", "d.jpg"]
    lines = [f"{key}\t{key}\t{name}\n" for key, name in enumerate(names)]
    (tmp_path / "n.lst").write_text("".join(lines))
    for _ in range(2):
        assert run("unpack", "out.rec", "d", "--lst", "n.lst", "--force").status == 0
        assert sorted(os.listdir(tmp_path / "d")) == sorted([*names, "out.lst"])
        for key, name in enumerate(names):
            assert (tmp_path / "d" / name).read_bytes() == image(key)
        assert (tmp_path / "d/out.lst").read_text().count("\n") == 4


@needs_links
@pytest.mark.usefixtures("way")
def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "d/real").mkdir(parents=True)
    (tmp_path / "far").mkdir()
    for name, target in (("inside", "real"), ("out", "../far"), ("broken", "nowhere")):
        (tmp_path / "d" / name).symlink_to(target)
    with opened(tmp_path / "d") as folder:
        folder.write("real/a.jpg", b"a")
        for name in ("inside", "out", "broken"):
            with pytest.raises(RecordError, match="link") as error:
                folder.write(f"{name}/a.jpg", b"b")
            assert error.value.path == str(tmp_path / "d" / name)
        folder.write("real/b.jpg", b"c")
    assert (tmp_path / "d/real/a.jpg").read_bytes() == b"a"
    assert names_below(tmp_path / "far") == []
    assert names_below(tmp_path / "d") == [
        "broken", "inside", "out", "real", "real/a.jpg", "real/b.jpg",
    ]  # fmt: skip


@needs_links
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("deep", ["a", "a/b"])
def test_folders_that_are_swapped_for_links_meanwhile(tmp_path: Path, deep: str) -> None:
    """Whatever is swapped, and when: nothing appears where the link leads."""
    (tmp_path / "home/b").mkdir(parents=True)
    with opened(tmp_path / "d") as folder:
        folder.write(f"{deep}/0.jpg", b"0")
        (tmp_path / "d/a").rename(tmp_path / "aside")
        (tmp_path / "d/a").symlink_to(tmp_path / "home")
        for name in (f"{deep}/1.jpg", "a/2.jpg", "a/b/3.jpg"):
            try:
                folder.write(name, b"1")
            except (RecordError, OSError):
                continue
    assert names_below(tmp_path / "home") == ["b"]


@needs_links
@pytest.mark.usefixtures("way")
def test_the_folder_itself_is_swapped_for_a_link_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with opened(tmp_path / "d") as folder:
        lst = folder.new_file("out.lst")
        lst.write(b"list")
        (tmp_path / "d").rename(tmp_path / "aside")
        (tmp_path / "d").symlink_to(tmp_path / "home")
        if held_folder._CAN_HOLD:
            folder.write("a.jpg", b"a")
            lst.publish()
            assert names_below(tmp_path / "aside") == ["a.jpg", "out.lst"]
        else:
            with pytest.raises(OSError, match="replaced"):
                folder.write("a.jpg", b"a")
            lst.discard()
    assert names_below(tmp_path / "home") == []


@needs_links
@pytest.mark.usefixtures("rec")
def test_links_are_replaced_and_not_written_through(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/bashrc").write_text("mine")
    (tmp_path / "d").mkdir()
    for name in ("out.lst", "0.jpg"):
        (tmp_path / "d" / name).symlink_to("../home/bashrc")
    (tmp_path / "d/1.jpg").hardlink_to(tmp_path / "home/bashrc")
    (tmp_path / "d/2.jpg").symlink_to("nowhere")
    assert run("unpack", "out.rec", "d", "--force").status == 0
    assert (tmp_path / "home/bashrc").read_text() == "mine"
    for name in ("out.lst", "0.jpg", "1.jpg", "2.jpg"):
        assert not (tmp_path / "d" / name).is_symlink()
        assert (tmp_path / "d" / name).stat().st_nlink == 1
    assert (tmp_path / "d/1.jpg").read_bytes() == image(1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.usefixtures("rec")
@pytest.mark.parametrize("name", ["1.jpg", "out.lst"])
def test_what_is_no_file_is_not_replaced(run: Runner, tmp_path: Path, name: str) -> None:
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "d" / name)
    result = run("unpack", "out.rec", "d", "--force")
    assert result.status == 1
    assert result.err.startswith(f"rectool: d/{name}: ")
    assert (tmp_path / "d" / name).is_fifo()
    assert not list((tmp_path / "d").glob(".*"))


@pytest.mark.usefixtures("way")
def test_names_that_the_disk_takes_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a is A, or one form of an accent the other."""
    real = HeldFolder._at
    monkeypatch.setattr(HeldFolder, "_at", lambda self, name: real(self, name.lower()))
    for force in (False, True):
        with opened(tmp_path / f"d{force}", force=force) as folder:
            folder.write("x/a.jpg", b"first")
            with pytest.raises(RecordError, match="stays") as error:
                folder.write("x/A.jpg", b"second")
            assert error.value.path == str(tmp_path / f"d{force}/x/A.jpg")
            with pytest.raises(OSError, match="written|exists"):
                folder.new_file("X")
        assert (tmp_path / f"d{force}/x/a.jpg").read_bytes() == b"first"
        assert names_below(tmp_path / f"d{force}") == ["x", "x/a.jpg"]


@pytest.mark.usefixtures("way")
def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    with opened(tmp_path / "d", force=False, by_list=False) as folder:
        (tmp_path / "d/a.jpg").write_bytes(b"another's")
        with pytest.raises(FileExistsError):
            folder.write("a.jpg", b"ours")
    assert (tmp_path / "d/a.jpg").read_bytes() == b"another's"


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
@pytest.mark.usefixtures("rec")
def test_one_process_at_a_time_writes_to_a_folder(run: Runner, tmp_path: Path) -> None:
    with opened(tmp_path / "d") as folder:
        folder.write("0.jpg", b"held")
        for options in ([], ["--force"]):
            result = run("unpack", "out.rec", "d", *options)
            assert result.status == 1
            assert "d: another process is unpacking into this folder" in result.err
    assert names_below(tmp_path / "d") == ["0.jpg"]
    assert run("unpack", "out.rec", "d", "--force").status == 0


@contextmanager
def little_recursion() -> Iterator[None]:
    """Calls may be 80 deep in this block, as where a path is ten times as deep as those here."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 80)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.usefixtures("way")
def test_deep_paths_take_no_recursion(tmp_path: Path) -> None:
    deep = "/".join("x" for _ in range(150))
    with little_recursion(), opened(tmp_path / "given" / deep) as folder:
        folder.write(f"{deep}/a.jpg", b"a")
        folder.write("b.jpg", b"b")
    assert (tmp_path / "given" / deep / deep / "a.jpg").read_bytes() == b"a"


@pytest.mark.usefixtures("way")
def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    with opened(tmp_path / "d") as folder:
        folder.write("a", b"a")
        with pytest.raises(OSError, match="cannot be written") as error:
            folder.write("a/b.jpg", b"b")
        assert error.value.filename == str(tmp_path / "d/a")
        folder.write("c.jpg", b"c")
    assert names_below(tmp_path / "d") == ["a", "c.jpg"]


@pytest.mark.usefixtures("rec")
def test_a_file_in_place_of_the_folder(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "d").write_text("mine")
    for path in ("d", "d/sub"):
        result = run("unpack", "out.rec", path, "--force")
        assert result.status in (1, 2)
        assert "internal error" not in result.err
    assert (tmp_path / "d").read_text() == "mine"


def test_a_full_disk_leaves_whole_files_alone(run: Runner, small_disk: Path) -> None:
    source = small_disk.parent / "big.rec"
    with RecordWriter(source) as writer:
        for key in range(10):
            writer.write(pack(IRHeader(0, 1.0, key, 0), b"\xff\xd8\xff" + bytes(60_000)), key)
    result = run("unpack", source, small_disk, "--force")
    assert result.status == 1
    assert os.strerror(errno.ENOSPC) in result.err
    assert len(result.err.splitlines()) == 1
    left = sorted(path.name for path in small_disk.iterdir())
    assert left == [f"{key}.jpg" for key in range(len(left))]
    for path in small_disk.iterdir():
        key = int(path.stem)
        assert path.read_bytes() == unpack(RecordReader(source).by_key(key))[1]


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "shut"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):  # root may write anywhere
        folder.chmod(0o700)
        pytest.skip("may write to all folders")
    yield folder
    folder.chmod(0o700)


@pytest.mark.usefixtures("rec")
def test_a_folder_without_permission(run: Runner, unwritable: Path) -> None:
    for path in ("shut", "shut/new"):
        result = run("unpack", "out.rec", path)
        assert result.status == 1
        assert result.err.startswith("rectool: shut")
        assert len(result.err.splitlines()) == 1
    assert not list(unwritable.iterdir())


def test_an_error_leaves_no_unfinished_file(tmp_path: Path) -> None:
    with opened(tmp_path / "d") as folder:
        with pytest.raises(TypeError):
            folder.write("a.jpg", "text")  # type: ignore[arg-type]
        lst = folder.new_file("out.lst")
        lst.write(b"some")
        lst.discard()
    assert names_below(tmp_path / "d") == []


@pytest.mark.usefixtures("rec")
@pytest.mark.parametrize("name", ["out.lst", "train.rec", "train.idx", "other.lst"])
def test_files_of_another_kind_stay(run: Runner, tmp_path: Path, name: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_bytes(b"\x0a\x23\xd7\xce\0 not to be lost")
    listed = name if name != "out.lst" else "a.jpg"
    (tmp_path / "n.lst").write_text(f"0\t0\t{listed}\n")
    result = run("unpack", "out.rec", "d", "--lst", "n.lst", "--force")
    assert result.status == 1
    assert result.err.startswith(f"rectool: d/{name}: ")
    assert (tmp_path / "d" / name).read_bytes().endswith(b"not to be lost")
    assert names_below(tmp_path / "d") == [name]
