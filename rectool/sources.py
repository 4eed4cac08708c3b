"""What is packed, in the order of packing: image files of a list, or records of `.rec` files.

A source lives in the parent process. Of each image or record it gives a *sample*, a small tuple
that is sent to a worker; there the source's maker turns samples into records.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from .format import (
    HEADER_SIZE,
    MAX_RECORD,
    CorruptError,
    HeaderError,
    ImageError,
    IRHeader,
    LimitError,
    ListError,
    RecordError,
    RecordReader,
    StrPath,
    TruncatedError,
    data,
    face_ranges,
    locate,
    map_file,
    pack,
    pack_raw,
    payload_start,
    plural,
    shown,
    unindexed,
    with_id,
)
from .listing import HeaderFields, ImageList, Numbers, digest_of, parse_line, shuffled_order
from .sniffing import check_complete, format_of

RAW_ENDING = ".bin"
"""The ending of a file that holds a record's payload which is no image, or nothing."""

Maker = Callable[[Any], bytes]
SourceType = TypeVar("SourceType", bound="Source")


class Treatment(Protocol):
    """What is done to an encoded image on its way into a record."""

    def apply(self, data: bytes) -> bytes:
        """The bytes to store. Raises ImageError, saying why, where there are none."""


@dataclass(frozen=True)
class Copy:
    """The bytes as they are, once they are known to be a whole image.

    For that `check` "end" follows lengths to the end marker, "pixels" decodes; "nothing" looks at
    nothing. Files that end in `.bin` are never checked: `unpack` writes payloads so that are no
    image.
    """

    check: Literal["nothing", "end", "pixels"] = "end"

    def apply(self, data: bytes) -> bytes:
        if self.check == "pixels":
            from .imaging import check_decodes  # noqa: PLC0415 - mostly there is no need

            check_decodes(data)
        elif self.check == "end":
            check_complete(data)
        return data


class Place(NamedTuple):
    """Where a sample comes from: a file; its line in the list, or the record's byte offset."""

    path: str
    line: int | None
    offset: int | None


class Source(ABC):
    """Samples with their records' `keys`, an int64 array of shape (samples,); `name` of a file."""

    keys: Numbers
    name: str

    def __len__(self) -> int:
        return len(self.keys)

    @abstractmethod
    def take(self: SourceType, order: Numbers | slice) -> SourceType:
        """Some of the samples, or all in another order."""

    def shuffled(self: SourceType, seed: int) -> SourceType:
        """All samples in the order of Python's `random.shuffle`, as im2rec.py shuffles a list."""
        return self.take(shuffled_order(len(self), seed))

    def part(self: SourceType, number: int, count: int) -> SourceType:
        """Part `number` (from 0) of `count` even ones. Together they are the whole."""
        bounds = [len(self) * at // count for at in (number, number + 1)]
        return self.take(slice(*bounds))

    @abstractmethod
    def samples(self, positions: range) -> list[Any]:
        """Samples to send to a worker."""

    @abstractmethod
    def maker(self, treatment: Treatment) -> Maker:
        """The function, to be pickled or inherited by workers, that makes a record of a sample.

        It raises RecordError, OSError or ValueError where it cannot.
        """

    @abstractmethod
    def place(self, position: int) -> Place: ...

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """What makes this source, in its order, differ from others, under names for people."""


class Files(Source):
    """The images of a list, in files below the folder `root`.

    A record's key and id are the list's key; one label makes flag 0, several a label vector.
    `label_width` keeps the first so many labels. Raises ListError where a line has fewer.
    """

    def __init__(self, images: ImageList, root: StrPath, label_width: int | None = None) -> None:
        if label_width is not None:
            images.check_width(label_width)
        self.images = images
        self.root = os.fspath(root)
        self.label_width = label_width
        self.keys = images.keys
        self.name = images.name

    def take(self, order: Numbers | slice) -> Files:
        return Files(self.images.take(order), self.root, self.label_width)

    def samples(self, positions: range) -> list[FileSample]:
        lines = self.images.lines(positions)
        headers = self.images.headers
        if not headers:
            return [(line, None) for line in lines]
        keys = self.keys[positions.start : positions.stop].tolist()
        return [(line, headers.get(key)) for line, key in zip(lines, keys, strict=True)]

    def maker(self, treatment: Treatment) -> _FileMaker:
        return _FileMaker(self.root, treatment, self.label_width)

    def place(self, position: int) -> Place:
        path = os.path.join(self.root, self.images[position].path)
        return Place(path, self.images.line_number(position), None)

    def identity(self) -> dict[str, str]:
        return {
            "the list": self.images.digest(),
            "--root": os.path.abspath(self.root),
            "--label-width": str(self.label_width),
        }


FileSample = tuple[bytes, HeaderFields | None]


@dataclass(frozen=True)
class _FileMaker:
    root: str
    treatment: Treatment
    label_width: int | None

    def __call__(self, sample: FileSample) -> bytes:
        line, header = sample
        key, labels, path = parse_line(line)
        payload = _read(os.path.join(self.root, path))
        if not (isinstance(self.treatment, Copy) and path.endswith(RAW_ENDING)):
            payload = self.treatment.apply(payload)
        labels = labels[: self.label_width]
        if header is not None and self.label_width is None:
            return _with_header(header, labels) + payload
        if len(labels) == 1:
            return pack_raw(0, labels[0], key, 0) + payload
        return pack(IRHeader(0, labels, key, 0), payload)


def _with_header(header: HeaderFields, labels: tuple[float, ...]) -> bytes:
    if header.flag == 0 and len(labels) == 1:
        return pack_raw(0, labels[0], header.id, header.id2)
    if header.flag != len(labels):
        raise ListError(f"{plural(len(labels), 'label')}, but its #header line says {header.flag}")
    values = pack(IRHeader(0, labels, 0, 0), b"")[HEADER_SIZE:]
    return pack_raw(header.flag, header.label, header.id, header.id2) + values


_READING = os.O_RDONLY
for _name in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK"):  # the last: a pipe must not keep us waiting
    _READING |= getattr(os, _name, 0)


def _read(path: str) -> bytes:
    """A file's bytes. Half the time of `open` and `read`, which counts for many small files."""
    fd = os.open(path, _READING)
    try:
        state = os.fstat(fd)
        if stat.S_ISDIR(state.st_mode):
            raise ImageError("a folder")
        if not stat.S_ISREG(state.st_mode):
            raise ImageError("no regular file")
        if state.st_size > MAX_RECORD:
            size = state.st_size
            raise LimitError(f"{size} bytes, and a record holds less than {MAX_RECORD + 1}")
        content = os.read(fd, state.st_size + 1)
        if len(content) != state.st_size:  # it changes, or came in pieces
            pieces = [content]
            while pieces[-1] and sum(map(len, pieces)) <= MAX_RECORD:
                pieces.append(os.read(fd, 1 << 20))
            content = b"".join(pieces)
    finally:
        os.close(fd)
    return content


class Records(Source):
    """The records of `.rec` files one after the other, each file in the order of its `.idx`.

    Keys and headers stay as they are. `images_only` leaves out records whose payload is no image
    of a known format; `left_out` counts them. `renumber` gives fresh keys, 0, 1, 2, ..., and ids.
    `unindexed` counts the records of each file that are not in its `.idx`, and so not here.

    Raises what RecordReader does, and RecordError where two records have one key, or where
    `renumber` would make the records of InsightFace's data sets wrong that name keys.
    """

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
