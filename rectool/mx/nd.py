"""`mx.nd` for code around images: numpy arrays with MXNet's names. Also `image` and `random`.

Arithmetic is numpy's: uint8 times 1.5 is a float array here, and was cut back to uint8 in MXNet.
The functions below give arrays of their own; indexing and the methods transpose, reshape,
expand_dims and flatten give views where numpy does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .context import Context, check, cpu

__all__ = [
    "Cast",
    "NDArray",
    "arange",
    "array",
    "cast",
    "clip",
    "concat",
    "concatenate",
    "dot",
    "empty",
    "expand_dims",
    "flip",
    "full",
    "load",
    "ones",
    "repeat",
    "reverse",
    "save",
    "slice_axis",
    "stack",
    "sum",
    "tile",
    "transpose",
    "waitall",
    "zeros",
    "zeros_like",
]

Shape = int | Sequence[int]

_CHANNELS = 4
"""The most channels of an image, HxWxC: numpy copies whole ones faster than mirrored pixels."""

if TYPE_CHECKING:
    _Base = np.ndarray[Any, np.dtype[Any]]
else:
    _Base = np.ndarray

_Target = TypeVar("_Target", "NDArray", Context)


class NDArray(_Base):
    """A numpy array that code written for MXNet can use.

    One element by its index is an NDArray of shape (1,), and not a number: asscalar(), float() and
    int() make one of it.
    """

    @property
    def context(self) -> Context:
        return cpu()

    ctx = context

    def asnumpy(self) -> np.ndarray[Any, np.dtype[Any]]:
        """A copy, a plain numpy array in C order."""
        return np.array(self, order="C")

    def asscalar(self) -> Any:
        """The only element, as a numpy scalar. Raises ValueError where there are more."""
        if self.size != 1:
            raise ValueError(f"asscalar requires an array of one number, got shape {self.shape}")
        return self.asnumpy().reshape(-1)[0]

    def as_in_context(self, context: Context) -> NDArray:
        """This array: there is one device."""
        check(context)
        return self

    as_in_ctx = as_in_context

    def copyto(self, other: _Target) -> NDArray:
        """Copies the values into another array, or for a device into a new one; returns that."""
        if isinstance(other, NDArray):
            if other.shape != self.shape:
                raise ValueError(f"shape {self.shape} does not go into shape {other.shape}")
            other[...] = self
            return other
        check(other)
        return own(self)

    def wait_to_read(self) -> None:
        """Values are there as soon as an array is; nothing is waited for."""

    # numpy's types for these are narrower: MXNet has other keywords

    def transpose(self, *order: Any, axes: Any = None) -> NDArray:
        """A view with its axes in this order (reversed, for none): transpose((2, 0, 1))."""
        return _seen(super().transpose(*(order or (axes,))))

    def reshape(self, *sizes: Any, shape: Any = None, **options: Any) -> NDArray:
        """A view of another shape: -1 is what is left, 0 keeps the size of that axis."""
        given = shape if shape is not None else sizes[0] if len(sizes) == 1 else sizes
        wanted = given if isinstance(given, Sequence) else (given,)
        kept = [
            self.shape[axis] if size == 0 and axis < self.ndim else size
            for axis, size in enumerate(wanted)
        ]
        return _seen(super().reshape(kept, **options))

    def flatten(self) -> NDArray:  # type: ignore[override]
        """Of N x ... an array of two axes, N x the rest, as MXNet has it (numpy's has one)."""
        return self.reshape((self.shape[0], -1))

    def expand_dims(self, axis: int) -> NDArray:
        return _seen(np.expand_dims(self, axis))

    def flip(self, axis: int | tuple[int, ...]) -> NDArray:
        return flip(self, axis)

    def slice_axis(self, axis: int, begin: int, end: int | None) -> NDArray:
        return slice_axis(self, axis, begin, end)

    def tile(self, reps: int | Sequence[int]) -> NDArray:
        return tile(self, reps)

    # numpy's types for these have more keywords, and numbers for results

    def sum(self, axis: Any = None, **options: Any) -> NDArray:  # type: ignore[override]
        """The sum along the axes; of all, an array of shape (1,), and so mean, max and min."""
        return _seen(np.atleast_1d(super().sum(axis, **options)))

    def mean(self, axis: Any = None, **options: Any) -> NDArray:  # type: ignore[override]
        return _seen(np.atleast_1d(super().mean(axis, **options)))

    def max(self, axis: Any = None, **options: Any) -> NDArray:  # type: ignore[override]
        return _seen(np.atleast_1d(super().max(axis, **options)))

    def min(self, axis: Any = None, **options: Any) -> NDArray:  # type: ignore[override]
        return _seen(np.atleast_1d(super().min(axis, **options)))

    def __getitem__(self, index: Any) -> NDArray:
        found = super().__getitem__(index)
        if isinstance(found, NDArray):
            return found
        whole = index if isinstance(index, tuple) else (index,)
        return _seen(super().__getitem__((*whole, ...))).reshape((1,))

    def __float__(self) -> float:
        return float(self.asscalar())

    def __int__(self) -> int:
        return int(self.asscalar())

    def __repr__(self) -> str:
        size = "x".join(map(str, self.shape))
        return f"\n{self.asnumpy()}\n<NDArray {size} @{self.context}>"

    __str__ = __repr__


def _seen(values: np.ndarray[Any, Any]) -> NDArray:
    return values.view(NDArray)


def array(
    source_array: ArrayLike, ctx: Context | None = None, dtype: DTypeLike | None = None
) -> NDArray:
    """A new array of these values. `dtype` is by default an NDArray's own, else float32.

    That holds for numpy arrays too, as in MXNet: nd.array(image) of uint8 is float32.
    """
    check(ctx)
    if dtype is None:
        dtype = source_array.dtype if isinstance(source_array, NDArray) else np.float32
    return np.array(source_array, dtype=dtype, order="C").view(NDArray)


def empty(shape: Shape, ctx: Context | None = None, dtype: DTypeLike = np.float32) -> NDArray:
    """A new array of no particular values."""
    check(ctx)
    return np.empty(shape, dtype).view(NDArray)


def zeros(shape: Shape, ctx: Context | None = None, dtype: DTypeLike = np.float32) -> NDArray:
    check(ctx)
    return np.zeros(shape, dtype).view(NDArray)


def ones(shape: Shape, ctx: Context | None = None, dtype: DTypeLike = np.float32) -> NDArray:
    check(ctx)
    return np.ones(shape, dtype).view(NDArray)


def full(
    shape: Shape, val: float, ctx: Context | None = None, dtype: DTypeLike = np.float32
) -> NDArray:
    """A new array of one value."""
    check(ctx)
    return np.full(shape, val, dtype).view(NDArray)


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1.0,
    repeat: int = 1,
    ctx: Context | None = None,
    dtype: DTypeLike = np.float32,
) -> NDArray:
    """Numbers from `start` to below `stop`, or from 0 to below `start`, each `repeat` times."""
    check(ctx)
    begin, end = (0, start) if stop is None else (start, stop)
    return own(np.repeat(np.arange(begin, end, step), repeat).astype(dtype))


def zeros_like(data: ArrayLike) -> NDArray:
    return own(np.zeros_like(np.asarray(data)))


def own(values: Any) -> NDArray:
    """A new NDArray of these values, of their dtype."""
    return np.array(values, order="C").view(NDArray)


def transpose(data: ArrayLike, axes: Sequence[int] | None = None) -> NDArray:
    """The axes in this order, by default reversed."""
    return own(np.transpose(data, axes or None))


def flip(data: ArrayLike, axis: int | tuple[int, ...]) -> NDArray:
    """The other way round along one axis or several."""
    turned = np.flip(np.asarray(data), axis)
    if turned.ndim == 3 and 0 < turned.shape[2] <= _CHANNELS:
        return _seen(np.stack([turned[:, :, channel] for channel in range(turned.shape[2])], 2))
    return own(turned)


reverse = flip


def stack(*data: ArrayLike, axis: int = 0) -> NDArray:
    return own(np.stack([np.asarray(one) for one in data], axis=axis))


def concat(*data: ArrayLike, dim: int = 1) -> NDArray:
    """Arrays one behind the other, along the axis `dim`."""
    return own(np.concatenate([np.asarray(one) for one in data], axis=dim))


def concatenate(arrays: Sequence[ArrayLike], axis: int = 0) -> NDArray:
    return concat(*arrays, dim=axis)


def expand_dims(data: ArrayLike, axis: int) -> NDArray:
    """With one more axis, of size 1, at this place."""
    return own(np.expand_dims(np.asarray(data), axis))


def cast(data: ArrayLike, dtype: DTypeLike) -> NDArray:
    return own(np.asarray(data).astype(dtype))


Cast = cast


def clip(data: ArrayLike, a_min: float, a_max: float) -> NDArray:
    return own(np.clip(np.asarray(data), a_min, a_max))


def dot(lhs: ArrayLike, rhs: ArrayLike) -> NDArray:
    return own(np.dot(np.asarray(lhs), np.asarray(rhs)))


def slice_axis(data: ArrayLike, axis: int, begin: int, end: int | None) -> NDArray:
    """What stands from `begin` to before `end` along an axis; negative ones count from its end."""
    array_ = np.asarray(data)
    places = range(*slice(begin, end).indices(array_.shape[axis]))
    return own(np.take(array_, places, axis))


def tile(data: ArrayLike, reps: int | Sequence[int]) -> NDArray:
    """The whole array so many times along each axis."""
    return own(np.tile(np.asarray(data), reps))


def repeat(data: ArrayLike, repeats: int, axis: int | None = None) -> NDArray:
    """Each element so many times, along an axis or of the flattened array."""
    return own(np.repeat(np.asarray(data), repeats, axis))


def sum(data: ArrayLike, axis: Any = None, keepdims: bool = False) -> NDArray:  # noqa: A001
    return _seen(np.asarray(data)).sum(axis, keepdims=keepdims)


def save(fname: str, data: NDArray | Sequence[NDArray] | Mapping[str, NDArray]) -> None:
    """Writes an array, several, or several with names to a file that MXNet reads, too."""
    from . import nd_file  # noqa: PLC0415 - for this alone

    nd_file.save(fname, [data] if isinstance(data, NDArray) else data)


def load(fname: str) -> list[NDArray] | dict[str, NDArray]:
    """The arrays in such a file, or a dict of them where they have names."""
    from . import nd_file  # noqa: PLC0415 - for this alone

    arrays, names = nd_file.load(fname)
    seen = [_seen(one) for one in arrays]
    return dict(zip(names, seen, strict=True)) if names else seen


def waitall() -> None:
    """Nothing is ever under way; see NDArray.wait_to_read."""


_MODULES = {"image": ".nd_image", "random": ".random", "ndarray": ".nd"}


def __getattr__(name: str) -> object:
    if name in _MODULES:  # they stand on this module
        return import_module(_MODULES[name], __package__)
    more = import_module(".nd_numpy", __package__)
    if name in more.NUMPYS:
        return more.of_numpy(name)
    names = ", ".join([*__all__, *more.NUMPYS])
    raise AttributeError(f"no mx.nd.{name}: rectool's stand-in has {names}")
