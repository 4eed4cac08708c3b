"""Images as programs, cameras and downloads leave them: whole ones of odd forms, and damaged ones.

Each is (bytes, whether it is a whole image): one that Pillow or libjpeg can be brought to decode,
up to its end marker.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from conftest import encoded, picture
from PIL import Image, features

from helpers.pngs import png

WHOLE, NOT = True, False

EXIF = Image.Exif()
EXIF[0x0112] = 6
PHOTO = encoded(picture(3, 64, 48), quality=90)
TURNED = encoded(picture(3, 64, 48), exif=EXIF)
PROGRESSIVE = encoded(picture(3, 64, 48), progressive=True)
GREY = encoded(picture(3, 64, 48, "L"))
CMYK = encoded(picture(3, 64, 48).convert("CMYK"))
PNG = encoded(picture(3, 64, 48), "PNG")
GIF = encoded(picture(3, 64, 48), "GIF")
WEBP = encoded(picture(3, 63, 47), "WEBP")
BMP = encoded(picture(3, 63, 48), "BMP")
TIFF = encoded(picture(3, 64, 48), "TIFF")


def segment(marker: int, body: bytes, length: int | None = None) -> bytes:
    """A JPEG's segment, its length said to be another one, maybe."""
    size = len(body) + 2 if length is None else length
    return struct.pack(">BBH", 0xFF, marker, size) + body


def before(data: bytes, marker: int, more: bytes) -> bytes:
    at = data.index(bytes((0xFF, marker)))
    return data[:at] + more + data[at:]


def with_frame(data: bytes, offset: int, value: bytes) -> bytes:
    """A JPEG whose frame header has other bytes, `offset` behind its length."""
    at = next(
        data.index(bytes((0xFF, kind))) for kind in (0xC0, 0xC2) if bytes((0xFF, kind)) in data
    )
    at += 4 + offset
    return data[:at] + value + data[at + len(value) :]


def with_exif(body: bytes) -> bytes:
    return before(PHOTO, 0xDB, segment(0xE1, body))


def several(kind: str) -> bytes:
    frames = [picture(seed, 64, 48) for seed in (3, 4, 5)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def deep() -> Image.Image:
    return Image.fromarray(np.arange(3072, dtype=np.uint16).reshape(48, 64) * 9)


def exif(entries: int, body: bytes) -> bytes:
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", entries) + body


def chunk(name: bytes, body: bytes, *, crc: int | None = None) -> bytes:
    check = zlib.crc32(name + body) if crc is None else crc
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)


def with_chunk(data: bytes, *chunks: bytes, behind: bytes = b"IHDR") -> bytes:
    at = data.index(behind) - 4
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    return data[:end] + b"".join(chunks) + data[end:]


def split_idat(data: bytes, *between: bytes) -> bytes:
    """A PNG with its image data in two chunks, an empty one and others between them."""
    at = data.index(b"IDAT") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    body = data[at + 8 : at + 8 + size]
    parts = [chunk(b"IDAT", body[:50]), *between, chunk(b"IDAT", b""), chunk(b"IDAT", body[50:])]
    return data[:at] + b"".join(parts) + data[at + 12 + size :]


def _jpegs() -> dict[str, tuple[bytes, bool]]:
    thumbnail = encoded(picture(4, 16, 12))
    end = b"\xff\xd9"
    stray = b"\0\0\x12junk\0"
    icc = b"ICC_PROFILE\0\1\1"
    scan = PHOTO.index(b"\xff\xda")
    middle = (scan + len(PHOTO)) // 2
    scans = PROGRESSIVE[PROGRESSIVE.index(b"\xff\xda") :]
    return {
        "plain": (PHOTO, WHOLE),
        "progressive": (PROGRESSIVE, WHOLE),
        "grey": (GREY, WHOLE),
        "cmyk of adobe": (CMYK, WHOLE),
        "rgb of adobe": (encoded(picture(3, 64, 48), keep_rgb=True), WHOLE),
        "4:4:4 of quality 100": (encoded(picture(3, 65, 49), quality=100, subsampling=0), WHOLE),
        "with restarts": (encoded(picture(3, 64, 48), restart_marker_blocks=2), WHOLE),
        "turned": (TURNED, WHOLE),
        "one pixel": (encoded(picture(3, 1, 1)), WHOLE),
        "without jfif": (PHOTO[:2] + PHOTO[20:], WHOLE),
        "stray bytes behind the start": (PHOTO[:2] + stray + PHOTO[2:], NOT),
        "stray bytes before the tables": (before(PHOTO, 0xDB, stray), WHOLE),
        "stray bytes before the frame": (before(PHOTO, 0xC0, stray), WHOLE),
        "stray bytes before the scan": (before(PHOTO, 0xDA, stray), WHOLE),
        "an escaped ff between segments": (before(PHOTO, 0xC0, b"\xff\0\xff\0"), WHOLE),
        "an unknown marker between segments": (before(PHOTO, 0xC0, b"\xff\x02ab"), WHOLE),
        "fill bytes": (before(before(PHOTO, 0xC0, b"\xff" * 9), 0xDA, b"\xff"), WHOLE),
        "fill bytes between scans": (
            PROGRESSIVE[:-2] + b"\xff\xff" + PROGRESSIVE[-2:],
            WHOLE,
        ),
        "a restart marker between segments": (before(PHOTO, 0xC0, b"\xff\xd3"), WHOLE),
        "junk behind the end": (PHOTO + b"\0" * 100 + b"\xff\xd8 made by a camera", WHOLE),
        "another jpeg behind the end": (PHOTO + thumbnail, WHOLE),
        "mpo": (
            encoded(picture(3, 64, 48), "MPO", save_all=True, append_images=[picture()]),
            WHOLE,
        ),
        "exif of nothing": (before(PHOTO, 0xDB, segment(0xE1, b"Exif\0\0")), WHOLE),
        "exif cut short": (before(PHOTO, 0xDB, segment(0xE1, exif(9, b"\x12\x01"))), WHOLE),
        "exif with a value far away": (
            before(
                PHOTO, 0xDB, segment(0xE1, exif(1, struct.pack("<HHII", 0x10E, 2, 99, 1 << 31)))
            ),
            WHOLE,
        ),
        "exif with a huge count": (
            with_exif(exif(1, struct.pack("<HHII", 0x112, 3, 1 << 31, 9))),
            WHOLE,
        ),
        "exif of no tiff": (before(PHOTO, 0xDB, segment(0xE1, b"Exif\0\0nonsense")), WHOLE),
        "exif of resolution zero": (
            before(
                PHOTO[:2] + PHOTO[20:],
                0xDB,
                segment(0xE1, exif(1, struct.pack("<HHII", 0x11A, 5, 1, 26) + bytes(12))),
            ),
            WHOLE,
        ),
        "exif twice": (TURNED[:2] + segment(0xE1, exif(0, bytes(4))) + TURNED[2:], WHOLE),
        "exif with a thumbnail": (
            before(PHOTO, 0xDB, segment(0xE1, exif(0, bytes(4)) + thumbnail)),
            WHOLE,
        ),
        "xmp": (before(PHOTO, 0xDB, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")), WHOLE),
        "photoshop's segment": (before(PHOTO, 0xDB, segment(0xED, b"Photoshop 3.0\08BIM")), WHOLE),
        "an icc profile with a part missing": (
            before(PHOTO, 0xDB, segment(0xE2, icc[:-1] + b"\2")),
            WHOLE,
        ),
        "an mpf segment of nonsense": (before(PHOTO, 0xDB, segment(0xE2, b"MPF\0nonsense")), WHOLE),
        "adobe's segment cut short": (before(PHOTO, 0xDB, segment(0xEE, b"Adobe")), WHOLE),
        "jfif cut short": (PHOTO[:2] + segment(0xE0, b"JFIF\0") + PHOTO[20:], WHOLE),
        "a segment that says it is shorter": (
            before(PHOTO, 0xDB, segment(0xED, b"\0" * 40, 12)),
            WHOLE,
        ),
        "a segment that says length 0": (before(PHOTO, 0xDB, segment(0xED, b"", 0)), WHOLE),
        "a segment that says length 1": (before(PHOTO, 0xDB, segment(0xED, b"", 1)), WHOLE),
        "a segment that swallows the tables": (
            before(PHOTO, 0xDB, segment(0xED, b"\0" * 40, 120)),
            NOT,
        ),
        "a comment of markers": (
            before(PHOTO, 0xDB, segment(0xFE, end + b"\xff\xda\xff\xc0")),
            WHOLE,
        ),
        "an empty comment": (before(PHOTO, 0xDB, segment(0xFE, b"")), WHOLE),
        "avi1": (PHOTO[:2] + segment(0xE0, b"AVI1\0\0") + PHOTO[2:], WHOLE),
        "an end in the middle": (PHOTO[:middle] + end, WHOLE),
        "without its end": (PHOTO[:-2], NOT),
        "half an end": (PHOTO[:-1], NOT),
        "zeros in place of the end": (PHOTO[:-2] + bytes(64), NOT),
        "cut in the middle": (PHOTO[:middle], NOT),
        "progressive, cut": (PROGRESSIVE[: len(PROGRESSIVE) * 2 // 3], NOT),
        "cut in the header": (PHOTO[:100], NOT),
        "without a scan": (PHOTO[:scan] + end, NOT),
        "two starts": (PHOTO[:2] + PHOTO, NOT),
        "two frame headers": (before(PHOTO, 0xDA, _frame_of(PHOTO)), NOT),
        "height 0": (with_frame(PHOTO, 1, b"\0\0"), NOT),
        "width 0": (with_frame(PHOTO, 3, b"\0\0"), NOT),
        "12 bits": (with_frame(PHOTO, 0, b"\x0c"), NOT),
        "2 channels": (with_frame(PHOTO, 5, b"\2"), NOT),
        "sampling 0": (with_frame(PHOTO, 7, b"\0"), NOT),
        "no quantization tables": (PHOTO.replace(b"\xff\xdb", b"\xff\xed"), NOT),
        "hierarchical": (PHOTO.replace(b"\xff\xc0", b"\xff\xc5"), NOT),
        "lossless with arithmetic coding": (PHOTO.replace(b"\xff\xc0", b"\xff\xcb"), NOT),
        "600 scans": (PROGRESSIVE[:-2] + scans[scans.rindex(b"\xff\xda") : -2] * 600 + end, NOT),
        "40 scans": (PROGRESSIVE[:-2] + _last_scan(PROGRESSIVE) * 30 + end, WHOLE),
    }


def _frame_of(data: bytes) -> bytes:
    at = data.index(b"\xff\xc0")
    return data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]


def _last_scan(data: bytes) -> bytes:
    """A progressive JPEG's last one, without a table: it refines, and does no harm again."""
    return data[data.rindex(b"\xff\xda") : -2]


def _pngs() -> dict[str, tuple[bytes, bool]]:
    long = b"Comment\0" + b"x" * 2_000_000
    packed = b"Comment\0\0" + zlib.compress(bytes(80_000_000), 9)
    profile = b"icc\0\0" + zlib.compress(np.random.default_rng(1).bytes(1_500_000))
    pixels = b"".join(b"\0" + bytes(64) for _ in range(48))
    at = PNG.index(b"IDAT")
    size = int.from_bytes(PNG[at - 4 : at], "big")
    end = chunk(b"IEND", b"")
    return {
        "plain": (PNG, WHOLE),
        "grey and alpha": (encoded(picture(3, 64, 48).convert("LA"), "PNG"), WHOLE),
        "palette": (encoded(picture(3, 64, 48).quantize(9), "PNG"), WHOLE),
        "palette with transparency": (
            encoded(picture(3, 64, 48).quantize(9), "PNG", transparency=3),
            WHOLE,
        ),
        "1 bit": (encoded(picture(3, 64, 48).convert("1"), "PNG"), WHOLE),
        "16 bits": (
            encoded(Image.fromarray(np.arange(3072, dtype=np.uint16).reshape(48, 64) * 9), "PNG"),
            WHOLE,
        ),
        "text of 2 MB": (with_chunk(PNG, chunk(b"tEXt", long)), WHOLE),
        "text that unpacks to 80 MB": (with_chunk(PNG, chunk(b"zTXt", packed)), WHOLE),
        "international text that unpacks to 80 MB": (
            with_chunk(PNG, chunk(b"iTXt", b"Comment\0\1\0\0\0" + packed[9:])),
            WHOLE,
        ),
        "100 texts of 1 MB": (with_chunk(PNG, *[chunk(b"tEXt", long[:1_000_000])] * 100), WHOLE),
        "text behind the pixels": (with_chunk(PNG, chunk(b"zTXt", packed), behind=b"IDAT"), WHOLE),
        "a colour profile of 1.5 MB": (with_chunk(PNG, chunk(b"iCCP", profile)), WHOLE),
        "a colour profile of nonsense": (
            with_chunk(PNG, chunk(b"iCCP", b"icc\0\0nonsense")),
            WHOLE,
        ),
        "a wrong checksum of text": (with_chunk(PNG, chunk(b"tEXt", b"a\0b", crc=1)), WHOLE),
        "a wrong checksum of exif": (with_chunk(PNG, chunk(b"eXIf", b"II*\0", crc=1)), WHOLE),
        "exif of nonsense": (with_chunk(PNG, chunk(b"eXIf", b"nonsense")), WHOLE),
        "a physical size that is too short": (with_chunk(PNG, chunk(b"pHYs", b"\0\0")), WHOLE),
        "a gamma that is too short": (with_chunk(PNG, chunk(b"gAMA", b"")), WHOLE),
        "private chunks": (with_chunk(PNG, chunk(b"prVt", b"private")), WHOLE),
        "an unknown critical chunk": (with_chunk(PNG, chunk(b"XyZz", b"what")), WHOLE),
        "pixels in pieces": (split_idat(PNG), WHOLE),
        "text between the pieces": (split_idat(PNG, chunk(b"tEXt", b"a\0b")), WHOLE),
        "junk behind the end": (PNG + b"junk" * 99, WHOLE),
        "an animation": (
            several("PNG"),
            WHOLE,
        ),
        "animated by a broken chunk": (with_chunk(PNG, chunk(b"acTL", b"\0")), WHOLE),
        "interlaced": (png(1, 1, 8, 0, b"\0\7", methods=(0, 0, 1)), WHOLE),
        "more pixels than needed": (png(64, 48, 8, 0, pixels + b"\0" * 500), WHOLE),
        "bytes behind the compressed pixels": (png(64, 48, 8, 0, pixels, end=b"more"), WHOLE),
        "without its end": (PNG[:-12], NOT),
        "half an end": (PNG[:-6], NOT),
        "cut in the middle": (PNG[: at + size // 2], NOT),
        "cut in the checksum of the pixels": (PNG[: at + 4 + size + 2], NOT),
        "cut in the header": (PNG[:20], NOT),
        "without pixels": (PNG[: at - 4] + end, NOT),
        "pixels that end too early": (png(64, 48, 8, 0, pixels[:-200]), NOT),
        "a palette that is missing": (png(64, 48, 8, 3, pixels), NOT),
        "a wrong checksum of the header": (PNG[:29] + b"\0\0\0\0" + PNG[33:], NOT),
        "9 bits": (PNG[:24] + b"\x09" + chunk(b"IHDR", PNG[16:24] + b"\x09\2\0\0\0")[-4:], NOT),
    }


def _others() -> dict[str, tuple[bytes, bool]]:
    moving = several("GIF")
    lossless = encoded(picture(3, 63, 47), "WEBP", lossless=True)
    alpha = encoded(picture(3, 63, 47).convert("RGBA"), "WEBP", lossless=True)
    animated = several("WEBP")
    about = encoded(picture(3, 64, 48), "WEBP", exif=EXIF)
    two = several("TIFF")
    others = {
        "gif": (GIF, WHOLE),
        "gif of several frames": (moving, WHOLE),
        "gif with junk behind it": (GIF + b"junk" * 30, WHOLE),
        "gif with zeros between blocks": (GIF[:-1] + b"\0\0\0;", WHOLE),
        "gif without its end": (GIF[:-1], NOT),
        "gif cut in the middle": (GIF[: len(GIF) // 2], NOT),
        "webp": (WEBP, WHOLE),
        "webp without loss": (lossless, WHOLE),
        "webp with alpha": (alpha, WHOLE),
        "webp with exif": (about, WHOLE),
        "webp of several frames": (animated, WHOLE),
        "webp with bytes behind it": (WEBP + b"junk" * 9, WHOLE),
        "webp that says it is shorter": (WEBP[:4] + b"\x16\0\0\0" + WEBP[8:], WHOLE),
        "webp that says it is 0 long": (WEBP[:4] + b"\0\0\0\0" + WEBP[8:], WHOLE),
        "webp cut": (WEBP[:-9], NOT),
        "webp without an image": (WEBP[:12] + b"EXIF\4\0\0\0abcd", NOT),
        "bmp": (BMP, WHOLE),
        "bmp with reserved bytes": (BMP[:6] + b"ABCD" + BMP[10:], WHOLE),
        "bmp that says it is 0 long": (BMP[:2] + bytes(4) + BMP[6:], WHOLE),
        "bmp that says it is longer": (BMP[:2] + b"\xff\xff\xff\0" + BMP[6:], WHOLE),
        "bmp of a palette": (encoded(picture(3, 63, 48).quantize(9), "BMP"), WHOLE),
        "bmp of 1 bit": (encoded(picture(3, 63, 48).convert("1"), "BMP"), WHOLE),
        "bmp from the top": (BMP[:22] + struct.pack("<i", -48) + BMP[26:], WHOLE),
        "bmp with junk behind it": (BMP + b"junk", WHOLE),
        "bmp of os/2": (_os2(BMP), WHOLE),
        "bmp of version 4": (_longer_header(BMP, 108), WHOLE),
        "bmp of version 5": (_longer_header(BMP, 124), WHOLE),
        "bmp cut": (BMP[:-40], NOT),
        "tiff": (TIFF, WHOLE),
        "tiff by lzw": (encoded(picture(3, 64, 48), "TIFF", compression="tiff_lzw"), WHOLE),
        "tiff by deflate": (encoded(picture(3, 64, 48), "TIFF", compression="tiff_deflate"), WHOLE),
        "tiff by jpeg": (encoded(picture(3, 64, 48), "TIFF", compression="jpeg"), WHOLE),
        "tiff of fax": (
            encoded(picture(3, 64, 48).convert("1"), "TIFF", compression="group4"),
            WHOLE,
        ),
        "tiff of cmyk": (encoded(picture(3, 64, 48).convert("CMYK"), "TIFF"), WHOLE),
        "tiff of 16 bits": (encoded(deep(), "TIFF"), WHOLE),
        "tiff of two pages": (two, WHOLE),
        "tiff, its second page cut": (two[:-500], WHOLE),
        "tiff, turned": (encoded(picture(3, 64, 48), "TIFF", exif=EXIF), WHOLE),
        "big tiff": (encoded(picture(3, 64, 48), "TIFF", big_tiff=True), WHOLE),
        "tiff from big-endian": (encoded(picture(3, 64, 48), "TIFF", big_endian=True), WHOLE),
        "tiff cut": (TIFF[:-40], NOT),
        "tiff of floats": (encoded(Image.new("F", (8, 8), 0.5), "TIFF"), NOT),
        "tiff of 32 bits": (encoded(Image.new("I", (8, 8), 1 << 20), "TIFF"), NOT),
        "ppm": (encoded(picture(3, 64, 48), "PPM"), WHOLE),
        "pgm with a comment": (b"P5\n# made by hand\n4 2\n255\n" + bytes(8), WHOLE),
        "pbm": (encoded(picture(3, 64, 48).convert("1"), "PPM"), WHOLE),
        "pgm as text": (b"P2 3 2 9\n1 2 3\n4 5 6\n", WHOLE),
        "ppm cut": (encoded(picture(3, 64, 48), "PPM")[:-9], NOT),
        "pfm": (b"Pf\n8 8\n-1.0\n" + struct.pack("<64f", *64 * [0.5]), NOT),
    }
    if "avif" in features.get_supported_modules():
        avif = encoded(picture(3, 64, 48), "AVIF")
        others["avif"] = (avif, WHOLE)
        others["avif of several frames"] = (
            several("AVIF"),
            WHOLE,
        )
        others["avif cut"] = (avif[:-40], NOT)
    return others


def _os2(data: bytes) -> bytes:
    """A BMP of 24 bits with the header of OS/2 1."""
    width, height = struct.unpack_from("<ii", data, 18)
    head = struct.pack("<IHHHH", 12, width, height, 1, 24)
    return data[:10] + struct.pack("<I", 26) + head + data[54:]


def _longer_header(data: bytes, size: int) -> bytes:
    more = bytes(size - 40)
    head = struct.pack("<I", size) + data[18:54] + more
    return data[:10] + struct.pack("<I", 14 + size) + head + data[54:]


def variants() -> dict[str, tuple[bytes, bool]]:
    kinds: dict[str, Callable[[], dict[str, tuple[bytes, bool]]]]
    kinds = {"jpeg": _jpegs, "png": _pngs, "": _others}
    return {
        f"{kind} {name}".strip(): made
        for kind, make in kinds.items()
        for name, made in make().items()
    }
