"""`mx.io` without MXNet: DataIter, DataBatch, DataDesc and the iterators over `.rec` files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import loading
from ..loading import DataBatch, DataDesc
from .nd import NDArray

__all__ = [
    "DataBatch",
    "DataDesc",
    "DataIter",
    "ImageRecordInt8Iter",
    "ImageRecordIter",
    "ImageRecordUInt8Iter",
]

PASSED_OVER = frozenset(
    ("ctx", "device_id", "shuffle_chunk_seed", "shuffle_chunk_size", "verbose", "aug_seq")
)
"""MXNet's parameters that tune what is not here: see ImageRecordIter."""


class DataIter:
    """Base of what gives DataBatches, one after the other, until `reset`.

    A subclass overrides `iter_next`, which goes to the next batch and says whether there is one,
    and `getdata` and what else it has; or `next`.
    """

    provide_data: list[DataDesc]
    provide_label: list[DataDesc]

    def __init__(self, batch_size: int = 0) -> None:
        self.batch_size = batch_size

    def __iter__(self) -> DataIter:
        return self

    def __next__(self) -> DataBatch:
        return self.next()

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration behind the last."""
        if not self.iter_next():
            raise StopIteration
        return DataBatch(self.getdata(), self.getlabel(), self.getpad(), self.getindex())

    def reset(self) -> None:
        """Goes back to the beginning."""

    def iter_next(self) -> bool:
        """Goes to the next batch; whether there is one. Of this class there is none."""
        return False

    def getdata(self) -> Any:
        """The list of the present batch's arrays."""
        return None

    def getlabel(self) -> Any:
        """The list of the labels of the present batch, if it has any."""
        return None

    def getpad(self) -> int | None:
        """How many samples at the end of the present batch are there only to fill it."""
        return None

    def getindex(self) -> Any:
        """What says which samples the present batch has, if anything does."""
        return None


class ImageRecordIter(DataIter):
    """rectool.ImageRecordIter, which see for the parameters, with NDArrays in its batches.

    `backend` is by default mx.image.set_backend's. Passed over are the parameters that tune what
    only MXNet has: ctx, device_id and verbose; shuffle_chunk_size and shuffle_chunk_seed, for all
    records are shuffled here; and aug_seq "aug_default", the only one there is.
    """

    def __init__(self, **parameters: Any) -> None:
        if parameters.get("aug_seq", "aug_default") != "aug_default":
            raise ValueError(f"aug_seq {parameters['aug_seq']!r}: there is only aug_default")
        kept = {name: value for name, value in parameters.items() if name not in PASSED_OVER}
        if kept.get("mean_img") == "":
            del kept["mean_img"]
        if "backend" not in kept:
            from .image.geometry import get_backend  # noqa: PLC0415 - it has the image libraries

            kept["backend"] = get_backend()
        self._source = loading.ImageRecordIter(**kept)
        super().__init__(self._source.batch_size)
        self.provide_data = self._source.provide_data
        self.provide_label = self._source.provide_label
        self._batch: DataBatch | None = None

    def __iter__(self) -> Iterator[DataBatch]:  # type: ignore[override]  # leaves no thread
        return map(self._seen, self._source)

    def next(self) -> DataBatch:
        return self._seen(self._source.next())

    @staticmethod
    def _seen(batch: DataBatch) -> DataBatch:
        batch.data = [array.view(NDArray) for array in batch.data or ()]
        batch.label = [array.view(NDArray) for array in batch.label or ()]
        return batch

    def iter_next(self) -> bool:
        try:
            self._batch = self.next()
        except StopIteration:
            self._batch = None
        return self._batch is not None

    def _present(self) -> DataBatch:
        if self._batch is None:
            raise ValueError("no present batch: iter_next() goes to one")
        return self._batch

    def getdata(self) -> Any:
        """The images of the present batch: of this iterator an array, in MXNet too, and no list."""
        return (self._present().data or ())[0]

    def getlabel(self) -> Any:
        """The labels of the present batch, an array."""
        return (self._present().label or ())[0]

    def getpad(self) -> int | None:
        return self._present().pad

    def getindex(self) -> Any:
        return self._present().index

    def reset(self) -> None:
        self._batch = None
        self._source.reset()

    def close(self) -> None:
        """Ends the threads that read ahead, and closes the files."""
        self._source.close()


def ImageRecordUInt8Iter(**parameters: Any) -> ImageRecordIter:  # noqa: N802 - MXNet's name
    """ImageRecordIter of uint8: pixels as they are, neither mean nor std."""
    return ImageRecordIter(**_of_dtype(np.uint8, parameters))


def ImageRecordInt8Iter(**parameters: Any) -> ImageRecordIter:  # noqa: N802 - MXNet's name
    """ImageRecordIter of int8: pixels less the rounded means."""
    return ImageRecordIter(**_of_dtype(np.int8, parameters))


def _of_dtype(dtype: type[np.generic], parameters: dict[str, Any]) -> dict[str, Any]:
    name = np.dtype(dtype).name
    if "dtype" in parameters and np.dtype(parameters["dtype"]) != dtype:
        raise ValueError(f"dtype {parameters['dtype']}: this iterator's is {name}")
    return {**parameters, "dtype": name}


def __getattr__(name: str) -> object:
    boxes = "; for boxes there is mx.image.ImageDetIter" if name == "ImageDetRecordIter" else ""
    raise AttributeError(f"no mx.io.{name}: rectool's stand-in has {', '.join(__all__)}{boxes}")
