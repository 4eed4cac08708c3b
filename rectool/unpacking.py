"""The images of a `.rec` as files, and a `.lst` that packs them back."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .filing import RAW_ENDING
from .format import (
    IRHeader,
    Output,
    RecordError,
    RecordReader,
    ShardSet,
    StrPath,
    label_list,
    pack,
    raw_fields,
    shown,
    unpack,
)
from .listing import (
    Entry,
    HeaderFields,
    ImageList,
    format_header_line,
    format_line,
    raise_faults,
)
from .sniffing import ENDINGS, format_of


@dataclass(frozen=True)
class UnpackResult:
    """What `unpack_records` wrote: images, payloads that are no image (`raw`), and the list.

    `unnamed` counts records that the list with names does not know, `misnamed` files whose ending
    is another format's, `unindexed` records that the `.idx` leaves out: they were not written.
    """

    lst: str
    images: int
    raw: int
    unnamed: int
    misnamed: int
    unindexed: int


def unpack_records(
    rec: StrPath | ShardSet,
    folder: StrPath,
    *,
    names: ImageList | None = None,
    force: bool = False,
    on_progress: Callable[[int], None] = lambda records: None,
) -> UnpackResult:
    """Writes each record's payload to a file in `folder`, and a `.lst` of them with REC's name.

    `rec` is a file, or the shards of a set as one; the `.lst` then has the set's name.

    Files are named by key and format (`7.jpg`; `.bin` for a payload that is no image), or as the
    entry of that key in `names` says. Packing the list with pass-through gives the same `.rec` and
    `.idx`: where a header has fields that a list has no column for, `#header` lines keep them.
    `on_progress` is called after each record with the number of all.

    Raises FileExistsError where the folder holds anything and `force` is false; ListError for names
    that lead out of the folder or occur twice; RecordError, naming the key, for a record that is no
    image record, a key that occurs twice, or missing shards; and as RecordReader does. What was
    written before an error stays, but the list is only written last.
    """
    folder = os.fspath(folder)
    paths, stem = _sources(rec)
    with RecordReader(paths) as reader:
        known = {} if names is None else _checked_names(names, stem + ".lst")
        _check_keys(reader)
        target = _Folder(folder, [*reader.paths, *reader.idx_paths], force=force)
        taken = {os.path.normpath(name) for name in known.values()}
        counts = {"images": 0, "raw": 0, "unnamed": 0, "misnamed": 0}
        counts["unindexed"] = reader.unindexed()
        with Output(os.path.join(folder, stem + ".lst"), force=force) as lst:
            for position, key in enumerate(reader.keys.tolist()):
                record, path = reader[position], paths[reader.shard(position)]
                try:
                    header, payload = unpack(record)
                except RecordError as error:
                    error.path, error.offset = path, int(reader.offsets[position])
                    error.message = f"key {key}: {error.message}"
                    raise
                ending = ENDINGS.get(format_of(payload) or "", RAW_ENDING)
                name = known.get(key)
                counts["images" if ending != RAW_ENDING else "raw"] += 1
                counts["unnamed"] += name is None and names is not None
                if name is None or (ending == RAW_ENDING and not name.endswith(RAW_ENDING)):
                    name = f"{key}{ending}"
                    if name in taken:
                        raise RecordError(
                            f"key {key}: {name} is the list's name for another record", path=path
                        )
                else:
                    counts["misnamed"] += not _is_ending_of(name, ending)
                target.write(name, payload)
                lst.write(_lines(Entry(key, tuple(label_list(header.label)), name), record))
                on_progress(len(reader))
    return UnpackResult(lst.path, **counts)


def _sources(rec: StrPath | ShardSet) -> tuple[tuple[str, ...], str]:
    """The files, and the name of the list without its ending."""
    if not isinstance(rec, ShardSet):
        return (os.fspath(rec),), os.path.splitext(os.path.basename(rec))[0]
    missing = rec.missing()
    if missing is not None:
        raise missing
    return rec.paths, os.path.basename(rec.prefix)


def _lines(entry: Entry, record: bytes) -> bytes:
    """The entry's line, behind a #header line where packing it would give another header."""
    labels = entry.labels
    plain = pack(IRHeader(0, labels if len(labels) > 1 else labels[0], entry.key, 0), b"")
    if record.startswith(plain):
        return format_line(entry)
    return format_header_line(entry.key, HeaderFields(*raw_fields(record))) + format_line(entry)


_SAME_ENDING = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}


def _is_ending_of(name: str, ending: str) -> bool:
    has = os.path.splitext(name)[1].lower()
    return _SAME_ENDING.get(has, has) == ending


def _checked_names(names: ImageList, lst: str) -> dict[int, str]:
    """Names by key, all of them below the folder and different."""
    known: dict[int, str] = {}
    lines: dict[str, int] = {}
    faults: list[str] = []
    for position, entry in enumerate(names):
        line = names.line_number(position)
        path = os.path.normpath(entry.path)
        where = f"{shown(names.name)}:{line}:"
        leads_out = os.path.isabs(path) or path.split(os.sep)[0] == os.pardir
        if leads_out or os.path.splitdrive(path)[0] or path == os.curdir:
            faults.append(f"{where} {shown(entry.path)} leads out of the folder")
        if os.path.normcase(path) == os.path.normcase(lst):
            faults.append(f"{where} {shown(entry.path)} is the name of the list to be written")
        first = lines.setdefault(os.path.normcase(path), line)
        if first != line:
            faults.append(f"{where} {shown(entry.path)} is the name of line {first} already")
        known[entry.key] = entry.path
    raise_faults(faults, names.name)
    return known


def _check_keys(reader: RecordReader) -> None:
    """Raises RecordError for keys that a list cannot hold."""
    keys, counts = np.unique(reader.keys, return_counts=True)
    if len(keys) and keys[0] < 0:
        raise RecordError(f"key {keys[0]}: a list holds keys from 0", path=reader.name)
    if len(keys) != len(reader):
        repeated = keys[counts.argmax()]
        raise RecordError(
            f"key {repeated} occurs {counts.max()} times, and one file bears its name",
            path=reader.name,
        )


class _Folder:
    """Where the files go. Links that lead out of it are not followed."""

    def __init__(self, path: str, sources: Sequence[str | None], *, force: bool) -> None:
        if not force and os.path.isdir(path) and os.listdir(path):
            raise FileExistsError(errno.EEXIST, "this folder is not empty", path)
        os.makedirs(path, exist_ok=True)
        self._path = path
        self._real = os.path.realpath(path)
        self._inside = {""}
        self._sources = {os.path.basename(source): source for source in sources if source}

    def write(self, name: str, payload: bytes) -> None:
        """The payload as a file, whole or not at all, in place of whatever bore the name."""
        below, base = os.path.split(name)
        if below not in self._inside:
            self._enter(below)
        path = os.path.join(self._path, name)
        source = self._sources.get(base)
        if source is not None and os.path.exists(path) and os.path.samefile(source, path):
            raise RecordError("a file to be written would replace what is being read", path=path)
        temporary = os.path.join(self._path, ".unpack.tmp")
        try:
            if os.path.lexists(temporary):  # a killed run's
                os.unlink(temporary)
            with open(temporary, "xb") as file:
                file.write(payload)
            os.replace(temporary, path)
        except BaseException as error:
            if os.path.lexists(temporary):
                os.unlink(temporary)
            if isinstance(error, OSError):
                raise type(error)(
                    error.errno, f"cannot be written: {error.strerror}", path
                ) from None
            raise

    def _enter(self, below: str) -> None:
        path = os.path.join(self._path, below)
        real = os.path.realpath(path)
        if os.path.commonpath([self._real, real]) != self._real:
            raise RecordError(
                "a link leads out of the folder here; nothing is written through it", path=path
            )
        os.makedirs(path, exist_ok=True)
        self._inside.add(below)
