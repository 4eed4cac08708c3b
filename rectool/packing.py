"""A source into a `.rec` and its `.idx`, or into a set of shards."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .format import (
    ImageError,
    LimitError,
    ListError,
    Output,
    RecordError,
    RecordWriter,
    StrPath,
    plural,
    shown,
)
from .sources import Copy, Files, Maker, Place, Source, Treatment

if TYPE_CHECKING:
    from .pool import Pool, WorkerDiedError
    from .sharding import Shard, Sharding, ShardWriter

_CHUNK = 8  # samples a task: little enough for even ends, enough that passing them costs nothing

OnError = Literal["report", "fail", "skip"]


class Failure(NamedTuple):
    """An image or record that was not packed: key, file, line of the list or byte offset, why."""

    key: int
    path: str
    line: int | None
    offset: int | None
    reason: str


@dataclass(frozen=True)
class PackResult:
    """What `pack_images` did: the files it wrote, and `failures` in the order of the source.

    `images` and `bytes` count what is in the `.rec` files, `seconds` includes the start of workers.
    Of a set of shards (`sharded`) `kept` were there from a run before.
    """

    recs: tuple[str, ...]
    lst: str | None
    images: int
    bytes: int
    seconds: float
    failures: tuple[Failure, ...]
    sharded: bool
    kept: int


Result = bytes | str
"""A sample's record, or the reason why there is none."""


@dataclass(frozen=True)
class _Job:
    """What workers do: some samples at a time into results."""

    make: Maker

    def __call__(self, samples: list[Any]) -> list[Result]:
        results: list[Result] = []
        for sample in samples:
            try:
                results.append(self.make(sample))
            except RecordError as error:
                results.append(error.message)
            except OSError as error:
                results.append(error.strerror or str(error))
            except ValueError as error:
                results.append(str(error))
            except MemoryError:
                results.append("too large for this machine's memory")
        return results


def outputs_of(out: StrPath) -> tuple[str, str, str]:
    """The paths of `.rec`, `.idx` and `.lst` for an output named with or without `.rec`."""
    prefix = os.fspath(out)
    if prefix.lower().endswith(".rec"):
        prefix = prefix[:-4]
    if not os.path.basename(prefix):
        raise IsADirectoryError(errno.EISDIR, "a folder; name a file in it", os.fspath(out))
    return prefix + ".rec", prefix + ".idx", prefix + ".lst"


def usual_workers(treatment: Treatment) -> int:
    """A worker for each core this process may use; one where bytes are only copied."""
    if _only_copies(treatment):
        return 1
    with contextlib.suppress(AttributeError):  # not everywhere
        return len(os.sched_getaffinity(0))
    return min(os.cpu_count() or 1, 30)  # Windows waits for 63 handles at most, two a worker


def _only_copies(treatment: Treatment) -> bool:
    return treatment in (Copy("nothing"), Copy("end"))


def pack_images(
    source: Source,
    out: StrPath,
    treatment: Treatment,
    *,
    sharding: Sharding | None = None,
    workers: int | None = None,
    on_error: OnError = "report",
    with_list: bool = False,
    force: bool = False,
    on_failure: Callable[[Failure], None] = lambda failure: None,
    on_progress: Callable[[int], None] = lambda images: None,
    start_method: str | None = None,
) -> PackResult:
    """Writes OUT.rec and OUT.idx, a record for each sample of the source, in its order.

    With `sharding` it is the set of shards OUT-00000-of-000NN.rec and .idx. `with_list` writes the
    list of a source that is Files to OUT.lst too. The bytes written do not depend on `workers`, by
    default `usual_workers`; `start_method` is that of `multiprocessing`.

    A sample that cannot be packed, or ends the worker process that has it, even alone, goes to
    `on_failure` and into the result, in the source's order; with `on_error` "fail" the first one is
    raised as ImageError. `on_progress` is called after each sample with the number of all. Nothing
    appears under the outputs' names unless this returns.

    Raises ListError for an empty source; RecordError where nothing could be packed, a worker
    process died for no reason of its own, or shards cannot be resumed; FileExistsError and OSError
    as RecordWriter does.
    """
    if not len(source):
        raise ListError("nothing to pack", path=source.name)
    started = time.monotonic()
    rec, idx, lst = outputs_of(out)
    failures: list[Failure] = []

    def fail(failure: Failure) -> None:
        if on_error == "fail":
            raise ImageError(failure.reason, path=failure.path, offset=failure.offset)
        failures.append(failure)
        on_failure(failure)

    with contextlib.ExitStack() as stack:
        shards: _OneFile | ShardWriter
        if sharding is None:
            shards = stack.enter_context(_OneFile(rec, idx, len(source), force=force))
        else:
            from .sharding import ShardWriter  # noqa: PLC0415 - most packs are one file

            known = {**source.identity(), "options of images": repr(treatment)}
            known["--shards or --shard-size"] = f"{sharding.count} {sharding.size}"
            prefix = rec.removesuffix(".rec")
            shards = stack.enter_context(
                ShardWriter(prefix, len(source), sharding, known, force=force)
            )
        beside: list[Output] = []
        if with_list and isinstance(source, Files):
            may_replace = force or (sharding is not None and sharding.resume)
            beside.append(stack.enter_context(Output(lst, force=may_replace)))
            beside[0].write(source.images.contents())
        for shard in shards.kept:
            for fields in shard.failures:
                fail(Failure(*fields))
        run = _Run(source, treatment, workers or usual_workers(treatment), start_method)
        results = stack.enter_context(contextlib.closing(run.results(shards.parts)))
        for wanted, (position, result) in zip(chain(*shards.parts), results, strict=True):
            if position != wanted:
                raise RuntimeError(f"sample {position} where {wanted} should be")
            key = int(source.keys[position])
            reason = _add(shards, position, key, result)
            if reason is not None:
                failure = Failure(key, *source.place(position), reason)
                shards.lack(position, failure)
                fail(failure)
            on_progress(len(source))
        if not shards.records:
            raise RecordError(f"none of {plural(len(source), source.noun)} could be packed")
        recs = shards.publish(*beside)
    return PackResult(
        recs,
        lst if beside else None,
        shards.records,
        shards.bytes,
        time.monotonic() - started,
        tuple(failures),
        sharding is not None,
        len(shards.kept),
    )


class _OneFile:
    """What ShardWriter is for several files."""

    def __init__(self, rec: str, idx: str, samples: int, *, force: bool) -> None:
        self._writer = RecordWriter(rec, idx=idx, force=force)
        self.parts = [range(samples)]
        self.kept: list[Shard] = []
        self.bytes = 0

    @property
    def records(self) -> int:
        return len(self._writer)

    def add(self, position: int, key: int, record: bytes) -> None:
        self._writer.write(record, key)

    def lack(self, position: int, failure: Failure) -> None: ...

    def publish(self, *others: Output) -> tuple[str, ...]:
        self.bytes = self._writer.tell()
        self._writer.close(*others)
        return (self._writer.path,)

    def __enter__(self) -> _OneFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.discard()


def _add(shards: _OneFile | ShardWriter, position: int, key: int, result: Result) -> str | None:
    """Writes a record; or returns why there is none."""
    if isinstance(result, str):
        return result
    try:
        shards.add(position, key, result)
    except LimitError as error:
        return error.message
    return None


def _place_text(place: Place) -> str:
    at = "" if place.offset is None else f" at byte {place.offset}"
    return shown(place.path) + at


@dataclass
class _Run:
    """Samples into results, in order, by worker processes or in this one."""

    source: Source
    treatment: Treatment
    workers: int
    start_method: str | None

    def results(self, parts: list[range]) -> Generator[tuple[int, Result]]:
        """Positions of these parts, one after the other, each with its result."""
        job = _Job(self.source.maker(self.treatment))
        chunks = (part[at : at + _CHUNK] for part in parts for at in range(0, len(part), _CHUNK))
        if self.workers == 1 and _only_copies(self.treatment):  # no decoder runs
            for chunk in chunks:
                yield from zip(chunk, job(self.source.samples(chunk)), strict=True)
            return
        busy = min(self.workers, -(-sum(map(len, parts)) // _CHUNK)) or 1
        yield from _InPool(self.source, job, busy, self.start_method).results(chunks)


class _InPool:
    """Results by a pool; a new one where a sample ends a worker's process."""

    def __init__(self, source: Source, job: _Job, workers: int, start_method: str | None) -> None:
        self._source = source
        self._job = job
        self._start_method = start_method
        self._workers = workers
        self._given: deque[tuple[range, list[Any]]] = deque()
        self._deadly: dict[int, str] = {}

    def results(self, chunks: Iterator[range]) -> Iterator[tuple[int, Result]]:
        from .pool import WorkerDiedError  # noqa: PLC0415 - not needed where bytes are copied

        left = chunks
        while True:
            left = chain([chunk for chunk, _ in self._given], left)
            self._given.clear()
            try:
                with self._new_pool(self._workers) as pool:
                    for results in pool.map(self._tasks(left)):
                        yield from self._merged(self._given.popleft()[0], results)
                return
            except WorkerDiedError as error:
                death = error
            self._find_deadly(death)

    def _new_pool(self, workers: int) -> Pool[list[Any], list[Result]]:
        from .pool import Pool  # noqa: PLC0415

        return Pool(self._job, workers, self._start_method)

    def _tasks(self, chunks: Iterable[range]) -> Iterator[list[Any]]:
        for chunk in chunks:
            samples = self._source.samples(chunk)
            if self._deadly:
                pairs = zip(chunk, samples, strict=True)
                samples = [sample for at, sample in pairs if at not in self._deadly]
            self._given.append((chunk, samples))
            yield samples

    def _merged(self, chunk: range, results: list[Result]) -> Iterator[tuple[int, Result]]:
        made = iter(results)
        for position in chunk:
            deadly = self._deadly.get(position)
            yield position, next(made) if deadly is None else deadly

    def _check_workers(self, death: WorkerDiedError) -> None:
        """Raises RecordError where a worker ends even without work: then no sample is to blame."""
        from .pool import WorkerDiedError  # noqa: PLC0415

        try:
            with self._new_pool(1) as pool:
                list(pool.map([[]]))
        except WorkerDiedError:
            hint = "does the program start it under if __name__ == '__main__'?"
            raise RecordError(f"{death}, and so does one without work; {hint}") from None

    def _find_deadly(self, death: WorkerDiedError) -> None:
        """Tries what the dead worker had, one by one. Raises RecordError where all is well now."""
        from .pool import WorkerDiedError  # noqa: PLC0415

        self._check_workers(death)
        chunk, samples = next(given for given in self._given if given[1] is death.tasks[0])
        positions = [at for at in chunk if at not in self._deadly]
        found = False
        for position, sample in zip(positions, samples, strict=True):
            try:
                with self._new_pool(1) as pool:
                    list(pool.map([[sample]]))
            except WorkerDiedError as error:
                self._deadly[position] = f"ends the process that decodes it ({error.how})"
                found = True
        if not found:
            paths = ", ".join(_place_text(self._source.place(at)) for at in positions)
            hint = ""
            if death.exitcode == -getattr(signal, "SIGKILL", 0):
                hint = " (out of memory? fewer --workers need less)"
            raise RecordError(f"{death}, at work on {paths}; nothing was written{hint}")
