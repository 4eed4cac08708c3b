"""Train a small network in PyTorch to tell of each pixel what it shows, from images and masks.

rectool pack examples/images seg --masks examples/masks --resize 64 --center-crop
python examples/train_segmentation.py seg.rec seg_mask.rec
"""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader

from rectool import RecordDataset


def to_tensors(image, mask, label):  # the label is the whole picture's: not needed
    return torch.from_numpy(image).permute(2, 0, 1) / 255, torch.from_numpy(mask).long()


if __name__ == "__main__":
    torch.manual_seed(1)
    dataset = RecordDataset(sys.argv[1], masks=sys.argv[2], transform=to_tensors)
    loader = DataLoader(dataset, 8, shuffle=True, num_workers=2, persistent_workers=True)
    model = nn.Sequential(
        *(nn.Conv2d(3, 16, 5, 2, 2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 5, 2, 2), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.Conv2d(32, 7, 3, 1, 1), nn.Upsample(scale_factor=4, mode="bilinear")),  # 7 classes
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(1, 16):
        total = right = 0.0
        for images, masks in loader:
            scores = model(images)
            loss = nn.functional.cross_entropy(scores, masks, ignore_index=255)  # VOC's borders
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(masks) / len(dataset)
            right += (scores.argmax(1) == masks).float().mean().item() * len(masks) / len(dataset)
        print(f"epoch {epoch}: loss {total:.3f}, {right:.0%} of the pixels right")
