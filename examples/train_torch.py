"""Train a small network in PyTorch on the images of a .rec file, decoded by two workers.

rectool pack examples/images train --resize 112 --center-crop
python examples/train_torch.py train.rec
"""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader

from rectool import RecordDataset


def to_tensors(image, label):  # no lambda: spawned workers must find it by its name
    return torch.from_numpy(image).permute(2, 0, 1) / 255, label


if __name__ == "__main__":
    torch.manual_seed(1)
    dataset = RecordDataset(sys.argv[1], transform=to_tensors)
    loader = DataLoader(dataset, 8, shuffle=True, num_workers=2, persistent_workers=True)
    classes = int(dataset.labels.max()) + 1  # all labels, read from the headers alone
    model = nn.Sequential(
        *(nn.Conv2d(3, 16, 5, 4), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, classes)),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(1, 11):
        total = 0.0
        for images, labels in loader:
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        print(f"epoch {epoch}: loss {total / len(dataset):.3f}")
