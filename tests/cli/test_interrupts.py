"""Signals whose handlers raise, at any moment, while batches are taken and threads are ended."""

from __future__ import annotations

import random
import signal
import threading
from pathlib import Path

import pytest
from helpers.batches import SHAPE, flats
from helpers.processes import PATIENCE

from rectool import ImageRecordIter

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")


class Interrupt(BaseException):
    pass


def interrupt(*_: object) -> None:
    raise Interrupt


# one within a finalizer is not raised, but shown
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_moment_ends_in_no_hang(tmp_path: Path) -> None:
    rec = flats(tmp_path / "a.rec", 60)
    before, draw = threading.active_count(), random.Random(1)
    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(400):
            it = ImageRecordIter(rec, SHAPE, 2, preprocess_threads=2, prefetch_buffer=1)
            next(it)
            # RuntimeError: interrupted on its way to wait, which has let go of the lock already
            try:  # and no suppress(): its end would be a moment between two blocks
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-5, 5e-3))
                for _ in it:
                    pass
                signal.setitimer(signal.ITIMER_REAL, 0)
            except (Interrupt, RuntimeError):
                pass
            closing = threading.Thread(target=it.close, daemon=True)
            closing.start()
            closing.join(PATIENCE)
            assert not closing.is_alive()
            assert threading.active_count() == before
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
