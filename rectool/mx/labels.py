"""The labels of a record with several labels: float32, and whole numbers where that is asked for.

`torch.tensor(header.label[0], dtype=torch.long)` stands in much face recognition code, and PyTorch
takes no numpy.float32 for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    _Base = np.ndarray[Any, np.dtype[np.float32]]
else:
    _Base = np.ndarray


class Label(np.float32):
    """A numpy.float32 that is an index where it is a whole number."""

    def __index__(self) -> int:
        if not self.is_integer():
            raise TypeError(f"label {self} is no whole number")
        return int(self)


class LabelArray(_Base):
    """A float32 array whose items are Labels."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return Label(found) if type(found) is np.float32 else found

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))
