"""The mean image of a data set, `mean_img`: loaded, or computed and written."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError, StrPath
from ...loading import ImageRecordIter
from .. import nd_file

_NORMALISING = ("mirror", "rand_mirror", "scale", "max_random_contrast", "max_random_illumination")
_OF_PARTS = ("num_parts", "part_index", "shuffle")


def mean_image(path: StrPath, parameters: dict[str, Any]) -> NDArray[np.float32]:
    """The array in the file, (channels, height, width); a missing file is made first.

    It is the mean of all images, of every part, as they go into batches, before they are mirrored
    and normalised. Raises RecordError for a file that holds no array of this shape.
    """
    if not os.path.exists(path):
        computed = _computed(parameters)
        nd_file.save(path, {"mean_img": computed})
        return computed
    arrays, _ = nd_file.load(path)
    shape = tuple(parameters["data_shape"])
    if len(arrays) != 1 or arrays[0].shape != shape:
        found = " and ".join(str(array.shape) for array in arrays) or "nothing"
        raise RecordError(f"the mean image must have the shape {shape}, got {found}", path=path)
    return arrays[0].astype(np.float32)


def _computed(parameters: dict[str, Any]) -> NDArray[np.float32]:
    kept = {
        name: value
        for name, value in parameters.items()
        if name not in (*_NORMALISING, *_OF_PARTS) and not name.startswith(("mean_", "std_"))
    }
    total = np.zeros(tuple(parameters["data_shape"]))
    count = 0
    with ImageRecordIter(**{**kept, "dtype": "uint8"}) as batches:
        for batch in batches:
            images = (batch.data or ())[0][: batches.batch_size - (batch.pad or 0)]
            total += images.sum(axis=0, dtype=np.int64)
            count += len(images)
    return (total / count).astype(np.float32)
