"""Boxes as labels: MXNet's detection layout.

A record's labels are `A B ... (class xmin ymin xmax ymax ...) (class ...) ...`: A numbers before
the boxes, A and B themselves among them, and B numbers a box, 5 or more. Coordinates are fractions
of the image's width and height, from 0 to 1. A class below 0 is no box: MXNet fills up with such
ones, and its ImageDetRecordIter takes them, and nothing shorter, for an image without boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import HeaderError, plural

BOX_WIDTH = 5
"""Numbers that each box has at least: class, xmin, ymin, xmax, ymax."""

Boxes = NDArray[np.float32]
"""(boxes, 5 or more)."""

Columns = NDArray[np.floating[Any] | np.integer[Any]]

_HEADER_WIDTH = 2
_TOO_WIDE = 1 << 24
_WIDEST = 64  # numbers of a header or a box, in what is meant to be this layout
_FARTHEST = 1  # outside of the image, which is 1 wide and high


def box_labels(boxes: ArrayLike) -> list[float]:
    """The labels of a record with these boxes, (boxes, 5 or more); also of none, (0, 5 or more)."""
    rows = np.asarray(boxes, np.float64)
    if rows.ndim != 2 or rows.shape[1] < BOX_WIDTH:
        raise ValueError(f"boxes must have the shape (boxes, 5 or more), got {rows.shape}")
    if not len(rows):
        rows = np.full((1, rows.shape[1]), -1.0)
    labels: list[float] = [_HEADER_WIDTH, rows.shape[1], *rows.ravel().tolist()]
    return labels


def boxes_of(labels: Any) -> Boxes:
    """The boxes in a record's labels, each of a class from 0: a new array, (boxes, 5 or more).

    Raises HeaderError for labels that are not of this layout.
    """
    values = np.asarray(labels, np.float32).ravel()
    begin, width = _layout(values)
    rows = values[begin:].reshape(-1, width)
    return rows[rows[:, 0] >= 0]


def check_fractions(boxes: Boxes) -> None:
    """Raises HeaderError where a corner is farther outside of the image than the image is large."""
    corners = boxes[:, 1:BOX_WIDTH]
    far = ((corners < -_FARTHEST) | (corners > 1 + _FARTHEST)).any(axis=1)
    if far.any():
        numbers = ", ".join(f"{value:g}" for value in boxes[far.argmax(), :BOX_WIDTH].tolist())
        raise HeaderError(
            f"the box {numbers} (class, xmin, ymin, xmax, ymax): corners are fractions of the"
            " image's width and height, from 0 to 1, and these look like pixels: divide those by"
            " width and height, or cut boxes at the image's edges, and pack anew"
        )


def are_boxes(labels: Any) -> bool:
    """Whether labels are of this layout, so far as it can be known."""
    try:
        _layout(np.asarray(labels, np.float32).ravel())
    except HeaderError:
        return False
    return True


def broken_layout(labels: Any) -> str | None:
    """What is wrong with labels that are meant for this layout but are not of it; else None.

    They are meant for it where boxes of the width that they begin with are found in them.
    """
    values = np.asarray(labels, np.float64).ravel().tolist()
    begin, width = values[:_HEADER_WIDTH] if len(values) > _HEADER_WIDTH else (0.0, 0.0)
    sane = _HEADER_WIDTH <= begin <= _WIDEST and BOX_WIDTH <= width <= _WIDEST
    if not sane or not begin.is_integer() or not width.is_integer():
        return None
    rest = len(values) - int(begin)
    if rest < 1 or rest % int(width) == 0:
        return None
    right = int(begin) + rest % int(width)
    start = f"{plural(len(values), 'label')} beginning with {begin:g} {width:g}"
    why = f"{start}, of which {rest} are for boxes: no multiple of {width:g}"
    if rest < width:
        return why if _may_begin_box(values[int(begin) :]) else None
    if _may_be_box(values[right:]):
        return f"{why} (with {right} in place of {begin:g} they are)"
    return why if _may_be_box(values[int(begin) :]) else None


def _may_be_box(values: list[float]) -> bool:
    label, left, top, right, bottom = values[:BOX_WIDTH]
    return label >= 0 and label.is_integer() and 0 <= left < right and 0 <= top < bottom


def _may_begin_box(values: list[float]) -> bool:
    label, corners = values[0], values[1:]
    inside = label >= 0 and label.is_integer() and all(0 <= corner <= 1 for corner in corners)
    return inside and not all(corner.is_integer() for corner in corners)


def have_layout(begins: Columns, widths: Columns, counts: Columns) -> NDArray[np.bool_]:
    """The same of many records: their first and second labels, and how many each has."""
    whole = (begins == np.floor(begins)) & (widths == np.floor(widths))
    fits = whole & (begins >= _HEADER_WIDTH) & (begins <= counts)
    fits &= (widths >= BOX_WIDTH) & (widths < _TOO_WIDE)
    left = np.where(fits, counts - begins, 0) % np.where(fits, widths, 1)
    found: NDArray[np.bool_] = fits & (left == 0)
    return found


def _layout(values: NDArray[np.float32]) -> tuple[int, int]:
    """Where the boxes begin, and how many numbers each has."""
    count = len(values)
    begin, width = map(float, values[:2] if count >= _HEADER_WIDTH else (0, 0))
    fits = _HEADER_WIDTH <= begin <= count and BOX_WIDTH <= width < _TOO_WIDE
    whole = fits and begin.is_integer() and width.is_integer()
    if not whole or (count - begin) % width:
        start = ", ".join(f"{value:g}" for value in values[:3].tolist())
        raise HeaderError(
            f"these are not labels of boxes: {plural(count, 'label')} ({start}"
            f"{', ...' * (count > 3)}). They must begin with two numbers: how many stand before the"
            " boxes, 2 or more, and how many each box has, 5 or more"
        )
    return int(begin), int(width)
