"""The readers of images with masks: batches of float32 NCHW and uint8 NHW.

Shuffled; each pair at random cut to 224x224 and mirrored, alike. Two threads or worker processes.
Runs in the Pythons of the peers too:

    pair_readers.py TOOL REC OUT PAIRS BATCH EPOCHS

The masks are in ..._mask.rec beside the .rec, and both as files in the folders ....images and
....masks. A line of JSON an epoch goes to OUT.
"""

from __future__ import annotations

import glob
import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from masks import LIMIT, distance
from readers import SIDE, WORKERS, Epochs, Job, hard, measured, mxnet_like, random_corner

SEED = 5


class Pairs(Job):
    @property
    def stem(self) -> str:
        return os.path.splitext(self.rec)[0]

    @property
    def masks(self) -> str:
        return self.stem + "_mask.rec"


def rectool(job: Pairs, backend: str = "pillow") -> Epochs:
    from rectool import ImageRecordIter

    return mxnet_like(ImageRecordIter, job, label=1, masks=job.masks, backend=backend)


def rectool_opencv(job: Pairs) -> Epochs:
    return rectool(job, "opencv")


def dali(job: Pairs) -> Epochs:
    from nvidia.dali import fn, pipeline_def, types

    def read(rec: str, **more: Any) -> Any:
        idx = os.path.splitext(rec)[0] + ".idx"
        return fn.readers.mxnet(
            path=[rec], index_path=[idx], random_shuffle=True, seed=SEED, **more
        )[0]

    @pipeline_def(batch_size=job.batch, num_threads=WORKERS, device_id=None)
    def pipeline() -> Any:
        images = fn.decoders.image(read(job.rec, name="reader"), device="cpu")
        masks = fn.decoders.image(read(job.masks), device="cpu", output_type=types.GRAY)
        both = {
            "crop": (SIDE, SIDE),
            "crop_pos_x": fn.random.uniform(range=(0.0, 1.0)),
            "crop_pos_y": fn.random.uniform(range=(0.0, 1.0)),
            "mirror": fn.random.coin_flip(),
            "output_layout": "CHW",
            "mean": [0.0],
            "std": [1.0],
        }
        return (
            fn.crop_mirror_normalize(images, dtype=types.FLOAT, **both),
            fn.crop_mirror_normalize(masks, dtype=types.UINT8, **both),
        )

    built = pipeline()
    built.build()
    size = built.epoch_size("reader")

    def epoch() -> Iterator[Any]:
        for _ in range(size // job.batch):
            images, masks = built.run()
            yield images.as_tensor(), masks.as_tensor()

    return epoch


class Files:
    """The usual data set for segmentation: two folders, whose files are opened with Pillow."""

    def __init__(self, job: Pairs) -> None:
        self.images, self.masks = (
            sorted(glob.glob(f"{job.stem}.{what}/**/*.{ending}", recursive=True))
            for what, ending in (("images", "jpg"), ("masks", "png"))
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> Any:
        from PIL import Image

        with Image.open(self.images[number]) as image, Image.open(self.masks[number]) as mask:
            left, top = random_corner(*image.size)
            box = (left, top, left + SIDE, top + SIDE)
            return mirrored(*(np.asarray(one.crop(box)) for one in (image, mask)))


class Records:
    """rectool's data set, its pairs cut with numpy."""

    def __init__(self, job: Pairs) -> None:
        from rectool import RecordDataset

        self.records = RecordDataset(job.rec, masks=job.masks)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, number: int) -> Any:
        image, mask, _ = self.records[number]
        left, top = random_corner(image.shape[1], image.shape[0])
        part = np.s_[top : top + SIDE, left : left + SIDE]
        return mirrored(image[part], mask[part])


def mirrored(image: Any, mask: Any) -> Any:
    """Both mirrored or not, and the image as float32, CHW."""
    if random.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32), np.ascontiguousarray(mask)


def torch_loader(samples: Any, job: Pairs) -> Epochs:
    from torch.utils.data import DataLoader

    loader = DataLoader(
        samples, batch_size=job.batch, num_workers=WORKERS, persistent_workers=True, shuffle=True
    )
    return lambda: map(tuple, loader)


TOOLS: dict[str, Callable[[Pairs], Epochs]] = {
    "dali": dali,
    "torch-files": lambda job: torch_loader(Files(job), job),
    "torch-rectool": lambda job: torch_loader(Records(job), job),
    "rectool": rectool,
    "rectool-hard": hard(rectool),
    "rectool-opencv": rectool_opencv,
}


def look(batch: Any) -> set[float]:
    """Checks a batch, also that each mask is its image's, cut and mirrored as it was."""
    images, masks = map(np.asarray, batch)
    masks = masks.reshape(len(masks), SIDE, SIDE)  # DALI's have a channel
    assert (images.dtype, masks.dtype) == (np.float32, np.uint8), (images.dtype, masks.dtype)
    assert images.shape == (len(masks), 3, SIDE, SIDE), images.shape
    assert 200 < images.max() <= 255, images.max()
    pairs = zip(images.transpose(0, 2, 3, 1), masks, strict=True)
    off = [distance(image, mask) for image, mask in pairs]
    assert np.mean(off) < LIMIT, f"masks are {np.mean(off):.1f} off"
    return {float(image.sum(dtype=np.float64)) for image in images}


def main(tool: str, rec: str, out: str, pairs: str, batch: str, epochs: str) -> None:
    epoch = TOOLS[tool](Pairs(rec, int(batch), 0))
    for _ in measured(epoch, out, int(pairs), int(epochs), look):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
