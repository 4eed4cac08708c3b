"""An ordered map over worker processes that neither hangs nor loses anything.

Results come in the order of the tasks. The work in flight is bounded, also where one task takes
long. A worker that dies is an error that names its tasks; when the parent goes away, however it
does, its workers go too.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Generic, TypeVar

from .malloc import keep_freed_memory
from .signals import STOPPING, uninterrupted

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 2  # tasks a worker has at most: one at work, one waiting in its pipe
_WINDOW = 4  # tasks in flight a worker, finished ones that wait for their turn included


_TOO_FEW = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


class WorkerDiedError(Exception):
    """A worker process ended before its time; `tasks` are those it had, the first at work."""

    def __init__(self, exitcode: int | None, tasks: list[object]) -> None:
        super().__init__(exitcode, tasks)
        self.exitcode = exitcode
        self.tasks = tasks

    @property
    def how(self) -> str:
        """ "SIGKILL", or "status 3"."""
        code = self.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return signal.Signals(-code).name
        return f"status {code}"

    def __str__(self) -> str:
        ended = "was ended by" if self.how.startswith("SIG") else "ended with"
        return f"a worker process {ended} {self.how}"


class _Worker(Generic[Task]):
    def __init__(
        self,
        context: multiprocessing.context.BaseContext,
        function: Callable[[Task], object],
        prepare: Callable[[], None] | None,
        inherited: list[Connection],
    ) -> None:
        self.connection, other = context.Pipe()
        self.tasks: deque[tuple[int, Task]] = deque()
        forked = context.get_start_method() == "fork"
        to_close = [*inherited, self.connection] if forked else []
        self.process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(other, function, prepare, to_close), daemon=True
        )
        self.process.start()
        other.close()


def _serve(
    connection: Connection,
    function: Callable[[Task], object],
    prepare: Callable[[], None] | None,
    to_close: list[Connection],
) -> None:
    """The worker's loop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    warnings.simplefilter("ignore")  # what matters is in the results; the terminal is the parent's
    if sys.stderr is not None:  # else file 2 may be anything
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)  # C libraries write there: libpng does, whatever OpenCV is told
        sys.stderr = os.fdopen(null, "w")
    for inherited in to_close:
        inherited.close()
    keep_freed_memory()
    if prepare is not None:
        prepare()
    tasks: SimpleQueue[Task] = SimpleQueue()
    threading.Thread(target=_receive, args=(connection, tasks), daemon=True).start()
    with contextlib.suppress(OSError):  # the parent is gone
        while True:
            try:
                answer: tuple[object, Exception | None] = (function(tasks.get()), None)
            except Exception as error:  # noqa: BLE001 - raised again by the parent
                answer = (None, error)
            connection.send(answer)


def _receive(connection: Connection, tasks: SimpleQueue[Task]) -> None:
    """Takes tasks from the pipe at once, so that the parent never waits; ends with the parent."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(connection.recv())
    os._exit(1)


class Pool(Generic[Task, Result]):
    """`workers` processes that apply `function` (a picklable one) to tasks.

    Used in a `with` block; leaving it ends the processes. `start_method` is "fork", "forkserver"
    or "spawn", by default the platform's own. `prepare` is called in each process first.

    Raises OSError, saying what there is too little of, where they cannot be started.
    """

    def __init__(
        self,
        function: Callable[[Task], Result],
        workers: int,
        start_method: str | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        context = multiprocessing.get_context(start_method)
        self._workers: list[_Worker[Task]] = []
        if context.get_start_method() == "forkserver":
            from multiprocessing import forkserver  # noqa: PLC0415 - some systems have none

            forkserver.ensure_running()  # here, where signals are not blocked: it would keep that
        try:
            with uninterrupted():  # a fork would lose a signal, a worker has no handlers yet
                for _ in range(workers):
                    ends = [worker.connection for worker in self._workers]
                    self._workers.append(_Worker(context, function, prepare, ends))
        except BaseException as error:
            self.close()
            if isinstance(error, OSError) and error.errno in _TOO_FEW:
                raise OSError(error.errno, _too_few(workers, error)) from None
            raise

    def map(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """Results in the tasks' order. Raises what the function raised, or WorkerDiedError."""
        pending = enumerate(tasks)
        done: dict[int, tuple[Result, Exception | None]] = {}
        wanted = given = 0
        exhausted = False
        window = _WINDOW * len(self._workers)
        while True:
            while not exhausted and given - wanted < window:
                worker = min(self._workers, key=lambda worker: len(worker.tasks))
                if len(worker.tasks) >= _AHEAD:
                    break
                numbered = next(pending, None)
                if numbered is None:
                    exhausted = True
                    break
                self._give(worker, numbered)
                given += 1
            if wanted == given:
                return
            while wanted in done:
                result, error = done.pop(wanted)
                if error is not None:
                    raise error
                yield result
                wanted += 1
            if wanted < given and wanted not in done:
                self._collect(done)

    def _give(self, worker: _Worker[Task], numbered: tuple[int, Task]) -> None:
        worker.tasks.append(numbered)
        died = True
        with contextlib.suppress(OSError):
            worker.connection.send(numbered[1])
            died = False
        if died:  # here, where the error and the buffers in its traceback are gone
            raise self._died(worker)

    def _collect(self, done: dict[int, tuple[Result, Exception | None]]) -> None:
        """Takes what workers have finished, waiting for one at least."""
        busy = [worker for worker in self._workers if worker.tasks]
        ready = wait(
            [end for worker in busy for end in (worker.connection, worker.process.sentinel)]
        )
        for worker in busy:
            if worker.connection in ready:
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):  # the latter in the middle of a message
                    raise self._died(worker) from None
                number, _ = worker.tasks.popleft()
                done[number] = answer
            elif worker.process.sentinel in ready:
                raise self._died(worker)

    def _died(self, worker: _Worker[Task]) -> WorkerDiedError:
        worker.process.join(10)  # it has let go of its pipe, and ends as soon as it is its turn
        return WorkerDiedError(worker.process.exitcode, [task for _, task in worker.tasks])

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()  # nothing is lost with them; SIGTERM could be, while they start
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
            worker.process.close()
        self._workers.clear()

    def __enter__(self) -> Pool[Task, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _too_few(workers: int, error: OSError) -> str:
    reason = f"{workers} worker processes cannot be started: {error.strerror}"
    if error.errno == errno.EMFILE:
        with contextlib.suppress(ImportError):  # Windows has none
            import resource  # noqa: PLC0415

            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            return f"{reason}; the limit is {limit} (ulimit -n), and fewer workers need less"
    return f"{reason}; fewer workers need less"
