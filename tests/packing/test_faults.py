"""Full disks, quotas, closed doors and files that change: an error that names them, no halves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, encoded, picture, rectool
from helpers.processes import measured

from rectool import RecordReader, unpack

resource = pytest.importorskip("resource")  # not on Windows

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

Runner = Callable[..., Run]


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A list of 3,000 images in 4 files, which makes 300 kB or so of .rec and .idx."""
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(encoded(picture(number, 1, 1), "PNG"))
    lines = [f"{key}\t0\t{key % 4}.png\n" for key in range(3_000)]
    (tmp_path / "small.lst").write_text("".join(lines))
    return tmp_path / "small.lst"


def leave(disk: Path, size: int) -> None:
    """Fills the disk but for so many bytes."""
    (disk / "filler").unlink(missing_ok=True)
    state = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(state.f_bavail * state.f_bsize - size))


@pytest.mark.parametrize("command", ["pack", "pack --pass-through"])
@pytest.mark.parametrize("force", [False, True])
def test_no_room_for_a_rec(
    run: Runner, small_disk: Path, small: Path, command: str, force: bool
) -> None:
    old = {}
    if force:
        assert run("pack", "-", "disk/out", stdin=b"7\t0\t1.png\n").status == 0
        old = {name: (small_disk / name).read_bytes() for name in names(small_disk)}
    result = run(*command.split(), small, "disk/out", *["--force"][:force])
    assert result.status == 1
    says = "rectool: disk/out.rec: cannot be written: No space left on device"
    assert result.err.splitlines() == [says]
    assert {name: (small_disk / name).read_bytes() for name in names(small_disk)} == old


def test_no_room_for_an_idx(run: Runner, small_disk: Path, small: Path, tmp_path: Path) -> None:
    small.write_text("".join(small.read_text().splitlines(keepends=True)[:1000]))
    assert run("pack", small, "out", "--pass-through").status == 0
    needed = (tmp_path / "out.rec").stat().st_size
    leave(small_disk, -(-needed // 4096) * 4096 + 4096)
    result = run("pack", small, "disk/out", "--pass-through")
    assert result.status == 1
    assert result.err == "rectool: disk/out.idx: cannot be written: No space left on device\n"
    assert names(small_disk) == ["filler"]
    (small_disk / "a.rec").symlink_to(tmp_path / "out.rec")
    leave(small_disk, 0)
    result = run("index", "disk/a.rec", "disk/a.idx")
    assert (result.status, names(small_disk)) == (1, ["a.rec", "filler"])
    assert result.err == "rectool: disk/a.idx: cannot be written: No space left on device\n"


@pytest.mark.parametrize("options", [[], ["--train-ratio", 0.5], ["--chunks", 3]])
def test_no_room_for_a_list(
    run: Runner, small_disk: Path, tree: Path, options: list[object]
) -> None:
    for number in range(500):
        (tree / f"a-name-that-is-rather-long-{number}.jpg").touch()
    leave(small_disk, 8192)
    result = run("list", "images", "disk/a", *options)
    assert result.status == 1
    last = result.err.splitlines()[-1]
    assert last.startswith("rectool: disk/a")
    assert last.endswith(".lst: cannot be written: No space left on device")
    assert names(small_disk) == ["filler"]


def test_no_room_for_a_class_table(
    run: Runner, small_disk: Path, tree: Path, tmp_path: Path
) -> None:
    leave(small_disk, 0)
    result = run("list", "images", "a.lst", "--classes-out", "disk/classes")
    assert result.status == 1
    says = "rectool: disk/classes: cannot be written: No space left on device"
    assert result.err.splitlines()[-1] == says
    assert names(small_disk) == ["filler"]


def test_no_room_to_unpack(run: Runner, small_disk: Path, small: Path) -> None:
    assert run("pack", small, "out", "--pass-through").status == 0
    result = run("unpack", "out.rec", "disk/files")
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert line.startswith("rectool: disk/files/")
    assert line.endswith(".png: cannot be written: No space left on device")
    images = {encoded(picture(number, 1, 1), "PNG") for number in range(4)}
    assert {path.suffix for path in (small_disk / "files").iterdir()} == {".png"}
    assert all(path.read_bytes() in images for path in (small_disk / "files").iterdir())


@pytest.mark.parametrize(
    ("args", "file"),
    [
        (["pack", "small.lst", "out"], "out.rec"),
        (["pack", "small.lst", "out", "--pass-through"], "out.rec"),
        (["list", "many", "out"], "out.lst"),
        (["unpack", "large.rec", "files"], "files/0.png"),
    ],
    ids=["pack", "copy", "list", "unpack"],
)
def test_a_quota(small: Path, tmp_path: Path, args: list[str], file: str) -> None:
    (tmp_path / "many").mkdir()
    for number in range(700):
        (tmp_path / "many" / f"a-name-that-is-rather-long-{number}.jpg").touch()
    (tmp_path / "large.png").write_bytes(encoded(picture().resize((300, 300)), "PNG"))
    assert rectool("pack", "-", "large", cwd=tmp_path, stdin=b"0\t0\tlarge.png\n").status == 0
    assert rectool(
        "pack", "-", "large", "--pass-through", "--force", cwd=tmp_path, stdin=b"0\t0\tlarge.png\n"
    ).status == 0  # fmt: skip
    before = names(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "rectool", *args],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384)),
    )  # fmt: skip
    assert done.returncode == 1, done
    last = done.stderr.splitlines()[-1]
    assert last == f"rectool: {file}: cannot be written: File too large"
    assert sorted({*names(tmp_path)} - {"files"}) == before
    assert not (tmp_path / "files").exists() or names(tmp_path / "files") == []


def while_packing(
    tmp_path: Path, change: Callable[[], None], *options: str
) -> tuple[list[str], list[list[str]], int]:
    """Stderr, failures and status of a pack of images/*.jpg, changed while it is under way.

    Its list begins with files that do not exist. The names of the first ones fill the pipe behind
    stderr, so that it waits for the test after these, long before the images.
    """
    name = "missing-" + "x" * 250
    missing = [f"{key}\t0\t{name}-{key}\n" for key in range(3_000)]
    images = sorted((tmp_path / "images").iterdir())
    lines = [f"{9_000 + key}\t0\t{path.name}\n" for key, path in enumerate(images)]
    (tmp_path / "late.lst").write_text("".join(missing + lines))
    command = [sys.executable, "-m", "rectool", "pack", "late.lst", "out", "--root", "images"]
    with subprocess.Popen(
        [*command, *options], cwd=tmp_path, stderr=subprocess.PIPE, bufsize=0, pipesize=4096
    ) as process:
        assert process.stderr is not None
        first = process.stderr.read(1)
        change()
        err = (first + process.stderr.read()).decode()
    rows = [line.split("\t") for line in (tmp_path / "out.failures.txt").read_text().splitlines()]
    assert [row[0] for row in rows[:3_000]] == [str(key) for key in range(3_000)]
    return err.splitlines(), rows[3_000:], process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="pipes hold more elsewhere")
@pytest.mark.parametrize("options", [("--workers", "2"), ("--pass-through",)], ids=["anew", "copy"])
def test_files_that_change_while_they_are_packed(tmp_path: Path, options: tuple[str, ...]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    whole = encoded(picture(1, 60, 40))
    for name in ("cut", "dangling", "emptied", "fifo", "folder", "gone", "other", "whole"):
        (folder / f"{name}.jpg").write_bytes(whole)

    def change() -> None:
        for name in ("dangling", "fifo", "folder", "gone"):
            (folder / f"{name}.jpg").unlink()
        os.truncate(folder / "cut.jpg", len(whole) // 2)
        os.truncate(folder / "emptied.jpg", 0)
        (folder / "dangling.jpg").symlink_to("nothing")
        os.mkfifo(folder / "fifo.jpg")
        (folder / "folder.jpg").mkdir()
        (folder / "other.jpg").write_bytes(encoded(picture(2, 9, 9)))

    err, rows, status = while_packing(tmp_path, change, *options)
    says = {
        "cut": "JPEG", "dangling": "No such file or directory", "emptied": "an empty file",
        "fifo": "this is not a regular file", "folder": "a folder",
        "gone": "No such file or directory",
    }  # fmt: skip
    assert status == 1
    assert [line.split(" into ")[0] for line in err if line.startswith("packed ")] == [
        "packed 2 of 3008 images"
    ]
    assert any(line.startswith("not packed: 3006 images") for line in err)
    for row, (name, reason) in zip(rows, says.items(), strict=True):
        assert row[1] == f"images/{name}.jpg"
        assert reason in row[3]
    sizes = [len(unpack(record)[1]) for record in RecordReader(tmp_path / "out.rec")]
    assert len(sizes) == 2
    assert sizes[0] != sizes[1]


def unprivileged(*args: object, cwd: Path) -> Run:
    """The command without root's right to read everything."""
    command = [sys.executable, "-m", "rectool", *map(str, args)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv, or another user than root")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    return Run(subprocess.run(command, cwd=cwd, capture_output=True, check=False))


def test_files_that_may_not_be_read(tmp_path: Path, tree: Path) -> None:
    (tree / "cats" / "3.jpg").chmod(0)
    for options in ([], ["--pass-through"]):
        result = unprivileged("pack", "images", "out", "--force", *options, cwd=tmp_path)
        assert result.status == 1
        (line,) = [line for line in result.err.splitlines() if line.startswith("rectool: ")]
        assert line.startswith("rectool: images/cats/3.jpg: Permission denied (line ")
        assert len(RecordReader(tmp_path / "out.rec")) == 9


@pytest.mark.parametrize("command", [["list", "images", "out"], ["pack", "images", "out"]])
def test_folders_that_may_not_be_read(tmp_path: Path, tree: Path, command: list[str]) -> None:
    (tree / "dogs" / "inner").mkdir()
    (tree / "dogs" / "inner").chmod(0)
    result = unprivileged(*command, cwd=tmp_path)
    (tree / "dogs" / "inner").chmod(0o755)
    assert (result.status, result.out) == (1, "")
    assert result.err == "rectool: images/dogs/inner: Permission denied\n"
    assert names(tmp_path) == ["images"]


def test_folders_that_may_not_be_written_to(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut").chmod(0o500)
    for command, file in (("pack", "out.rec"), ("list", "out.lst")):
        result = unprivileged(command, "images", "shut/out", cwd=tmp_path)
        assert result.status == 1
        says = f"rectool: shut/{file}: cannot be written: Permission denied"
        assert result.err.splitlines()[-1] == says
    assert names(tmp_path / "shut") == []


@pytest.mark.parametrize("name", ["new\nline.jpg", "a\ttab.jpg", "carriage\rreturn.jpg"])
def test_names_that_no_list_can_hold(run: Runner, tmp_path: Path, tree: Path, name: str) -> None:
    assert run("pack", "images", "whole", "--pass-through").status == 0
    (tree / "cats" / name).write_bytes(b"")
    full = repr(f"images/cats/{name}")
    commands = (("list", "images", "out"), ("pack", "images", "out", "--pass-through"))
    for command in commands:
        refused = run(*command, "--on-error", "fail")
        assert refused.status == 1
        assert full in refused.err
        assert names(tmp_path) == ["images", "whole.idx", "whole.lst", "whole.rec"]
    for command in commands:
        for on_error, status in (("report", 1), ("skip", 0)):
            result = run(*command, "--on-error", on_error, "--force")
            assert result.status == status
            assert full in result.err
        whole = f"whole.{'lst' if command[0] == 'list' else 'rec'}"
        assert (tmp_path / f"out{whole[5:]}").read_bytes() == (tmp_path / whole).read_bytes()


def test_long_and_odd_names(run: Runner, tmp_path: Path, tree: Path) -> None:
    odd = [b"n" * 251 + b".jpg", b"\xff\xfe\x80.jpg", b" blanks .jpg", b"-f.jpg", b"\x1b[31m.jpg"]
    for name in odd:
        path = os.path.join(os.fsencode(tree), b"cats", name)
        with open(path, "wb") as file:
            file.write(encoded(picture(3)))
    assert run("pack", "images", "out", "--pass-through").status == 0
    assert run("unpack", "out.rec", "back", "--lst", "out.lst").status == 0
    for name in odd:
        path = os.path.join(os.fsencode(tmp_path), b"back", b"cats", name)
        with open(path, "rb") as file:
            assert file.read() == encoded(picture(3))
    for name in odd:  # and when each is bad, it is named so that a terminal is safe
        with open(os.path.join(os.fsencode(tree), b"cats", name), "wb"):
            pass
    result = run("pack", "images", "bad")
    assert result.status == 1
    assert result.err.count(": an empty file (line ") == len(odd)
    assert "\x1b" not in result.err


@pytest.mark.parametrize(
    "length",
    [
        204,
        205,
        251,
        252,
        300,
    ],
)
def test_names_too_long_for_the_output(
    run: Runner, tmp_path: Path, tree: Path, length: int
) -> None:
    """A name of 255 bytes is possible, though the unfinished file's has more in it."""
    result = run("pack", "images", "n" * length)
    if result.status:
        last = result.err.splitlines()[-1]
        assert last.endswith(("n.rec: cannot be written: File name too long",
                              "n.rec: File name too long"))  # fmt: skip
        assert names(tmp_path) == ["images"]
    assert (result.status == 0) == (length <= 251)


def test_a_hundred_thousand_files_in_a_folder(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    image = encoded(picture(1, 2, 2), "PNG")
    for number in range(4):  # a file may have 65,000 links at most
        (tmp_path / f"{number}.png").write_bytes(image)
    for number in range(100_000):
        os.link(tmp_path / f"{number % 4}.png", tmp_path / "images" / f"{number}.png")
    result = run("pack", "images", "out", "--pass-through")
    assert result.status == 0, result
    reader = RecordReader(tmp_path / "out.rec")
    assert sorted(reader.keys.tolist()) == list(range(100_000))
    assert {unpack(record)[1] for record in reader} == {image}


def test_a_list_of_many_lines(tmp_path: Path) -> None:
    """It takes at most 300 bytes of memory a line."""
    folder = tmp_path / "some" / "folder" / "of" / "a class"
    folder.mkdir(parents=True)
    (folder / "image_00000001.png").write_bytes(encoded(picture(1, 2, 2), "PNG"))
    path = "some/folder/of/a class/image_00000001.png"
    peaks = []
    for count in (1, 300_000):
        lines = "".join(f"{key}\t{key % 7}\t{path}\n" for key in range(count))
        (tmp_path / "a.lst").write_text(lines)
        args = ["pack", "a.lst", "out", "--pass-through", "--force"]
        status, _, peak = measured(*args, cwd=tmp_path)
        assert status == 0
        peaks.append(peak)
    assert (peaks[1] - peaks[0]) / 300_000 < 300
    reader = RecordReader(tmp_path / "out.rec")
    assert len(reader) == 300_000
    assert unpack(reader.by_key(299_999))[0] == (0, float(299_999 % 7), 299_999, 0)


@pytest.mark.parametrize("temporary", ["/proc", "/nowhere/at/all", "a-file"])
def test_no_temporary_folder_is_needed(
    run: Runner, tmp_path: Path, tree: Path, temporary: str
) -> None:
    """Also where the output is on another file system than temporary files would be."""
    (tmp_path / "a-file").touch()
    (tmp_path / "out").symlink_to(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        result = run("pack", "images", "out/a", "--workers", 2, TMPDIR=temporary)
        assert result.status == 0, result
        assert run("unpack", "out/a.rec", "out/files", TMPDIR=temporary).status == 0
        assert names(tmp_path / "out") == ["a.idx", "a.lst", "a.rec", "files"]
        assert len(names(tmp_path / "out" / "files")) == 11
    finally:
        shutil.rmtree(os.path.realpath(tmp_path / "out"))
