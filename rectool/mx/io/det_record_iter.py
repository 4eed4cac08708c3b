"""`mx.io.ImageDetRecordIter`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray as Array

from ... import loading
from ...format.boxes import boxes_of, check_fractions
from ...format.header import IRHeader, label_list
from ...loading.augment.geometry import GeometryPlan
from ...loading.augment.options import Augmentation
from ...loading.labels import BatchLabels, LabelSource
from ...loading.unknown_keywords import names_of
from .record_iter import ImageRecordIter

_SIZES = 4
_FIXED = {"label_width": -1, "resize_mode": "force"}
_PROBABILITIES = (
    "rand_crop_prob", "rand_pad_prob", "random_hue_prob", "random_saturation_prob",
    "random_illumination_prob", "random_contrast_prob",
)  # fmt: skip
_OWN = ("label_pad_width", "label_pad_value", "rand_mirror_prob")
_OF_PROBABILITIES = (
    "min_crop_scales", "max_crop_scales", "min_crop_aspect_ratios", "max_crop_aspect_ratios",
    "min_crop_overlaps", "max_crop_overlaps", "min_crop_sample_coverages",
    "max_crop_sample_coverages", "min_crop_object_coverages", "max_crop_object_coverages",
    "num_crop_sampler", "crop_emit_mode", "emit_overlap_thresh", "max_crop_trials",
    "max_pad_scale", "max_random_hue", "max_random_saturation", "max_random_illumination",
    "max_random_contrast", "fill_value",
)  # fmt: skip


class ImageDetRecordIter(ImageRecordIter):
    """ImageRecordIter whose labels are those of the records, in MXNet's detection layout.

    A row of `label[0]` is the channels, height and width of the image in the batch, the number of
    labels, the labels, and `label_pad_value` up to the width of the longest, or `label_pad_width`.
    Images are scaled to data_shape whatever their proportions. `rand_mirror_prob`, 0, 0.5 or 1,
    mirrors images and boxes. mx.image.ImageDetIter crops and pads at random; MXNet's parameters for
    that raise ValueError here where their probability is above 0. A deviation (std_r and the like)
    of 0 is none.

    Raises as ImageRecordIter does, and HeaderError, with the key, for labels of another layout.
    """

    _aug_seq = "det_aug_default"

    @staticmethod
    def _known() -> list[str]:
        known = names_of(loading.ImageRecordIter, Augmentation)
        return [*known, *_OWN, *_FIXED, *_PROBABILITIES, *_OF_PROBABILITIES]

    @staticmethod
    def _source_of(kept: dict[str, Any]) -> loading.ImageRecordIter:
        for name in _OF_PROBABILITIES:
            kept.pop(name, None)
        for name, only in _FIXED.items():
            if kept.pop(name, only) != only:
                raise ValueError(f"{name} must be {only!r} for ImageDetRecordIter")
        for name in _PROBABILITIES:
            if kept.pop(name, 0) > 0:
                raise ValueError(f"{name} must be 0; mx.image.ImageDetIter crops and pads")
        mirror = kept.pop("rand_mirror_prob", 0)
        if mirror not in (0, 0.5, 1):
            raise ValueError(f"rand_mirror_prob must be 0, 0.5 or 1, got {mirror}")
        for name in [name for name in kept if name.startswith("std_") and kept[name] == 0]:
            del kept[name]
        pad = max(kept.pop("label_pad_width", 0), 0), kept.pop("label_pad_value", -1)
        drawn = {"rand_mirror": mirror == 0.5, "mirror": mirror == 1, "force_resize": True}
        return _BoxIterator(pad, **{**kept, **drawn})


class _BoxIterator(loading.ImageRecordIter):
    def __init__(self, pad: tuple[int, float], **parameters: Any) -> None:
        self._pad = pad
        super().__init__(**parameters)

    def _labels(
        self, aug: Augmentation, source: LabelSource, label_width: int, *, skip: bool
    ) -> BatchLabels:
        images = source.images
        if images is None:
            widths = self.reader.headers(np.asarray(self._positions, np.int64)).widths
            most = int(widths.max())
        else:
            most = max(len(images[at].labels) for at in range(len(images)))
        width, value = self._pad
        if 0 < width < most:
            raise ValueError(f"label_pad_width must be at least {most}, got {width}")
        return _Rows(source, max(width, most), value, aug.data_shape)


class _Rows:
    """A row of sizes and labels for each sample."""

    def __init__(self, source: LabelSource, most: int, fill: float, sizes: Any) -> None:
        self._source, self._sizes = source, sizes
        self.shape: tuple[int, ...] = (_SIZES + most,)
        self.fill = fill

    def read(self, header: IRHeader) -> Array[np.float32]:
        labels = np.array(label_list(self._source.of(header)), np.float32)
        check_fractions(boxes_of(labels))
        return labels

    def put(
        self,
        labels: Array[np.float32],
        rows: Array[np.float32],
        row: int,
        plan: GeometryPlan,
        *,
        mirrored: bool,
    ) -> None:
        placed = rows[row, _SIZES : _SIZES + len(labels)]
        rows[row, :_SIZES] = (*self._sizes, len(labels))
        placed[:] = labels
        if mirrored:
            boxes = placed[int(labels[0]) :].reshape(-1, int(labels[1]))
            real = boxes[:, 0] >= 0
            boxes[real, 1], boxes[real, 3] = 1 - boxes[real, 3], 1 - boxes[real, 1]
