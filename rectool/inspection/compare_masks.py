"""Masks in a `.rec` of their own, record for record those of the images in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..errors import ImageError, RecordError, plural, shown
from ..format.check_masks import KeyDifference, Keys, key_difference
from ..format.header import unpack
from ..format.key_table import KeyTable
from ..imaging.probe import check_lossless, png_samples
from .rows_and_summary import Records, Row

MOST_NAMED = 20
"""So many records that do not match are named."""

LOOKED_AT = 100
"""So many masks are decoded, to tell which numbers they hold."""

_LOSSLESS = ("PNG", "GIF", "BMP")


@dataclass
class Pair:
    """How masks match the images in `images`.

    Of all `records` (those that only one side has among them), `different` do not match in key, id,
    label or size, or have no mask without loss. `ordered` says whether the keys are in the same
    order. `problems` tell of both; `unnamed` counts the records beyond the first MOST_NAMED.
    Records that are damaged are different, and not named here. `masks` counts masks by what a pixel
    is: "8 bits", "3 channels", or where that is not known at once the format. `numbers` are those
    in the `decoded` masks of one channel: at most LOOKED_AT of all, evenly spread.
    """

    images: str
    records: int = 0
    different: int = 0
    ordered: bool = True
    problems: list[RecordError] = field(default_factory=list)
    unnamed: int = 0
    masks: Counter[str] = field(default_factory=Counter)
    numbers: set[int] = field(default_factory=set)
    decoded: int = 0

    @property
    def matches(self) -> bool:
        return self.ordered and not self.different


def compare(images: Records, masks: Records) -> Pair:
    """Goes through both once. Sizes are those in the images' own headers, as they are stored."""
    pair = Pair(images.name)
    keys, of = (images.index.keys, masks.index.keys), shown(images.name)
    difference = key_difference(*keys)
    pair.ordered = difference.ordered
    if len(images) != len(masks):
        reason = f"{plural(len(masks), 'record')}, and {len(images)} in {of}"
        pair.problems.append(RecordError(reason, path=masks.name))
    if not difference.ordered:
        reason = f"its keys are in another order than those of {of}"
        pair.problems.append(RecordError(reason, path=masks.name))
    general = len(pair.problems)
    for key, path, fault in _faults(images, masks, difference, pair):
        pair.records += 1
        pair.different += fault is not None
        if fault and len(pair.problems) < general + MOST_NAMED:
            pair.problems.append(RecordError(f"key {key}: {fault}", path=path))
        elif fault:
            pair.unnamed += 1
    return pair


def _faults(
    images: Records, masks: Records, difference: KeyDifference, pair: Pair
) -> Iterator[tuple[int, str, str | None]]:
    """Of each record its key, the file that has the mask, and what does not match: None if nothing
    does, "" where what is wrong has been said.
    """
    of = shown(images.name)
    for key in difference.missing.tolist():
        yield key, masks.name, f"is in {of}, and not here"
    for key in difference.extra.tolist():
        yield key, masks.name, f"is not in {of}"
    step = -(-len(masks) // LOOKED_AT)
    for at_image, at_mask in _matched(images.index.keys, masks.index.keys, difference):
        key = int(masks.index.keys[at_mask])
        try:
            image, mask = images.row(at_image), masks.row(at_mask)
        except RecordError:  # whoever looks at all records of both has named it
            yield key, masks.name, ""
            continue
        faults = list(_unlike(image, mask, of))
        if mask.width is not None:
            payload = unpack(masks.view(at_mask))[1]
            pair.masks[_kind_of(payload, mask.holds)] += 1
            if mask.holds not in _LOSSLESS:
                faults += _loss(payload)
            if not faults and at_mask % step == 0:
                faults += _numbers(payload, pair)
        yield key, mask.rec or masks.name, "; ".join(faults) or None


def _matched(images: Keys, masks: Keys, difference: KeyDifference) -> Iterable[tuple[int, int]]:
    """The positions of images and their masks, in the order of the masks."""
    if not difference:
        return ((position, position) for position in range(len(masks)))
    images_at, masks_at = KeyTable(images).find, KeyTable(masks).find
    found = ((images_at(key), position) for position, key in enumerate(masks.tolist()))
    return (
        (image, mask)
        for image, mask in found
        if image is not None and mask == masks_at(int(masks[mask]))
    )


def _unlike(image: Row, mask: Row, of: str) -> Iterator[str]:
    """In what a mask's record is unlike its image's, which is in the file `of`."""
    if image.id != mask.id:
        yield f"id {mask.id}, and {image.id} in {of}"
    if len(image.labels) != len(mask.labels):
        yield f"{plural(len(mask.labels), 'label')}, and {len(image.labels)} in {of}"
    elif image.labels != mask.labels:
        pairs = np.array([mask.labels, image.labels])
        unlike = np.flatnonzero((pairs[0] != pairs[1]) & ~np.isnan(pairs).all(axis=0))
        for at in unlike[:1].tolist():
            which = f" {at}" if len(mask.labels) > 1 else ""
            yield f"label{which} {mask.labels[at]:.9g}, and {image.labels[at]:.9g} in {of}"
    if image.width is None or mask.width is None:
        if image.holds != mask.holds:
            yield f"holds {mask.holds}, and {image.holds} in {of}"
        elif mask.payload:
            yield f"holds {mask.holds}"
    elif (mask.width, mask.height) != (image.width, image.height):
        size = f"{image.width}x{image.height}"
        yield f"{mask.width}x{mask.height} pixels, and {size} in {of}"


def _kind_of(mask: memoryview, format_: str) -> str:
    samples = png_samples(mask)
    if samples is None:
        return format_
    bits, channels = samples
    return plural(channels, "channel") if channels > 1 else plural(bits, "bit")


def _numbers(mask: memoryview, pair: Pair) -> list[str]:
    """Adds a mask's numbers to the pair's. Returns why there are none."""
    from ..imaging.masks import decode_mask  # noqa: PLC0415 - the rest needs no Pillow

    try:
        numbers = decode_mask(bytes(mask))
    except ImageError as error:
        return [error.message]
    if numbers.ndim == 2:
        pair.numbers.update(np.unique(numbers).tolist())
        pair.decoded += 1
    return []


def _loss(mask: memoryview) -> list[str]:
    try:
        check_lossless(bytes(mask))
    except ImageError as error:
        return [error.message]
    return []
