"""Files that are read must be regular files: nothing waits for a pipe."""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

from rectool import RecordReader, RecordWriter
from rectool.system.file_bytes import FileBytes, open_bytes
from rectool.system.open_regular import open_regular

Runner = Callable[..., Run]

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def test_a_regular_file_is_opened_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    (tmp_path / "b").symlink_to("a")
    for name in ("a", "b"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"12"


def test_a_fifo_a_socket_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    fifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket"))
        kinds = {"pipe": "pipe", "link": "pipe", "socket": "socket", "/dev/null": "device"}
        for name, kind in kinds.items():
            with pytest.raises(OSError, match=f"a {kind}") as caught:
                open_regular(tmp_path / name)
            assert caught.value.filename == str(tmp_path / name)
    with pytest.raises(IsADirectoryError, match="a folder"):
        open_regular(tmp_path)


@pytest.mark.parametrize("limit", [0, 1000])
def test_bytes_read_by_position(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Where too few descriptors are left, the file is opened for each read."""
    monkeypatch.setattr("rectool.system.file_bytes.descriptor_limit", lambda: limit)
    content = random.Random(1).randbytes(300_000)
    (tmp_path / "a").write_bytes(content)
    found = FileBytes(tmp_path / "a")
    assert len(found) == len(content)
    for begin, end in ((0, 8), (8, 70_000), (70_008, 70_016), (299_990, 400_000), (5, 5), (3, 900)):
        assert found[begin:end] == content[begin:end]
    begins = [299_992, 0, 70_004, 70_000]
    assert found.read_each(begins, 8) == b"".join(content[at : at + 8] for at in begins)
    assert open_bytes(tmp_path / "a")[100:200] == content[100:200]
    os.truncate(tmp_path / "a", 100_000)
    with pytest.raises(OSError, match="cut or replaced") as caught:
        found[150_000:280_000]
    assert caught.value.filename == str(tmp_path / "a")
    with pytest.raises(OSError, match="cut or replaced"):
        found.read_each([0, 200_000], 8)
    found.close()
    with pytest.raises(ValueError, match="closed"):
        found[100_000:100_001]


def test_a_file_that_is_replaced_is_not_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rectool.system.file_bytes.descriptor_limit", lambda: 0)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"." * 1000)
    found = FileBytes(tmp_path / "a")
    os.replace(tmp_path / "b", tmp_path / "a")
    with pytest.raises(OSError, match="cut or replaced"):
        found[0:8]
    with pytest.raises(OSError, match="cut or replaced"):
        FileBytes(tmp_path / "a", found.state)


@pytest.mark.parametrize("number", ["ENODEV", "ENOMEM", "EMFILE"])
def test_what_cannot_be_mapped_is_read_by_position(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    """So it is on some file systems, those of object stores among them."""
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in range(9):
            writer.write(b"%d" % key, key)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(getattr(errno, number), "no mapping")

    monkeypatch.setattr("rectool.system.file_bytes.Mapping", refuse)
    reader = RecordReader(tmp_path / "a.rec")
    assert list(reader) == [b"%d" % key for key in range(9)]
    assert bytes(reader.view(3)) == b"3"


@pytest.mark.parametrize("name", ["a.rec", "a.idx"])
def test_no_command_and_no_reader_waits_for_a_fifo(run: Runner, tmp_path: Path, name: str) -> None:
    if name == "a.idx":
        with RecordWriter(tmp_path / "a.rec", idx=False) as writer:
            writer.write(b"x" * 40)
    fifo(tmp_path / name)
    with pytest.raises(OSError, match="pipe"):
        RecordReader(tmp_path / "a.rec")
    for command in (["inspect", "a.rec"], ["unpack", "a.rec", "out"], ["pack", "a.rec", "out"]):
        result = run(*command)
        assert result.status == 1
        assert result.err.startswith(f"rectool: {name}: ")
        assert "this is a pipe" in result.err


def test_the_other_files_are_inspected_where_one_is_missing(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "b.rec") as writer:
        writer.write(b"x" * 40)
    os.mkdir(tmp_path / "c.rec")
    result = run("inspect", "a.rec", "b.rec", "c.rec")
    assert result.status == 1
    assert "b.rec" in result.out
    missing, folder = sorted(result.err.splitlines())
    assert missing == "rectool: a.rec: No such file or directory"
    assert folder.startswith("rectool: c.rec: this is a folder")
