"""Masks of images: a second file with the same keys, ids and labels, in the same order."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import HeaderError, ImageError, StrPath
from ..format.check_masks import check_keys, header_difference
from ..format.header import IRHeader
from ..format.reader import RecordReader
from ..imaging.masks import decode_mask, sample_mask, turn_of
from ..imaging.options import Backend
from .augment.geometry import GeometryPlan
from .samples import named_errors, read_sample

Array = NDArray[Any]

MASK_DTYPES = ("uint8", "uint16", "int32", "int64", "float32")
_EXACT = 1 << 24  # float32 holds every whole number up to this one


class MaskReader:
    """The masks of a reader's images: its records' positions are theirs. It pickles as its paths.

    Raises RecordError, with the first difference, where the files do not belong together, and what
    RecordReader raises.
    """

    def __init__(
        self, images: RecordReader, path: StrPath | Sequence[StrPath], idx: bool = True
    ) -> None:
        self._images, self._idx = images, idx
        self.reader = RecordReader(path, idx)
        try:
            check_keys(images.keys, self.reader.keys, images.name, self.reader.name)
        except BaseException:
            self.reader.close()
            raise

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self._images, self.reader.paths, self._idx))

    def encoded(self, position: int, header: IRHeader) -> bytes:
        """The encoded mask of the image that has this header.

        Raises HeaderError where id or labels are others. Errors name the masks' file and the key.
        """
        found, payload = read_sample(self.reader, position)
        with named_errors(self.reader, position):
            difference = header_difference(header, found)
            if difference:
                raise HeaderError(f"the mask has {difference}")
        return payload

    def decoded(
        self, position: int, header: IRHeader, image: bytes, size: tuple[int, int]
    ) -> Array:
        """The mask, HxW or HxWxC, of this encoded image, which has this size (width, height).

        Turned as decoding turns the image. Raises as `encoded` does, and ImageError for a mask that
        cannot be decoded or has another size.
        """
        payload = self.encoded(position, header)
        with named_errors(self.reader, position):
            mask = decode_mask(payload, turn_of(image))
            height, width = mask.shape[:2]
            if (width, height) != size:
                raise ImageError(
                    f"the mask has {width}x{height} pixels, and its image {size[0]}x{size[1]}"
                )
        return mask

    def close(self) -> None:
        self.reader.close()


class MaskRows:
    """Masks as an iterator gives them: of the images' size, in arrays of one type.

    Raises ValueError for a type or a number to fill with that have no meaning.
    """

    def __init__(self, masks: MaskReader, dtype: DTypeLike, fill: int, backend: Backend) -> None:
        name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
        if name not in MASK_DTYPES:
            names = f"{', '.join(MASK_DTYPES[:-1])} or {MASK_DTYPES[-1]}"
            raise ValueError(f"mask_dtype must be {names}, got {name}")
        self.dtype: np.dtype[Any] = np.dtype(name)
        least, most = -_EXACT, _EXACT
        if self.dtype.kind != "f":
            limits = np.iinfo(self.dtype)
            least, most = int(limits.min), int(limits.max)
        whole = operator.index(fill) if isinstance(fill, SupportsIndex) else None
        if whole is None or not least <= whole <= most:
            raise ValueError(
                f"mask_fill must be a whole number from {least} to {most} for {name}, got {fill!r}"
            )
        self.fill, self._most = whole, most
        self._masks, self._backend = masks, backend

    def read(self, position: int, header: IRHeader, image: bytes, plan: GeometryPlan) -> Array:
        """The mask of an image, HxW, as it is stored. Raises ImageError for one of no use here."""
        mask = self._masks.decoded(position, header, image, plan.source)
        with named_errors(self._masks.reader, position):
            if mask.ndim != 2:
                raise ImageError(f"a mask must have one channel, got {mask.shape[2]}")
            if np.iinfo(mask.dtype).max > self._most and mask.max() > self._most:
                raise ImageError(
                    f"the mask has the number {mask.max()}, and mask_dtype {self.dtype} holds 0 to"
                    f" {self._most}"
                )
        return mask

    def put(self, mask: Any, rows: Any, row: int, plan: GeometryPlan, *, mirrored: bool) -> None:
        """Lays a mask out in one of the rows, as its image was."""
        origin = plan.origin(self._backend)
        out = rows[row, :, ::-1] if mirrored else rows[row]
        sample_mask(mask, origin.matrix, origin.inside, out, self.fill)
