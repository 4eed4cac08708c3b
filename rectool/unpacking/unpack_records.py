"""The images of a `.rec` as files, and a `.lst` that packs them back."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import CorruptError, HeaderError, RecordError, StrPath, TruncatedError, plural
from ..format.check_index import missing_error
from ..format.header import unpack
from ..format.reader import RecordReader
from ..format.shard_manifest import wrong_sizes
from ..format.shard_names import ShardSet
from ..imaging.image_files import RAW_ENDING
from ..imaging.probe import ENDINGS, format_of
from ..listing.lst import ImageList
from ..system.replacing import check_free
from .file_names import ListedNames, listed_names, slot
from .folder import Folder
from .list_lines import fits_a_line, lines_of

OnDamage = Callable[[RecordError], None]


@dataclass(frozen=True)
class UnpackResult:
    """What `unpack_records` wrote: images, payloads that are no image (`raw`), and the list.

    `rec` is the file that was read, or for a set a pattern.
    `unnamed` counts records that the list with names does not know, `unknown` keys of that list
    that no record has, `respelled` its names with backslashes, taken for folders; `misnamed` files
    whose ending is another format's, `unindexed` records that the `.idx` leaves out: they were not
    written. `damaged` counts records that are damaged, or no image records, and were not written.
    `masks` is the same of masks that were unpacked too.
    """

    rec: str
    lst: str
    images: int
    raw: int
    unnamed: int
    misnamed: int
    unindexed: int
    unknown: int
    respelled: int
    damaged: int
    masks: UnpackResult | None = None


def unpack_records(
    rec: StrPath | ShardSet,
    folder: StrPath,
    *,
    names: ImageList | None = None,
    force: bool = False,
    on_damage: OnDamage | None = None,
    on_progress: Callable[[int], None] = lambda records: None,
) -> UnpackResult:
    """Writes each record's payload to a file in `folder`, and a `.lst` of them with REC's name.

    `rec` is a file, or the shards of a set as one; the `.lst` then has the set's name.

    Files are named by key and format (`7.jpg`; `.bin` for a payload that is no image), or as the
    entry of that key in `names` says. Packing the list with pass-through gives the same `.rec` and
    `.idx`: where a header has fields that a list has no column for, `#header` lines keep them.
    `on_progress` is called after each record with the number of all.

    With `on_damage` what is whole in a damaged file is written, and it is given an error for each
    record that is not: damaged, or no image record, and for what else is wrong with the file.

    Nothing is written outside of `folder`, whatever names and links say, and no file replaced that
    was written by the same call or is read.

    Raises FileExistsError where the folder holds anything and `force` is false; ListError for names
    that lead out of the folder, occur twice or cannot be a file's; RecordError, naming the key, for
    a record that is no image record, a key that occurs twice, or missing shards, and where another
    process unpacks into the folder; and as RecordReader does. What was written before an error
    stays, but the list is only written last.
    """
    with (
        Unpacking(rec, names, on_damage) as files,
        Target(files, os.fspath(folder), files.sources, force=force) as target,
    ):
        for position in range(len(files.reader)):
            found = files.take(position)
            if found is not None:
                target.write(*found)
            on_progress(len(files.reader))
        files.check_some(target)
        target.finish()
        return target.publish()


class FileName(NamedTuple):
    """The name of a record's file below the folder, and its format's ending.

    `known` says whether a list has the record, `used` whether the name is that of the list.
    """

    name: str
    ending: str
    known: bool
    used: bool


class Taken(NamedTuple):
    """A record, and the file that its payload becomes."""

    key: int
    record: bytes
    file: FileName


class Unpacking:
    """The records of a file or a set, and the names of the files that they become.

    Opened and checked, so far as that does without going through all records. With `alone` no two
    names may be the same but for their endings. `name` is that of the file or the set, `sources`
    are the files that are read. `on_damage` is `unpack_records`', `damaged` counts records.
    """

    def __init__(
        self,
        rec: StrPath | ShardSet,
        names: ImageList | None = None,
        on_damage: OnDamage | None = None,
        *,
        alone: bool = False,
    ) -> None:
        paths, self.stem = _sources(rec)
        self.name = rec.name if isinstance(rec, ShardSet) else os.fspath(rec)
        self._alone = alone
        self._on_damage = on_damage
        self.damaged = 0
        self.reader = _open(paths, on_damage)
        self.sources = [*paths, *self.reader.idx_paths]
        if names is not None and os.path.isfile(names.name):
            self.sources.append(names.name)
        try:
            lst = self.stem + ".lst"
            listed = ListedNames({}, 0) if names is None else listed_names(names, lst, alone=alone)
            self._known, self.respelled = listed
            self.unknown = 0 if names is None else len(np.setdiff1d(names.keys, self.reader.keys))
            _check_keys(self.reader)
            self.reader.check_ids()
            self.unindexed = self._unindexed()
        except BaseException:
            self.reader.close()
            raise
        self._taken = {slot(name, alone) for name in self._known.values()}
        self.has_names = names is not None

    def _unindexed(self) -> int:
        """How many records the indexes leave out, which is damage too."""
        missing = self.reader.unindexed()
        if self._on_damage is not None:
            for count, idx in zip(missing, self.reader.idx_paths, strict=True):
                if count:
                    self._on_damage(missing_error(count, idx))
        return sum(missing)

    def __enter__(self) -> Unpacking:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    def take(self, position: int) -> Taken | None:
        """A record and its file; None for one that is damaged, where that is no error.

        Raises RecordError also where the name is another record's.
        """
        key = int(self.reader.keys[position])
        try:
            record = self.reader[position]
            return Taken(key, record, self._file(position, key, record))
        except (CorruptError, TruncatedError, HeaderError) as error:
            if self._on_damage is None:
                raise
            self.damaged += 1
            is_whole = isinstance(error, HeaderError)
            self._on_damage(error if is_whole else self.reader.region(position, error).error())
            return None

    def file_name(self, position: int) -> FileName:
        """The name of a record's file. Raises RecordError as `take`, and for damage."""
        return self._file(position, int(self.reader.keys[position]), self.reader.view(position))

    def check_some(self, target: Target) -> None:
        """Raises RecordError where records were damaged and none was written."""
        if self.damaged and not target.written:
            raise RecordError(
                f"none of {plural(len(self.reader), 'record')} could be unpacked", path=self.name
            )

    def _file(self, position: int, key: int, record: bytes | memoryview) -> FileName:
        try:
            header, payload = unpack(memoryview(record))
            if not fits_a_line(header):
                raise HeaderError(
                    f"{header.flag} labels are too many for a line of a list (rectool pack keeps"
                    " them)"
                )
        except RecordError as error:
            offset = int(self.reader.offsets[position])
            path = self._path(position)
            raise error.located(path=path, offset=offset, prefix=f"key {key}: ") from None
        ending = ENDINGS.get(format_of(payload) or "", RAW_ENDING)
        known = self._known.get(key)
        if known is not None and (ending != RAW_ENDING or known.endswith(RAW_ENDING)):
            return FileName(known, ending, known=True, used=True)
        name = f"{key}{ending}"
        if slot(name, self._alone) in self._taken:
            but = ", but for its ending," if self._alone else ""
            raise RecordError(
                f"key {key}: {name} is{but} the list's name for another record",
                path=self._path(position),
            )
        return FileName(name, ending, known=known is not None, used=False)

    def _path(self, position: int) -> str:
        return self.reader.paths[self.reader.shard(position)]


class Target:
    """A folder that records are written to as files, and the list of them, published at the end.

    Nothing in it that is one of `sources` is replaced.
    """

    def __init__(
        self, files: Unpacking, folder: str, sources: Sequence[str | None], *, force: bool
    ) -> None:
        self._files = files
        self._counts = Counter[str]()
        lst = os.path.join(folder, files.stem + ".lst")
        if not os.path.islink(lst):  # links are replaced, whatever they lead to
            check_free(lst, force=True)  # of another kind
        self._folder = Folder(folder, sources, force=force, by_list=files.has_names)
        try:
            self._lst = self._folder.new_file(files.stem + ".lst")
        except BaseException:
            self._folder.close()
            raise

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._lst.discard()
        self._folder.close()

    @property
    def written(self) -> int:
        return self._counts["images"] + self._counts["raw"]

    def write(self, key: int, record: bytes, file: FileName) -> None:
        header, payload = unpack(record)
        self._folder.write(file.name, payload)
        self._lst.write(lines_of(key, header, file.name, record))
        self._counts["images" if file.ending != RAW_ENDING else "raw"] += 1
        self._counts["unnamed"] += self._files.has_names and not file.known
        self._counts["misnamed"] += file.used and not _is_ending_of(file.name, file.ending)

    def finish(self) -> None:
        """The list is on the disk when this returns, but has its name only once published."""
        self._lst.finish(sync=True)
        self._lst.check()

    def publish(self) -> UnpackResult:
        self._lst.publish()
        files = self._files
        return UnpackResult(
            files.name,
            self._lst.path,
            images=self._counts["images"],
            raw=self._counts["raw"],
            unnamed=self._counts["unnamed"],
            misnamed=self._counts["misnamed"],
            unindexed=files.unindexed,
            unknown=files.unknown,
            respelled=files.respelled,
            damaged=files.damaged,
        )


def _open(paths: tuple[str, ...], on_damage: OnDamage | None) -> RecordReader:
    if on_damage is None:
        return RecordReader(paths, mapped=False)
    reader = RecordReader(paths, mapped=False, on_damage=lambda region: on_damage(region.error()))
    if not len(reader):
        is_empty = not any(map(os.path.getsize, paths))
        reason = "the file is empty (0 bytes): it holds no records"
        raise RecordError(reason if is_empty else "none of its records is whole", path=reader.name)
    return reader


def _sources(rec: StrPath | ShardSet) -> tuple[tuple[str, ...], str]:
    """The files, and the name of the list without its ending."""
    if not isinstance(rec, ShardSet):
        return (os.fspath(rec),), os.path.splitext(os.path.basename(rec))[0]
    missing = rec.missing()
    if missing is not None:
        raise missing
    for problem in wrong_sizes(rec):
        raise problem
    return rec.paths, os.path.basename(rec.prefix)


_SAME_ENDING = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}


def _is_ending_of(name: str, ending: str) -> bool:
    has = os.path.splitext(name)[1].lower()
    return _SAME_ENDING.get(has, has) == ending


def _check_keys(reader: RecordReader) -> None:
    """Raises RecordError for keys that a list cannot hold."""
    keys, counts = np.unique(reader.keys, return_counts=True)
    if len(keys) and keys[0] < 0:
        raise RecordError(f"keys in a list must be 0 or more, got {keys[0]}", path=reader.name)
    if len(keys) != len(reader):
        repeated = keys[counts.argmax()]
        raise RecordError(
            f"key {repeated} occurs {counts.max()} times, and a file can hold one record",
            path=reader.name,
        )
