"""YOLO: the boxes of an image in a text file of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator

from ..boxes import BOX_WIDTH
from ..format import LimitError, ListError, StrPath, plural, shown, to_float32
from ..listing import quoted, raise_faults
from ..scanning import EXTS, folders, normal_exts
from .common import Annotated, BoxLines, Kind, Remarks, Root
from .names import Names, find_names, is_names_file

_LOOSE = 0.01
"""What a number may be below 0 or above 1 by; Ultralytics allows as much."""

_TWICE = Kind("left out: {} that a file already has, as in {}", "line")
_WITHOUT = Kind("taken for one without objects, there being no .txt: {}, as {}", "image")
_STRAY = Kind("left out: {} without an image, as {}", "label file")

Box = tuple[float, ...]


def read_yolo(
    folder: StrPath,
    root: StrPath,
    *,
    recursive: bool = True,
    exts: Iterable[str] = EXTS,
    names: Names | None = None,
    skip_empty: bool = False,
) -> Annotated:
    """The images below `root`, as `scan` finds them, with the boxes of YOLO's label files.

    An image's label file is the one below `folder` with its path, but .txt; where there is none the
    image is one without objects. A line is `class cx cy width height`, fractions, or a class and
    the corners of a polygon, of which the box is taken; of equal lines the first counts. Numbers of
    classes are labels; `names`, or else those of a file near the labels, say which there are. With
    `skip_empty` images without boxes are left out.

    Raises ListError with a line for each fault.
    """
    top, place = os.fspath(folder), Root(root)
    found = Annotated()
    if names is None:
        names, found.remarks = find_names(top, place.path)
    if names and names.key_points:
        raise ListError("labels have key points (kpt_shape), and only boxes are read", path=top)
    labels = dict.fromkeys(_files(top, (".txt",), True, Annotated()), False)
    lines = BoxLines(BOX_WIDTH, skip_empty=skip_empty)
    reader = _Reader(names, lines.remarks)
    wanted = normal_exts(exts)
    images = list(_files(place.path, wanted, recursive, found))
    if not images:
        looked = f"looked for {', '.join(wanted)}"
        raise ListError(f"no images in this folder ({looked})", path=place.path)
    for image in images:
        text = os.path.splitext(image)[0] + ".txt"
        try:
            path = place.below(image)
        except ListError as error:
            reader.faults.append(f"{shown(place.join(image))}: {error.message}")
            continue
        if text in labels:
            labels[text] = True
            lines.add(None, path, reader.boxes(os.path.join(top, text)))
        else:
            lines.remarks.count(_WITHOUT, path)
            lines.add(None, path, [])
    raise_faults(reader.faults, top)
    if not any(labels.values()):
        raise ListError(f"no label file (.txt) of an image in {shown(place.path)}", path=top)
    for text, is_used in labels.items():
        if not is_used and not is_names_file(text):
            lines.remarks.count(_STRAY, text)
    found.classes = names.classes if names else {}
    found.images = lines.images(place.path, top)
    found.remarks += lines.remarks.lines()
    return found


def _files(top: str, endings: tuple[str, ...], recursive: bool, found: Annotated) -> Iterator[str]:
    for relative, names in folders(top, endings, recursive, found):
        for name in names:
            yield os.path.join(relative, name)


class _Reader:
    """Reads label files; what is wrong with them is in `faults`."""

    def __init__(self, names: Names | None, remarks: Remarks) -> None:
        self.faults: list[str] = []
        self._remarks = remarks
        self._known = set(names.classes.values()) if names else None
        self._source = shown(names.source) if names else ""

    def boxes(self, name: str) -> list[Box]:
        with open(name, "rb") as file:
            lines = file.read().removeprefix(b"\xef\xbb\xbf").splitlines()
        boxes: dict[Box, None] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                box = self._box(line)
            except (ListError, LimitError) as error:
                self.faults.append(f"{shown(name)}:{number}: {error.message}")
                continue
            if box in boxes:
                self._remarks.count(_TWICE, name)
            boxes[box] = None
        return list(boxes)

    def _box(self, line: bytes) -> Box:
        label, *numbers = map(_number, line.split())
        if label < 0 or label != math.floor(label):
            raise ListError(f"a class should be a whole number from 0, found {label:g}")
        label = to_float32(int(label))
        if self._known is not None and label not in self._known:
            what = f"{self._source} ({plural(len(self._known), 'class')})"
            raise ListError(f"there is no class {label:.0f} in {what}")
        count = len(numbers)
        if count != 4 and (count < 6 or count % 2):
            raise ListError(
                f"expected a class and 4 numbers, or 6 or more of a polygon, found {quoted(line)}"
            )
        for number in numbers:
            if not -_LOOSE <= number <= 1 + _LOOSE:
                what = ", not pixels" if number > 1.5 else ""
                raise ListError(f"{number:g} is no fraction of the image, from 0 to 1{what}")
        if count > 4:
            across, down = numbers[::2], numbers[1::2]
            return label, min(across), min(down), max(across), max(down)
        x, y, width, height = numbers
        if width < 0 or height < 0:
            raise ListError(f"a box {width:g} wide and {height:g} high")
        return label, x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _number(text: bytes) -> float:
    try:
        value = float(text if b"_" not in text else b"")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ListError(f"expected numbers with blanks between, found {quoted(text)}")
    return value
