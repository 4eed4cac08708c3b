"""What an iterator gives, under MXNet's names (mx.io)."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class DataDesc(namedtuple("DataDesc", ["name", "shape"])):
    """Name and shape of an array in a batch; a pair, as in MXNet, with two more attributes.

    `dtype` is a numpy type, `layout` says which axis is what, "NCHW" for images.
    """

    dtype: Any
    layout: str | None

    def __new__(
        cls, name: str, shape: tuple[int, ...], dtype: Any = np.float32, layout: str | None = "NCHW"
    ) -> DataDesc:
        made = super().__new__(cls, name, shape)
        made.dtype, made.layout = dtype, layout
        return made

    def __repr__(self) -> str:
        return f"DataDesc[{self.name},{self.shape},{self.dtype},{self.layout}]"


class DataBatch:
    """A batch: `data` and `label` are lists of arrays, the first axis counts the samples.

    `pad` is how many samples at the end are there only to fill the batch. `index` are the samples'
    keys. `provide_data` and `provide_label` describe the arrays, where they are given. A batch
    unpacks into its arrays, data first: `for images, labels in batches`; with masks
    `for images, labels, masks in batches`.
    """

    def __init__(
        self,
        data: Sequence[Any] | None,
        label: Sequence[Any] | None = None,
        pad: int | None = None,
        index: Any = None,
        bucket_key: Any = None,
        provide_data: list[DataDesc] | None = None,
        provide_label: list[DataDesc] | None = None,
    ) -> None:
        for name, arrays in (("data", data), ("label", label)):
            if arrays is not None and not isinstance(arrays, list | tuple):
                raise TypeError(f"{name} must be a list of arrays, got {type(arrays).__name__}")
        self.data = data
        self.label = label
        self.pad = pad
        self.index = index
        self.bucket_key = bucket_key
        self.provide_data = provide_data
        self.provide_label = provide_label

    def __iter__(self) -> Iterator[Any]:
        return iter([*(self.data or ()), *(self.label or ())])

    def __str__(self) -> str:
        data, label = (
            [array.shape for array in arrays] if arrays else None
            for arrays in (self.data, self.label)
        )
        return f"{type(self).__name__}: data shapes: {data} label shapes: {label}"
