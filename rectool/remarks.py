"""What was changed or left out on the way, counted: a line a kind, with an example."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .errors import plural, shown


class RemarkKind(NamedTuple):
    """Something to remark: a text with room for "3 boxes" and for an example, and what is counted.

    `example` stands for the first one that is met.
    """

    text: str
    noun: str


class Remarks:
    """Counts what was changed or left out, each kind with its first example."""

    def __init__(self) -> None:
        self._counts: dict[RemarkKind, int] = {}
        self._examples: dict[RemarkKind, str] = {}

    def count(self, kind: RemarkKind, example: str) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._examples.setdefault(kind, example)

    def count_all(self, remarks: Iterable[tuple[RemarkKind, str]], wanted: RemarkKind) -> bool:
        """Counts some; whether one of them is of a kind that is wanted."""
        found = False
        for kind, example in remarks:
            self.count(kind, example)
            found = found or kind == wanted
        return found

    def lines(self) -> list[str]:
        return [
            kind.text.format(plural(count, kind.noun), shown(self._examples[kind]))
            for kind, count in self._counts.items()
        ]
