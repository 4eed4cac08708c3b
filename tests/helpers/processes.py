"""Commands in processes of their own that tests stop, and what is left of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

Files = dict[str, bytes]
MARK = "RECTOOL_TEST_MARK"
PATIENCE = 60.0  # seconds until a test fails; nothing waits that long


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


MEASURED = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=2)
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measured(*args: object, cwd: Path) -> tuple[int, str, int]:
    """The command's status, stdout and stderr in one, and the most memory any process of it took.

    On Linux: bytes. A small process starts it, as what a program took at most begins with what the
    process that starts it has taken: that would be all of these tests.
    """
    command = [sys.executable, "-m", "rectool", *map(str, args)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    status, peak = map(int, done.stdout.split())
    return status, done.stderr, 1024 * peak


class Started:
    """A command that runs in a process group of its own, its processes known by their mark."""

    def __init__(self, *args: object, cwd: Path) -> None:
        self._mark = f"{MARK}={uuid.uuid4()}"
        self._log = cwd.parent / f"{cwd.name}.stderr"
        with open(self._log, "wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rectool", *map(str, args)],
                cwd=cwd,
                stderr=err,
                env={**os.environ, MARK: self._mark.partition("=")[2]},
                start_new_session=True,
            )
        self.pid = self._process.pid

    def alive(self) -> set[int]:
        """Its processes, itself and those that have lost their parent included."""
        return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._owns(entry)}

    def _owns(self, entry: Path) -> bool:
        with contextlib.suppress(OSError):
            about = fields(int(entry.name))
            if about[0] in "ZX" and int(about[17]) <= 1:  # ended, and so have its threads
                return False
            marked = self._mark.encode() in (entry / "environ").read_bytes()
            return marked or int(about[2]) == self.pid  # while it ends it has no environment
        return False

    def workers(self) -> list[int]:
        """Both workers, as soon as they are at work."""
        until(lambda: len(self.alive()) == 3, "no workers")
        workers = sorted(self.alive() - {self.pid})
        until(lambda: all(ticks(pid) >= 3 for pid in workers), "idle workers")
        return workers

    def end(self) -> tuple[int, str]:
        """Its status and stderr, when it has ended and nothing is left of it."""
        status = self._process.wait(PATIENCE)
        until(lambda: not self.alive(), "processes left over")
        return status, self._log.read_text()

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.alive():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def fields(pid: int) -> list[str]:
    """What /proc says of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def ticks(pid: int) -> int:
    """Hundredths of a second that a process has computed."""
    return int(fields(pid)[11])


def files(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
