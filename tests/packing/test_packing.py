"""`rectool pack`: what comes out, and what happens to what cannot go in."""

from __future__ import annotations

import json
import multiprocessing
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GOLDEN, Run, encoded, picture

from rectool import RecordError, RecordReader, unpack
from rectool.imaging.pillow import decode
from rectool.listing.lst import ImageList
from rectool.listing.scan import scan
from rectool.packing.list_source import FileSource
from rectool.packing.pack_source import pack_source
from rectool.packing.result import PackResult
from rectool.packing.transform import CopyBytes, Reencode

Runner = Callable[..., Run]


def outputs(folder: Path, name: str = "out") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob(f"*{name}*"))}


@pytest.mark.parametrize("name", ["packed", "packed_labels"])
@pytest.mark.parametrize("workers", [[], ["--workers", 3], ["--num-thread", 2, "--verify"]])
def test_golden_pass_through(run: Runner, tmp_path: Path, name: str, workers: list[str]) -> None:
    lst = GOLDEN / "lists" / f"{name}.lst"
    result = run("pack", lst, "out", "--root", GOLDEN / "tree", "--pass-through", *workers)
    assert (result.status, result.out) == (0, "")
    for ending in ("rec", "idx"):
        assert (tmp_path / f"out.{ending}").read_bytes() == lst.with_suffix(
            f".{ending}"
        ).read_bytes()
    assert sorted(outputs(tmp_path)) == ["out.idx", "out.rec"]


def test_a_folder(run: Runner, tmp_path: Path, tree: Path) -> None:
    result = run("pack", "images", "out")
    assert (result.status, result.out) == (0, "")
    assert result.err.splitlines()[:3] == ["label  folder", "    0  cats", "    1  dogs"]
    assert "packed 10 of 10 images into out.rec" in result.err
    lst = ImageList((tmp_path / "out.lst").read_bytes(), "out.lst")
    assert (tmp_path / "out.lst").read_bytes() == run("list", "images").stdout
    reader = RecordReader(tmp_path / "out.rec")
    for record, entry in zip(reader, lst, strict=True):
        header, image = unpack(record)
        assert (header.flag, header.label, header.id, header.id2) == (
            0,
            *entry.labels,
            entry.key,
            0,
        )
        source = decode((tree / entry.path).read_bytes())
        assert image == encoded(source, quality=95)


@pytest.mark.parametrize("suffix", ["", ".rec"])
def test_the_name_of_the_output(run: Runner, tmp_path: Path, tree: Path, suffix: str) -> None:
    assert run("pack", "images", f"v1.0-out{suffix}").status == 0
    assert sorted(outputs(tmp_path)) == ["v1.0-out.idx", "v1.0-out.lst", "v1.0-out.rec"]


def test_stdin_and_the_way_to_jq(run: Runner, tmp_path: Path, tree: Path) -> None:
    lst = run("list", "images/")
    assert run("pack", "-", "out", "--root", "images/", stdin=lst.stdout).status == 0
    rows = run("inspect", "out.rec", "--records", "--json")
    keys = [json.loads(line)["key"] for line in rows.out.splitlines()]
    assert keys == [int(line.split("\t")[0]) for line in lst.out.splitlines()]
    assert not (tmp_path / "out.lst").exists()


@pytest.mark.parametrize(
    ("options", "size", "mode", "start"),
    [
        (["--resize", 9], (10, 9), "RGB", b"\xff\xd8"),
        (["--center-crop"], (18, 18), "RGB", b"\xff\xd8"),
        (["--center-crop", "--resize", 7, "--color", "gray"], (7, 7), "L", b"\xff\xd8"),
        (["--color", "0", "--encoding", ".png"], (20, 18), "L", b"\x89PNG"),
        (["--encoding", "webp", "--quality", 30], (20, 18), "RGB", b"RIFF"),
        (["--color", "-1", "--encoding", "png", "--quality", 9], (20, 18), "RGB", b"\x89PNG"),
    ],
)
def test_what_becomes_of_an_image(
    run: Runner,
    tmp_path: Path,
    tree: Path,
    options: list[str],
    size: object,
    mode: str,
    start: bytes,
) -> None:
    assert run("pack", "images", "out", "--no-shuffle", *options).status == 0
    _, image = unpack(RecordReader(tmp_path / "out.rec")[0])
    assert image.startswith(start)
    decoded = decode(image, "unchanged")
    assert (decoded.size, decoded.mode) == (size, mode)


def test_labels(run: Runner, tmp_path: Path, tree: Path) -> None:
    lst = b"5\t1\t0.25\tcats/0.jpg\n0\t7\tdogs/9.jpg\n"
    assert run("pack", "-", "out", "--root", "images", stdin=lst).status == 0
    header, _ = unpack(RecordReader(tmp_path / "out.rec").by_key(5))
    assert (header.flag, header.label.tolist(), header.id) == (2, [1.0, 0.25], 5)
    assert unpack(RecordReader(tmp_path / "out.rec").by_key(0))[0] == (0, 7.0, 0, 0)
    assert run("pack", "-", "one", "--root", "images", "--label-width", 1, stdin=lst).status == 0
    assert unpack(RecordReader(tmp_path / "one.rec").by_key(5))[0] == (0, 1.0, 5, 0)
    two = run("pack", "-", "two", "--root", "images", "--label-width", 2, stdin=lst)
    assert (two.status, two.err) == (1, "rectool: stdin:2: 1 label, not 2\n")


def pack_tree(tree: Path, out: Path, **options: object) -> PackResult:
    source = FileSource(scan(tree).images, tree)
    transform = options.pop("transform", Reencode(resize=12))
    return pack_source(source, out, transform, **options)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_same_bytes_by_any_workers(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, chunk: int
) -> None:
    (tree / "cats" / "3.jpg").write_bytes(b"bad")
    wanted = pack_tree(tree, tmp_path / "one", workers=1)
    assert (wanted.images, len(wanted.failures)) == (9, 1)
    monkeypatch.setattr("rectool.packing.executor._CHUNK", chunk)
    for workers in (1, 2, 7):
        out = tmp_path / f"w{workers}"
        result = pack_tree(tree, out, workers=workers, start_method=method)
        assert result.failures == wanted.failures
        for ending in ("rec", "idx"):
            ours, theirs = out.with_suffix(f".{ending}"), tmp_path / f"one.{ending}"
            assert ours.read_bytes() == theirs.read_bytes()


def spoil(tree: Path) -> dict[str, str]:
    """Bad images of every kind below the tree, and what is said of each."""
    whole = encoded(picture(3, 60, 40))
    bomb = bytearray(encoded(picture(), "PNG"))
    struct.pack_into(">II", bomb, 16, 60_000, 60_000)
    struct.pack_into(">I", bomb, 29, zlib.crc32(bomb[12:29]))
    bad = {
        "cats/empty.jpg": (b"", "an empty file"),
        "cats/text.jpg": (b"hello\n", "not an image of a known format"),
        "cats/cut.jpg": (whole[: len(whole) // 2], "JPEG"),
        "cats/cut.png": (encoded(picture(), "PNG")[:-50], "PNG"),
        "dogs/bomb.png": (bytes(bomb), "pixels"),
    }
    for path, (data, _) in bad.items():
        (tree / path).write_bytes(data)
    return {path: reason for path, (_, reason) in bad.items()}


@pytest.mark.parametrize("options", [[], ["--pass-through"], ["--pass-through", "--verify"]])
def test_bad_images_are_named_and_counted(
    run: Runner, tmp_path: Path, tree: Path, options: list[str]
) -> None:
    bad = spoil(tree)
    if "--pass-through" in options and "--verify" not in options:  # bytes are copied, however many
        (tree / "dogs/bomb.png").write_bytes(b"")  # pixels they are
        bad["dogs/bomb.png"] = "an empty file"
    result = run("pack", "images", "out", "--json", *options)
    assert result.status == 1
    for path, reason in bad.items():
        (line,) = [line for line in result.err.splitlines() if f" images/{path}: " in line]
        assert reason in line
    assert "packed 10 of 15 images" in result.err
    assert result.err.endswith("not packed: 5 images, named above\n")
    report = json.loads(result.out)
    assert (report["images"], report["recs"], report["lst"]) == (10, ["out.rec"], "out.lst")
    assert {failure["path"] for failure in report["failures"]} == {f"images/{path}" for path in bad}
    lst = ImageList((tmp_path / "out.lst").read_bytes(), "out.lst")
    for failure in report["failures"]:
        assert (failure["key"], f"images/{lst[failure['line'] - 1].path}") == (
            lst[failure["line"] - 1].key,
            failure["path"],
        )
    kept = [entry.key for entry in lst if entry.path not in bad]
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == kept


def test_on_error(run: Runner, tmp_path: Path, tree: Path) -> None:
    spoil(tree)
    assert run("pack", "images", "kept").status == 1
    skipped = run("pack", "images", "skipped", "--on-error", "skip")
    assert (skipped.status, "not packed: 5 images" in skipped.err) == (0, True)
    before = outputs(tmp_path)
    failed = run("pack", "images", "kept", "--on-error", "fail", "--force")
    assert failed.status == 1
    assert failed.err.splitlines()[-1].startswith("rectool: images/")
    assert outputs(tmp_path) == before
    assert outputs(tmp_path, "tmp") == {}


def test_nothing_to_pack(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.lst").write_text("0\t1\tgone.jpg\n")
    (tmp_path / "b.lst").write_text("\n")
    for source, says in {
        "empty": "empty: there are no images in this folder (looked for .jpeg, .jpg, .png)",
        "none": "none: No such file or directory",
        "a.lst": "none of 1 image could be packed; the list's paths start from ., unless --root"
        " says otherwise",
        "b.lst": "b.lst: nothing to pack",
    }.items():
        result = run("pack", source, "out")
        assert (result.status, result.out) == (1, "")
        assert result.err.splitlines()[-1] == f"rectool: {says}"
    assert outputs(tmp_path) == {}


def test_a_long_list_without_its_folder(run: Runner, tmp_path: Path, tree: Path) -> None:
    """One line, not one for each image; but where one file is found all others are named."""
    lines = [f"{key}\t1\tgone/{key}.jpg\n" for key in range(1_000)]
    (tmp_path / "long.lst").write_text("".join(lines))
    result = run("pack", "long.lst", "out", "--root", "images")
    assert (result.status, result.err) == (
        1,
        "rectool: long.lst: none of its 1000 files is found, images/gone/0.jpg for one; the"
        " list's paths start from images, unless --root says otherwise\n",
    )
    assert outputs(tmp_path) == {}
    lines[505] = "505\t1\tcats/0.jpg\n"
    (tmp_path / "long.lst").write_text("".join(lines))
    result = run("pack", "long.lst", "out", "--root", "images")
    assert result.err.count("No such file or directory") == 20
    assert len((tmp_path / "out.failures.txt").read_text().splitlines()) == 999
    assert len(RecordReader(tmp_path / "out.rec")) == 1


def test_malformed_lists_are_not_packed(run: Runner, tmp_path: Path, tree: Path) -> None:
    lst = b"0\t1\tcats/0.jpg\n0\t1\tcats/1.jpg\n-1\t0\tcats/2.jpg\nx\n"
    result = run("pack", "-", "out", "--root", "images", stdin=lst)
    assert result.status == 1
    assert result.err.splitlines() == [
        "rectool: stdin:3: a key must be 0 to 9223372036854775807, got -1",
        "rectool: stdin:4: expected key, label and path with tabs between, found 'x'",
        "rectool: stdin:2: key 0 is that of line 1 already",
    ]
    assert outputs(tmp_path) == {}


@pytest.mark.parametrize(
    ("ending", "mine"), [("rec", b"\x0a\x23\xd7\xce"), ("idx", b"0\t0\n"), ("lst", b"mine")]
)
def test_what_exists_is_kept(
    run: Runner, tmp_path: Path, tree: Path, ending: str, mine: bytes
) -> None:
    (tmp_path / f"out.{ending}").write_bytes(mine)
    result = run("pack", "images", "out")
    assert result.status == 1
    assert result.err == f"rectool: out.{ending}: exists already (--force replaces it)\n"
    assert outputs(tmp_path) == {f"out.{ending}": mine}
    assert run("pack", "images", "out", "--force").status == 0
    assert len(RecordReader(tmp_path / "out.rec")) == 10


@pytest.mark.parametrize(
    "args",
    [
        ["images", "out", "--root", "x"],
        ["a.lst", "out", "--exts", "jpg"],
        ["a.lst", "out", "--seed", 7],
        ["images", "out", "--pass-through", "--resize", 5],
        ["images", "out", "--pass-through", "--quality", 5],
        ["images", "out", "--verify"],
        ["images", "out", "--encoding", "png", "--quality", 95],
        ["images", "out", "--quality", 0],
        ["images", "out", "--workers", 0],
        ["images", "out", "--pack-label", "--label-width", 1],
        ["images"],
        ["images", "out", "--classes-out", "out.lst"],
        ["images", "out", "--bogus"],
    ],
    ids=lambda args: " ".join(map(str, args)),
)
def test_wrong_usage(run: Runner, tmp_path: Path, tree: Path, args: list[str]) -> None:
    (tmp_path / "a.lst").write_text("0\t1\tcats/0.jpg\n")
    result = run("pack", *args)
    assert (result.status, result.out) == (2, "")
    assert "Error: " in result.err
    assert outputs(tmp_path) == {}


def test_where_nothing_can_be_written(run: Runner, tmp_path: Path, tree: Path) -> None:
    result = run("pack", "images", "none/out")
    assert result.status == 1
    assert result.err.endswith("none/out.rec: cannot be written: there is no folder "
                               f"{os.path.realpath(tmp_path)}/none\n")  # fmt: skip


def test_special_sources(run: Runner, tmp_path: Path, tree: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("needs pipes with names")
    os.mkfifo(tree / "pipe.jpg")
    (tree / "folder.jpg").mkdir()
    lst = b"0\t0\tpipe.jpg\n1\t0\tfolder.jpg\n2\t0\tcats/0.jpg\n3\t0\tgone.jpg\n"
    result = run("pack", "-", "out", "--root", "images", stdin=lst)
    assert result.status == 1
    assert result.err.splitlines()[:3] == [
        "rectool: images/pipe.jpg: this is not a regular file (line 1, key 0)",
        "rectool: images/folder.jpg: a folder (line 2, key 1)",
        "rectool: images/gone.jpg: No such file or directory (line 4, key 3)",
    ]
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [2]


def test_names_that_are_not_utf8(run: Runner, tmp_path: Path, tree: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("needs any bytes in names")
    raw = os.path.join(os.fsencode(tree), b"cats", b"caf\xe9.jpg")
    with open(raw, "wb") as file:
        file.write(encoded(picture(50)))
    for locale in ("C", "C.UTF-8"):
        result = run("pack", "images", "out", "--force", "--pass-through", LC_ALL=locale)
        assert result.status == 0, result
        assert b"\tcats/caf\xe9.jpg\n" in (tmp_path / "out.lst").read_bytes()
        assert len(RecordReader(tmp_path / "out.rec")) == 11
        assert run("unpack", "out.rec", f"u{locale}", "--lst", "out.lst", LC_ALL=locale).status == 0


def test_a_program_that_workers_cannot_start_from(tmp_path: Path, tree: Path) -> None:
    """Spawned workers run the program again; without a guard each tries to start workers."""
    (tmp_path / "program.py").write_text("""
from rectool.packing.transform import Reencode
from rectool.packing.result import PackResult; from rectool.packing.pack_source import pack_source
from rectool.listing.scan import scan
from rectool.packing.list_source import FileSource
pack_source(FileSource(scan("images").images, "images"), "out", Reencode(), start_method="spawn")
""")
    command = [sys.executable, "program.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "a worker process ended with status 1, and so does one without work;"
        " does the program start it under if __name__ == '__main__'?"
    )
    assert outputs(tmp_path) == {}


def test_a_full_disk(run: Runner, tmp_path: Path, tree: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    (tmp_path / "out.rec").symlink_to("/dev/full")
    result = run("pack", "images", "out", "--force")
    assert result.status == 1
    assert result.err.splitlines()[-1] == (
        "rectool: out.rec: cannot be written: No space left on device"
    )
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out.rec"]


def test_a_record_of_512_mib(tmp_path: Path) -> None:
    with open(tmp_path / "huge.jpg", "wb") as file:
        file.truncate(1 << 29)
    source = FileSource(ImageList(b"0\t0\thuge.jpg\n", "list"), tmp_path)
    failures: list[object] = []
    with pytest.raises(RecordError, match="none of 1 image could be packed"):
        pack_source(source, tmp_path / "out", CopyBytes(), on_failure=failures.append)
    assert "536870912 bytes, and a record must have less than 536870912" in str(failures[0])
