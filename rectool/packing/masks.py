"""The masks of images that are packed: where they are, and how each goes with its image."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, RecordError, StrPath, shown
from ..format.key_table import KeyTable
from ..imaging.check_complete import check_complete
from ..imaging.image_files import RAW_ENDING, file_fault, read_file
from ..imaging.probe import check_lossless, describe, may_be_turned
from ..listing.lst import ImageList, Numbers, leads_out
from ..listing.paths import Root, respelling
from .mask_values import MaskNumbers

_LOSSLESS = (".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pbm", ".pgm", ".ppm", RAW_ENDING)
_LOOKED_AT = 20  # names that begin or end alike
_LOSSY = (".jpg", ".jpeg")
_ENDINGS = (_LOSSLESS, tuple(map(str.upper, _LOSSLESS)), _LOSSY, tuple(map(str.upper, _LOSSY)))
"""Those of masks, and where none is found those behind them."""


@dataclass(frozen=True)
class Mask:
    """An image's mask. Whatever is wrong with it is an ImageError with `name`, its file's, say.

    It lies on its image's pixels as they are stored, and an EXIF orientation of the image turns
    both; if it is `upright`, on the image as it is seen, and is not turned. With `new_numbers` its
    pixels get other ones. `respelled` says how a path was found that was spelled otherwise.
    """

    name: str
    read: Callable[[], bytes]
    upright: bool = False
    path: str | None = None
    new_numbers: MaskNumbers | None = None
    respelled: str = ""

    @classmethod
    def at(cls, path: str, image: str, transform: MaskTransform, respelled: str = "") -> Mask:
        """The mask in a file. Raises ImageError where that is its image's own."""
        read = partial(read_file, path)
        mask = cls(shown(path), read, transform.upright, path, transform.new_numbers, respelled)
        with mask._faults():
            if os.path.samefile(path, image):
                raise ImageError(
                    "the image itself; where images and masks lie in one folder, --exts says which"
                    " are images"
                )
        return mask

    def payload(self) -> bytes:
        with self._faults():
            return self.read()

    def numbers(self, image: bytes, size: tuple[int, int]) -> NDArray[Any]:
        """The mask of an encoded image of this size (width, height), which counts once turned."""
        from ..imaging.masks import turn_of  # noqa: PLC0415

        turn = 1 if self.upright else turn_of(image)
        data = self.payload()
        with self._faults():
            mask = self._decoded(data, turn)
            height, width = mask.shape[:2]
            hint = self._hint(turn, (width, height), size)
            if turn >= 5:  # told as both are stored
                width, height, size = height, width, size[::-1]
            _check_size((width, height), size, hint)
        return mask

    def encoded(self, image: bytes, *, verify: bool) -> bytes:
        """The mask's bytes, which go beside an image's as it is; to `verify` is to decode it."""
        if _orientation(image) != 1:
            raise ImageError(
                "has an EXIF orientation, and readers do not agree on whether its mask is to be"
                " turned too; without --pass-through both are packed upright"
            )
        of_image = describe(image)
        if of_image is None:  # also a PPM, which decoding knows
            raise ImageError("not an image of a known format")
        data = self.payload()
        with self._faults():
            check_lossless(data)
            info = check_complete(data, any_samples=True)
            if _orientation(data) != 1:
                raise ImageError("an EXIF orientation of its own, which readers would turn it by")
            _check_size((info.width, info.height), (of_image.width, of_image.height))
            if verify and self.new_numbers is None:
                self._decoded(data)
        return data if self.new_numbers is None else self.renumbered(data)

    def renumbered(self, data: bytes) -> bytes:
        """An encoded mask with its new numbers, as a PNG; as it is where there are none."""
        if self.new_numbers is None:
            return data
        from ..imaging.masks import encode_mask  # noqa: PLC0415

        with self._faults():
            return encode_mask(self._decoded(data))

    def _decoded(self, data: bytes, turn: int = 1) -> NDArray[Any]:
        if self.new_numbers is not None:
            return self.new_numbers.decoded(data, turn)
        from ..imaging.masks import decode_mask  # noqa: PLC0415

        return decode_mask(data, turn)

    def _hint(self, turn: int, mask: tuple[int, int], image: tuple[int, int]) -> str:
        """What may be wrong with its size: that it was turned, or that it was not."""
        if self.path is None or mask != image[::-1]:  # the options are for files
            return ""
        if self.upright:
            return "; without --upright-masks it is turned as its image is"
        return "; --upright-masks is for such as are drawn on the image as it is seen" * (turn >= 5)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except RecordError as error:
            raise ImageError(f"its mask {self.name}: {error.message}") from None
        except OSError as error:
            raise ImageError(f"its mask {self.name}: {file_fault(error).message}") from None


def _check_size(mask: tuple[int, int], image: tuple[int, int], hint: str = "") -> None:
    if mask != image:
        raise ImageError(
            f"{mask[0]}x{mask[1]} pixels, and the image has {image[0]}x{image[1]}{hint}"
        )


def _orientation(image: bytes) -> int:
    """As decoding applies it; without a decoder where there is none."""
    if not may_be_turned(image):
        return 1
    from ..imaging.masks import turn_of  # noqa: PLC0415

    return turn_of(image)


class MaskTransform(NamedTuple):
    """How masks lie on their images, and what becomes of their numbers; see `Mask`."""

    upright: bool = False
    new_numbers: MaskNumbers | None = None


class MasksInFolder(NamedTuple):
    """Masks that have their images' paths below `root`, whatever the ending.

    `suffix` comes before the ending: "_mask" for a_mask.png of a.jpg.
    """

    root: str
    suffix: str = ""
    transform: MaskTransform = MaskTransform()

    def finder(self) -> MasksInFolder:
        return self

    def identity(self) -> str:
        return f"{os.path.abspath(self.root)} {self.suffix!r} {self.transform}"

    def given(self, key: int) -> None: ...

    def unused(self, keys: Numbers) -> int:
        return 0

    def find(self, image: str, path: str, given: str | None) -> Mask:
        """The mask of an image's file, which has this path in its list; `given` is what a list of
        masks says. Raises ImageError where there is none.
        """
        if leads_out(path):
            raise ImageError(
                f"no mask: its path in the list leads out of {shown(self.root)} too; a list of"
                " masks, each with the key of its image, gives them"
            )
        stem = os.path.join(self.root, os.path.splitext(path)[0] + self.suffix)
        found = next(filter(None, (_existing(stem, endings) for endings in _ENDINGS)), [])
        if found and found[0].lower().endswith(_LOSSY):  # no mask, but maybe the image itself
            found = [name for name in found if not os.path.samefile(name, image)]
        if not found and (other := self._of_other_form(path)):
            said = respelling(os.path.splitext(path)[0] + self.suffix, other)
            return Mask.at(os.path.join(self.root, other), image, self.transform, said)
        if not found:
            hint = _hint_of_names(stem.removesuffix(self.suffix))
            raise ImageError(f"no mask {shown(stem)}.png, or of another ending{hint}")
        others = [name for name in found[1:] if not os.path.samefile(found[0], name)]
        if others:  # one file answers to several names where a is A
            names = " and ".join(shown(os.path.basename(name)) for name in (found[0], others[0]))
            raise ImageError(f"has two masks, {names} in {shown(os.path.dirname(stem))}")
        return Mask.at(found[0], image, self.transform)

    def _of_other_form(self, path: str) -> str | None:
        """The one mask whose name differs from its image's in Unicode's form alone."""
        stem = normalize("NFC", os.path.splitext(path)[0] + self.suffix)
        if stem.isascii():
            return None
        like = [os.path.splitext(one) for one in _root_of(self.root).meant(stem)]
        found = [
            name + ending
            for name, ending in like
            if normalize("NFC", name) == stem and ending.lower() in _LOSSLESS
        ]
        return found[0] if len(found) == 1 else None


@lru_cache(maxsize=4)
def _root_of(folder: str) -> Root:
    """Finds masks under other spellings; kept by each process, with the names in each folder."""
    return Root(folder, _LOSSLESS)


def _hint_of_names(stem: str) -> str:
    """Where a mask lies there whose name has more than its image's: how it is found."""
    folder, name = os.path.split(stem)
    names, reversed_stems = _names_in(folder)
    at = bisect_left(names, name)
    for other in names[at : at + _LOOKED_AT]:
        root, ending = os.path.splitext(other)
        more = root.removeprefix(name)
        is_mask = other.startswith(name) and ending.lower() in _LOSSLESS
        if is_mask and more and not more[0].isalnum():
            return f"; there is {shown(other)}: --mask-suffix {shown(more)} finds such names"
    at = bisect_left(reversed_stems, name[::-1])
    for found in reversed_stems[at : at + _LOOKED_AT]:
        root = found[::-1]
        if root.endswith(name) and len(root) > len(name) and not root[: -len(name)][-1].isalnum():
            return f"; there is {shown(root)}: a list of masks gives each the key of its image"
    return ""


@lru_cache(maxsize=4)
def _names_in(folder: str) -> tuple[list[str], list[str]]:
    """The names of files in a folder, sorted, and those of masks without endings, backwards."""
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return [], []
    stems = (os.path.splitext(name) for name in names)
    return names, sorted(root[::-1] for root, ending in stems if ending.lower() in _LOSSLESS)


def _existing(stem: str, endings: tuple[str, ...]) -> list[str]:
    return [stem + ending for ending in endings if os.path.exists(stem + ending)]


class ListedMasks:
    """Masks of a `.lst`, each of the image with its key; their paths start from the list's folder.

    Labels in that list do not count.
    """

    def __init__(
        self, masks: ImageList, root: StrPath, transform: MaskTransform | None = None
    ) -> None:
        self._masks = masks
        self._finder = _Listed(os.fspath(root), masks.name, transform or MaskTransform())
        self._keys = KeyTable(masks.keys)

    def unused(self, keys: Numbers) -> int:
        """How many masks are of none of these keys."""
        return len(np.setdiff1d(self._masks.keys, keys))

    def given(self, key: int) -> str | None:
        """The path that the list has for a key."""
        at = self._keys.find(key)
        return None if at is None else self._masks[at].path

    def finder(self) -> _Listed:
        """What workers find masks by."""
        return self._finder

    def identity(self) -> str:
        """Differs from that of other masks."""
        finder = self._finder
        return f"{self._masks.digest()} {os.path.abspath(finder.root)} {finder.transform}"


class _Listed(NamedTuple):
    root: str
    name: str
    transform: MaskTransform

    def find(self, image: str, path: str, given: str | None) -> Mask:
        if given is None:
            raise ImageError(f"no mask: {shown(self.name)} has no line with its key")
        file = os.path.join(self.root, given)
        if not os.path.exists(file) and (found := _root_of(self.root).respelled(given)):
            file, said = os.path.join(self.root, found), respelling(given, found)
            return Mask.at(file, image, self.transform, said)
        return Mask.at(file, image, self.transform)


MaskSource = MasksInFolder | ListedMasks
MaskFinder = MasksInFolder | _Listed
