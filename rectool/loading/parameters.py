"""The parameters that iterators take as keywords, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

from numpy.typing import DTypeLike

from ..errors import StrPath
from ..imaging.options import Backend

OnError = Literal["fail", "skip"]


class AugmentationOptions(TypedDict, total=False):
    """The parameters of Augmentation that iterators take: all but data_shape and dtype."""

    resize: int
    rand_crop: bool
    random_resized_crop: bool
    force_resize: bool
    max_random_area: float
    min_random_area: float
    max_aspect_ratio: float
    min_aspect_ratio: float | None
    max_random_scale: float
    min_random_scale: float
    max_crop_size: int
    min_crop_size: int
    max_img_size: float
    min_img_size: float
    max_rotate_angle: int
    rotate: int
    max_shear_ratio: float
    pad: int
    fill_value: int
    inter_method: int
    brightness: float
    contrast: float
    saturation: float
    random_h: int
    random_s: int
    random_l: int
    pca_noise: float
    mirror: bool
    rand_mirror: bool
    mean_r: float
    mean_g: float
    mean_b: float
    mean_a: float
    std_r: float
    std_g: float
    std_b: float
    std_a: float
    scale: float
    max_random_contrast: float
    max_random_illumination: float
    mean_img: Any


class IteratorOptions(AugmentationOptions, total=False):
    """The keywords of ImageRecordIter that ImageDetRecordIter takes too."""

    path_imgidx: StrPath | Sequence[StrPath] | None
    path_imglist: StrPath | None
    masks: StrPath | Sequence[StrPath] | None
    mask_dtype: DTypeLike
    mask_fill: int
    shuffle: bool
    seed: int
    seed_aug: int | None
    part_index: int
    num_parts: int
    round_batch: bool
    preprocess_threads: int
    prefetch_buffer: int
    dtype: DTypeLike | None
    data_name: str
    backend: Backend
    max_pixels: int | None
    on_error: OnError
