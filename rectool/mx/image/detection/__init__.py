"""`mx.image.detection`, also `mx.image.det`: images with boxes. All names are in `mx.image` too."""

from __future__ import annotations

from .augmenters import DetAugmenter, DetBorrowAug, DetHorizontalFlipAug, DetRandomSelectAug
from .create import CreateDetAugmenter, CreateMultiRandCropAugmenter
from .crop_and_pad import DetRandomCropAug, DetRandomPadAug
from .det_iter import ImageDetIter

__all__ = [
    "CreateDetAugmenter",
    "CreateMultiRandCropAugmenter",
    "DetAugmenter",
    "DetBorrowAug",
    "DetHorizontalFlipAug",
    "DetRandomCropAug",
    "DetRandomPadAug",
    "DetRandomSelectAug",
    "ImageDetIter",
]
