"""What is done to images and their boxes: the base, choices, flips."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....format.boxes import Boxes
from ...nd import NDArray, flip
from ..augmenters import Augmenter, Described


class DetAugmenter(Described):
    """Base of what is called with an image, HxWxC, and its boxes, and returns both.

    Boxes are rows of class, xmin, ymin, xmax, ymax and what more there is, (boxes, 5 or more), with
    coordinates from 0 to 1. Those that an augmenter is given stay as they are. A subclass overrides
    `__call__`.
    """

    def __call__(self, src: NDArray, label: Any) -> tuple[NDArray, Any]:
        raise TypeError(f"{type(self).__name__} has no __call__ of its own")


def as_boxes(label: Any) -> Boxes:
    """Boxes as an array of floats."""
    boxes = np.asarray(label)
    return boxes if boxes.dtype.kind == "f" else boxes.astype(np.float32)


class DetBorrowAug(DetAugmenter):
    """An mx.image.Augmenter that leaves boxes where they are. Raises TypeError for another."""

    def __init__(self, augmenter: Augmenter) -> None:
        if not isinstance(augmenter, Augmenter):
            raise TypeError(f"DetBorrowAug requires an mx.image.Augmenter, got {augmenter!r}")
        super().__init__(augmenter=augmenter.dumps())
        self.augmenter = augmenter

    def dumps(self) -> Any:
        """A list with the augmenter's own, as in MXNet, and no JSON."""
        return [type(self).__name__.lower(), self.augmenter.dumps()]

    def __call__(self, src: NDArray, label: Any) -> tuple[NDArray, Any]:
        return self.augmenter(src), label


class DetRandomSelectAug(DetAugmenter):
    """One of several, each as likely; none of them with the probability `skip_prob`.

    Raises ValueError for what is no DetAugmenter.
    """

    def __init__(
        self, aug_list: DetAugmenter | Sequence[DetAugmenter], skip_prob: float = 0
    ) -> None:
        super().__init__(skip_prob=skip_prob)
        given: Any = aug_list
        self.aug_list: list[DetAugmenter] = (
            list(given) if isinstance(given, list | tuple) else [given]
        )
        for one in self.aug_list:
            if not isinstance(one, DetAugmenter):
                raise ValueError(f"DetRandomSelectAug requires DetAugmenters, got {one!r}")
        self.skip_prob = skip_prob if self.aug_list else 1

    def dumps(self) -> Any:
        """A list with the augmenters' own, as in MXNet, and no JSON."""
        return [type(self).__name__.lower(), [one.dumps() for one in self.aug_list]]

    def __call__(self, src: NDArray, label: Any) -> tuple[NDArray, Any]:
        if random.random() < self.skip_prob:
            return src, label
        random.shuffle(self.aug_list)  # not random.choice: MXNet's draws
        return self.aug_list[0](src, label)


class DetHorizontalFlipAug(DetAugmenter):
    """Left to right, with the probability `p`."""

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: NDArray, label: Any) -> tuple[NDArray, Any]:
        if random.random() >= self.p:
            return src, label
        boxes = as_boxes(label).copy()
        boxes[:, (1, 3)] = 1 - boxes[:, (3, 1)]
        return flip(src, axis=1), boxes
