"""RecordIO image data sets (`.rec`, `.idx`, `.lst`) without MXNet.

The names below are loaded when they are first used, so that `import rectool` costs nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # checkers know it by its name; to load typing takes as long as all else here
if TYPE_CHECKING:
    from .errors import (
        ArgumentError,
        CorruptError,
        HeaderError,
        ImageError,
        IndexFileError,
        KeyNotFoundError,
        LimitError,
        ListError,
        RecordError,
        TruncatedError,
    )
    from .format.header import IRHeader, pack, unpack
    from .format.reader import RecordReader
    from .format.recovery import DamagedRegion
    from .format.write_index import write_index
    from .format.writer import RecordWriter
    from .inspection.inspect_records import inspect_records
    from .listing.list_images import list_images
    from .loading import Augmentation, ImageDetRecordIter, ImageRecordIter, RecordDataset
    from .packing.pack_images import pack_images
    from .unpacking.unpack_images import unpack_images

__all__ = [
    "ArgumentError",
    "Augmentation",
    "CorruptError",
    "DamagedRegion",
    "HeaderError",
    "IRHeader",
    "ImageDetRecordIter",
    "ImageError",
    "ImageRecordIter",
    "IndexFileError",
    "KeyNotFoundError",
    "LimitError",
    "ListError",
    "RecordDataset",
    "RecordError",
    "RecordReader",
    "RecordWriter",
    "TruncatedError",
    "inspect_records",
    "list_images",
    "pack",
    "pack_images",
    "unpack",
    "unpack_images",
    "write_index",
]


_HOMES = {
    "errors": (
        "ArgumentError", "CorruptError", "HeaderError", "ImageError", "IndexFileError",
        "KeyNotFoundError", "LimitError", "ListError", "RecordError", "TruncatedError",
    ),
    "format.header": ("IRHeader", "pack", "unpack"),
    "format.reader": ("RecordReader",),
    "format.recovery": ("DamagedRegion",),
    "format.write_index": ("write_index",),
    "format.writer": ("RecordWriter",),
    "inspection.inspect_records": ("inspect_records",),
    "listing.list_images": ("list_images",),
    "loading": ("Augmentation", "ImageDetRecordIter", "ImageRecordIter", "RecordDataset"),
    "packing.pack_images": ("pack_images",),
    "unpacking.unpack_images": ("unpack_images",),
}  # fmt: skip


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module 'rectool' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
