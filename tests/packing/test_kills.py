"""Commands that are stopped or killed: whole files of one run, and nothing left over."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import encoded, noise, picture
from helpers.processes import Files, Started, files, until

from rectool.cli.main import main

fcntl = pytest.importorskip("fcntl")  # not on Windows

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

MODES = {"encoded": ["--workers", "2"], "copied": ["--pass-through"]}


@pytest.fixture
def tmp_path(in_memory: Path) -> Path:
    return in_memory


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders with images: many, a few, and a few others."""
    root = tmp_path_factory.mktemp("stock")
    for folder, count in (("many", 90), ("few", 2), ("others", 3)):
        (root / folder).mkdir()
        for number in range(count):
            image = noise(number % 5) if folder == "many" else encoded(picture(number + count))
            (root / folder / f"n{number:03}.jpg").write_bytes(image)
    return root


class Pack:
    """A pack of many images over nothing or over old files: what it makes, how long it takes."""

    def __init__(self, stock: Path, folder: Path, mode: str, over: str) -> None:
        self.args = ["pack", stock / "many", "out", *MODES[mode], "--force"]
        self._few = stock / "few"
        self._folder = folder
        (folder / "old").mkdir()
        self.old = self.next_run(folder / "old")
        self.before = self.old if over == "old" else {}
        begin = time.monotonic()
        with Started(*self.args, cwd=self.prepared("new")) as started:
            assert started.end()[0] == 0
        self.seconds = time.monotonic() - begin
        self.complete = files(folder / "new")
        assert list(self.complete) == ["out.idx", "out.lst", "out.rec"]

    def prepared(self, name: str) -> Path:
        """A folder with what was there before."""
        (self._folder / name).mkdir()
        for file, data in self.before.items():
            (self._folder / name / file).write_bytes(data)
        return self._folder / name

    def moments(self, count: int) -> Iterator[tuple[float, Path]]:
        """Random delays, up to a little more than a whole run takes, and a folder for each."""
        rng = random.Random(len(self.complete["out.rec"]) + len(self.before))
        for number in range(count):
            yield rng.uniform(0, 1.1 * self.seconds), self.prepared(str(number))

    def next_run(self, folder: Path) -> Files:
        """What is in a folder when something small has been packed there."""
        args = ["pack", self._few, folder / "out", "--pass-through", "--force"]
        result = CliRunner().invoke(main, list(map(str, args)))
        assert result.exit_code == 0, result.output
        return files(folder)


def unlocked(folder: Path) -> bool:
    """Whether no file is locked any more; a process may be gone a moment before its locks."""
    try:
        for path in folder.iterdir():
            with open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def check_whole(found: Files, before: Files, complete: Files) -> None:
    """All old or all new; or, where a kill came between two renames, each whole but no index."""
    if "out.idx" in found:
        assert found in (before, complete)
    elif found != before:
        for name, data in found.items():
            assert data in (before.get(name), complete[name])


@pytest.mark.parametrize("over", ["nothing", "old"])
@pytest.mark.parametrize("mode", MODES)
def test_killed_at_random_moments(stock: Path, tmp_path: Path, mode: str, over: str) -> None:
    pack = Pack(stock, tmp_path, mode, over)
    for delay, folder in pack.moments(16 if mode == "encoded" else 10):
        with Started(*pack.args, cwd=folder) as started:
            time.sleep(delay)
            os.kill(started.pid, signal.SIGKILL)
            status, _ = started.end()
        assert status in (0, -signal.SIGKILL)
        found = {name: data for name, data in files(folder).items() if name[0] != "."}
        check_whole(found, pack.before, pack.complete)
        assert status or found == pack.complete
        until(lambda folder=folder: unlocked(folder), "locked files")
        assert pack.next_run(folder) == pack.old
        shutil.rmtree(folder)


def by_itself(status: int, err: str, number: int) -> bool:
    """Whether Python itself was starting or had nearly ended when the signal came.

    Its own handler raises KeyboardInterrupt, and passes on if a callback of imports has hidden
    that; rectool's raises SystemExit.
    """
    if status == -number and ("packed" in err or not err):
        return True
    if "KeyboardInterrupt" not in err or "/rectool/cli/" in err:
        return False
    return status in (-number, 1) or (status == 0 and err.startswith("Exception ignored"))


@pytest.mark.parametrize("over", ["nothing", "old"])
@pytest.mark.parametrize(
    ("send", "number"),
    [(os.kill, signal.SIGINT), (os.kill, signal.SIGTERM), (os.killpg, signal.SIGINT)],
    ids=["SIGINT", "SIGTERM", "Ctrl-C"],
)
def test_stopped_at_random_moments(
    stock: Path, tmp_path: Path, send: Callable[[int, int], None], number: signal.Signals, over: str
) -> None:
    pack = Pack(stock, tmp_path, "encoded", over)
    for delay, folder in pack.moments(10):
        with Started(*pack.args, cwd=folder) as started:
            time.sleep(delay)
            send(started.pid, number)
            status, err = started.end()
        found = files(folder)
        shutil.rmtree(folder)
        if by_itself(status, err, number):
            assert found == (pack.complete if "packed" in err else pack.before)
            continue
        assert status in (0, 128 + number), err
        assert "Traceback" not in err
        assert "Aborted" not in err
        assert found == pack.complete if status == 0 else found in (pack.before, pack.complete)


STEPPER = """
import atexit, json, os, random, shutil, signal, sys
before, modules, number, most = sys.argv[1], sys.argv[2].split(","), *map(int, sys.argv[3:5])
args = sys.argv[5:]
import click, gc, tqdm, numpy
import rectool.cli, rectool.packing.pack_source, rectool.cli.report, rectool.listing.scan
from rectool.__main__ import run

def step(name, at):
    \"\"\"A run in a child process, with the signal at its so many-th line.\"\"\"
    shutil.copytree(before, name)
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.chdir(name)
    os.dup2(os.open("../" + name + ".stderr", os.O_CREAT | os.O_WRONLY), 2)
    lines = []
    def trace(frame, event, _):
        if event == "line":
            lines.append((frame.f_code.co_filename, frame.f_lineno))
            if len(lines) == at:
                sys.settrace(None)
                os.kill(os.getpid(), number)
        return trace
    def choose(frame, event, _):
        file = frame.f_code.co_filename
        return trace if any(module in file for module in modules) else None
    sys.argv = ["rectool", *args]
    sys.settrace(choose)
    try:
        run()
    except SystemExit as end:
        status = end.code
    finally:
        sys.settrace(None)
    if not at:
        json.dump(lines, open("../lines", "w"))
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status or 0)  # all else that Python does at its end takes longer than the run

def rindex(lines, line):
    return len(lines) - 1 - lines[::-1].index(line)

gc.freeze()  # else children would copy what they only look at
assert step("whole", 0) == 0
lines = [f"{os.path.basename(file)}:{line}" for file, line in json.load(open("lines"))]
ends = {at for line in set(lines) for at in (lines.index(line), rindex(lines, line))}
moments = random.Random(0).sample(sorted(ends), min(len(ends), most))
for at in sorted(moments):
    status = step(str(at), at + 1)
    print(json.dumps([str(at), lines[at], status]), flush=True)
"""


def steps(
    tmp_path: Path, before: Files, args: list[object], modules: str, number: int
) -> Iterator[tuple[str, str, int, Files]]:
    """Runs with a signal at one line after the other: the line, stderr, status and files."""
    (tmp_path / "before").mkdir()
    for name, data in before.items():
        (tmp_path / "before" / name).write_bytes(data)
    most = 400 if modules == WRITING and before else 60  # of writing over old files: all moments
    numbers = [str(int(number)), str(most)]
    command = [sys.executable, "-c", STEPPER, "before", modules, *numbers, *map(str, args)]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, timeout=100, check=True)
    for line in done.stdout.splitlines():
        name, where, status = json.loads(line)
        yield where, (tmp_path / f"{name}.stderr").read_text(), status, files(tmp_path / name)


COMMAND_LINE = "/click/,/rectool/cli/"
WRITING = "/rectool/system/atomic.py,/rectool/format/writer.py"


@pytest.mark.parametrize("over", ["nothing", "old"])
@pytest.mark.parametrize(
    ("number", "modules"),
    [
        (signal.SIGKILL, WRITING),
        (signal.SIGINT, WRITING),
        (signal.SIGTERM, WRITING),
        (signal.SIGINT, COMMAND_LINE),
        (signal.SIGTERM, COMMAND_LINE),
    ],
)
def test_a_signal_at_every_line(
    stock: Path, tmp_path: Path, number: signal.Signals, modules: str, over: str
) -> None:
    """The same, but with no moment left out: at lines of the code itself."""
    before: Files = {}
    if over == "old":
        (tmp_path / "old").mkdir()
        with Started(
            "pack", stock / "others", "out", "--pass-through", cwd=tmp_path / "old"
        ) as old:
            assert old.end()[0] == 0
        before = files(tmp_path / "old")
    args = ["pack", stock / "few", "out", "--pass-through", "--force"]
    wrong = []
    for where, err, status, found in steps(tmp_path, before, args, modules, number):
        complete = files(tmp_path / "whole")
        if number == signal.SIGKILL:
            check_whole({name: found[name] for name in found if name[0] != "."}, before, complete)
            continue
        stopped = (128 + number, -signal.SIGTERM) if number == signal.SIGTERM else (128 + number,)
        whole = found == complete if status == 0 else found in (before, complete)
        if not (status in (0, *stopped) and whole and "Traceback" not in err):
            wrong.append((where, status, list(found), err))
    assert not wrong, wrong[:9]


WRAPPED = """
import signal, sys
import rectool.inspection.rows_and_summary
from rectool.__main__ import run

def importing(_):
    try:
        signal.raise_signal(int(sys.argv.pop()))
    except BaseException as error:
        raise RuntimeError("Error calling __set_name__") from error

rectool.inspection.rows_and_summary.Records = importing
sys.argv[1:1] = ["inspect", "x.rec"]
run()
"""


CALLED_BACK = """
import signal, sys, weakref
import rectool.inspection.rows_and_summary
from rectool.__main__ import run

class Anything:
    pass

def looked_at(_):
    anything = Anything()
    weakref.finalize(anything, signal.raise_signal, int(sys.argv.pop()))
    del anything
    raise ValueError("of what was interrupted")

rectool.inspection.rows_and_summary.Records = looked_at
sys.argv[1:1] = ["inspect", "x.rec"]
run()
"""


AT_THE_END = """
import signal, sys, weakref
from rectool.__main__ import run
from rectool.cli.main import main

class Anything:
    pass

number = int(sys.argv.pop())

@main.command()
def last():
    weakref.finalize(Anything(), signal.raise_signal, number)

sys.argv[1:] = ["last"]
run()
"""
AT_AN_EXIT = AT_THE_END.replace(
    "\n\nsys.argv", "\n    click.get_current_context().exit(0)\n\nsys.argv"
).replace("import ", "import click, ", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "code",
    [WRAPPED, CALLED_BACK, AT_THE_END, AT_AN_EXIT],
    ids=["a class", "a callback", "the end", "an exit"],
)
def test_a_signal_where_python_loses_it(tmp_path: Path, code: str, number: signal.Signals) -> None:
    """Until 3.12 it makes a RuntimeError of what is raised in a __set_name__; of what is in a
    callback it only says that it could not raise it.
    """
    command = [sys.executable, "-c", code, str(int(number))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number
    for said in ("internal error", "Traceback", "Exception ignored"):
        assert said not in done.stderr
