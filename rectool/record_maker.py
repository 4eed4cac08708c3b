"""What workers do with the records of `.rec` files: read them, and make new ones of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from .format import (
    CorruptError,
    HeaderError,
    RecordError,
    TruncatedError,
    data,
    locate,
    payload_start,
    shown,
    unpack,
    with_id,
)
from .masks import Mask
from .pairing import header_difference
from .sources import Copy, Made, Records, Treatment

if TYPE_CHECKING:
    from .mask_numbers import MaskNumbers

RecordSample = tuple[int, int, list[int], list[int]]
"""Number of the file; key; of the record, and of the mask's, byte offset and bytes at most."""

_FIRST_READ = 1 << 20
_LARGEST_READ = 1 << 30  # more than the frames of any record can be that is not one in a million
_MOST_FILES = 32  # open at a time


class RecordMaker:
    """Reads by position, not through a mapping: a file that shrinks meanwhile is an error then,
    and not the end of the process.

    `paths` are the files; if `has_masks`, the second half are those with the first half's masks.
    """

    def __init__(
        self,
        paths: Sequence[str],
        treatment: Treatment,
        has_masks: bool,
        fresh_ids: bool,
        new_numbers: MaskNumbers | None = None,
    ) -> None:
        self._paths = paths
        self._masks_begin = len(paths) // 2 if has_masks else len(paths)
        self._treatment = treatment
        self._fresh_ids = fresh_ids
        self._new_numbers = new_numbers
        self._files: dict[int, BinaryIO] = {}

    def __call__(self, sample: RecordSample) -> Made:
        number, key, offsets, rooms = sample
        record = self._record(number, offsets[0], rooms[0])
        if len(offsets) == 1:
            records: Records = (self._treated(record),)
        else:
            records = self._treated_pair(record, offsets[1], rooms[1], self._masks_begin + number)
        if self._fresh_ids:
            records = tuple(with_id(one, key) if is_image_record(one) else one for one in records)
        return Made(records)

    def _treated(self, record: bytes) -> bytes:
        if self._treatment == Copy("nothing"):
            return record
        start = payload_start(record)
        if start == len(record):  # InsightFace's header and range records have no image
            return record
        return record[:start] + self._treatment.apply(record[start:])

    def _treated_pair(self, record: bytes, offset: int, room: int, number: int) -> Records:
        """`offset` and `room` are those of the mask's record, which is in the file `number`."""
        where = f"in {shown(self._paths[number])}"
        try:
            mask = self._record(number, offset, room)
        except RecordError as error:
            raise RecordError(f"its mask {where}, byte {offset}: {error.message}") from None
        (image_header, image), (mask_header, numbers) = unpack(record), unpack(mask)
        difference = header_difference(image_header, mask_header)
        if difference:
            raise HeaderError(f"its mask {where} has {difference}")
        if not image:
            return record, mask
        start = len(record) - len(image)
        of_image = Mask(where, lambda: numbers, new_numbers=self._new_numbers)
        if self._treatment == Copy("nothing"):
            return record, record[:start] + of_image.renumbered(numbers)
        pair = self._treatment.apply_pair(image, of_image)
        return tuple(record[:start] + payload for payload in pair)

    def _record(self, number: int, offset: int, room: int) -> bytes:
        file = self._file(number)
        size = min(room, _FIRST_READ)
        while True:
            file.seek(offset)
            frames = file.read(size)
            try:
                return data(frames, locate(frames, 0))
            except TruncatedError as error:
                if len(frames) < size or size > _LARGEST_READ:  # the file itself ends there
                    error.offset = None
                    raise
                size *= 8  # a large record, or the index has another one begin inside
            except CorruptError as error:
                error.offset = None
                raise

    def _file(self, number: int) -> BinaryIO:
        if number not in self._files:
            while len(self._files) >= _MOST_FILES:
                self._files.pop(next(iter(self._files))).close()
            self._files[number] = open(self._paths[number], "rb", buffering=0)  # noqa: SIM115
        return self._files[number]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_files": {}}

    def __del__(self) -> None:
        for file in self._files.values():
            file.close()


def is_image_record(record: bytes | memoryview) -> bool:
    try:
        return payload_start(record) > 0
    except HeaderError:
        return False
