"""What becomes of a decoded image on its way into a batch."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from numbers import Real
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .color import add_hls, add_noise, jitter
from .steps import ANY, INTER_METHODS

Array = NDArray[Any]

DTYPES = ("float32", "uint8", "int8")

_MOST = 1e30  # what float32, which computes, can multiply by bytes
_FROM_0 = (
    "pad", "max_rotate_angle", "max_shear_ratio", "min_img_size", "brightness", "contrast",
    "saturation", "pca_noise", "max_random_contrast", "max_random_illumination",
)  # fmt: skip
_FROM_UNSET = ("resize", "rotate", "max_crop_size", "min_crop_size")
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(_FROM_0, (0, math.inf)),
    **dict.fromkeys(_FROM_UNSET, (-1, math.inf)),
    **dict.fromkeys(("fill_value", "random_s", "random_l"), (0, 255)),
    **dict.fromkeys(("min_random_area", "max_random_area"), (0, 1)),
    "random_h": (0, 180),
}
"""Of all other numbers any is valid, or a rule for two of them says more."""


@dataclass(frozen=True)
class Augmentation:
    """Random and fixed changes of images, with the parameters of MXNet's ImageRecordIter.

    The steps are done in this order: resize, affine map, pad, crop, colors, mirror, normalize.

    Args:
        data_shape: (channels, height, width) of the result, with 1, 3 or 4 channels.
        resize: The length of the shorter edge in pixels; -1 leaves the image as it is.
        rand_crop: Crop at a random place. False crops in the middle. An image that is smaller than
            the crop is scaled up first.
        random_resized_crop: Crop a random part and scale it to data_shape. The part has
            `min_random_area` to `max_random_area` of the area, and a random aspect ratio.
        force_resize: Scale the image to data_shape whatever its proportions, without a crop. With
            random_resized_crop: only where no such part is found.
        max_random_area: See random_resized_crop.
        min_random_area: See random_resized_crop.
        max_aspect_ratio: Change the proportions by a random factor of 1 - A to 1 + A, or of
            `min_aspect_ratio` to A where that is given.
        min_aspect_ratio: See max_aspect_ratio.
        max_random_scale: Scale by a random factor of `min_random_scale` to this.
        min_random_scale: See max_random_scale.
        max_crop_size: Crop a square of `min_crop_size` to this many pixels a side, and scale it to
            data_shape; -1 does not.
        min_crop_size: See max_crop_size.
        max_img_size: The longest that a side may get by the affine map, in pixels.
        min_img_size: The shortest that a side may get by the affine map, in pixels.
        max_rotate_angle: Rotate by up to so many degrees to either side.
        rotate: Rotate by exactly so many degrees, if above 0.
        max_shear_ratio: Shear by up to this ratio.
        pad: Add so many pixels on each side.
        fill_value: The value of added pixels, 0 to 255. Their alpha is 0.
        inter_method: Interpolation. 0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos; 9 bicubic
            to enlarge, area to shrink, bilinear for both at once; 10 a random one of 0 to 4.
        brightness: Multiply the brightness by a random factor of 1 - value to 1 + value. Changes of
            color require 3 channels, and these three come in random order.
        contrast: The same for the contrast.
        saturation: The same for the saturation.
        random_h: Add up to this to the hue, 0 to 180, in HLS.
        random_s: Add up to this to the saturation, 0 to 255, in HLS.
        random_l: Add up to this to the lightness, 0 to 255, in HLS.
        pca_noise: The standard deviation of AlexNet's color noise.
        mirror: Mirror every image, left to right.
        rand_mirror: Mirror half of the images, at random.
        mean_r: Subtracted from the first channel. The result is (x - mean) * scale / std.
        mean_g: Subtracted from the second channel.
        mean_b: Subtracted from the third channel.
        mean_a: Subtracted from the fourth channel.
        std_r: Divides the first channel.
        std_g: Divides the second channel.
        std_b: Divides the third channel.
        std_a: Divides the fourth channel.
        scale: Multiplies all channels.
        max_random_contrast: Multiply the normalized image by a random factor of 1 - value to
            1 + value.
        max_random_illumination: Add a random number of up to value * scale / std, or subtract it.
        dtype: "float32"; "uint8", which is not normalized; or "int8", from which only the rounded
            means are subtracted, cut to -128 to 127.
        mean_img: An array of data_shape, subtracted instead of the four means.

    Raises:
        ValueError: A value has no meaning, or values do not go together.

    Example:
        >>> augmentation = Augmentation((3, 224, 224), resize=256, rand_crop=True, rand_mirror=True)
    """

    data_shape: Sequence[int]
    resize: int = -1
    rand_crop: bool = False
    random_resized_crop: bool = False
    force_resize: bool = False
    max_random_area: float = 1.0
    min_random_area: float = 1.0
    max_aspect_ratio: float = 0.0
    min_aspect_ratio: float | None = None
    max_random_scale: float = 1.0
    min_random_scale: float = 1.0
    max_crop_size: int = -1
    min_crop_size: int = -1
    max_img_size: float = 1e10
    min_img_size: float = 0.0
    max_rotate_angle: int = 0
    rotate: int = -1
    max_shear_ratio: float = 0.0
    pad: int = 0
    fill_value: int = 255
    inter_method: int = 1
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    random_h: int = 0
    random_s: int = 0
    random_l: int = 0
    pca_noise: float = 0.0
    mirror: bool = False
    rand_mirror: bool = False
    mean_r: float = 0.0
    mean_g: float = 0.0
    mean_b: float = 0.0
    mean_a: float = 0.0
    std_r: float = 1.0
    std_g: float = 1.0
    std_b: float = 1.0
    std_a: float = 1.0
    scale: float = 1.0
    max_random_contrast: float = 0.0
    max_random_illumination: float = 0.0
    dtype: str = "float32"
    mean_img: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        try:
            shape = tuple(map(operator.index, self.data_shape))
        except TypeError:
            shape = ()
        if len(shape) != 3 or shape[0] not in (1, 3, 4) or min(shape) < 1:
            raise ValueError(
                "data_shape must be (channels, height, width) with 1, 3 or 4 channels, got"
                f" {self.data_shape}"
            )
        object.__setattr__(self, "data_shape", shape)
        for one in fields(self)[1:-2]:  # all but data_shape, dtype and mean_img
            self._check_number(one.name, str(one.type))
        self._check_mean_image()
        if self.dtype not in DTYPES:
            raise ValueError(
                f"dtype must be {', '.join(DTYPES[:-1])} or {DTYPES[-1]}, got {self.dtype}"
            )
        if self.inter_method not in (*INTER_METHODS, ANY):
            raise ValueError(f"inter_method must be 0 to 4, 9 or 10, got {self.inter_method}")
        if self.channels != 3 and self.colours:
            raise ValueError(
                f"changes of colour require 3 channels, and data_shape has {self.channels}"
            )
        if self.resize == 0:
            raise ValueError("resize must be a length in pixels, or -1, got 0")
        if 0 in (self.std_r, self.std_g, self.std_b, self.std_a):
            raise ValueError("std must not be 0: values are divided by it")
        if not np.abs(self._of_channels("std")).min() * _MOST > abs(self.scale):
            raise ValueError(f"scale / std must be below {_MOST:g}, got scale {self.scale:g}")
        self._check_crops()

    def _check_mean_image(self) -> None:
        image = self.mean_img
        if image is None:
            return
        if not isinstance(image, np.ndarray) or image.shape != self.data_shape:
            found = image.shape if isinstance(image, np.ndarray) else repr(image)
            raise ValueError(
                f"mean_img must be an array of data_shape {self.data_shape}, got {found};"
                " rectool.mx.io.ImageRecordIter takes a file"
            )
        object.__setattr__(self, "mean_img", image.astype(np.float32))

    def _check_number(self, name: str, kind: str) -> None:
        """Raises ValueError unless it is one of its kind and range; numpy's become Python's."""
        value = getattr(self, name)
        if value is None and kind == "float | None":
            return
        low, high = (0, 1) if kind == "bool" else _RANGES.get(name, (-math.inf, math.inf))
        number: Any = value if isinstance(value, Real | np.bool_) else math.nan
        valid = -_MOST <= number <= _MOST and low <= number <= high
        valid = valid and (kind.startswith("float") or number == int(number))
        if not valid:
            what = {"bool": "True or False", "int": "a whole number"}.get(kind, "a number")
            span = f", {low:g} or more" if high == math.inf else f" from {low:g} to {high:g}"
            span = "" if kind == "bool" or low == -math.inf else span
            raise ValueError(f"{name} must be {what}{span}, got {value!r}")
        plain = {"bool": bool, "int": int}.get(kind, float)
        object.__setattr__(self, name, plain(value))

    def _check_crops(self) -> None:
        smallest, largest = self.min_crop_size, self.max_crop_size
        if (smallest, largest) != (-1, -1) and not 1 <= smallest <= largest:
            raise ValueError(
                "min_crop_size and max_crop_size must both be given, the smaller first,"
                f" got {smallest} and {largest}"
            )
        for name, (low, high) in (
            ("areas", self.areas),
            ("aspect ratios", self.aspect_ratios),
            ("scales", (self.min_random_scale, self.max_random_scale)),
            ("sizes", (self.min_img_size or 1, self.max_img_size)),
        ):
            if not 0 < low <= high:
                raise ValueError(
                    f"random {name} must be above 0, the lower limit first, got {low:g} to {high:g}"
                )
        others = (
            self.rand_crop,
            self.crop_sizes,
            self.min_random_scale != 1,
            self.max_random_scale != 1,
        )
        if self.random_resized_crop and any(others):
            raise ValueError("random_resized_crop does not go with rand_crop, crop sizes or scales")
        if self.force_resize and (self.rand_crop or self.crop_sizes):
            raise ValueError(
                "force_resize does not go with rand_crop or crop sizes: it crops nothing"
            )

    @property
    def channels(self) -> int:
        return self.data_shape[0]

    @property
    def height(self) -> int:
        return self.data_shape[1]

    @property
    def width(self) -> int:
        return self.data_shape[2]

    @property
    def areas(self) -> tuple[float, float]:
        return self.min_random_area, self.max_random_area

    @property
    def aspect_ratios(self) -> tuple[float, float]:
        if self.min_aspect_ratio is not None:
            return self.min_aspect_ratio, self.max_aspect_ratio
        return 1 - self.max_aspect_ratio, 1 + self.max_aspect_ratio

    @property
    def crop_sizes(self) -> tuple[int, int] | None:
        """From and to, or None where the crop is data_shape's."""
        return None if self.max_crop_size == -1 else (self.min_crop_size, self.max_crop_size)

    @property
    def warps(self) -> bool:
        ratio = not self.random_resized_crop and self.aspect_ratios != (1, 1)
        scales = self.min_random_scale != 1 or self.max_random_scale != 1
        sizes = self.max_img_size < 1e10 or self.min_img_size > 0
        turns = self.max_rotate_angle > 0 or self.rotate > 0 or self.max_shear_ratio > 0
        return ratio or scales or sizes or turns

    @property
    def colours(self) -> bool:
        return any((
            self.brightness, self.contrast, self.saturation,
            self.random_h, self.random_s, self.random_l, self.pca_noise,
        ))  # fmt: skip

    @property
    def resamples(self) -> bool:
        """Whether it scales images that are no smaller than the crop."""
        crops = self.random_resized_crop or self.crop_sizes is not None
        return self.resize > 0 or crops or self.force_resize

    def recolour(self, image: Array, draw: Random) -> Array:
        """The image (HxWx3, RGB, uint8) with its colours changed."""
        if self.brightness or self.contrast or self.saturation:
            image = jitter(image, self.brightness, self.contrast, self.saturation, draw)
        if self.random_h or self.random_s or self.random_l:
            image = add_hls(image, (self.random_h, self.random_l, self.random_s), draw)
        return add_noise(image, self.pca_noise, draw) if self.pca_noise else image

    def mirrors(self, draw: Random) -> bool:
        """Whether this image is to be mirrored."""
        return (self.rand_mirror and draw.random() < 0.5) or self.mirror

    def put(self, image: Array, row: Array, draw: Random, *, mirrored: bool) -> None:
        """Normalises an image (HxW or HxWxC), and lays it out as CxHxW in `row`, or mirrored."""
        image = image if image.ndim == 3 else image[:, :, None]
        means = self._means
        if mirrored:
            image, means = image[:, ::-1], means[:, :, ::-1]
        planes = image.transpose(2, 0, 1)
        if self.dtype == "int8":
            means = np.trunc(means + np.copysign(np.float32(0.5), means)).astype(np.int16)
            row[...] = np.clip(planes - means, -128, 127)
            return
        row[...] = planes
        if self.dtype == "float32":
            self._normalise(row, means, draw)

    def _normalise(self, row: Array, means: Array, draw: Random) -> None:
        factor = self._factor
        offset: NDArray[np.float32] | None = None
        if self.max_random_contrast or self.max_random_illumination:
            contrast = draw.uniform(-self.max_random_contrast, self.max_random_contrast)
            light = draw.uniform(-self.max_random_illumination, self.max_random_illumination)
            factor = np.float32((1 + contrast) * self.scale) / self._of_channels("std")
            offset = np.float32(light * self.scale) / self._of_channels("std")
        if self._shifts:
            row -= means
        if factor is not None:
            row *= factor
        if offset is not None:
            row += offset

    @cached_property
    def _means(self) -> NDArray[np.float32]:
        """What is subtracted: of shape (channels, 1, 1), or mean_img's."""
        image: NDArray[np.float32] | None = self.mean_img
        return self._of_channels("mean") if image is None else image

    @cached_property
    def _shifts(self) -> bool:
        return bool(self._means.any())

    @cached_property
    def _factor(self) -> NDArray[np.float32] | None:
        """Of shape (channels, 1, 1); None where there is nothing to do."""
        factor = np.float32(self.scale) / self._of_channels("std")
        return factor if (factor != 1).any() else None

    def _of_channels(self, name: str) -> NDArray[np.float32]:
        values = [getattr(self, f"{name}_{channel}") for channel in "rgba"[: self.channels]]
        return np.array(values, np.float32)[:, None, None]
