"""Records by their keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .index import _ENTRIES, _MOST_INT32, MAX_KEY, Keys


class KeyTable:
    """Finds keys in an array of them, which need not be sorted."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._first = int(keys.min()) if len(keys) else 0
        increasing = bool((keys[1:] > keys[:-1]).all())
        # keys that follow each other, in any order, as im2rec numbers them: found by subtraction
        self._dense = len(keys) > 0 and int(keys.max()) - self._first == len(keys) - 1
        self._order: NDArray[np.int32] | Keys | None = None
        if self._dense and not increasing:
            self._order = self._places()
            self._dense = self._order is not None
        if self._order is None and not increasing:
            self._order = keys.argsort(kind="stable")

    def _places(self) -> NDArray[np.int32] | Keys | None:
        """The position of each key from the first on; None where one occurs twice."""
        count = len(self._keys)
        places = np.full(count, -1, np.int32 if count <= _MOST_INT32 else np.int64)
        for first in range(0, count, _ENTRIES):
            block = self._keys[first : first + _ENTRIES]
            places[block - self._first] = np.arange(first, first + len(block))
        return None if int(places.min()) < 0 else places

    def find(self, key: int) -> int | None:
        """The position of a key (the last, of several), or None."""
        keys, order = self._keys, self._order
        if self._dense:
            at = key - self._first
            if not 0 <= at < len(keys):
                return None
            return at if order is None else order.item(at)
        if not -MAX_KEY <= key <= MAX_KEY:
            return None
        if order is not None:
            at = int(keys.searchsorted(key, side="right", sorter=order)) - 1
            found = int(order[at]) if at >= 0 else len(keys)
        else:
            found = int(keys.searchsorted(key))
        return found if found < len(keys) and keys[found] == key else None
