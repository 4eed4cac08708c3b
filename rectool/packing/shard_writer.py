"""A set of shards, `OUT-00000-of-000NN.rec` and `.idx` each, which a stopped run can go on with.

Shards that are finished wait in the folder `.OUT.shards` beside OUT, with a file that says what
they belong to. When the last is there, all get their names; `OUT.shards.json`, written last, keeps
what was said of them. So the set appears whole, and what was there before stays until then.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence

from ..errors import Failure, RecordError, plural
from ..format.frames import pieces_of
from ..format.shard_manifest import Shard, State, changed
from ..format.shard_names import parse_shard_name, shard_name
from ..format.writer import AlignedWriter, StagedWriter, idx_beside
from ..system.atomic import AtomicFile, publish
from ..system.replacing import SHARDS, check_free, check_outputs
from ..system.signals import uninterrupted
from ..system.temporary_files import rename_all
from .shard_staging import Staging
from .sharding import Sharding
from .source import Records


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
        self._given = prefixes
        self._prefixes = [os.path.join(os.getcwd(), name) for name in prefixes]
        self._prefix = self._prefixes[0]
        self._suffixes = [name.removeprefix(prefixes[0]) for name in prefixes]
        self._samples = samples
        self._sharding = sharding
        self._force = force
        self._staging = Staging(self._prefix)
        self._writer: AlignedWriter | None = None
        self._check_names()
        self._manifest = AtomicFile(
            prefixes[0] + ".shards.json", kind=SHARDS, force=True
        )  # a lock too
        try:
            inputs = [*sources, *map(idx_beside, sources)]
            check_outputs(self._shards(), inputs)
            self._state = self._begin(identity)
            self._done = self._whole_shards()
            self.kept = [self._done[number] for number in sorted(self._done)]
            plan = self._plan()
        except BaseException:
            self._manifest.discard()
            raise
        self._plan_left = iter(plan)
        self.parts = [part for _, part, _ in plan]
        self._part = range(0)
        self._number = 0
        self._fixed = True
        self._begun = 0
        self._failures: list[Failure] = []

    def _check_names(self) -> None:
        """Raises OSError for a prefix too long for the names of shards."""
        for given, prefix in zip(self._given, self._prefixes, strict=True):
            name = shard_name(given, 0, 1)
            try:
                os.lstat(shard_name(prefix, 0, 1))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise type(error)(error.errno, error.strerror, name) from None

    def _begin(self, identity: dict[str, str]) -> State:
        """What there is to go on with, or a new beginning."""
        resume, force = self._sharding.resume, self._force
        anew = force and not resume
        self._staging.check()
        staged = None if anew else self._staging.load()
        whole = State.load(self._manifest.path, changed_too=force)
        state = (staged or (None if force else whole)) if resume else None
        others = state.differences(identity) if state else []
        if state and others and state.shards:
            differ = f"{' and '.join(others)} differ{'s' if len(others) == 1 else ''}"
            raise RecordError(
                f"{differ} from what --resume would go on with; give what was given then, or"
                " --force without --resume to start anew",
                path=self._given[0],
            )
        if others:
            state = None
        if state is not None:
            self._check_state(state, self._staging.path if staged else self._manifest.path)
        self._own = self._names(state) if state and state.publishing else set()
        if force:
            for path in self._shards():
                check_free(path, force=True, name=self._as_given(path))
        else:
            self._check_free()
            if whole and not state:
                raise FileExistsError(errno.EEXIST, "exists already", self._manifest.path)
            if staged and staged.shards and not state:
                raise RecordError(
                    f"holds {plural(len(staged.shards), 'shard')} that a stopped run finished;"
                    " --resume goes on with them, --force starts anew",
                    path=self._staging.path,
                )
        keep = state is not None
        state = state or State(identity)
        self._staging.begin(state, keep=keep)
        return state

    def _check_state(self, state: State, path: str) -> None:
        """Raises RecordError unless the shards are those of this source, divided like this."""
        try:
            state.check(self._samples)
        except ValueError as error:
            raise changed(str(error), path) from None
        ranges = self._sharding.ranges(self._samples)
        for number, shard in state.shards.items() if ranges else ():
            if number >= len(ranges) or range(shard.begin, shard.end) != ranges[number]:
                raise changed(f"shard {number} holds other samples than it should", path)

    def _check_free(self) -> None:
        """Raises FileExistsError for a shard of this name that is not the set's own."""
        for path in self._shards():
            if path not in self._own:
                check_free(path, force=False, name=self._as_given(path))

    def _as_given(self, path: str) -> str:
        """The path of a shard as the caller of this class would write it."""
        return self._given[0] + path.removeprefix(self._prefix)

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

    def _plan(self) -> list[tuple[int, range, bool]]:
        """The shards to be made: number, positions, and whether these or only as many as fit."""
        known = [shard for _, shard in sorted(self._state.shards.items())]
        ranges = self._sharding.ranges(self._samples)
        ranges = ranges or [range(shard.begin, shard.end) for shard in known]
        plan = [(at, part, True) for at, part in enumerate(ranges) if at not in self._done]
        end = ranges[-1].stop if ranges else 0
        if end < self._samples:
            plan.append((len(ranges), range(end, self._samples), False))
        return plan

    def _staged(self, number: int) -> list[str]:
        """The files of an unpublished shard, in the order of `Shard.sizes`."""
        return self._staging.files(number, self._suffixes)

    def _named(self, number: int, count: int) -> list[str]:
        """The same, published."""
        recs = [shard_name(prefix, number, count) for prefix in self._prefixes]
        return [name for rec in recs for name in (rec, idx_beside(rec))]

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

    def record_failure(self, position: int, failure: Failure) -> None:
        """Notes that a sample gave no record."""
        self._writer_at(position)
        self._failures.append(failure)

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
        self._writer = AlignedWriter(self._staged(self._number)[::2], writer=StagedWriter)
        return self._writer

    def _finish(self, writer: AlignedWriter, end: int) -> None:
        records = len(writer)
        writer.close()
        self._writer = None
        size, idx_size, *masks = map(os.path.getsize, self._staged(self._number))
        shard = Shard(self._begun, end, records, size, idx_size, self._failures, masks)
        self._done[self._number] = self._state.shards[self._number] = shard
        self._staging.note_shard(self._number, shard)

    @property
    def records(self) -> int:
        begun = len(self._writer) if self._writer is not None else 0
        return begun + sum(shard.records for shard in self._done.values())

    @property
    def sizes(self) -> list[int]:
        """The bytes of all `.rec` files, and of those of masks."""
        columns = zip(*(shard.sizes for shard in self._done.values()), strict=True)
        return [sum(column) for column in columns][::2]

    def publish(self, *others: AtomicFile) -> list[tuple[str, ...]]:
        """Gives all shards their names, and publishes `others` with them.

        Returns the `.rec` files of each prefix.
        """
        if self._writer is not None:
            self._finish(self._writer, self._part.stop)
        before, self._state.publishing = self._state.publishing, True
        self._state.check(self._samples)
        self._staging.note_publishing(publishing=True)
        self._manifest.write(self._state.dump())
        self._have_names = False
        try:
            with uninterrupted():
                publish([*others, self._manifest], first=self._give_names)
                self._staging.remove()
        except OSError:
            if not self._have_names:  # what has one of the names is another's
                self._state.publishing = before
                self._staging.note_publishing(publishing=before)
            raise
        count = len(self._done)
        names = zip(*(self._named(number, count)[::2] for number in range(count)), strict=True)
        return [tuple(map(self._as_given, paths)) for paths in names]

    def _give_names(self) -> None:
        """Moves what was there out of the way, then all shards to their names; or, on an error,
        everything back. Shards of two sets never stand beside each other, not even for a moment.
        """
        if not self._force:  # what has appeared meanwhile is not ours
            self._check_free()
        rename_all([*self._moves_aside(), *self._moves_to_names()])
        self._have_names = True

    def _moves_aside(self) -> list[tuple[str, str]]:
        """Of what has the name of a shard, and is none of these; the description first."""
        count = len(self._done)
        ours = {
            name
            for number in range(count)
            for staged, name in zip(self._staged(number), self._named(number, count), strict=True)
            if not os.path.exists(staged)
        }
        old = [path for path in reversed(self._shards()) if path not in ours]
        description = self._prefix + ".shards.json"
        if old and os.path.isfile(description) and not os.path.islink(description):
            old.insert(0, description)
        if old:
            os.makedirs(self._staging.old, 0o700, exist_ok=True)
        return [(path, os.path.join(self._staging.old, os.path.basename(path))) for path in old]

    def _moves_to_names(self) -> list[tuple[str, str]]:
        """Of shards that wait: all `.rec` first, so that no index stands without its records."""
        count = len(self._done)
        pairs = [
            list(zip(self._staged(number), self._named(number, count), strict=True))
            for number in range(count)
        ]
        which = sorted(range(2 * len(self._prefixes)), key=lambda at: at % 2)
        moves = [pairs[number][at] for at in which for number in range(count)]
        return [(staged, named) for staged, named in moves if os.path.exists(staged)]

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._writer is not None:
            self._writer.discard()
        replaces = self._force and os.path.exists(self._prefix + ".shards.json")
        if kind is not None and not self._state.shards and not replaces:  # else it is told by this
            self._staging.remove()
        self._manifest.discard()


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else -1


def _rec(path: str) -> str:
    return path[: -len(".idx")] + ".rec"


def finished_shards(prefix: str) -> int:
    """How many shards of a set a stopped run has finished, for `resume` to go on with."""
    with contextlib.suppress(RecordError, OSError):
        staging = Staging(prefix)
        staging.check()
        state = staging.load()
        return len(state.shards) if state else 0
    return 0


def _shards_of(prefix: str) -> Iterator[str]:
    """The files there are that bear the names of this prefix's shards."""
    folder, base = os.path.split(prefix)
    for found in sorted(os.listdir(folder or ".")):
        name = parse_shard_name(_rec(found)) if found.endswith((".rec", ".idx")) else None
        if name is not None and name.prefix == base:
            yield prefix + found.removeprefix(base)
