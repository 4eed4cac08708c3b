"""Train with nothing but numpy: batches as mx.io.ImageRecordIter gives them.

rectool pack examples/images train
python examples/numpy_batches.py train.rec
"""

import sys

import numpy as np

from rectool import ImageRecordIter

rec = sys.argv[1]
means = {"mean_r": 124, "mean_g": 116, "mean_b": 104, "scale": 1 / 58}
options = {"resize": 32, "data_shape": (3, 28, 28), "batch_size": 8, **means}
train = ImageRecordIter(rec, shuffle=True, rand_crop=True, rand_mirror=True, seed=1, **options)
weights = np.zeros((3 * 28 * 28, 6), np.float32)

for _ in range(30):
    for batch in train:  # the images are decoded in threads, ahead of what is done here
        pixels, labels = batch.data[0].reshape(8, -1), batch.label[0].astype(int)
        scores = np.exp(pixels @ weights - (pixels @ weights).max(axis=1, keepdims=True))
        wrong = scores / scores.sum(axis=1, keepdims=True) - np.eye(6)[labels]
        weights -= 0.0002 * pixels.T @ wrong

right = total = 0
for batch in ImageRecordIter(rec, **options):  # in order, from the middle of each image
    found = (batch.data[0].reshape(8, -1) @ weights).argmax(axis=1)
    real = len(found) - batch.pad
    right += int((found == batch.label[0])[:real].sum())
    total += real
print(f"{right} of {total} pictures recognised")
