"""What packing gives: the files, what is in them, and what could not be packed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..errors import Failure

__all__ = ["Failure", "OnError", "PackResult"]

OnError = Literal["report", "fail", "skip"]


@dataclass(frozen=True)
class PackResult:
    """What `pack_source` did: the files it wrote, and `failures` in the order of the source, those
    in shards that were kept first.

    `images` and `bytes` count what is in the `.rec` files, `seconds` includes the start of workers.
    Of a set of shards (`sharded`) `kept` were there from a run before. `masks` are the `.rec` files
    of masks, beside `recs`, if there are any, and `mask_bytes` what is in them; `colour_masks`
    counts those of several channels that were packed now. `remarks` are lines on what was done to
    images otherwise than asked for, `faults` on what is missing or damaged in
    a source and not packed. `noun` is what a sample is: "image" or "record". `classes` is the label
    of each class of a folder.
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
    noun: str = "image"
    faults: tuple[str, ...] = ()
    classes: dict[str, int] = field(default_factory=dict)
