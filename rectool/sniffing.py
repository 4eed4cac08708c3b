"""What image some bytes are, read from its own header: nothing is decoded.

Standard library only, so that inspecting and copying records needs no image library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import NamedTuple

from .contents import content_of
from .format import ImageError

Bytes = bytes | memoryview


class ImageInfo(NamedTuple):
    """An image's format ("JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF"), width and height in pixels.

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
}
"""The usual file ending of each format."""

MAX_PIXELS = 178_956_970
"""An image of more is taken for a decompression bomb, by Pillow too."""

_JPEG_FRAME = Struct(">HBHH")
_U16, _U32, _I32 = Struct(">H"), Struct(">I"), Struct("<i")
_LE16, _LE32 = Struct("<H"), Struct("<I")
_PNG_CHANNELS = {2: 3, 4: 2, 6: 4}
_EXIF = re.compile(rb"eXIf|EXIF")
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


_SIGNATURES = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("TIFF", re.compile(rb"II\*\0|MM\0\*")),
    ("BMP", re.compile(rb"BM....\0\0\0\0", re.DOTALL)),
)


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
    width, height, _ = _jpeg_frame(data)
    return width, height


def _jpeg_frame(data: Bytes) -> tuple[int, int, int]:
    """Width and height in the frame header, and the byte behind it."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ImageError(f"a damaged JPEG: byte {at} should begin a segment")
        marker = data[at + 1]
        at += 1 if marker == 0xFF else 2  # a fill byte, or a marker
        if marker == 0xFF or marker in _JPEG_BARE:
            continue
        if marker in _JPEG_FRAMES:
            length, _, height, width = _JPEG_FRAME.unpack_from(data, at)
            return width, height, at + length
        if marker in (0xDA, 0xD9):
            raise ImageError("a JPEG without a frame header")
        at += (data[at] << 8) + data[at + 1]


def has_exif(data: Bytes) -> bool:
    """Whether a JPEG has an EXIF segment. Raises IndexError where its segments are cut short."""
    at = 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        if data[at + 1] == 0xE1 and data[at + 4 : at + 8] == b"Exif":
            return True
        bare = data[at + 1] == 0xFF or data[at + 1] in _JPEG_BARE
        at += (1 if data[at + 1] == 0xFF else 2) if bare else 2 + (data[at + 2] << 8) + data[at + 3]
    return False


def _png_size(data: Bytes) -> tuple[int, int]:
    return _U32.unpack_from(data, 16)[0], _U32.unpack_from(data, 20)[0]


def _gif_size(data: Bytes) -> tuple[int, int]:
    return _LE16.unpack_from(data, 6)[0], _LE16.unpack_from(data, 8)[0]


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


_Tags = dict[int, tuple[int, ...]]
_TIFF_TAGS = frozenset({256, 257, 259, 273, 279, 324, 325})  # size, compression; strips, tiles
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I"}
_TIFF_JPEGS = (6, 7)
_TIFF_WIDTHS = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8)  # bytes of a value, by its kind


def _tiff_directories(data: Bytes) -> Iterator[_Tags]:
    """The values of these tags for each image of the file."""
    order = "<" if data[0] == ord("I") else ">"
    entry, short, long = Struct(order + "HHI"), Struct(order + "H"), Struct(order + "I")
    begin = long.unpack_from(data, 4)[0]
    seen = set()
    while begin and begin not in seen:
        seen.add(begin)
        tags: _Tags = {}
        (count,) = short.unpack_from(data, begin)
        for at in range(begin + 2, begin + 2 + 12 * count, 12):
            tag, kind, length = entry.unpack_from(data, at)
            size = length * _TIFF_WIDTHS[kind] if kind < len(_TIFF_WIDTHS) else 0
            place = at + 8 if size <= 4 else long.unpack_from(data, at + 8)[0]
            if place + size > len(data):
                raise IndexError
            if tag in _TIFF_TAGS and kind in _TIFF_NUMBERS:
                values = Struct(f"{order}{length}{_TIFF_NUMBERS[kind]}")
                tags[tag] = values.unpack_from(data, place)
        yield tags
        (begin,) = long.unpack_from(data, begin + 2 + 12 * count)


def _tiff_size(data: Bytes) -> tuple[int, int]:
    tags = next(_tiff_directories(data), {})
    return tags[256][0] if 256 in tags else 0, tags[257][0] if 257 in tags else 0


_SIZES = {
    "JPEG": _jpeg_size,
    "PNG": _png_size,
    "GIF": _gif_size,
    "WebP": _webp_size,
    "BMP": _bmp_size,
    "TIFF": _tiff_size,
}


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
    except IndexError:  # cut short
        return False
    return found or kind == "TIFF"


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
            compressions = [tags.get(259, (1,))[0] for tags in _tiff_directories(data)]
        except (StructError, IndexError):  # decoding says what is wrong
            return None
        return "TIFF of JPEGs" if any(kind in _TIFF_JPEGS for kind in compressions) else None
    return kind if kind == "JPEG" else None


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    """The chunks' names, also those in the frames of an animation."""
    at = 12
    while at + 8 <= len(data):
        name = data[at : at + 4]
        yield name
        at += 24 if name == b"ANMF" else 8 + (_LE32.unpack_from(data, at + 4)[0] + 1 & ~1)


def no_image(data: Bytes) -> str:
    """Says what bytes are that are no image of a known format, and what to do with them."""
    content = content_of(data)
    if content is None:
        return "not an image of a known format"
    advice = f"; {content.advice}" if content.advice else ""
    return f"not an image of a known format, but {content.name}{advice}"


def check_complete(data: bytes) -> ImageInfo:
    """Raises ImageError unless these bytes are an image of a known format up to its end marker.

    Lengths and markers are followed, pixels not decoded: finds what was cut short, and what is no
    image, but not every flipped bit. A TIFF has no end: all its strips or tiles must lie in it.
    """
    if not data:
        raise ImageError("an empty file")
    info = describe(data)
    if info is None:
        raise ImageError(no_image(data))
    if info.width * info.height > MAX_PIXELS:
        raise ImageError(f"{info.width}x{info.height} pixels, more than the {MAX_PIXELS} allowed")
    try:
        complete = _ENDS[info.format](data)
    except (StructError, IndexError):
        complete = False
    if not complete:
        missing = "parts of it are" if info.format == "TIFF" else "its end marker is"
        raise ImageError(f"a {info.format} cut short: {missing} missing")
    return info


def _jpeg_ends(data: bytes) -> bool:
    _, _, at = _jpeg_frame(data)
    scanned = False
    while data[at] == 0xFF and data[at + 1] not in _JPEG_BARE:  # tables before the first scan
        if data[at + 1] == 0xDA:
            scanned = True
            if data.endswith(b"\xff\xd9"):
                return True
        at += 2 + (data[at + 2] << 8) + data[at + 3]
    while found := _JPEG_MARKER.search(data, at):
        marker = data[found.start() + 1]
        if marker == 0xD9:
            return scanned
        scanned = scanned or marker == 0xDA
        at = found.start() + 2
        if marker not in _JPEG_BARE:
            at += _U16.unpack_from(data, at)[0]
    return False


def _png_ends(data: bytes) -> bool:
    at = 8
    while data[at + 4 : at + 8] != b"IEND":
        at += 12 + int(_U32.unpack_from(data, at)[0])
    return len(data) >= at + 12


def _gif_ends(data: bytes) -> bool:
    at = 13 + _gif_table(data[10])
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            at += 10 + _gif_table(data[at + 9]) + 1
        elif data[at] == 0x21:
            at += 2
        else:
            return False
        while data[at]:
            at += 1 + data[at]
        at += 1
    return True


def _gif_table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp_ends(data: bytes) -> bool:
    return len(data) >= 8 + int(_LE32.unpack_from(data, 4)[0])


def _bmp_ends(data: bytes) -> bool:
    total, _, begin, header = Struct("<IIII").unpack_from(data, 2)
    width, height = _bmp_size(data)
    bits = _LE16.unpack_from(data, 24 if header == 12 else 28)[0]
    compression = 0 if header == 12 else _LE32.unpack_from(data, 30)[0]
    if compression in (0, 3):
        total = begin + (width * bits + 31) // 32 * 4 * height
    return len(data) >= int(total)


def _tiff_ends(data: bytes) -> bool:
    for tags in _tiff_directories(data):
        for starts, sizes in ((273, 279), (324, 325)):
            places = zip(tags.get(starts, ()), tags.get(sizes, ()), strict=False)
            if any(start + size > len(data) for start, size in places):
                return False
        if not (tags.get(273) or tags.get(324)):
            return False
    return True


_ENDS = {
    "JPEG": _jpeg_ends,
    "PNG": _png_ends,
    "GIF": _gif_ends,
    "WebP": _webp_ends,
    "BMP": _bmp_ends,
    "TIFF": _tiff_ends,
}
