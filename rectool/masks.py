"""The masks of images that are packed: where they are, and how each goes with its image."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .filing import RAW_ENDING, read_file
from .format import ImageError, KeyTable, RecordError, StrPath, shown
from .listing import ImageList
from .sniffing import check_lossless, describe, may_be_turned

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENDINGS = (".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pgm", ".ppm", RAW_ENDING)
_JPEG_ENDINGS = (".jpg", ".jpeg")


@dataclass(frozen=True)
class Mask:
    """An image's mask. Whatever is wrong with it is an ImageError with `name`, its file's, say.

    It lies on its image's pixels as they are stored, and an EXIF orientation of the image turns
    both; if it is `upright`, on the image as it is seen, and is not turned.
    """

    name: str
    read: Callable[[], bytes]
    upright: bool = False
    path: str | None = None

    @classmethod
    def at(cls, path: str, *, upright: bool) -> Mask:
        return cls(shown(path), partial(read_file, path), upright, path)

    def check_other(self, image: str) -> None:
        """Raises ImageError where the mask is this file, its image's own."""
        with self._faults():
            if self.path is not None and os.path.samefile(self.path, image):
                raise ImageError(
                    "the image itself; where images and masks lie in one folder, --exts says which"
                    " are images"
                )

    def payload(self) -> bytes:
        with self._faults():
            return self.read()

    def numbers(self, image: bytes, size: tuple[int, int]) -> NDArray[Any]:
        """The mask of an encoded image of this size (width, height), which counts once turned."""
        from .imaging.masks import decode_mask, turn_of  # noqa: PLC0415

        turn = 1 if self.upright else turn_of(image)
        data = self.payload()
        with self._faults():
            mask = decode_mask(data, turn)
            height, width = mask.shape[:2]
            _check_size((width, height), size, turned=turn >= 5, upright=self.upright)
        return mask

    def encoded(self, image: bytes, check: Callable[[bytes], object]) -> bytes:
        """The mask's bytes, which go beside an image's as it is."""
        if may_be_turned(image):
            from .imaging.masks import turn_of  # noqa: PLC0415

            if turn_of(image) != 1:
                raise ImageError(
                    "has an EXIF orientation, and readers do not agree on whether its mask is to be"
                    " turned too; without --pass-through both are packed upright"
                )
        size = _stored_size(image)
        data = self.payload()
        with self._faults():
            check_lossless(data)
            check(data)
            _check_size(_stored_size(data), size)
        return data

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except RecordError as error:
            raise ImageError(f"its mask {self.name}: {error.message}") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise ImageError(f"its mask {self.name}: {reason}") from None


def _stored_size(data: bytes) -> tuple[int, int]:
    info = describe(data)
    if info is None:  # also a PPM, which decoding knows
        raise ImageError("not an image of a known format")
    return info.width, info.height


def _check_size(
    mask: tuple[int, int], image: tuple[int, int], *, turned: bool = False, upright: bool = False
) -> None:
    """Raises ImageError unless a mask has its image's size; both `turned` by a quarter or not."""
    if mask == image:
        return
    hint = ""
    if turned:
        mask, image = mask[::-1], image[::-1]
        if mask == image[::-1]:
            hint = ", as the image is seen (--upright-masks is for such)"
    elif upright and mask == image[::-1]:
        hint = ", as the image is stored (without --upright-masks its mask is turned with it)"
    raise ImageError(f"{mask[0]}x{mask[1]} pixels{hint}, and the image has {image[0]}x{image[1]}")


class MaskFinder(Protocol):
    """What workers find masks by."""

    def find(self, path: str, given: str | None) -> Mask:
        """The mask of the image with this path in its list; `given` is what a list says.

        Raises ImageError where there is none.
        """


class Masks(Protocol):
    """Where the masks of a list's images are."""

    def finder(self) -> MaskFinder: ...
    def identity(self) -> str:
        """Differs from that of other masks."""


class MasksInFolder(NamedTuple):
    """Masks that bear their images' paths below `root`, whatever the ending."""

    root: str
    upright: bool = False

    def finder(self) -> MasksInFolder:
        return self

    def identity(self) -> str:
        return f"{os.path.abspath(self.root)} {self.upright}"

    def find(self, path: str, given: str | None) -> Mask:
        stem = os.path.join(self.root, os.path.splitext(path)[0])
        # a JPEG may be the image itself, beside its mask; alone it is one that is refused
        found = _existing(stem, _ENDINGS) or _existing(stem, _JPEG_ENDINGS)
        if not found:
            raise ImageError(f"no mask {shown(stem)}.png, or of another ending")
        others = [name for name in found[1:] if not os.path.samefile(found[0], name)]
        if others:  # one file answers to several names where a is A
            names = " and ".join(shown(os.path.basename(name)) for name in (found[0], others[0]))
            raise ImageError(f"has two masks, {names} in {shown(os.path.dirname(stem))}")
        return Mask.at(found[0], upright=self.upright)


def _existing(stem: str, endings: tuple[str, ...]) -> list[str]:
    names = [stem + spelt for ending in endings for spelt in (ending, ending.upper())]
    return [name for name in names if os.path.exists(name)]


class ListedMasks:
    """Masks of a `.lst`, each of the image with its key; their paths start from the list's folder.

    Labels in that list do not count.
    """

    def __init__(self, masks: ImageList, root: StrPath, *, upright: bool = False) -> None:
        self._masks = masks
        self._finder = _Listed(os.fspath(root), masks.name, upright)
        self._keys = KeyTable(masks.keys)

    def path_of(self, key: int) -> str | None:
        at = self._keys.find(key)
        return None if at is None else self._masks[at].path

    def finder(self) -> MaskFinder:
        return self._finder

    def identity(self) -> str:
        finder = self._finder
        return f"{self._masks.digest()} {os.path.abspath(finder.root)} {finder.upright}"


class _Listed(NamedTuple):
    root: str
    name: str
    upright: bool

    def find(self, path: str, given: str | None) -> Mask:
        if given is None:
            raise ImageError(f"no mask: {shown(self.name)} has no line with its key")
        return Mask.at(os.path.join(self.root, given), upright=self.upright)
