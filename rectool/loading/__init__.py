"""Reading for training: a data set of samples, and an iterator over batches of them."""

from .augmentation import Augmentation
from .batch import DataBatch, DataDesc
from .dataset import RecordDataset
from .det_iter import ImageDetIter
from .iterator import ImageRecordIter

__all__ = [
    "Augmentation",
    "DataBatch",
    "DataDesc",
    "ImageDetIter",
    "ImageRecordIter",
    "RecordDataset",
]
