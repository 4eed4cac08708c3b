"""Arrays whose memory is used again, once nobody can see it any more."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


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
