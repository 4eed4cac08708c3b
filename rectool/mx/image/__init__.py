"""`mx.image` without MXNet: the same names, arguments and meanings. Also `mx.img`.

Images are NDArrays, HxWxC, RGB, uint8 until they are cast. Random augmentation draws from Python's
`random` in the order that MXNet's does, so `random.seed` gives the same crops and flips (and
`numpy.random.seed` the same noise of LightingAug).

What is better here: an EXIF orientation is always applied; a damaged or cut image is an ImageError
that says what is wrong and, from ImageIter, which image it is; parts of a data set lose no sample;
ImageDetIter takes images without boxes, too; an argument that nobody knows is a TypeError; a
memoryview is taken as bytes are.

Resized images are antialiased, by Pillow, unless `set_backend("opencv")` is called.
"""

from __future__ import annotations

import sys

from . import detection
from . import detection as det
from .augmenters import (
    Augmenter,
    CastAug,
    CenterCropAug,
    ForceResizeAug,
    HorizontalFlipAug,
    RandomCropAug,
    RandomOrderAug,
    RandomSizedCropAug,
    ResizeAug,
    SequentialAug,
)
from .color import (
    BrightnessJitterAug,
    ColorJitterAug,
    ColorNormalizeAug,
    ContrastJitterAug,
    HueJitterAug,
    LightingAug,
    RandomGrayAug,
    SaturationJitterAug,
    color_normalize,
)
from .create import CreateAugmenter
from .decode import imdecode, imread
from .detection import *  # noqa: F403 - as in MXNet
from .geometry import (
    _get_interp_method,
    center_crop,
    copyMakeBorder,
    fixed_crop,
    imresize,
    random_crop,
    random_size_crop,
    resize_short,
    scale_down,
    set_backend,
)
from .image_iter import ImageIter
from .rotating import imrotate, random_rotate

__all__ = [
    "Augmenter",
    "BrightnessJitterAug",
    "CastAug",
    "CenterCropAug",
    "ColorJitterAug",
    "ColorNormalizeAug",
    "ContrastJitterAug",
    "CreateAugmenter",
    "ForceResizeAug",
    "HorizontalFlipAug",
    "HueJitterAug",
    "ImageIter",
    "LightingAug",
    "RandomCropAug",
    "RandomGrayAug",
    "RandomOrderAug",
    "RandomSizedCropAug",
    "ResizeAug",
    "SaturationJitterAug",
    "SequentialAug",
    "_get_interp_method",
    "center_crop",
    "color_normalize",
    "copyMakeBorder",
    "det",
    "detection",
    "fixed_crop",
    "image",
    "imdecode",
    "imread",
    "imresize",
    "imrotate",
    "random_crop",
    "random_rotate",
    "random_size_crop",
    "resize_short",
    "scale_down",
    "set_backend",
]
__all__ += detection.__all__

image = sys.modules[__name__]
"""MXNet's mx.image.image: its names are here."""


def __getattr__(name: str) -> object:
    raise AttributeError(f"no mx.image.{name}: rectool's stand-in has {', '.join(__all__)}")
