"""What workers do with the records of `.rec` files: read them, and make new ones of them."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence

from ..errors import CorruptError, HeaderError, RecordError, TruncatedError, shown
from ..format.check_masks import header_difference
from ..format.frames import record_at, swallows
from ..format.header import payload_start, unpack, with_id
from ..imaging.change_remarks import remarks_on
from ..imaging.options import Change
from ..imaging.probe import format_of
from ..system.file_bytes import CHANGED, FileBytes, FileState
from .mask_values import MaskNumbers
from .masks import Mask
from .source import PackedSample, Records
from .transform import CopyBytes, Transform

RecordSample = tuple[int, int, list[int], list[int]]
"""Number of the file; key; of the record, and of the mask's, byte offset and bytes at most."""

_FIRST_READ = 1 << 20
_LARGEST_READ = 1 << 30  # more than the frames of any record can be that is not one in a million
_MOST_FILES = 32  # open at a time


class RecordBuilder:
    """Reads by position, not through a mapping: a file that shrinks meanwhile is an error then,
    and not the end of the process.

    `paths` are the files, and `states` what they were when their indexes were read; if `has_masks`,
    the second half are those with the first half's masks. With `images_only` a payload that is only
    copied must be an image.
    """

    def __init__(
        self,
        paths: Sequence[str],
        states: Mapping[str, FileState],
        transform: Transform,
        *,
        has_masks: bool = False,
        fresh_ids: bool = False,
        images_only: bool = False,
        new_numbers: MaskNumbers | None = None,
    ) -> None:
        self._paths = paths
        self._states = states
        self._masks_begin = len(paths) // 2 if has_masks else len(paths)
        self._transform = transform
        self._copies = transform == CopyBytes("nothing")
        self._fresh_ids = fresh_ids
        self._images_only = images_only
        self._new_numbers = new_numbers
        self._files: dict[int, FileBytes] = {}

    def __call__(self, sample: RecordSample) -> PackedSample:
        number, key, offsets, rooms = sample
        record = self._record(number, offsets[0], rooms[0])
        changes: list[Change] = []
        if len(offsets) == 1:
            records: Records = (self._treated(record, changes),)
        else:
            of_masks = self._masks_begin + number
            records = self._treated_pair(record, offsets[1], rooms[1], of_masks, changes)
        if self._fresh_ids:
            records = tuple(with_id(one, key) if is_image_record(one) else one for one in records)
        if not changes:
            return PackedSample(records)
        return PackedSample(records, remarks_on(changes, f"{self._paths[number]} key {key}"))

    def _treated(self, record: bytes, changes: list[Change]) -> bytes:
        if self._copies:
            if self._images_only:
                check_image(record[payload_start(record) :])
            return record
        start = payload_start(record)
        if start == len(record):  # InsightFace's header and range records have no image
            return record
        return record[:start] + self._transform.apply(record[start:], changes)

    def _treated_pair(
        self, record: bytes, offset: int, max_size: int, number: int, changes: list[Change]
    ) -> Records:
        """`offset` and `max_size` are those of the mask's record, which is in the file `number`."""
        where = f"in {shown(self._paths[number])}"
        try:
            mask = self._record(number, offset, max_size)
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
        if self._copies:
            return record, record[:start] + of_image.renumbered(numbers)
        pair = self._transform.apply_pair(image, of_image, changes)
        return tuple(record[:start] + payload for payload in pair)

    def _record(self, number: int, offset: int, max_size: int) -> bytes:
        file = self._file(number)
        size = min(max_size, _FIRST_READ)
        while True:
            frames = file[offset : offset + size]
            try:
                return record_at(frames, 0)
            except TruncatedError as error:
                if len(frames) < size or size > _LARGEST_READ:  # the file itself ends there
                    raise self._explained(error, offset, max_size, len(file)) from None
                size *= 8  # a large record, or the index has another one begin inside
            except CorruptError as error:
                raise self._explained(error, offset, max_size, len(file)) from None

    @staticmethod
    def _explained(
        error: CorruptError | TruncatedError, offset: int, max_size: int, size: int
    ) -> RecordError:
        """The error without an offset, which is the sample's, and places as those in the file."""
        if isinstance(error, CorruptError) and (error.offset or "another" not in error.message):
            return CorruptError(error.message)
        if offset + max_size < size:
            return CorruptError(swallows(offset + max_size))
        if isinstance(error, CorruptError):
            return CorruptError("the record reaches over another: its length is damaged")
        return TruncatedError(f"the file ends inside this record: it has {size} bytes")

    def _file(self, number: int) -> FileBytes:
        if number not in self._files:
            while len(self._files) >= _MOST_FILES:
                self._files.pop(next(iter(self._files))).close()
            path = self._paths[number]
            try:
                self._files[number] = FileBytes(path, self._states[path])
            except (FileNotFoundError, PermissionError, IsADirectoryError):  # it was there before
                raise OSError(errno.ESTALE, CHANGED, path) from None
        return self._files[number]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_files": {}}


def is_image_record(record: bytes | memoryview) -> bool:
    try:
        return payload_start(record) > 0
    except HeaderError:
        return False


def check_image(payload: bytes) -> None:
    """Raises ImageError where these bytes are no image that can be decoded.

    What begins as an image of a known format is not looked at further.
    """
    if format_of(payload) is None:
        from ..imaging.pillow_open import check_decodes  # noqa: PLC0415 - mostly there is no need

        check_decodes(payload)
