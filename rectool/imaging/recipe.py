"""What is to become of an image, and which backend can do that.

No image library is loaded here, nor numpy, so that a command's options can be made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NamedTuple, Protocol

Color = Literal["rgb", "gray", "unchanged"]
Encoding = Literal["jpg", "png", "webp"]
Backend = Literal["pillow", "opencv"]
Interp = Literal["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "area", "auto"]
ResizeMode = Literal["short", "long", "exact"]

QUALITY = {"jpg": 95, "png": 6, "webp": 95}
"""Default quality: 1 to 100, for PNG the compression level, 1 to 9."""

INTERPS: dict[str, tuple[Interp, ...]] = {
    "pillow": ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "auto"),
    "opencv": ("nearest", "bilinear", "bicubic", "lanczos", "area", "auto"),
}
"""The backends, and the interpolations of each."""

_LAYOUTS = {
    "jpg": ("L", "RGB"),
    "png": ("L", "LA", "RGB", "RGBA", "I;16", "RGB;16", "RGBA;16"),
    "webp": ("L", "RGB", "RGBA"),
}
_LONGEST = {"jpg": 65_500, "png": (1 << 31) - 1, "webp": 16_383}

Size = tuple[int, int]


class Fit(NamedTuple):
    """What is cut out of an image (left, top, right, bottom), and the size it then gets.

    A Recipe's boxes are whole pixels. `interp` is never "auto", but what that comes to for these
    sizes.
    """

    box: tuple[float, float, float, float]
    size: Size
    interp: Interp


Change = Literal["alpha", "depth", "frames", "cmyk", "orientation", "truncated"]
"""What was done to an image that nobody asked for: its alpha channel was dropped, its 16 bits a
sample became 8, all its frames or pages but the first were left out, it was CMYK and is RGB, it was
turned as its EXIF orientation says though it is otherwise left unchanged, it was cut short.
"""


class Reading(NamedTuple):
    """How an image is decoded.

    `background` (red, green, blue) is what shows where an image is transparent; None drops its
    alpha channel, which shows the colours that it hides. `max_pixels` is the most that an image may
    have, None the usual limit. With `truncated` an image that is cut short or damaged is decoded as
    far as it goes.
    """

    color: Color = "rgb"
    background: tuple[int, int, int] | None = None
    max_pixels: int | None = None
    truncated: bool = False


FitOf = Callable[[int, int], Fit]
"""Of an image's width and height, its orientation applied."""


class MaskOf(Protocol):
    def numbers(self, image: bytes, size: Size) -> Any:
        """The mask of an encoded image whose size (width, height) is this, once turned."""


@dataclass(frozen=True)
class Recipe:
    """What becomes of an image on its way into a record. Defaults are im2rec.py's.

    `resize` is a length N in pixels (0: leave the size), and `resize_mode` says of what: "short"
    gives the shorter edge N pixels and the other in proportion, rounded down; "long" the longer
    edge; "exact" both, whatever the proportions. Without `upscale` an image that would grow keeps
    its size. `center_crop` comes before that. `quality` None is the encoding's usual one (QUALITY).

    `interp` "auto" is MXNet's inter_method 9: "bicubic" where both edges grow, "area" (Pillow's
    box) where both shrink, else "bilinear". Pillow's are antialiased, all but "nearest"; OpenCV's
    are not, all but "area".

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
        if self.backend not in INTERPS:
            raise ValueError(f"no backend {self.backend!r}: there are {' and '.join(INTERPS)}")
        has = INTERPS[self.backend]
        if self.interp == "area" and self.backend == "pillow":
            raise ValueError(
                "interp area is OpenCV's; with pillow take box, which averages areas when shrinking"
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
    def cuts(self) -> bool:
        return self.center_crop

    def prepare(self) -> None:
        if self.backend == "opencv":
            load("opencv").alone()

    def apply(self, data: bytes, changes: list[Change] | None = None) -> bytes:
        """The image, encoded anew; what else was changed in it is added to `changes`.

        Raises ImageError, saying why, where that cannot be done.
        """
        return self._encoded(data, self.fit, changes)

    def apply_pair(
        self, data: bytes, mask: MaskOf, changes: list[Change] | None = None
    ) -> tuple[bytes, bytes]:
        """The same, and the image's mask, cut and resized alike: to the nearest number, as a PNG.

        Raises ImageError also where there is no mask that fits.
        """
        from .masks import cut_mask, encode_mask  # noqa: PLC0415 - few packs have masks

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
        from ..format import ImageError  # noqa: PLC0415

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


def load(backend: Backend) -> Any:
    """The backend's module: it has `decode`, `render`, `resize`, `warp` and `encode`.

    Raises ImageError where the library that it needs is not installed.
    """
    return import_module(f"{__package__}.with_{backend}")


def _resized(size: Size, length: int, mode: ResizeMode) -> Size:
    width, height = size
    if mode == "exact":
        return (length, length)
    if (height > width) == (mode == "short"):  # the width is given; both are where it is a square
        return (length, max(1, height * length // width))
    return (max(1, width * length // height), length)


def check_pixels(size: Size) -> None:
    """Raises ImageError for more pixels than are ever decoded."""
    from ..format import ImageError  # noqa: PLC0415 - these two need numpy
    from ..sniffing import MAX_PIXELS  # noqa: PLC0415

    if size[0] * size[1] > MAX_PIXELS:
        raise ImageError(
            f"resized it would have {size[0]}x{size[1]} pixels, more than {MAX_PIXELS}"
        )


def actual_interp(interp: Interp, old: Size, new: Size) -> Interp:
    """What "auto" comes to for these sizes; any other is as it is."""
    if interp != "auto":
        return interp
    if new[0] > old[0] and new[1] > old[1]:
        return "bicubic"
    return "area" if new[0] < old[0] and new[1] < old[1] else "bilinear"


def check_encodable(layout: str, size: Size, encoding: Encoding) -> None:
    """Raises ImageError unless the encoding can hold an image of this layout and size.

    A layout is a Pillow mode (L, LA, RGB, RGBA, I;16), or RGB;16 or RGBA;16.
    """
    from ..format import ImageError  # noqa: PLC0415

    if layout not in _LAYOUTS[encoding]:
        what = "16-bit samples" if layout.endswith(";16") else "an alpha channel"
        raise ImageError(
            f"has {what}, which {encoding} images cannot hold; use --encoding png or --color rgb"
        )
    if max(size) > _LONGEST[encoding]:
        raise ImageError(
            f"{size[0]}x{size[1]} pixels: {encoding} images have at most"
            f" {_LONGEST[encoding]} a side"
        )
