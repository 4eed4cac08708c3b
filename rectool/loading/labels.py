"""The labels of a batch: as many of each sample, or its boxes."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import HeaderError, ListError, RecordError, plural
from ..format.boxes import BOX_WIDTH, Boxes, are_boxes, boxes_of, check_fractions, have_layout
from ..format.header import IRHeader, label_list, unpack
from ..format.key_table import KeyTable
from ..format.reader import RecordReader
from ..listing.lst import ImageList
from .augment.geometry import GeometryPlan
from .samples import named_errors

Floats = NDArray[np.float32]

_LEAST_LEFT = 0.3
"""MXNet's min_eject_coverage: of a box that is cut at least this share of its area is left."""


class BatchLabels(Protocol):
    """What becomes of samples' labels: of each an array of `shape`, of `fill` where it is empty."""

    shape: tuple[int, ...]
    fill: float

    def read(self, header: IRHeader) -> Any:
        """Those of a sample. Raises RecordError for what is not of this kind."""

    def put(
        self, labels: Any, rows: Floats, row: int, plan: GeometryPlan, *, mirrored: bool
    ) -> None:
        """Puts what was read into one of the rows, which is empty, as the image was changed."""


class LabelSource:
    """Where labels come from: the records themselves, or by their ids a `.lst`."""

    def __init__(self, images: ImageList | None) -> None:
        self.images = images
        self._ids = None if images is None else KeyTable(images.keys)

    def of(self, header: IRHeader) -> Any:
        if self.images is None or self._ids is None:
            return header.label
        at = self._ids.find(header.id)
        if at is None:
            raise ListError(f"{self.images.name} has no line for the id {header.id} of this record")
        return self.images[at].labels


class Vectors:
    """`width` labels of each sample, just as they are; a number where that is 1."""

    fill = 0.0

    def __init__(self, source: LabelSource, width: int) -> None:
        if source.images is not None:
            source.images.check_width(width, exactly=True)
        self._source, self._width = source, width
        self.shape: tuple[int, ...] = () if width == 1 else (width,)

    def read(self, header: IRHeader) -> list[float]:
        labels = label_list(self._source.of(header))
        if len(labels) != self._width:
            boxes = (
                "; they look like boxes, which ImageDetRecordIter gives"
                if are_boxes(labels)
                else ""
            )
            raise HeaderError(
                f"it has {plural(len(labels), 'label')}, and label_width is {self._width}{boxes}"
            )
        return labels

    def put(
        self, labels: list[float], rows: Floats, row: int, plan: GeometryPlan, *, mirrored: bool
    ) -> None:
        rows[row] = labels if self.shape else labels[0]


class BoxRows:
    """The boxes of each sample, in as many rows as the most that any has; -1 behind its last."""

    fill = -1.0

    def __init__(self, source: LabelSource, most: int, width: int) -> None:
        self._source = source
        self.shape: tuple[int, ...] = (most, width)

    def read(self, header: IRHeader) -> Boxes:
        boxes = boxes_of(self._source.of(header))
        if boxes.shape[1] != self.shape[1]:
            raise HeaderError(
                f"a box has {boxes.shape[1]} numbers, and {self.shape[1]} in the first sample"
            )
        check_fractions(boxes)
        return boxes

    def put(
        self, labels: Boxes, rows: Floats, row: int, plan: GeometryPlan, *, mirrored: bool
    ) -> None:
        boxes = moved(labels, plan, mirrored=mirrored)
        rows[row, : len(boxes)] = boxes


def moved(boxes: Boxes, plan: GeometryPlan, *, mirrored: bool) -> Boxes:
    """Boxes of an image as fractions of what the plan makes of it, which has no Warp.

    They are cut at its edges. Those without an area are left out, as MXNet's ImageDetIter does, and
    those of which less than 0.3 is left.
    """
    origin = plan.origin()
    across, _, left, _, down, top = origin.matrix
    corners = boxes[:, 1:5].astype(np.float64)
    wide = (corners[:, 2] - corners[:, 0]) * origin.source[0] / across / origin.size[0]
    high = (corners[:, 3] - corners[:, 1]) * origin.source[1] / down / origin.size[1]
    for first, side, begin, step in ((0, 0, left, across), (1, 1, top, down)):
        points = (corners[:, first::2] * origin.source[side] - begin) / step
        corners[:, first::2] = (points / origin.size[side]).clip(0, 1)
    if mirrored:
        corners[:, [2, 0]] = 1 - corners[:, [0, 2]]
    left_over = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    made = boxes.copy()
    made[:, 1:5] = corners
    kept: Boxes = made[(wide > 0) & (high > 0) & (left_over >= _LEAST_LEFT * wide * high)]
    return kept


def box_rows(
    reader: RecordReader, positions: NDArray[np.int64], source: LabelSource, *, skip: bool
) -> BoxRows:
    """Made for these samples: found in their headers, no image is touched.

    Raises RecordError, with the key, for one whose labels are no boxes, or of another width than
    the first one's; with `skip` those are passed over, so long as there is one that is right.
    """
    positions = positions if not skip else _readable(reader, positions)
    begins, widths, counts = _layouts(reader, positions, source)
    right = have_layout(begins, widths, counts)
    rows = np.zeros(len(positions))
    rows[right] = (counts[right] - begins[right]) / widths[right]
    width = int(widths[right][0]) if right.any() else BOX_WIDTH
    right &= widths == width
    made = BoxRows(source, max(1, int(rows[right].max(initial=1))), width)
    wrong = positions[~right]
    if len(wrong) and not (skip and right.any()):
        with named_errors(reader, int(wrong[0])):
            made.read(unpack(reader[int(wrong[0])])[0])
    return made


def _layouts(
    reader: RecordReader, positions: NDArray[np.int64], source: LabelSource
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The first two labels of each sample, and how many it has; 0 where there are none."""
    columns = np.zeros((3, len(positions)))
    if source.images is None:
        columns[2] = reader.headers(positions).widths
        several = np.flatnonzero(columns[2] > 1)
        columns[:2, several] = reader.labels(positions[several], width=2).T
        return columns[0], columns[1], columns[2]
    for number, id_ in enumerate(reader.headers(positions).ids.tolist()):
        try:
            labels = source.of(IRHeader(0, 0.0, id_, 0))
        except ListError:
            continue
        columns[:, number] = (*labels[:2], len(labels)) if len(labels) > 1 else 0
    return columns[0], columns[1], columns[2]


def _readable(reader: RecordReader, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those whose header can be read."""
    try:
        reader.headers(positions)
    except RecordError:
        return np.array([at for at in positions.tolist() if _has_header(reader, at)], np.int64)
    return positions


def _has_header(reader: RecordReader, position: int) -> bool:
    try:
        reader.headers(np.array([position], np.int64))
    except RecordError:
        return False
    return True
