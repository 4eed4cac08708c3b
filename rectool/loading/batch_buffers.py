"""The memory of batches: empty ones for threads to fill, used again when they are freed."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .labels import BatchLabels
from .masks import MaskRows


@dataclass
class RawBatch:
    """A batch that is being made: of an epoch's `order`, the samples from place `first` on."""

    epoch: int
    order: NDArray[np.int64]
    first: int
    rows: int
    pad: int
    data: NDArray[Any]
    label: NDArray[np.float32]
    mask: Any
    """An array, or None without masks."""
    index: NDArray[np.int64]


class BatchAllocator:
    """Makes batches of `shape` (samples, channels, height, width); `most` are kept for new use.

    Unless it `rounds`, the rows behind an epoch's last sample are left empty: zero, and of labels
    and masks what fills those.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        labels: BatchLabels,
        masks: MaskRows | None,
        *,
        rounds: bool,
        most: int,
    ) -> None:
        self._labels, self._rounds = labels, rounds
        self.label_shape = (shape[0], *labels.shape)
        self.mask_shape = (shape[0], *shape[2:])
        self._data = Buffers(shape, dtype, most)
        self._fill = 0 if masks is None else masks.fill
        self._masks = None if masks is None else Buffers(self.mask_shape, masks.dtype, most)

    def make(self, epoch: int, order: NDArray[np.int64], number: int) -> RawBatch:
        size = self.label_shape[0]
        first = number * size
        real = min(size, len(order) - first)
        rows = size if self._rounds else real
        data = self._data.take()
        data[rows:] = 0
        label = np.full(self.label_shape, self._labels.fill, np.float32)
        mask = None if self._masks is None else self._masks.take()
        if mask is not None:
            mask[rows:] = self._fill
        index = np.full(size, -1, np.int64)
        return RawBatch(epoch, order, first, rows, size - real, data, label, mask, index)

    def clear(self) -> None:
        """Lets go of the memory that has come back."""
        self._data.clear()
        if self._masks is not None:
            self._masks.clear()


class Buffers:
    """Makes arrays of one shape. To have their memory mapped anew costs a tenth of a batch's time.

    An array's memory comes back when the array, and all views of it, are gone: `lease` below is the
    object that all of them refer to. What comes back is kept, `most` arrays of it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, most: int) -> None:
        self._shape, self._dtype, self._most = shape, np.dtype(dtype), most
        self._free: list[memoryview] = []

    def take(self) -> NDArray[Any]:
        """An array, what is in it left as it is."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = np.empty(self._shape, self._dtype).data.cast("B")
        # the base of a view is never a memoryview's array itself, and so all views keep the lease
        lease = np.frombuffer(memory, self._dtype)
        weakref.finalize(lease, self._give_back, memory).atexit = False
        return lease.reshape(self._shape)

    def _give_back(self, memory: memoryview) -> None:
        if len(self._free) < self._most:
            self._free.append(memory)

    def clear(self) -> None:
        """Lets go of the memory that has come back."""
        self._free.clear()
