"""Other numbers for the pixels of masks: of numbers, or of colours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, ListError, StrPath, plural, shown
from ..listing.listing_faults import Faults
from ..listing.lst import quoted
from ..listing.text_files import read_text

_MOST = (1 << 16) - 1
_MOST_BYTES = 4 << 20  # of a table of colours
_SEPARATOR = re.compile(rb"[\s,;]+")


@dataclass(frozen=True)
class MaskValues:
    """Numbers, and what each becomes; all others stay."""

    pairs: tuple[tuple[int, int], ...]

    def decoded(self, data: bytes, orientation: int = 1) -> NDArray[Any]:
        """An encoded mask with its new numbers, turned. Raises as `decode_mask` does."""
        from ..imaging.masks import decode_mask  # noqa: PLC0415 - few packs have masks

        mask = decode_mask(data, orientation)
        if mask.ndim > 2:
            raise ImageError(
                f"{plural(mask.shape[2], 'channel')}, and --mask-values is for masks of one;"
                " --mask-colors FILE makes numbers of colours"
            )
        table = np.arange(np.iinfo(mask.dtype).max + 1)
        for old, new in self.pairs:
            if old < len(table):
                table[old] = new
        kind = mask.dtype if table.max() <= np.iinfo(mask.dtype).max else np.uint16
        return table.astype(kind)[mask]


@dataclass(frozen=True)
class MaskColors:
    """Colours (red, green, blue) and the number of each; `name` is that of their table."""

    name: str
    rows: tuple[tuple[int, int, int, int], ...]

    def decoded(self, data: bytes, orientation: int = 1) -> NDArray[Any]:
        """The numbers of an encoded mask's colours, HxW, turned.

        Raises ImageError for a colour that is not in the table, and for what is no such mask.
        """
        from ..imaging.masks import decode_colors  # noqa: PLC0415

        colors = decode_colors(data, orientation)
        table = np.array(sorted(self.rows), np.uint32)
        known = (table[:, 0] << 16) | (table[:, 1] << 8) | table[:, 2]
        red, green, blue = (colors[:, :, channel].astype(np.uint32) for channel in range(3))
        found = (red << 16) | (green << 8) | blue
        at = np.minimum(np.searchsorted(known, found), len(known) - 1)
        if not np.array_equal(known[at], found):
            y, x = np.argwhere(known[at] != found)[0]
            raise ImageError(
                f"the colour {' '.join(map(str, colors[y, x]))}, at x {x} and y {y}, is not in"
                f" {shown(self.name)}"
            )
        kind = np.uint8 if table[:, 3].max() < 256 else np.uint16
        return table[:, 3].astype(kind)[at]


MaskNumbers = MaskValues | MaskColors


def parse_values(texts: Iterable[str]) -> MaskValues:
    """The numbers in "255=1" or "0=255,1=0". Raises ValueError."""
    pairs: dict[int, int] = {}
    for text in texts:
        for part in text.split(","):
            found = re.fullmatch(r"\s*([0-9]{1,5})\s*=\s*([0-9]{1,5})\s*", part)
            old, new = map(int, found.groups()) if found else (-1, -1)
            if not 0 <= old <= _MOST or not 0 <= new <= _MOST:
                raise ValueError(f"expected OLD=NEW, two numbers from 0 to {_MOST}, got {part!r}")
            if pairs.setdefault(old, new) != new:
                raise ValueError(f"{old} must become one number, got {pairs[old]} and {new}")
    return MaskValues(tuple(pairs.items()))


def read_colors(path: StrPath) -> MaskColors:
    """A table of colours, a line each: red, green, blue (0 to 255) and the number it becomes.

    Blanks, commas or semicolons are between them; blank lines and those that begin with # do not
    count. Raises OSError, and ListError, with each line, where it is no such table.
    """
    name = shown(path)
    rows: dict[tuple[int, ...], int] = {}
    faults = Faults()
    text = read_text(path, "a table of colours", _MOST_BYTES)
    for line, content in enumerate(text.split(b"\n"), 1):
        fields = [field for field in _SEPARATOR.split(content.strip()) if field]
        if not fields or fields[0].startswith(b"#"):
            continue
        numbers = [int(field) if re.fullmatch(rb"[0-9]{1,5}", field) else -1 for field in fields]
        if len(numbers) != 4 or min(numbers) < 0 or max(numbers[:3]) > 255 or numbers[3] > _MOST:
            faults.add(
                f"{name}:{line}: expected red, green, blue (0 to 255) and a number (0 to {_MOST}),"
                f" got {quoted(content)}{_hint(numbers)}"
            )
        elif rows.setdefault(tuple(numbers[:3]), numbers[3]) != numbers[3]:
            faults.add(f"{name}:{line}: this colour has the number {rows[tuple(numbers[:3])]}")
    faults.check(path)
    if not rows:
        raise ListError("a table of colours must have a line for each, got none", path=path)
    return MaskColors(str(path), tuple((*color, number) for color, number in rows.items()))  # type: ignore[misc]


def _hint(numbers: list[int]) -> str:
    """What to do where a row has a name for its number."""
    is_named = len(numbers) == 4 and 0 <= min(numbers[:3]) <= max(numbers[:3]) < 256
    return "; a name is to be replaced by its class's number" if is_named else ""
