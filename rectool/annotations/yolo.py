"""YOLO: the boxes of an image in a text file of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from os.path import join, splitext

from ..boxes import BOX_WIDTH
from ..format import LimitError, ListError, StrPath, plural, shown, to_float32
from ..listed_paths import Root
from ..listing import quoted, raise_faults
from ..scanning import EXTS, folders, normal_exts
from .common import Annotated, BoxLines, Kind, unusable
from .names import Names, is_names_file, yolo_labels, yolo_names
from .pixels import remark_turn

_LOOSE = 0.01
"""What a number may be below 0 or above 1 by; Ultralytics allows as much."""

_WITHOUT = Kind("no .txt, so taken to be without objects: {}, as {}", "image")
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
    hidden: bool = False,
) -> Annotated:
    """The images below `root`, as `scan` finds them, with the boxes of YOLO's label files.

    An image's label file is the one below `folder` with its path, but .txt; where there is none the
    image is one without objects. A line is `class cx cy width height`, fractions, or a class and
    the corners of a polygon, of which the box is taken. Numbers of classes are labels, and a file
    near the labels, or else `names`, says which there are. Where there are both, the file names the
    class of each number, and the label is that class's in `names`. With `skip_empty` images without
    boxes are left out. Hidden files and folders are passed over unless `hidden` takes them.

    Raises ListError with a line for each fault.
    """
    top, place = os.fspath(folder), Root(root)
    found = Annotated()
    naming, found.remarks = yolo_names(top, place.path, names)
    if any(one and one.key_points for one in (naming, names)):
        raise ListError("labels have key points (kpt_shape), and only boxes are read", path=top)
    numbers = yolo_labels(naming, names) if naming else None
    texts = Annotated()
    labels = {splitext(text)[0]: text for text in _files(top, (".txt",), True, texts, hidden)}
    used: set[str] = set()
    lines = BoxLines(BOX_WIDTH, skip_empty=skip_empty)
    reader = _Reader(numbers, naming.source if naming else "")
    reader.faults += unusable(top, texts)
    wanted = normal_exts(exts)
    images = list(_files(place.path, wanted, recursive, found, hidden))
    if not images:
        looked = f"looked for {', '.join(wanted)}"
        raise ListError(f"no images in this folder ({looked})", path=place.path)
    for image in images:
        stem = splitext(image)[0]
        try:
            path = place.below(image)
        except ListError as error:
            reader.faults.append(f"{shown(place.join(image))}: {error.message}")
            continue
        if stem in labels:
            used.add(stem)
            boxes = reader.boxes(join(top, labels[stem]))
            if boxes:
                remark_turn(place, path, lines.remarks)
            lines.add(None, path, boxes)
        else:
            lines.remarks.count(_WITHOUT, path)
            lines.add(None, path, [])
    raise_faults(reader.faults, top)
    if not used:
        raise ListError(_no_labels(top, place.path, images, list(labels.values())), path=top)
    for stem, text in labels.items():
        if stem not in used and not is_names_file(text):
            lines.remarks.count(_STRAY, text)
    table = names or naming
    found.classes = table.classes if table else {}
    found.images = lines.images(place.path, top)
    found.remarks += lines.remarks.lines()
    return found


def _files(
    top: str, endings: tuple[str, ...], recursive: bool, found: Annotated, hidden: bool
) -> Iterator[str]:
    for relative, names in folders(top, endings, recursive, found, hidden=hidden):
        for name in names:
            yield join(relative, name)


def _no_labels(top: str, root: str, images: Iterable[str], labels: Sequence[str]) -> str:
    """What to say where no image has a label file; where they are, if that is seen."""
    wanted = [splitext(image)[0] + ".txt" for image in images]
    says = f"no label file of an image in {shown(root)}: there is no {shown(join(top, wanted[0]))}"
    by_name = {os.path.basename(text): text for text in reversed(labels)}
    for text in wanted:
        found = by_name.get(os.path.basename(text), "")
        if found.endswith(os.sep + text):
            folder = shown(join(top, found[: -len(text) - 1]))
            return f"{says}, but {shown(join(top, found))} (is it --yolo {folder}?)"
        if found and text.endswith(os.sep + found):
            folder = shown(join(root, text[: -len(found) - 1]))
            return f"{says}, but {shown(join(top, found))} (is ROOT {folder}?)"
    return says


class _Reader:
    """Reads label files; what is wrong with them is in `faults`."""

    def __init__(self, numbers: dict[int, int] | None, source: str) -> None:
        """`numbers` has the label of each of YOLO's, and is None where they are labels."""
        self.faults: list[str] = []
        self._numbers = numbers
        self._source = source

    def boxes(self, name: str) -> list[Box]:
        with open(name, "rb") as file:
            lines = file.read().removeprefix(b"\xef\xbb\xbf").splitlines()
        boxes: list[Box] = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                boxes.append(self._box(line))
            except (ListError, LimitError) as error:
                self.faults.append(f"{shown(name)}:{number}: {error.message}")
        return boxes

    def _box(self, line: bytes) -> Box:
        label, *numbers = map(_number, line.split())
        if label < 0 or label != math.floor(label):
            raise ListError(f"a class should be a whole number from 0, found {label:g}")
        label = self._label(int(label))
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

    def _label(self, number: int) -> float:
        if self._numbers is None:
            return to_float32(number)
        if number not in self._numbers:
            what = f"{shown(self._source)} ({plural(len(self._numbers), 'class')})"
            raise ListError(f"there is no class {number!s:.40} in {what}")
        return self._numbers[number]


def _number(text: bytes) -> float:
    try:
        value = float(text if b"_" not in text else b"")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ListError(f"expected numbers with blanks between, found {quoted(text)}")
    return value
