"""Threads that make batches ahead: their order, their limit, their errors, their end."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from helpers.processes import PATIENCE, until

from rectool.loading.prefetch import Prefetcher


@dataclass
class Batch:
    number: int
    rows: int
    filled: list[int] = field(default_factory=list)


class Work:
    """What Prefetcher is given: it says what was made, and waits or raises where it is told to."""

    def __init__(self, rows: int = 3) -> None:
        self.rows = rows
        self.made: list[int] = []
        self.bad_batches: dict[int, BaseException] = {}
        self.bad_rows: dict[tuple[int, int], BaseException] = {}
        self.waits: dict[int, threading.Event] = {}
        self.begun: list[tuple[int, int]] = []

    def make(self, number: int) -> Batch:
        self.made.append(number)
        if number in self.bad_batches:
            raise self.bad_batches[number]
        return Batch(number, self.rows + number % 2)

    def fill(self, batch: Batch, row: int) -> None:
        self.begun.append((batch.number, row))
        if batch.number in self.waits:
            assert self.waits[batch.number].wait(PATIENCE)
        if (batch.number, row) in self.bad_rows:
            raise self.bad_rows[batch.number, row]
        batch.filled.append(row)

    def prefetcher(self, batches: range, threads: int = 3, buffer: int = 2) -> Prefetcher[Batch]:
        return Prefetcher(self.make, self.fill, batches, threads, buffer)


def check(batch: Batch, number: int) -> None:
    assert batch.number == number
    assert sorted(batch.filled) == list(range(batch.rows))


def ended(prefetcher: Prefetcher[Batch]) -> bool:
    return not any(thread.is_alive() for thread in prefetcher._threads)


def waiting(prefetcher: Prefetcher[Batch]) -> int:
    """How many threads wait for something to change; this one's lock is free when it is seen."""
    with prefetcher._lock:
        return len(prefetcher._changed._waiters)  # type: ignore[attr-defined]


def when(condition: Callable[[], object], act: Callable[[], object]) -> None:
    """Lets another thread do that as soon as the condition holds."""

    def wait() -> None:
        until(condition, "what another thread waits for")
        act()

    threading.Thread(target=wait, daemon=True).start()


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("buffer", [1, 4])
@pytest.mark.parametrize("batches", [range(20), range(5, 8), range(3, 4)])
def test_batches_are_whole_and_in_order(threads: int, buffer: int, batches: range) -> None:
    work = Work()
    prefetcher = work.prefetcher(batches, threads, buffer)
    for number in batches:
        assert prefetcher.taken == number
        check(prefetcher.take(), number)
    assert prefetcher.taken == batches.stop
    assert work.made == list(batches)
    until(lambda: ended(prefetcher), "threads left behind the last batch")
    assert (prefetcher._making, prefetcher._left, prefetcher._errors) == ({}, {}, {})
    prefetcher.close()


def test_no_batches_at_all() -> None:
    prefetcher = Work().prefetcher(range(4, 4))
    until(lambda: ended(prefetcher), "threads with nothing to do")


@pytest.mark.parametrize("buffer", [1, 2, 5])
@pytest.mark.parametrize("threads", [1, 4])
def test_no_more_are_made_than_the_buffer_holds(buffer: int, threads: int) -> None:
    work = Work()
    prefetcher = work.prefetcher(range(30), threads, buffer)
    for taken in range(8):
        until(lambda: waiting(prefetcher) == threads, "threads that do not come to rest")
        assert len(work.made) == taken + buffer
        check(prefetcher.take(), taken)
    prefetcher.close()
    assert len(work.made) <= 8 + buffer
    assert ended(prefetcher)


def test_a_slow_batch_does_not_let_the_others_grow() -> None:
    work = Work()
    work.waits[0] = threading.Event()
    prefetcher = work.prefetcher(range(30), threads=5, buffer=3)
    until(
        lambda: waiting(prefetcher) == 2, "threads that do not come to rest"
    )  # the others are at rows
    assert work.made == [0, 1, 2]
    work.waits[0].set()
    for number in range(30):
        check(prefetcher.take(), number)


def test_several_threads_fill_one_batch() -> None:
    work = Work(rows=4)
    work.waits[0] = threading.Event()
    prefetcher = work.prefetcher(range(1), threads=4)
    until(lambda: len(work.begun) == 4, "rows of a batch are filled one by one")
    work.waits[0].set()
    check(prefetcher.take(), 0)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("kind", [ValueError, MemoryError, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("buffer", [1, 3])
def test_errors_belong_to_their_batch(threads: int, kind: type[BaseException], buffer: int) -> None:
    """Of rows, of several rows, of batches that cannot even be begun."""
    work = Work()
    work.bad_rows = {(at, 1): kind(f"row 1 of {at}") for at in (0, 5, 9)}
    work.bad_rows[5, 2] = work.bad_rows[5, 3] = work.bad_rows[5, 1]
    work.bad_batches = {at: kind(f"no batch {at}") for at in (2, 3, 8)}
    prefetcher = work.prefetcher(range(10), threads, buffer)
    for number in range(10):
        if number in (0, 5, 9):
            with pytest.raises(kind, match=f"row 1 of {number}"):
                prefetcher.take()
        elif number in work.bad_batches:
            with pytest.raises(kind, match=f"no batch {number}"):
                prefetcher.take()
        else:
            check(prefetcher.take(), number)
        assert prefetcher.taken == number + 1
    until(lambda: ended(prefetcher), "threads left behind the last batch")
    assert (prefetcher._making, prefetcher._left, prefetcher._errors) == ({}, {}, {})


def test_all_rows_of_a_batch_with_an_error_are_done_when_it_is_raised() -> None:
    """Nothing is written behind the back of who takes the error."""
    work = Work(rows=2)
    work.bad_rows[0, 0] = ValueError("at once")
    release = threading.Event()

    def fill(batch: Batch, row: int) -> None:
        if row == 1:
            assert release.wait(PATIENCE)
        work.fill(batch, row)

    prefetcher = Prefetcher(work.make, fill, range(1), 2, 1)
    when(lambda: waiting(prefetcher), release.set)
    with pytest.raises(ValueError, match="at once"):
        prefetcher.take()
    assert release.is_set()


@pytest.mark.parametrize("taken", [0, 1, 4])
def test_closed_while_the_buffer_is_full(taken: int) -> None:
    work = Work()
    prefetcher = work.prefetcher(range(100), threads=4, buffer=3)
    for number in range(taken):
        check(prefetcher.take(), number)
    until(lambda: len(work.made) == taken + 3, "too little is made")
    prefetcher.close()
    assert ended(prefetcher)
    prefetcher.close()


def test_closed_while_rows_are_filled() -> None:
    """It waits for the rows that are begun, and no other is begun."""
    work = Work(rows=8)
    work.waits[0] = threading.Event()
    prefetcher = work.prefetcher(range(100), threads=2)
    until(lambda: len(work.begun) == 2, "idle threads")
    when(lambda: not prefetcher.alive, work.waits[0].set)
    prefetcher.close()
    assert ended(prefetcher)
    assert len(work.begun) == 2


def test_who_waits_while_it_is_closed_does_not_wait_for_ever() -> None:
    work = Work()
    work.waits[0] = threading.Event()
    prefetcher = work.prefetcher(range(3), threads=1)
    until(lambda: work.begun, "idle threads")
    caught: list[BaseException] = []

    def take() -> None:
        try:
            prefetcher.take()
        except ValueError as error:
            caught.append(error)

    taker = threading.Thread(target=take)
    taker.start()
    until(lambda: waiting(prefetcher), "nobody waits")
    when(lambda: not prefetcher.alive, work.waits[0].set)
    prefetcher.close()
    taker.join(PATIENCE)
    assert not taker.is_alive()
    assert "closed" in str(caught)
    with pytest.raises(ValueError, match="closed"):
        prefetcher.take()


class Owner:
    def __init__(self, work: Work) -> None:
        self.prefetcher = work.prefetcher(range(100))
        self.itself = self  # so that only the garbage collector finds it
        weakref.finalize(self, Prefetcher.close, self.prefetcher)


@pytest.mark.parametrize("where", ["here", "in its own thread"])
def test_a_collected_owner_ends_the_threads(where: str) -> None:
    work = Work()
    if where == "in its own thread":
        work.waits[3] = threading.Event()
        wait = work.waits[3].wait

        def collect(timeout: float | None = None) -> bool:
            done = wait(timeout)
            gc.collect()
            return done

        work.waits[3].wait = collect  # type: ignore[method-assign]
    gc.disable()
    try:
        owner = Owner(work)
        prefetcher = owner.prefetcher
        check(prefetcher.take(), 0)
        check(prefetcher.take(), 1)
        until(lambda: 3 in work.made, "too little is made")
        alive = weakref.ref(owner)
        del owner
        assert alive() is not None
        if where == "here":
            gc.collect()
            assert ended(prefetcher)
        else:
            work.waits[3].set()
            until(lambda: ended(prefetcher), "threads that nobody needs")
        assert alive() is None
    finally:
        gc.enable()


def test_threads_that_wait_hold_no_batch() -> None:
    work = Work()
    prefetcher = work.prefetcher(range(9), threads=3, buffer=1)
    batch = prefetcher.take()
    until(lambda: waiting(prefetcher) == 3, "threads that do not come to rest")
    assert work.made == [0, 1]
    alive = weakref.ref(batch)
    del batch
    assert alive() is None
    prefetcher.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_no_threads() -> None:
    """It is not alive there, closes at once, and goes on here."""
    work = Work()
    prefetcher = work.prefetcher(range(10))
    check(prefetcher.take(), 0)
    with prefetcher._changed:  # what a thread may be holding at any moment
        child = os.fork()
        if not child:
            prefetcher._changed = None  # type: ignore[assignment]
            status = 1
            try:
                prefetcher.close()
                status = int(prefetcher.alive)
            finally:
                os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert prefetcher.alive
    for number in range(1, 10):
        check(prefetcher.take(), number)


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals between threads")
def test_interrupted_while_it_waits() -> None:
    """Ctrl-C loses no batch."""
    work = Work()
    work.waits[1] = threading.Event()
    prefetcher = work.prefetcher(range(4))
    check(prefetcher.take(), 0)
    me = threading.get_ident()
    for _ in range(3):
        when(lambda: waiting(prefetcher), lambda: signal.pthread_kill(me, signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            prefetcher.take()
        assert prefetcher.taken == 1
    work.waits[1].set()
    for number in range(1, 4):
        check(prefetcher.take(), number)


def test_threads_that_cannot_be_had_leave_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would wait for somebody to take what nobody has."""
    begun: list[threading.Thread] = []
    start = threading.Thread.start

    def third_fails(thread: threading.Thread) -> None:
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)
        begun.append(thread)

    monkeypatch.setattr(threading.Thread, "start", third_fails)
    with pytest.raises(RuntimeError, match="can't start"):
        Work().prefetcher(range(20))
    assert len(begun) == 2
    assert not any(thread.is_alive() for thread in begun)
