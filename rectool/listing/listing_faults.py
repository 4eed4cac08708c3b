"""Images that cannot be listed, and why."""

from __future__ import annotations

from ..errors import ListError, StrPath, shown
from .lst import MOST_FAULTS


class Faults:
    """What keeps images out of a list, while the others are listed.

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

    def text(self, source: StrPath) -> str:
        """A line for each fault: the first ones, and how many more there are in `source`."""
        more = self._count - len(self._lines)
        last = [f"{shown(source)}: {more} more lines like these"] if more else []
        return "\n".join([*self._lines, *last])

    def check(self, source: StrPath) -> None:
        """Raises ListError where there is a fault."""
        if self:
            raise ListError(self.text(source))
