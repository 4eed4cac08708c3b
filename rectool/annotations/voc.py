"""Pascal VOC: the boxes of an image in an XML file of its own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ..boxes import BOX_WIDTH
from ..format import ListError, StrPath, shown
from ..listed_paths import Root
from ..listing import raise_faults
from ..scanning import EXTS, folders, normal_exts
from .common import (
    FAR,
    Annotated,
    BoxLines,
    Kind,
    Remarks,
    check_classes,
    check_pixels,
    class_name,
    unusable,
)
from .pixels import Size, agreed_size

_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_RENAMED = Kind("found by the name of the XML, not by the one in it: {}, as {}", "image")


class _Sheet(NamedTuple):
    """What one XML file says: its image, below the root, that one's size, and of each object its
    class and a row of xmin, ymin, xmax, ymax and difficult. All files' are kept: so it is small.
    """

    image: str
    size: Size
    classes: list[str]
    rows: NDArray[np.float64]


def read_voc(
    folder: StrPath,
    root: StrPath,
    *,
    exts: Iterable[str] = EXTS,
    classes: Mapping[str, int] | None = None,
    difficult: bool = True,
    skip_empty: bool = False,
    hidden: bool = False,
) -> Annotated:
    """The images of the XML files in a folder and those below it, with their boxes, keys from 0.

    An image is `filename` below `root`, in the XML's own sub-folder or not, or else a file with the
    XML's name and one of `exts`. Classes are labelled from 0 in the order of their names, or as
    `classes` says. A box has a sixth number, 1 where it is difficult, or with `difficult` false
    none, as in other formats. Corners are taken for edges as they stand: the VOC challenge's own
    files count pixels from 1, so that their left and upper edges are up to a pixel inside. Boxes
    are cut to their image; of those of one class and place the first counts. With `skip_empty`
    images without boxes are left out. Hidden files and folders are passed over unless `hidden`
    takes them.

    Raises ListError with a line for each fault, among them an image file that is missing or not of
    the size that its XML says, and boxes that are all fractions.
    """
    top, place = os.fspath(folder), Root(root)
    found = Annotated()
    lines = BoxLines(BOX_WIDTH + difficult, skip_empty=skip_empty)
    finder = _Finder(place, normal_exts(exts), lines.remarks)
    faults: list[str] = []
    sheets: dict[str, _Sheet] = {}
    sources: dict[str, str] = {}
    places: dict[str, str] = {}
    for relative in _xml_files(top, found, hidden):
        name = os.path.join(top, relative)
        try:
            sheet = _read(name, relative, finder, places, faults)
            if sheet.image in sheets:
                raise ListError(f"{shown(sheet.image)} is that of {sources[sheet.image]} already")
            sheets[sheet.image], sources[sheet.image] = sheet, shown(name)
        except ListError as error:
            faults.append(f"{shown(name)}: {error.message}")
    faults += unusable(top, found)
    found.unusable, found.left_out = [], {}  # all faults; and images beside the XML are no matter
    raise_faults(faults, top)
    if not sheets:
        raise ListError("no XML files in this folder", path=top)
    found.classes = _numbered(places, classes, top)
    farthest = max(float(np.abs(sheet.rows[:, :4]).max(initial=0)) for sheet in sheets.values())
    for path, sheet in sheets.items():
        if sheet.classes:
            check_pixels(farthest, path, *sheet.size, top)
        boxes = _boxes(sheet, found.classes)
        lines.add(None, path, boxes[:, : BOX_WIDTH + difficult].tolist())
    found.images = lines.images(place.path, top)
    found.remarks = lines.remarks.lines()
    return found


def _xml_files(top: str, found: Annotated, hidden: bool) -> Iterator[str]:
    for relative, names in folders(top, (".xml",), True, found, hidden=hidden):
        for name in names:
            yield os.path.join(relative, name)


def _numbered(
    places: Mapping[str, str], classes: Mapping[str, int] | None, top: str
) -> dict[str, int]:
    """The class table, of classes with the first place that each has."""
    if classes is None:
        return {name: number for number, name in enumerate(sorted(places))}
    faults: list[str] = []
    check_classes(places.items(), classes, faults)
    raise_faults(faults, top)
    return dict(classes)


def _boxes(sheet: _Sheet, classes: Mapping[str, int]) -> NDArray[np.float64]:
    """Of each object the label, the corners as fractions, and difficult."""
    labels = [classes[name] for name in sheet.classes]
    return np.column_stack((labels, sheet.rows / (*sheet.size, *sheet.size, 1)))


class _Finder:
    """Finds the image that an XML file is of, and its size."""

    def __init__(self, root: Root, exts: tuple[str, ...], remarks: Remarks) -> None:
        self._root = root
        self._exts = exts
        self.remarks = remarks

    def path(self, said: str, relative: str) -> str:
        """The image's path below the root. Raises ListError where there is no such file."""
        folder, stem = os.path.split(os.path.splitext(relative)[0])
        tried = []
        if said:
            tried = [self._root.below(said)]
            if not os.path.isabs(said):
                tried.insert(0, self._root.below(os.path.join(folder, said)))
        by_name = [os.path.join(at, stem + ext) for at in (folder, "") for ext in self._exts]
        for path in (*tried, *by_name):
            if os.path.isfile(self._root.join(path)):
                if said and path not in tried:
                    self.remarks.count(_RENAMED, path)
                return path
        name = self._root.join(tried[-1] if tried else by_name[0])
        raise ListError(f"no such file: {shown(name)}")

    def size(self, path: str, said: Size | None) -> Size:
        return agreed_size(self._root, path, said, self.remarks)


def _read(
    name: str, relative: str, finder: _Finder, places: dict[str, str], faults: list[str]
) -> _Sheet:
    """Faults of objects are added, others raised; and the places of classes not met before."""
    sheet = _parse(name)
    if sheet.tag != "annotation":
        raise ListError(f"no Pascal VOC annotation: it begins with <{sheet.tag:.40}>")
    image = finder.path(_text(sheet, "filename"), relative)
    size = finder.size(image, _size(sheet))
    classes, rows = [], []
    for number, element in enumerate(sheet.findall("object"), 1):
        where = f"{shown(name)}: object {number}"
        try:
            cls, row = _object(element)
        except ListError as error:
            faults.append(f"{where}: {error.message}")
            continue
        classes.append(sys.intern(cls))
        rows.append(row)
        places.setdefault(cls, where)
    return _Sheet(image, size, classes, np.array(rows).reshape(-1, 5))


def _parse(name: str) -> ElementTree.Element:
    with open(name, "rb") as file:
        data = file.read()
    try:
        # decoded here, so that no encoding hides what is looked for
        said = _ENCODING.match(data)
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = data.decode("utf-16" if wide else said[1].decode() if said else "utf-8-sig")
        text = text.removeprefix("\ufeff")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise ListError("a document type or entities in it, which are refused")
        return ElementTree.fromstring(text)  # noqa: S314 - see above
    except ElementTree.ParseError as error:
        raise ListError(f"malformed XML: {error}") from None
    except (ValueError, LookupError) as error:
        raise ListError(f"not the text it should be: {error}") from None


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _size(sheet: ElementTree.Element) -> Size | None:
    width, height = (_text(sheet, f"size/{side}") or "0" for side in ("width", "height"))
    for side in (width, height):
        if not re.fullmatch(r"[0-9]{1,9}", side, re.ASCII):
            raise ListError(f"size should be whole numbers of pixels, found {side!r:.40}")
    return (int(width), int(height)) if int(width) and int(height) else None


def _object(element: ElementTree.Element) -> tuple[str, tuple[float, ...]]:
    name = class_name(_text(element, "name"))
    corners = tuple(_corner(element, side) for side in ("xmin", "ymin", "xmax", "ymax"))
    left, top, right, bottom = corners
    if left > right or top > bottom:
        raise ListError(
            f"a box {right - left:g} wide and {bottom - top:g} high"
            f" (xmin {left:g}, ymin {top:g}, xmax {right:g}, ymax {bottom:g})"
        )
    difficult = _text(element, "difficult") or "0"
    if difficult not in ("0", "1"):
        raise ListError(f"difficult should be 0 or 1, found {difficult!r:.40}")
    return name, (*corners, float(difficult))


def _corner(element: ElementTree.Element, side: str) -> float:
    text = _text(element, f"bndbox/{side}")
    try:
        value = float(text if "_" not in text else "")
    except ValueError:
        value = FAR
    if not -FAR < value < FAR:
        found = f"found {text!r:.40}" if text else "there is none"
        raise ListError(f"{side} should be a number of pixels, {found}")
    return value
