"""Iterators around iterators: `mx.io.ResizeIter` and `mx.io.PrefetchingIter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ...loading import DataBatch, DataDesc
from .base import BatchIter, DataIter


class ResizeIter(BatchIter):
    """`size` batches an epoch, however many `data_iter` has, which begins again at its end.

    `reset` resets it too, unless `reset_internal` is false.
    """

    def __init__(self, data_iter: DataIter, size: int, reset_internal: bool = True) -> None:
        super().__init__(data_iter.batch_size)
        self.data_iter = data_iter
        self.size = size
        self.reset_internal = reset_internal
        self.cur = 0
        self.provide_data = data_iter.provide_data
        self.provide_label = data_iter.provide_label

    def reset(self) -> None:
        self.cur = 0
        if self.reset_internal:
            self.data_iter.reset()

    def _next(self) -> DataBatch:
        if self.cur >= self.size:
            raise StopIteration
        try:
            batch = self.data_iter.next()
        except StopIteration:
            self.data_iter.reset()
            batch = self.data_iter.next()
        self.cur += 1
        return batch


class PrefetchingIter(BatchIter):
    """The batches of one iterator or several side by side, each made in a thread, one ahead.

    `rename_data` and `rename_label` map the names of each iterator's arrays to other ones. An error
    of an iterator is raised by `next`.
    """

    def __init__(
        self,
        iters: DataIter | list[DataIter],
        rename_data: Sequence[Mapping[str, str]] | None = None,
        rename_label: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        self.iters = iters if isinstance(iters, list) else [iters]
        if not self.iters:
            raise ValueError("PrefetchingIter requires an iterator")
        super().__init__(self.iters[0].provide_data[0][1][0])
        self.provide_data = _described([one.provide_data for one in self.iters], rename_data)
        self.provide_label = _described([one.provide_label for one in self.iters], rename_label)
        self._pool = ThreadPoolExecutor(len(self.iters), "PrefetchingIter")
        self._coming: list[Future[DataBatch | None]] = []
        self._ended = False

    def _ask(self) -> None:
        self._coming = [self._pool.submit(_taken, one) for one in self.iters]

    def reset(self) -> None:
        for future in self._coming:
            future.exception()  # waits: nothing is reset while its thread is at it
        self._coming, self._ended = [], False
        for one in self.iters:
            one.reset()

    def _next(self) -> DataBatch:
        if self._ended:
            raise StopIteration
        if not self._coming:
            self._ask()
        coming, self._coming = self._coming, []
        batches = [future.result() for future in coming]
        whole = [batch for batch in batches if batch is not None]
        if len({batch.pad for batch in whole}) > 1 or len(whole) not in (0, len(batches)):
            raise ValueError("the iterators side by side have different numbers of samples")
        if not whole:
            self._ended = True
            raise StopIteration
        self._ask()
        return DataBatch(
            [array for batch in whole for array in batch.data or ()],
            [array for batch in whole for array in batch.label or ()],
            whole[0].pad,
            whole[0].index,
            provide_data=self.provide_data,
            provide_label=self.provide_label,
        )

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(cancel_futures=True)

    def __del__(self) -> None:
        if hasattr(self, "_pool"):
            self._pool.shutdown(wait=False, cancel_futures=True)


def _taken(source: DataIter) -> DataBatch | None:
    try:
        return source.next()
    except StopIteration:
        return None


def _described(
    described: list[list[DataDesc]], renames: Sequence[Mapping[str, str]] | None
) -> list[DataDesc]:
    names: Any = renames or [{}] * len(described)
    return [
        DataDesc(name.get(one[0], one[0]), one[1], *_kind(one))
        for name, some in zip(names, described, strict=True)
        for one in some
    ]


def _kind(description: Any) -> list[Any]:
    """The dtype and the layout of what may be a plain pair of name and shape."""
    described = isinstance(description, DataDesc)
    return [description.dtype, description.layout] if described else []
