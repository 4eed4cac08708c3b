"""What a file holds, told by its first bytes, whatever its name says.

For messages: a download named `.jpg` or `.rec` is often a web page, an archive, or an image of
another format. Standard library only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HEAD = 1024
"""So many of a file's first bytes are enough."""


class Content(NamedTuple):
    """What some bytes are ("an HTML page") and what to do with them ("download the file again").

    `advice` is empty where there is nothing to say.
    """

    name: str
    advice: str


_CONVERT = "convert it to JPEG or PNG"
_AGAIN = "download the file again"
_EXTRACT = "extract what is in it"
_NO_ADVICE = ""

_START_OF_PAGE = rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*"

_SIGNATURES: tuple[tuple[str, str, bytes], ...] = (
    # images that rectool reads
    ("a JPEG image", _NO_ADVICE, rb"\xff\xd8\xff"),
    ("a PNG image", _NO_ADVICE, rb"\x89PNG\r\n\x1a\n"),
    ("a GIF image", _NO_ADVICE, rb"GIF8[79]a"),
    ("a WebP image", _NO_ADVICE, rb"RIFF....WEBP"),
    ("a camera's raw image", _CONVERT, rb"II\*\0....CR|IIRO|IIRS|MMOR|IIU\0|FUJIFILMCCD-RAW|FOVb"),
    ("a TIFF image", _NO_ADVICE, rb"II[*+]\0|MM\0[*+]"),
    ("a BMP image", _NO_ADVICE, rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    ("a PNM image", _NO_ADVICE, rb"P[1-6]\s"),
    # images to convert
    ("an AVIF image", _CONVERT, rb"....ftyp(?:avi[fs]|(?:mif1|msf1|miaf)(?:....)*?avi[fs])"),
    ("a HEIC image", _CONVERT, rb"....ftyp(?:he[iv][cxmsf]|mif1|msf1)"),
    ("a camera's raw image", _CONVERT, rb"....ftypcrx "),
    ("a JPEG 2000 image", _CONVERT, rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
    ("a JPEG XL image", _CONVERT, rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
    ("a JPEG XR image", _CONVERT, rb"II\xbc\x01"),
    ("a Photoshop image", _CONVERT, rb"8BPS"),
    ("a GIMP image", _CONVERT, rb"gimp xcf"),
    ("a Windows icon", _CONVERT, rb"\0\0[\x01\x02]\0[^\0]\0.{3}\0"),
    ("an Apple icon", _CONVERT, rb"icns"),
    ("an OpenEXR image", _CONVERT, rb"\x76\x2f\x31\x01"),
    ("a Radiance HDR image", _CONVERT, rb"#\?R"),
    ("a DDS texture", _CONVERT, rb"DDS \x7c"),
    ("a QOI image", _CONVERT, rb"qoif"),
    ("a BPG image", _CONVERT, rb"BPG\xfb"),
    ("a PAM or PFM image", _CONVERT, rb"P[7Ff]\s"),
    ("a DICOM image", _CONVERT, rb".{128}DICM"),
    ("a FITS image", _CONVERT, rb"SIMPLE  ="),
    ("an SVG drawing", _CONVERT, _START_OF_PAGE + rb"(?:<!DOCTYPE svg[^>]*>\s*)?<svg\b"),
    ("a PostScript document", _CONVERT, rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("a PDF document", _CONVERT, rb"\s*%PDF-"),
    ("a base64 text of an image", "decode it", rb"data:image/|/9j/4|iVBORw0KGgo"),
    # downloads that went wrong
    ("an HTML page", _AGAIN, _START_OF_PAGE + rb"<(?i:!doctype\s+html|html|head|body|script|meta)"),
    ("a Git LFS pointer", "fetch the file by git lfs pull", rb"version https://git-lfs\."),
    ("a git-annex pointer", "fetch the file by git annex get", rb"/annex/objects/"),
    ("an XML document", _AGAIN, rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|Error>)"),
    ("a JSON document", _NO_ADVICE, rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*(?:"|\})|\[\s*["{\[\]\d-])'),
    ("a torrent", "download what it names", rb"d\d+:(?:announce|created|info)"),
    ("zero bytes only", _AGAIN, rb"\0{16,}\Z"),
    # archives
    ("a zip archive", _EXTRACT, rb"PK(?:\x03\x04|\x05\x06|\x07\x08)"),
    ("a gzip file", _EXTRACT, rb"\x1f\x8b\x08"),
    ("a bzip2 file", _EXTRACT, rb"BZh[1-9]1AY"),
    ("an xz file", _EXTRACT, rb"\xfd7zXZ\0"),
    ("a Zstandard file", _EXTRACT, rb"\x28\xb5\x2f\xfd"),
    ("an LZ4 file", _EXTRACT, rb"\x04\x22\x4d\x18"),
    ("a 7-Zip archive", _EXTRACT, rb"7z\xbc\xaf\x27\x1c"),
    ("a RAR archive", _EXTRACT, rb"Rar!\x1a\x07"),
    ("a tar archive", _EXTRACT, rb".{257}ustar"),
    # video and sound
    ("a video", "extract its frames", rb"....(?:ftyp|moov|mdat)|RIFF....AVI |FLV\x01"),
    ("a video", "extract its frames", rb"\x1a\x45\xdf\xa3|\0\0\x01[\xba\xb3]|\x30\x26\xb2\x75"),
    ("a sound", _NO_ADVICE, rb"RIFF....WAVE|ID3[\x02-\x04]|OggS\0|fLaC\0"),
    # data
    ("a RecordIO file", _NO_ADVICE, rb"\x0a\x23\xd7\xce"),
    ("a NumPy array", _NO_ADVICE, rb"\x93NUMPY"),
    ("a pickle", _NO_ADVICE, rb"\x80[\x02-\x05][\x80-\x95}\](Xc]"),
    ("an HDF5 file", _NO_ADVICE, rb"\x89HDF\r\n\x1a\n"),
    ("a Parquet file", _NO_ADVICE, rb"PAR1"),
    ("an Arrow file", _NO_ADVICE, rb"ARROW1"),
    ("an LMDB database", _NO_ADVICE, rb".{16}\xde\xc0\xef\xbe"),
    ("an SQLite database", _NO_ADVICE, rb"SQLite format 3\0"),
    ("a program", _NO_ADVICE, rb"\x7fELF|MZ.{58}.\0\0\0|\xcf\xfa\xed\xfe|#!\s*/"),
    ("an index (.idx)", _NO_ADVICE, rb"-?\d+\t\d+\r?(?:\n|\Z)"),
    ("a list (.lst)", _NO_ADVICE, rb"-?\d+(?:\t-?\d+(?:\.\d*)?(?:e[+-]?\d+)?)+\t[^\t\n]+(?:\n|\Z)"),
    # what systems leave beside files
    ("metadata of macOS", "leave out files whose name begins with ._", rb"\0\x05\x16\x07"),
    ("a shortcut of Windows", "take the file it leads to", rb"L\0\0\0\x01\x14\x02\0|\[Internet"),
    ("an alias of macOS", "take the file it leads to", rb"book\0\0\0\0mark"),
)  # fmt: skip
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]+")


def content_of(data: bytes | memoryview) -> Content | None:
    """What these bytes, a file's first HEAD or all of them, are; None where that is not known."""
    head = bytes(data[:HEAD])
    if not head:
        return Content("an empty file", _AGAIN)
    for name, advice, signature in _SIGNATURES:
        if re.match(signature, head, re.DOTALL):
            return Content(name, advice)
    return Content("a text file", _NO_ADVICE) if _is_text(head) else None


def name_of_content(data: bytes | memoryview) -> str | None:
    """The same, its name alone: "an HTML page", "a zip archive"."""
    content = content_of(data)
    return content and content.name


def no_image(data: bytes | memoryview) -> str:
    """Says what bytes are that are no image of a known format, and what to do with them."""
    content = content_of(data)
    if content is None:
        return "not an image of a known format"
    advice = f"; {content.advice}" if content.advice else ""
    return f"not an image of a known format, but {content.name}{advice}"


def _is_text(head: bytes) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    if not _TEXT.fullmatch(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) - error.start < 4 and error.start >= HEAD - 4  # cut in a character
    return True
