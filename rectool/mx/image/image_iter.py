"""`mx.image.ImageIter`."""

from __future__ import annotations

import os
import random
from array import array
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray as Array

from ...errors import ImageError, StrPath, plural
from ...format.key_table import KeyTable
from ...imaging.image_files import read_named
from ...loading import DataBatch, DataDesc
from ...loading.unknown_keywords import names_of, refuse_unknown
from .. import nd
from ..base import opening
from ..io import DataIter
from ..nd import NDArray
from ..recordio import MXIndexedRecordIO, MXRecordIO
from .augmenters import Augmenter
from .create import CreateAugmenter
from .decode import imdecode
from .samples import Listed, RecordSamples, naming_sample, open_samples

_HANDLES = ("pad", "discard", "roll_over")
_DTYPES = ("int32", "int64", "float32", "float64")


class ImageIter(DataIter):
    """Batches of images from a `.rec` file, or from image files that a list names.

    The images are those of `path_imgrec`, in the order of `path_imgidx` or else of the file, with
    the labels of the list `path_imglist`, by their keys, if that is given; or the files of the
    `.lst` `path_imglist`; or those of `imglist`, whose items are [label, path],
    [label, label, path] or [[label, label], path]. Paths are relative to `path_root`.

    `batch.data[0]` is an NDArray of (batch_size, 3, height, width), float32, `data_shape` without
    the batch; `batch.label[0]` one of (batch_size,), or of (batch_size, label_width) for more than
    one label, of `dtype`: int32, int64, float32 or float64. Images go through `aug_list`, or
    through CreateAugmenter(data_shape, ...), which takes all further arguments.

    `shuffle` puts the samples into a new order at each reset, by Python's `random`. Of `num_parts`
    equal parts, of which the last begin again at the first sample where it does not come out even,
    the one with the number `part_index` is read.

    `last_batch_handle` says what becomes of samples that fill no batch: "pad" fills it up from the
    beginning (`batch.pad` samples), "discard" leaves them out, "roll_over" gives them first after
    the next `reset`, in a batch whose `pad` counts those behind them. After the last batch there is
    none until `reset`.

    Subclasses may override next_sample, read_image, imdecode, check_valid_image,
    augmentation_transform and postprocess_data. `seq` has the keys of the samples in the order in
    which they are read, without `path_imgidx` their positions, and `cur` says how many have been,
    of `num_image`. `imgrec` is the MXIndexedRecordIO or MXRecordIO of `path_imgrec`, or None.

    Raises TypeError for an argument that nobody knows, ValueError for arguments that have no
    meaning or do not go together, and as opening the files does. Reading raises ImageError for an
    image that cannot be decoded and other RecordErrors for a damaged record, OSError for a file,
    ValueError for labels or an augmented image of another shape; all name the file and the key.
    """

    def __init__(
        self,
        batch_size: int,
        data_shape: Sequence[int],
        label_width: int = 1,
        path_imgrec: StrPath | None = None,
        path_imglist: StrPath | None = None,
        path_root: StrPath | None = None,
        path_imgidx: StrPath | None = None,
        shuffle: bool = False,
        part_index: int = 0,
        num_parts: int = 1,
        aug_list: list[Augmenter] | None = None,
        imglist: Sequence[Sequence[Any]] | None = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
        dtype: str = "float32",
        last_batch_handle: Literal["pad", "discard", "roll_over"] = "pad",
        **kwargs: Any,
    ) -> None:
        who = type(self).__name__
        check_options(who, kwargs, aug_list, names_of(ImageIter, CreateAugmenter))
        if batch_size < 1 or label_width < 1:
            raise ValueError(
                f"batch_size and label_width must be 1 or more, got {batch_size} and {label_width}"
            )
        if last_batch_handle not in _HANDLES:
            raise ValueError(
                f"last_batch_handle must be one of {', '.join(_HANDLES)}, got {last_batch_handle!r}"
            )
        if np.dtype(dtype).name not in _DTYPES:
            raise ValueError(
                f"the dtype of labels must be one of {', '.join(_DTYPES)}, got {dtype}"
            )
        super().__init__(batch_size)
        self.data_shape = tuple(data_shape)
        self.check_data_shape(self.data_shape)
        self.path_root = "" if path_root is None else path_root
        with opening():
            self.samples = open_samples(
                path_imgrec, path_imgidx, path_imglist, imglist, self.path_root
            )
        self._paths = path_imgrec, path_imgidx
        self.label_width = label_width
        self.shuffle = shuffle
        self.last_batch_handle = last_batch_handle
        self.auglist: list[Any] = (
            CreateAugmenter(self.data_shape, **kwargs) if aug_list is None else aug_list
        )
        labels = (batch_size,) if label_width == 1 else (batch_size, label_width)
        self.provide_data = [DataDesc(data_name, (batch_size, *self.data_shape))]
        self.provide_label = [DataDesc(label_name, labels, np.dtype(dtype).type)]
        self._positions = _part(len(self.samples), part_index, num_parts)
        self._table: KeyTable | None = None
        self.seq = array("q", self._positions.tobytes())
        if isinstance(self.samples, RecordSamples) and path_imgidx:
            self._table = KeyTable(self.samples.keys)
            self.seq = array("q", self.samples.keys[self._positions].tobytes())
        self.num_image = len(self.seq)
        self._rest: tuple[NDArray, NDArray, int] | None = None
        self.reset()

    @cached_property
    def imgrec(self) -> MXRecordIO | None:
        rec, idx = self._paths
        if rec is None:
            return None
        return MXIndexedRecordIO(idx, rec, "r") if idx else MXRecordIO(rec, "r")

    @property
    def imglist(self) -> Mapping[int, tuple[NDArray, str]] | None:
        """The label and the path of each item of `seq`; None where images are records."""
        return None if isinstance(self.samples, RecordSamples) else Listed(self.samples)

    @property
    def imgidx(self) -> list[int] | None:
        """The keys of the index, if there is one."""
        return getattr(self.imgrec, "keys", None)

    def reset(self) -> None:
        """Goes back to the beginning, in a new order for `shuffle`."""
        if self.shuffle:
            random.shuffle(self.seq)
        self.cur = 0
        self._ended = False

    def hard_reset(self) -> None:
        """As `reset`, and forgets samples that were to be rolled over."""
        self._rest = None
        self.reset()

    def next_sample(self) -> tuple[Any, bytes]:
        """The next sample's label and encoded image. Raises StopIteration behind the last."""
        if self.cur >= len(self.seq):
            raise StopIteration
        position = self._position_of(self.seq[self.cur])
        self.cur += 1
        label, image = self.samples.read(position)
        if isinstance(image, str):  # as in MXNet, where labels of records are numbers or numpy's
            return nd.array(label, dtype=np.float64).reshape((-1,)), self.read_image(image)
        return label, image

    def next(self) -> DataBatch:
        if self._ended:
            raise StopIteration
        data, label, filled = self._rest or self._new_batch()
        behind = self.batch_size - filled if self._rest else 0
        self._rest = None
        filled = self._fill(data, label, filled)
        missing = self.batch_size - filled
        if missing:
            self._ended = True
            if not filled or self.last_batch_handle == "discard":
                raise StopIteration
            if self.last_batch_handle == "roll_over":
                self._rest = data, label, filled
                raise StopIteration
            while filled < self.batch_size:
                self.cur = 0
                filled = self._fill(data, label, filled)
        return DataBatch([data], [label], pad=missing or behind)

    def _new_batch(self) -> tuple[NDArray, NDArray, int]:
        (_, shape), description = self.provide_data[0], self.provide_label[0]
        return nd.zeros(shape), nd.zeros(description.shape, dtype=description.dtype), 0

    def _fill(self, data: NDArray, label: NDArray, row: int) -> int:
        """Puts samples into the rows from `row` on; the row behind the last one."""
        while row < self.batch_size:
            try:
                labels, encoded = self.next_sample()
            except StopIteration:
                break
            image = self._decoded(encoded)
            if image is None:
                continue
            augmented, values = self._augmented(image, labels)
            planes = self.postprocess_data(augmented)
            if planes.shape != self.data_shape:
                raise ValueError(
                    f"{self._where()}: augmented it has the shape {planes.shape}, and data_shape is"
                    f" {self.data_shape}"
                )
            data[row] = planes
            label[row] = values
            row += 1
        return row

    def _decoded(self, encoded: bytes) -> NDArray | None:
        """The image, or None where check_valid_image leaves it out."""
        image = self.imdecode(encoded)
        try:
            self._check_image(image)
        except RuntimeError:
            return None
        return image

    def _check_image(self, image: NDArray) -> None:
        self.check_valid_image(image)

    def _augmented(self, image: NDArray, label: Any) -> tuple[NDArray, Any]:
        """An image and its label as they go into a batch, the image still HxWxC."""
        return self.augmentation_transform(image), self._as_labels(label)

    def _as_labels(self, label: Any) -> Any:
        given, dtype = np.asarray(label), np.dtype(self.provide_label[0].dtype)
        if given.size != self.label_width:
            found = plural(given.size, "label")
            raise ValueError(f"{self._where()}: {found}, and label_width is {self.label_width}")
        values = given.astype(dtype)
        if dtype.kind == "i" and (values != given).any():
            raise ValueError(f"{self._where()}: label {label} does not fit {dtype}")
        return values.reshape(-1) if self.label_width > 1 else values.reshape(())

    def _position_of(self, item: int) -> int:
        """Where among the samples this item of `seq` is. Raises KeyError for a key of none."""
        position = item if self._table is None else self._table.find(item)
        if position is None:
            raise KeyError(item)
        return position

    @property
    def _last(self) -> int:
        """The position of the sample that was read last."""
        return self._position_of(self.seq[self.cur - 1])

    def _where(self) -> str:
        """The sample that was read last."""
        return self._name_of(self._last)

    def _name_of(self, position: int) -> str:
        path, what = self.samples.name_of(position)
        return f"{path}: {what}" if what else path

    def check_data_shape(self, data_shape: tuple[int, ...]) -> None:
        """Raises ValueError unless this is (3, height, width)."""
        if len(data_shape) != 3 or data_shape[0] != 3:
            raise ValueError(f"data_shape must be (3, height, width), got {data_shape}")

    def check_valid_image(self, data: Any) -> None:
        """A subclass may raise RuntimeError for a decoded image that is to be left out."""

    def imdecode(self, s: bytes) -> NDArray:
        """The decoded image, RGB. Raises ImageError, which names the file and the key."""
        try:
            return imdecode(s)
        except ImageError as error:
            raise naming_sample(error, self.samples.name_of(self._last)) from None

    def read_image(self, fname: str) -> bytes:
        """The bytes of an image file."""
        with opening():
            return read_named(os.path.join(self.path_root, fname))

    def augmentation_transform(self, data: NDArray) -> NDArray:
        """The image after all augmenters."""
        for augmenter in self.auglist:
            data = augmenter(data)
        return data

    def postprocess_data(self, datum: NDArray) -> NDArray:
        """An image, HxWxC, as it goes into a batch: CxHxW."""
        return datum.transpose((2, 0, 1))


def check_options(
    who: str, options: dict[str, Any], aug_list: Sequence[Any] | None, known: Sequence[str]
) -> None:
    """Raises TypeError for options of augmenters that nobody knows, or that go beside others."""
    refuse_unknown(who, options, known)
    if aug_list is not None and options:
        raise TypeError(
            f"{who}: aug_list does not go with {next(iter(options))}, which makes other augmenters"
        )


def _part(count: int, part_index: int, num_parts: int) -> Array[np.int64]:
    """The positions of one of so many equal parts; see ImageIter."""
    if not 0 <= part_index < num_parts:
        raise ValueError(
            f"part_index must be from 0 to below num_parts, got {part_index} of {num_parts}"
        )
    if not count:
        raise ValueError("there are no images")
    size = -(-count // num_parts)
    first = part_index * size
    return np.arange(first, first + size, dtype=np.int64) % count
