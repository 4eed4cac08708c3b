"""Running a tool as a whole process: its time, start-up included, and in another run its memory.

A tool that repeats its work writes the time of each pass into its only output; its memory is then
sampled during the first pass, which counts for nothing else.

CPU time is that of the process and of all its descendants that were waited for (the usage that
`os.wait4` gives). Memory is sampled from /proc while the tool runs, so in a run that is not timed;
that run also warms the page cache. A page that processes share counts in part for each (PSS), also
where one of them is none of the tool's; what comes and goes between two samples is not seen. Linux
only.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

INTERVAL = 0.02  # seconds between two samples of memory
ROLLUP = "smaps_rollup"
UNIT = "PSS" if Path("/proc/self", ROLLUP).exists() else "RSS"
_BYTES = 1024  # /proc counts in kB


@dataclass(frozen=True)
class Tool:
    """A command, the files it makes, and what is wrong with them (None: nothing)."""

    name: str
    command: Sequence[str | os.PathLike[str]]
    outputs: Sequence[Path]
    check: Callable[[], str | None]
    items: int
    env: dict[str, str] = field(default_factory=dict)

    def clean(self) -> None:
        for path in self.outputs:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Run:
    """Seconds that a run took."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Pass(Run):
    """One pass of a tool over its items, and what else it says of that."""

    items: int
    more: dict[str, float]


@dataclass(frozen=True)
class Peak:
    """The most memory at a time, in bytes: of the process and all its descendants; alone.

    `tree` is a sum of UNIT; `process` and `worker`, the largest of the descendants, are the
    kernel's own high-water marks of RSS.
    """

    tree: int
    process: int
    worker: int
    samples: int


_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


class FailedError(Exception):
    """A tool that failed, or made something else than it should have."""


def timed(tool: Tool) -> Run:
    """Runs the tool and checks what it made."""
    with _started(tool) as (process, started):
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    return Run(wall, usage.ru_utime + usage.ru_stime)


def sampled(tool: Tool) -> Peak:
    """Runs the tool, watching its memory, and checks what it made."""
    with _started(tool) as (process, _):
        return _watched(process, lambda: False)


def repeated(tool: Tool, *, warm_up: bool) -> tuple[list[Pass], Peak | None]:
    """Runs a tool that times its passes itself; with a warm-up, watches its memory during that."""
    (out,) = tool.outputs
    peak = None
    with _started(tool) as (process, _):
        if warm_up:
            peak = _watched(process, out.exists)
        process.wait()
        lines = out.read_text().splitlines() if out.exists() else []
    passes = [Pass(**json.loads(line)) for line in lines]
    if len(passes) <= warm_up or any(found.items != tool.items for found in passes):
        raise FailedError(f"passes over {[found.items for found in passes]} of {tool.items} items")
    return passes[warm_up:], peak


def _watched(process: subprocess.Popen[bytes], enough: Callable[[], bool]) -> Peak:
    """The most memory of a process and its descendants until it ends, or that is enough."""
    tree = samples = 0
    marks: dict[int, int] = {}
    while process.poll() is None and not enough():
        members = session(process.pid)
        tree = max(tree, sum(map(_memory, members)))
        for pid in members:
            mark = kilobytes(f"/proc/{pid}/status", "VmHWM:")
            marks[pid] = max(mark, marks.get(pid, 0))
        samples += 1
        time.sleep(INTERVAL)
    alone = marks.pop(process.pid, 0)
    return Peak(tree, alone, max(marks.values(), default=0), samples)


@contextlib.contextmanager
def _started(tool: Tool) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The tool's process, in a session of its own, and when it began; the block waits for it."""
    tool.clean()
    os.sync()  # nobody is to wait for what another wrote
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(tool.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**_environment(), **tool.env},
            start_new_session=True,
        )
        try:
            yield process, started
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            tool.clean()
            raise
        wrong = _ending(process.returncode, log) or _checked(tool)
    tool.clean()
    if wrong:
        raise FailedError(wrong)


def _environment() -> dict[str, str]:
    """As where all was installed: compiled modules are kept."""
    return {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}


def _ending(status: int, log: IO[bytes]) -> str | None:
    if status == 0:
        return None
    log.seek(0)
    lines = log.read().decode(errors="backslashreplace").split("\n")
    said = [line for line in lines if line.strip()][-8:]
    sys.stderr.writelines(f"    {line}\n" for line in said)
    return f"exit status {status}: {said[-1].strip() if said else 'nothing said'}"


def _checked(tool: Tool) -> str | None:
    try:
        return tool.check()
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def session(leader: int) -> list[int]:
    """The processes of a session: a process that began one, and all its descendants."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                state, _, _, session = file.read().rpartition(") ")[2].split()[:4]
                if int(session) == leader and state != "Z":
                    found.append(int(name))
    return found


def _memory(pid: int) -> int:
    if UNIT == "PSS":
        return kilobytes(f"/proc/{pid}/{ROLLUP}", "Pss:")
    return kilobytes(f"/proc/{pid}/status", "VmRSS:")


def kilobytes(path: str, name: str) -> int:
    """A line of a file of /proc, in bytes; 0 where the process is gone."""
    with contextlib.suppress(OSError), open(path) as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) * _BYTES
    return 0
