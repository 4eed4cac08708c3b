"""The pool: order, bounded work, death."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator

import pytest

from rectool.system.workers import Pool, WorkerDiedError

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


def slow_square(number: int) -> int:
    time.sleep(random.random() * 0.004)
    return number * number


def fail_at_7(number: int) -> int:
    if number == 7:
        raise ValueError("seven")
    return number


def die_at_7(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def exit_at_7(number: int) -> int:
    if number == 7:
        os._exit(3)
    return number


def echo(data: bytes) -> bytes:
    return data


def shout(number: int) -> int:
    os.write(2, b"by file")
    sys.stderr.write("by name")
    warnings.warn("a warning", stacklevel=1)
    return number


def slow_first(number: int) -> int:
    time.sleep(0.5 if number == 0 else 0)
    return number


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_are_in_the_order_of_the_tasks(workers: int, method: str) -> None:
    with Pool(slow_square, workers, method) as pool:
        assert list(pool.map(range(60))) == [number * number for number in range(60)]
        assert list(pool.map([])) == []
        assert list(pool.map([5])) == [25]


def test_large_tasks_and_results_do_not_block() -> None:
    with Pool(echo, 2) as pool:
        tasks = [bytes([number]) * 3_000_000 for number in range(12)]
        assert list(pool.map(tasks)) == tasks


def test_one_slow_task_does_not_let_the_queue_grow() -> None:
    given = 0

    def tasks() -> Iterator[int]:
        nonlocal given
        for number in range(10_000):
            given += 1
            yield number

    with Pool(slow_first, 2) as pool:
        results = pool.map(tasks())
        assert next(results) == 0
        assert given <= 16


def test_what_the_function_raises_is_raised() -> None:
    with Pool(fail_at_7, 2) as pool:
        results = pool.map(range(20))
        assert [next(results) for _ in range(7)] == list(range(7))
        with pytest.raises(ValueError, match="seven"):
            next(results)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("function", "says"),
    [(die_at_7, "ended by SIGKILL"), (exit_at_7, "ended with status 3")],
)
def test_a_worker_that_dies_is_noticed_and_its_task_named(function: object, says: str) -> None:
    with Pool(function, 3) as pool:  # type: ignore[arg-type]
        with pytest.raises(WorkerDiedError, match=says) as caught:
            list(pool.map(range(1000)))
        assert caught.value.tasks[0] == 7


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_are_silent(capfd: pytest.CaptureFixture[str], method: str) -> None:
    with Pool(shout, 2, method) as pool:
        assert list(pool.map(range(5))) == list(range(5))
    assert capfd.readouterr() == ("", "")


def test_leaving_ends_the_workers() -> None:
    before = set(multiprocessing.active_children())
    with Pool(slow_square, 3) as pool:
        next(pool.map(range(100)))
        assert len(set(multiprocessing.active_children()) - before) == 3
    assert set(multiprocessing.active_children()) == before


@pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="needs a fork server"
)
def test_the_fork_server_is_left_fit_for_others() -> None:
    """It serves the whole process: with signals blocked, others' workers could not be ended."""
    code = """
import multiprocessing, signal
from rectool.system.workers import Pool
multiprocessing.get_context("spawn").Lock()  # multiprocessing's tracker runs already
with Pool(abs, 1, "forkserver") as pool:
    assert list(pool.map([-1])) == [1]
other = multiprocessing.get_context("forkserver").Process(target=signal.pause)
other.start()
other.terminate()
other.join(30)
print(other.exitcode)
if other.is_alive():
    other.kill()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == -signal.SIGTERM
