"""How a set is divided into shards."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import shown


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

    def ranges(self, samples: int) -> list[range]:
        """The samples of each shard, if their number was given."""
        count = self.count or 0
        bounds = [samples * number // count for number in range(count + 1)] if count else []
        return [range(*bounds[number : number + 2]) for number in range(count)]


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
