"""What is odd about masks, from those that are looked at."""

from __future__ import annotations

import numpy as np

from ..errors import ImageError, plural
from ..format.header import payload_start
from ..imaging.probe import png_samples

_LOOKED_AT = 100
_BLACK_AND_WHITE = ({0, 255}, {0, (1 << 16) - 1})


class MaskCounts:
    """Counts `colours`, masks of several channels, and looks whether masks are black and white.

    For that the first ones are decoded, 100 at most, and none behind one that holds more.
    """

    def __init__(self) -> None:
        self.colours = 0
        self._masks = 0
        self._looked_at = 0
        self._numbers: set[int] = set()
        self._looks = True

    def add_all(self, records: tuple[bytes, ...]) -> None:
        for record in records:
            self.add(record)

    def add(self, record: bytes) -> None:
        """Takes the record of a mask."""
        mask = memoryview(record)[payload_start(record) :]
        samples = png_samples(mask)
        self.colours += samples is not None and samples[1] > 1
        self._masks += 1
        if self._looks and len(mask):
            self._looks = self._are_black_and_white(bytes(mask))

    def _are_black_and_white(self, mask: bytes) -> bool:
        """Whether the masks so far may all be, and there is more to look at."""
        from ..imaging.masks import decode_mask  # noqa: PLC0415 - few packs have masks

        try:
            self._numbers |= set(np.unique(decode_mask(mask)).tolist())
        except ImageError:  # nothing is known of it
            self._numbers.clear()
            return False
        self._looked_at += 1
        possible = any(self._numbers <= both for both in _BLACK_AND_WHITE)
        return possible and self._looked_at < _LOOKED_AT

    def remarks(self) -> list[str]:
        """What is to be said of the masks."""
        white = max(self._numbers, default=0)
        if self._numbers != {0, white} or self._numbers not in _BLACK_AND_WHITE:
            return []
        some = "all" if self._looked_at == self._masks else "the first"
        return [
            f"{some} {plural(self._looked_at, 'mask')} hold only 0 and {white}, and 255 means no"
            f" class to most training code: --mask-values {white}=1 makes it 1"
        ]
