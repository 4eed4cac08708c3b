"""What a list is made of: images found, what there is to say of them, and where they go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

from ..errors import ArgumentError, RecordError, StrPath, plural, shown
from ..system.atomic import AtomicFile
from ..system.open_regular import holds
from ..system.replacing import CLASSES, check_free, check_outputs
from .classes import class_table, read_classes
from .scan import EXTS, Scan, hidden_text, scan
from .split import shuffled

_MOST_NAMED = 20

Say = Callable[[str], None]


def scan_folder(
    root: StrPath,
    *,
    recursive: bool = True,
    exts: Iterable[str] = (),
    hidden: bool = False,
    shuffle: bool = True,
    seed: int = 100,
    classes: StrPath | None = None,
    classes_out: StrPath | BinaryIO | None = None,
    strict: bool = False,
    only: StrPath | None = None,
    say: Say,
) -> Scan:
    """What a folder holds, its images in their final order.

    Raises ListError where an image cannot be listed and that is `strict`.
    """
    if (classes or classes_out) and not recursive:
        option = "classes" if classes else "classes_out"
        raise ArgumentError(f"{{{option}}} does not go with {{recursive}}")
    table = read_classes(classes) if classes else None
    found = scan(root, recursive=recursive, exts=tuple(exts) or EXTS, classes=table, hidden=hidden)
    if only:
        from .annotations.name_filter import NameFilter  # noqa: PLC0415 - folders need no annotations

        names = NameFilter(only)
        found.images = names.keep(found.images, found.faults)
        for remark in names.remarks:
            say(remark)
    if strict:
        found.faults.check(root)
    if shuffle:
        found.images = shuffled(found.images, seed)
    return found


def remark_on(found: Scan, source: StrPath, say: Say, fault: Say) -> tuple[str, ...]:
    """Says what was passed over, and what is wrong in the source; returns the latter."""
    for ending, count in sorted(found.left_out.items()):
        say(f"left out: {plural(count, 'file')} ending in {ending} (--exts names what is taken)")
    if found.hidden:
        example = shown(found.hidden_example)
        say(f"left out: {hidden_text(found.hidden)}, e.g. {example} (--hidden takes them)")
    faults = tuple(found.faults.text(source).split("\n")) if found.faults else ()
    for line in faults:
        fault(line)
    loop = "links back to a folder above it"
    fold([f"left out: {shown(path)}, which {loop}" for path in found.loops], say)
    return faults


def fold(lines: Sequence[str], say: Say) -> None:
    """Says the first lines of a kind, and how many more there are."""
    for line in lines[:_MOST_NAMED]:
        say(line)
    if len(lines) > _MOST_NAMED:
        say(f"and {len(lines) - _MOST_NAMED} more like these")


def named(target: StrPath | BinaryIO | None) -> str | None:
    """The name of a file to write; None for a stream, and where nothing is written."""
    return os.fspath(target) if isinstance(target, str | os.PathLike) else None


def check_lists(
    outputs: Sequence[str],
    classes_out: StrPath | BinaryIO | None,
    inputs: Iterable[StrPath | None],
    *,
    force: bool,
) -> None:
    """Raises ArgumentError, RecordError or FileExistsError where these cannot be written."""
    table = named(classes_out)
    tables = [table] if table else []
    try:
        check_outputs([*outputs, *tables])
    except RecordError:
        if tables:
            raise ArgumentError("{classes_out} {0} is the name of another output", table) from None
    check_outputs([*outputs, *tables], filter(None, inputs))
    for path in outputs:
        check_free(path, force=force)
    for path in tables:
        check_free(path, force=force, kind=CLASSES)


def write_classes(
    found: Scan, classes_out: StrPath | BinaryIO | None, *, force: bool, resume: bool = False
) -> None:
    """The class table, where it was asked for: last, when all else went well."""
    if not classes_out:
        return
    table, path = class_table(found.classes), named(classes_out)
    if path is None:
        classes_out.write(table)  # type: ignore[union-attr]
        return
    if resume and holds(path, table):
        return
    with AtomicFile(path, kind=CLASSES, force=force) as output:
        output.write(table)
