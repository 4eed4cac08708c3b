"""`mx.io.DataIter`."""

from __future__ import annotations

from typing import Any

from ...loading import DataBatch, DataDesc


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


class BatchIter(DataIter):
    """A DataIter whose subclasses override `_next`, which makes whole batches."""

    _batch: DataBatch | None = None

    def _next(self) -> DataBatch:
        raise StopIteration

    def next(self) -> DataBatch:
        self._batch = None
        self._batch = self._next()
        return self._batch

    def iter_next(self) -> bool:
        try:
            self.next()
        except StopIteration:
            return False
        return True

    def _present(self) -> DataBatch:
        if self._batch is None:
            raise ValueError("no present batch: iter_next() and next() go to one")
        return self._batch

    def getdata(self) -> Any:
        return self._present().data

    def getlabel(self) -> Any:
        return self._present().label

    def getpad(self) -> int | None:
        return self._present().pad

    def getindex(self) -> Any:
        return self._present().index
