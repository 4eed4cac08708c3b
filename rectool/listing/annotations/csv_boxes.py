"""Tables of boxes: a row a box, of an image one or more."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np

from ...errors import LimitError, ListError, shown
from ...format.boxes import BOX_WIDTH
from ...remarks import RemarkKind, Remarks
from ..listing_faults import Faults
from ..lst import encode_path, parse_label
from ..paths import Root
from .base import (
    FAR,
    Annotated,
    BoxLines,
    ReadOptions,
    class_labels,
    class_name,
    corners_of,
    split_by_owner,
)
from .csv_columns import BoxColumns
from .image_size import Measure, Size

_FARTHEST_FRACTION = 1.5
"""How far fractions reach, and pixels of all boxes of a data set do not."""
_GROUP = RemarkKind("left out: {} of groups (IsGroupOf), as in {}", "box")


class BoxTable:
    """The rows of images and their boxes."""

    def __init__(self, name: str, columns: BoxColumns, faults: Faults) -> None:
        self._name = name
        self._columns = columns
        self._faults = faults
        self._images: dict[str, int] = {}
        self._sizes: dict[int, Size] = {}
        self._bad: set[int] = set()
        self._owners, self._numbers = array("q"), array("q")
        self._corners = array("d")
        self._classes: dict[str, int] = {}  # in the order in which they are met
        self._places: dict[str, int] = {}  # and the line where that is
        self._remarks = Remarks()

    def add(self, path: str, line: int, row: list[str]) -> None:
        image = self._images.setdefault(path, len(self._images))
        columns = self._columns
        corners = [row[at].strip() for at in columns.corners]
        try:
            self._add_size(image, row)
            name = row[columns.name].strip()
            if not any(corners) and not name:
                return  # an image without boxes
            box = corners_of(corners)
            if columns.group is not None and row[columns.group].strip() in ("1", "1.0", "True"):
                self._remarks.count(_GROUP, path)
                return
            number = self._classes.setdefault(class_name(name), len(self._classes))
        except ListError as error:
            again = image in self._bad
            self._bad.add(image)
            where = f"{shown(self._name)}:{line}"
            self._faults.add(f"{where}: {error.message}", images=0 if again else 1)
            return
        self._places.setdefault(name, line)
        self._owners.append(image)
        self._numbers.append(number)
        self._corners.extend(box)

    def _add_size(self, image: int, row: list[str]) -> None:
        if self._columns.size is None:
            return
        width, height = (row[at].strip() for at in self._columns.size)
        if not width and not height:
            return
        size = (_whole(width), _whole(height))
        if self._sizes.setdefault(image, size) != size:
            raise ListError(f"the size {width}x{height} differs from the one in a line before")

    def finish(self, found: Annotated, root: Root, options: ReadOptions) -> None:
        """Makes the list of all images. Raises ListError where none is left."""
        lines = BoxLines(BOX_WIDTH, skip_empty=options.skip_empty)
        labels = self._labels(found, options.classes)
        corners = np.array(self._corners).reshape(-1, 4)
        rows = np.column_stack((labels[np.array(self._numbers, np.int64)], corners))
        parts = split_by_owner(self._owners, rows, len(self._images))
        fractions = float(np.abs(corners).max(initial=0)) <= _FARTHEST_FRACTION
        if fractions and len(corners):
            found.remarks.append("boxes are taken for fractions of width and height")
        sized = self._columns.size is not None
        measure = Measure(root, lines.remarks, stored=options.stored, sized=sized)
        for (path, image), own in zip(self._images.items(), parts, strict=False):
            if image in self._bad:
                continue
            try:
                if fractions:
                    turn = measure.turn(path) if len(own) else 1
                else:
                    (width, height), turn = measure(path, self._sizes.get(image))
                    own[:, 1:] /= width, height, width, height
            except ListError as error:
                self._faults.add(f"{shown(self._name)}: {error.message}")
                continue
            lines.add(None, path, own.tolist(), turn)
        found.images = lines.images(root.path, self._name, self._faults)
        found.remarks += [*self._remarks.lines(), *lines.remarks.lines()]

    def _labels(
        self, found: Annotated, classes: Mapping[str, int] | None
    ) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The label of each class, in the order in which they were met; and the class table."""
        if classes is None and (numbers := _as_numbers(self._classes)) is not None:
            return np.array(numbers, np.float64)
        where = shown(self._name)
        places = {name: f"{where}:{line}" for name, line in self._places.items()}
        found.classes = class_labels(places, classes, self._name)
        return np.array([found.classes[name] for name in self._classes], np.float64)


def _as_numbers(names: Mapping[str, int]) -> list[float] | None:
    """The classes as the whole numbers that all of them are; else None."""
    try:
        numbers = [parse_label(encode_path(name)) for name in names]
    except (ListError, LimitError):
        return None
    return numbers if all(number >= 0 and number.is_integer() for number in numbers) else None


def _whole(text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = 0.5
    if not 0 < value < FAR or value != int(value):
        raise ListError(f"width and height must be whole numbers of pixels, got {text!r:.40}")
    return int(value)
