"""What is done to images one after the other: the base, geometry and casts."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..nd import NDArray, cast, flip
from . import geometry
from .geometry import Size


class Described:
    """What can say how it was made: keyword arguments are what `dumps` shows, arrays as lists."""

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in kwargs.items()
        }

    def dumps(self) -> Any:
        """The class, in small letters, and its parameters as JSON."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])


class Augmenter(Described):
    """Base of what is called with an image, HxWxC, and returns one.

    A subclass overrides `__call__`.
    """

    def __call__(self, src: NDArray) -> NDArray:
        raise TypeError(f"{type(self).__name__} has no __call__ of its own")


class SequentialAug(Augmenter):
    """Augmenters one after the other. `dumps` is a list of theirs, as in MXNet, and no JSON."""

    def __init__(self, ts: list[Augmenter]) -> None:
        super().__init__()
        self.ts = ts

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), [one.dumps() for one in self.ts]]

    def __call__(self, src: NDArray) -> NDArray:
        for one in self.ts:
            src = one(src)
        return src


class RandomOrderAug(SequentialAug):
    """Augmenters one after the other, in an order that is drawn anew for each image."""

    def __call__(self, src: NDArray) -> NDArray:
        random.shuffle(self.ts)
        return super().__call__(src)


class ResizeAug(Augmenter):
    """See resize_short."""

    def __init__(self, size: int, interp: int = 2) -> None:
        super().__init__(size=size, interp=interp)
        self.size = size
        self.interp = interp

    def __call__(self, src: NDArray) -> NDArray:
        return geometry.resize_short(src, self.size, self.interp)


class _SizedAug(Augmenter):
    """`size` is (width, height)."""

    def __init__(self, size: Size, interp: int = 2) -> None:
        super().__init__(size=size, interp=interp)
        self.size = size
        self.interp = interp


class ForceResizeAug(_SizedAug):
    """To a size (width, height), whatever the proportions."""

    def __call__(self, src: NDArray) -> NDArray:
        return geometry.imresize(src, self.size[0], self.size[1], self.interp)


class RandomCropAug(_SizedAug):
    """See random_crop."""

    def __call__(self, src: NDArray) -> NDArray:
        return geometry.random_crop(src, self.size, self.interp)[0]


class CenterCropAug(_SizedAug):
    """See center_crop."""

    def __call__(self, src: NDArray) -> NDArray:
        return geometry.center_crop(src, self.size, self.interp)[0]


class RandomSizedCropAug(Augmenter):
    """See random_size_crop."""

    def __init__(
        self,
        size: Size,
        area: float | tuple[float, float],
        ratio: tuple[float, float],
        interp: int = 2,
    ) -> None:
        super().__init__(size=size, area=area, ratio=ratio, interp=interp)
        self.size = size
        self.area = area
        self.ratio = ratio
        self.interp = interp

    def __call__(self, src: NDArray) -> NDArray:
        return geometry.random_size_crop(src, self.size, self.area, self.ratio, self.interp)[0]


class HorizontalFlipAug(Augmenter):
    """Left to right, with the probability `p`."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: NDArray) -> NDArray:
        return flip(src, axis=1) if random.random() < self.p else src


class CastAug(Augmenter):
    """To another dtype."""

    def __init__(self, typ: DTypeLike = "float32") -> None:
        super().__init__(type=np.dtype(typ).name)
        self.typ = typ

    def __call__(self, src: NDArray) -> NDArray:
        return cast(src, self.typ)
