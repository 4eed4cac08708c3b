"""Reading `.rec` files, by position and by key."""

from __future__ import annotations

import functools
import operator
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import (
    CorruptError,
    HeaderError,
    KeyNotFoundError,
    RecordError,
    StrPath,
    TruncatedError,
)
from .check_ids import check_ids
from .header_arrays import Headers
from .index import Index, join_indexes
from .key_table import KeyTable
from .read_headers import max_frame_sizes, read_headers, read_labels
from .record_file import RecordFile, idx_of_each, open_pair, paths_of
from .recovery import DamagedRegion, OnDamage

_BLOCK = 1 << 18  # records whose headers are read at once
_Path = TypeVar("_Path", str, str | None)


class RecordReader(Sequence[bytes]):
    """The records of a `.rec` file: a sequence of bytes.

    `reader[i]` is a record, `reader[a:b]` a list of records. The order is that of the `.idx`, or of
    the file where there is none. Threads, and processes forked or spawned, may share a reader. It
    pickles as its absolute paths.

    Args:
        path: The `.rec` file, or several, which are read as one sequence in the order given.
        idx: The path of each `.idx`; True takes the one beside the `.rec`, if there is one; False
            takes none, and finds the records by reading the whole file once.
        mapped: Whether the file is mapped into memory. A mapped file that is cut while it is read
            ends the process (SIGBUS). False reads by position: slower, but then that is an OSError.
            Files that cannot be mapped are read by position, too.
        on_damage: A function that gets each DamagedRegion; the reader goes on at the next record.
            None raises an error instead. Without a `.idx` all regions are met on opening;
            iteration skips indexed records that are damaged.

    Attributes:
        keys: The keys of the records, int64, (records,), read-only.
        offsets: Where each record begins in its file, in bytes, int64, (records,), read-only.
        key_source: Where the keys come from: "idx"; without a `.idx` "id", the records' ids, if all
            are image records and their ids differ, or else "position"; "mixed" for several files
            with different sources.
        paths: The paths of the files. `path` and `idx_path` exist for one file only.
        starts: Records of paths[n] have the positions starts[n] to starts[n + 1] - 1.

    Raises:
        OSError: A file cannot be read.
        IndexFileError: A `.idx` is malformed, or does not belong to its `.rec`.
        CorruptError: A record is damaged: on opening the last one of an index, or any one of a file
            without index; otherwise the record that is read.
        TruncatedError: The file ends inside a record.
        ValueError: There is no path, or the reader is closed.

    Example:
        >>> with RecordReader("out.rec") as reader:
        ...     header, image = unpack(reader[0])
        ...     header, image = unpack(reader.by_key(7))
    """

    def __init__(
        self,
        path: StrPath | Sequence[StrPath],
        idx: StrPath | Sequence[StrPath] | bool = True,
        *,
        mapped: bool = True,
        on_damage: OnDamage | None = None,
    ) -> None:
        self.paths = paths_of(path)
        given = idx if isinstance(idx, bool) else paths_of(idx)
        self._files: list[RecordFile] = []
        self._mapped = mapped
        self._on_damage = on_damage
        indexes = []
        try:
            for rec, idx_path in zip(self.paths, idx_of_each(self.paths, given), strict=True):
                file, index = open_pair(rec, idx_path, mapped=mapped, on_damage=on_damage)
                self._files.append(file)
                indexes.append(index)
        except BaseException:
            self.close()
            raise
        self.idx_paths = tuple(file.idx_path for file in self._files)
        self._reopened_by = (
            tuple(map(os.path.abspath, self.paths)),
            (given if isinstance(given, bool) else tuple(map(os.path.abspath, given))),
        )
        (self.keys, self.offsets, self.key_source), self.starts = join_indexes(indexes)
        self._sizes = [len(file.buffer) for file in self._files]
        self._in_order = [  # offsets that were found in the file itself prove nothing of lengths
            file.idx_path is not None and bool((index.offsets[1:] > index.offsets[:-1]).all())
            for file, index in zip(self._files, indexes, strict=True)
        ]
        self._only_in_order = self._files[0] if self._in_order == [True] else None
        self.keys.flags.writeable = self.offsets.flags.writeable = False

    @property
    def path(self) -> str:
        return self._only(self.paths, "path")

    @property
    def idx_path(self) -> str | None:
        """The `.idx` that was read, None if none was."""
        return self._only(self.idx_paths, "idx_path")

    def _only(self, values: tuple[_Path, ...], name: str) -> _Path:
        if len(values) > 1:
            raise AttributeError(f"a reader of {len(values)} files has no {name}, only {name}s")
        return values[0]

    @property
    def name(self) -> str:
        """What messages call the reader: its file, or the first of them "and 3 more"."""
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return self.paths[0] + more

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, position: int) -> bytes: ...
    @overload
    def __getitem__(self, position: slice) -> list[bytes]: ...
    def __getitem__(self, position: int | slice) -> bytes | list[bytes]:
        if isinstance(position, slice):
            return [self[at] for at in range(len(self))[position]]
        offsets, file = self.offsets, self._only_in_order
        if file is not None and 0 <= position < len(offsets) - 1:
            return file.read(offsets.item(position), offsets.item(position + 1))
        shard = self.shard(position)
        position = operator.index(position) % len(offsets)
        return self._files[shard].read(offsets.item(position), self._end(position, shard))

    def _end(self, position: int, shard: int) -> int | None:
        """Where the next record begins, None without an index or where that has another order."""
        if not self._in_order[shard]:
            return None
        behind = position + 1
        return self._sizes[shard] if behind == self.starts[shard + 1] else self.offsets.item(behind)

    def shard(self, position: int) -> int:
        """The number of the file, in `paths`, that has the record at this position."""
        size = len(self.offsets)
        if not -size <= position < size:
            raise IndexError(f"{self.name}: there are {size} records, got the position {position}")
        if len(self._files) == 1:
            return 0
        return bisect_right(self.starts, position % size) - 1

    def __iter__(self) -> Iterator[bytes]:
        if self._on_damage is not None:
            yield from self._whole_records(self._on_damage)
            return
        for position in range(len(self)):
            yield self[position]

    def _whole_records(self, on_damage: OnDamage) -> Iterator[bytes]:
        for position in range(len(self)):
            try:
                record = self[position]
            except (CorruptError, TruncatedError) as error:
                on_damage(self.region(position, error))
                continue
            yield record

    def region(self, position: int, error: RecordError) -> DamagedRegion:
        """The bytes that are lost with a damaged record; `error` is what reading it raised."""
        return self._files[self.shard(position)].region(error, self.offsets.item(position))

    def at(self, offset: int, shard: int | None = None) -> bytes:
        """The record whose first frame begins at this byte: of paths[shard], if there are several.

        Raises ValueError where there are several files and none is chosen, and for an offset below
        0; IndexError for a shard that there is not.
        """
        count = len(self._files)
        if shard is None and count > 1:
            raise ValueError(f"shard= must say which of {count} files has the byte {offset}")
        number, at = operator.index(shard or 0), operator.index(offset)
        if at < 0:
            raise ValueError(f"offset must be 0 or more, got {at}")
        if not 0 <= number < count:
            raise IndexError(f"shard must be 0 to {count - 1}, got {number}")
        return self._files[number].read(at)

    def view(self, position: int) -> memoryview:
        """The record at a position, its bytes not copied unless it has several parts.

        For reading a header without touching the image behind it. The view keeps the file mapped.
        """
        shard = self.shard(position)
        position = operator.index(position) % len(self.offsets)
        return self._files[shard].view(self.offsets.item(position), self._end(position, shard))

    def headers(self, positions: ArrayLike | None = None) -> Headers:
        """The headers of all image records, or of those at these positions (not negative).

        In columns, and far faster than unpacking each; what is behind the headers is not touched.
        Raises HeaderError, with the record's offset, where one is no image record; for positions
        that there are not IndexError.
        """
        chosen = self._chosen(positions)
        headers = Headers.empty(len(self) if chosen is None else len(chosen))
        for file, part, offsets in self._blocks(chosen):
            headers.put(part, read_headers(file, offsets))
        return headers

    def labels(
        self, positions: ArrayLike | None = None, width: int | None = None
    ) -> NDArray[np.float32]:
        """The labels of all image records, or of those at these positions (not negative).

        An array of shape (records,) where each has one label, or (records, width) where each has as
        many. With a `width`, 1 or more, only the first so many of each, whatever more there are.
        Raises HeaderError where their numbers differ, or are below the width; and as `headers`
        does.
        """
        if width is not None and operator.index(width) < 1:
            raise ValueError(f"width must be 1 or more, got {width}")
        chosen = self._chosen(positions)
        headers = self.headers(chosen)
        widths = headers.widths
        first = (int(widths[0]) if len(widths) else 1) if width is None else operator.index(width)
        wrong = np.flatnonzero(widths != first if width is None else widths < first)
        if len(wrong):
            self._refuse_widths(widths, int(wrong[0]), chosen, width)
        labels = np.empty((len(widths), first), np.float32)
        own, several = np.flatnonzero(headers.flags == 0), np.flatnonzero(headers.flags)
        labels[own, 0] = headers.labels[own]
        for file, part, offsets in self._blocks(several if chosen is None else chosen[several]):
            labels[several[part]] = read_labels(file, offsets, first)
        return labels[:, 0] if first == 1 else labels

    def _chosen(self, positions: ArrayLike | None) -> NDArray[np.int64] | None:
        """Positions as an array. Raises IndexError for those that there are not."""
        if positions is None:
            return None
        chosen = np.asarray(positions)
        if (chosen.size and chosen.dtype.kind not in "iu") or chosen.ndim != 1:
            raise TypeError("positions must be a list or a flat array of whole numbers")
        chosen = chosen.astype(np.int64)
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(self):
            raise IndexError(f"{self.name}: positions must be 0 to {len(self) - 1}")
        return chosen

    def _refuse_widths(
        self,
        widths: NDArray[np.uint32],
        wrong: int,
        positions: NDArray[np.int64] | None,
        wanted: int | None,
    ) -> None:
        """Raises HeaderError for the number of labels of the record at `wrong`."""
        key, first = (
            int(self.keys[at if positions is None else positions[at]]) for at in (wrong, 0)
        )
        what = f"records with different numbers of labels: {widths[0]} with the key {first},"
        if wanted is not None:
            what = f"fewer labels than the {wanted} that are to be read:"
        raise HeaderError(f"{what} {widths[wrong]} with the key {key}", path=self.name)

    def max_frame_sizes(self) -> NDArray[np.int64]:
        """The bytes from each record to the next: no record is longer, and none is read for it."""
        parts = [
            max_frame_sizes(self.offsets[part], len(file.buffer)) for file, part in self._parts()
        ]
        return np.concatenate(parts)

    def _parts(self) -> Iterator[tuple[RecordFile, slice]]:
        """Each file, and where its records are among all."""
        return zip(self._files, map(slice, self.starts, self.starts[1:]), strict=False)

    def _blocks(
        self, positions: NDArray[np.int64] | None
    ) -> Iterator[tuple[RecordFile, slice | NDArray[np.int64], NDArray[np.int64]]]:
        """The positions in blocks, each of one file: where they are among them, their offsets."""
        order, offsets, bounds = None, self.offsets, self.starts
        if positions is not None:
            order = positions.argsort(kind="stable")
            ordered = positions[order]
            bounds = tuple(ordered.searchsorted(self.starts).tolist())
            offsets = self.offsets[ordered]
        for file, begin, end in zip(self._files, bounds, bounds[1:], strict=False):
            for first in range(begin, end, _BLOCK):
                block = slice(first, min(first + _BLOCK, end))
                yield file, block if order is None else order[block], offsets[block]

    def by_key(self, key: int) -> bytes:
        """The record with this key (the last, of several). Raises KeyNotFoundError."""
        return self[self.position(key)]

    def position(self, key: int) -> int:
        """The position of the record with this key (the last, of several), or KeyNotFoundError."""
        found = self._key_table.find(operator.index(key))
        if found is None:
            raise KeyNotFoundError(f"no record has the key {key}", path=self.name)
        return found

    @cached_property
    def _key_table(self) -> KeyTable:
        return KeyTable(self.keys)

    def unindexed(self) -> tuple[int, ...]:
        """How many records of each file its index leaves out.

        Raises CorruptError or TruncatedError where a file holds anything else, and IndexFileError
        where an index names a place without a record; `on_damage` is given what is damaged instead.
        """
        return tuple(
            file.unindexed(self.offsets[part], self._on_damage)
            if file.idx_path is not None or self._on_damage is None
            else 0
            for file, part in self._parts()
        )

    def check_ids(self) -> None:
        """Raises IndexFileError where an index gives keys the records of other keys.

        The records' ids tell, where they are the same numbers as the keys, in another order.
        """
        for file, part in self._parts():
            source: Literal["idx", "id"] = "id" if file.idx_path is None else "idx"
            index = Index(self.keys[part], self.offsets[part], source)
            check_ids(index, file.buffer, file.path, file.idx_path)

    def close(self) -> None:
        """Unmaps the files (each once the last view of it is gone). A second call does nothing."""
        for file in self._files:
            file.close()

    def __enter__(self) -> RecordReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        opened = functools.partial(type(self), mapped=self._mapped, on_damage=self._on_damage)
        return (opened, self._reopened_by)

    def __repr__(self) -> str:
        return f"RecordReader({self.name!r}: {len(self)} records)"
