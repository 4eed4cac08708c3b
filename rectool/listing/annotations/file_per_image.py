"""Folders with a file of annotations for each image: what Pascal VOC and labelme have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import ListError, StrPath, shown
from ...format.boxes import BOX_WIDTH
from ...imaging.image_files import file_fault
from ...remarks import RemarkKind, Remarks
from ..paths import Root
from ..scan import files as walk_files
from ..scan import normal_exts
from .base import Annotated, BoxLines, ReadOptions, check_pixels, class_labels
from .detect_format import check_is_folder
from .image_size import Measure, Size

_IMAGES = "JPEGImages"
"""Where VOC's images are, beside the folder of XML files."""
MOST_BYTES = 1 << 28
"""A file of one image's annotations is not larger, even with the image in it."""

_RENAMED = RemarkKind("found by the name of the {0}, not by the one in it: {{}}, as {{}}", "image")
_ROW = BOX_WIDTH  # xmin, ymin, xmax, ymax, difficult


class Object(NamedTuple):
    """An object's class and its row: xmin, ymin, xmax and ymax in pixels, and difficult."""

    name: str
    row: tuple[float, ...]


class Page(NamedTuple):
    """What a file of annotations says: what may name its image, the image's size, the objects.

    `faults` has a line for each object that is malformed, `classes` are those of all objects.
    """

    images: list[str]
    size: Size | None
    objects: list[Object]
    faults: list[str]
    classes: list[str]


class Pages(NamedTuple):
    """A format: its name, the option that takes it, the files' ending, and what reads one."""

    format: str
    option: str
    ending: str
    read: Callable[[str, Remarks], Page]
    """Raises ListError."""


class _Sheet(NamedTuple):
    """An image that is listed. All are kept until the classes are known: so it is small."""

    source: str
    size: Size
    turn: int
    classes: list[str]
    rows: NDArray[np.float64]


def read_pages(
    folder: StrPath, root: StrPath, pages: Pages, options: ReadOptions, *, difficult: bool = False
) -> Annotated:
    """The images that the files in a folder and those below it are of, keys from 0.

    An image is a file with the name of its annotations and one of `exts`, or else one that they
    name, in their own sub-folder below `root` or not. Classes are labelled from 0 in the order of
    their names, those of files that `only` does not name among them, or as `classes` says.
    """
    top, place, only = os.fspath(folder), Root(root, options.exts), options.only
    check_is_folder(top, pages.option)
    found = Annotated()
    lines = BoxLines(BOX_WIDTH + difficult, skip_empty=options.skip_empty)
    reader = _SheetReader(top, place, pages, options, lines.remarks)
    files = list(walk_files(top, (pages.ending,), True, found, hidden=options.hidden))
    chosen = only.choose(files, found.faults) if only else None
    for relative in files:
        reader.read(relative, found, listed=chosen is None or relative in chosen)
    found.report_unusable(top)
    found.left_out = {}  # images beside the annotations are no matter
    if not files:
        found.faults.check(top)
        raise ListError(f"there are no {pages.format} files in this folder", path=top)
    found.classes = class_labels(reader.places, options.classes, top)
    sheets = reader.sheets
    farthest = max(
        (float(np.abs(sheet.rows[:, :4]).max(initial=0)) for sheet in sheets.values()), default=0.0
    )
    for path, sheet in sheets.items():
        if sheet.classes:
            check_pixels(farthest, path, *sheet.size, top)
        boxes = _boxes(sheet, found.classes)
        lines.add(None, path, boxes[:, : BOX_WIDTH + difficult].tolist(), sheet.turn)
    found.images = lines.images(place.path, top, found.faults)
    found.remarks = [*lines.remarks.lines(), *place.remarks()]
    return found


def _boxes(sheet: _Sheet, classes: Mapping[str, int]) -> NDArray[np.float64]:
    """Of each object the label, the corners as fractions, and difficult."""
    labels = [classes[name] for name in sheet.classes]
    return np.column_stack((labels, sheet.rows / (*sheet.size, *sheet.size, 1)))


class _SheetReader:
    """Reads files of annotations, and finds the images that they are of.

    `sheets` are the images by their paths, `places` the classes, each with where it is met first.
    """

    def __init__(
        self, top: str, root: Root, pages: Pages, options: ReadOptions, remarks: Remarks
    ) -> None:
        self.sheets: dict[str, _Sheet] = {}
        self.places: dict[str, str] = {}
        self._top = top
        self._root = root
        self._pages = pages
        self._exts = normal_exts(options.exts)
        self._remarks = remarks
        self._measure = Measure(root, remarks, stored=options.stored)
        self._renamed = RemarkKind(_RENAMED.text.format(pages.format), _RENAMED.noun)
        self._twice: dict[str, str] = {}

    def read(self, relative: str, found: Annotated, *, listed: bool) -> None:
        """One file; only its classes count where it is not `listed`."""
        name = os.path.join(self._top, relative)
        try:
            page = self._page(name, self._remarks if listed else Remarks())
        except ListError as error:
            if listed:
                found.faults.add(f"{shown(name)}: {error.message}")
            return
        for one in page.classes:
            self.places.setdefault(one, shown(name))
        if not listed:
            return
        faults = [f"{shown(name)}: {fault}" for fault in page.faults]
        try:
            path = self.path(page.images, relative)
            size, turn = self._measure(path, page.size)
            self._check_once(path, name, found)
        except ListError as error:
            faults.insert(0, f"{shown(name)}: {error.message}")
        if faults:
            found.faults.add(*faults)
            return
        rows = np.array([one.row for one in page.objects]).reshape(-1, _ROW)
        classes = [sys.intern(one.name) for one in page.objects]
        self.sheets[path] = _Sheet(shown(name), size, turn, classes, rows)

    def _page(self, name: str, remarks: Remarks) -> Page:
        try:
            if os.path.getsize(name) > MOST_BYTES:
                raise ListError(
                    f"more than {MOST_BYTES >> 20} MB: too large for one image's annotations"
                )
            return self._pages.read(name, remarks)
        except OSError as error:
            raise ListError(file_fault(error).message) from None

    def _check_once(self, path: str, name: str, found: Annotated) -> None:
        """Raises ListError where an image has two files of annotations: then it is not listed."""
        first = self.sheets.pop(path, None)
        if first is not None:
            self._twice[path] = first.source
            found.faults.images += 1
        if path in self._twice:
            raise ListError(f"{shown(path)} already belongs to {self._twice[path]}")

    def path(self, declared: list[str], relative: str) -> str:
        """The image's path below the root. Raises ListError where there is no such file."""
        stem = os.path.splitext(relative)[0]
        last = os.path.basename(stem)
        ends = dict.fromkeys((stem, last, os.path.join(_IMAGES, last)))
        tried: list[str] = []
        problem: ListError | None = None
        for text in declared[:1]:
            try:
                tried.append(self._root.below(text))
                if not os.path.isabs(text):
                    tried.insert(0, self._root.below(os.path.join(os.path.dirname(relative), text)))
            except ListError as error:
                problem = error
        named = next(filter(self._root.has_file, tried), None)
        if named is not None and _stem(named) == _stem(relative):
            return named
        by_name = [end + ext for end in ends for ext in self._exts]
        path = next(filter(self._root.has_file, by_name), None)
        if path is not None and (declared or [""])[0]:
            self._remarks.count(self._renamed, path)
        path = path or named
        others = (self._root.respelled(text) for text in (*ends, *tried, *declared))
        path = path or next(filter(None, others), None)
        if path is None:
            missing = shown(self._root.join(tried[-1] if tried else by_name[0]))
            raise problem or ListError(f"no such file: {missing}")
        return path


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]
