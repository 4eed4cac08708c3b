"""InsightFace's training set in PyTorch, without MXNet: a folder with train.rec and train.idx.

In arcface_torch this class takes the place of MXFaceDataset. (Or leave its code as it is, and put
`import rectool.mx; rectool.mx.install()` before its imports.)
"""

import os
import sys

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from rectool import RecordDataset


class FaceDataset(Dataset):
    """Images of -1 to 1, 3xHxW, mirrored at random, and labels; header and ranges are left out."""

    def __init__(self, root_dir: str) -> None:
        self.faces = RecordDataset(os.path.join(root_dir, "train.rec"))

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, label = self.faces[index]
        pixels = torch.from_numpy(image).permute(2, 0, 1) / 127.5 - 1
        if torch.rand(()) < 0.5:
            pixels = pixels.flip(2)
        return pixels, torch.tensor(int(np.ravel(label)[0]))  # some sets have (label, aligned)


if __name__ == "__main__":
    dataset = FaceDataset(sys.argv[1])
    for images, labels in DataLoader(dataset, batch_size=4, shuffle=True, num_workers=2):
        print(tuple(images.shape), labels.tolist())
