"""RecordWriter: whole files under their names, or what was there before."""

from __future__ import annotations

import errno
import gc
import multiprocessing
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rectool import LimitError, RecordError, RecordReader, RecordWriter
from rectool.format.frames import encode
from rectool.system.atomic import AtomicFile, publish

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def names(folder: Path) -> list[str]:
    """What is in a folder, unfinished files without what is random in their names."""
    return sorted(re.sub(r"\.[0-9a-f]{16}\.", ".", path.name) for path in folder.iterdir())


def write(path: Path, *records: bytes, **options: bool) -> None:
    with RecordWriter(path, **options) as writer:
        for record in records:
            writer.write(record)


def test_what_is_written(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        assert writer.tell() == 0
        assert writer.write(b"abc", 7) == 0
        assert writer.write(b"") == 12
        assert writer.write(b"hidden", indexed=False) == 20
        assert (len(writer), writer.tell()) == (3, 36)
        assert names(tmp_path) == [".a.idx.tmp", ".a.rec.tmp"]
    assert names(tmp_path) == ["a.idx", "a.rec"]
    assert (tmp_path / "a.rec").read_bytes() == encode(b"abc") + encode(b"") + encode(b"hidden")
    assert (tmp_path / "a.idx").read_bytes() == b"7\t0\n1\t12\n"


def test_an_exception_publishes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.rec", b"old")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        pytest.raises(RuntimeError, match="stop"),
        RecordWriter(tmp_path / "a.rec", force=True) as writer,
    ):
        writer.write(b"new")
        raise RuntimeError("stop")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    write(tmp_path / "a.rec", b"old")
    with pytest.raises(FileExistsError, match="exists already"):
        RecordWriter(tmp_path / "a.rec")
    (tmp_path / "a.rec").unlink()
    with pytest.raises(FileExistsError, match=r"a\.idx"):
        RecordWriter(tmp_path / "a.rec")
    assert names(tmp_path) == ["a.idx"]
    write(tmp_path / "a.rec", b"new", force=True)
    assert RecordReader(tmp_path / "a.rec")[0] == b"new"


def test_what_appeared_meanwhile_is_kept(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "a.rec")
    (tmp_path / "a.idx").write_text("mine")
    with pytest.raises(FileExistsError):
        writer.close()
    assert names(tmp_path) == ["a.idx"]


def test_closed_writers(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "a.rec")
    writer.close()
    writer.close()
    writer.discard()
    for use in (writer.tell, lambda: writer.write(b"x")):
        with pytest.raises(ValueError, match="writer is closed"):
            use()
    assert names(tmp_path) == ["a.idx", "a.rec"]


def test_a_writer_never_closed_leaves_nothing_but_a_warning(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "a.rec")
    writer.write(b"x")
    with pytest.warns(ResourceWarning, match="never closed"):
        del writer
        gc.collect()
    assert names(tmp_path) == []


def test_writers_are_not_pickled(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer, pytest.raises(TypeError, match="pickled"):
        pickle.dumps(writer)


@pytest.mark.parametrize("key", [2**63, -(2**63), "a\tb", "", "a\nb"])
def test_keys_that_an_index_cannot_hold(tmp_path: Path, key: int | str) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        with pytest.raises(LimitError, match=r"a\.rec: .*(the key|got)"):
            writer.write(b"x", key)
        assert writer.tell() == 0


def test_threads_write_whole_records(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:

        def some(first: int) -> None:
            for key in range(first, first + 300):
                writer.write(b"%d" % key * 50, key)

        threads = [threading.Thread(target=some, args=(first,)) for first in range(0, 1200, 300)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    reader = RecordReader(tmp_path / "a.rec")
    assert len(reader) == 1200
    assert all(reader.by_key(key) == b"%d" % key * 50 for key in range(1200))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_neither_writes_nor_publishes(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "a.rec")
    writer.write(b"before")
    child = os.fork()
    if not child:
        try:
            writer.write(b"child")
        except ValueError as error:
            writer.close()
            os._exit(0 if "another process" in str(error) else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert names(tmp_path) == [".a.idx.tmp", ".a.rec.tmp"]
    writer.write(b"after")
    writer.close()
    assert list(RecordReader(tmp_path / "a.rec")) == [b"before", b"after"]


def hold(path: Path, ready: object) -> None:
    writer = RecordWriter(path)
    writer.write(b"x" * 3_000_000)
    ready.set()  # type: ignore[attr-defined]
    time.sleep(60)


def test_two_writers_at_once_and_a_killed_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=hold, args=(tmp_path / "a.rec", ready))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(RecordError, match="another process is writing this file"):
        RecordWriter(tmp_path / "a.rec")
    holder.kill()
    holder.join()
    assert names(tmp_path) == [".a.idx.tmp", ".a.rec.tmp"]
    write(tmp_path / "a.rec", b"y")
    assert names(tmp_path) == ["a.idx", "a.rec"]
    assert list(RecordReader(tmp_path / "a.rec")) == [b"y"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such modes or links there")
def test_modes_and_links(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.rec", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.rec").stat().st_mode) == 0o640
    (tmp_path / "far").mkdir()
    (tmp_path / "b.rec").symlink_to(tmp_path / "far" / "b.rec")
    for force in (False, True):  # a link to nothing exists
        with pytest.raises(FileExistsError, match="a link that leads to no file"):
            RecordWriter(tmp_path / "b.rec", force=force)
    write(tmp_path / "far" / "b.rec", b"x")
    with pytest.raises(FileExistsError, match=r"exists already: .*b\.rec"):
        RecordWriter(tmp_path / "b.rec")
    write(tmp_path / "b.rec", b"y", force=True)
    assert (tmp_path / "b.rec").is_symlink()
    assert list(RecordReader(tmp_path / "far" / "b.rec")) == [b"y"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        RecordWriter(tmp_path / "none" / "a.rec")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        RecordWriter(tmp_path, force=True)
    (tmp_path / "a.idx").mkdir()
    with pytest.raises(IsADirectoryError):
        RecordWriter(tmp_path / "a.rec", force=True)
    assert names(tmp_path) == ["a.idx"]


def fill_at_once(writer: RecordWriter) -> None:
    writer.write(b"x" * 5_000_000)


def fill_slowly(writer: RecordWriter) -> None:
    for _ in range(50):
        writer.write(b"x" * 10_000)
    writer.close()


@pytest.mark.parametrize("fill", [fill_at_once, fill_slowly])
def test_a_full_disk(small_disk: Path, fill: Callable[[RecordWriter], None]) -> None:
    write(small_disk / "a.rec", b"old")
    with RecordWriter(small_disk / "a.rec", force=True) as writer:
        with pytest.raises(OSError, match="No space left") as caught:
            fill(writer)
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.filename == str(small_disk / "a.rec")
        if not writer.closed:
            with pytest.raises(OSError, match="No space left"):  # going on does not help
                writer.close()
    assert names(small_disk) == ["a.idx", "a.rec"]
    assert list(RecordReader(small_disk / "a.rec")) == [b"old"]


@linux
def test_a_device_is_written_to_and_not_replaced() -> None:
    with pytest.raises(OSError, match="No space left"):
        write(Path("/dev/full"), b"x", idx=False)
    assert not stat.S_ISREG(os.stat("/dev/full").st_mode)


def test_an_interrupted_write_is_never_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.rec", b"old")
    writer = RecordWriter(tmp_path / "a.rec", force=True)

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.write(b"x" * 2_000_000)
    with pytest.raises(OSError, match="was interrupted while it was written"):
        writer.close()
    assert names(tmp_path) == ["a.idx", "a.rec"]
    assert list(RecordReader(tmp_path / "a.rec")) == [b"old"]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_failed_rename_leaves_no_wrong_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    write(tmp_path / "a.rec", b"old")
    before = (tmp_path / "a.rec").read_bytes(), (tmp_path / "a.idx").read_bytes()
    writer = RecordWriter(tmp_path / "a.rec", force=True)
    writer.write(b"new", 7)
    rename, calls = AtomicFile._rename, iter(range(9))

    def sometimes(output: AtomicFile) -> None:
        if next(calls) == failing:
            raise PermissionError(errno.EACCES, "cannot", output.path)
        rename(output)

    monkeypatch.setattr(AtomicFile, "_rename", sometimes)
    with pytest.raises(PermissionError):
        writer.close()
    if failing == 0:
        assert ((tmp_path / "a.rec").read_bytes(), (tmp_path / "a.idx").read_bytes()) == before
    else:
        assert list(RecordReader(tmp_path / "a.rec")) == [b"new"]
        assert not (tmp_path / "a.idx").exists()
    monkeypatch.undo()
    write(tmp_path / "a.rec", b"newer", force=True)
    assert names(tmp_path) == ["a.idx", "a.rec"]


@pytest.mark.parametrize("key", [1.5, None.__class__, [1]])
def test_keys_are_whole_numbers(tmp_path: Path, key: object) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        with pytest.raises(TypeError):
            writer.write(b"x", key)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="bytes-like"):
            writer.write("text")  # type: ignore[arg-type]
        writer.write(bytearray(b"y"), True)
    assert (tmp_path / "a.idx").read_bytes() == b"1\t0\n"


KILLED = """
import sys
from rectool import RecordWriter
path, sizes = sys.argv[1], range(1, 400)
generation = int(sys.argv[2]) * 1000
print("go", flush=True)
while True:
    with RecordWriter(path, force=True) as writer:
        for size in sizes:
            writer.write(b"%03d" % size * (generation % 900 + 100), size + generation)
    generation += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Either the whole files stand there, or a whole .rec whose .idx is still to come."""
    rec = tmp_path / "a.rec"
    for round_ in range(25):
        command = [sys.executable, "-c", KILLED, str(rec), str(round_)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.003 * round_)
            process.send_signal(signal.SIGKILL)
        if rec.exists():
            reader = RecordReader(rec)
            assert len(reader) == 399
            assert reader[123][:6] == b"124124"
            if reader.key_source == "idx":  # no other generation's: sizes and keys belong together
                generation = int(reader.keys[0]) - 1
                assert len(reader[0]) == 3 * (generation % 900 + 100)
            reader.close()
    write(rec, b"x", force=True)
    assert names(tmp_path) == ["a.idx", "a.rec"]


def test_outputs_are_published_together(tmp_path: Path) -> None:
    first, second = AtomicFile(tmp_path / "first"), AtomicFile(tmp_path / "second")
    first.write(b"1")
    (tmp_path / "second").mkdir()
    with pytest.raises(IsADirectoryError):
        publish([first, second])
    assert names(tmp_path) == ["second"]
    with pytest.raises(ValueError, match="closed file"):
        first.write(b"2")
