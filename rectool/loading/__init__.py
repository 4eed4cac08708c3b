"""Reading for training: a data set of samples, and an iterator over batches of them."""

from .batch import DataBatch, DataDesc
from .dataset import RecordDataset
from .iterator import ImageRecordIter

__all__ = ["DataBatch", "DataDesc", "ImageRecordIter", "RecordDataset"]
