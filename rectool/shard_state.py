"""What is kept of a set of shards while it is made, and afterwards."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from .format import RecordError, StrPath


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
    failures: list[list[Any]] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        """The bytes of its files: `.rec`, `.idx`, and the masks' two."""
        return [self.bytes, self.idx_bytes, *self.masks]


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

    def dump(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode("utf-8") + b"\n"

    @classmethod
    def load(cls, path: StrPath) -> State | None:
        """What stands in a file, None where there is none. Raises RecordError for anything else."""
        try:
            with open(path, "rb") as file:
                fields = json.load(file)
            shards = {int(number): Shard(**shard) for number, shard in fields["shards"].items()}
            if sorted(shards) != list(range(len(shards))) and fields["publishing"]:
                raise ValueError("shards are missing")
            return cls(dict(fields["identity"]), bool(fields["publishing"]), shards)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            reason = "not what rectool keeps of a set of shards; move it elsewhere"
            raise RecordError(reason, path=path) from None
