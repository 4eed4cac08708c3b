"""Changes of colour: images are HxWx3, RGB, uint8, and stay so.

The arithmetic and its rounding after each step are MXNet's, which are OpenCV's for 8 bits.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Floats = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_PCA = np.array(  # AlexNet's: eigenvectors of ImageNet's colours, times the eigenvalues
    [
        [55.46 * -0.5675, 4.794 * 0.7192, 1.148 * 0.4009],
        [55.46 * -0.5808, 4.794 * -0.0045, 1.148 * -0.8140],
        [55.46 * -0.5836, 4.794 * -0.6948, 1.148 * 0.4203],
    ],
    np.float32,
)


def jitter(
    image: Image, brightness: float, contrast: float, saturation: float, draw: Random
) -> Image:
    """Three factors, each of 1 - x to 1 + x, in random order.

    Contrast is the distance to the image's mean luma, saturation that to each pixel's.
    """
    factors = [1 + draw.uniform(-most, most) for most in (brightness, contrast, saturation)]
    order = [0, 1, 2]
    draw.shuffle(order)
    for which in order:
        factor = np.float32(factors[which])
        if factor == 1:
            continue
        around: Any = 0
        if which == 1:
            around = np.float32(_luma(image).mean())
        elif which == 2:
            around = _luma(image)[:, :, None]
        image = _to_bytes(image * factor + (1 - factor) * around)
    return image


def add_noise(image: Image, deviation: float, draw: Random) -> Image:
    """AlexNet's noise: the same colour is added to each pixel."""
    normal = np.array([draw.gauss(0, deviation) for _ in range(3)], np.float32)
    shifted: Floats = image + _PCA @ normal
    return np.trunc(np.clip(shifted, 0, 255)).astype(np.uint8)


def add_hls(image: Image, most: tuple[int, int, int], draw: Random) -> Image:
    """Adds whole numbers of at most these to hue (0 to 180), lightness and saturation (to 255).

    Each is cut to its range; the hue does not go round.
    """
    added = [_towards_middle(draw, limit) for limit in most]
    hls = np.stack(to_hls(image))
    for plane, number, limit in zip(hls, added, (180, 255, 255), strict=True):
        np.clip(plane + number, 0, limit, out=plane)
    return from_hls(*hls)


def _towards_middle(draw: Random, most: int) -> int:
    share = (draw.random() + 4 * draw.random()) / 5
    return int(share * most * 2 - most)


def to_hls(image: Image) -> tuple[Floats, Floats, Floats]:
    """Hue (0 to 180), lightness and saturation (0 to 255), whole numbers, as OpenCV has them."""
    red, green, blue = image.transpose(2, 0, 1) * np.float32(1 / 255)
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    total, spread = high + low, high - low
    grey = spread < np.finfo(np.float32).eps
    safe = np.where(grey, np.float32(1), spread)
    saturation = np.where(
        grey, 0, safe / np.where(total < 1, np.where(grey, 1, total), 2 - total + grey)
    )
    hue = np.where(
        high == red,
        (green - blue) / safe,
        np.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = np.where(grey, 0, 30 * hue)
    hue += 180 * (hue < 0)
    return (
        np.rint(hue),
        np.rint(total * np.float32(0.5) * np.float32(255)),
        np.rint(saturation * np.float32(255)),
    )


def from_hls(hue: Floats, lightness: Floats, saturation: Floats) -> Image:
    """The image of what `to_hls` gives."""
    light, strength = lightness / np.float32(255), saturation / np.float32(255)
    high = np.where(light <= 0.5, light * (1 + strength), light + strength - light * strength)
    low = 2 * light - high
    planes = []
    for sixth in (2, 0, 4):  # red, green, blue are as far behind blue, in sixths of the circle
        at = (hue / 30 + sixth) % 6
        rising = low + (high - low) * np.clip(np.minimum(at, 4 - at), 0, 1)
        planes.append(_to_bytes(rising * 255))
    return np.stack(planes, axis=2)


def _luma(image: Image) -> Floats:
    return np.rint(image @ _LUMA)


def _to_bytes(values: Floats) -> Image:
    np.rint(values, out=values)
    np.clip(values, 0, 255, out=values)
    return values.astype(np.uint8)
