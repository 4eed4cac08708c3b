"""One of the formats of annotations, as `list_images` was asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import ArgumentError, StrPath
from .scan import EXTS

if TYPE_CHECKING:
    from .annotations.base import Annotated, ReadOptions
    from .annotations.class_names import Names

_OF_CSV = ("csv_columns", "csv_separator", "csv_blank")
_NOT_FOR = {
    "csv": ("recursive", "hidden", "no_difficult"),
    "coco": ("recursive", "exts", "hidden", "no_difficult", *_OF_CSV),
    "voc": ("recursive", *_OF_CSV),
    "yolo": ("no_difficult", *_OF_CSV),
    "labelme": ("recursive", "no_difficult", *_OF_CSV),
    "manifest": ("recursive", "exts", "hidden", "no_difficult", *_OF_CSV),
}
_BOXES = "{coco}, {voc}, {yolo}, {labelme} or {manifest}"
_ONLY_OF = {
    "skip_empty": _BOXES,
    "stored_boxes": _BOXES,
    "no_difficult": "{voc}",
    **dict.fromkeys(_OF_CSV, "{csv}"),
}


@dataclass(frozen=True)
class Annotations:
    """The arguments of `list_images` that are about annotations."""

    csv: StrPath | None
    csv_columns: tuple[str, ...]
    csv_separator: str | None
    csv_blank: float | None
    coco: StrPath | None
    voc: StrPath | None
    yolo: StrPath | None
    labelme: StrPath | None
    manifest: StrPath | None
    stored_boxes: bool
    only: StrPath | None
    no_difficult: bool
    skip_empty: bool
    recursive: bool
    exts: tuple[str, ...]
    hidden: bool
    classes: StrPath | None

    def sources(self) -> dict[str, StrPath]:
        """The formats that were given, each with its file or folder."""
        given = {name: getattr(self, name) for name in _NOT_FOR}
        return {name: path for name, path in given.items() if path is not None}

    def format(self) -> str | None:
        """The format that was given, if any. Raises ArgumentError for what does not go with it."""
        given = list(self.sources())
        if len(given) > 1:
            raise ArgumentError(f"{{{given[0]}}} and {{{given[1]}}}: give one of them")
        if not given:
            for name, formats in _ONLY_OF.items():
                if self._is_given(name):
                    raise ArgumentError(f"{{{name}}} requires {formats}")
            return None
        for name in filter(self._is_given, _NOT_FOR[given[0]]):
            raise ArgumentError(f"{{{name}}} does not go with {{{given[0]}}}")
        return given[0]

    def _is_given(self, name: str) -> bool:
        value = getattr(self, name)
        if name == "recursive":
            return not value
        return not (value is None or value is False or value == ())  # 0 is given

    def read(self, name: str, root: StrPath) -> Annotated:
        """What annotations in this format say of the images below `root`."""
        from .annotations.base import ReadOptions
        from .annotations.class_names import read_names
        from .annotations.name_filter import NameFilter

        names = read_names(self.classes) if self.classes else None
        options = ReadOptions(
            exts=self.exts or EXTS,
            classes=names and names.classes,
            skip_empty=self.skip_empty,
            hidden=self.hidden,
            stored=self.stored_boxes,
            only=NameFilter(self.only) if self.only else None,
        )
        found = self._read(name, root, options, names)
        if name == "csv" and not found.has_boxes and (self.skip_empty or self.stored_boxes):
            option = "skip_empty" if self.skip_empty else "stored_boxes"
            raise ArgumentError(f"{{{option}}} requires boxes, and this table has none")
        found.remarks += options.only.remarks if options.only else []
        return found

    def _read(
        self, name: str, root: StrPath, options: ReadOptions, names: Names | None
    ) -> Annotated:
        """The format's own reader; those of the others are not loaded."""
        path = self.sources()[name]
        if name == "csv":
            from .annotations.csv import read_csv

            columns, separator, blank = self.csv_columns, self.csv_separator, self.csv_blank
            return read_csv(path, root, options, columns=columns, separator=separator, blank=blank)
        if name == "voc":
            from .annotations.voc import read_voc

            return read_voc(path, root, options, difficult=not self.no_difficult)
        if name == "yolo":
            from .annotations.yolo import read_yolo

            return read_yolo(path, root, options, recursive=self.recursive, names=names)
        reader = import_module(f".annotations.{name}", __package__)
        found: Annotated = getattr(reader, f"read_{name}")(path, root, options)
        return found
