"""YOLO: the boxes of an image in a text file of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from os.path import join, splitext

from ...errors import LimitError, ListError, StrPath, plural, shown
from ...format.boxes import BOX_WIDTH
from ...format.header import to_float32
from ...imaging.image_files import file_fault
from ...remarks import RemarkKind, Remarks
from ..lst import quoted
from ..paths import RESPELLED, Root, respelling
from ..scan import files as walk_files
from ..scan import normal_exts
from ..text_files import read_text
from .base import ALL, Annotated, Box, BoxLines, ReadOptions, check_sides
from .class_names import Names, is_names_file, yolo_labels, yolo_names
from .detect_format import check_is_folder
from .image_size import Measure

_IMAGES, _LABELS = (os.sep + name + os.sep for name in ("images", "labels"))
_LOOSE = 0.01
"""What a number may be below 0 or above 1 by; Ultralytics allows as much."""
_MOST_BYTES = 1 << 26
"""A label file is not larger."""

_WITHOUT = RemarkKind("no .txt, so taken to be without objects: {}, as {}", "image")
_UNPAIRED_FILE = RemarkKind("left out: {} without an image, as {}", "label file")
_CONFIDENT = RemarkKind(
    "{} with a confidence as the sixth number, which is left out, as in {}", "box"
)
_KEY_POINTS = RemarkKind("{} with key points, which are left out, as in {}", "box")


def read_yolo(
    folder: StrPath,
    root: StrPath,
    options: ReadOptions = ALL,
    *,
    recursive: bool = True,
    names: Names | None = None,
) -> Annotated:
    """The images below `root`, as `scan` finds them, with the boxes of YOLO's label files.

    An image's label file is the one below `folder` with its path, but .txt, or else the one whose
    path has `labels` in place of the image's last folder `images`; where there is none the image is
    one without objects. A line is `class cx cy width height`, fractions, or a class and the corners
    of a polygon, of which the box is taken; a confidence or key points behind a box are left out.
    Numbers of classes are labels, and a file near the labels, or else `names`, says which there
    are. Where there are both, the file names the class of each number, and the label is that
    class's in `names`.

    An image whose label file is malformed is one of the faults of what is returned. Raises
    ListError, a line for each fault, where that is so of all images.
    """
    top, place = os.fspath(folder), Root(root)
    check_is_folder(top, "--yolo")
    found = Annotated()
    naming, found.remarks = yolo_names(top, place.path, names)
    lines = BoxLines(BOX_WIDTH, skip_empty=options.skip_empty)
    wanted = normal_exts(options.exts)
    images = list(walk_files(place.path, wanted, recursive, found, hidden=options.hidden))
    if not images:
        raise ListError(
            f"there are no images in this folder (looked for {', '.join(wanted)})", path=place.path
        )
    found.report_unusable(place.path)
    texts = Annotated()
    listed = walk_files(top, (".txt",), True, texts, hidden=options.hidden)
    labels = {splitext(text)[0]: text for text in listed}
    broken = {splitext(text)[0] for text in texts.unusable}
    label_of = _layout(images, labels.keys() | broken, top, place.path)
    chosen = options.only.choose(images, found.faults) if options.only else None
    reader = _LabelFileReader(names, naming, lines.remarks)
    measure = Measure(place, lines.remarks, stored=options.stored)
    used = {label_of(splitext(image)[0]) for image in images}
    alike = _Alike(top, labels.keys() - used, lines.remarks)
    for image in images:
        stem = label_of(splitext(image)[0])
        if stem not in labels and stem not in broken:
            used.add(stem := alike.find(stem))
        if chosen is not None and image not in chosen:
            continue
        try:
            path = place.below(image)
        except ListError as error:
            found.faults.add(f"{shown(place.join(image))}: {error.message}")
            continue
        if stem in broken:
            found.faults.add(f"{shown(join(top, stem))}.txt: a link to nothing, or no regular file")
            continue
        if stem not in labels:
            lines.remarks.count(_WITHOUT, path)
            lines.add(None, path, [])
            continue
        boxes, faults = reader.boxes(join(top, labels[stem]), path)
        if faults:
            found.faults.add(*faults)
        else:
            lines.add(None, path, boxes, measure.turn(path) if boxes else 1)
    if not used & (labels.keys() | broken):
        raise ListError(_no_labels(top, place.path, images, list(labels.values())), path=top)
    for stem, text in labels.items():
        if stem not in used and not is_names_file(text):
            lines.remarks.count(_UNPAIRED_FILE, text)
    found.classes = table.classes if (table := names or naming) else {}
    found.images = lines.images(place.path, top, found.faults)
    found.remarks += lines.remarks.lines()
    return found


class _Alike:
    """Finds label files whose paths differ from their images' in spelling, Unicode's form say."""

    def __init__(self, top: str, others: Collection[str], remarks: Remarks) -> None:
        """`others` are the paths of label files that are of no image by their own spelling."""
        self._others = others
        self._root = Root(top, (".txt",))
        self._remarks = remarks

    def find(self, stem: str) -> str:
        """The path without ending of the one such file; `stem` itself where there is not one."""
        texts = [text for text in self._root.meant(stem) if splitext(text)[1].lower() == ".txt"]
        found = [splitext(text)[0] for text in texts]
        if len(found) != 1 or found[0] not in self._others:
            return stem
        self._remarks.count(RESPELLED, respelling(stem + ".txt", texts[0]))
        return found[0]


def _layout(images: list[str], stems: Collection[str], top: str, root: str) -> Callable[[str], str]:
    """What gives the path of a label file, below `top` and without ending, for that of an image.

    It is the same path, or where no label file has that, the path with `labels` for `images`,
    provided that all images have such a one.
    """
    if any(splitext(image)[0] in stems for image in images):
        return lambda stem: stem

    above = join(os.path.abspath(top), "")
    beside: dict[str, str] = {}
    for image in images:
        before, parted, rest = os.path.abspath(join(root, splitext(image)[0])).rpartition(_IMAGES)
        path = before + _LABELS + rest
        if not parted or not path.startswith(above):
            return lambda stem: stem
        beside[splitext(image)[0]] = path.removeprefix(above)
    return beside.__getitem__


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


class _LabelFileReader:
    """Reads label files."""

    def __init__(self, given: Names | None, naming: Names | None, remarks: Remarks) -> None:
        """`naming` names YOLO's numbers, `given` says which label each name has."""
        self._numbers = yolo_labels(naming, given) if naming else None
        self._source = naming.source if naming else ""
        self._key_points = next((one.key_points for one in (naming, given) if one), None)
        self._remarks = remarks

    def boxes(self, name: str, image: str) -> tuple[list[Box], list[str]]:
        """The boxes in a label file, and a line for each that is malformed."""
        boxes: list[Box] = []
        faults: list[str] = []
        try:
            lines = read_text(name, "a label file", _MOST_BYTES).splitlines()
        except ListError as error:
            return [], [str(error)]
        except OSError as error:
            return [], [f"{shown(name)}: {file_fault(error).message}"]
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                boxes.append(self._box(line, image))
            except (ListError, LimitError) as error:
                faults.append(f"{shown(name)}:{number}: {error.message}")
        return boxes, faults

    def _box(self, line: bytes, image: str) -> Box:
        label, *numbers = map(_number, line.split())
        if label < 0 or label != math.floor(label):
            raise ListError(f"a class should be a whole number from 0, found {label:g}")
        label = self._label(int(label))
        count = len(numbers)
        if (self._key_points and count == 4 + math.prod(self._key_points)) or (
            self._key_points is None and _have_key_points(numbers)
        ):
            self._remarks.count(_KEY_POINTS, image)
            del numbers[4:]
        elif count == 5 and 0 <= numbers[4] <= 1:
            self._remarks.count(_CONFIDENT, image)
            del numbers[4:]
        elif count != 4 and (count < 6 or count % 2):
            raise ListError(
                f"expected a class and 4 numbers, or 6 or more of a polygon, found {quoted(line)}"
            )
        for number in numbers:
            if not -_LOOSE <= number <= 1 + _LOOSE:
                what = "; are these pixels?" if number > 1.5 else ""
                raise ListError(
                    f"coordinates must be fractions of the image, from 0 to 1, got {number:g}{what}"
                )
        if len(numbers) > 4:
            across, down = numbers[::2], numbers[1::2]
            return label, min(across), min(down), max(across), max(down)
        x, y, width, height = numbers
        check_sides(width, height)
        return label, x - width / 2, y - height / 2, x + width / 2, y + height / 2

    def _label(self, number: int) -> float:
        if self._numbers is None:
            return to_float32(number)
        if number not in self._numbers:
            what = f"{shown(self._source)} ({plural(len(self._numbers), 'class')})"
            raise ListError(f"there is no class {number!s:.40} in {what}")
        return self._numbers[number]


def _have_key_points(numbers: list[float]) -> bool:
    """Whether there are points behind a box, x, y and how visible each is: 0, 1 or 2.

    Such may be a polygon too where their number is even and nothing is 2.
    """
    seen = numbers[6::3]
    fits = len(numbers) > 6 and (len(numbers) - 4) % 3 == 0 and set(seen) <= {0.0, 1.0, 2.0}
    return fits and (len(numbers) % 2 == 1 or 2.0 in seen)


def _number(text: bytes) -> float:
    try:
        value = float(text if b"_" not in text else b"")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ListError(f"expected numbers with blanks between, found {quoted(text)}")
    return value
