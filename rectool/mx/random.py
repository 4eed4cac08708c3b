"""`mx.random`, also `mx.nd.random`: seeded numbers as NDArrays.

They are other numbers than MXNet's for the same seed. Augmenters draw from Python's `random` and
numpy's, as MXNet's do, and do not care for this seed.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .context import Context, check
from .nd import NDArray, own

__all__ = ["normal", "randint", "seed", "shuffle", "uniform"]

Shape = int | Sequence[int]

_source = np.random.default_rng()


def seed(seed_state: int, ctx: str | Context = "all") -> None:
    """Begins the sequence of random numbers that belongs to this whole number."""
    global _source  # noqa: PLW0603 - MXNet's is one for the process, too
    _source = np.random.default_rng(operator.index(seed_state) % (1 << 64))


def uniform(
    low: float = 0,
    high: float = 1,
    shape: Shape = (1,),
    dtype: DTypeLike = "float32",
    ctx: Context | None = None,
) -> NDArray:
    """Numbers from `low` to below `high`."""
    check(ctx)
    return own(_source.uniform(low, high, shape).astype(_named(dtype)))


def normal(
    loc: float = 0,
    scale: float = 1,
    shape: Shape = (1,),
    dtype: DTypeLike = "float32",
    ctx: Context | None = None,
) -> NDArray:
    """Numbers of a normal distribution with the mean `loc` and the deviation `scale`."""
    check(ctx)
    return own(_source.normal(loc, scale, shape).astype(_named(dtype)))


def randint(
    low: int, high: int, shape: Shape = (1,), dtype: DTypeLike = "int32", ctx: Context | None = None
) -> NDArray:
    """Whole numbers from `low` to below `high`."""
    check(ctx)
    return own(_source.integers(low, high, shape).astype(_named(dtype, "int32")))


def shuffle(data: Any) -> NDArray:
    """The same items along the first axis in a random order."""
    return own(_source.permutation(np.asarray(data), axis=0))


def _named(dtype: DTypeLike, usual: str = "float32") -> DTypeLike:
    return usual if dtype is None or dtype == "None" else dtype


def __getattr__(name: str) -> object:
    raise AttributeError(f"no mx.random.{name}: rectool's stand-in has {', '.join(__all__)}")
