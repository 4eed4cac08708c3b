"""What is to become of an image, and which backend can do that.

No image library is loaded here, nor numpy, so that a command's options can be made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ImageError
from ..imaging.backends import load
from ..imaging.check_complete import check_complete
from ..imaging.image_ends import NO_LIMIT
from ..imaging.options import (
    INTERPS,
    Backend,
    Change,
    Color,
    Encoding,
    Fit,
    FitOf,
    Interp,
    Reading,
    ResizeMode,
    Size,
    actual_interp,
    check_backend,
    check_pixels,
)
from .masks import Mask


@dataclass(frozen=True)
class Reencode:
    """Decodes an image, crops and resizes it, and encodes it anew. Defaults are im2rec.py's.

    `resize` is a length N in pixels (0: leave the size), and `resize_mode` says of what: "short"
    gives the shorter edge N pixels and the other in proportion, rounded down; "long" the longer
    edge; "exact" both, whatever the proportions. Without `upscale` an image that would grow keeps
    its size. `center_crop` comes before that. `quality` None is the encoding's usual one (QUALITY).

    `interp` "auto" is MXNet's inter_method 9: "bicubic" where both edges grow, "area" (Pillow's
    box) where both shrink, else "bilinear". Pillow's are antialiased, all but "nearest"; OpenCV's
    are not, all but "area". "fast" has Pillow's, at most 1 of 255 apart.

    `background`, `max_pixels` and `truncated` are as in Reading.

    Raises ValueError for values that do not go together.
    """

    color: Color = "rgb"
    center_crop: bool = False
    resize: int = 0
    encoding: Encoding = "jpg"
    quality: int | None = None
    backend: Backend = "pillow"
    interp: Interp = "bilinear"
    resize_mode: ResizeMode = "short"
    upscale: bool = True
    background: tuple[int, int, int] | None = None
    max_pixels: int | None = None
    truncated: bool = False

    def __post_init__(self) -> None:
        check_backend(self.backend)
        has = INTERPS[self.backend]
        if self.interp == "area" and self.backend != "opencv":
            raise ValueError(
                f"interp area is OpenCV's; with {self.backend} take box, which averages areas when"
                " shrinking"
            )
        if self.interp not in has:
            raise ValueError(f"{self.backend} has no interp {self.interp}, but {', '.join(has)}")
        if self.encoding == "png" and (self.quality or 0) > 9:
            raise ValueError("quality of PNG images is their compression level, 1 to 9")
        if self.resize_mode == "exact" and not self.upscale:
            raise ValueError("resize mode exact gives all images one size: it has to upscale some")
        if self.background is not None and self.color == "unchanged":
            raise ValueError("color unchanged keeps the alpha channel, which background removes")

    @property
    def crops(self) -> bool:
        """Whether parts of the image are left out."""
        return self.center_crop

    def prepare(self) -> None:
        """Called in each worker process before its work."""
        if self.backend == "opencv":
            load("opencv").alone()

    def apply(self, data: bytes, changes: list[Change] | None = None) -> bytes:
        """The image, encoded anew; what else was changed in it is added to `changes`.

        Raises ImageError, saying why, where that cannot be done.
        """
        return self._encoded(data, self.fit, changes)

    def apply_pair(
        self, data: bytes, mask: Mask, changes: list[Change] | None = None
    ) -> tuple[bytes, bytes]:
        """The same, and the image's mask, cut and resized alike: to the nearest number, as a PNG.

        Raises ImageError also where there is no mask that fits.
        """
        from ..imaging.masks import cut_mask, encode_mask  # noqa: PLC0415 - few packs have masks

        fits: list[tuple[Size, Fit]] = []

        def fit_of(width: int, height: int) -> Fit:
            fits.append(((width, height), self.fit(width, height)))
            return fits[-1][1]

        image = self._encoded(data, fit_of, changes)
        size, fit = fits[-1]
        return image, encode_mask(cut_mask(mask.numbers(data, size), fit.box, fit.size))

    def _encoded(self, data: bytes, fit_of: FitOf, changes: list[Change] | None) -> bytes:
        backend = load(self.backend)
        image = self._rendered(backend, data, fit_of, [] if changes is None else changes)
        encoded: bytes = backend.encode(image, self.encoding, self.quality)
        return encoded

    def _rendered(self, backend: Any, data: bytes, fit_of: FitOf, changes: list[Change]) -> Any:
        how = Reading(self.color, self.background, self.max_pixels)
        try:
            return backend.render(data, how, fit_of, changes)
        except ImageError:
            if not self.truncated:
                raise
        image = backend.render(data, how._replace(truncated=True), fit_of, changes)
        changes.append("truncated")
        return image

    def fit(self, width: int, height: int) -> Fit:
        """What an image of this size, its orientation applied, is cut and resized to.

        The crop is the square in the middle; an odd pixel is left at the far end. Raises ImageError
        for a result of more pixels than are ever decoded.
        """
        box = (0, 0, width, height)
        if self.center_crop:
            side = min(width, height)
            left, top = (width - side) // 2, (height - side) // 2
            box = (left, top, left + side, top + side)
            width = height = side
        size = _resized((width, height), self.resize, self.resize_mode) if self.resize else None
        if size is None or (not self.upscale and max(size) > max(width, height)):
            size = (width, height)
        check_pixels(size)
        return Fit(box, size, actual_interp(self.interp, (width, height), size))


def _resized(size: Size, length: int, mode: ResizeMode) -> Size:
    width, height = size
    if mode == "exact":
        return (length, length)
    if (height > width) == (mode == "short"):  # the width is given; both are where it is a square
        return (length, max(1, height * length // width))
    return (max(1, width * length // height), length)


@dataclass(frozen=True)
class CopyBytes:
    """The bytes as they are, once they are known to be a whole image.

    For that `check` "end" follows lengths to the end marker, "pixels" decodes; "nothing" looks at
    nothing. Only where pixels are decoded does an image have at most `max_pixels` (None: the usual
    limit). Files that end in `.bin` are never checked: `unpack` writes payloads so that are no
    image.
    """

    check: Literal["nothing", "end", "pixels"] = "end"
    max_pixels: int | None = None

    @property
    def crops(self) -> bool:
        return False

    def prepare(self) -> None: ...

    def apply(self, data: bytes, changes: list[Change] | None = None) -> bytes:
        if self.check == "pixels":
            from ..imaging.pillow_open import check_decodes  # noqa: PLC0415 - mostly there is no need

            check_decodes(data, self.max_pixels)
        elif self.check == "end":
            check_complete(data, NO_LIMIT)
        return data

    def apply_pair(
        self, data: bytes, mask: Mask, changes: list[Change] | None = None
    ) -> tuple[bytes, bytes]:
        """Both as they are. Raises ImageError also where readers would turn the image alone."""
        image = self.apply(data)
        return image, mask.encoded(image, verify=self.check == "pixels")


Transform = Reencode | CopyBytes
"""What is done to an encoded image on its way into a record."""
