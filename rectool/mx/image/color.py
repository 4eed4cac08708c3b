"""Augmenters of colours. Images are HxWx3, RGB, of floats: CastAug comes before these.

HueJitterAug and RandomGrayAug give a new image, the others change the one that they are given, as
in MXNet.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import nd
from ..nd import NDArray
from .augmenters import Augmenter, RandomOrderAug

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_GREY = np.outer([0.21, 0.72, 0.07], [1, 1, 1])
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
_FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])


def _check_floats(src: NDArray, who: str) -> None:
    if src.dtype.kind != "f":
        raise TypeError(f"{who} requires floats, got {src.dtype}: put CastAug first")


def color_normalize(src: NDArray, mean: Any, std: Any = None) -> NDArray:
    """(src - mean) / std, in place; each a number, one for each channel, or None.

    Raises TypeError for an image of integers.
    """
    _check_floats(src, "color_normalize")
    if mean is not None:
        src -= np.asarray(mean, src.dtype)
    if std is not None:
        src /= np.asarray(std, src.dtype)
    return src


class BrightnessJitterAug(Augmenter):
    """All values times a factor of 1 - brightness to 1 + brightness."""

    def __init__(self, brightness: float) -> None:
        super().__init__(brightness=brightness)
        self.brightness = brightness

    def __call__(self, src: NDArray) -> NDArray:
        _check_floats(src, "BrightnessJitterAug")
        src *= 1.0 + random.uniform(-self.brightness, self.brightness)
        return src


class ContrastJitterAug(Augmenter):
    """Values nearer to the image's mean grey, or farther: 1 - contrast to 1 + contrast as far."""

    def __init__(self, contrast: float) -> None:
        super().__init__(contrast=contrast)
        self.contrast = contrast

    def __call__(self, src: NDArray) -> NDArray:
        _check_floats(src, "ContrastJitterAug")
        factor = 1.0 + random.uniform(-self.contrast, self.contrast)
        grey = np.mean(np.asarray(src) @ _LUMA, dtype=np.float64)
        src *= factor
        src += float(grey) * (1.0 - factor)
        return src


class SaturationJitterAug(Augmenter):
    """Values nearer to each pixel's grey, or farther: 1 - saturation to 1 + saturation as far."""

    def __init__(self, saturation: float) -> None:
        super().__init__(saturation=saturation)
        self.saturation = saturation

    def __call__(self, src: NDArray) -> NDArray:
        _check_floats(src, "SaturationJitterAug")
        factor = 1.0 + random.uniform(-self.saturation, self.saturation)
        grey = np.asarray(src) @ _LUMA
        src *= factor
        src += (grey * (1.0 - factor))[:, :, None]
        return src


class HueJitterAug(Augmenter):
    """Colours turned about the grey axis, by up to `hue` of half a circle to either side."""

    def __init__(self, hue: float) -> None:
        super().__init__(hue=hue)
        self.hue = hue

    def __call__(self, src: NDArray) -> NDArray:
        _check_floats(src, "HueJitterAug")
        angle = random.uniform(-self.hue, self.hue) * np.pi
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        matrix = (_FROM_YIQ @ turn @ _TO_YIQ).T
        return nd.dot(src, matrix.astype(src.dtype))


class ColorJitterAug(RandomOrderAug):
    """Brightness, contrast and saturation, those above 0, in an order drawn for each image."""

    def __init__(self, brightness: float, contrast: float, saturation: float) -> None:
        kinds = (
            (BrightnessJitterAug, brightness),
            (ContrastJitterAug, contrast),
            (SaturationJitterAug, saturation),
        )
        super().__init__([kind(amount) for kind, amount in kinds if amount > 0])


class LightingAug(Augmenter):
    """Noise along the principal axes of colours, of the deviation `alphastd`.

    It draws from numpy.random. `eigval` has shape (3,), and the columns of `eigvec`, (3, 3), are
    the axes.
    """

    def __init__(self, alphastd: float, eigval: ArrayLike, eigvec: ArrayLike) -> None:
        super().__init__(alphastd=alphastd, eigval=eigval, eigvec=eigvec)
        self.alphastd = alphastd
        self.eigval = eigval
        self.eigvec = eigvec

    def __call__(self, src: NDArray) -> NDArray:
        _check_floats(src, "LightingAug")
        alpha = np.random.normal(0, self.alphastd, size=(3,))
        src += np.dot(np.asarray(self.eigvec) * alpha, self.eigval).astype(src.dtype)
        return src


class RandomGrayAug(Augmenter):
    """Grey in all three channels, with the probability `p`."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: NDArray) -> NDArray:
        _check_floats(src, "RandomGrayAug")
        return nd.dot(src, _GREY.astype(src.dtype)) if random.random() < self.p else src


class ColorNormalizeAug(Augmenter):
    """See color_normalize."""

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__(mean=mean, std=std)
        self.mean = None if mean is None else nd.array(mean)
        self.std = None if std is None else nd.array(std)

    def __call__(self, src: NDArray) -> NDArray:
        return color_normalize(src, self.mean, self.std)
