"""What outputs may replace: files of their own kind, by force; never an input, or one another."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, encoded, picture

from rectool import IRHeader, RecordError, RecordReader, RecordWriter, pack
from rectool.system.atomic import AtomicFile
from rectool.system.replacing import CLASSES, check_outputs

Runner = Callable[..., Run]
posix = pytest.mark.skipif(sys.platform == "win32", reason="no such links there")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def record_file(path: Path, label: float = 1.0, count: int = 3) -> Path:
    with RecordWriter(path) as writer:
        for key in range(count):
            writer.write(pack(IRHeader(0, label, key, 0), encoded(picture(key, 8, 8))), key)
    return path


JPEG = encoded(picture(1, 8, 8))
MAGIC = b"\x0a\x23\xd7\xce"
INDEX = b"0\t0\n1\t812\n"
LIST = b"0\t1.0\tcats/0.jpg\n"
OTHERS = {
    "out.rec": [INDEX, LIST, b"notes\n", JPEG, b"{}", b"\0" * 100],
    "out.idx": [MAGIC + b"\0" * 40, LIST, b"notes\n", JPEG, b"cat 0\n"],
    "out.lst": [MAGIC + b"\0" * 40, INDEX, JPEG],
    "classes.txt": [MAGIC + b"\0" * 40, INDEX, LIST, b"notes of mine\n", JPEG, b"a.jpg,0\n"],
}
SAME = {
    "out.rec": [b"", MAGIC + b"damaged"],
    "out.idx": [b"", INDEX, b"damaged\n5\t12\n", b"name\t0\r\n"],
    "out.lst": [b"", LIST, b"#header 0 0 0 0 0\n" + LIST, b"mine\n"],
    "classes.txt": [b"", b"a cat 0\ndog 1\n"],
}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("name", "content"), [(name, one) for name, some in OTHERS.items() for one in some]
)
def test_a_file_of_another_kind_is_never_replaced(
    run: Runner, tmp_path: Path, tree: Path, name: str, content: bytes, force: bool
) -> None:
    (tmp_path / name).write_bytes(content)
    options = ["--classes-out", "classes.txt", *["--force"][:force]]
    result = run("pack", "images", "out", "--pass-through", *options)
    assert result.status == 1
    assert f"{name}: exists already and is not " in result.err
    assert "--force" not in result.err
    assert contents(tmp_path) == {name: content}


@pytest.mark.parametrize(
    ("name", "content"), [(name, one) for name, some in SAME.items() for one in some]
)
def test_a_file_of_the_same_kind_is_replaced_by_force(
    run: Runner, tmp_path: Path, tree: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    args = ["pack", "images", "out", "--pass-through", "--classes-out", "classes.txt"]
    refused = run(*args)
    assert (refused.status, contents(tmp_path)) == (1, {name: content})
    assert f"{name}: exists already (--force replaces it)" in refused.err
    assert run(*args, "--force").status == 0
    assert sorted(contents(tmp_path)) == ["classes.txt", "out.idx", "out.lst", "out.rec"]
    assert len(RecordReader(tmp_path / "out.rec")) == 10


def test_what_appeared_meanwhile_is_looked_at_too(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "a.rec", force=True)
    (tmp_path / "a.rec").write_bytes(JPEG)
    with pytest.raises(FileExistsError, match="is not a record file"):
        writer.close()
    assert contents(tmp_path) == {"a.rec": JPEG}


def test_each_of_several_files_gets_its_index(run: Runner, tmp_path: Path) -> None:
    for name in "abc":
        record_file(tmp_path / f"{name}.rec")
    before = contents(tmp_path)
    assert run("index", "a.rec", "b.rec", "c.rec", "--force").status == 0
    assert contents(tmp_path) == before
    for name in "ac":
        (tmp_path / f"{name}.idx").unlink()
    (tmp_path / "b.rec").write_bytes(b"junk")
    result = run("index", "a.rec", "b.rec", "none.rec", "c.rec")
    assert result.status == 1
    assert "b.idx: exists already" in result.err
    assert "none.rec" in result.err
    assert contents(tmp_path) == {**before, "b.rec": b"junk"}


def test_an_index_of_another_name(run: Runner, tmp_path: Path) -> None:
    record_file(tmp_path / "a.rec")
    index = (tmp_path / "a.idx").read_bytes()
    assert run("index", "a.rec", "x.idx").status == 0
    assert run("index", "a.rec", "--out", "y").status == 0
    assert (tmp_path / "x.idx").read_bytes() == (tmp_path / "y").read_bytes() == index
    before = contents(tmp_path)
    record_file(tmp_path / "b.rec")
    before |= contents(tmp_path)
    for args in (["a.rec", "b.rec", "--out", "z.idx"], ["a.rec", "b.rec", "a.idx", "b.idx"]):
        assert run("index", *args, "--force").status == 2
    for args in (["a.rec", "--out", "b.rec"], ["a.rec", "./a.rec"], ["a.rec", "a.REC"]):
        assert run("index", *args, "--force").status in (1, 2)
    assert contents(tmp_path) == before


def test_a_forgotten_out_is_told(run: Runner, tmp_path: Path) -> None:
    for name in ("a", "b"):
        record_file(tmp_path / f"{name}.rec")
    before = contents(tmp_path)
    for options in ([], ["--force"], ["--shards", 2], ["--resize", 4, "--force"]):
        result = run("pack", "a.rec", "b.rec", *options)
        assert result.status == 2
        assert "rectool pack a.rec b.rec OUT" in result.err
        assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "args",
    [
        ["pack", "a.rec", "b.rec", "a"],
        ["pack", "b.rec", "./d/../b"],
        ["pack", "linked.rec", "b"],
        ["pack", "other.rec", "a"],
        ["list", "images", "out", "--csv", "out.lst"],
        ["list", "images", "data", "--csv", "data_val.lst", "--train-ratio", "0.5"],
        ["list", "images", "out", "--classes", "c", "--classes-out", "c"],
        ["list", "images", "out", "--csv", "out.lst", "--classes-out", "out.lst"],
        ["pack", "images", "out", "--classes-out", "out.idx"],
        ["list", "images", "data", "--train-ratio", "0.5", "--classes-out", "data_train.lst"],
        ["list", "images", "out", "--classes-out", "OUT.LST"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("force", [False, True])
def test_inputs_stay_and_outputs_differ(
    run: Runner, tmp_path: Path, tree: Path, args: list[str], force: bool
) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a", "b"):
        record_file(tmp_path / f"{name}.rec", count=2 + (name == "b"))
    os.link(tmp_path / "b.rec", tmp_path / "linked.rec")
    record_file(tmp_path / "other.rec")
    (tmp_path / "other.idx").unlink()
    os.link(tmp_path / "a.idx", tmp_path / "other.idx")
    (tmp_path / "c").write_text("cats 0\ndogs 1\n")
    for name in ("out.lst", "data_val.lst"):
        (tmp_path / name).write_text("cats/0.jpg,1\n")
    before = contents(tmp_path)
    result = run(*args, *["--force"][:force])
    assert result.status in (1, 2)
    assert "Traceback" not in result.err
    assert contents(tmp_path) == before


def test_what_outputs_may_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    check_outputs([tmp_path / "b", tmp_path / "c"], [tmp_path / "a", tmp_path / "missing"])
    for outputs in (["b", "b"], ["b", "./b"], ["b", "B"]):
        with pytest.raises(RecordError, match="two outputs"):
            check_outputs([os.path.join(tmp_path, name) for name in outputs])
    with pytest.raises(RecordError, match="is read from"):
        check_outputs([tmp_path / "a"], [f"{tmp_path}/./a"])


def test_records_and_index_in_one_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="two outputs"):
        RecordWriter(tmp_path / "a.rec", idx=tmp_path / "a.rec")
    assert contents(tmp_path) == {}


@posix
def test_a_link_is_followed_only_to_a_file_of_the_kind(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    table = tmp_path / "far" / "classes"
    link = tmp_path / "link"
    link.symlink_to(table)
    for force in (False, True):
        with pytest.raises(FileExistsError, match="a link that leads to no file of yours"):
            AtomicFile(link, kind=CLASSES, force=force)
    table.write_text("not a table")
    with pytest.raises(FileExistsError, match="is not a class table"):
        AtomicFile(link, kind=CLASSES, force=True)
    table.write_text("cat 0\n")
    with AtomicFile(link, kind=CLASSES, force=True) as output:
        output.write(b"dog 0\n")
    assert (link.is_symlink(), table.read_text()) == (True, "dog 0\n")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/stdout")
def test_devices_and_pipes_are_written_to(run: Runner, tmp_path: Path) -> None:
    record_file(tmp_path / "a.rec")
    index = (tmp_path / "a.idx").read_bytes()
    assert run("index", "a.rec", "/dev/stdout").stdout == index
    assert run("index", "a.rec", "--out", "/dev/null").status == 0
    full = run("index", "a.rec", "/dev/full")
    assert (full.status, "No space left on device" in full.err) == (1, True)
    os.mkfifo(tmp_path / "pipe.idx")
    unread = run("index", "a.rec", "pipe.idx")
    assert unread.status == 1
    assert "pipe.idx: cannot be written" in unread.err
    reader = os.open(tmp_path / "pipe.idx", os.O_RDONLY | os.O_NONBLOCK)
    assert run("index", "a.rec", "pipe.idx").status == 0
    assert os.read(reader, 1000) == index
    os.close(reader)


@pytest.mark.parametrize("out", ["", ".", "..", "images/", "/dev/null", "-"])
def test_names_that_no_output_can_have(run: Runner, tmp_path: Path, tree: Path, out: str) -> None:
    before = sorted(os.listdir(tmp_path))
    for command in ("pack", "list"):
        if (command, out) == ("list", "-"):
            continue
        result = run(command, "images", out)
        assert result.status in (1, 2), command
        assert "Traceback" not in result.err
    assert sorted(os.listdir(tmp_path)) == before
