"""Samples of a source into records, in order, by worker processes or in this one."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..errors import ImageError, RecordError, shown
from .source import Location, Maker, PackedSample, Source
from .transform import CopyBytes, Transform

if TYPE_CHECKING:
    from ..system.workers import Pool, WorkerDiedError

_CHUNK = 8  # samples a task at most: enough that passing them costs nothing
_TRIALS = 2  # deaths that a sample must cause alone: a worker may die for other reasons too
_TASKS = 16  # a worker at least, where there are so many samples: then all end at about one time

Result = PackedSample | RecordError | OSError | MemoryError
"""What was made of a sample; or why nothing was; or what ends the run."""


def _make_all(make: Maker, samples: list[Any]) -> list[Result]:
    """What workers do: some samples at a time into results."""
    results: list[Result] = []
    for sample in samples:
        try:
            results.append(make(sample))
        except RecordError as error:
            results.append(error.with_traceback(None))
        except (OSError, MemoryError) as error:  # the system's fault, not the sample's
            results += [error] * (len(samples) - len(results))
            break
    return results


def usual_workers(transform: Transform) -> int:
    """A worker for each core this process may use; one where bytes are only copied."""
    if _only_copies(transform):
        return 1
    with contextlib.suppress(AttributeError):  # not everywhere
        return len(os.sched_getaffinity(0))
    return min(os.cpu_count() or 1, 30)  # Windows waits for 63 handles at most, two a worker


def _only_copies(transform: Transform) -> bool:
    return isinstance(transform, CopyBytes) and transform.check != "pixels"


class Executor:
    """Samples into results, in order, by worker processes or in this one.

    Where a sample ends a worker's process, a new pool goes on.
    """

    def __init__(
        self, source: Source, transform: Transform, workers: int, start_method: str | None
    ) -> None:
        self._source, self._transform = source, transform
        self._workers, self._start_method = workers, start_method
        self._job = partial(_make_all, source.maker(transform))
        self._given: deque[tuple[range, list[Any]]] = deque()
        self._crashing: dict[int, ImageError] = {}

    def results(self, parts: list[range]) -> Generator[tuple[int, Result]]:
        """Positions of these parts, one after the other, each with its result."""
        samples = sum(map(len, parts))
        size = max(1, min(_CHUNK, samples // (_TASKS * self._workers)))
        chunks = (part[at : at + size] for part in parts for at in range(0, len(part), size))
        if self._workers == 1 and _only_copies(self._transform):  # no decoder runs
            for chunk in chunks:
                yield from zip(chunk, self._job(self._source.samples(chunk)), strict=True)
            return
        yield from self._in_pool(chunks, min(self._workers, -(-samples // size)) or 1)

    def _in_pool(self, chunks: Iterator[range], workers: int) -> Iterator[tuple[int, Result]]:
        from ..system.workers import WorkerDiedError  # noqa: PLC0415 - not needed where bytes are copied

        left = chunks
        while True:
            left = chain([chunk for chunk, _ in self._given], left)
            self._given.clear()
            try:
                with self._new_pool(workers) as pool:
                    for results in pool.map(self._tasks(left)):
                        yield from self._merged(self._given.popleft()[0], results)
                return
            except WorkerDiedError as error:
                death = error
            self._find_crashing(death)

    def _new_pool(self, workers: int) -> Pool[list[Any], list[Result]]:
        from ..system.workers import Pool  # noqa: PLC0415

        return Pool(self._job, workers, self._start_method, self._transform.prepare)

    def _tasks(self, chunks: Iterable[range]) -> Iterator[list[Any]]:
        for chunk in chunks:
            samples = self._source.samples(chunk)
            if self._crashing:
                pairs = zip(chunk, samples, strict=True)
                samples = [sample for at, sample in pairs if at not in self._crashing]
            self._given.append((chunk, samples))
            yield samples

    def _merged(self, chunk: range, results: list[Result]) -> Iterator[tuple[int, Result]]:
        made = iter(results)
        for position in chunk:
            crash = self._crashing.get(position)
            yield position, next(made) if crash is None else crash

    def _exit_reason(self, samples: list[Any]) -> str | None:
        """How a new worker ends that has only these samples, None where it does not."""
        from ..system.workers import WorkerDiedError  # noqa: PLC0415

        try:
            with self._new_pool(1) as pool:
                list(pool.map([samples]))
        except WorkerDiedError as error:
            return error.how
        return None

    def _find_crashing(self, death: WorkerDiedError) -> None:
        """Tries what the dead worker had, one by one. Raises RecordError where all is well now."""
        if self._exit_reason([]):  # then no sample is to blame
            hint = "does the program start it under if __name__ == '__main__'?"
            raise RecordError(f"{death}, and so does one without work; {hint}")
        chunk, samples = next(given for given in self._given if given[1] is death.tasks[0])
        positions = [at for at in chunk if at not in self._crashing]
        found = False
        for position, sample in zip(positions, samples, strict=True):
            ends = [self._exit_reason([sample]) for _ in range(_TRIALS)]
            if all(ends):
                reason = f"ends the process that decodes it ({ends[0]})"
                self._crashing[position] = ImageError(reason)
                found = True
        if not found:
            paths = ", ".join(_location_text(self._source.location(at)) for at in positions)
            hint = ""
            if death.exitcode == -getattr(signal, "SIGKILL", 0):
                hint = " (out of memory? fewer --workers need less)"
            raise RecordError(f"{death}, at work on {paths}; nothing was written{hint}")


def _location_text(location: Location) -> str:
    at = "" if location.offset is None else f" at byte {location.offset}"
    return shown(location.path) + at
