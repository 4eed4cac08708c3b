"""`mx.io.NDArrayIter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ...loading import DataBatch, DataDesc
from ..nd import NDArray, array, own
from .base import BatchIter

_HANDLES = ("pad", "discard", "roll_over")


class NDArrayIter(BatchIter):
    """Batches of arrays in memory, the axis N of `layout` counting the samples.

    `data` and `label` are an array, a list, or a dict by name; numpy arrays become float32.
    `shuffle` draws from numpy.random at each reset. `last_batch_handle` says what becomes of
    samples that fill no batch: "pad" fills it up from the beginning, "discard" leaves them out,
    "roll_over" gives them first after the next `reset`. Raises ValueError for arrays of different
    lengths or without a sample.
    """

    def __init__(
        self,
        data: Any,
        label: Any = None,
        batch_size: int = 1,
        shuffle: bool = False,
        last_batch_handle: Literal["pad", "discard", "roll_over"] = "pad",
        data_name: str = "data",
        label_name: str = "softmax_label",
        layout: str = "NCHW",
    ) -> None:
        super().__init__(batch_size)
        if last_batch_handle not in _HANDLES:
            raise ValueError(
                f"last_batch_handle must be one of {', '.join(_HANDLES)}, got {last_batch_handle!r}"
            )
        self.data, self.label = _named(data, data_name), _named(label, label_name)
        self.shuffle, self.last_batch_handle, self.layout = shuffle, last_batch_handle, layout
        self._axis = max(layout.find("N"), 0)
        counts = {one.shape[self._axis] for _, one in self.data + self.label}
        if len(counts) != 1 or 0 in counts:
            raise ValueError(f"arrays must have the same number of samples, got {sorted(counts)}")
        self.num_data: int = counts.pop()
        self.idx = np.arange(self.num_data)
        self._order = self.idx.copy()
        self._rest = self.idx[:0]
        self.provide_data, self.provide_label = self._described(self.data, self.label)
        self.hard_reset()

    def _described(self, *arrays: list[tuple[str, NDArray]]) -> list[list[DataDesc]]:
        at = self._axis
        return [
            [
                DataDesc(
                    name,
                    (*one.shape[:at], self.batch_size, *one.shape[at + 1 :]),
                    one.dtype.type,
                    self.layout,
                )
                for name, one in some
            ]
            for some in arrays
        ]

    def reset(self) -> None:
        if self.shuffle:
            np.random.shuffle(self.idx)
            self._order = self._order[self.idx]
        self.cursor = -len(self._rest)

    def hard_reset(self) -> None:
        """As `reset`, and forgets samples that were to be rolled over."""
        self._rest = self.idx[:0]
        self.reset()

    def _next(self) -> DataBatch:
        begin, end = max(self.cursor, 0), self.cursor + self.batch_size
        if begin >= self.num_data:
            raise StopIteration
        rest, self._rest = self._rest, self.idx[:0]
        samples = np.concatenate([rest, self._order[begin:end]])
        missing = self.batch_size - len(samples)
        self.cursor = end
        if missing and self.last_batch_handle != "pad":
            if self.last_batch_handle == "roll_over":
                self._rest = samples
            raise StopIteration
        samples = np.concatenate([samples, np.resize(self._order, missing)])
        data, label = (
            [own(np.take(one, samples, self._axis)) for _, one in some]
            for some in (self.data, self.label)
        )
        return DataBatch(data, label, missing or len(rest))


def _named(given: Any, name: str) -> list[tuple[str, NDArray]]:
    """Arrays and their names, sorted by name."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        several = list(given) if isinstance(given, Sequence) else [given]
        single = len(several) == 1
        given = {name if single else f"_{i}_{name}": one for i, one in enumerate(several)}
    return [(key, array(given[key])) for key in sorted(given)]
