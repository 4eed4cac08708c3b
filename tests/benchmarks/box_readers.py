"""The readers of images with boxes: batches of float32 NCHW and of their boxes.

Shuffled; each image resized to 300x300, bilinearly, and at random mirrored, its boxes with it. Two
threads, where there are any. Runs in the Python of MXNet too:

    box_readers.py TOOL REC OUT IMAGES BATCH EPOCHS BOXES CLASSES

BOXES is how many the records have, CLASSES the sum of their classes. A line of JSON an epoch goes
to OUT.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from readers import WORKERS, Epochs, Job, from_start, measured

EDGE = 300
SHAPE = (3, EDGE, EDGE)


def rectool(job: Job, backend: str = "pillow") -> Epochs:
    from rectool import ImageDetRecordIter

    return _epochs(
        ImageDetRecordIter(
            job.rec,
            data_shape=SHAPE,
            batch_size=job.batch,
            shuffle=True,
            rand_mirror=True,
            preprocess_threads=WORKERS,
            backend=backend,
        )
    )


def rectool_opencv(job: Job) -> Epochs:
    return rectool(job, "opencv")


def rectool_mx(job: Job, backend: str = "pillow") -> Epochs:
    from rectool.mx import image

    image.set_backend(backend)
    return _image_det_iter(image, job)


def rectool_mx_opencv(job: Job) -> Epochs:
    return rectool_mx(job, "opencv")


def mxnet_image_iter(job: Job) -> Epochs:
    from mxnet import image

    return _image_det_iter(image, job)


def _image_det_iter(image: Any, job: Job) -> Epochs:
    return _epochs(
        image.ImageDetIter(
            path_imgrec=job.rec,
            path_imgidx=job.idx,
            data_shape=SHAPE,
            batch_size=job.batch,
            shuffle=True,
            rand_mirror=True,
            inter_method=1,
        )
    )


def mxnet_record_iter(job: Job) -> Epochs:
    import mxnet

    return _epochs(
        mxnet.io.ImageDetRecordIter(
            path_imgrec=job.rec,
            data_shape=SHAPE,
            batch_size=job.batch,
            shuffle=True,
            rand_mirror_prob=0.5,
            preprocess_threads=WORKERS,
        )
    )


def _epochs(batches: Any) -> Epochs:
    return lambda: from_start(batches, label=0)


TOOLS: dict[str, Callable[[Job], Epochs]] = {
    "mxnet-record-iter": mxnet_record_iter,
    "mxnet-image-iter": mxnet_image_iter,
    "rectool": rectool,
    "rectool-opencv": rectool_opencv,
    "rectool-mx": rectool_mx,
    "rectool-mx-opencv": rectool_mx_opencv,
}


def boxes_in(labels: Any) -> Any:
    """All boxes of a batch: rows of class, xmin, ymin, xmax, ymax."""
    if labels.ndim == 2:  # ImageDetRecordIter's: the shape of the image, how many, labels, -1
        rows = [row[6 : 4 + int(row[3])].reshape(-1, 5) for row in labels]
    else:
        rows = list(labels)
    boxes = np.concatenate(rows)
    return boxes[boxes[:, 0] >= 0]


def main(tool: str, rec: str, out: str, *numbers: str) -> None:
    images, batch, epochs, boxes, classes = map(int, numbers)
    found: list[Any] = []

    def look(made: Any) -> set[float]:
        data, labels = (
            one.asnumpy() if hasattr(one, "asnumpy") else np.asarray(one) for one in made
        )
        assert data.dtype == np.float32, data.dtype
        assert data.shape == (batch, *SHAPE), data.shape
        assert data.min() >= 0
        assert 200 < data.max() <= 255, data.max()
        found.append(boxes_in(labels))
        return {float(image.sum(dtype=np.float64)) for image in data}

    epoch = TOOLS[tool](Job(rec, batch, 0))
    for _ in measured(epoch, out, images, epochs, look):
        pass
    rows = np.concatenate(found)
    assert len(rows) == boxes, f"{len(rows)} boxes, not {boxes}"
    assert rows[:, 0].sum() == classes, f"classes {rows[:, 0].sum()}, not {classes}"
    sides = rows[:, 3:] - rows[:, 1:3]
    for values, least, most in ((rows[:, 1:], 0, 1), (sides, 0.09, 0.61)):
        found_least, found_most = values.min(), values.max()
        assert least <= found_least <= found_most <= most, (found_least, found_most)


if __name__ == "__main__":
    main(*sys.argv[1:])
