"""What image some bytes are, read from its own header: nothing is decoded.

Standard library only, so that inspecting and copying records needs no image library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import NamedTuple

from ..errors import ImageError

Bytes = bytes | memoryview


class ImageInfo(NamedTuple):
    """An image's format (see ENDINGS), width and height in pixels.

    As stored: an EXIF orientation that swaps the two is not applied.
    """

    format: str
    width: int
    height: int


ENDINGS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "GIF": ".gif",
    "WebP": ".webp",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "PNM": ".ppm",
    "AVIF": ".avif",
}
"""The usual file ending of each format."""

MAX_PIXELS = 178_956_970
"""An image of more is taken for a decompression bomb, unless `max_pixels` allows more."""

_NEEDY = {"WebP": 4, "AVIF": 4}
"""Formats whose decoders take this many times the memory of others, and have so much less of it."""

_JPEG_FRAME = Struct(">HBHHB")
_U32, _I32 = Struct(">I"), Struct("<i")
_LE16, _LE32 = Struct("<H"), Struct("<I")
_PNG_SIZE, _GIF_SIZE = Struct(">II"), Struct("<HH")
_PNG_CHANNELS = {2: 3, 4: 2, 6: 4}
_EXIF = re.compile(rb"eXIf|EXIF")
JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_JPEG_SIZED = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xF0), 0xFE} - {0xC8})
_JPEG_TABLES = frozenset({0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})  # and what else is usual
_JPEG_UNKNOWN = frozenset({*range(0x02, 0xC0), 0xC8, *range(0xF0, 0xFE)})  # by chance
_MOST_SEGMENTS = 1 << 16  # of a JPEG before its first scan
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xfe]")

_SIGNATURES = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("TIFF", re.compile(rb"II[*+]\0(?!....CR)|MM\0[*+]", re.DOTALL)),
    ("BMP", re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)),
    ("PNM", re.compile(rb"P[1-6](?:\s|#[^\r\n]{0,999}[\r\n]){1,99}\d")),
    ("AVIF", re.compile(rb"....ftyp(?:avi[fs]|mi(?:f1|af)(?:....){1,9}?avi[fs])", re.DOTALL)),
)
_PNM_SIZE = re.compile(rb"P[1-6]" + 2 * rb"(?:\s|#[^\r\n]{0,999}[\r\n]){1,99}(\d{1,10})")


def format_of(data: Bytes) -> str | None:
    """The format that the first bytes announce, or None."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    return next((name for name, signature in _SIGNATURES if signature.match(data)), None)


def describe(data: Bytes) -> ImageInfo | None:
    """Format and size of an encoded image, or None for bytes that are no image of a known format.

    Raises ImageError where the format is known but the header is damaged or cut short.
    """
    kind = format_of(data)
    if kind is None:
        return None
    try:
        width, height = _SIZES[kind](data)
    except (StructError, IndexError):
        raise ImageError(f"a {kind} whose header is cut short") from None
    if width <= 0 or height <= 0:
        raise ImageError(f"a {kind} whose header says {width}x{height} pixels")
    return ImageInfo(kind, width, height)


def _jpeg_size(data: Bytes) -> tuple[int, int]:
    frame = jpeg_frame(data)
    return frame.width, frame.height


class JpegFrame(NamedTuple):
    """A JPEG's frame header: its marker, what stands in it, and the byte behind it."""

    marker: int
    precision: int
    height: int
    width: int
    components: int
    end: int


def jpeg_frame(data: Bytes) -> JpegFrame:
    """Raises ImageError where there is none, StructError or IndexError where it is cut short."""
    at = 2
    while data[at] == 0xFF and data[at + 1] in _JPEG_TABLES:  # nearly all, in half of the time
        at += 2 + (data[at + 2] << 8) + data[at + 3]
    if data[at] == 0xFF and data[at + 1] in JPEG_FRAMES:
        return frame_at(data, at + 2)
    for marker, at in jpeg_segments(data):
        if marker in JPEG_FRAMES:
            return frame_at(data, at)
        if marker in (0xDA, 0xD9):
            break
    raise ImageError("a JPEG without a frame header")


def frame_at(data: Bytes, at: int) -> JpegFrame:
    """The frame header behind its marker."""
    length, bits, height, width, channels = _JPEG_FRAME.unpack_from(data, at)
    return JpegFrame(data[at - 1], bits, height, width, channels, at + length)


def jpeg_segments(data: Bytes, at: int = 2) -> Iterator[tuple[int, int]]:
    """Markers, each with the byte behind it, up to the first scan or the end.

    They are found as libjpeg finds them: stray bytes between segments are passed over. Raises
    IndexError where the segments are cut short, ImageError where they are too many.
    """
    for _ in range(_MOST_SEGMENTS):
        if data[at] != 0xFF or data[at + 1] in (0x00, 0xFF):
            found = _NEXT_MARKER.search(data, at)
            if found is None:
                raise IndexError
            at = found.start()
        marker = data[at + 1]
        at += 2
        if marker in _JPEG_UNKNOWN:
            continue
        yield marker, at
        if marker in (0xDA, 0xD9):
            return
        if marker not in JPEG_BARE:
            at += max(2, (data[at] << 8) + data[at + 1])
    raise ImageError(f"a JPEG of more than {_MOST_SEGMENTS} segments")


def has_exif(data: Bytes) -> bool:
    """Whether a JPEG has an EXIF segment. Raises IndexError where its segments are cut short."""
    at = 2
    while data[at] == 0xFF and data[at + 1] in _JPEG_SIZED:  # nearly all, in a third of the time
        if data[at + 1] == 0xDA:
            return False
        if data[at + 1] == 0xE1 and data[at + 4 : at + 8] == b"Exif":
            return True
        at += 2 + (data[at + 2] << 8) + data[at + 3]
    return any(
        marker == 0xE1 and data[at + 2 : at + 6] == b"Exif" for marker, at in jpeg_segments(data)
    )


def _webp_size(data: Bytes) -> tuple[int, int]:
    chunk = bytes(data[12:16])
    if chunk == b"VP8X":
        wide, high = bytes(data[24:27]), bytes(data[27:30])
        if len(high) < 3:
            raise IndexError
        return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
    if chunk == b"VP8L":
        bits = _LE32.unpack_from(data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _LE16.unpack_from(data, 26)[0] & 0x3FFF, _LE16.unpack_from(data, 28)[0] & 0x3FFF


def _bmp_size(data: Bytes) -> tuple[int, int]:
    if _LE32.unpack_from(data, 14)[0] == 12:
        return _LE16.unpack_from(data, 18)[0], _LE16.unpack_from(data, 20)[0]
    return _I32.unpack_from(data, 18)[0], abs(_I32.unpack_from(data, 22)[0])


def _pnm_size(data: Bytes) -> tuple[int, int]:
    found = _PNM_SIZE.match(data)
    if found is None:
        raise IndexError
    return int(found[1]), int(found[2])


def _avif_size(data: Bytes) -> tuple[int, int]:
    """The largest of the images in the file: others are its tiles, or a thumbnail."""
    head = bytes(data[:65_536])
    begins = [found.end() + 4 for found in re.finditer(b"ispe", head)]
    sizes = [(_U32.unpack_from(head, at)[0], _U32.unpack_from(head, at + 4)[0]) for at in begins]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


_TIFF_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
                16: 8, 17: 8, 18: 8}  # fmt: skip
"""Bytes of a value, by its type."""
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _COMPRESSION, ORIENTATION = 256, 257, 259, 274
_TIFF_JPEGS = (6, 7)


def tiff_tags(data: Bytes) -> tuple[dict[int, int], bool]:
    """The first value of each tag, that is a whole number, of a TIFF's first image.

    Also whether more images follow. Raises IndexError or StructError where the directory is cut
    short, ImageError where its values claim more than there is: decoders would read them all.
    """
    order = "<" if data[0] == ord("I") else ">"
    if data[2 if order == "<" else 3] == 43:  # BigTIFF
        count, entry, link, begin = order + "Q", Struct(order + "HHQ"), Struct(order + "Q"), 8
    else:
        count, entry, link, begin = order + "H", Struct(order + "HHI"), Struct(order + "I"), 4
    (begin,) = link.unpack_from(data, begin)
    (entries,) = Struct(count).unpack_from(data, begin)
    begin += Struct(count).size
    step = entry.size + link.size
    if entries > (len(data) - begin) // step:
        raise IndexError
    tags: dict[int, int] = {}
    claimed = 0
    for at in range(begin, begin + step * entries, step):
        tag, kind, length = entry.unpack_from(data, at)
        size = length * _TIFF_WIDTHS.get(kind, 0)
        place = at + entry.size
        if size > link.size:
            (place,) = link.unpack_from(data, place)
            claimed += size
        if kind in _TIFF_NUMBERS and length and tag not in tags:
            (tags[tag],) = Struct(order + _TIFF_NUMBERS[kind]).unpack_from(data, place)
    if claimed > 2 * len(data):
        raise ImageError("a TIFF whose tags claim more values than the file holds")
    end = begin + step * entries
    (more,) = link.unpack_from(data, end) if end + link.size <= len(data) else (0,)
    return tags, 0 < more < len(data)


_EXIF_HEADS = re.compile(rb"(?:Exif\0\0)*")


def exif_orientation(block: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block; 1 where there is none, or the block is damaged."""
    found = _EXIF_HEADS.match(block)
    try:
        tags, _ = tiff_tags(memoryview(block)[found.end() if found else 0 :])
    except (StructError, IndexError, ImageError):
        return 1
    orientation = tags.get(ORIENTATION, 1)
    return orientation if 1 <= orientation <= 8 else 1


_SIZES: dict[str, Callable[[Bytes], Sequence[int]]] = {
    "JPEG": _jpeg_size,
    "PNG": lambda data: _PNG_SIZE.unpack_from(data, 16),
    "GIF": lambda data: _GIF_SIZE.unpack_from(data, 6),
    "WebP": _webp_size,
    "BMP": _bmp_size,
    "TIFF": lambda data: [tiff_tags(data)[0].get(tag, 0) for tag in (_WIDTH, _HEIGHT)],
    "PNM": _pnm_size,
    "AVIF": _avif_size,
}


def check_size(info: ImageInfo, max_pixels: int | None = None) -> None:
    """Raises ImageError for an image of more than `max_pixels` pixels.

    None is the usual limit: MAX_PIXELS, or a fourth of it for a WebP or an AVIF.
    """
    limit = _usual_limit(info) if max_pixels is None else max_pixels
    if info.width * info.height > limit:
        raise ImageError(
            f"{info.width}x{info.height} pixels, more than the {limit} allowed; --max-pixels"
            " (max_pixels) sets how many"
        )


def has_usual_size(info: ImageInfo) -> bool:
    return info.width * info.height <= _usual_limit(info)


def _usual_limit(info: ImageInfo) -> int:
    return MAX_PIXELS // _NEEDY.get(info.format, 1)


def png_samples(data: Bytes) -> tuple[int, int] | None:
    """A PNG's bits a sample, and its samples a pixel (1 also with a palette); None for others."""
    if format_of(data) != "PNG" or len(data) < 26:
        return None
    return data[24], _PNG_CHANNELS.get(data[25], 1)


def may_be_turned(data: bytes) -> bool:
    """Whether an image may have an EXIF orientation: false for nearly all that have none."""
    kind = format_of(data)
    try:
        found = has_exif(data) if kind == "JPEG" else _EXIF.search(data) is not None
    except (IndexError, ImageError):  # cut short, or without end
        return False
    return found or kind in ("TIFF", "AVIF")


def check_lossless(data: bytes) -> None:
    """Raises ImageError for an image whose encoding changes pixels, which a mask must not be."""
    lossy = _lossy_format(data)
    if lossy:
        raise ImageError(f"a {lossy}, which changes the numbers in a mask; masks are PNG, say")


def _lossy_format(data: bytes) -> str | None:
    kind = format_of(data)
    if kind == "WebP":
        return "lossy WebP" if b"VP8 " in _webp_chunks(data) else None
    if kind == "TIFF":
        try:
            compression = tiff_tags(data)[0].get(_COMPRESSION)
        except (StructError, IndexError):  # decoding says what is wrong
            return None
        return "TIFF of JPEGs" if compression in _TIFF_JPEGS else None
    return kind if kind in ("JPEG", "AVIF") else None


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    """The chunks' names, also those in the frames of an animation."""
    at = 12
    while at + 8 <= len(data):
        name = data[at : at + 4]
        yield name
        at += 24 if name == b"ANMF" else 8 + (_LE32.unpack_from(data, at + 4)[0] + 1 & ~1)
