"""Keys of an index and where their records begin, for MXIndexedRecordIO."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IndexFileError
from ..format.index import MAX_KEY
from ..format.key_table import KeyTable


class Offsets(Mapping[int, int]):
    """Byte offsets by key, in 16 bytes a record."""

    def __init__(self, keys: NDArray[np.int64], offsets: NDArray[np.int64]) -> None:
        self._keys = keys
        self._table = KeyTable(keys)
        self._offsets = offsets
        self._in_order = bool((offsets[1:] > offsets[:-1]).all())

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys.tolist())

    def __repr__(self) -> str:
        return repr(dict(self))

    def copy(self) -> dict[int, int]:
        return dict(self)

    def __getitem__(self, key: Any) -> int:
        return self._offsets.item(self._position(key))

    def extent(self, key: Any) -> tuple[int, int | None]:
        """The record's offset, and the next one's where the index has them in file order."""
        position = self._position(key)
        behind = position + 1
        if self._in_order and behind < len(self._offsets):
            return self._offsets.item(position), self._offsets.item(behind)
        return self._offsets.item(position), None

    def _position(self, key: Any) -> int:
        whole = isinstance(key, int | np.integer)
        if isinstance(key, float | np.floating):  # as in a dict, 1.0 is 1
            whole = key.is_integer()
        position = self._table.find(int(key)) if whole else None
        if position is None:
            raise KeyError(key)
        return position


def read_other_keys(path: str, key_type: Callable[[Any], Any]) -> tuple[dict[Any, int], list[Any]]:
    """The offsets and the keys of an index whose keys are no whole numbers.

    Raises IndexFileError, with the line, where it is malformed.
    """
    offsets: dict[Any, int] = {}
    keys: list[Any] = []
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            fields = line.strip().split("\t")
            try:
                key = key_type(fields[0])
                offset = int(fields[1])
            except (ValueError, IndexError) as error:
                raise IndexFileError(f"line {number}: {error}", path=path) from None
            if not 0 <= offset <= MAX_KEY:
                raise IndexFileError(f"line {number}: no byte offset: {fields[1]:.40}", path=path)
            offsets[key] = offset
            keys.append(key)
    return offsets, keys
