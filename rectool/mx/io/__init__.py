"""`mx.io` without MXNet: batches, the iterators over `.rec` files, and those around iterators."""

from __future__ import annotations

import sys

from ...loading import DataBatch, DataDesc
from .base import DataIter
from .det_record_iter import ImageDetRecordIter
from .ndarray_iter import NDArrayIter
from .record_iter import ImageRecordInt8Iter, ImageRecordIter, ImageRecordUInt8Iter
from .wrapping import PrefetchingIter, ResizeIter

__all__ = [
    "DataBatch",
    "DataDesc",
    "DataIter",
    "ImageDetRecordIter",
    "ImageRecordInt8Iter",
    "ImageRecordIter",
    "ImageRecordUInt8Iter",
    "NDArrayIter",
    "PrefetchingIter",
    "ResizeIter",
]

io = sys.modules[__name__]
"""MXNet's mx.io.io: its names are here."""


def __getattr__(name: str) -> object:
    raise AttributeError(f"no mx.io.{name}: rectool's stand-in has {', '.join(__all__)}")
