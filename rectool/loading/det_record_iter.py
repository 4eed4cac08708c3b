"""Batches of images and their boxes: `ImageDetRecordIter`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import StrPath
from .augment.options import Augmentation
from .labels import BatchLabels, LabelSource, box_rows
from .parameters import IteratorOptions
from .record_iter import ImageRecordIter, check_int
from .samples import as_array
from .unknown_keywords import names_of, refuse_unknown

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing only from Python 3.11 on


class ImageDetRecordIter(ImageRecordIter):
    """Batches of images and their boxes: ImageRecordIter for labels in MXNet's detection layout.

    `label[0]` of a batch is float32, (batch_size, boxes, box width): for each box a row [class,
    xmin, ymin, xmax, ymax, ...], in fractions of the width and height of the batch's image, then
    rows of -1. MXNet's `mx.image.ImageDetIter` gives the same batches; its random crops and pads
    are those of rectool.mx.image.ImageDetIter.

    Images are resized to `data_shape` whatever their proportions, unless `rand_crop` or a crop size
    is given. Boxes follow their images through crops, pads and mirroring. They are cut at the
    image's edges, and left out if less than 0.3 of their area is left.

    Args:
        path_imgrec: The `.rec` file, or several shards.
        data_shape: (channels, height, width) of an image in a batch.
        batch_size: Images in a batch.
        label_name: The name in `provide_label`.
        max_boxes: Rows for the boxes of an image. Default: as many as the record with the most
            boxes has, which is found from the headers when the files are opened.
        **parameters: All other parameters of ImageRecordIter and Augmentation, but label_width.

    Raises:
        ValueError: As ImageRecordIter; also for rotations, shears, random scales and proportions,
            since boxes are not turned.
        HeaderError: Labels are no boxes, or boxes have different widths. With on_error="skip" such
            samples are skipped.

    Example:
        >>> batches = ImageDetRecordIter("boxes.rec", (3, 96, 96), 4)
        >>> images, boxes = next(batches)
    """

    def __init__(
        self,
        path_imgrec: StrPath | Sequence[StrPath],
        data_shape: Sequence[int],
        batch_size: int,
        *,
        label_name: str = "label",
        max_boxes: int | None = None,
        **parameters: Unpack[IteratorOptions],
    ) -> None:
        if max_boxes is not None:
            max_boxes = check_int("max_boxes", max_boxes)
        self._max_boxes = max_boxes
        known = names_of(ImageRecordIter, Augmentation)
        known.remove("label_width")
        elsewhere = "; rectool.mx.image.ImageDetIter has those of MXNet's"
        refuse_unknown("ImageDetRecordIter", parameters, known, elsewhere)
        crops = ("rand_crop", "min_crop_size", "max_crop_size")
        given = any(parameters.get(name, -1) not in (-1, False) for name in crops)
        parameters.setdefault("force_resize", not given)
        super().__init__(path_imgrec, data_shape, batch_size, label_name=label_name, **parameters)

    def _labels(
        self, aug: Augmentation, source: LabelSource, label_width: int, *, skip: bool
    ) -> BatchLabels:
        if aug.warps:
            raise ValueError(
                "ImageDetRecordIter cannot turn boxes: it has no rotation, shear, random scale or"
                " proportions (max_aspect_ratio requires random_resized_crop)"
            )
        rows = box_rows(self.reader, as_array(self._positions), source, skip=skip)
        if self._max_boxes is not None:
            most, width = rows.shape
            if self._max_boxes < most:
                raise ValueError(
                    f"max_boxes must be {most} or more, the most boxes of a record, got"
                    f" {self._max_boxes}"
                )
            rows.shape = (self._max_boxes, width)
        return rows
