"""Unfinished files: hidden, new, never guessed; what others planted is neither used nor harmed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import rectool
from helpers.processes import until

from rectool import RecordError, RecordReader, RecordWriter
from rectool.system import temporary_files
from rectool.system.atomic import AtomicFile, publish

posix = pytest.mark.skipif(sys.platform == "win32", reason="no such links, modes or locks there")


def write(path: Path, *records: bytes, force: bool = False) -> None:
    with RecordWriter(path, force=force) as writer:
        for record in records:
            writer.write(record)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_names_differ_each_time(tmp_path: Path) -> None:
    seen = set()
    for _ in range(20):
        with RecordWriter(tmp_path / "a.rec", force=True):
            seen |= {name for name in names(tmp_path) if name.startswith(".a.rec")}
    assert len(seen) == 20


@posix
def test_what_is_planted_under_a_name_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the random part of the name was guessed."""
    monkeypatch.setattr(os, "urandom", lambda count: b"7" * count)
    planted = tmp_path / f".a.rec.{(b'7' * 8).hex()}.tmp"
    (tmp_path / "precious").write_text("mine")
    for plant in (
        lambda: planted.symlink_to(tmp_path / "precious"),
        lambda: os.link(tmp_path / "precious", planted),
        lambda: os.mkfifo(planted),
        planted.mkdir,
    ):
        plant()
        with pytest.raises(OSError, match=r"a\.rec"):
            RecordWriter(tmp_path / "a.rec")
        assert (tmp_path / "precious").read_text() == "mine"
        planted.rmdir() if planted.is_dir() and not planted.is_symlink() else planted.unlink()


@posix
def test_leftovers_are_removed_only_if_they_are_ours(tmp_path: Path) -> None:
    def left(number: int, ending: str = "tmp") -> Path:
        return tmp_path / f".a.rec.{number:016x}.{ending}"

    (tmp_path / "precious").write_text("mine")
    left(1).write_bytes(b"of a killed run")
    left(2, "old").write_bytes(b"of a killed run")
    os.link(tmp_path / "precious", left(3))
    left(4).symlink_to(tmp_path / "precious")
    os.mkfifo(left(5))
    left(6, "old").symlink_to(tmp_path / "precious")
    (tmp_path / ".b.rec.0000000000000001.tmp").write_bytes(b"of another file")
    stay = {left(3), left(4), left(5), left(6, "old")}
    if os.geteuid() == 0:
        left(7).write_bytes(b"another user's")
        os.chown(left(7), 12345, 12345)
        stay.add(left(7))
    write(tmp_path / "a.rec", b"x")
    assert (tmp_path / "precious").read_text() == "mine"
    assert set(tmp_path.glob(".a.rec.*")) == stay
    assert len(list(tmp_path.glob(".b.rec.*"))) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="runs as another user")
def test_another_users_lock_keeps_nobody_from_writing(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    path = tmp_path / ".a.rec.0000000000000001.tmp"
    path.write_bytes(b"")
    os.chown(path, 12345, 12345)
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write(tmp_path / "a.rec", b"x")
    assert list(RecordReader(tmp_path / "a.rec")) == [b"x"]


def test_a_writer_opened_again_starts_anew(tmp_path: Path) -> None:
    first = RecordWriter(tmp_path / "a.rec")
    first.write(b"first")
    second = RecordWriter(tmp_path / "a.rec")
    second.write(b"second")
    with pytest.raises(ValueError, match="closed"):
        first.write(b"more")
    second.close()
    with pytest.raises(RecordError, match="opened for writing again"):
        first.close()
    assert list(RecordReader(tmp_path / "a.rec")) == [b"second"]
    assert names(tmp_path) == ["a.idx", "a.rec"]


def test_a_writer_whose_index_was_opened_again_publishes_nothing(tmp_path: Path) -> None:
    first = RecordWriter(tmp_path / "a.rec", idx=tmp_path / "x.idx")
    with RecordWriter(tmp_path / "b.rec", idx=tmp_path / "x.idx") as second:
        second.write(b"second")
    with pytest.raises(RecordError, match="opened for writing again"):
        first.close()
    assert names(tmp_path) == ["b.rec", "x.idx"]


def test_outputs_of_one_process_do_not_meet_unless_they_start_anew(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "a.lst") as first:
        with pytest.raises(RecordError, match="is writing this file"):
            AtomicFile(tmp_path / "a.lst")
        first.write(b"0\t0\ta\n")
    assert (tmp_path / "a.lst").read_bytes() == b"0\t0\ta\n"


def test_a_change_of_folder_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "elsewhere" / "a.rec", b"other")
    writer = RecordWriter("a.rec")
    writer.write(b"x")
    monkeypatch.chdir(tmp_path / "elsewhere")
    writer.close()
    assert list(RecordReader(tmp_path / "a.rec")) == [b"x"]
    assert list(RecordReader(tmp_path / "elsewhere" / "a.rec")) == [b"other"]


@posix
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.ENOTSUP])
def test_a_disk_without_renaming_is_found_out_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(OSError, match="cannot rename files .* copy") as caught:
        RecordWriter(tmp_path / "a.rec")
    assert caught.value.filename == str(tmp_path / "a.rec")
    assert names(tmp_path) == []


@posix
def test_a_disk_without_locks_or_syncing_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    left = tmp_path / ".a.rec.0000000000000001.tmp"
    left.write_bytes(b"perhaps of a living process")

    def fails(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(fcntl, "flock", fails)
    monkeypatch.setattr(os, "fsync", fails)
    write(tmp_path / "a.rec", b"x")
    assert list(RecordReader(tmp_path / "a.rec")) == [b"x"]
    assert names(tmp_path) == [left.name, "a.idx", "a.rec"]


@posix
def test_a_failed_sync_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writer = RecordWriter(tmp_path / "a.rec")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output error"):
        writer.close()
    assert names(tmp_path) == []


def test_one_file_that_cannot_be_removed_leaves_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = [AtomicFile(tmp_path / name) for name in ("a.lst", "b.lst", "c.lst")]
    (tmp_path / "c.lst").mkdir()
    real = os.unlink

    def fails(path: str) -> None:
        if ".a.lst" in path:
            raise PermissionError(errno.EPERM, "not permitted", path)
        real(path)

    monkeypatch.setattr(os, "unlink", fails)
    with pytest.raises(IsADirectoryError, match=r"c\.lst"):
        publish(outputs)
    assert [name[:6] for name in names(tmp_path)] == [".a.lst", "c.lst"]


KILLED = """
import sys, time
from rectool import RecordWriter
writer = RecordWriter(sys.argv[1])
writer.write(b"x" * 2_000_000)
print("ready", flush=True)
time.sleep(60)
"""


@posix
def test_a_name_of_255_bytes(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + "n.rec")
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(RecordError, match="another process is writing"):
            RecordWriter(path)
        process.send_signal(signal.SIGKILL)
    assert len(names(tmp_path)) == 2
    write(path, b"x")
    assert names(tmp_path) == sorted([path.name, path.with_suffix(".idx").name])


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="names there are Unicode")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.rec"))
    write(path, b"x")
    write(path, b"y", force=True)
    assert list(RecordReader(path)) == [b"y"]
    assert len(names(tmp_path)) == 2


AT_ONCE = """
import sys
from rectool import RecordError, RecordWriter
sys.stdin.readline()
try:
    writer = RecordWriter(sys.argv[1])
    print("writes", flush=True)
    sys.stdin.readline()
    writer.close()
except RecordError as error:
    print(error, flush=True)
    sys.stdin.readline()
"""


def test_of_several_at_once_one_writes(tmp_path: Path) -> None:
    for _ in range(3):
        path = tmp_path / "a.rec"
        command = [sys.executable, "-c", AT_ONCE, str(path)]
        pipe = subprocess.PIPE
        started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.stdout.readline() for process in started if process.stdout is not None]
        for process in started:
            process.communicate("end\n")
        assert said.count("writes\n") == 1
        assert sum("another process is writing" in line for line in said) == 3
        assert names(tmp_path) == ["a.idx", "a.rec"]
        path.unlink()
        path.with_suffix(".idx").unlink()


@posix
@pytest.mark.parametrize("planted", ["a.rec", "a.lst", "a.idx"])
def test_a_planted_pipe_keeps_nobody_waiting(tmp_path: Path, tree: Path, planted: str) -> None:
    os.mkfifo(tmp_path / planted)
    result = rectool("pack", "images", "a", "--pass-through", cwd=tmp_path)
    assert result.status == 1
    assert planted in result.err
    assert names(tmp_path) == sorted([planted, "images"])


@posix
def test_a_folder_that_may_not_be_listed(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(0o300)
    code = "import sys, rectool; rectool.RecordWriter(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(shut / "a.rec")]
    if os.geteuid() == 0:
        if subprocess.run(["setpriv", "--version"], capture_output=True, check=False).returncode:
            pytest.skip("needs setpriv, or another user than root")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    subprocess.run(command, check=True)
    shut.chmod(0o700)
    assert names(shut) == ["a.idx", "a.rec"]


def test_an_abandoned_file_is_closed(tmp_path: Path) -> None:
    fd, path = temporary_files.claim(str(tmp_path / "a"))
    temporary_files.abandon(fd, path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    until(lambda: names(tmp_path) == [], "a file left over")
