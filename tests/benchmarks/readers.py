"""The readers that rectool is measured against, and rectool: batches of a .rec as float32 NCHW.

Shuffled; each image at random cut to 224x224 and mirrored, after its shorter edge was resized to
SHORTER unless that is 0. Two threads or worker processes. Runs in the Pythons of the peers too:

    readers.py TOOL REC OUT IMAGES BATCH EPOCHS SHORTER [--course]

A line of JSON an epoch goes to OUT, with `--course` also what the process holds after it.
"""

from __future__ import annotations

import glob
import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from measure import kilobytes
from passes import timed_pass

WORKERS, SIDE = 2, 224


class Job(NamedTuple):
    rec: str
    batch: int
    shorter: int

    @property
    def idx(self) -> str:
        return os.path.splitext(self.rec)[0] + ".idx"


Epochs = Callable[[], Iterator[Any]]  # each call an epoch, each item a batch


def mxnet_record_iter(job: Job) -> Epochs:
    import mxnet

    return mxnet_like(mxnet.io.ImageRecordIter, job)


def rectool(job: Job, backend: str = "pillow") -> Epochs:
    from rectool import ImageRecordIter

    return mxnet_like(ImageRecordIter, job, backend=backend)


def rectool_opencv(job: Job) -> Epochs:
    return rectool(job, "opencv")


def hard(reader: Callable[[Any], Epochs]) -> Callable[[Any], Epochs]:
    """With rectool's hard dependencies only."""

    def made(job: Any) -> Epochs:
        sys.modules["simplejpeg"] = None  # type: ignore[assignment]
        return reader(job)

    return made


def mxnet_like(make: Any, job: Job, *, label: int | None = None, **options: Any) -> Epochs:
    if job.shorter:
        options["resize"] = job.shorter
    batches = make(
        path_imgrec=job.rec,
        path_imgidx=job.idx,
        data_shape=(3, SIDE, SIDE),
        batch_size=job.batch,
        shuffle=True,
        rand_crop=True,
        rand_mirror=True,
        preprocess_threads=WORKERS,
        **options,
    )
    return lambda: from_start(batches, label)


def from_start(batches: Any, label: int | None = None) -> Iterator[Any]:
    """The data of an epoch's batches; with `label` and of labels the one of this number."""
    batches.reset()
    for batch in batches:
        assert batch.pad == 0
        data = _arrived(batch.data[0])
        yield data if label is None else (data, batch.label[label])


def _arrived(data: Any) -> Any:
    """MXNet's arrays are filled behind its back; reading them out would be a copy too many."""
    if hasattr(data, "wait_to_read"):
        data.wait_to_read()
    return data


def mxnet_image_iter(job: Job) -> Epochs:
    from mxnet.image import ImageIter

    batches = ImageIter(
        path_imgrec=job.rec,
        path_imgidx=job.idx,
        data_shape=(3, SIDE, SIDE),
        batch_size=job.batch,
        shuffle=True,
        resize=job.shorter,
        rand_crop=True,
        rand_mirror=True,
        inter_method=1,
    )
    return lambda: from_start(batches)


def dali(job: Job) -> Epochs:
    from nvidia.dali import fn, pipeline_def, types

    @pipeline_def(batch_size=job.batch, num_threads=WORKERS, device_id=None)
    def pipeline() -> Any:
        encoded, label = fn.readers.mxnet(
            path=[job.rec], index_path=[job.idx], random_shuffle=True, name="reader"
        )
        images = fn.decoders.image(encoded, device="cpu", output_type=types.RGB)
        if job.shorter:
            images = fn.resize(images, resize_shorter=job.shorter)
        images = fn.crop_mirror_normalize(
            images,
            dtype=types.FLOAT,
            output_layout="CHW",
            crop=(SIDE, SIDE),
            crop_pos_x=fn.random.uniform(range=(0.0, 1.0)),
            crop_pos_y=fn.random.uniform(range=(0.0, 1.0)),
            mirror=fn.random.coin_flip(),
            mean=[0.0],
            std=[1.0],
        )
        return images, label

    built = pipeline()
    built.build()
    size = built.epoch_size("reader")

    def epoch() -> Iterator[Any]:
        for _ in range(size // job.batch):
            yield built.run()[0].as_tensor()

    return epoch


def torch_webdataset(job: Job) -> Epochs:
    """Over tar files of the same JPEGs, which lie beside the .rec in a folder `....tars`."""
    import webdataset

    def decode(sample: Any) -> Any:
        return augmented(with_pillow(sample["jpg"], job.shorter)), int(float(sample["cls"]))

    tars = sorted(glob.glob(os.path.splitext(job.rec)[0] + ".tars/*.tar"))
    samples = webdataset.WebDataset(tars, shardshuffle=len(tars)).shuffle(1000).map(decode)
    return _torch_loader(samples, job.batch)


def torch_rectool(job: Job) -> Epochs:
    from rectool import RecordDataset

    class Augmented:
        def __init__(self) -> None:
            self.records = RecordDataset(job.rec)

        def __len__(self) -> int:
            return len(self.records)

        def __getitem__(self, number: int) -> Any:
            image, label = self.records[number]
            if job.shorter:
                from PIL import Image

                image = resized_part(Image.fromarray(image), job.shorter)
            return augmented(image), label

    return _torch_loader(Augmented(), job.batch, shuffle=True)


def _torch_loader(samples: Any, batch: int, **options: bool) -> Epochs:
    from torch.utils.data import DataLoader

    loader = DataLoader(
        samples, batch_size=batch, num_workers=WORKERS, persistent_workers=True, **options
    )
    return lambda: (images for images, _ in loader)


def with_pillow(data: bytes, shorter: int) -> Any:
    """An encoded image as an array, of what is seen of it at most little more than needed."""
    from io import BytesIO

    from PIL import Image

    image: Image.Image = Image.open(BytesIO(data))
    if shorter:
        return resized_part(image.convert("RGB"), shorter)
    left, top = random_corner(*image.size)
    return np.asarray(image.crop((left, top, left + SIDE, top + SIDE)))


def resized_part(image: Any, shorter: int) -> Any:
    """A random part of the resized image; the rest is never made."""
    from PIL import Image

    scale = min(image.size) / shorter
    width, height = (round(edge / scale) for edge in image.size)
    left, top = random_corner(width, height)
    box = (left * scale, top * scale, (left + SIDE) * scale, (top + SIDE) * scale)
    box = (*box[:2], min(box[2], image.width), min(box[3], image.height))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box))


def random_corner(width: int, height: int) -> tuple[int, int]:
    return int(random.random() * (width - SIDE + 1)), int(random.random() * (height - SIDE + 1))


def augmented(image: Any) -> Any:
    """What is left to do to an HWC array: a random part, a mirror image or not, float32 CHW."""
    left, top = random_corner(image.shape[1], image.shape[0])
    image = image[top : top + SIDE, left : left + SIDE]
    if random.random() < 0.5:
        image = image[:, ::-1]
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)


TOOLS: dict[str, Callable[[Job], Epochs]] = {
    "mxnet-record-iter": mxnet_record_iter,
    "mxnet-image-iter": mxnet_image_iter,
    "dali": dali,
    "torch-webdataset": torch_webdataset,
    "torch-rectool": torch_rectool,
    "rectool": rectool,
    "rectool-hard": hard(rectool),
    "rectool-opencv": rectool_opencv,
}


def look(data: Any) -> set[float]:
    """Checks a batch; a number for each of its images, which differ where the images do."""
    array = data.asnumpy() if hasattr(data, "asnumpy") else np.asarray(data)
    assert array.dtype == np.float32, array.dtype
    assert array.shape[1:] == (3, SIDE, SIDE), array.shape
    assert array.min() >= 0
    assert 200 < array.max() <= 255, array.max()
    return {float(image.sum(dtype=np.float64)) for image in array}


def held() -> dict[str, int]:
    files = len(os.listdir("/proc/self/fd"))
    status = "/proc/self/status"
    with open(status) as lines:
        threads = next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))
    return {"RSS MB": round(kilobytes(status, "VmRSS:") / 1e6), "threads": threads, "files": files}


def measured(
    epoch: Epochs, out: str, images: int, epochs: int, look: Callable[[Any], set[float]]
) -> Iterator[dict[str, Any]]:
    """Times epochs. `look` checks a batch; its numbers differ where the images do.

    Yields before the end of each, for what else is to be said of it.
    """
    for number in range(epochs):
        seen: set[float] = set()
        count = 0
        with timed_pass(out, images) as more:
            for batch in epoch():
                data = batch[0] if isinstance(batch, tuple) else batch
                count += len(data) if hasattr(data, "__len__") else data.shape()[0]
                if number == 0:  # a warm-up
                    seen |= look(batch)
            yield more
        assert count == images, f"{count} images, not {images}"
        assert number or len(seen) > images * 0.9, f"{len(seen)} different images of {images}"


def main(tool: str, rec: str, out: str, *numbers: str) -> None:
    images, batch, epochs, shorter = map(int, numbers[:4])
    job = Job(rec, batch, shorter)
    if tool.startswith("bare-"):
        from bare_readers import bare

        epoch = bare(tool[len("bare-") :], job)
    else:
        epoch = TOOLS[tool](job)
    for more in measured(epoch, out, images, epochs, look):
        if "--course" in numbers:
            more.update(held())


if __name__ == "__main__":
    main(*sys.argv[1:])
