"""What is packed, in the order of packing: image files of a list, or records of `.rec` files.

A source lives in the parent process. Of each image or record it gives a *sample*, a small tuple
that is sent to a worker; there the source's maker turns samples into records.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import ListError, StrPath, plural
from ..format.header import HEADER_SIZE, IRHeader, pack, pack_raw
from ..imaging.change_remarks import AVIF, remarks_on
from ..imaging.image_files import RAW_ENDING, file_fault, read_file
from ..imaging.options import Change
from ..listing.lst import HeaderFields, ImageList, Numbers, parse_line
from ..listing.paths import NOT_FOUND, RESPELLED, Root, respelling
from .masks import Mask, MaskFinder, MaskSource
from .source import Location, PackedSample, Records, Source
from .transform import CopyBytes, Transform


class FileSource(Source):
    """The images of a list, in files below the folder `root`.

    A record's key and id are the list's key; one label makes flag 0, several a label vector.
    `label_width` keeps the first so many labels. Raises ListError where a line has fewer. With
    `masks` each sample is an image and its mask.
    """

    noun = "image"

    def __init__(
        self,
        images: ImageList,
        root: StrPath,
        label_width: int | None = None,
        masks: MaskSource | None = None,
    ) -> None:
        if label_width is not None:
            images.check_width(label_width)
        self.images = images
        self.root = os.fspath(root)
        self.label_width = label_width
        self.masks = masks
        self.has_masks = masks is not None
        self.keys = images.keys
        self.name = images.name

    def take(self, order: Numbers | slice) -> FileSource:
        return FileSource(self.images.take(order), self.root, self.label_width, self.masks)

    def samples(self, positions: range) -> list[FileSample]:
        lines = self.images.lines(positions)
        headers = self.images.headers
        if not headers and self.masks is None:
            return [(line, None, None) for line in lines]
        keys = self.keys[positions.start : positions.stop].tolist()
        given = self.masks.given if self.masks is not None else lambda key: None
        return [(line, headers.get(key), given(key)) for line, key in zip(lines, keys, strict=True)]

    def maker(self, transform: Transform) -> _FileBuilder:
        finder = None if self.masks is None else self.masks.finder()
        return _FileBuilder(self.root, transform, self.label_width, finder)

    def location(self, position: int) -> Location:
        path = os.path.join(self.root, self.images[position].path)
        return Location(path, self.images.line_number(position), None)

    def labels(self, positions: range) -> Iterator[Sequence[float]]:
        return (self.images[position].labels for position in positions)

    def identity(self) -> dict[str, str]:
        return {
            "the list": self.images.digest(),
            "--root": os.path.abspath(self.root),
            "--label-width": str(self.label_width),
            "--masks": self.masks.identity() if self.masks else "",
        }


FileSample = tuple[bytes, HeaderFields | None, str | None]
"""A line of the list, header fields beyond it, the mask's path where that is in a list."""


@dataclass(frozen=True)
class _FileBuilder:
    root: str
    transform: Transform
    label_width: int | None
    masks: MaskFinder | None

    def __call__(self, sample: FileSample) -> PackedSample:
        line, header, mask = sample
        key, labels, path = parse_line(line)
        head = self._head(key, labels[: self.label_width], header)
        found, image = self._read(path)
        changes: list[Change] = []
        file, its = os.path.join(self.root, found), None
        if self.masks is not None:
            its = self.masks.find(file, found, mask)
        records = tuple(head + part for part in self._payloads(found, image, its, changes))
        remarks = remarks_on(changes, found)
        if image[4:8] == b"ftyp" and not found.lower().endswith(".avif"):  # or it is no image
            remarks += ((AVIF, found),)
        if found != path:
            remarks += ((RESPELLED, respelling(path, found)),)
        if its and its.respelled:
            remarks += ((RESPELLED, its.respelled),)
        return PackedSample(records, remarks)

    def _read(self, path: str) -> tuple[str, bytes]:
        """An image, and the path that it has, which may be spelled in another way."""
        try:
            try:
                return path, read_file(os.path.join(self.root, path))
            except OSError as error:
                found = self._respelled(path) if error.errno in NOT_FOUND else None
                if found is None:
                    raise
            return found, read_file(os.path.join(self.root, found))
        except OSError as error:
            raise file_fault(error) from None

    def _respelled(self, path: str) -> str | None:
        with contextlib.suppress(OSError):
            return self._finder.respelled(path)
        return None

    @functools.cached_property
    def _finder(self) -> Root:
        return Root(self.root)

    def _head(self, key: int, labels: Sequence[float], header: HeaderFields | None) -> bytes:
        if header is not None and self.label_width is None:
            return _with_header(header, labels)
        if len(labels) == 1:
            return pack_raw(0, labels[0], key, 0)
        return pack(IRHeader(0, labels, key, 0), b"")

    def _payloads(
        self, path: str, image: bytes, mask: Mask | None, changes: list[Change]
    ) -> Records:
        raw = isinstance(self.transform, CopyBytes) and path.endswith(RAW_ENDING)
        if mask is None:
            return (image if raw else self.transform.apply(image, changes),)
        if raw:
            return image, mask.payload()
        return self.transform.apply_pair(image, mask, changes)


def _with_header(header: HeaderFields, labels: Sequence[float]) -> bytes:
    if header.flag == 0 and len(labels) == 1:
        return pack_raw(0, labels[0], header.id, header.id2)
    if header.flag != len(labels):
        raise ListError(f"{plural(len(labels), 'label')}, but its #header line says {header.flag}")
    values = pack(IRHeader(0, labels, 0, 0), b"")[HEADER_SIZE:]
    return pack_raw(header.flag, header.label, header.id, header.id2) + values
