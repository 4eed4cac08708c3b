"""The RecordIO format: frames, image headers, indexes, a reader, a writer, the errors.

Standard library and numpy only; everything else in rectool stands on it.
"""

from .columns import Headers
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
from .files import RecordFile, map_file
from .frames import MAGIC, MAX_RECORD, Span, data, encode, locate, pieces_of, walk
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
from .index import (
    MAX_KEY,
    Index,
    KeySource,
    KeyTable,
    check_index,
    join_indexes,
    line,
    read_index,
    scan_index,
    unindexed,
)
from .output import Output, check_free, publish, sync_folder
from .reader import RecordReader
from .shards import ShardName, ShardSet, group_shards, parse_shard_name, shard_name
from .signals import uninterrupted
from .writer import RecordWriter, idx_beside

__all__ = [
    "HEADER_SIZE",
    "MAGIC",
    "MAX_KEY",
    "MAX_RECORD",
    "CorruptError",
    "HeaderError",
    "Headers",
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
    "RecordFile",
    "RecordReader",
    "RecordWriter",
    "ShardName",
    "ShardSet",
    "Span",
    "StrPath",
    "TruncatedError",
    "check_free",
    "check_index",
    "data",
    "encode",
    "face_ranges",
    "group_shards",
    "idx_beside",
    "join_indexes",
    "label_list",
    "line",
    "locate",
    "map_file",
    "pack",
    "pack_raw",
    "parse_shard_name",
    "payload_start",
    "pieces_of",
    "plural",
    "publish",
    "raw_fields",
    "read_index",
    "scan_index",
    "shard_name",
    "shown",
    "sync_folder",
    "to_float32",
    "unindexed",
    "uninterrupted",
    "unpack",
    "walk",
    "with_id",
]
