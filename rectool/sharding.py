"""A set of shards, `OUT-00000-of-000NN.rec` and `.idx` each, which a stopped run can go on with.

Shards that are finished wait in the folder `.OUT.shards` beside OUT, with a file that says what
they belong to. When the last is there, all get their names; `OUT.shards.json`, written last, keeps
what was said of them. So the set appears whole, and what was there before stays until then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from .format import (
    AlignedWriter,
    Output,
    RecordError,
    parse_shard_name,
    pieces_of,
    plural,
    publish,
    shard_name,
    shown,
    sync_folder,
    uninterrupted,
)
from .shard_state import Shard, State
from .sources import Records

_STATE = "state.json"


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


class ShardWriter:
    """Takes the records of samples in order, and puts them into shards.

    `prefixes` are OUT, and of images with masks OUT_mask: each shard is then a file of each.
    `parts` are the positions still to be packed: all, but those in shards that are kept. `kept` are
    these shards. `sources` are files that are read meanwhile.

    Raises FileExistsError where shards of this name exist, and RecordError where a stopped run's
    would be lost, unless `force` is given; RecordError where `resume` meets shards of another
    `identity`, a source would be replaced, or another process is at work on the set.
    """

    def __init__(
        self,
        prefixes: Sequence[str],
        samples: int,
        sharding: Sharding,
        identity: dict[str, str],
        *,
        force: bool = False,
        sources: Sequence[str] = (),
    ) -> None:
        self._prefixes = prefixes
        self._prefix = prefix = prefixes[0]
        self._sharding = sharding
        self._force = force
        self._staging = _staging(prefix)
        self._writer: AlignedWriter | None = None
        self._manifest = Output(prefix + ".shards.json", force=True)  # and so locked
        try:
            self._check_sources(sources)
            self._state = self._begin(identity)
        except BaseException:
            self._manifest.discard()
            raise
        self._done = self._whole_shards()
        self.kept = [self._done[number] for number in sorted(self._done)]
        plan = self._plan(samples)
        self._plan_left = iter(plan)
        self.parts = [part for _, part, _ in plan]
        self._part = range(0)
        self._number = 0
        self._fixed = True
        self._begun = 0
        self._failures: list[list[Any]] = []

    def _check_sources(self, sources: Sequence[str]) -> None:
        ours = [path for path in (*sources, *map(_idx, sources)) if os.path.exists(path)]
        for path in self._shards():
            if any(os.path.samefile(path, source) for source in ours):
                reason = "is read from, and would be replaced; give what is made another name"
                raise RecordError(reason, path=path)

    def _begin(self, identity: dict[str, str]) -> State:
        """What there is to go on with, or a new beginning."""
        resume, force = self._sharding.resume, self._force
        staged = State.load(os.path.join(self._staging, _STATE))
        whole = State.load(self._manifest.path)
        state = (staged or (None if force else whole)) if resume else None
        others = state.differences(identity) if state else []
        if state and others and state.shards:
            differ = f"{' and '.join(others)} differ{'s' if len(others) == 1 else ''}"
            raise RecordError(
                f"{differ} from what --resume would go on with; give what was given then, or"
                " --force without --resume to start anew",
                path=self._prefix,
            )
        if others:
            state = None
        self._own = self._names(state) if state and state.publishing else set()
        if not force:
            self._check_free()
            if whole and not state:
                raise FileExistsError(errno.EEXIST, "exists already", self._manifest.path)
            if staged and staged.shards and not state:
                raise RecordError(
                    f"holds {plural(len(staged.shards), 'shard')} that a stopped run finished;"
                    " --resume goes on with them, --force starts anew",
                    path=self._staging,
                )
        if state is None:
            shutil.rmtree(self._staging, ignore_errors=True)
        os.makedirs(self._staging, exist_ok=True)
        state = state or State(identity)
        self._save(state)
        return state

    def _check_free(self) -> None:
        """Raises FileExistsError for a shard of this name that is not the set's own."""
        for path in self._shards():
            if path not in self._own:
                raise FileExistsError(errno.EEXIST, "exists already", path)

    def _shards(self) -> list[str]:
        """The files there are that bear the names of this set's shards."""
        return [path for prefix in self._prefixes for path in _shards_of(prefix)]

    def _names(self, state: State) -> set[str]:
        count = len(state.shards)
        return {name for number in state.shards for name in self._named(number, count)}

    def _whole_shards(self) -> dict[int, Shard]:
        """Those whose files are all there, each under one of its names, in their full size."""
        found = {}
        for number, shard in self._state.shards.items():
            places = [self._staged(number)]
            if self._state.publishing:
                places.append(self._named(number, len(self._state.shards)))
            sizes = zip(*(map(_size, names) for names in places), strict=True)
            if all(size in there for size, there in zip(shard.sizes, sizes, strict=True)):
                found[number] = shard
        return found

    def _plan(self, samples: int) -> list[tuple[int, range, bool]]:
        """The shards to be made: number, positions, and whether these or only as many as fit."""
        count = self._sharding.count
        if count is None:
            known = sorted(self._state.shards.items())
            ranges = [range(shard.begin, shard.end) for _, shard in known]
        else:
            bounds = [samples * number // count for number in range(count + 1)]
            ranges = [range(*bounds[number : number + 2]) for number in range(count)]
        plan = [(at, part, True) for at, part in enumerate(ranges) if at not in self._done]
        end = ranges[-1].stop if ranges else 0
        if end < samples:
            plan.append((len(ranges), range(end, samples), False))
        return plan

    def _staged(self, number: int) -> list[str]:
        """The files of an unpublished shard, in the order of `Shard.sizes`."""
        stem = os.path.join(self._staging, f"{number:05d}")
        suffixes = [prefix.removeprefix(self._prefix) for prefix in self._prefixes]
        return [stem + suffix + ending for suffix in suffixes for ending in (".rec", ".idx")]

    def _named(self, number: int, count: int) -> list[str]:
        """The same, published."""
        recs = [shard_name(prefix, number, count) for prefix in self._prefixes]
        return [name for rec in recs for name in (rec, _idx(rec))]

    def add(self, position: int, key: int, records: Records) -> None:
        """Writes a sample's records. Raises LimitError for one that is too large."""
        writer = self._writer_at(position)
        limit = 0 if self._fixed else self._sharding.size or 0
        if limit and len(writer):
            after = [sum(map(len, pieces_of(record))) for record in records]
            if max(map(sum, zip(writer.tell(), after, strict=True))) > limit:
                self._finish(writer, position)
                self._number += 1
                writer = self._start(position)
        writer.write(records, key)

    def lack(self, position: int, failure: Sequence[Any]) -> None:
        """Notes that a sample gave no record."""
        self._writer_at(position)
        self._failures.append(list(failure))

    def _writer_at(self, position: int) -> AlignedWriter:
        if self._writer is not None:
            if position in self._part:
                return self._writer
            self._finish(self._writer, self._part.stop)
        self._number, self._part, self._fixed = next(self._plan_left)
        return self._start(position)

    def _start(self, position: int) -> AlignedWriter:
        self._begun = position
        self._failures = []
        self._writer = AlignedWriter(self._staged(self._number)[::2], force=True)
        return self._writer

    def _finish(self, writer: AlignedWriter, end: int) -> None:
        records = len(writer)
        writer.close()
        self._writer = None
        size, idx_size, *masks = map(os.path.getsize, self._staged(self._number))
        shard = Shard(self._begun, end, records, size, idx_size, self._failures, masks)
        self._done[self._number] = self._state.shards[self._number] = shard
        self._save(self._state)

    def _save(self, state: State) -> None:
        with Output(os.path.join(self._staging, _STATE), force=True) as output:
            output.write(state.dump())

    @property
    def records(self) -> int:
        begun = len(self._writer) if self._writer is not None else 0
        return begun + sum(shard.records for shard in self._done.values())

    @property
    def sizes(self) -> list[int]:
        """The bytes of all `.rec` files, and of those of masks."""
        columns = zip(*(shard.sizes for shard in self._done.values()), strict=True)
        return [sum(column) for column in columns][::2]

    def publish(self, *others: Output) -> list[tuple[str, ...]]:
        """Gives all shards their names, and publishes `others` with them.

        Returns the `.rec` files of each prefix.
        """
        if self._writer is not None:
            self._finish(self._writer, self._part.stop)
        before, self._state.publishing = self._state.publishing, True
        self._save(self._state)
        self._manifest.write(self._state.dump())
        try:
            with uninterrupted():
                publish([*others, self._manifest], first=self._give_names)
                shutil.rmtree(self._staging, ignore_errors=True)
        except FileExistsError:  # before any name was given: what has one is another's
            self._state.publishing = before
            self._save(self._state)
            raise
        count = len(self._done)
        return list(zip(*(self._named(number, count)[::2] for number in range(count)), strict=True))

    def _give_names(self) -> None:
        if not self._force:  # what has appeared meanwhile is not ours
            self._check_free()
        count = len(self._done)
        staged = {number: self._staged(number) for number in range(count)}
        named = {number: self._named(number, count) for number in range(count)}
        waiting = [number for number in staged if os.path.exists(staged[number][0])]
        for number in waiting:
            for name in named[number][1:]:  # never beside records that they do not belong to
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
        recs_first = sorted(range(2 * len(self._prefixes)), key=lambda which: which % 2)
        for which in recs_first:
            for number in staged:
                if os.path.exists(staged[number][which]):
                    os.replace(staged[number][which], named[number][which])
        ours = {name for names in named.values() for name in names}
        for path in self._shards() if self._force else ():
            if path not in ours:
                os.unlink(path)
        sync_folder(os.path.dirname(self._prefix) or ".")

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.discard()
        replaces = self._force and os.path.exists(self._manifest.path)
        if kind is not None and not self._state.shards and not replaces:  # else it is told by this
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
        state = State.load(os.path.join(_staging(prefix), _STATE))
        return len(state.shards) if state else 0
    return 0


def _shards_of(prefix: str) -> Iterator[str]:
    """The files there are that bear the names of this prefix's shards."""
    folder, base = os.path.split(prefix)
    for found in sorted(os.listdir(folder or ".")):
        name = parse_shard_name(_rec(found)) if found.endswith((".rec", ".idx")) else None
        if name is not None and name.prefix == base:
            yield prefix + found.removeprefix(base)


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
