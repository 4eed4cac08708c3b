"""`mx.gluon.data.vision`: images and labels by position."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from ...errors import StrPath
from ..image import imdecode, imread
from ..recordio import unpack
from .data import Dataset, RecordFileDataset

__all__ = ["ImageFolderDataset", "ImageRecordDataset"]

Transform = Callable[[Any, Any], Any]

_EXTS = (".jpg", ".jpeg", ".png")


class ImageRecordDataset(RecordFileDataset):
    """Images of a `.rec`, as `imdecode` with this `flag` has them, and their labels.

    `transform` is given both, and what it returns is the sample.
    """

    def __init__(
        self, filename: StrPath, flag: int = 1, transform: Transform | None = None
    ) -> None:
        super().__init__(filename)
        self._flag, self._transform = flag, transform

    def __getitem__(self, idx: int) -> Any:
        header, payload = unpack(super().__getitem__(idx))
        image = imdecode(payload, self._flag)
        return self._transform(image, header.label) if self._transform else (image, header.label)


class ImageFolderDataset(Dataset):
    """Images of folders, of which each is a class; labels count from 0 in the order of names.

    `synsets` are the classes' names, `items` the pairs of path and label. Other files than .jpg,
    .jpeg and .png are left out with a warning, and so are files beside the folders.
    """

    def __init__(self, root: str, flag: int = 1, transform: Transform | None = None) -> None:
        self._root, self._flag, self._transform = os.path.expanduser(root), flag, transform
        self.synsets: list[str] = []
        self.items: list[tuple[str, int]] = []
        for folder in sorted(os.listdir(self._root)):
            path = os.path.join(self._root, folder)
            if os.path.isdir(path):
                self._add(path, len(self.synsets))
                self.synsets.append(folder)
            else:
                warnings.warn(f"left out: {path}, which is not a folder", stacklevel=2)

    def _add(self, folder: str, label: int) -> None:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if name.lower().endswith(_EXTS):
                self.items.append((path, label))
            else:
                warnings.warn(f"left out: {path}, which is none of {_EXTS}", stacklevel=3)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, idx: int) -> Any:
        path, label = self.items[idx]
        image = imread(path, self._flag)
        return self._transform(image, label) if self._transform else (image, label)


datasets = sys.modules[__name__]
"""MXNet's mx.gluon.data.vision.datasets: its names are here."""


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"no mx.gluon.data.vision.{name}: rectool's stand-in has {', '.join(__all__)}"
    )
