"""Threads, files, memory and processes of ImageRecordIter: what stays behind, and what does not."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import noise
from helpers.batches import SHAPE, flats, seen
from helpers.processes import until

from rectool import ImageRecordIter, IRHeader, RecordWriter, pack

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    return flats(tmp_path / "a.rec", 40)


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A thousand images of some milliseconds each."""
    path = tmp_path / "slow.rec"
    with RecordWriter(path) as writer:
        for number in range(1000):
            writer.write(pack(IRHeader(0, number, number, 0), noise(number % 5)), key=number)
    return path


def workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("rectool")]


def open_files(path: Path) -> list[str]:
    """Descriptors and mappings of a file in this process."""
    names = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
             if os.path.lexists(f"/proc/self/fd/{fd}")]  # fmt: skip
    names += Path("/proc/self/maps").read_text().split()
    return [name for name in names if name == str(path)]


def test_threads_end_with_the_epoch(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4, preprocess_threads=3)
    assert workers() == []
    for _ in range(2):
        next(it)
        assert len(workers()) == 3
        assert len(list(it)) == 9
        assert workers() == []
        it.reset()
        assert workers() == []


def test_threads_end_with_a_for_that_is_left(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4)
    for _ in it:
        assert workers()
        break
    assert workers() == []
    with pytest.raises(KeyError):
        for _ in it:
            raise KeyError
    assert workers() == []
    assert len(list(it)) == 8


@linux
def test_nothing_stays_behind(rec: Path) -> None:
    for end in ("close", "del", "reset", "never begun"):
        it = ImageRecordIter(rec, SHAPE, 4)
        assert open_files(rec)
        if end != "never begun":
            next(it)
            assert workers()
        if end == "close":
            it.close()
        if end == "reset":
            it.reset()
            assert workers() == []
        if end != "close":
            del it
            gc.collect()
        assert workers() == [], end
        assert open_files(rec) == [], end


@linux
def test_a_batch_outlives_its_iterator(rec: Path) -> None:
    it = ImageRecordIter(rec, SHAPE, 4)
    first, second = next(it), next(it)
    it.close()
    del it
    gc.collect()
    assert seen([first, second]) == list(range(8))


@linux
def test_what_is_refused_leaves_no_file_open(tmp_path: Path) -> None:
    rec = flats(tmp_path / "a.rec", 1)
    (tmp_path / "a.lst").write_text("100\t1\t2\tx\n")
    for options in ({"path_imglist": tmp_path / "a.lst"}, {"dtype": "float16"}):
        with pytest.raises(Exception, match=r"label|dtype"):
            ImageRecordIter(rec, SHAPE, 1, **options)
    gc.collect()
    assert open_files(rec) == []


def run(code: str, *args: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,  # type: ignore[call-overload]
    )


FORK = """
import os, sys, warnings
from rectool import ImageRecordIter
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads
it = ImageRecordIter(sys.argv[1], (3, 4, 5), 4, shuffle=True)
begin = [next(it), next(it)]
children = []
for _ in range(3):
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        labels = [label for batch in it for label in batch.label[0].tolist()]
        it.reset()
        labels += next(it).label[0].tolist()
        os.write(write, repr(labels).encode())
        os._exit(0)
    os.close(write)
    children.append((pid, read))
labels = [label for batch in it for label in batch.label[0].tolist()]
it.reset()
labels += next(it).label[0].tolist()
for pid, read in children:
    assert os.waitpid(pid, 0)[1] == 0
    assert eval(os.read(read, 100000)) == labels
assert len(labels) == 36
"""


@posix
def test_a_forked_child_goes_on_as_its_parent_does(rec: Path) -> None:
    done = run(FORK, rec)
    assert (done.returncode, done.stderr) == (0, "")


ENDS = {
    "at the end of the program": "",
    "by sys.exit": "sys.exit(0)",
    "with a reference in a cycle": "cycle = [it]; cycle.append(cycle); del it",
    "in a for": "\nfor batch in it: sys.exit(0)",
    "in a generator that is kept": "keep = iter(it); next(keep)",
    "after closing": "it.close()",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_program_ends_in_the_middle_of_an_epoch(slow: Path, end: str) -> None:
    code = """
import sys
from rectool import ImageRecordIter
it = ImageRecordIter(sys.argv[1], (3, 224, 224), 32, preprocess_threads=4)
next(it)
"""
    done = run(code + end, slow)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


INTERRUPTED = """
import signal, sys, threading
from rectool import ImageRecordIter

def again(unraisable):
    \"\"\"Where Python cannot raise it, in a finalizer, it comes once more.\"\"\"
    if unraisable.exc_type is KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(unraisable)

sys.unraisablehook = again
signal.signal(signal.SIGALRM, signal.default_int_handler)
it = ImageRecordIter(sys.argv[1], (3, 224, 224), 16)
try:
    while True:
        for batch in it:
            print("on", flush=True)
except KeyboardInterrupt:
    print(threading.active_count(), "left")
"""


@posix
@pytest.mark.parametrize("after", [1, 5])
def test_an_interrupt_ends_a_for(slow: Path, after: int) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(slow)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert out.splitlines()[-1] == b"1 left"
    assert (process.returncode, err) == (0, b"")


MEMORY = """
import gc, sys
from rectool import ImageRecordIter
it = ImageRecordIter(sys.argv[1], (3, 224, 224), 16, **eval(sys.argv[2]))

def used():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def epoch():
    for batch in it:
        pass
    it.reset()

for _ in range(4):
    epoch()
before = used()
for _ in range(20):
    epoch()
print(used() - before)
"""


@linux
@pytest.mark.parametrize(
    "options", [{}, {"shuffle": True, "round_batch": False, "on_error": "skip"}]
)
def test_memory_does_not_grow_by_a_batch_an_epoch(
    tmp_path: Path, options: dict[str, object]
) -> None:
    rec = flats(tmp_path / "a.rec", 50)
    done = run(MEMORY, rec, options)
    batch = 16 * 3 * 224 * 224 * 4
    assert int(done.stdout) < 8 * batch, done  # of the 20 that a leak would take


def test_interleaved_iterators_end_each_on_its_own(rec: Path) -> None:
    one, two = ImageRecordIter(rec, SHAPE, 4), ImageRecordIter(rec, SHAPE, 4)
    pairs = [
        (first.label[0].tolist(), second.label[0].tolist())
        for first, second in zip(one, two, strict=True)
    ]
    assert len(pairs) == 10
    assert all(first == second for first, second in pairs)
    del one
    assert len(list(two)) == 10
    until(lambda: not workers(), "threads left over")
