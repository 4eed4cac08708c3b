"""RecordIO image data sets (`.rec`, `.idx`, `.lst`) without MXNet.

The names below are loaded when they are first used, so that `import rectool` costs nothing.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # checkers know it by its name; to load typing takes as long as all else here
if TYPE_CHECKING:
    from .format import (
        CorruptError,
        HeaderError,
        ImageError,
        IndexFileError,
        IRHeader,
        KeyNotFoundError,
        LimitError,
        ListError,
        RecordError,
        RecordReader,
        RecordWriter,
        TruncatedError,
        pack,
        unpack,
    )
    from .loading import Augmentation, ImageDetIter, ImageRecordIter, RecordDataset

__all__ = [
    "Augmentation",
    "CorruptError",
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


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'rectool' has no attribute {name!r}")
    if name in ("Augmentation", "ImageDetIter", "ImageRecordIter", "RecordDataset"):
        from . import loading  # noqa: PLC0415

        return getattr(loading, name)
    from . import format  # noqa: A004, PLC0415

    return getattr(format, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
