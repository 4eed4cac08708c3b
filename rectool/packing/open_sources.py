"""What `pack_images` packs: a folder, a list or record files, in the order of packing."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from ..errors import ArgumentError, StrPath, check_number, plural, shown
from ..format.frames import begins_as_records
from ..format.mask_files import mask_recs
from ..format.shard_manifest import wrong_sizes
from ..format.shard_names import ShardSet, group_shards
from ..listing.box_stats import notes_on
from ..listing.found import fold, remark_on, scan_folder
from ..listing.lst import SEED, ImageList, read_list
from ..listing.scan import Scan
from ..listing.text_files import MOST_OF_LIST, read_bounded
from .list_source import FileSource
from .mask_arguments import MaskArguments
from .masks import MaskSource
from .record_source import RecordSource
from .source import Source

_LOOKED_AT = 100  # lines of a list, to tell what their boxes are

_KINDS = {"folder": "a folder", "list": "a list", "rec": "a .rec"}
_ONLY_FOR = {
    "root": ("list",),
    "recursive": ("folder",),
    "exts": ("folder",),
    "hidden": ("folder",),
    "classes": ("folder",),
    "classes_out": ("folder",),
    "label_width": ("folder", "list"),
    "pack_label": ("folder", "list"),
    "upright_masks": ("folder", "list"),
    "mask_suffix": ("folder", "list"),
    "images_only": ("rec",),
    "renumber": ("rec",),
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class SourceArguments:
    """The arguments of `pack_images` that say what is packed, and in which order."""

    root: StrPath | None
    recursive: bool
    exts: tuple[str, ...]
    hidden: bool
    shuffle: bool | None
    seed: int | None
    classes: StrPath | None
    classes_out: StrPath | BinaryIO | None
    pack_label: bool
    label_width: int | None
    images_only: bool
    renumber: bool
    part: tuple[int, int] | None
    masks: MaskArguments

    def check(self, kind: str, source: str) -> None:
        """Raises ArgumentError for what does not go with this kind of source."""
        check_number("label_width", self.label_width, 1)
        if self.part is not None and not 0 <= self.part[0] < self.part[1]:
            raise ArgumentError("{part} must be (I, N) with I from 0 to N - 1, got {0}", self.part)
        for name, kinds in _ONLY_FOR.items():
            if kind not in kinds and self._is_given(name):
                meant = " or ".join(_KINDS[kind] for kind in kinds)
                what = f"{{{name}}} is only for {meant}; {{0}} is {_KINDS[kind]}"
                raise ArgumentError(what, source)
        if self.pack_label and self.label_width is not None:
            raise ArgumentError("{pack_label} takes all labels, {label_width} some of them")
        if self.seed is not None and not self.shuffles(kind):
            raise ArgumentError("{seed} is given, but nothing is shuffled")

    def shuffles(self, kind: str) -> bool:
        return kind == "folder" if self.shuffle is None else self.shuffle

    def _is_given(self, name: str) -> bool:
        if name == "upright_masks":
            return self.masks.upright
        if name == "mask_suffix":
            return self.masks.suffix is not None
        value = getattr(self, name)
        if name == "recursive":
            return not value
        return not (value is None or value is False or value == ())  # 0 is given


class Opened(NamedTuple):
    """What is to be packed, the scan if it was a folder, and what is missing or damaged already."""

    source: Source
    found: Scan | None
    faults: tuple[str, ...]


def kind_of(sources: Sequence[str]) -> str:
    """ "folder", "list" or "rec"."""
    if not sources:
        raise ArgumentError("{sources}: no folder or file is given")
    kinds = [_kind_of_one(source) for source in sources]
    if len(kinds) > 1 and set(kinds) != {"rec"}:
        other = next(source for source, kind in zip(sources, kinds, strict=True) if kind != "rec")
        raise ArgumentError(
            "several sources must all be .rec files, and {0} is none; give the folder that images"
            " are in, or a list of them",
            other,
        )
    return kinds[0]


def _kind_of_one(source: str) -> str:
    if os.path.isdir(source):
        return "folder"
    if source.lower().endswith(".rec"):
        return "rec"
    if os.path.exists(source) and stat.S_ISREG(os.stat(source).st_mode):
        return "rec" if begins_as_records(source) else "list"
    return "list"


def open_source(
    kind: str,
    sources: Sequence[str],
    lst: str,
    arguments: SourceArguments,
    *,
    say: Say,
    fault: Say,
    on_classes: Callable[[dict[str, int]], None],
) -> Opened:
    """The source, its samples in the order of packing."""
    arguments.check(kind, sources[0])
    if kind == "folder":
        return _folder(sources[0], lst, arguments, say=say, fault=fault, on_classes=on_classes)
    source: FileSource | RecordSource
    faults: tuple[str, ...] = ()
    if kind == "list":
        source = _list(sources[0], arguments, say)
    else:
        source, faults = _records(sources, arguments, say, fault)
    if arguments.shuffles(kind):
        source = source.shuffled(SEED if arguments.seed is None else arguments.seed)
    if arguments.part:
        source = source.part(*arguments.part)
        if getattr(source, "names_keys", False):
            say(
                "the header of an InsightFace data set names keys that are in other parts now:"
                " merge the parts again, or leave it out by --images-only"
            )
    return Opened(source, None, faults)


def _folder(
    folder: str,
    lst: str,
    given: SourceArguments,
    *,
    say: Say,
    fault: Say,
    on_classes: Callable[[dict[str, int]], None],
) -> Opened:
    masks = given.masks.of_files()
    seed = SEED if given.seed is None else given.seed
    found = scan_folder(
        folder,
        recursive=given.recursive,
        exts=given.exts,
        hidden=given.hidden,
        shuffle=given.shuffles("folder"),
        seed=seed,
        classes=given.classes,
        classes_out=given.classes_out,
        say=say,
    )
    on_classes(found.classes)
    faults = remark_on(found, folder, say, fault)
    if given.shuffles("folder"):
        say(f"shuffled by seed {seed} (--no-shuffle keeps the order of names)")
    _remark_unused(masks, found.images, say)
    source = FileSource(found.images, folder, given.label_width)
    if given.part:
        source = source.part(*given.part)
    images = ImageList.numbered(source.images.contents(), lst, source.keys)
    return Opened(FileSource(images, folder, given.label_width, masks), found, faults)


def _list(source: str, given: SourceArguments, say: Say) -> FileSource:
    if source != "-":
        images, root = read_list(source), os.path.dirname(source)
    else:
        data = read_bounded(sys.stdin.buffer, "stdin", "a list (.lst)", MOST_OF_LIST)
        images, root = ImageList(data, "stdin"), "."
    if given.root is not None and not os.path.isdir(given.root):
        raise ArgumentError("{root} {0}: no such folder", given.root)
    masks = given.masks.of_files()
    _remark_unused(masks, images, say)
    _remark_on_boxes(images, say)
    return FileSource(images, given.root or root or ".", given.label_width, masks)


def _remark_unused(masks: MaskSource | None, images: ImageList, say: Say) -> None:
    """Says that masks have keys of no image: they may be of another list's."""
    unused = masks.unused(images.keys) if masks is not None else 0
    if unused:
        say(f"the list of masks has {plural(unused, 'key')} of no image: is it of another list?")


def _remark_on_boxes(images: ImageList, say: Say) -> None:
    """Says what is odd about the first lines' boxes: which are in pixels, say."""
    some = range(min(_LOOKED_AT, len(images)))
    notes = notes_on(images[position].labels for position in some)
    if notes:
        where = f"{shown(images.name)}: in the first {plural(len(some), 'line')}"
        say(f"{where} {', '.join(notes)}")


def _records(
    recs: Sequence[str], given: SourceArguments, say: Say, fault: Say
) -> tuple[RecordSource, tuple[str, ...]]:
    masks = mask_recs(recs, given.masks.masks) if given.masks.masks else []
    source = RecordSource(
        recs,
        masks=masks,
        new_numbers=given.masks.numbers(),
        images_only=given.images_only,
        renumber=given.renumber,
    )
    faults = list(map(str, source.problems))
    sets = [group for group in group_shards(recs) if isinstance(group, ShardSet)]
    faults += [str(found.missing()) for found in sets if found.missing()]
    faults += [str(one) for found in sets for one in wrong_sizes(found)]
    fold(faults, fault)
    for note in source.notes:
        say(note)
    if source.left_out:
        say(f"left out: {plural(source.left_out, 'record')} without an image")
    return source, tuple(faults)
