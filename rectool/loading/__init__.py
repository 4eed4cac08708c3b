"""Reading for training: a data set of samples, and an iterator over batches of them."""

from .augment.options import Augmentation
from .batch import DataBatch, DataDesc
from .dataset import RecordDataset
from .det_record_iter import ImageDetRecordIter
from .record_iter import ImageRecordIter

__all__ = [
    "Augmentation",
    "DataBatch",
    "DataDesc",
    "ImageDetRecordIter",
    "ImageRecordIter",
    "RecordDataset",
]
