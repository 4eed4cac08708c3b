"""Read a .rec and its .idx with NVIDIA DALI, here on the CPU.

rectool pack examples/images train
python examples/dali_reader.py train.rec

DALI takes every record for an image: of an InsightFace data set, first leave the header and range
records out, with `rectool pack OLD.rec NEW --images-only`.

Last run with nvidia-dali-cuda120 2.4.0, Python 3.11, Linux on x86-64.
"""

import sys
from pathlib import Path

import numpy as np
from nvidia.dali import fn, pipeline_def, types

rec = Path(sys.argv[1])


@pipeline_def(batch_size=8, num_threads=2, device_id=None, seed=1)
def training():
    jpegs, labels = fn.readers.mxnet(
        path=[str(rec)], index_path=[str(rec.with_suffix(".idx"))], random_shuffle=True, name="rec"
    )
    images = fn.resize(fn.decoders.image(jpegs), resize_shorter=112)
    images = fn.crop_mirror_normalize(
        images, crop=(96, 96), mirror=fn.random.coin_flip(), dtype=types.FLOAT, output_layout="CHW"
    )
    return images, labels


pipeline = training()
pipeline.build()
for _ in range(pipeline.epoch_size("rec") // 8):
    images, labels = pipeline.run()
    print(images.as_array().shape, np.ravel(labels.as_array()).astype(int).tolist())
