"""Names of shards: `PREFIX-00003-of-00012.rec` is the fourth of twelve files of one data set.

The convention is TensorFlow's (`path-00000-of-00010`): numbers count from 0 and have 5 digits at
least. Each shard is a `.rec` with an `.idx` of its own; their keys differ over the whole set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from ..errors import RecordError, StrPath, plural

_NAME = re.compile(r"(.+)-([0-9]{5,18})-of-([0-9]{5,18})\.rec", re.DOTALL)
_MOST_MISSING = 3

MASK_SUFFIX = "_mask"
"""What the name of a file of masks has and that of its images has not."""


class ShardName(NamedTuple):
    """What a shard's name says: `prefix` with its folder, `number` from 0 to `total` - 1."""

    prefix: str
    number: int
    total: int


def shard_name(prefix: StrPath, number: int, count: int) -> str:
    """The name of a shard's `.rec`. Raises ValueError unless 0 <= number < count."""
    if not 0 <= number < count:
        raise ValueError(f"the number of a shard must be 0 to {count - 1}, got {number}")
    return f"{os.fspath(prefix)}-{number:05}-of-{count:05}.rec"


def parse_shard_name(path: StrPath) -> ShardName | None:
    """What `shard_name` was given for this name, None where it is not the name of a shard."""
    path = os.fspath(path)
    found = _NAME.fullmatch(path)
    if found is None:
        return None
    name = ShardName(found[1], int(found[2]), int(found[3]))
    return name if name.number < name.total and shard_name(*name) == path else None


def mask_name(rec: StrPath) -> str:
    """The name of the `.rec` with the masks of this one's images.

    `out_mask.rec` of `out.rec`, `out_mask-00003-of-00012.rec` of `out-00003-of-00012.rec`.
    """
    path = os.fspath(rec)
    shard = parse_shard_name(path)
    if shard is not None:
        return shard_name(shard.prefix + MASK_SUFFIX, shard.number, shard.total)
    stem, ending = os.path.splitext(path)
    return stem + MASK_SUFFIX + ending if ending.lower() == ".rec" else path + MASK_SUFFIX


@dataclass(frozen=True)
class ShardSet:
    """Shards of one set, two or more of them. `members` are their paths by number."""

    prefix: str
    total: int
    members: dict[int, str]

    @property
    def name(self) -> str:
        """All shards in one name, a pattern: `PREFIX-*-of-00012.rec`."""
        return f"{self.prefix}-*-of-{self.total:05}.rec"

    def __str__(self) -> str:
        return self.name

    @property
    def paths(self) -> tuple[str, ...]:
        """The members' paths in the order of their numbers."""
        return tuple(self.members[number] for number in sorted(self.members))

    def missing(self) -> RecordError | None:
        """The error that some of the set's shards are not among the members, or None."""
        count = self.total - len(self.members)
        if not count:
            return None
        absent = (number for number in range(self.total) if number not in self.members)
        names = [
            os.path.basename(shard_name(self.prefix, number, self.total))
            for number in islice(absent, _MOST_MISSING)
        ]
        more = f" and {count - len(names)} more" if count > len(names) else ""
        is_ = "is" if count == 1 else "are"
        return RecordError(
            f"{count} of {plural(self.total, 'shard')} {is_} missing: {', '.join(names)}{more}",
            path=self.name,
        )


def group_shards(paths: Iterable[StrPath]) -> list[str | ShardSet]:
    """The paths, those that are shards of one set as one, where the first of them stands.

    A shard that is given alone stays a path if the others lie beside it: it was meant alone. One
    that comes a second time begins another set.
    """
    groups: list[str | ShardSet] = []
    sets: dict[tuple[str, int], ShardSet] = {}
    for given in paths:
        path = os.fspath(given)
        name = parse_shard_name(path)
        if name is None:
            groups.append(path)
            continue
        found = sets.get((name.prefix, name.total))
        if found is None or name.number in found.members:
            found = sets[name.prefix, name.total] = ShardSet(name.prefix, name.total, {})
            groups.append(found)
        found.members[name.number] = path
    return [
        group.paths[0] if isinstance(group, ShardSet) and _meant_alone(group) else group
        for group in groups
    ]


def _meant_alone(group: ShardSet) -> bool:
    names = (shard_name(group.prefix, number, group.total) for number in range(group.total))
    return len(group.members) == 1 and all(map(os.path.exists, names))
