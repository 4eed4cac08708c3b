"""`mx.io.ImageRecordIter` and its kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import loading
from ...loading import DataBatch
from ...loading.augment.options import Augmentation
from ...loading.unknown_keywords import names_of
from ..base import ParameterError, opening
from ..nd import NDArray
from .base import BatchIter
from .parameters import read_parameters


class ImageRecordIter(BatchIter):
    """rectool.ImageRecordIter, which see for the parameters, with NDArrays in its batches.

    Values may be text, as in MXNet: batch_size="8", data_shape="(3, 64, 64)". `mean_img` is a file
    whose array is subtracted instead of mean_r and the like, as mx.nd.save writes it; where there
    is none, the mean of the images is computed and written there. `backend` is by default
    mx.image.set_backend's.

    Passed over are the parameters that tune what only MXNet has: ctx, device_id and verbose;
    shuffle_chunk_size and shuffle_chunk_seed, for all records are shuffled here; and aug_seq
    "aug_default", the only one there is. Names that nobody knows are passed over with a warning.

    It is its own iterator: after the last batch there is none until `reset`.

    Raises what rectool.ImageRecordIter does, ValueError and OSError as MXNetError, too.
    """

    _aug_seq = "aug_default"

    def __init__(self, **parameters: Any) -> None:
        try:
            self._source = self._open(parameters)
        except ValueError as error:
            raise ParameterError(str(error)) from error
        super().__init__(self._source.batch_size)
        self.provide_data = self._source.provide_data
        self.provide_label = self._source.provide_label

    def _open(self, parameters: dict[str, Any]) -> loading.ImageRecordIter:
        kept = read_parameters(type(self).__name__, parameters, self._known(), self._aug_seq)
        if "backend" not in kept:
            from ..image.geometry import get_backend  # noqa: PLC0415 - it has the image libraries

            kept["backend"] = get_backend()
        with opening():
            if kept.get("mean_img") is not None:
                kept["mean_img"] = self._mean_image(kept)
            return self._source_of(kept)

    @staticmethod
    def _known() -> list[str]:
        return names_of(loading.ImageRecordIter, Augmentation)

    @staticmethod
    def _source_of(kept: dict[str, Any]) -> loading.ImageRecordIter:
        return loading.ImageRecordIter(**kept)

    @staticmethod
    def _mean_image(parameters: dict[str, Any]) -> Any:
        from .mean_image import mean_image  # noqa: PLC0415 - for this alone

        path = parameters["mean_img"]
        others = {name: value for name, value in parameters.items() if name != "mean_img"}
        return mean_image(path, others) if path not in ("", "None") else None

    def _next(self) -> DataBatch:
        batch = self._source.next()
        batch.data = [array.view(NDArray) for array in batch.data or ()]
        batch.label = [array.view(NDArray) for array in batch.label or ()]
        return batch

    def getdata(self) -> Any:
        """The images of the present batch: of this iterator an array, in MXNet too, and no list."""
        return super().getdata()[0]

    def getlabel(self) -> Any:
        """The labels of the present batch, an array."""
        return super().getlabel()[0]

    def reset(self) -> None:
        self._batch = None
        self._source.reset()

    def close(self) -> None:
        """Ends the threads that read ahead, and closes the files."""
        self._source.close()


def ImageRecordUInt8Iter(**parameters: Any) -> ImageRecordIter:  # noqa: N802 - MXNet's name
    """ImageRecordIter of uint8: pixels as they are, neither mean nor std."""
    return ImageRecordIter(**_of_dtype(np.uint8, parameters))


def ImageRecordInt8Iter(**parameters: Any) -> ImageRecordIter:  # noqa: N802 - MXNet's name
    """ImageRecordIter of int8: pixels less the rounded means."""
    return ImageRecordIter(**_of_dtype(np.int8, parameters))


def _of_dtype(dtype: type[np.generic], parameters: dict[str, Any]) -> dict[str, Any]:
    name = np.dtype(dtype).name
    if "dtype" in parameters and np.dtype(parameters["dtype"]) != dtype:
        raise ValueError(f"dtype {parameters['dtype']}: this iterator's is {name}")
    return {**parameters, "dtype": name}
