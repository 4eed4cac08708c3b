"""IRHeader: what precedes the image in an image record (MXNet's `mx.recordio`)."""

from __future__ import annotations

import math
import numbers
import re
from array import array
from collections.abc import Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import HeaderError, LimitError
from ..system.file_signatures import HEAD, name_of_content

_LAYOUT = Struct("<IfQQ")
HEADER_SIZE = _LAYOUT.size
"""Bytes of an IRHeader without its labels: 24."""

MANY_LABELS = 4096

_FLAG, _ID = Struct("<I"), Struct("<Q")
_FLOAT32 = Struct("<f")
_PROTOBUF = re.compile(rb"\n.{1,4}\n.values", re.DOTALL)  # the first field of its Record
_EXACT = 1 << 24  # float32 holds every whole number up to this one
_WHOLE = 1 << 53  # float64 holds every whole number up to this one; above, none is meant exactly

Label = float | NDArray[np.float32]
BytesLike = TypeVar("BytesLike", bytes, bytearray, memoryview)


class IRHeader(NamedTuple):
    """The header of an image record. Names and order of the fields are MXNet's.

    In a file, little-endian: flag uint32, label float32, id uint64, id2 uint64; then `flag` float32
    labels. With flag 0 the header's own label is the only one. With flag n > 0 the labels are the n
    values behind the header, and its own label is 0 (MXNet's im2rec.cc wrote the first label
    there).

    Attributes:
        flag: How many labels follow the header; 0 if there is only the header's own.
        label: A float; with flag > 0 a float32 array of shape (flag,). `pack` takes any sequence.
        id: The number of the record, by convention its key.
        id2: A second number, normally 0.
    """

    flag: int
    label: Any
    id: int
    id2: int


def pack(header: IRHeader | tuple[int, Any, int, int], payload: bytes) -> bytes:
    """The bytes of an image record: header, labels, payload.

    As in MXNet the label decides the flag, whatever the header says: 0 for a number; for a sequence
    or an array, of any shape, the number of its values.

    Args:
        header: An IRHeader, or a tuple (flag, label, id, id2).
        payload: The encoded image, or nothing.

    Returns:
        The record, for `RecordWriter.write`.

    Raises:
        LimitError: float32 cannot hold a label: it is too large, or a whole number that would
            change, such as 16777217 (NaN and infinity are kept). Or an id is not from 0 to
            2**64 - 1.
        TypeError: A label is not a number, or an id is not a whole number.

    Example:
        >>> record = pack(IRHeader(0, 3.0, 7, 0), open("cat.jpg", "rb").read())
    """
    _, label, id_, id2 = header
    if isinstance(label, numbers.Real):
        flag, own, labels = 0, to_float32(label), b""
    else:
        values = float32_array(label)
        flag, own, labels = values.size, 0.0, values.tobytes()
    return pack_raw(flag, own, id_, id2) + labels + payload


def pack_raw(flag: int, label: float, id_: int, id2: int) -> bytes:
    """The 24 bytes of a header with these fields; LimitError for an id outside uint64."""
    try:
        return _LAYOUT.pack(flag, label, id_, id2)
    except StructError:
        for name, value in (("id", id_), ("id2", id2)):
            if not hasattr(value, "__index__"):
                reason = f"{name} must be a whole number, got {value!r:.40}"
                raise TypeError(reason) from None
            if not 0 <= value < 1 << 64:
                reason = f"{name} must be 0 to {(1 << 64) - 1}, got {value}"
                raise LimitError(reason) from None
        raise


def unpack(record: BytesLike) -> tuple[IRHeader, BytesLike]:
    """Takes an image record apart.

    Args:
        record: The bytes of a record, as a RecordReader gives them.

    Returns:
        The header and the payload, normally an encoded image. The header's label is a float, or
        with flag > 0 a read-only float32 array of shape (flag,). The payload is a slice of
        `record`, so a memoryview is not copied.

    Raises:
        HeaderError: The record is shorter than its header and labels.

    Example:
        >>> header, image = unpack(RecordReader("out.rec")[0])
    """
    start = payload_start(record)
    flag, label, id_, id2 = _LAYOUT.unpack_from(record)
    if flag:
        label = np.frombuffer(bytes(record[HEADER_SIZE:start]), "<f4")
    return IRHeader(flag, label, id_, id2), record[start:]


def payload_start(record: bytes | bytearray | memoryview) -> int:
    """The number of bytes before the payload of an image record. Raises as `unpack` does."""
    if len(record) >= HEADER_SIZE:
        start: int = HEADER_SIZE + 4 * _FLAG.unpack_from(record)[0]
        if len(record) >= start:
            return start
    raise HeaderError(f"this is not an image record: {_lack(record)}")


def _lack(record: bytes | bytearray | memoryview) -> str:
    size, content = len(record), content_without_header(record)
    if content is not None:
        return f"it holds a {content} without an IRHeader"
    if size < HEADER_SIZE:
        return f"{size} bytes, and an IRHeader alone has {HEADER_SIZE}"
    flag = _FLAG.unpack_from(record)[0]
    whole = HEADER_SIZE + 4 * flag
    return f"its IRHeader announces {flag} labels, {whole} bytes in all, but the record has {size}"


def content_without_header(record: bytes | bytearray | memoryview) -> str | None:
    """What a record holds that has no IRHeader: "JPEG image", "JSON document"; None if unknown."""
    start = bytes(record[:HEAD])
    if _PROTOBUF.match(start):
        return "protobuf of SageMaker's"
    name = name_of_content(start) if start else None
    if name is None or name.endswith((" file", " only")):
        return None
    return name.split(" ", 1)[1]


def with_id(record: bytes, id_: int) -> bytes:
    """An image record's bytes with another id."""
    return record[:8] + _ID.pack(id_) + record[16:]


def face_ranges(record: bytes | memoryview) -> range:
    """The keys of the identities' records, if this is the header record of an InsightFace data set.

    That is the first one: flag 2, no payload, and as labels the keys where identities begin and
    end. Any other record gives an empty range.
    """
    if len(record) != HEADER_SIZE + 8 or raw_fields(record)[0] != 2:
        return range(0)
    begin, end = np.frombuffer(record, "<f4", offset=HEADER_SIZE).tolist()
    return range(int(begin), int(end)) if 1 <= begin < end < 1 << 63 else range(0)


def raw_fields(record: bytes | memoryview) -> tuple[int, float, int, int]:
    """flag, own label, id and id2 as stored, of a record of HEADER_SIZE bytes or more."""
    fields: tuple[int, float, int, int] = _LAYOUT.unpack_from(record)
    return fields


def to_float32(label: Any) -> float:
    """The label as float32 holds it. Raises LimitError as `pack` does."""
    if -_EXACT <= label <= _EXACT:
        return float(label)
    try:
        held: float = _FLOAT32.unpack(_FLOAT32.pack(float(label)))[0]
    except OverflowError:
        held = math.inf
    if math.isinf(held) and not (isinstance(label, float | np.floating) and math.isinf(label)):
        raise LimitError(
            f"label {label!s:.40} is too large for float32, in which labels are stored"
        )
    is_whole = isinstance(label, numbers.Integral) or (abs(label) < _WHOLE and label == int(label))
    if is_whole and held != label:
        raise LimitError(
            f"label {label} would become {held:.0f} in float32, in which labels are stored"
        )
    return held


def float32_array(labels: Any) -> NDArray[np.float32]:
    """The labels as a flat little-endian float32 array. Raises LimitError as `pack` does."""
    given = np.asarray(labels).ravel()
    if given.dtype.kind not in "biuf":
        if given.dtype.kind in "mM" or any(label is None for label in given.tolist()):
            raise TypeError(f"a label must be a number, got {labels!r:.40}")
        given = np.asarray(labels, dtype=np.float64).ravel()
    with np.errstate(over="ignore"):
        held = given.astype("<f4")
    if given.dtype != held.dtype and given.size and not np.abs(given).max() <= _EXACT:
        for value in given.tolist():
            if not math.isnan(value):
                to_float32(value)
    return held


def label_list(label: Label | Sequence[float]) -> list[float]:
    """The labels of a header as a list: one for a number, all of an array."""
    return [float(label)] if isinstance(label, float | int) else [float(value) for value in label]


def compact_labels(header: IRHeader) -> list[float] | array[float]:
    """The labels; an array for more than MANY_LABELS, of which a list takes 8 times the memory."""
    if header.flag <= MANY_LABELS:
        return label_list(header.label)
    labels = array("f")
    labels.frombytes(header.label.data.cast("B"))
    return labels
