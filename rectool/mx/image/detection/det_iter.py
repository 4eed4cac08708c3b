"""`mx.image.ImageDetIter`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray as Array

from ....errors import HeaderError, StrPath
from ....format.boxes import Boxes, boxes_of
from ....loading import DataDesc
from ....loading.unknown_keywords import names_of
from ... import nd
from ...nd import NDArray
from ..augmenters import ForceResizeAug
from ..image_iter import ImageIter, check_options
from ..samples import naming_sample
from .augmenters import DetAugmenter, DetBorrowAug
from .create import CreateDetAugmenter

_log = logging.getLogger(__name__)


class ImageDetIter(ImageIter):
    """Batches of images with boxes: an ImageIter, which see for the parameters that it has too.

    The labels of each image are of MXNet's detection layout, `A B ... (class xmin ymin xmax ymax
    ...) ...`: A numbers before the boxes, B a box, with coordinates from 0 to 1. Boxes of no width
    or height, or of a class below 0, are left out. An image without boxes is one like any other.

    `batch.label[0]` is (batch_size, boxes, B), float32, with rows of -1 behind an image's boxes:
    `label_shape` is (boxes, B), room for the image that has most, found when the iterator is made;
    of a `.rec` only the headers are read for that. Images and boxes go through `aug_list`, or
    through CreateDetAugmenter(data_shape, ...), which takes all further arguments.

    Subclasses may override `_parse_label` beside what those of ImageIter may; check_valid_image
    gets a list of one image here, as in MXNet.

    Raises, besides what ImageIter does, HeaderError for labels of another layout, and where B is
    not the same for all images; it names the file and the key.
    """

    def __init__(
        self,
        batch_size: int,
        data_shape: Sequence[int],
        path_imgrec: StrPath | None = None,
        path_imglist: StrPath | None = None,
        path_root: StrPath | None = None,
        path_imgidx: StrPath | None = None,
        shuffle: bool = False,
        part_index: int = 0,
        num_parts: int = 1,
        aug_list: list[DetAugmenter] | None = None,
        imglist: Sequence[Sequence[Any]] | None = None,
        data_name: str = "data",
        label_name: str = "label",
        last_batch_handle: Literal["pad", "discard", "roll_over"] = "pad",
        **kwargs: Any,
    ) -> None:
        known = names_of(ImageDetIter, CreateDetAugmenter)
        check_options(type(self).__name__, kwargs, aug_list, known)
        super().__init__(
            batch_size,
            data_shape,
            path_imgrec=path_imgrec,
            path_imglist=path_imglist,
            path_root=path_root,
            path_imgidx=path_imgidx,
            shuffle=shuffle,
            part_index=part_index,
            num_parts=num_parts,
            aug_list=[],
            imglist=imglist,
            data_name=data_name,
            label_name=label_name,
            last_batch_handle=last_batch_handle,
        )
        made = CreateDetAugmenter(self.data_shape, **kwargs) if aug_list is None else aug_list
        self.auglist = made
        self.label_shape = self._estimate_label_shape()
        self.provide_label = [DataDesc(label_name, (batch_size, *self.label_shape))]
        for _ in range(2):  # MXNet shuffles before and after it counts, and once before that
            self.reset()

    def _estimate_label_shape(self) -> tuple[int, int]:
        """The most boxes of an image, one at least, and the numbers of each box."""
        most, width, first = 1, 0, -1
        for position, label in self.samples.labels(np.unique(self._positions)):
            boxes = self._boxes(position, label)
            if first < 0:
                first, width = position, boxes.shape[1]
            if boxes.shape[1] != width:
                error = HeaderError(
                    f"boxes have {boxes.shape[1]} numbers, and those of {self._name_of(first)} have"
                    f" {width}"
                )
                raise naming_sample(error, self.samples.name_of(position))
            most = max(most, len(boxes))
        return most, width

    def _boxes(self, position: int, label: Any) -> Boxes:
        """What _parse_label makes of a sample's label; errors name it."""
        try:
            return self._parse_label(label)
        except HeaderError as error:
            raise naming_sample(error, self.samples.name_of(position)) from None
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self._name_of(position)}: {error}") from error

    def _parse_label(self, label: Any) -> Boxes:
        """The boxes in an image's label, (boxes, 5 or more)."""
        boxes = boxes_of(label)
        return boxes[(boxes[:, 3] > boxes[:, 1]) & (boxes[:, 4] > boxes[:, 2])]

    def _check_image(self, image: NDArray) -> None:
        self.check_valid_image([image])

    def _transformed(self, image: NDArray, label: Any) -> tuple[NDArray, Any]:
        """The sample read last, augmented."""
        return self.augmentation_transform(image, self._boxes(self._last, label))

    def _augmented(self, image: NDArray, label: Any) -> tuple[NDArray, Any]:
        augmented, boxes = self._transformed(image, label)
        rows = np.asarray(boxes)
        most, width = self.label_shape
        if rows.ndim != 2 or rows.shape[1] != width or len(rows) > most:
            raise ValueError(
                f"{self._where()}: boxes of shape {rows.shape}, and label_shape, which reshape()"
                f" sets, is {self.label_shape}"
            )
        padded = np.full(self.label_shape, -1, np.float32)
        padded[: len(rows)] = rows
        return augmented, padded

    def augmentation_transform(  # type: ignore[override]  # as in MXNet
        self, data: NDArray, label: Any
    ) -> tuple[NDArray, Any]:
        """Image and boxes after all augmenters."""
        for augmenter in self.auglist:
            data, label = augmenter(data, label)
        return data, label

    def reshape(
        self, data_shape: Sequence[int] | None = None, label_shape: Sequence[int] | None = None
    ) -> None:
        """From now on images are of `data_shape` and labels of `label_shape`, as far as given.

        What of `auglist` resizes to the old `data_shape` resizes to the new one (MXNet left that to
        the caller). Raises ValueError for shapes that cannot be; see check_label_shape.
        """
        if label_shape is not None:
            self.check_label_shape(label_shape)
        if data_shape is not None:
            self._reshape_data(tuple(data_shape))
        if label_shape is not None:
            self._reshape_label((label_shape[0], label_shape[1]))

    def _reshape_data(self, shape: tuple[int, ...]) -> None:
        self.check_data_shape(shape)
        if self._rest is not None and shape != self.data_shape:
            raise ValueError(
                f"samples of {self.data_shape} are to be rolled over: hard_reset() drops them"
            )
        old, new = self.data_shape[:0:-1], shape[:0:-1]
        self.auglist = [
            DetBorrowAug(ForceResizeAug(new, one.augmenter.interp)) if _forces(one, old) else one
            for one in self.auglist
        ]
        self.provide_data = [DataDesc(self.provide_data[0].name, (self.batch_size, *shape))]
        self.data_shape = shape

    def _reshape_label(self, shape: tuple[int, int]) -> None:
        self.provide_label = [DataDesc(self.provide_label[0].name, (self.batch_size, *shape))]
        self.label_shape = shape
        if self._rest is not None:
            data, label, filled = self._rest
            wider = nd.array(np.full(self.provide_label[0].shape, -1))
            wider[:, : label.shape[1]] = label
            self._rest = data, wider, filled

    def check_label_shape(self, label_shape: Sequence[int]) -> None:
        """Raises ValueError unless this is (boxes, B), with no fewer boxes and the same B."""
        most, width = self.label_shape
        if len(label_shape) != 2 or label_shape[0] < most or label_shape[1] != width:
            raise ValueError(
                f"label_shape {tuple(label_shape)}: it is {self.label_shape}, and can only get more"
                " rows"
            )

    def sync_label_shape(self, it: ImageDetIter, verbose: bool = False) -> ImageDetIter:
        """Gives both iterators the larger `label_shape` of the two, and returns the other one.

        `verbose` logs it. Raises TypeError for another iterator, ValueError where boxes differ in
        their numbers.
        """
        if not isinstance(it, ImageDetIter):
            raise TypeError(f"sync_label_shape requires an ImageDetIter, got {it!r}")
        if it.label_shape[1] != self.label_shape[1]:
            raise ValueError(
                f"boxes have {self.label_shape[1]} numbers here, and {it.label_shape[1]} there"
            )
        shape = max(self.label_shape, it.label_shape)
        for one in (self, it):
            if one.label_shape != shape:
                one.reshape(label_shape=shape)
                if verbose:
                    _log.info("label_shape is now %s", shape)
        return it

    def draw_next(
        self,
        color: Sequence[float] | None = None,
        thickness: int = 2,
        mean: Any = None,
        std: Any = None,
        clip: bool = True,
        waitKey: int | None = None,  # noqa: N803 - MXNet's name
        window_name: str = "draw_next",
        id2labels: Mapping[int, str] | None = None,
    ) -> Iterator[Array[np.uint8]]:
        """The images from here to the end of the epoch, augmented, with their boxes drawn.

        Each is an array of its own, HxWx3, uint8, BGR as OpenCV has it. `color` is RGB, None for
        one at random for each box; `thickness` in pixels, below 0 for boxes that are filled. `mean`
        and `std`, arrays or True for ImageNet's, undo normalizing; without `clip` values beyond 255
        begin again at 0. `id2labels` has the names of classes. With `waitKey` a window of OpenCV's
        (ImageError without it) shows each for so many milliseconds, 0: until a key is pressed.
        """
        from .drawing import as_pixels, draw_boxes, show  # noqa: PLC0415 - for this alone

        while True:
            try:
                label, encoded = self.next_sample()
            except StopIteration:
                return
            image = self._decoded(encoded)
            if image is None:
                continue
            augmented, boxes = self._transformed(image, label)
            pixels = as_pixels(augmented, mean, std, clip)
            drawn = draw_boxes(pixels, boxes, color, thickness, id2labels)
            picture = np.ascontiguousarray(drawn[:, :, ::-1])
            if waitKey is not None:
                show(window_name, picture, waitKey)
            yield picture


def _forces(augmenter: Any, size: Sequence[int]) -> bool:
    """Whether it resizes to this width and height."""
    borrowed = getattr(augmenter, "augmenter", None)
    return isinstance(borrowed, ForceResizeAug) and tuple(borrowed.size) == tuple(size)
