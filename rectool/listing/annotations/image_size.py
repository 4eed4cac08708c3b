"""How large the image in a file is, from the beginning of the file."""

from __future__ import annotations

import os
import stat

from ...errors import ImageError, ListError, shown
from ...format.frames import MAX_RECORD
from ...imaging.image_files import file_fault
from ...imaging.probe import describe, has_exif
from ...remarks import RemarkKind, Remarks
from ..paths import Root

Size = tuple[int, int]
"""Width and height in pixels, as the image is seen: its EXIF orientation applied."""

_READS = (1 << 12, 1 << 16)
"""Bytes of a file that are read at first, and where that is not enough. Most headers fit in 4 kB,
those of photos, with a small picture in their EXIF, in 64 kB.
"""

_TURNED = RemarkKind(
    "{} turned by EXIF, as {}: boxes are taken for those of the turned image", "image"
)
_STORED = RemarkKind("{} turned by EXIF, as {}: the boxes are turned too", "image")
_NO_DECLARED_SIZE = RemarkKind(
    "{} of no size in the annotations, as {}: the file's own is used", "image"
)


class Measure:
    """Measures images below a root; boxes lie on what is seen, or on the pixels as `stored`.

    With `sized` annotations should say sizes, and it is remarked on where they do not.
    """

    def __init__(
        self, root: Root, remarks: Remarks, *, stored: bool = False, sized: bool = True
    ) -> None:
        self._root = root
        self._remarks = remarks
        self._stored = stored
        self._sized = sized

    def __call__(self, path: str, declared: Size | None) -> tuple[Size, int]:
        """The size of an image, which annotations must have right or not say (None).

        Also the EXIF orientation, 1 to 8, by which boxes in it are still to be turned. Raises
        ListError, saying why, where the size is wrong or cannot be found out.
        """
        name = self._root.join(path)
        try:
            seen, turn = _seen(name)
        except FileNotFoundError:
            raise ListError(f"no such file: {shown(name)}") from None
        except ImageError as error:
            raise ListError(f"{shown(name)}: {error.message}") from None
        except OSError as error:
            raise ListError(f"{shown(name)}: {file_fault(error).message}") from None
        unturned = seen[::-1] if turn >= 5 else seen
        size = unturned if self._stored else seen
        if declared is not None and declared != size:
            hint = ", turned by its EXIF orientation" if turn >= 5 else ""
            if declared == unturned:
                hint += " (--stored-boxes is for boxes on the pixels as they are stored)"
            raise ListError(
                f"the annotations are of {declared[0]}x{declared[1]} pixels, {shown(name)} has"
                f" {size[0]}x{size[1]}{hint}"
            )
        if declared is None and self._sized:
            self._remarks.count(_NO_DECLARED_SIZE, path)
        return size, self._to_turn(path, turn)

    def turn(self, path: str) -> int:
        """The same of an image that is not measured; where it cannot be read that is not said."""
        try:
            turn = _seen(self._root.join(path))[1]
        except ImageError:
            return 1
        except OSError as error:
            file_fault(error)
            return 1
        return self._to_turn(path, turn)

    def _to_turn(self, path: str, turn: int) -> int:
        if turn != 1:
            self._remarks.count(_STORED if self._stored else _TURNED, path)
        return turn if self._stored else 1


def _seen(path: str) -> tuple[Size, int]:
    """An image's size as it is seen, and its EXIF orientation, 1 to 8."""
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        raise ImageError("this is not a regular file")
    if state.st_size > MAX_RECORD:
        raise ImageError(
            f"the file has {state.st_size} bytes, and a record must have less than {MAX_RECORD + 1}"
        )
    with open(path, "rb", buffering=0) as file:
        for size in (*_READS, state.st_size):
            file.seek(0)
            head = file.read(size)
            try:
                return _size_in(head)
            except (ImageError, IndexError) as error:
                failure = error
                if len(head) >= state.st_size:
                    break
    raise failure if isinstance(failure, ImageError) else ImageError("the JPEG is cut short")


def _size_in(head: bytes) -> tuple[Size, int]:
    """Raises ImageError or IndexError where the file's beginning is damaged, or not long enough."""
    info = describe(head)
    if info is None:  # a format that only Pillow knows
        from ...imaging.pillow_open import opened  # noqa: PLC0415

        with opened(head) as image:
            return image.size, 1
    turn = 1
    if info.format == "TIFF":
        from ...imaging.masks import turn_of  # noqa: PLC0415

        turn = turn_of(head)
    elif _may_be_turned(head, info.format):
        from ...imaging.pillow_open import orientation_of  # noqa: PLC0415

        turn = orientation_of(head)
    return ((info.height, info.width) if turn >= 5 else (info.width, info.height)), turn


def _may_be_turned(head: bytes, kind: str) -> bool:
    if kind == "JPEG":
        return has_exif(head)
    if kind == "PNG":
        return _png_has_exif(head)
    return kind == "AVIF" or (kind == "WebP" and head[12:16] == b"VP8X" and bool(head[20] & 0x08))


def _png_has_exif(head: bytes) -> bool:
    """Whether it stands before the pixels, where decoders look for it."""
    at = 8
    while head[at + 7] >= 0 and (kind := head[at + 4 : at + 8]) not in (b"IDAT", b"IEND"):
        if kind == b"eXIf":
            return True
        at += 12 + int.from_bytes(head[at : at + 4], "big")
    return False
