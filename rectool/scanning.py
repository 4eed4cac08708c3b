"""Folders of images into lists.

Numbering, labels, order, splits and file names are those of im2rec.py (MXNet 1.9.1): the same
options give the same bytes, save where im2rec.py would lose images or count some twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .faults import Faults
from .format import LimitError, ListError, Output, StrPath, publish, shown
from .listing import (
    SEED,
    ImageList,
    decode_path,
    encode_path,
    parse_label,
    quoted,
    raise_faults,
    shuffled_order,
)
from .text_files import MOST_OF_NAMES, read_text

EXTS = (".jpeg", ".jpg", ".png")
"""The endings that im2rec.py looks for."""

_OTHER_IMAGES = frozenset(
    {".bmp", ".gif", ".heic", ".jfif", ".jpe", ".ppm", ".tif", ".tiff", ".webp", *EXTS}
)
_SYSTEM = frozenset(
    {
        "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "#recycle", "#snapshot",
        "$recycle.bin", "recycler", "system volume information", "lost+found",
    }
)  # fmt: skip
"""Files and folders that macOS, Windows, Linux and network disks put beside others."""

_UNFIT = re.compile(r"[\t\n\r]")
_CLASS = re.compile(rb"(.*\S)[ \t]+([0-9]{1,8})\s*")


@dataclass
class Scan:
    """The images found in a folder, a list of one label each, and what was passed over on the way.

    `classes` is the table from folder to label, folders relative to the root and "." for the root
    itself. `left_out` counts files with an image's ending that was not asked for, by ending;
    `loops` are links back to a folder above them, `unusable` images' names that link to nothing or
    are no regular files; `hidden` counts the hidden files and folders, of which `hidden_example` is
    one. `faults` says why images are not listed, those of unusable names among them.
    """

    images: ImageList = field(default_factory=lambda: ImageList(b"", ""))
    classes: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    loops: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    hidden: int = 0
    hidden_example: str = ""
    faults: Faults = field(default_factory=Faults)

    def report_unusable(self, top: str) -> None:
        """Adds a fault for each file below `top` that is not usable."""
        for name in self.unusable:
            where = shown(os.path.join(top, name))
            self.faults.add(f"{where}: a link to nothing, or no regular file")


def normal_exts(exts: Iterable[str]) -> tuple[str, ...]:
    """Endings in lower case, each with its dot."""
    return tuple("." + ext.strip().lower().removeprefix(".") for ext in exts)


def scan(
    root: StrPath,
    *,
    recursive: bool = True,
    exts: Iterable[str] = EXTS,
    classes: Mapping[str, int] | None = None,
    hidden: bool = False,
) -> Scan:
    """The images in a folder and those below it, numbered from 0 in the order of their paths.

    Every folder that holds an image is a class, nested ones and the root included; labels count
    from 0 in the order in which these folders are met, or are those of `classes`. Not recursive:
    only the root's own images, all of label 0. Links to folders are followed, round a loop once.
    Hidden files and folders (`is_hidden`) are passed over unless `hidden` takes them.

    Raises ListError where there are no images, a name cannot stand in a list (it has a tab or a
    line's end in it), or a folder is missing from `classes`; OSError where a folder cannot be read.
    """
    root = os.fspath(root)
    found = Scan(classes=dict(classes or {}))
    wanted = normal_exts(exts)
    faults: list[str] = []
    lines = bytearray()
    count = 0
    for relative, images in folders(root, wanted, recursive, found, hidden=hidden):
        label = 0
        if recursive and classes is None:
            label = found.classes.setdefault(relative or ".", len(found.classes))
        elif recursive and (relative or ".") in found.classes:
            label = found.classes[relative or "."]
        elif recursive:
            faults.append(f"{shown(os.path.join(root, relative))}: not in the class table")
        if _UNFIT.search("".join((relative, *images))):
            faults += _unfit(root, relative, images)
        middle = b"\t%d.000000\t%s" % (label, encode_path(os.path.join(relative, "")))
        for number, name in enumerate(images, count):
            lines += b"%d%s%s\n" % (number, middle, encode_path(name))
        count += len(images)
    found.report_unusable(root)
    raise_faults(faults, root)
    if not count:
        passed = f"; {hidden_text(found.hidden)} left out" if found.hidden else ""
        looked = f"looked for {', '.join(wanted)}"
        raise ListError(f"no images in this folder ({looked}){passed}", path=root)
    found.images = ImageList.numbered(bytes(lines), root)
    return found


def _unfit(root: str, relative: str, names: list[str]) -> list[str]:
    paths = [os.path.join(relative, name) for name in names]
    why = "a name with a tab or a line's end cannot stand in a list: rename it"
    return [f"{os.path.join(root, path)!r}: {why}" for path in paths if _UNFIT.search(path)]


_Identity = tuple[int, int]


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one that people do not see, or that a system put there."""
    return name.startswith(".") or name.lower() in _SYSTEM


def hidden_text(count: int) -> str:
    return "1 hidden file or folder" if count == 1 else f"{count} hidden files and folders"


def folders(
    root: str, wanted: tuple[str, ...], recursive: bool, found: Scan, *, hidden: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """Each folder with images: its path below the root and their names, in the order of os.walk.

    `wanted` are endings as `normal_exts` gives them; what is passed over goes into `found`. With
    `hidden` no name is hidden.
    """
    pending: list[tuple[str, tuple[_Identity, ...]]] = [("", ())]
    while pending:
        relative, above = pending.pop()
        folder = os.path.join(root, relative) if relative else root
        state = os.stat(folder)
        identity = (state.st_dev, state.st_ino)
        if identity in above:
            found.loops.append(relative)
            continue
        images, subfolders = _look_into(folder, relative, wanted, found, hidden)
        if images:
            yield relative, sorted(images)
        if recursive:
            below = (*above, identity)
            names = sorted(subfolders, reverse=True)
            pending += [(os.path.join(relative, name), below) for name in names]


def _look_into(
    folder: str, relative: str, wanted: tuple[str, ...], found: Scan, hidden: bool
) -> tuple[list[str], list[str]]:
    images: list[str] = []
    subfolders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if not hidden and is_hidden(name):
                found.hidden += 1
                found.hidden_example = found.hidden_example or os.path.join(relative, name)
            elif entry.is_dir():
                subfolders.append(name)
            elif name.lower().endswith(wanted) and _ending(name) in wanted:
                if entry.is_file():
                    images.append(name)
                else:
                    found.unusable.append(os.path.join(relative, name))
            elif _ending(name) in _OTHER_IMAGES:
                ending = _ending(name)
                found.left_out[ending] = found.left_out.get(ending, 0) + 1
    return images, subfolders


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def shuffled(images: ImageList, seed: int = SEED) -> ImageList:
    """The images in im2rec.py's random order; keys stay what they were."""
    moved = images.take(shuffled_order(len(images), seed))
    return ImageList.numbered(moved.contents(), moved.name, moved.keys)


class Part(NamedTuple):
    """Some images of a list, and what their file's name has between prefix and `.lst`."""

    suffix: str
    images: ImageList


def split(
    images: ImageList, *, chunks: int = 1, train_ratio: float = 1.0, test_ratio: float = 0.0
) -> list[Part]:
    """The parts that im2rec.py writes, in its order: for each chunk test, val, train.

    Sizes are the chunk's times the ratio, rounded down; what is left over goes to val, and where
    there is none (the ratios make 1) to train. Raises ValueError for ratios that make more than 1
    and for more chunks than images.
    """
    if train_ratio + test_ratio > 1.0 + 1e-9:
        raise ValueError(f"train ratio {train_ratio:g} and test ratio {test_ratio:g} exceed 1")
    if chunks > len(images):
        raise ValueError(f"{chunks} chunks of {len(images)} images")
    size = -(-len(images) // chunks)
    parts: list[Part] = []
    for number in range(chunks):
        chunk = images.take(slice(number * size, (number + 1) * size))
        prefix = f"_{number}" if chunks > 1 else ""
        if train_ratio == 1.0:
            parts.append(Part(prefix, chunk))
            continue
        test = int(size * test_ratio)
        train = test + int(size * train_ratio)
        if test_ratio:
            parts.append(Part(prefix + "_test", chunk.take(slice(0, test))))
        if train_ratio + test_ratio < 1.0:
            parts.append(Part(prefix + "_val", chunk.take(slice(train, None))))
            parts.append(Part(prefix + "_train", chunk.take(slice(test, train))))
        else:
            parts.append(Part(prefix + "_train", chunk.take(slice(test, None))))
    return parts


def write_lists(
    prefix: StrPath, parts: Iterable[Part], *, ending: str = ".lst", force: bool = False
) -> list[str]:
    """Writes each part to PREFIX + suffix + ending, all or none, and returns the paths."""
    outputs: list[Output] = []
    try:
        for part in parts:
            output = Output(f"{os.fspath(prefix)}{part.suffix}{ending}", force=force)
            outputs.append(output)
            output.write(part.images.contents())
    except BaseException:
        for output in outputs:
            output.discard()
        raise
    publish(outputs)
    return [output.path for output in outputs]


def class_table(classes: Mapping[str, int]) -> bytes:
    """A line a class, name and number with a blank between: what im2rec.py prints."""
    ordered = sorted(classes.items(), key=lambda item: item[1])
    return b"".join(b"%s %d\n" % (encode_path(name), label) for name, label in ordered)


def read_classes(path: StrPath) -> dict[str, int]:
    """The class table in a file. Raises ListError, naming lines, where it is none."""
    classes: dict[str, int] = {}
    faults: list[str] = []
    table = read_text(path, "a class table", MOST_OF_NAMES)
    for number, line in enumerate(table.split(b"\n"), 1):
        if not line.strip():
            continue
        fields = _CLASS.fullmatch(line)
        name = decode_path(fields[1]) if fields else ""
        where = f"{shown(path)}:{number}:"
        if not fields:
            faults.append(f"{where} expected a name, a blank and a number, found {quoted(line)}")
        elif name in classes:
            faults.append(f"{where} a second number for {shown(name)}")
        else:
            try:
                classes[name] = int(parse_label(fields[2]))
            except LimitError as error:
                faults.append(f"{where} {error.message}")
    raise_faults(faults, path)
    if not classes:
        raise ListError("an empty class table", path=path)
    return classes
