"""The tables that cases are made of: tools, and how what is measured of them is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from measure import Tool


@dataclass(frozen=True)
class Comparison:
    """Tools that do the same work; all are measured against the one named `ours`."""

    title: str
    unit: str
    tools: list[Tool]
    ours: str = "rectool"


@dataclass(frozen=True)
class Growth:
    """A tool at work on more and more: the memory that each item takes."""

    title: str
    unit: str
    tools: list[Tool]


@dataclass(frozen=True)
class Repeated:
    """Tools that do the same work several times over and time each pass themselves.

    The first pass is a warm-up, during which memory is sampled, unless `warm_up` is False. `each`
    is the unit of the time that an item takes.
    """

    title: str
    unit: str
    tools: list[Tool]
    ours: str = "rectool"
    each: Literal["ms", "µs"] = "ms"
    warm_up: bool = True


@dataclass(frozen=True)
class Course:
    """What each of many passes of a tool leaves behind; a single run."""

    title: str
    tools: list[Tool]


Table = Comparison | Growth | Repeated | Course
