"""Arrays whose memory is used again: never while anybody can see it."""

from __future__ import annotations

import gc
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from rectool.loading.batch_buffers import Buffers

Array = NDArray[Any]
SHAPE = (4, 3, 5)


class Sub(np.ndarray[Any, Any]):
    pass


def address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def in_itself(array: Array) -> list[Any]:
    knot: list[Any] = [array]
    knot.append(knot)
    return knot


WAYS: dict[str, Callable[[Array], Any]] = {
    "itself": lambda array: array,
    "a view": lambda array: array[:],
    "a row": lambda array: array[1],
    "a row of a row": lambda array: array[1:][0][::2],
    "another shape": lambda array: array.reshape(-1),
    "transposed": lambda array: array.transpose(2, 0, 1)[::-1].T,
    "another type": lambda array: array.view(np.uint8),
    "a subclass": lambda array: array.view(Sub),
    "a view of a subclass": lambda array: array.view(Sub)[1:].view(np.ndarray),
    "a masked array": lambda array: np.ma.MaskedArray(array, copy=False)[1:],
    "asarray": lambda array: np.asarray(array)[0],
    "broadcast": lambda array: np.broadcast_to(array, (2, *SHAPE)),
    "strides": lambda array: as_strided(array, (2, 2), (4, 4)),
    "windows": lambda array: sliding_window_view(array, 2, axis=0),
    "a memoryview": lambda array: memoryview(array)[1:],
    "the array of a memoryview": lambda array: np.asarray(memoryview(array)),
    "frombuffer": lambda array: np.frombuffer(array, np.uint8)[5:],
    "its flat": lambda array: array.flat,
    "an iterator": iter,
    "its base": lambda array: array.base,
    "real": lambda array: array.real,
    "squeezed": lambda array: array[None].squeeze(),
    "a PickleBuffer": pickle.PickleBuffer,
    "in a list that holds itself": lambda array: in_itself(array[0]),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_seen_is_not_used_again(way: str) -> None:
    buffers = Buffers(SHAPE, np.float32, 3)
    array = buffers.take()
    array[:] = 7
    where = address(array)
    seen = WAYS[way](array)
    del array
    gc.collect()
    others = [buffers.take() for _ in range(4)]
    for other in others:
        other[:] = 1
    assert where not in map(address, others)
    if isinstance(seen, np.ndarray) and seen.dtype == np.float32:
        assert (seen == 7).all()


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_seen_any_more_is_used_again(way: str) -> None:
    buffers = Buffers(SHAPE, np.float32, 1)
    array = buffers.take()
    where = address(array)
    seen = WAYS[way](array)
    del array
    del seen
    gc.collect()
    array = buffers.take()
    assert address(array) == where
    assert (array.shape, array.dtype, array.flags.writeable) == (SHAPE, np.float32, True)
    assert array.flags.c_contiguous


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
@pytest.mark.parametrize("shape", [(1,), (7, 3), (2, 3, 4, 5)])
def test_arrays_are_apart(shape: tuple[int, ...], dtype: str) -> None:
    buffers = Buffers(shape, dtype, 2)
    for _ in range(3):
        arrays = [buffers.take() for _ in range(5)]
        for number, array in enumerate(arrays):
            array[:] = number
        for number, array in enumerate(arrays):
            assert (array == number).all()
            assert (array.shape, array.dtype) == (shape, np.dtype(dtype))


@pytest.mark.parametrize("most", [0, 1, 3])
def test_no_more_are_kept_than_that(most: int) -> None:
    buffers = Buffers(SHAPE, np.float32, most)
    arrays = [buffers.take() for _ in range(5)]
    arrays.clear()
    assert len(buffers._free) == most
    buffers.clear()
    assert buffers._free == []
    assert buffers.take().shape == SHAPE


def test_an_array_outlives_its_buffers() -> None:
    buffers = Buffers(SHAPE, np.float32, 2)
    array = buffers.take()
    array[:] = 3
    row = array[1]
    del buffers, array
    gc.collect()
    assert (row == 3).all()


def test_arrays_are_taken_and_dropped_in_threads() -> None:
    """Each finds in its array what it has written there, and slices are dropped elsewhere."""
    buffers = Buffers((64,), np.int64, 4)
    wrong: list[int] = []
    dropped: list[Array] = []

    def use(thread: int) -> None:
        for turn in range(2000):
            array = buffers.take()
            array[:] = thread * 10_000 + turn
            dropped.append(array[3:9])
            if len(dropped) > 5:
                part = dropped.pop(0)
                wrong.extend(part[part != part[0]].tolist())
            wrong.extend(array[array != thread * 10_000 + turn].tolist())

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(buffers._free) <= 10
