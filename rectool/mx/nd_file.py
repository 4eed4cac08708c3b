"""Files of arrays as `mx.nd.save` writes them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError, StrPath
from ..system.atomic import AtomicFile
from ..system.open_regular import open_regular

_LIST = 0x112
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DTYPES = {0: "f4", 1: "f8", 2: "f2", 3: "u1", 4: "i4", 5: "i1", 6: "i8", 7: "?"}
_MOST_AXES = 32
_HEAD = 24  # bytes before the first array


def save(path: StrPath, arrays: Mapping[str, Any] | Sequence[Any]) -> None:
    """Writes arrays, with their names if they have any; replaces a file of that name."""
    names = list(arrays) if isinstance(arrays, Mapping) else []
    values = list(arrays.values()) if isinstance(arrays, Mapping) else list(arrays)
    with AtomicFile(path, force=True) as output:
        output.write(struct.pack("<QQQ", _LIST, 0, len(values)))
        for value in values:
            output.write(_packed(np.asarray(value)))
        output.write(struct.pack("<Q", len(names)))
        for name in names:
            text = name.encode("utf-8")
            output.write(struct.pack("<Q", len(text)) + text)


def _packed(array: NDArray[Any]) -> bytes:
    kind = next((flag for flag, name in _DTYPES.items() if np.dtype(name) == array.dtype), None)
    if kind is None or not array.ndim:
        raise ValueError(f"nd.save cannot save an array of {array.dtype} and shape {array.shape}")
    axes = array.ndim
    head = struct.pack(f"<Iii{axes}qiii", _V2, 0, axes, *array.shape, 1, 0, kind)
    return head + np.ascontiguousarray(array, "<" + _DTYPES[kind]).tobytes()


def load(path: StrPath) -> tuple[list[NDArray[Any]], list[str]]:
    """The arrays in a file, and their names: none, or one for each.

    Raises RecordError for a file of another kind or a damaged one, OSError as `open` does, and
    for a pipe or a device.
    """
    with open_regular(path) as file:
        head = file.read(_HEAD)
        data = head + (file.read() if head.startswith(struct.pack("<Q", _LIST)) else b"")
    try:
        return _ArrayFileReader(data).arrays()
    except (struct.error, ValueError, OverflowError, KeyError):
        raise RecordError(
            "this is not a whole file of arrays that mx.nd.save wrote", path=path
        ) from None


class _ArrayFileReader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def _read(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self._data, self._at)
        self._at += struct.calcsize("<" + layout)
        return values

    def _bytes(self, size: int) -> bytes:
        if not 0 <= size <= len(self._data) - self._at:
            raise ValueError(size)
        self._at += size
        return self._data[self._at - size : self._at]

    def arrays(self) -> tuple[list[NDArray[Any]], list[str]]:
        magic, _, count = self._read("QQQ")
        if magic != _LIST:
            raise ValueError(magic)
        arrays = [self._array() for _ in range(count)]
        (named,) = self._read("Q")
        names = [self._bytes(*self._read("Q")).decode("utf-8") for _ in range(named)]
        if named not in (0, count):
            raise ValueError(named)
        return arrays, names

    def _array(self) -> NDArray[Any]:
        (magic,) = self._read("I")
        if magic in (_V2, _V3) and self._read("i") != (0,):
            raise ValueError("sparse")
        axes = self._read("i")[0] if magic in (_V1, _V2, _V3) else magic
        if not 0 < axes <= _MOST_AXES:
            raise ValueError(axes)
        shape = self._read(f"{axes}{'q' if magic in (_V1, _V2, _V3) else 'I'}")
        _, _, kind = self._read("iii")
        dtype = np.dtype("<" + _DTYPES[kind])
        if min(shape) < 0:
            raise ValueError(shape)
        size = dtype.itemsize
        for length in shape:
            size *= length
        array: NDArray[Any] = np.array(np.frombuffer(self._bytes(size), dtype)).reshape(shape)
        return array
