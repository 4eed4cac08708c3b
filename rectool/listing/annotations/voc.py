"""Pascal VOC: the boxes of an image in an XML file of its own."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ...errors import ListError, StrPath, shown
from ...remarks import Remarks
from .base import ALL, Annotated, ReadOptions, class_name, corners_of
from .detect_format import format_of
from .file_per_image import Object, Page, Pages, read_pages
from .image_size import Size

_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS = re.compile(
    r"(us-)?ascii|latin-?1|iso-?8859-?[0-9]{1,2}|(windows-?|cp-?)[0-9]{3,4}|koi8-[ru]|"
    r"gbk|gb-?2312|gb-?18030|big5(-?hkscs)?|euc-?(jp|kr|cn)|shift[_-]?jis|johab|mac-?roman",
    re.IGNORECASE,
)
"""What an XML file may say of its letters where they are no UTF-8."""


def read_voc(
    folder: StrPath, root: StrPath, options: ReadOptions = ALL, *, difficult: bool = True
) -> Annotated:
    """The images of the XML files in a folder and those below it, with their boxes, keys from 0.

    An image is a file with the XML's name and one of `exts`, or else `filename` below `root`, in
    the XML's own sub-folder or not. Classes are labelled from 0 in the order of their names, or as
    `classes` says. A box has a sixth number, 1 where it is difficult, or with `difficult` false
    none, as in other formats. Corners are taken for edges as they stand: the VOC challenge's own
    files count pixels from 1, so that their left and upper edges are up to a pixel inside. Boxes
    are cut to their image; of those of one class and place the first counts.

    An image that cannot be listed is one of the faults of what is returned: its file is missing or
    not of the size that its XML says, or an object of it is malformed. Raises ListError, a line for
    each fault, where that is so of all images, and for boxes that are all fractions.
    """
    pages = Pages("XML", "--voc", ".xml", _read)
    return read_pages(folder, root, pages, options, difficult=difficult)


def _read(name: str, _: Remarks) -> Page:
    with open(name, "rb") as file:
        data = file.read()
    sheet = _parse(data)
    if sheet.tag != "annotation":
        known = format_of(data) if sheet.tag == "annotations" else ""
        what = known or f"it begins with <{shown(sheet.tag[:40])}>"
        raise ListError(f"this is not a Pascal VOC annotation: {what}")
    objects, faults, classes = [], [], []
    for number, element in enumerate(sheet.findall("object"), 1):
        try:
            classes.append(class_name(_text(element, "name")))
            objects.append(Object(classes[-1], _row(element)))
        except ListError as error:
            faults.append(f"object {number}: {error.message}")
    images = [text for text in (_text(sheet, "filename"), _text(sheet, "path")) if text]
    return Page(images, _size(sheet), objects, faults, classes)


def _parse(data: bytes) -> ElementTree.Element:
    try:
        text = _decoded(data).removeprefix("\ufeff")
        # looked for in the text, so that no encoding hides it
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ListError("it has a document type or entities, which are refused")
        return ElementTree.fromstring(text)  # noqa: S314 - see above
    except ElementTree.ParseError as error:
        what = format_of(data)
        hint = "" if what in ("", "a text file", "an XML document") else f" ({what})"
        raise ListError(f"malformed XML: {error}{hint}") from None
    except (ValueError, RecursionError) as error:
        raise ListError(f"the text is not in its declared encoding: {error}") from None


def _decoded(data: bytes) -> str:
    """The text of a file, which is UTF-8 or UTF-16 whatever it says, or else what it says."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    if data[:4] in (b"<\0?\0", b"\0<\0?", b"<\0a\0", b"\0<\0a"):
        return data.decode("utf-16-le" if data[0] else "utf-16-be")
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    encoding = declared[1].decode() if declared else ""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if not _ENCODINGS.fullmatch(encoding):
            raise
    try:
        return data.decode(encoding)
    except LookupError:
        raise ListError(f"the encoding {encoding} is unknown: save the file as UTF-8") from None


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _size(sheet: ElementTree.Element) -> Size | None:
    width, height = (_text(sheet, f"size/{side}") or "0" for side in ("width", "height"))
    for side in (width, height):
        if not re.fullmatch(r"[0-9]{1,9}(\.0*)?", side, re.ASCII):
            raise ListError(f"size should be whole numbers of pixels, found {side!r:.40}")
    size = int(float(width)), int(float(height))
    return size if all(size) else None


def _row(element: ElementTree.Element) -> tuple[float, ...]:
    if element.find("bndbox") is None:
        turned = "" if element.find("robndbox") is None else ", but a turned one, which is not read"
        raise ListError(f"there is no box (bndbox){turned}")
    sides = ("xmin", "ymin", "xmax", "ymax")
    corners = corners_of(_text(element, f"bndbox/{side}") for side in sides)
    difficult = _text(element, "difficult") or "0"
    if difficult not in ("0", "1"):
        raise ListError(f"difficult should be 0 or 1, found {difficult!r:.40}")
    return *corners, float(difficult)
