"""Lists of augmenters, made by options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nd
from .augmenters import (
    Augmenter,
    CastAug,
    CenterCropAug,
    HorizontalFlipAug,
    RandomCropAug,
    RandomSizedCropAug,
    ResizeAug,
)
from .color import ColorJitterAug, ColorNormalizeAug, HueJitterAug, LightingAug, RandomGrayAug

IMAGENET_MEAN = (123.68, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
_EIGENVALUES = np.array([55.46, 4.794, 1.148])
_EIGENVECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


def CreateAugmenter(  # noqa: N802 - MXNet's name
    data_shape: Sequence[int],
    resize: int = 0,
    rand_crop: bool = False,
    rand_resize: bool = False,
    rand_mirror: bool = False,
    mean: Any = None,
    std: Any = None,
    brightness: float = 0,
    contrast: float = 0,
    saturation: float = 0,
    hue: float = 0,
    pca_noise: float = 0,
    rand_gray: float = 0,
    inter_method: int = 2,
) -> list[Augmenter]:
    """A list of augmenters that give images of `data_shape`, (3, height, width), as float32.

    In this order: ResizeAug for `resize` above 0; CenterCropAug, RandomCropAug for `rand_crop`, or
    RandomSizedCropAug for `rand_resize` as well (0.08 to 1 of the area, ratios of 3/4 to 4/3);
    HorizontalFlipAug(0.5) for `rand_mirror`; CastAug; ColorJitterAug; HueJitterAug; LightingAug for
    `pca_noise`, with AlexNet's eigenvectors; RandomGrayAug; ColorNormalizeAug for `mean` and `std`:
    one or three numbers each, or True for ImageNet's. `inter_method` is `interp` of imresize.

    Raises ValueError for `rand_resize` without `rand_crop` and other numbers of means.
    """
    size = (data_shape[2], data_shape[1])
    made: list[Augmenter] = [ResizeAug(resize, inter_method)] if resize > 0 else []
    if rand_resize and not rand_crop:
        raise ValueError("rand_resize requires rand_crop=True")
    if rand_resize:
        made.append(RandomSizedCropAug(size, 0.08, (3 / 4, 4 / 3), inter_method))
    else:
        made.append((RandomCropAug if rand_crop else CenterCropAug)(size, inter_method))
    if rand_mirror:
        made.append(HorizontalFlipAug(0.5))
    return made + colour_augmenters(
        mean, std, brightness, contrast, saturation, hue, pca_noise, rand_gray
    )


def colour_augmenters(
    mean: Any,
    std: Any,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    pca_noise: float,
    rand_gray: float,
) -> list[Augmenter]:
    """CreateAugmenter's from CastAug on."""
    made: list[Augmenter] = [CastAug()]
    if brightness or contrast or saturation:
        made.append(ColorJitterAug(brightness, contrast, saturation))
    if hue:
        made.append(HueJitterAug(hue))
    if pca_noise > 0:
        made.append(LightingAug(pca_noise, _EIGENVALUES, _EIGENVECTORS))
    if rand_gray > 0:
        made.append(RandomGrayAug(rand_gray))
    mean, std = per_channel(mean, IMAGENET_MEAN), per_channel(std, IMAGENET_STD)
    if mean is not None or std is not None:
        made.append(ColorNormalizeAug(mean, std))
    return made


def per_channel(given: Any, usual: tuple[float, ...]) -> Any:
    """One number or three, given or, for True, the usual ones; None for neither."""
    if given is None or given is False:
        return None
    values = usual if given is True else given
    array = values if isinstance(values, np.ndarray) else nd.array(values)
    if array.shape not in ((1,), (3,)):
        raise ValueError(f"mean and std must be arrays of one number or three, got {given!r}")
    return array
