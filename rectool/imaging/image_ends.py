"""Where an image ends, and which of its bytes a decoder has to be given.

Lengths and markers are followed, as decoders follow them; where a JPEG is not as usual, and for
formats that are rare, decoding says. A file that ends before its format's end marker is cut short,
for all of these alike, also where a decoder would let that pass.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from struct import Struct
from struct import error as StructError  # noqa: N812

from ..errors import ImageError
from ..system.file_signatures import no_image
from .probe import (
    JPEG_BARE,
    JPEG_FRAMES,
    MAX_PIXELS,
    ImageInfo,
    JpegFrame,
    check_size,
    describe,
    frame_at,
    jpeg_frame,
    jpeg_segments,
)

NO_LIMIT = 1 << 62
"""More pixels than any image has."""

_MOST_SCANS, _USUAL_SCANS = 500, 20
_MOST_SCANNED = 100 * MAX_PIXELS
"""Of a JPEG. Those in use have 4 to 20 scans; a decoder goes through all pixels in each."""

_MOST_CHUNKS = 1 << 20
_PALETTE = 3

_U32, _LE32 = Struct(">I"), Struct("<I")
_SCAN_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_SCAN, _END, _EXIF, _QUANTIZATION, _PROGRESSIVE = 0xDA, 0xD9, 0xE1, 0xDB, 0xC2
_GIF_BLOCK = re.compile(rb"[\x21\x2c\x3b]")
_FACTORS = frozenset(high << 4 | low for high in range(1, 5) for low in range(1, 5))
_USUAL_FRAMES = (0xC0, 0xC1, 0xC2)
_JFIF, _ADOBE = 0xE0, 0xEE
_USUAL_SEGMENTS = frozenset({0xC4, 0xDD, *range(0xE2, 0xEE), 0xEF, 0xFE})
_MANY_SEGMENTS = 1 << 10  # decoders keep each
_TABLES = JPEG_FRAMES | {0xC4, 0xCC, _QUANTIZATION, 0xDD, 0xD8}
_PNG_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_WEBP_CHUNKS = frozenset(
    {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}
)


class _CutShortError(Exception):
    """The bytes end before the image does."""


def decodable(
    data: bytes, max_pixels: int | None = None, *, truncated: bool = False
) -> tuple[ImageInfo, bytes]:
    """What image these bytes are by their header, and what decoders are to be given of them.

    That is the bytes themselves, or without what decoders stumble over and do not need. Raises
    ImageError for what is never decoded: no known format, more pixels or scans than allowed, an end
    that is missing, unless images may be `truncated`.
    """
    if not data:
        raise ImageError("an empty file")
    frame = _usual_frame(data) if data[:2] == b"\xff\xd8" else None
    info = ImageInfo("JPEG", frame.width, frame.height) if frame else describe(data)
    if info is None:
        raise ImageError(no_image(data))
    check_size(info, max_pixels)
    if frame and (truncated or data.endswith(b"\xff\xd9")):
        return info, data
    need = _NEEDED.get(info.format)
    if need is None:
        return info, data
    try:
        return info, need(data, truncated)
    except (StructError, IndexError, _CutShortError):
        raise _cut_short(info) from None


def _cut_short(info: ImageInfo) -> ImageError:
    return ImageError(f"a {info.format} cut short: its end marker is missing")


def _jpeg_needed(data: bytes, truncated: bool) -> bytes:
    frame = jpeg_frame(data)
    _check_frame(data, frame)
    needed = data if _usual_frame(data) else bare_jpeg(data)
    if not truncated and not _jpeg_ends(data, frame.end):
        raise _CutShortError
    return needed


def _usual_frame(data: bytes) -> JpegFrame | None:
    """The frame header of a JPEG whose segments are as nearly all have them, else None."""
    at, frame, exifs, tables = 2, 0, 0, False
    end = len(data) - 8
    for _ in range(_MANY_SEGMENTS):
        if at >= end or data[at] != 0xFF:
            break
        marker = data[at + 1]
        size = (data[at + 2] << 8) + data[at + 3]
        if marker in _USUAL_SEGMENTS:
            pass
        elif marker == _QUANTIZATION:
            tables = True
        elif marker == _SCAN:
            return _usual(data, frame, at + 2) if tables and frame and exifs <= 1 else None
        elif marker == _EXIF:
            exifs += data[at + 4 : at + 8] == b"Exif"
        elif marker in _USUAL_FRAMES and not frame:
            frame = at + 2
        elif size < 14 or marker not in (_JFIF, _ADOBE):
            return None
        at += 2 + size
    return None


def _usual(data: bytes, at: int, scan: int) -> JpegFrame | None:
    """`at` and `scan` are behind the markers of the frame and of the first scan."""
    frame = frame_at(data, at)
    if not frame.width or not frame.height:
        return None
    _check_frame(data, frame)
    _check_scans(data, scan, frame)
    return frame


def bare_jpeg(data: bytes) -> bytes:
    """A JPEG without metadata other than EXIF, and without stray bytes between its segments."""
    kept = [b"\xff\xd8"]
    exifs = 0
    markers: list[int] = []
    for marker, at in jpeg_segments(data):
        if marker == _SCAN:
            break
        if marker == _END:
            raise _CutShortError
        behind = at if marker in JPEG_BARE else at + (data[at] << 8) + data[at + 1]
        is_exif = marker == _EXIF and data[at + 2 : at + 6] == b"Exif"
        exifs += is_exif
        markers.append(marker)
        if marker in _TABLES or (is_exif and exifs == 1) or _tells_colors(data, marker, at, behind):
            kept.append(data[at - 2 : behind])
    if _QUANTIZATION not in markers or sum(marker in JPEG_FRAMES for marker in markers) > 1:
        raise ImageError("a damaged JPEG: tables are missing, or a frame header is there twice")
    _check_scans(data, at, jpeg_frame(data))
    return b"".join([*kept, data[at - 2 :]])


def _tells_colors(data: bytes, marker: int, at: int, behind: int) -> bool:
    """Whether this is JFIF's or Adobe's segment, and long enough to be read as that."""
    name = {_JFIF: b"JFIF", _ADOBE: b"Adob"}.get(marker)
    return name is not None and data[at + 2 : at + 6] == name and behind >= at + 14


def _check_frame(data: bytes, frame: JpegFrame) -> None:
    if frame.precision in (12, 16):
        raise ImageError(f"a JPEG of {frame.precision} bits a sample; convert it to 8")
    factors = data[frame.end - 3 * frame.components + 1 : frame.end : 3]
    if (
        frame.precision != 8
        or frame.components not in (1, 3, 4)
        or not _FACTORS.issuperset(factors)
    ):
        raise ImageError("a damaged JPEG: its frame header is one that no decoder reads")


def _check_scans(data: bytes, at: int, frame: JpegFrame) -> None:
    """`at` is behind the marker of the first scan."""
    if frame.marker != _PROGRESSIVE and data[at + 2] == frame.components:  # then this scan is all
        return
    affordable = max(_USUAL_SCANS, _MOST_SCANNED // (frame.width * frame.height))
    most = min(_MOST_SCANS, affordable)
    if data.count(b"\xff\xda", at) >= most:
        raise ImageError(f"a JPEG of more than {most} scans, which would take too long to decode")


def _jpeg_ends(data: bytes, at: int) -> bool:
    while found := _SCAN_END.search(data, at):
        marker, at = data[found.start() + 1], found.end()
        if marker == _END:
            return True
        if marker not in JPEG_BARE:
            at += int.from_bytes(data[at : at + 2], "big")
    return False


def _png_needed(data: bytes, truncated: bool) -> bytes:
    """Without text, colour profiles and the like, and without an animation's later frames."""
    kept = [data[:8]]
    at, usual, names = 8, True, set()
    for _ in range(_MOST_CHUNKS):
        name = data[at + 4 : at + 8]
        end = at + 12 + _U32.unpack_from(data, at)[0] if at + 4 <= len(data) else at + 12
        if end > len(data):
            if truncated:
                return b"".join([*kept, data[at:]])
            raise _CutShortError
        if name in _PNG_NEEDED or (name == b"eXIf" and _crc_holds(data, at, end)):
            kept.append(data[at:end])
            names.add(name)
        else:
            usual = False
        if name == b"IEND":
            _check_chunks(data, names)
            return data if usual else b"".join(kept)
        at = end
    raise ImageError(f"a PNG of more than {_MOST_CHUNKS} chunks")


def _check_chunks(data: bytes, names: set[bytes]) -> None:
    if not _crc_holds(data, 8, 33):
        raise ImageError("a damaged PNG: its header does not have its checksum")
    needed = {b"IHDR", b"IDAT", b"PLTE"} if data[25] == _PALETTE else {b"IHDR", b"IDAT"}
    if not needed <= names:
        raise ImageError("a damaged PNG: its pixels or its palette are missing")


def _crc_holds(data: bytes, at: int, end: int) -> bool:
    return data[end - 4 : end] == _U32.pack(zlib.crc32(memoryview(data)[at + 4 : end - 4]))


def _webp_needed(data: bytes, truncated: bool) -> bytes:
    """With the size that its chunks have, where its header says less."""
    says: int = 8 + _LE32.unpack_from(data, 4)[0]
    end = 12
    while end + 8 <= len(data) and (end < says or data[end : end + 4] in _WEBP_CHUNKS):
        end += 8 + (_LE32.unpack_from(data, end + 4)[0] + 1 & ~1)
    if max(end - 1, says) > len(data) and not truncated:  # 1: what fills up the last chunk
        raise _CutShortError
    if end <= says:
        return data
    return data[:4] + _LE32.pack(end - 8) + data[8:end] + bytes(max(0, end - len(data)))


def gif_frames(data: bytes) -> int:
    """How many images a GIF has. Raises IndexError where it ends before its end marker."""
    frames = 0
    at = 13 + _gif_table(data[10])
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            frames += 1
            at += 10 + _gif_table(data[at + 9]) + 1
        elif data[at] == 0x21:
            at += 2
        else:  # stray bytes, which decoders pass over
            found = _GIF_BLOCK.search(data, at)
            if found is None:
                raise IndexError
            at = found.start()
            continue
        while data[at]:
            at += 1 + data[at]
        at += 1
    return frames


def _gif_table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_needed(data: bytes, truncated: bool) -> bytes:
    if not truncated:
        gif_frames(data)
    return data


_NEEDED: dict[str, Callable[[bytes, bool], bytes]] = {
    "JPEG": _jpeg_needed,
    "PNG": _png_needed,
    "WebP": _webp_needed,
    "GIF": _gif_needed,
}
