"""Records of `.rec` files as what is packed: merged, divided, shuffled, encoded anew."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import RecordError, StrPath, plural, shown
from ..format.check_ids import check_ids
from ..format.check_index import missing_error
from ..format.check_masks import check_keys
from ..format.face_sets import FaceFiles
from ..format.header import label_list, payload_start, unpack
from ..format.header_arrays import plain_headers
from ..format.index import Index
from ..format.read_headers import max_frame_sizes
from ..format.record_file import RecordFile, open_pair
from ..format.recovery import DamagedRegion
from ..listing.lst import Numbers, digest_of
from ..system.file_bytes import FileState
from .mask_values import MaskNumbers
from .record_builder import RecordBuilder, RecordSample
from .source import Location, Source
from .transform import CopyBytes, Transform

_MOST_NAMED = 1000  # damaged regions


class RecordSource(Source):
    """The records of `.rec` files one after the other, each file in the order of its `.idx`.

    Keys and headers stay as they are. `images_only` leaves out records that are nothing but a
    header, which `left_out` counts, and takes payloads that are no image for damaged ones.
    `renumber` gives fresh keys, 0, 1, 2, ..., and ids. `problems` says what the files hold that is
    not packed and not named later: records and damaged regions that are not in an `.idx`.
    `names_keys`: one of them is a header of InsightFace's, which names other records' keys;
    `notes` are remarks on such keys that are missing.

    `masks` are as many files with the masks of the others' images, of the same keys in the same
    order: then each sample is a pair, and with `new_numbers` the masks' pixels get other ones.

    Raises OSError and IndexFileError as RecordReader does, and RecordError where two records have
    one key, where masks have other keys than their images, or where `renumber` would make the
    records of InsightFace's data sets wrong that name keys.
    """

    noun = "record"

    def __init__(
        self,
        recs: Sequence[StrPath],
        *,
        masks: Sequence[StrPath] = (),
        new_numbers: MaskNumbers | None = None,
        images_only: bool = False,
        renumber: bool = False,
    ) -> None:
        self.files = [os.fspath(rec) for rec in (*recs, *masks)]
        self.name = self.files[0]
        self.has_masks = bool(masks)
        self._new_numbers = new_numbers
        self.left_out = 0
        self._images_only = images_only
        self.names_keys = False
        self.problems: list[RecordError] = []
        self._unnamed = 0
        self._states: dict[str, FileState] = {}
        faces = FaceFiles()
        keys, offsets, rooms = [], [], []
        for number, path in enumerate(self.files[: len(recs)]):
            index, file = self._open(path)
            if not renumber:
                check_ids(index, file.buffer, path, file.idx_path)
            if faces.add(file, index.keys, index.offsets) and not images_only:
                self.names_keys = True
                if renumber:
                    raise RecordError(_NAMES_KEYS, path=path)
            kept = _with_payload(index.offsets, file) if images_only else slice(None)
            columns = [(index.offsets, max_frame_sizes(index.offsets, len(file.buffer)))]
            if masks:
                columns.append(self._open_masks(self.files[len(recs) + number], index, path))
            keys.append(index.keys[kept])
            offsets.append(np.stack([column for column, _ in columns], axis=1)[kept])
            rooms.append(np.stack([column for _, column in columns], axis=1)[kept])
            self.left_out += len(index.offsets) - len(keys[-1])
        if self._unnamed:
            self.problems.append(RecordError(f"{plural(self._unnamed, 'more damaged region')}"))
        _check_people(faces.headers)
        self.notes = [] if images_only else faces.problems()
        self._file = np.repeat(np.arange(len(keys), dtype=np.int32), list(map(len, keys)))
        self._offsets = np.concatenate(offsets)  # (samples, 1), or 2 with the masks'
        self._rooms = np.concatenate(rooms)
        self.keys = np.concatenate(keys)
        self.renumbered = renumber
        if renumber:
            self.keys = np.arange(len(self.keys))
        else:
            self._check_keys()

    def _open(self, path: str) -> tuple[Index, RecordFile]:
        """A file and its index. What is damaged is named when it is read, or is a problem."""
        problems = self.problems
        known = len(problems)

        def note(region: DamagedRegion) -> None:
            if len(problems) < _MOST_NAMED:
                problems.append(region.error())
            else:
                self._unnamed += 1

        file, index = open_pair(path, mapped=False, on_damage=note)
        self._states[path] = file.state
        if file.idx_path is not None and len(problems) == known:  # else the file was cut
            cover = file.cover(index.offsets, note)
            if cover.missing:
                error = missing_error(cover.missing, file.idx_path)
                problems.append(error.located(suffix="; not packed"))
        return index, file

    def _open_masks(self, path: str, images: Index, rec: str) -> tuple[Numbers, Numbers]:
        """Offsets and rooms of the masks of a file's images."""
        index, file = self._open(path)
        check_keys(images.keys, index.keys, rec, path)
        return index.offsets, max_frame_sizes(index.offsets, len(file.buffer))

    def _check_keys(self) -> None:
        order = self.keys.argsort(kind="stable")
        in_order = self.keys[order]
        again = np.flatnonzero(in_order[1:] == in_order[:-1])
        if not len(again):
            return
        first, second = (self.location(int(order[again[0] + at])).path for at in (0, 1))
        others = f", and {plural(len(again) - 1, 'more key')} so" if len(again) > 1 else ""
        files = [self._file == self._file[order[again[0] + at]] for at in (0, 1)]
        alike = first != second and np.array_equal(*(self.keys[own] for own in files))
        hint = "; masks of these images are given by --masks" if alike else ""
        raise RecordError(
            f"key {in_order[again[0]]} is also that of a record of {shown(first)}{others}"
            f" (--renumber gives fresh keys{hint})",
            path=second,
        )

    def take(self, order: Numbers | slice) -> RecordSource:
        taken = copy.copy(self)
        for name in ("keys", "_file", "_offsets", "_rooms"):
            setattr(taken, name, getattr(self, name)[order])
        return taken

    def samples(self, positions: range) -> list[RecordSample]:
        part = slice(positions.start, positions.stop)
        columns = (self._file, self.keys, self._offsets, self._rooms)
        return list(zip(*(column[part].tolist() for column in columns), strict=True))

    def maker(self, transform: Transform) -> RecordBuilder:
        return RecordBuilder(
            self.files,
            self._states,
            transform,
            has_masks=self.has_masks,
            fresh_ids=self.renumbered,
            images_only=self._images_only,
            new_numbers=self._new_numbers,
        )

    def location(self, position: int) -> Location:
        return Location(self.files[self._file[position]], None, int(self._offsets[position, 0]))

    def labels(self, positions: range) -> Iterator[list[float]]:
        make = self.maker(CopyBytes("nothing"))
        for sample in self.samples(positions):
            with contextlib.suppress(RecordError):
                record = make(sample).records[0]
                yield label_list(unpack(record)[0].label)

    def identity(self) -> dict[str, str]:
        digest = digest_of(self._file, self._offsets, self._rooms, self.keys)
        states = [(os.path.abspath(path), os.stat(path)) for path in self.files]
        files = [f"{path} {state.st_size} {state.st_mtime_ns}" for path, state in states]
        return {
            "the order of the records": digest,
            "the .rec files": "\n".join(files),
            "--renumber": str(self.renumbered),
            "--mask-values or --mask-colors": str(self._new_numbers),
        }


_NAMES_KEYS = (
    "an InsightFace data set, whose header names keys that --renumber would change;"
    " --images-only leaves the header out"
)


def _check_people(face_sets: Sequence[str]) -> None:
    """Raises RecordError for several sets of faces, whose labels mean other people in each."""
    if len(face_sets) > 1:
        raise RecordError(
            f"an InsightFace data set, as {shown(face_sets[0])} is: the labels of both count people"
            " from 0, and records with one label would become one person; give the people of one"
            " of them other labels first",
            path=face_sets[1],
        )


def _with_payload(offsets: Numbers, file: RecordFile) -> Numbers:
    """The positions of all but records of nothing but a header; reading names what is damaged."""
    headers, plain = plain_headers(file.buffer, offsets)
    empty = plain & (headers.payloads == 0)
    for at in np.flatnonzero(~plain).tolist():
        empty[at] = _is_empty(file, int(offsets[at]))
    return np.flatnonzero(~empty)


def _is_empty(file: RecordFile, offset: int) -> bool:
    try:
        record = file.view(offset)
        return payload_start(record) == len(record)
    except RecordError:
        return False
