"""What the formats share: paths and classes checked, boxes cut to their image, lines made."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ListError, StrPath, shown
from ...format.boxes import BOX_WIDTH, box_labels
from ...remarks import RemarkKind, Remarks
from ..listing_faults import Faults
from ..lst import ImageList, encode_path
from ..paths import UNFIT, is_encodable
from ..scan import EXTS, Scan
from .name_filter import NameFilter


@dataclass
class Annotated(Scan):
    """A Scan of what annotations name: images, each with its labels or boxes.

    `classes` is the table from class to label, empty where no names are known; `remarks` say what
    was changed or left out, a line a kind. `has_boxes` of a table that has them.
    """

    remarks: list[str] = field(default_factory=list)
    has_boxes: bool = False


@dataclass(frozen=True)
class ReadOptions:
    """What readers of all formats take, so far as it means something for their own.

    `exts` are the endings of images. `classes` says the label of each class; else classes are
    labelled from 0 in an order that the format has. With `skip_empty` images without boxes are left
    out, with `only` those that it does not name. With `stored` boxes lie on the pixels as they are
    stored. Hidden files and folders are passed over unless `hidden` takes them.
    """

    exts: Iterable[str] = EXTS
    classes: Mapping[str, int] | None = None
    skip_empty: bool = False
    hidden: bool = False
    stored: bool = False
    only: NameFilter | None = None


ALL = ReadOptions()

DUPLICATE_BOX = RemarkKind("left out, being there already: {}, as in {}", "box")
CLIPPED_BOX = RemarkKind("cut at the image's edges: {}, as in {}", "box")
OUTSIDE_BOX = RemarkKind("left out: {} outside of the image, as in {}", "box")
EMPTY_BOX = RemarkKind("left out: {} of no width or no height, as in {}", "box")
NO_OBJECTS = RemarkKind(
    "{} without objects, as in {}, which MXNet's ImageDetIter refuses (--skip-empty leaves"
    " such out)",
    "image",
)
SKIPPED_IMAGE = RemarkKind("left out: {} without objects, as in {}", "image")


def class_name(text: str) -> str:
    """A class's name without blanks around it. Raises ListError, saying why, where it is none."""
    name = text.strip()
    if not name:
        raise ListError("a class has no name")
    if UNFIT.search(name) or not is_encodable(name):
        raise ListError(f"{name!a:.80}: a name must not have a tab, a line's end or a zero byte")
    return name


def class_labels(
    places: Mapping[str, str],
    given: Mapping[str, int] | None,
    source: StrPath,
    faults: Faults | None = None,
) -> dict[str, int]:
    """The class table: as given, or classes in the order of their names; each comes with its place.

    Raises ListError for a class that is not in the table, and for `faults` that are there before.
    """
    faults = faults or Faults()
    for name, where in places.items():
        if given is not None and name not in given:
            faults.add(f"{where}: class {shown(name)} is not in the class table")
    faults.check(source)
    if given is not None:
        return dict(given)
    return {name: number for number, name in enumerate(sorted(places))}


Box = Sequence[float]
"""class, xmin, ymin, xmax, ymax as fractions of width and height, and what else there is."""

FAR = 1e9
"""More pixels than any image has."""

_FIRST_PIXEL = 1.5
"""How far fractions reach, and pixels of all boxes of a data set do not."""


def check_sides(width: float, height: float) -> None:
    """Raises ListError for a box whose sides are negative."""
    if width < 0 or height < 0:
        raise ListError(f"a box {width:g} wide and {height:g} high")


def corners_of(texts: Iterable[str]) -> tuple[float, ...]:
    """xmin, ymin, xmax and ymax of a box. Raises ListError where they are not these."""
    corners = []
    for side, text in zip(("xmin", "ymin", "xmax", "ymax"), texts, strict=True):
        try:
            value = float(text if "_" not in text else "")
        except ValueError:
            value = FAR
        if not -FAR < value < FAR:
            found = f"got {text!r:.40}" if text else "there is none"
            raise ListError(f"{side} must be a number, {found}")
        corners.append(value)
    left, top, right, bottom = corners
    try:
        check_sides(right - left, bottom - top)
    except ListError as error:
        where = f" (xmin {left:g}, ymin {top:g}, xmax {right:g}, ymax {bottom:g})"
        raise error.located(suffix=where) from None
    return left, top, right, bottom


def split_by_owner(owners: Sequence[int], rows: NDArray[Any], count: int) -> list[NDArray[Any]]:
    """The rows of each of `count` owners, in their order; owners count from 0."""
    numbers = np.array(owners, np.int64)
    order = numbers.argsort(kind="stable")
    return np.split(rows[order], numbers[order].searchsorted(np.arange(1, count)))


def check_pixels(farthest: float, path: str, width: int, height: int, source: str) -> None:
    """Raises ListError where coordinates must be fractions.

    `farthest` is the absolute value of the farthest one in `source`; the image is one with boxes.
    """
    if farthest <= _FIRST_PIXEL and max(width, height) > 2 * _FIRST_PIXEL:
        raise ListError(
            f"coordinates of boxes reach {farthest:g} at most, and {shown(path)} has"
            f" {width}x{height} pixels: fractions, where pixels are expected",
            path=source,
        )


def turned(box: Box, turn: int) -> Box:
    """A box of an image as it is stored, in the image as its EXIF orientation turns it."""
    if turn == 1:
        return box
    label, left, top, right, bottom = box[:BOX_WIDTH]
    if turn >= 5:  # the two axes change places
        left, top, right, bottom = top, left, bottom, right
    if turn in (2, 3, 6, 7):
        left, right = 1 - right, 1 - left
    if turn in (3, 4, 7, 8):
        top, bottom = 1 - bottom, 1 - top
    places = (round(place, _DECIMALS) for place in (left, top, right, bottom))
    return (label, *places, *box[BOX_WIDTH:])


_DECIMALS = 6
_SLACK = 10**-_DECIMALS
"""What a corner may lie outside by, from rounding alone."""


class BoxLines:
    """The lines of images with boxes, a box having `width` numbers, while they are being made."""

    def __init__(self, width: int, *, skip_empty: bool) -> None:
        self.remarks = Remarks()
        self._none = np.empty((0, width))
        self._skip_empty = skip_empty
        self._lines = bytearray()
        self._keys, self._widths = array("q"), array("q")

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: int | None, path: str, boxes: Iterable[Box], turn: int = 1) -> None:
        """An image, with the next key from 0 where `key` is None.

        Of boxes of one class and place the first counts. They are turned as the EXIF orientation
        `turn` turns the image.
        """
        different: dict[tuple[float, ...], Box] = {}
        for box in boxes:
            place = tuple(box[:BOX_WIDTH])
            if place in different:
                self.remarks.count(DUPLICATE_BOX, path)
            else:
                different[place] = box
        kept = [
            turned(inside, turn)
            for box in different.values()
            if (inside := self._inside(box, path)) is not None
        ]
        if not kept:
            self.remarks.count(SKIPPED_IMAGE if self._skip_empty else NO_OBJECTS, path)
            if self._skip_empty:
                return
        labels = box_labels(kept or self._none)
        key = len(self) if key is None else key
        texts = b"%f\t" * len(labels) % tuple(labels)
        self._lines += b"%d\t%s%s\n" % (key, texts, encode_path(path))
        self._keys.append(key)
        self._widths.append(len(labels))

    def _inside(self, box: Box, path: str) -> Box | None:
        """A box cut to its image, or None where nothing is left of it."""
        label, *corners = box[:BOX_WIDTH]
        low, high = min(corners), max(corners)
        if low < 0 or high > 1:
            left, top, right, bottom = corners
            if right <= 0 or bottom <= 0 or left >= 1 or top >= 1:
                self.remarks.count(OUTSIDE_BOX, path)
                return None
            if low < -_SLACK or high > 1 + _SLACK:
                self.remarks.count(CLIPPED_BOX, path)
            corners = [min(max(corner, 0.0), 1.0) for corner in corners]
        left, top, right, bottom = (round(corner, _DECIMALS) for corner in corners)
        if left >= right or top >= bottom:
            self.remarks.count(EMPTY_BOX, path)
            return None
        return (label, left, top, right, bottom, *box[BOX_WIDTH:])

    def images(self, name: str, source: StrPath, faults: Faults) -> ImageList:
        """The list, for messages called `name`.

        Raises ListError where there are no images, with the faults where that is why.
        """
        if not self._keys:
            faults.check(source)
            what = "no images with objects" if self._skip_empty else "there are no images"
            why = "; ".join(self.remarks.lines())
            raise ListError(f"{what} ({why})" if why else what, path=source)
        keys, widths = (np.array(column, np.int64) for column in (self._keys, self._widths))
        return ImageList.numbered(bytes(self._lines), name, keys, widths)
