"""Encoded images opened by Pillow: what they are, and what is lost of them.

Whatever is wrong with an image is an ImageError, and nothing else is. Of Pillow's settings, which
are the whole program's, none is changed for longer than an image of a kind that needs it is open.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from importlib import import_module
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError

from ..errors import ImageError
from .image_ends import NO_LIMIT, bare_jpeg, decodable, gif_frames
from .options import Change, Reading
from .probe import ImageInfo, check_size, exif_orientation, format_of, tiff_tags

_FORMATS = {
    "JPEG": ("JPEG", "JpegImagePlugin"),
    "PNG": ("PNG", "PngImagePlugin"),
    "GIF": ("GIF", "GifImagePlugin"),
    "WebP": ("WEBP", "WebPImagePlugin"),
    "BMP": ("BMP", "BmpImagePlugin"),
    "TIFF": ("TIFF", "TiffImagePlugin"),
    "PNM": ("PPM", "PpmImagePlugin"),
    "AVIF": ("AVIF", "AvifImagePlugin"),
}
"""What is decoded: Pillow's names. Not its other formats, some of which run programs."""

SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")
JPEGS = ("JPEG", "MPO")
_TRANSPARENT = ("LA", "PA", "La", "RGBA", "RGBa")
_LARGE = 1 << 24  # pixels: where memory is short for fewer, it is not the image's fault
_UNCHANGED = nullcontext()
_settings = threading.RLock()
"""Held while one of Pillow's settings, which are the whole program's, is another for a while."""


def check_decodes(data: bytes, max_pixels: int | None = None, *, any_samples: bool = False) -> None:
    """Raises ImageError, as `decode` does, unless every pixel of the image can be decoded."""
    with opened(data, max_pixels) as image, decoding(data):
        image.load()
        if not any_samples:
            check_samples(image)


@contextmanager
def opened(
    data: bytes, max_pixels: int | None = None, *, truncated: bool = False
) -> Iterator[Image.Image]:
    """Pillow's image of encoded data, not yet loaded. Raises ImageError as `decode` does.

    What is done with it belongs into `decoding`, unless it cannot fail.
    """
    info, needed = decodable(data, max_pixels, truncated=truncated)
    with _settings_for(info, truncated=truncated), _open(needed, info.format) as image:
        if image.size != info[1:]:
            check_size(ImageInfo(info.format, *image.size), max_pixels)
        yield image


def _settings_for(info: ImageInfo, *, truncated: bool = False) -> AbstractContextManager[object]:
    large = info.width * info.height > (Image.MAX_IMAGE_PIXELS or 0)  # Pillow would warn or refuse
    if not large and not truncated:
        return _UNCHANGED
    stack = ExitStack()
    if large:
        stack.enter_context(_setting(Image, "MAX_IMAGE_PIXELS", None))
    if truncated:
        stack.enter_context(_setting(ImageFile, "LOAD_TRUNCATED_IMAGES", True))
    return stack


def _open(data: bytes, kind: str) -> Image.Image:
    name, plugin = _FORMATS[kind]
    if not _is_decoded(plugin):
        newer = " (11.3 and later do)" if kind == "AVIF" else ""
        raise ImageError(f"this Pillow does not decode {kind} images{newer}")
    with decoding(data):
        try:
            return Image.open(io.BytesIO(data), formats=(name,))
        except UnidentifiedImageError:
            bare = bare_jpeg(data) if kind == "JPEG" else data
            if len(bare) < len(data):  # without metadata that Pillow stumbles over
                return _open(bare, kind)
            raise ImageError(f"a damaged {kind}") from None


@cache
def _is_decoded(plugin: str) -> bool:
    """Has Pillow know a format, which it would look for in all its plugins; whether it does."""
    try:
        module = import_module(f"PIL.{plugin}")
    except ModuleNotFoundError:  # an older Pillow
        return False
    return bool(getattr(module, "SUPPORTED", True))


@contextmanager
def _setting(module: Any, name: str, value: object) -> Iterator[None]:
    with _settings:
        before = getattr(module, name)
        setattr(module, name, value)
        try:
            yield
        finally:
            setattr(module, name, before)


class memory_for:  # noqa: N801 - used as a function
    """A large image for which the memory is not enough is an ImageError, in a `with` block.

    A class, because several are entered for each image, and generators take thrice the time.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, MemoryError):
            width, height = decodable(self._data, NO_LIMIT, truncated=True)[0][1:]
            if width * height >= _LARGE:
                raise ImageError(f"{width}x{height} pixels are too many for the memory") from None


class decoding(memory_for):  # noqa: N801
    """Whatever a decoder raises of these bytes is an ImageError, in a `with` block.

    An error of the system is what it was.
    """

    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if error is None:
            return
        super().__exit__(kind, error, trace)
        if isinstance(error, OSError) and error.errno:  # too many open files, say
            return
        if isinstance(error, Exception) and not isinstance(error, (ImageError, MemoryError)):
            # on damaged data decoders raise whatever they like
            form, reason = format_of(self._data) or "image", _reason(error)
            what = f"a {form} cut short" if "truncated" in reason else f"a damaged {form}"
            raise ImageError(f"{what}: {reason}") from error


def _reason(error: Exception) -> str:
    """What a decoder says, which may hold bytes of the image."""
    text = str(error) if error.args and isinstance(error.args[0], str) else ""
    return text if text.isprintable() and text else type(error).__name__


def orientation_of(data: bytes) -> int:
    """An encoded image's EXIF orientation, 1 to 8; 1 where it has none, and for TIFF."""
    info, needed = decodable(data, NO_LIMIT, truncated=True)
    with _settings_for(info), _open(needed, info.format) as image:
        return orientation_in(image)


def orientation_in(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, or 1. Only EXIF counts: OpenCV knows no other place.

    TIFF is left to Pillow, which turns the image while loading it.
    """
    block = image.info.get("exif")
    return exif_orientation(block) if block and image.format != "TIFF" else 1


def check_samples(image: Image.Image) -> None:
    if image.mode == "I" and image.format not in ("PNG", "PPM"):
        raise ImageError("32-bit samples; convert it first")
    if image.mode == "F":
        raise ImageError("floating-point samples; convert it first")


def is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether this has 16 bits a channel in colour, which Pillow halves. It is not yet loaded."""
    deep = is_deep_png(data) or _has_deep_samples(image)
    return deep and image.mode not in ("F", *SIXTEEN_BITS)


def is_deep_png(data: bytes) -> bool:
    """Whether this is a PNG of 16 bits a channel in colour or with alpha, which Pillow halves."""
    return format_of(data) == "PNG" and data[24:26] in (b"\x10\x02", b"\x10\x04", b"\x10\x06")


def _has_deep_samples(image: Image.Image) -> bool:
    """Whether this TIFF or PPM, not yet loaded, has more than 8 bits a channel."""
    opened: Any = image
    if image.format == "TIFF":
        return bool(max(opened.tag_v2.get(258, (8,))) > 8)
    numbers = [arg for tile in opened.tile for arg in tile[3] if isinstance(arg, int)]
    return image.format == "PPM" and max(numbers, default=0) > 255


def note_changes(
    image: Image.Image, data: bytes, how: Reading, deep: bool, changes: list[Change]
) -> None:
    """Adds what is lost of a loaded image on its way to a colour. `deep`: see `is_deep`."""
    if image.mode == "CMYK":
        changes.append("cmyk")
    if image.format in JPEGS:
        return
    if _has_more(image, data):
        changes.append("frames")
    if how.color == "unchanged":
        return
    if deep or image.mode in SIXTEEN_BITS:
        changes.append("depth")
    if how.background is None and shows_through(image):
        changes.append("alpha")


def _has_more(image: Image.Image, data: bytes) -> bool:
    """Whether there are frames or pages behind the first one."""
    if image.format == "GIF":
        try:
            return gif_frames(data) > 1
        except IndexError:  # cut short
            return False
    if image.format == "TIFF":
        return tiff_tags(data)[1]
    if image.format == "PNG":
        return data.find(b"acTL", 0, data.find(b"IDAT")) > 0
    return getattr(image, "n_frames", 1) > 1


def may_show_through(image: Image.Image) -> bool:
    return image.mode in _TRANSPARENT or "transparency" in image.info


def shows_through(image: Image.Image) -> bool:
    """Whether a loaded image has pixels that are not opaque."""
    if not may_show_through(image):
        return False
    return image.convert("RGBA").getchannel("A").getextrema() != (255, 255)
