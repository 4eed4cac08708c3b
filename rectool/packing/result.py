"""What packing gives: the files, what is in them, and what could not be packed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    pass

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
    """What `pack_images` did: the files it wrote, and `failures` in the order of the source, those
    in shards that were kept first.

    `images` and `bytes` count what is in the `.rec` files, `seconds` includes the start of workers.
    Of a set of shards (`sharded`) `kept` were there from a run before. `masks` are the `.rec` files
    of masks, beside `recs`, if there are any, and `mask_bytes` what is in them; `colour_masks`
    counts those of several channels that were packed now. `remarks` are lines on what was done to
    images otherwise than asked for.
    """

    recs: tuple[str, ...]
    masks: tuple[str, ...]
    lst: str | None
    images: int
    bytes: int
    mask_bytes: int
    colour_masks: int
    seconds: float
    failures: tuple[Failure, ...]
    sharded: bool
    kept: int
    remarks: tuple[str, ...] = ()
