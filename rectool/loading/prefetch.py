"""Fills batches in background threads, ahead of the consumer."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from .batch_buffers import RawBatch


class Prefetcher:
    """Batches `begin` to `end` - 1, made by `threads` threads, in order, at most `buffer` ahead.

    `make(number)` gives an empty batch, `fill(batch, row)` fills a row of it; both run in the
    threads, rows of the same batch and of the next at the same time. What they raise, `take` raises
    for that batch, of several rows' the first's; the batches behind it are made all the same.
    `taken` is the number of the next one.

    The threads end with the last batch, or at `close`. They know this object and no other, so that
    its owner can be collected while they work; they are daemons, and a program's end kills them.
    """

    def __init__(
        self,
        make: Callable[[int], RawBatch],
        fill: Callable[[RawBatch, int], None],
        batches: range,
        threads: int,
        buffer: int,
    ) -> None:
        self._make, self._fill = make, fill
        self._batches, self._buffer = batches, buffer
        self.taken = self._begun = batches.start
        self._row = 0
        self._making: dict[int, RawBatch] = {}
        self._left: dict[int, int] = {}
        self._errors: dict[int, dict[int, BaseException]] = {}  # of a batch, by rows
        self._closed = False
        # taken by itself, not by way of the condition: that is written in Python, and a signal that
        # raises while it takes the lock would leave it taken
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._process = os.getpid()
        self._threads = [
            threading.Thread(target=self._work, name=f"rectool-{number}", daemon=True)
            for number in range(threads)
        ]
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:  # no thread more is to be had, or a signal
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """False once closed, and in a process forked since: threads do not come along."""
        return not self._closed and self._process == os.getpid()

    def take(self) -> RawBatch:
        """The next batch, as soon as it is whole. There must be one; ValueError once closed."""
        with self._lock:
            number = self.taken
            while self._left.get(number, 1):
                if self._closed:
                    raise ValueError("the iterator was closed while it made batches")
                self._changed.wait()
            self.taken += 1
            self._changed.notify_all()
            del self._left[number]
            errors = self._errors.pop(number, None)
            if errors:
                self._making.pop(number, None)
                raise errors[min(errors)]
            return self._making.pop(number)

    def close(self) -> None:
        """Ends the threads, each behind the row that it is at. A second call does nothing.

        Unless the first was interrupted: it goes on with that.
        """
        if self._process != os.getpid():
            return
        with self._lock:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() not in self._threads:  # which may hold the lock: a collection
            for thread in self._threads:
                if thread.is_alive():
                    thread.join()

    def _work(self) -> None:
        while self._work_on_row():
            pass

    def _work_on_row(self) -> bool:
        """One row; False where there are no more. A function: while they wait threads hold none."""
        task = self._next()
        if task is None:
            return False
        number, batch, row = task
        error = None
        try:
            self._fill(batch, row)
        except BaseException as raised:  # noqa: BLE001 - it belongs to who takes the batch
            error = raised
        with self._lock:
            if error is not None:
                self._errors.setdefault(number, {})[row] = error
            self._left[number] -= 1
            if not self._left[number]:
                self._changed.notify_all()
        return True

    def _next(self) -> tuple[int, RawBatch, int] | None:
        """The next row that is not begun; waits while enough is ahead. None: no more to do."""
        with self._lock:
            while not self._closed and self._begun < self._batches.stop:
                number = self._begun
                if number >= self.taken + self._buffer:
                    self._changed.wait()
                elif self._row or self._begin(number):
                    batch, row = self._making[number], self._row
                    self._row += 1
                    if self._row == batch.rows:
                        self._row, self._begun = 0, number + 1
                    return number, batch, row
        return None

    def _begin(self, number: int) -> bool:
        """Makes an empty batch; False where that failed, and that is what `take` raises."""
        try:
            batch = self._make(number)
        except BaseException as error:  # noqa: BLE001 - the same
            self._errors[number], self._left[number] = {0: error}, 0
            self._begun += 1
            self._changed.notify_all()
            return False
        self._making[number], self._left[number] = batch, batch.rows
        return True
