"""Folders of images into lists.

Numbering, labels, order, splits and file names are those of im2rec.py (MXNet 1.9.1): the same
options give the same bytes, save where im2rec.py would lose images or count some twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import ListError, StrPath, shown
from .listing_faults import Faults
from .lst import ImageList, encode_path

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

    A name that no list can hold, with a tab or a line's end in it, is a fault of its image, which
    is not listed. Raises ListError where there are no images or a folder is missing from `classes`;
    OSError where a folder cannot be read.
    """
    root = os.fspath(root)
    found = Scan(classes=dict(classes or {}))
    wanted = normal_exts(exts)
    faults = Faults()
    lines = bytearray()
    count = 0
    for relative, names in folders(root, wanted, recursive, found, hidden=hidden):
        images, label = _fit(root, relative, names, found.faults), 0
        if not images:
            continue
        if recursive and classes is None:
            label = found.classes.setdefault(relative or ".", len(found.classes))
        elif recursive and (relative or ".") in found.classes:
            label = found.classes[relative or "."]
        elif recursive:
            faults.add(f"{shown(os.path.join(root, relative))}: not in the class table")
        middle = b"\t%d.000000\t%s" % (label, encode_path(os.path.join(relative, "")))
        for number, name in enumerate(images, count):
            lines += b"%d%s%s\n" % (number, middle, encode_path(name))
        count += len(images)
    found.report_unusable(root)
    faults.check(root)
    if not count:
        found.faults.check(root)
        passed = f"; {hidden_text(found.hidden)} left out" if found.hidden else ""
        looked = f"looked for {', '.join(wanted)}"
        raise ListError(f"there are no images in this folder ({looked}){passed}", path=root)
    found.images = ImageList.numbered(bytes(lines), root)
    return found


def _fit(root: str, relative: str, names: list[str], faults: Faults) -> list[str]:
    """The names that a list can hold; the others go into `faults`."""
    if not _UNFIT.search("".join((relative, *names))):
        return names
    fit: list[str] = []
    for name in names:
        if not _UNFIT.search(relative + name):
            fit.append(name)
            continue
        where = shown(os.path.join(root, relative, name))
        faults.add(f"{where}: a name with a tab or a line's end cannot stand in a list: rename it")
    return fit


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


def files(
    root: str, wanted: tuple[str, ...], recursive: bool, found: Scan, *, hidden: bool = False
) -> Iterator[str]:
    """The same files one by one: their paths below the root."""
    for relative, names in folders(root, wanted, recursive, found, hidden=hidden):
        for name in names:
            yield os.path.join(relative, name)


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
