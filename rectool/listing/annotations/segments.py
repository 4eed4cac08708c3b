"""The boxes of COCO's segmentations: polygons, and masks as the lengths of their runs (RLE)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from ...errors import ListError
from .base import FAR
from .json_values import found, is_place

_LONGEST_NUMBER = 13  # letters of a run's length, 5 bits each: no image has longer ones


def box_of(segmentation: Any) -> list[float]:
    """x, y, width and height of a segmentation. Raises ListError, saying why, where it has none."""
    if type(segmentation) is dict:
        return _box_of_runs(segmentation)
    parts = segmentation if type(segmentation) is list else []
    if parts and all(type(part) is list for part in parts):
        places = list(chain.from_iterable(parts))
        even = all(len(part) % 2 == 0 for part in parts)
    else:
        places, even = parts, len(parts) % 2 == 0
    if not places or not even or not all(map(is_place, places)):
        raise ListError(f"segmentation should be polygons or RLE, found {found(segmentation)}")
    across, down = places[::2], places[1::2]
    left, top = min(across), min(down)
    return [left, top, max(across) - left, max(down) - top]


def _box_of_runs(rle: dict[str, Any]) -> list[float]:
    """Runs alternate between outside and inside, and go down the columns."""
    size, counts = rle.get("size"), rle.get("counts")
    if (
        type(size) is not list
        or len(size) != 2
        or not all(type(side) is int and 0 < side < FAR for side in size)
    ):
        raise ListError(f"size of RLE should be height and width, found {found(size)}")
    height, width = size
    runs = _uncompressed(counts) if type(counts) is str else counts
    if type(runs) is not list or not all(type(run) is int and run >= 0 for run in runs):
        raise ListError(f"counts of RLE should be lengths of runs, found {found(counts)}")
    if sum(runs) != height * width:
        raise ListError(f"the RLE has {sum(runs)} pixels, and the image {width}x{height}")
    return _around(runs, height)


def _around(runs: Iterable[int], height: int) -> list[float]:
    left = top = None
    right = bottom = at = 0
    inside = False
    for run in runs:
        if inside and run:
            column, row = divmod(at, height)
            last_column, last_row = divmod(at + run - 1, height)
            left = column if left is None else left
            right = last_column + 1
            whole = column != last_column
            first, last = (0, height - 1) if whole else (row, last_row)
            top = first if top is None else min(top, first)
            bottom = max(bottom, last + 1)
        at += run
        inside = not inside
    if left is None or top is None:
        raise ListError("the RLE has no pixel inside")
    return [left, top, right - left, bottom - top]


def _uncompressed(text: str) -> list[int] | None:
    """The lengths in COCO's compressed RLE: from the fourth on, differences to the last but one."""
    runs: list[int] = []
    number = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift >= 5 * _LONGEST_NUMBER:
            return None
        number |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    return None if shift else runs
