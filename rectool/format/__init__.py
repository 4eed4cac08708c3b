"""The RecordIO format: frames, image headers, indexes, a reader, a writer, the errors.

Standard library and numpy only; everything else in rectool stands on it.
"""

from .errors import (
    CorruptError,
    HeaderError,
    ImageError,
    IndexFileError,
    KeyNotFoundError,
    LimitError,
    ListError,
    RecordError,
    StrPath,
    TruncatedError,
    plural,
    shown,
)
from .frames import MAGIC, MAX_RECORD, Span, data, encode, locate, walk
from .header import (
    HEADER_SIZE,
    IRHeader,
    Label,
    face_ranges,
    label_list,
    pack,
    pack_raw,
    payload_start,
    raw_fields,
    to_float32,
    unpack,
    with_id,
)
from .index import MAX_KEY, Index, KeySource, KeyTable, check_index, line, read_index, scan_index
from .output import Output, check_free, publish, sync_folder
from .reader import RecordReader, map_file
from .writer import RecordWriter, idx_beside

__all__ = [
    "HEADER_SIZE",
    "MAGIC",
    "MAX_KEY",
    "MAX_RECORD",
    "CorruptError",
    "HeaderError",
    "IRHeader",
    "ImageError",
    "Index",
    "IndexFileError",
    "KeyNotFoundError",
    "KeySource",
    "KeyTable",
    "Label",
    "LimitError",
    "ListError",
    "Output",
    "RecordError",
    "RecordReader",
    "RecordWriter",
    "Span",
    "StrPath",
    "TruncatedError",
    "check_free",
    "check_index",
    "data",
    "encode",
    "face_ranges",
    "idx_beside",
    "label_list",
    "line",
    "locate",
    "map_file",
    "pack",
    "pack_raw",
    "payload_start",
    "plural",
    "publish",
    "raw_fields",
    "read_index",
    "scan_index",
    "shown",
    "sync_folder",
    "to_float32",
    "unpack",
    "walk",
    "with_id",
]
