"""Records of `.rec` files as what is packed: merged, divided, shuffled, encoded anew."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from .format import (
    CorruptError,
    HeaderError,
    RecordError,
    RecordReader,
    StrPath,
    TruncatedError,
    data,
    face_ranges,
    locate,
    map_file,
    payload_start,
    plural,
    shown,
    unindexed,
    with_id,
)
from .listing import Numbers, digest_of
from .sniffing import format_of
from .sources import Copy, Place, Source, Treatment


class Records(Source):
    """The records of `.rec` files one after the other, each file in the order of its `.idx`.

    Keys and headers stay as they are. `images_only` leaves out records whose payload is no image
    of a known format; `left_out` counts them. `renumber` gives fresh keys, 0, 1, 2, ..., and ids.
    `unindexed` counts the records of each file that are not in its `.idx`, and so not here.

    Raises what RecordReader does, and RecordError where two records have one key, or where
    `renumber` would make the records of InsightFace's data sets wrong that name keys.
    """

    noun = "record"

    def __init__(
        self, recs: Sequence[StrPath], *, images_only: bool = False, renumber: bool = False
    ) -> None:
        self.paths = [os.fspath(rec) for rec in recs]
        self.name = self.paths[0]
        self.left_out = 0
        self.unindexed: dict[str, int] = {}
        keys, offsets, sizes = [], [], []
        for path in self.paths:
            with RecordReader(path) as reader:
                kept = self._kept(reader, images_only=images_only, renumber=renumber)
                keys.append(reader.keys[kept])
                offsets.append(reader.offsets[kept])
                sizes.append(_room(reader.offsets, os.path.getsize(path))[kept])
        self._file = np.repeat(np.arange(len(keys), dtype=np.int32), list(map(len, keys)))
        self._offsets = np.concatenate(offsets)
        self._sizes = np.concatenate(sizes)
        self.keys = np.concatenate(keys)
        self.renumbered = renumber
        if renumber:
            self.keys = np.arange(len(self.keys))
        else:
            self._check_keys()

    def _kept(self, reader: RecordReader, *, images_only: bool, renumber: bool) -> Numbers | slice:
        """Which of a file's records are packed."""
        missing, _ = unindexed(reader.offsets, map_file(reader.path))
        if missing:  # what is damaged is named when it is read
            self.unindexed[reader.path] = missing
        if images_only:
            kept = [at for at in range(len(reader)) if _holds_image(reader.view(at))]
            self.left_out += len(reader) - len(kept)
            return np.array(kept, np.int64)
        if renumber and len(reader) and face_ranges(reader.view(0)):
            raise RecordError(
                "an InsightFace data set, whose header names keys that --renumber would change;"
                " --images-only leaves the header out",
                path=reader.path,
            )
        return slice(None)

    def _check_keys(self) -> None:
        order = self.keys.argsort(kind="stable")
        in_order = self.keys[order]
        again = np.flatnonzero(in_order[1:] == in_order[:-1])
        if not len(again):
            return
        first, second = (self.place(int(order[again[0] + at])).path for at in (0, 1))
        others = f", and {plural(len(again) - 1, 'more key')} so" if len(again) > 1 else ""
        raise RecordError(
            f"key {in_order[again[0]]} is also that of a record of {shown(first)}{others}"
            " (--renumber gives fresh keys)",
            path=second,
        )

    def take(self, order: Numbers | slice) -> Records:
        taken = object.__new__(Records)
        taken.__dict__ = dict(self.__dict__)
        for name in ("keys", "_file", "_offsets", "_sizes"):
            setattr(taken, name, getattr(self, name)[order])
        return taken

    def samples(self, positions: range) -> list[RecordSample]:
        part = slice(positions.start, positions.stop)
        columns = (self._file, self._offsets, self._sizes, self.keys)
        return list(zip(*(column[part].tolist() for column in columns), strict=True))

    def maker(self, treatment: Treatment) -> _RecordMaker:
        return _RecordMaker(self.paths, treatment, self.renumbered)

    def place(self, position: int) -> Place:
        return Place(self.paths[self._file[position]], None, int(self._offsets[position]))

    def identity(self) -> dict[str, str]:
        digest = digest_of(self._file, self._offsets, self._sizes, self.keys)
        return {"the records": digest, "--renumber": str(self.renumbered)}


RecordSample = tuple[int, int, int, int]  # number of the file, byte offset, bytes at most, key


def _room(offsets: Numbers, size: int) -> Numbers:
    """The bytes from each record's start to the next one's, or to the file's end."""
    starts = np.append(np.unique(offsets), size)
    return starts[np.searchsorted(starts, offsets, side="right")] - offsets


def _is_image_record(record: bytes | memoryview) -> bool:
    try:
        return payload_start(record) > 0
    except HeaderError:
        return False


def _holds_image(record: bytes | memoryview) -> bool:
    return _is_image_record(record) and format_of(record[payload_start(record) :]) is not None


_FIRST_READ = 1 << 20


class _RecordMaker:
    """Reads by position, not through a mapping: a file that shrinks meanwhile is an error then,
    and not the end of the process.
    """

    def __init__(self, paths: list[str], treatment: Treatment, fresh_ids: bool) -> None:
        self._paths = paths
        self._treatment = treatment
        self._fresh_ids = fresh_ids
        self._files: dict[int, BinaryIO] = {}

    def __call__(self, sample: RecordSample) -> bytes:
        number, offset, room, key = sample
        record = self._record(number, offset, room)
        if self._treatment != Copy("nothing"):
            start = payload_start(record)
            if start < len(record):  # InsightFace's header and range records have no image
                record = record[:start] + self._treatment.apply(record[start:])
        return with_id(record, key) if self._fresh_ids and _is_image_record(record) else record

    def _record(self, number: int, offset: int, room: int) -> bytes:
        if number not in self._files:
            self._files[number] = open(self._paths[number], "rb", buffering=0)  # noqa: SIM115
        file = self._files[number]
        size = min(room, _FIRST_READ)
        while True:
            file.seek(offset)
            frames = file.read(size)
            try:
                return data(frames, locate(frames, 0))
            except TruncatedError as error:
                if size == room:
                    error.offset = None
                    raise
                size = min(room, 8 * size)
            except CorruptError as error:
                error.offset = None
                raise

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_files": {}}

    def __del__(self) -> None:
        for file in self._files.values():
            file.close()
