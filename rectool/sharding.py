"""A set of shards, `OUT-00000-of-000NN.rec` and `.idx` each, which a stopped run can go on with.

Shards that are finished wait in the folder `.OUT.shards` beside OUT, with a file that says what
they belong to. When the last is there, all get their names; `OUT.shards.json`, written last, keeps
what was said of them. So the set appears whole, and what was there before stays until then.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any

from .format import (
    Output,
    RecordError,
    RecordWriter,
    StrPath,
    parse_shard_name,
    plural,
    publish,
    shard_name,
    shown,
    sync_folder,
)

_STATE = "state.json"
_FRAME = 11  # bytes that a record's frame adds at most, where it needs no cutting


@dataclass(frozen=True)
class Sharding:
    """How a set is divided: into `count` shards of as many samples each, give or take one; or into
    as many as it takes for `.rec` files of `size` bytes at most (a larger record has its own).

    `resume` keeps whole shards that a stopped run, or a whole one, made of the same source with
    the same options.
    """

    count: int | None = None
    size: int | None = None
    resume: bool = False


@dataclass
class Shard:
    """A finished shard: the samples it is made of, what it holds, and the samples it lacks."""

    begin: int
    end: int
    records: int
    bytes: int
    idx_bytes: int
    failures: list[list[Any]] = field(default_factory=list)


class ShardWriter:
    """Takes the records of samples in order, and puts them into shards.

    `parts` are the positions still to be packed: all, but those in shards that are kept. `kept` are
    these shards. Raises FileExistsError where shards of this name exist, and RecordError where a
    stopped run's would be lost, unless `force` is given; RecordError where `resume` meets shards of
    another `identity`, or another process is at work on the set.
    """

    def __init__(
        self,
        prefix: str,
        samples: int,
        sharding: Sharding,
        identity: dict[str, str],
        *,
        force: bool = False,
    ) -> None:
        self._prefix = prefix
        self._sharding = sharding
        self._identity = identity
        self._staging = _staging(prefix)
        self._done: dict[int, Shard] = {}
        self._publishing = False
        if sharding.count is not None and sharding.count > samples:
            raise RecordError(f"{sharding.count} shards of {plural(samples, 'sample')}")
        self._manifest = Output(prefix + ".shards.json", force=True)  # and so locked
        try:
            self._known = self._begin(force=force)
        except BaseException:
            self._manifest.discard()
            raise
        self.kept = [self._done[number] for number in sorted(self._done)]
        plan = self._plan(samples)
        self._plan_left = iter(plan)
        self.parts = [part for _, part, _ in plan]
        self._part = range(0)
        self._number = 0
        self._fixed = True
        self._writer: RecordWriter | None = None
        self._begun = 0
        self._failures: list[list[Any]] = []

    def _begin(self, *, force: bool) -> dict[int, Shard]:
        """Takes up what there is, or starts anew; returns all shards that were ever finished."""
        resume = self._sharding.resume
        staged = _load(os.path.join(self._staging, _STATE))
        state = (staged or _load(self._manifest.path)) if resume else None
        if not force and not (state and state["publishing"]):
            for path in _shards_of(self._prefix):
                raise FileExistsError(errno.EEXIST, "exists already", path)
        if staged and staged["shards"] and not force and not resume:
            raise RecordError(
                f"holds {plural(len(staged['shards']), 'shard')} that a stopped run finished;"
                " --resume goes on with them, --force starts anew",
                path=self._staging,
            )
        if state is None:
            shutil.rmtree(self._staging, ignore_errors=True)
        os.makedirs(self._staging, exist_ok=True)
        return {} if state is None else self._take_up(state)

    def _take_up(self, state: dict[str, Any]) -> dict[int, Shard]:
        before = state["identity"]
        others = [name for name, value in self._identity.items() if before.get(name) != value]
        if others:
            raise RecordError(
                f"other {' and '.join(others)} than in the run that --resume would go on with; give"
                " what was given then, or --force without --resume to start anew",
                path=self._prefix,
            )
        self._publishing = state["publishing"]
        known = {int(number): Shard(**shard) for number, shard in state["shards"].items()}
        self._done = {
            number: shard
            for number, shard in known.items()
            if self._whole(self._staged(number), self._named(number, len(known)), shard)
        }
        return known

    def _plan(self, samples: int) -> list[tuple[int, range, bool]]:
        """The shards to be made: number, positions, and whether these or only as many as fit."""
        count = self._sharding.count
        if count is None:
            ranges = [range(shard.begin, shard.end) for _, shard in sorted(self._known.items())]
        else:
            bounds = [samples * number // count for number in range(count + 1)]
            ranges = [range(*bounds[number : number + 2]) for number in range(count)]
        plan = [(at, part, True) for at, part in enumerate(ranges) if at not in self._done]
        end = ranges[-1].stop if ranges else 0
        if end < samples:
            plan.append((len(ranges), range(end, samples), False))
        return plan

    def _staged(self, number: int) -> str:
        return os.path.join(self._staging, f"{number:05d}.rec")

    def _named(self, number: int, count: int) -> str:
        return shard_name(self._prefix, number, count)

    def _whole(self, staged: str, named: str, shard: Shard) -> bool:
        """Whether both files are there, each under one of its names."""
        places = (staged, named) if self._publishing else (staged,)
        return shard.bytes in map(_size, places) and shard.idx_bytes in map(
            _size, map(_idx, places)
        )

    def add(self, position: int, key: int, record: bytes) -> None:
        """Writes a record. Raises LimitError for one that is too large."""
        writer = self._writer_at(position)
        limit = 0 if self._fixed else self._sharding.size or 0
        if limit and len(writer) and writer.tell() + len(record) + _FRAME > limit:
            self._finish(writer, position)
            self._number += 1
            writer = self._start(position)
        writer.write(record, key)

    def lack(self, position: int, failure: Sequence[Any]) -> None:
        """Notes that a sample gave no record."""
        self._writer_at(position)
        self._failures.append(list(failure))

    def _writer_at(self, position: int) -> RecordWriter:
        if self._writer is not None:
            if position in self._part:
                return self._writer
            self._finish(self._writer, self._part.stop)
        self._number, self._part, self._fixed = next(self._plan_left)
        return self._start(position)

    def _start(self, position: int) -> RecordWriter:
        self._begun = position
        self._failures = []
        self._writer = RecordWriter(self._staged(self._number), force=True)
        return self._writer

    def _finish(self, writer: RecordWriter, end: int) -> None:
        size, records = writer.tell(), len(writer)
        writer.close()
        self._writer = None
        idx_size = os.path.getsize(_idx(writer.path))
        shard = Shard(self._begun, end, records, size, idx_size, self._failures)
        self._done[self._number] = self._known[self._number] = shard
        self._save()

    def _save(self) -> None:
        with Output(os.path.join(self._staging, _STATE), force=True) as output:
            output.write(self._state())

    def _state(self) -> bytes:
        state = {
            "identity": self._identity,
            "publishing": self._publishing,
            "shards": {number: asdict(shard) for number, shard in self._known.items()},
        }
        return json.dumps(state, indent=1).encode("utf-8") + b"\n"

    @property
    def records(self) -> int:
        begun = len(self._writer) if self._writer is not None else 0
        return begun + sum(shard.records for shard in self._done.values())

    @property
    def bytes(self) -> int:
        return sum(shard.bytes for shard in self._done.values())

    def publish(self, *others: Output) -> tuple[str, ...]:
        """Gives all shards their names, and publishes `others` with them; returns the `.rec`s."""
        if self._writer is not None:
            self._finish(self._writer, self._part.stop)
        self._publishing = True
        self._save()
        count = len(self._done)
        names = {self._staged(at): self._named(at, count) for at in range(count)}
        for staged in filter(os.path.exists, names):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_idx(names[staged]))  # never beside records that are not its own
        for change in (os.fspath, _idx):
            for staged in filter(os.path.exists, map(change, names)):
                os.replace(staged, change(names[_rec(staged)]))
        for path in _shards_of(self._prefix):
            if _rec(path) not in names.values():
                os.unlink(path)
        sync_folder(os.path.dirname(self._prefix) or ".")
        self._manifest.write(self._state())
        publish([*others, self._manifest])
        shutil.rmtree(self._staging, ignore_errors=True)
        return tuple(names.values())

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.discard()
        if kind is not None and not self._known:
            shutil.rmtree(self._staging, ignore_errors=True)
        self._manifest.discard()


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else -1


def _idx(rec: str) -> str:
    return rec.removesuffix(".rec") + ".idx"


def _rec(path: str) -> str:
    return path[: -len(".idx")] + ".rec"


def _staging(prefix: str) -> str:
    folder, name = os.path.split(prefix)
    return os.path.join(folder, f".{name}.shards")


def finished_shards(prefix: str) -> int:
    """How many shards of a set a stopped run has finished, for `resume` to go on with."""
    with contextlib.suppress(RecordError):
        state = _load(os.path.join(_staging(prefix), _STATE))
        return len(state["shards"]) if state else 0
    return 0


def _load(path: StrPath) -> dict[str, Any] | None:
    """What is known of a set of shards, or None where there is no such file."""
    try:
        with open(path, "rb") as file:
            state: dict[str, Any] = json.load(file)
            _ = state["identity"], state["publishing"], state["shards"]
            return state
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise RecordError(
            "not what rectool keeps of a set of shards; remove it", path=path
        ) from None


def _shards_of(prefix: str) -> Iterator[str]:
    """The files there are that bear the names of this prefix's shards."""
    folder = os.path.dirname(prefix)
    for found in sorted(os.listdir(folder or ".")):
        path = os.path.join(folder, found)
        name = parse_shard_name(_rec(path)) if path.endswith((".rec", ".idx")) else None
        if name is not None and name.prefix == prefix:
            yield path


def parse_size(text: str) -> int:
    """Bytes of "500MB", "1.5G" or "64MiB". Raises ValueError."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if match is None or (match[3] and not match[2]):
        raise ValueError(f"{shown(text)}: expected a size such as 500MB, 1GB or 64MiB")
    power = " kmgt".index(match[2] or " ")
    size = int(float(match[1]) * (1024 if match[3] else 1000) ** power)
    if size < 1:
        raise ValueError(f"{shown(text)}: expected a size above 0")
    return size
