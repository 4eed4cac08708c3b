"""Batches for training: `ImageRecordIter`, with the parameters of MXNet's."""

from __future__ import annotations

import operator
import threading
import weakref
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import RecordError, StrPath, plural
from ..format.reader import RecordReader
from ..imaging.options import INTERPS, Backend
from ..listing.lst import read_list
from .augment.options import Augmentation
from .batch import DataBatch, DataDesc
from .batch_buffers import Blanks, RawBatch
from .keywords import names_of, refuse_unknown
from .labels import Labels, Source, Vectors
from .masks import MaskRows, Masks
from .prefetch import Ahead
from .sample_loader import Loader
from .samples import as_array, check_files, check_max_pixels, in_file_order, sample_positions

_WORD = 1 << 64

OnError = Literal["fail", "skip"]


class ImageRecordIter:
    """Batches of a `.rec` file's images and labels, decoded in threads ahead of who takes them.

    An iterator, as mx.io.ImageRecordIter is one: `for batch in it`, or `next()` until
    StopIteration; `reset()` begins the next epoch, and so does a `for` behind an epoch's end. A
    `for` that is left goes on where it was. `len(it)` is the number of batches of an epoch, the
    same for all. The threads end with the epoch, with a `for` that is left, and at `close()`.
    Threads may share one: each batch goes to one of them.

    Of a batch, `data[0]` has the shape (batch_size, *data_shape), channels first, float32, or
    `dtype` "uint8" or "int8"; `label[0]` is float32, (batch_size,), or (batch_size, label_width)
    for a width above 1; `index` are the keys, int64; `pad` is how many samples at the end only fill
    the batch. A batch stays as it is however long it is kept.

    `path_imgrec` is a path, or several, of shards. Records come in the order of the file.
    `path_imgidx` is the `.idx`, by default the one beside the `.rec`; without one, the file is gone
    through once. Records without an image are left out. `path_imglist` is a `.lst` whose labels, by
    the records' ids, take the place of theirs, `label_width` in each line.

    `masks` are the path, or paths, of the images' masks: a second file whose records have the same
    keys, ids and labels in the same order, and lossless images of one channel. `label` then has a
    second array, (batch_size, height, width), of `mask_dtype` "uint8", "uint16", "int32", "int64"
    or "float32": of each pixel the number that the mask has nearest to where the image's pixel
    comes from, `mask_fill` where that is outside of it. Colours, mean and scale leave it alone.

    `shuffle` gives all samples a new order for each epoch, always the same one for the same `seed`.
    Part `part_index` of `num_parts` has as many samples as the others, and all samples are in one
    of them; what is missing comes from the beginning; with `shuffle` the parts of each epoch are of
    one order of all.

    With `round_batch` the last batch is filled up from the beginning, else with zeros (masks with
    mask_fill); `pad` says so. `preprocess_threads` decode, at most `prefetch_buffer` batches ahead.

    `**augmentation` are rectool.Augmentation's parameters, which see: resize; rand_crop,
    random_resized_crop with its areas and ratios, force_resize; pad, fill_value; rotations and
    scales; inter_method; brightness, contrast, saturation, random_h, random_s, random_l, pca_noise;
    mirror, rand_mirror; mean_r and the like, std_r and the like, scale. An image that is smaller
    than data_shape is scaled up. A sample's random numbers depend on `seed` (or `seed_aug`, if it
    is given), the epoch and its place in it, and on nothing else. `backend` resizes: "pillow"
    antialiased; "opencv" as MXNet does, to the bit (4.11) but for bicubic, which rounds in another
    way.

    An image of more than `max_pixels` pixels is not decoded, and cannot be read; by default of more
    than 178,956,970, or a fourth of that for a WebP or an AVIF.

    A sample that cannot be read raises ImageError, or another RecordError, that names its file and
    key, from `next`; the call after that gives the next batch. With `on_error` "skip" the sample
    behind it takes its place, and `skipped` maps its key to the error; a thousand such in a row
    raise it.

    Raises TypeError for a parameter that there is none of, ValueError for values that have no
    meaning or files without an image, RecordError for masks that are not of these images, and what
    RecordReader raises.
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
        **augmentation: Any,
    ) -> None:
        refuse_unknown("ImageRecordIter", augmentation, names_of(ImageRecordIter, Augmentation))
        batch_size = whole("batch_size", batch_size)
        label_width = whole("label_width", label_width)
        self._threads = whole("preprocess_threads", preprocess_threads)
        self._buffer = whole("prefetch_buffer", prefetch_buffer)
        self._parts = whole("num_parts", num_parts)
        self._part = whole("part_index", part_index, least=0)
        if self._part >= self._parts:
            raise ValueError(f"part_index {part_index} of {plural(self._parts, 'part')}")
        if backend not in tuple(INTERPS):
            raise ValueError(f"no backend {backend!r}: there are {' and '.join(INTERPS)}")
        if on_error not in ("fail", "skip"):
            raise ValueError(f"on_error {on_error!r}: it is fail or skip")
        name = "float32" if dtype is None else dtype_name("dtype", dtype)
        aug = Augmentation(data_shape, dtype=name, **augmentation)
        self.batch_size = batch_size
        self._shuffle, rounds = _flag("shuffle", shuffle), _flag("round_batch", round_batch)
        self._seed = whole("seed", seed, least=None) % _WORD
        seed_aug = self._seed if seed_aug is None else whole("seed_aug", seed_aug, least=None)
        source = Source(read_list(path_imglist) if path_imglist else None)
        self.reader = RecordReader(path_imgrec, True if path_imgidx in (None, "") else path_imgidx)
        check_files(self.reader)
        self._positions = in_file_order(self.reader, sample_positions(self.reader))
        if not len(self._positions):
            raise ValueError(f"{self.reader.name}: no record with an image")
        skip = on_error == "skip"
        labels = self._labels(aug, source, label_width, skip=skip)
        rows = self._masks = None
        if masks is None and (dtype_name("mask_dtype", mask_dtype), mask_fill) != ("uint8", 255):
            raise ValueError("mask_dtype and mask_fill require masks")
        if masks is not None:
            self._masks = Masks(self.reader, masks)
            rows = MaskRows(self._masks, mask_dtype, mask_fill, backend)
        self._loader = Loader(
            self.reader, aug, labels, rows, backend=backend,
            seed=seed_aug % _WORD, origin=self._part * self.samples, skip=skip,
            max_pixels=check_max_pixels(max_pixels),
        )  # fmt: skip
        data_type = np.dtype(aug.dtype)
        shape = (batch_size, *aug.data_shape)
        self._blanks = Blanks(shape, data_type, labels, rows, rounds=rounds, most=self._buffer + 2)
        self.provide_data = [DataDesc(data_name, shape, data_type.type)]
        self.provide_label = [DataDesc(label_name, self._blanks.label_shape, np.float32)]
        if rows is not None:
            mask = DataDesc("mask", self._blanks.mask_shape, rows.dtype.type, "NHW")
            self.provide_label.append(mask)
        self._epoch = self._at = 0
        self._closed = False
        self._taking = threading.RLock()
        self._ahead: list[Ahead[RawBatch]] = []  # none or one; the finalizer must not know self
        self._finalizer = weakref.finalize(self, _close_all, self._ahead)

    def _labels(self, aug: Augmentation, source: Source, label_width: int, *, skip: bool) -> Labels:
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
            raise ValueError(f"{self.reader.name}: a batch of a closed iterator")
        if self._at >= len(self):
            raise StopIteration
        if self._ahead and not self._ahead[0].alive:
            self._stop()
        if not self._ahead:
            self._start()
        ahead = self._ahead[0]
        try:
            return ahead.take()
        finally:
            self._at = ahead.taken
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
        self._blanks.clear()
        self.reader.close()
        if self._masks is not None:
            self._masks.close()

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled or copied: make one in each process"
        )

    def _start(self) -> None:
        make = partial(self._blanks.make, self._epoch, self._order())
        batches = range(self._at, len(self))
        ahead = Ahead(make, self._loader.fill, batches, self._threads, self._buffer)
        self._ahead.append(ahead)

    def _stop(self) -> None:
        _close_all(self._ahead)

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


def _close_all(ahead: list[Ahead[RawBatch]]) -> None:
    for one in tuple(ahead):
        one.close()
    ahead.clear()  # not before: what was interrupted is closed once more


def whole(name: str, value: int, least: int | None = 1) -> int:
    number = operator.index(value) if isinstance(value, SupportsIndex) else None
    if number is None or (least is not None and number < least):
        more = "" if least is None else f", {least} or more"
        raise ValueError(f"{name} {value!r}: it is a whole number{more}")
    return number


def _flag(name: str, value: bool) -> bool:
    if not isinstance(value, int | np.integer | np.bool_) or value not in (0, 1):
        raise ValueError(f"{name} {value!r}: it is True or False")
    return bool(value)
