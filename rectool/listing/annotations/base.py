"""What the formats share: paths and classes checked, boxes cut to their image, lines made."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import ListError, StrPath, shown
from ...format.boxes import BOX_WIDTH, box_labels
from ...remarks import RemarkKind, Remarks
from ..listing_faults import Faults
from ..lst import ImageList, encode_path
from ..paths import UNFIT, is_encodable
from ..scan import Scan


@dataclass
class Annotated(Scan):
    """A Scan of what annotations name: images, each with its labels or boxes.

    `classes` is the table from class to label, empty where no names are known; `remarks` say what
    was changed or left out, a line a kind. `has_boxes` of a table that has them.
    """

    remarks: list[str] = field(default_factory=list)
    has_boxes: bool = False


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
        raise ListError("a class without a name")
    if UNFIT.search(name) or not is_encodable(name):
        raise ListError(f"{name!a:.80}: a name with a tab, a line's end or a zero byte")
    return name


def check_classes(
    names: Iterable[tuple[str, str]], classes: Mapping[str, int], faults: list[str]
) -> None:
    """Adds a fault for each class that is not in the table; names come with where each stands."""
    faults += [
        f"{where}: class {shown(name)} is not in the class table"
        for name, where in names
        if name not in classes
    ]


Box = Sequence[float]
"""class, xmin, ymin, xmax, ymax as fractions of width and height, and what else there is."""

FAR = 1e9
"""More pixels than any image has."""

_FIRST_PIXEL = 1.5
"""How far fractions reach, and pixels of all boxes of a data set do not."""


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
            what = "no images with objects" if self._skip_empty else "no images"
            why = "; ".join(self.remarks.lines())
            raise ListError(f"{what} ({why})" if why else what, path=source)
        keys, widths = (np.array(column, np.int64) for column in (self._keys, self._widths))
        return ImageList.numbered(bytes(self._lines), name, keys, widths)
