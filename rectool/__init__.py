"""RecordIO image data sets (`.rec`, `.idx`, `.lst`) without MXNet.

The names below are loaded when they are first used, so that `import rectool` costs nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # checkers know it by its name; to load typing takes as long as all else here
if TYPE_CHECKING:
    from .errors import (
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
    from .format.writer import RecordWriter
    from .loading import Augmentation, ImageDetIter, ImageRecordIter, RecordDataset

__all__ = [
    "Augmentation",
    "CorruptError",
    "DamagedRegion",
    "HeaderError",
    "IRHeader",
    "ImageDetIter",
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
    "pack",
    "unpack",
]


_HOMES = {
    "errors": (
        "CorruptError", "HeaderError", "ImageError", "IndexFileError", "KeyNotFoundError",
        "LimitError", "ListError", "RecordError", "TruncatedError",
    ),
    "format.header": ("IRHeader", "pack", "unpack"),
    "format.reader": ("RecordReader",),
    "format.recovery": ("DamagedRegion",),
    "format.writer": ("RecordWriter",),
    "loading": ("Augmentation", "ImageDetIter", "ImageRecordIter", "RecordDataset"),
}  # fmt: skip


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module 'rectool' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
