"""Batches for training: `ImageRecordIter`, with the parameters of MXNet's."""

from __future__ import annotations

import operator
import threading
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import RecordError, StrPath, plural
from ..format.reader import RecordReader
from ..imaging.options import Backend, check_backend
from ..listing.lst import read_list
from .augment.options import Augmentation
from .batch import DataBatch, DataDesc
from .batch_buffers import BatchAllocator, RawBatch
from .labels import BatchLabels, LabelSource, Vectors
from .masks import MaskReader, MaskRows
from .parameters import AugmentationOptions, OnError
from .prefetch import Prefetcher
from .sample_loader import SampleLoader
from .samples import as_array, check_files, check_max_pixels, in_file_order, sample_positions
from .unknown_keywords import names_of, refuse_unknown

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing only from Python 3.11 on

_WORD = 1 << 64


class ImageRecordIter:
    """Batches of images and labels, decoded by threads in the background: MXNet's ImageRecordIter.

    Names, meanings and defaults are those of `mx.io.ImageRecordIter`. A `for` loop is one epoch,
    the next loop the next epoch. A batch unpacks: `for images, labels in batches`.

    Batches depend on `seed` and on nothing else: not on the number of threads. All epochs have the
    same number of batches. The threads end when a loop ends or is left. Several threads may take
    batches from one iterator; each batch goes to one of them.

    Args:
        path_imgrec: The `.rec` file, or several shards.
        data_shape: (channels, height, width) of an image in a batch, with 1, 3 or 4 channels.
        batch_size: Images in a batch.
        path_imgidx: The `.idx` files. Default: those beside the `.rec` files.
        path_imglist: A `.lst` whose labels, found by the records' ids, replace those in the file.
        label_width: Labels of each record.
        masks: The `.rec` files of the images' masks, which follow all changes of the geometry.
            Pixels get the nearest number; a batch then has masks behind its labels.
        mask_dtype: "uint8", "uint16", "int32", "int64" or "float32".
        mask_fill: The number of mask pixels that come from outside of the image.
        shuffle: Whether each epoch has an order of its own.
        seed: What all random choices depend on.
        seed_aug: The same for augmentation alone. Default: `seed`.
        part_index: Which of `num_parts` parts this iterator gives, from 0.
        num_parts: Parts of the data set, all of the same length; one for each process.
        round_batch: Whether the last batch is filled up from the beginning of the epoch, or else
            with zeros. `pad` of a batch says how many samples only fill it.
        preprocess_threads: Threads that decode.
        prefetch_buffer: Batches that are made in advance, at most.
        dtype: "float32", "uint8" or "int8".
        data_name: The name in `provide_data`.
        label_name: The name in `provide_label`.
        backend: "pillow" antialiases what it resizes; "fast" does so in less time (values at most
            1 of 255 apart); "opencv" resizes as MXNet does.
        max_pixels: The most pixels that an image may have, as for RecordDataset.
        on_error: "fail" raises the error of a sample that cannot be read, and goes on behind it;
            "skip" takes the next sample instead and notes the error in `skipped`, by key.
        **augmentation: The parameters of Augmentation: resize, rand_crop, rand_mirror, mean_r, ...

    A batch has `data[0]`, (batch_size, *data_shape), and `label[0]`, float32, (batch_size,) or
    (batch_size, label_width); with masks `label[1]`, (batch_size, height, width). `index` holds the
    keys of the samples, int64. Batches may be kept; no later batch changes them.

    Raises:
        TypeError: There is no such parameter.
        ValueError: A value has no meaning, or the files hold no image.
        RecordError: The files are damaged, or the masks are not of these images.

    Example:
        >>> batches = ImageRecordIter("out.rec", (3, 96, 96), 8, shuffle=True, rand_mirror=True)
        >>> for images, labels in batches:
        ...     print(images.shape, labels.shape)
        ...     break
        (8, 3, 96, 96) (8,)
    """

    def __init__(
        self,
        path_imgrec: StrPath | Sequence[StrPath],
        data_shape: Sequence[int],
        batch_size: int,
        *,
        path_imgidx: StrPath | Sequence[StrPath] | None = None,
        path_imglist: StrPath | None = None,
        label_width: int = 1,
        masks: StrPath | Sequence[StrPath] | None = None,
        mask_dtype: DTypeLike = "uint8",
        mask_fill: int = 255,
        shuffle: bool = False,
        seed: int = 0,
        seed_aug: int | None = None,
        part_index: int = 0,
        num_parts: int = 1,
        round_batch: bool = True,
        preprocess_threads: int = 4,
        prefetch_buffer: int = 4,
        dtype: DTypeLike | None = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
        backend: Backend = "pillow",
        max_pixels: int | None = None,
        on_error: OnError = "fail",
        **augmentation: Unpack[AugmentationOptions],
    ) -> None:
        refuse_unknown("ImageRecordIter", augmentation, names_of(ImageRecordIter, Augmentation))
        batch_size = check_int("batch_size", batch_size)
        label_width = check_int("label_width", label_width)
        self._threads = check_int("preprocess_threads", preprocess_threads)
        self._buffer = check_int("prefetch_buffer", prefetch_buffer)
        self._parts = check_int("num_parts", num_parts)
        self._part = check_int("part_index", part_index, minimum=0)
        if self._part >= self._parts:
            raise ValueError(f"part_index must be below num_parts, {self._parts}, got {part_index}")
        check_backend(backend)
        if on_error not in ("fail", "skip"):
            raise ValueError(f"on_error must be fail or skip, got {on_error!r}")
        name = "float32" if dtype is None else dtype_name("dtype", dtype)
        aug = Augmentation(data_shape, dtype=name, **augmentation)
        self.batch_size = batch_size
        self._shuffle, rounds = _flag("shuffle", shuffle), _flag("round_batch", round_batch)
        self._seed = check_int("seed", seed, minimum=None) % _WORD
        seed_aug = self._seed if seed_aug is None else check_int("seed_aug", seed_aug, minimum=None)
        source = LabelSource(read_list(path_imglist) if path_imglist else None)
        self.reader = RecordReader(path_imgrec, True if path_imgidx in (None, "") else path_imgidx)
        check_files(self.reader)
        self._positions = in_file_order(self.reader, sample_positions(self.reader))
        if not len(self._positions):
            raise ValueError(f"{self.reader.name}: none of the records holds an image")
        skip = on_error == "skip"
        labels = self._labels(aug, source, label_width, skip=skip)
        rows = self._masks = None
        if masks is None and (dtype_name("mask_dtype", mask_dtype), mask_fill) != ("uint8", 255):
            raise ValueError("mask_dtype and mask_fill require masks")
        if masks is not None:
            self._masks = MaskReader(self.reader, masks)
            rows = MaskRows(self._masks, mask_dtype, mask_fill, backend)
        self._loader = SampleLoader(
            self.reader, aug, labels, rows, backend=backend,
            seed=seed_aug % _WORD, origin=self._part * self.samples, skip=skip,
            max_pixels=check_max_pixels(max_pixels),
        )  # fmt: skip
        data_type = np.dtype(aug.dtype)
        shape = (batch_size, *aug.data_shape)
        self._allocator = BatchAllocator(
            shape, data_type, labels, rows, rounds=rounds, most=self._buffer + 2
        )
        self.provide_data = [DataDesc(data_name, shape, data_type.type)]
        self.provide_label = [DataDesc(label_name, self._allocator.label_shape, np.float32)]
        if rows is not None:
            mask = DataDesc("mask", self._allocator.mask_shape, rows.dtype.type, "NHW")
            self.provide_label.append(mask)
        self._epoch = self._at = 0
        self._closed = False
        self._taking = threading.RLock()
        # none or one; a list, as the finalizer must not know self
        self._prefetchers: list[Prefetcher] = []
        self._finalizer = weakref.finalize(self, _close_all, self._prefetchers)

    def _labels(
        self, aug: Augmentation, source: LabelSource, label_width: int, *, skip: bool
    ) -> BatchLabels:
        """What becomes of labels; where that has to be found out, `skip` passes bad ones over."""
        return Vectors(source, label_width)

    @property
    def skipped(self) -> dict[int, RecordError]:
        """The samples that were skipped, by their keys, and why."""
        return dict(self._loader.skipped)

    @property
    def samples(self) -> int:
        """The samples of an epoch, of this part."""
        return -(-len(self._positions) // self._parts)

    def __len__(self) -> int:
        return (self.samples - 1) // self.batch_size + 1

    def __repr__(self) -> str:
        size = f"{plural(self.samples, 'image')} in {plural(len(self), 'batch')}"
        masks = f", masks of {self._masks.reader.name!r}" if self._masks else ""
        return f"{type(self).__name__}({self.reader.name!r}: {size} of {self.batch_size}{masks})"

    def __enter__(self) -> ImageRecordIter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[DataBatch]:
        if self._at >= len(self):
            self.reset()
        try:
            while self._at < len(self):
                try:
                    batch = self.next()
                except StopIteration:  # another thread took the last one
                    return
                yield batch
        finally:
            self._stop()

    def __next__(self) -> DataBatch:
        return self.next()

    def next(self) -> DataBatch:
        """The next batch. Raises StopIteration at the epoch's end, until `reset`."""
        with self._taking:
            batch = self._take()
        labels = [batch.label] if batch.mask is None else [batch.label, batch.mask]
        return DataBatch(
            [batch.data], labels, batch.pad, batch.index,
            provide_data=self.provide_data, provide_label=self.provide_label,
        )  # fmt: skip

    def _take(self) -> RawBatch:
        if self._closed:
            raise ValueError(f"{self.reader.name}: the iterator is closed")
        if self._at >= len(self):
            raise StopIteration
        if self._prefetchers and not self._prefetchers[0].alive:
            self._stop()
        if not self._prefetchers:
            self._start()
        prefetcher = self._prefetchers[0]
        try:
            return prefetcher.take()
        finally:
            self._at = prefetcher.taken
            if self._at >= len(self):
                self._stop()

    def reset(self) -> None:
        """Begins the next epoch; the present one stays, if nothing was taken of it yet."""
        self._stop()
        if self._at:
            self._epoch += 1
            self._at = 0

    def close(self) -> None:
        """Ends the threads and closes the files; `next` raises ValueError from there on.

        A second call does nothing.
        """
        self._closed = True
        self._stop()
        self._allocator.clear()
        self.reader.close()
        if self._masks is not None:
            self._masks.close()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled or copied: make one in each process"
        )

    def _start(self) -> None:
        make = partial(self._allocator.make, self._epoch, self._order())
        batches = range(self._at, len(self))
        prefetcher = Prefetcher(make, self._loader.fill, batches, self._threads, self._buffer)
        self._prefetchers.append(prefetcher)

    def _stop(self) -> None:
        _close_all(self._prefetchers)

    def _order(self) -> NDArray[np.int64]:
        """The positions of this part's samples, in this epoch's order."""
        count, samples = len(self._positions), self.samples
        begin = self._part * samples
        places = np.arange(begin, begin + samples, dtype=np.int64) % count
        positions = as_array(self._positions)
        if not self._shuffle:
            return positions[places]
        # of numpy's generators the one whose orders will never change
        bits = np.random.MT19937(np.random.SeedSequence([self._seed, self._epoch]))
        return positions[np.random.RandomState(bits).permutation(count)[places]]


def dtype_name(parameter: str, dtype: DTypeLike) -> str:
    """A numpy type's name, whatever way it is given. Raises ValueError for what is none."""
    try:
        return dtype if isinstance(dtype, str) else np.dtype(dtype).name
    except TypeError:
        raise ValueError(f"{parameter} must be a numpy type or its name, got {dtype!r}") from None


def _close_all(prefetchers: list[Prefetcher]) -> None:
    for prefetcher in tuple(prefetchers):
        prefetcher.close()
    prefetchers.clear()  # not before: what was interrupted is closed once more


def check_int(name: str, value: int, minimum: int | None = 1) -> int:
    number = operator.index(value) if isinstance(value, SupportsIndex) else None
    if number is None or (minimum is not None and number < minimum):
        more = "" if minimum is None else f", {minimum} or more"
        raise ValueError(f"{name} must be a whole number{more}, got {value!r}")
    return number


def _flag(name: str, value: bool) -> bool:
    if not isinstance(value, int | np.integer | np.bool_) or value not in (0, 1):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)
