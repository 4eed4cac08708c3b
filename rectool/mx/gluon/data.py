"""`mx.gluon.data`: data sets by position, which any framework's data loader takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any

from ...errors import StrPath
from ..recordio import MXIndexedRecordIO

__all__ = ["ArrayDataset", "Dataset", "RecordFileDataset", "SimpleDataset"]


class Dataset:
    """Base of what has samples by position: a subclass overrides `__getitem__` and `__len__`."""

    def __getitem__(self, idx: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__ of its own")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__ of its own")

    def filter(self, fn: Callable[[Any], Any]) -> Dataset:
        """The samples for which `fn` is true; each is read once for that."""
        return _Chosen(self, [at for at in range(len(self)) if fn(self[at])])

    def shard(self, num_shards: int, index: int) -> Dataset:
        """One of so many parts, whose lengths differ by one at most."""
        if not 0 <= index < num_shards:
            raise ValueError(f"index must be from 0 to {num_shards - 1}, got {index}")
        size, more = divmod(len(self), num_shards)
        begin = size * index + min(index, more)
        return _Chosen(self, range(begin, begin + size + (index < more)))

    def take(self, count: int | None) -> Dataset:
        """The first `count` samples, or all."""
        return _Chosen(self, range(len(self) if count is None else min(count, len(self))))

    def sample(self, sampler: Iterable[int]) -> Dataset:
        """The samples at the positions that `sampler` gives, in its order."""
        return _Chosen(self, list(sampler))

    def transform(self, fn: Callable[..., Any], lazy: bool = True) -> Dataset:
        """What `fn` makes of each sample, whenever it is read; or of all now, unless `lazy`."""
        made = _Transformed(self, fn)
        return made if lazy else SimpleDataset([made[at] for at in range(len(made))])

    def transform_first(self, fn: Callable[[Any], Any], lazy: bool = True) -> Dataset:
        """As `transform`, of the first item of each sample."""
        return self.transform(_First(fn), lazy)


class SimpleDataset(Dataset):
    """The items of a list, or of anything that is like one."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, idx: int) -> Any:
        return self._data[idx]


class ArrayDataset(Dataset):
    """Lists or arrays of one length side by side: a sample is a tuple of an item of each."""

    def __init__(self, *args: Any) -> None:
        lengths = sorted({len(one) for one in args})
        if len(lengths) != 1:
            raise ValueError(f"arrays must have one length, got {lengths}")
        self._data, self._length = args, lengths[0]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, idx: int) -> Any:
        items = tuple(one[idx] for one in self._data)
        return items if len(items) > 1 else items[0]


class RecordFileDataset(Dataset):
    """The records of a `.rec` as bytes, in the order of the `.idx` beside it."""

    def __init__(self, filename: StrPath) -> None:
        self.filename = os.fspath(filename)
        self.idx_file = os.path.splitext(self.filename)[0] + ".idx"
        self._record = MXIndexedRecordIO(self.idx_file, self.filename, "r")

    def __len__(self) -> int:
        return len(self._record.keys)

    def __getitem__(self, idx: int) -> Any:
        return self._record.read_idx(self._record.keys[idx])


class _Chosen(Dataset):
    def __init__(self, data: Dataset, positions: Sequence[int]) -> None:
        self._data, self._positions = data, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, idx: int) -> Any:
        return self._data[self._positions[idx]]


class _Transformed(Dataset):
    def __init__(self, data: Dataset, fn: Callable[..., Any]) -> None:
        self._data, self._fn = data, fn

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, idx: int) -> Any:
        sample = self._data[idx]
        return self._fn(*sample) if isinstance(sample, tuple) else self._fn(sample)


class _First:
    """A class, and no function in a function, which could not be pickled."""

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self._fn = fn

    def __call__(self, first: Any, *others: Any) -> Any:
        return (self._fn(first), *others) if others else self._fn(first)


_MODULES = {"dataset": ".data", "vision": ".vision"}
"""This one under MXNet's longer name, and the one that is built on it."""


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(_MODULES[name], __package__)
    raise AttributeError(
        f"no mx.gluon.data.{name}: rectool's stand-in has {', '.join(__all__)} and vision, which"
        " any framework's data loader takes"
    )
