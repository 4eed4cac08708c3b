"""Mutants: damaged inputs made from a seed, tried in forked processes that may crash or hang.

An `Area` makes one mutant from a random generator, runs commands or readers over it and says what
is wrong. Nothing that a mutant does ends the run: a process that dies, hangs or takes too much
memory is a problem of the mutant that it was at, and the next process goes on behind it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 20  # a mutant may take; the slowest takes 2
MEMORY = 500 << 20
BAD_WORDS = ("Traceback", "internal error", "Warning:", "Exception ignored")


class Said(NamedTuple):
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str


@dataclass
class Trial:
    """One mutant while it is tried: a folder of its own, and the problems found so far."""

    folder: Path
    rng: random.Random
    kind: str = ""
    at: str = "library"
    """What it is at: a command, or the name of a reader."""
    problems: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        self.problems.append(f"{self.at}: {text[:600]}")

    def check(self, right: object, text: str) -> None:
        if not right:
            self.problem(text)

    def path(self, name: str, data: bytes | str) -> Path:
        """A new file in the trial's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def rectool(self, *args: object) -> Said:
        """Runs the command here, in the trial's folder. It must end with 0, or 1 and a reason."""
        from rectool.cli.main import main

        words = list(map(str, args))
        self.at = " ".join(["rectool", *words])
        for stream in (1, 2):
            os.ftruncate(stream, 0)
            os.lseek(stream, 0, os.SEEK_SET)
        status: Any = None
        try:
            main(words, prog_name="rectool")
        except SystemExit as ended:
            status = 0 if ended.code is None else ended.code
        except BaseException as error:  # noqa: BLE001 - that is what is looked for
            self.problem(f"raised {type(error).__name__}: {error}")
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = (_content(stream) for stream in (1, 2))
        self.check(status in (0, 1), f"status {status}: {err[-300:]}")
        self.check(status == 0 or err.strip(), "no reason given")
        for word in BAD_WORDS:
            self.check(word not in err, f"says: {err[-500:]}")
        return Said(status, out, err)

    def raises_only(self, kinds: tuple[type[Exception], ...], what: str) -> Refused:
        return Refused(self, kinds, what)


class Refused:
    """A block whose errors of some kinds are right: `error` has them. Others are a problem."""

    def __init__(self, trial: Trial, kinds: tuple[type[Exception], ...], what: str) -> None:
        self._trial, self._kinds, self._what = trial, kinds, what
        self.error: BaseException | None = None

    def __enter__(self) -> Refused:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        self.error = error
        if error is not None and not isinstance(error, self._kinds):
            self._trial.problem(f"{self._what} raised {type(error).__name__}: {error}")
        return isinstance(error, Exception)


def _content(stream: int) -> str:
    return os.pread(stream, 1 << 20, 0).decode(errors="backslashreplace")


@dataclass
class Area:
    """A kind of input: `try_one` makes and tries a mutant of it."""

    name: str
    try_one: Callable[[Trial], None]


class Failure(NamedTuple):
    area: str
    number: int
    kind: str
    problems: list[str]

    def __str__(self) -> str:
        return "\n    ".join([
            f"{self.area} {self.number} ({self.kind}), again with"
            f" RECTOOL_FUZZ={self.area}:{self.number} python -m pytest -m fuzz"
            " tests/fuzz/test_fuzz.py",
            *self.problems,
        ])  # fmt: skip


def trial_of(area: Area, number: int, folder: Path) -> Trial:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chdir(folder)
    return Trial(folder, random.Random(f"{area.name} {number}"))


def try_all(
    area: Area, numbers: Sequence[int], folder: Path, processes: int
) -> tuple[Counter[str], list[Failure]]:
    """Tries these mutants. Returns how many there were of each kind, and what failed."""
    folder.mkdir(parents=True, exist_ok=True)
    lanes = [_Lane(area, numbers[first::processes], folder / str(first))
             for first in range(processes)]  # fmt: skip
    while any(lane.left for lane in lanes):
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.wait()
    kinds: Counter[str] = Counter()
    failures: list[Failure] = []
    for lane in lanes:
        kinds += lane.kinds
        failures += lane.failures
    return kinds, failures


class _Lane:
    """Mutants that are tried one after the other, by one process as long as it lives."""

    def __init__(self, area: Area, numbers: Sequence[int], folder: Path) -> None:
        self._area, self._folder = area, folder
        self.left = list(numbers)
        self.kinds: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self._log = folder.with_suffix(".log")
        self._pid = 0

    def start(self) -> None:
        if not self.left:
            return
        self._log.write_bytes(b"")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forking with threads, where there are any
            self._pid = os.fork()
        if not self._pid:
            try:
                _serve(self._area, self.left, self._folder, self._log)
            finally:
                os._exit(70)

    def wait(self) -> None:
        if not self._pid:
            return
        _, status = os.waitpid(self._pid, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)  # its workers
        self._pid = 0
        lines = self._log.read_text().splitlines()
        done = [json.loads(line) for line in lines if line.startswith("{")]
        for one in done:
            self.kinds[one["kind"]] += 1
            if one["problems"]:
                self._fail(one["number"], one["kind"], one["problems"])
        self.left = self.left[len(done) :]
        if self.left and status:
            trace = [line for line in lines if not line.startswith("{")][:12]
            how = "hung" if trace and "Timeout" in trace[0] else f"ended by {status}"
            self._fail(self.left.pop(0), "?", [f"the process {how}", *trace])

    def _fail(self, number: int, kind: str, problems: list[str]) -> None:
        self.failures.append(Failure(self._area.name, number, kind, problems))


def _serve(area: Area, numbers: Sequence[int], folder: Path, log: Path) -> None:
    """A process's work: a line of JSON in the log for each mutant, as soon as it is done."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    warnings.resetwarnings()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (_virtual_size() + (2 << 30), limit))
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    faulthandler.enable(out)
    _own_streams(folder)
    for number in numbers:
        faulthandler.dump_traceback_later(SECONDS, exit=True, file=out)
        trial = trial_of(area, number, folder)
        with trial.raises_only((), "the trial itself"):
            area.try_one(trial)
        faulthandler.cancel_dump_traceback_later()
        peak = _peak()
        trial.check(peak < MEMORY, f"took {peak >> 20} MB")
        about = {"number": number, "kind": trial.kind, "problems": trial.problems}
        os.write(out, (json.dumps(about) + "\n").encode())
        if peak >= MEMORY:
            break
    os._exit(0)


def _own_streams(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(
            os.open(folder.with_suffix(f".{name}"), os.O_RDWR | os.O_CREAT | os.O_APPEND), stream
        )
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False))
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(os.fdopen(stream, "wb", closefd=False), line_buffering=True,
                         errors="backslashreplace")
        for stream in (1, 2)
    )  # fmt: skip


def _virtual_size() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _peak() -> int:
    """The most memory that this process or one of its workers took, in bytes; on Linux."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(one).ru_maxrss for one in who) << 10
