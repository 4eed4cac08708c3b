"""Batches of images and their boxes: `ImageDetIter`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import StrPath
from .augment.options import Augmentation
from .keywords import names_of, refuse_unknown
from .labels import Labels, Source, box_rows
from .record_iter import ImageRecordIter, whole
from .samples import as_array


class ImageDetIter(ImageRecordIter):
    """ImageRecordIter with boxes for labels, in MXNet's detection layout; see there for the rest.

    Batches are what mx.image.ImageDetIter gives, and parameters are ImageRecordIter's: MXNet's own
    ones, crops and pads among them, are those of rectool.mx.image.ImageDetIter.

    `label[0]` of a batch has the shape (batch_size, boxes, box width), float32: the rows of a
    sample are its boxes, [class, xmin, ymin, xmax, ymax, ...], fractions of the width and height of
    the batch's image, and behind the last of them rows of -1; nothing else of an image without
    objects. The shape is found on opening, from the headers of the whole set, images untouched: as
    many rows as the most that a record has, among them such as have a class below 0; or
    `max_boxes`, if it is given, which other sets may share.

    Images are resized to data_shape whatever their proportions, `force_resize`, unless `rand_crop`
    or crop sizes ask for another way. Boxes follow their images through it, crops, pads and
    mirroring; they are cut at the image's edges, and left out if less than 0.3 of their area is
    left (MXNet's min_eject_coverage) or if they have none.

    `**parameters` are all of ImageRecordIter's and of Augmentation's but label_width; `masks` too.

    Raises as ImageRecordIter does, and ValueError for rotations, shears and random scales and
    proportions, for boxes are not turned. Labels that are no boxes, or of another box width than
    the first sample's, raise HeaderError, with the key, on opening; boxes in pixels do once their
    image's turn comes. With `on_error` "skip" such samples are skipped.
    """

    def __init__(
        self,
        path_imgrec: StrPath | Sequence[StrPath],
        data_shape: Sequence[int],
        batch_size: int,
        *,
        label_name: str = "label",
        max_boxes: int | None = None,
        **parameters: Any,
    ) -> None:
        if max_boxes is not None:
            max_boxes = whole("max_boxes", max_boxes)
        self._max_boxes = max_boxes
        known = names_of(ImageRecordIter, Augmentation)
        known.remove("label_width")
        elsewhere = "; rectool.mx.image.ImageDetIter has those of MXNet's"
        refuse_unknown("ImageDetIter", parameters, known, elsewhere)
        crops = ("rand_crop", "min_crop_size", "max_crop_size")
        given = any(parameters.get(name, -1) not in (-1, False) for name in crops)
        parameters = {"force_resize": not given, **parameters}
        super().__init__(path_imgrec, data_shape, batch_size, label_name=label_name, **parameters)

    def _labels(self, aug: Augmentation, source: Source, label_width: int, *, skip: bool) -> Labels:
        if aug.warps:
            raise ValueError(
                "boxes are not turned: no rotation, shear or random scale or proportions"
                " (max_aspect_ratio goes with random_resized_crop) for ImageDetIter"
            )
        rows = box_rows(self.reader, as_array(self._positions), source, skip=skip)
        if self._max_boxes is not None:
            most, width = rows.shape
            if self._max_boxes < most:
                raise ValueError(f"max_boxes {self._max_boxes}: there are records with {most}")
            rows.shape = (self._max_boxes, width)
        return rows
