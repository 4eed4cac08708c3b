"""Lists of augmenters of images with boxes, made by options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..augmenters import ForceResizeAug, ResizeAug
from ..create import IMAGENET_MEAN, IMAGENET_STD, colour_augmenters
from .augmenters import DetAugmenter, DetBorrowAug, DetHorizontalFlipAug, DetRandomSelectAug
from .crop_and_pad import DetRandomCropAug, DetRandomPadAug, spread


def CreateMultiRandCropAugmenter(  # noqa: N802 - MXNet's name
    min_object_covered: Any = 0.1,
    aspect_ratio_range: Any = (0.75, 1.33),
    area_range: Any = (0.05, 1.0),
    min_eject_coverage: Any = 0.3,
    max_attempts: Any = 50,
    skip_prob: float = 0,
) -> DetRandomSelectAug:
    """DetRandomCropAugs, of which one is chosen for each image; see both for the parameters.

    A list (a tuple is one range) has a value for each of them; what is no list, or a list of one,
    holds for all. Raises ValueError for lists of other lengths.
    """
    given = {
        "min_object_covered": min_object_covered,
        "aspect_ratio_range": aspect_ratio_range,
        "area_range": area_range,
        "min_eject_coverage": min_eject_coverage,
        "max_attempts": max_attempts,
    }
    lists = {name: one if isinstance(one, list) else [one] for name, one in given.items()}
    count = max(map(len, lists.values()))
    for name, values in lists.items():
        if len(values) not in (1, count):
            raise ValueError(f"{name} has {len(values)} values, where another list has {count}")
    crops = [
        DetRandomCropAug(**{name: values[at % len(values)] for name, values in lists.items()})
        for at in range(count)
    ]
    return DetRandomSelectAug(crops, skip_prob)


def CreateDetAugmenter(  # noqa: N802 - MXNet's name
    data_shape: Sequence[int],
    resize: int = 0,
    rand_crop: float = 0,
    rand_pad: float = 0,
    rand_gray: float = 0,
    rand_mirror: bool = False,
    mean: Any = None,
    std: Any = None,
    brightness: float = 0,
    contrast: float = 0,
    saturation: float = 0,
    pca_noise: float = 0,
    hue: float = 0,
    inter_method: int = 2,
    min_object_covered: Any = 0.1,
    aspect_ratio_range: Any = (0.75, 1.33),
    area_range: Any = (0.05, 3.0),
    min_eject_coverage: Any = 0.3,
    max_attempts: Any = 50,
    pad_val: float | Sequence[float] = (127, 127, 127),
) -> list[DetAugmenter]:
    """A list of augmenters that give images of `data_shape`, (3, height, width), as float32.

    In this order: ResizeAug for `resize` above 0; CreateMultiRandCropAugmenter's crops with the
    probability `rand_crop`; DetHorizontalFlipAug(0.5) for `rand_mirror`; DetRandomPadAug with the
    probability `rand_pad`, to areas from 1 up to the end of `area_range`; ForceResizeAug to
    `data_shape`; CastAug; and colours as CreateAugmenter has them. Parameters are those of these;
    `inter_method` is `interp` of imresize.

    Raises ValueError as these do, and for lists of ranges or attempts where there is `rand_pad`,
    which takes one.
    """
    made: list[DetAugmenter] = []
    if resize > 0:
        made.append(DetBorrowAug(ResizeAug(resize, inter_method)))
    if rand_crop > 0:
        made.append(
            CreateMultiRandCropAugmenter(
                min_object_covered,
                aspect_ratio_range,
                area_range,
                min_eject_coverage,
                max_attempts,
                skip_prob=1 - rand_crop,
            )
        )
    if rand_mirror:
        made.append(DetHorizontalFlipAug(0.5))
    if rand_pad > 0:
        pad = _pad(aspect_ratio_range, area_range, max_attempts, pad_val)
        made.append(DetRandomSelectAug([pad], 1 - rand_pad))
    made.append(DetBorrowAug(ForceResizeAug((data_shape[2], data_shape[1]), inter_method)))
    # MXNet's are double here, and single in CreateAugmenter, which dumps() shows
    mean = np.array(IMAGENET_MEAN) if mean is True else mean
    std = np.array(IMAGENET_STD) if std is True else std
    colours = colour_augmenters(
        mean, std, brightness, contrast, saturation, hue, pca_noise, rand_gray
    )
    return made + [DetBorrowAug(one) for one in colours]


def _pad(
    aspect_ratio_range: Any, area_range: Any, max_attempts: Any, pad_val: Any
) -> DetRandomPadAug:
    for name, given, one in (
        ("aspect_ratio_range", aspect_ratio_range, 1),
        ("area_range", area_range, 1),
        ("max_attempts", max_attempts, 0),
    ):
        if np.ndim(given) > one:
            raise ValueError(
                f"{name} must be one value for rand_pad, got {given!r}: lists are for rand_crop"
            )
    largest = spread(area_range)[-1]
    return DetRandomPadAug(aspect_ratio_range, (1.0, largest), max_attempts, pad_val)
