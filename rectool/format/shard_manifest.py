"""What is kept of a set of shards while it is made, and afterwards."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import Failure, RecordError, StrPath, shown
from ..system.open_regular import open_regular
from .shard_names import ShardSet

_LARGEST = 1 << 30  # bytes of a description: more is none


@dataclass
class Shard:
    """A finished shard: the samples it is made of, what it holds, and the samples it lacks.

    `masks` are the bytes of its masks' `.rec` and `.idx`, if it has masks.
    """

    begin: int
    end: int
    records: int
    bytes: int
    idx_bytes: int
    failures: list[Failure] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        """The bytes of its files: `.rec`, `.idx`, and the masks' two."""
        return [self.bytes, self.idx_bytes, *self.masks]

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Shard:
        """Raises TypeError or ValueError for what is no shard."""
        shard = cls(**fields)
        for number in (shard.begin, shard.end, shard.records, *shard.sizes):
            if type(number) is not int or number < 0:
                raise ValueError(f"{number!r} is no whole number")
        if len(shard.masks) not in (0, 2):
            raise ValueError("fields are missing")
        shard.failures = [Failure(*one) for one in shard.failures]
        return shard


@dataclass
class State:
    """The shards of a set that were ever finished, by number, and what they are made of.

    `identity` tells source and options from others, under names for people. `publishing` says that
    all are finished and get their names, or have them.
    """

    identity: dict[str, str]
    publishing: bool = False
    shards: dict[int, Shard] = field(default_factory=dict)

    def differences(self, identity: dict[str, str]) -> list[str]:
        """The names of what is not the same there; what is not named is empty."""
        return [name for name, value in identity.items() if self.identity.get(name, "") != value]

    def check(self, samples: int | None = None) -> None:
        """Raises ValueError unless the shards follow each other and hold all of their samples.

        `samples` are those of the source, if that is known.
        """
        end = 0
        for number in range(len(self.shards)):
            shard = self.shards.get(number)
            if shard is None:
                raise ValueError(f"shard {number} is missing")
            if shard.begin != end or shard.end < end:
                raise ValueError(f"shard {number} does not begin where the one before ends")
            end = shard.end
            if shard.records + len(shard.failures) != shard.end - shard.begin:
                raise ValueError(f"shard {number} has not as many records as samples")
        if samples is not None and (end != samples if self.publishing else end > samples):
            raise ValueError(f"the shards hold {end} samples of {samples}")

    def dump(self) -> bytes:
        """The description of a whole set, with its checksum."""
        fields = {**asdict(self), "checksum": ""}
        fields["shards"] = {str(number): asdict(shard) for number, shard in self.shards.items()}
        fields["checksum"] = _checksum(fields)
        return json.dumps(fields, indent=1).encode("utf-8") + b"\n"

    @classmethod
    def load(cls, path: StrPath, *, changed_too: bool = False) -> State | None:
        """What a description says, None where there is none.

        Raises RecordError for any other file and, unless `changed_too`, for one that is not as it
        was written.
        """
        try:
            fields = json.loads(read(path))
            shards = {int(number): Shard.of(shard) for number, shard in fields["shards"].items()}
            state = cls(dict(fields["identity"]), bool(fields["publishing"]), shards)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            reason = "not what rectool keeps of a set of shards; move it elsewhere"
            raise RecordError(reason, path=path) from None
        if changed_too:
            return state
        try:
            if fields.get("checksum") != _checksum(fields):
                raise ValueError("its checksum is wrong")
            state.check()
        except ValueError as error:
            raise changed(str(error), path) from None
        return state


def changed(reason: str, path: StrPath) -> RecordError:
    """The error that a state is not what was written."""
    hint = "changed since rectool wrote it, or of another version; --force packs the set anew"
    return RecordError(f"{reason}: {hint}", path=path)


def read(path: StrPath) -> bytes:
    """A file's bytes, unless they are far too many. Raises ValueError then, OSError."""
    with open_regular(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("too long")
    return content


def _checksum(fields: dict[str, Any]) -> str:
    text = json.dumps({**fields, "checksum": ""}, sort_keys=True)
    return f"{zlib.crc32(text.encode('utf-8')):08x}"


def wrong_sizes(shards: ShardSet) -> list[RecordError]:
    """Shards that are not those which the set's description names; none where it has no such.

    So a set is found that was replaced in part.
    """
    described = shards.prefix + ".shards.json"
    try:
        state = State.load(described)
    except (RecordError, OSError):  # another program's, perhaps
        return []
    if state is None or len(state.shards) != shards.total:
        return []
    sizes = {number: shard.bytes for number, shard in state.shards.items()}
    return [
        RecordError(
            f"{os.stat(path).st_size} bytes, and {shown(described)} says {sizes[number]}: a shard"
            " of another set, or one that was changed (then remove that description)",
            path=path,
        )
        for number, path in sorted(shards.members.items())
        if os.path.isfile(path) and os.stat(path).st_size != sizes.get(number)
    ]
