"""Whether masks belong to images, record for record: their keys, ids and labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError, plural, shown
from .header import IRHeader, label_list

Keys = NDArray[np.int64]


class KeyDifference(NamedTuple):
    """Keys that only the images have, keys that only the masks have, and whether those that both
    have are in the same order, each as often. False if there is none.
    """

    missing: Keys
    extra: Keys
    ordered: bool

    def __bool__(self) -> bool:
        return len(self.missing) > 0 or len(self.extra) > 0 or not self.ordered


def key_difference(images: Keys, masks: Keys) -> KeyDifference:
    """False if both are the same, which is quick to find out."""
    none = np.empty(0, np.int64)
    if np.array_equal(images, masks):
        return KeyDifference(none, none, True)
    missing, extra = np.setdiff1d(images, masks), np.setdiff1d(masks, images)
    common = images[~np.isin(images, missing)], masks[~np.isin(masks, extra)]
    return KeyDifference(missing, extra, np.array_equal(*common))


def check_keys(images: Keys, masks: Keys, images_name: str, masks_name: str) -> None:
    """Raises RecordError, with the first difference, unless both are the same in the same order."""
    if np.array_equal(images, masks):
        return
    shorter = min(len(images), len(masks))
    differ = np.flatnonzero(images[:shorter] != masks[:shorter])
    at = int(differ[0]) if len(differ) else shorter
    if len(images) != len(masks):
        what = f"{plural(len(masks), 'record')}, not {len(images)}"
    elif key_difference(images, masks).missing.size:
        what = "other keys"
    else:
        what = "its keys in another order"
    raise RecordError(
        f"these are no masks of {shown(images_name)}: {what}; the first difference is at position"
        f" {at}, {_key(masks, at)}, not {_key(images, at)}",
        path=masks_name,
    )


def _key(keys: Keys, at: int) -> str:
    return f"the key {keys[at]}" if at < len(keys) else "the end"


def header_difference(image: IRHeader, mask: IRHeader) -> str | None:
    """What of a mask's header is not its image's, id or labels: "the id 7, and its image 8"."""
    if mask.id != image.id:
        return f"the id {mask.id}, and its image {image.id}"
    ours, theirs = label_list(mask.label), label_list(image.label)
    if ours != theirs and not np.array_equal(ours, theirs, equal_nan=True):
        return f"{_labels_text(ours)}, and its image {_labels_text(theirs)}"
    return None


def _labels_text(labels: list[float]) -> str:
    values = ", ".join(f"{value:.9g}" for value in labels[:8])
    more = ", ..." if len(labels) > 8 else ""
    return f"the label {values}" if len(labels) == 1 else f"the labels {values}{more}"
