"""What is wrong with a list or with what it is made of, and images that cannot be listed."""

from __future__ import annotations

from ..errors import ListError, StrPath, shown

MOST_FAULTS = 20
"""So many are kept as lines."""


class Faults:
    """What is wrong, a line each; or what keeps images out of a list, while the others are listed.

    `images` counts the images; the first faults are kept as lines, of the others the number.
    """

    def __init__(self) -> None:
        self.images = 0
        self._lines: list[str] = []
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, *lines: str, images: int = 1) -> None:
        """An image, or so many, with a line for each fault that it has."""
        self.images += images
        self._count += len(lines)
        self._lines += lines[: max(MOST_FAULTS - len(self._lines), 0)]

    def count_more(self, count: int) -> None:
        """Others like those that were added, for which there are no lines."""
        self._count += count

    def text(self, source: StrPath) -> str:
        """A line for each fault: the first ones, and how many more there are in `source`."""
        more = self._count - len(self._lines)
        last = [f"{shown(source)}: {more} more lines like these"] if more else []
        return "\n".join([*self._lines, *last])

    def check(self, source: StrPath) -> None:
        """Raises ListError where there is a fault."""
        if self:
            raise ListError(self.text(source))
