"""`mx.recordio` without MXNet: the same names, arguments and meanings.

What is better here: records are found after the end was reached; forked and spawned processes and
threads may share a reader; pickling leaves the original alone; a file that was closed says so; a
writer's files appear when it is closed, collected or the program ends, whole, and an error of
writing them is raised. Bytes-like records and text (as UTF-8) are taken wherever MXNet takes bytes.
"""

from __future__ import annotations

import atexit
import io
import os
import struct
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StrPath
from ..format import check_index as _check_index
from ..format import header as _header
from ..format import index as _index
from ..format import record_file as _record_file
from ..format.header import IRHeader
from ..format.header import unpack as _unpack
from ..format.writer import RecordWriter
from .base import opening
from .index_keys import Offsets, read_other_keys
from .labels import LabelArray

__all__ = [
    "IRHeader",
    "MXIndexedRecordIO",
    "MXRecordIO",
    "pack",
    "pack_img",
    "unpack",
    "unpack_img",
]

_IR_FORMAT = "IfQQ"  # MXNet's module has these two and `struct`, and programs import them
_IR_SIZE = struct.calcsize(_IR_FORMAT)

_open_writers: weakref.WeakSet[MXRecordIO] = weakref.WeakSet()


@atexit.register
def _close_writers() -> None:
    for writer in list(_open_writers):
        try:
            writer._leave()
        except Exception:  # noqa: BLE001 - the others' files count too
            sys.excepthook(*sys.exc_info())


def _as_bytes(data: Any) -> bytes:
    if isinstance(data, bytes):
        return data
    return data.encode("utf-8") if isinstance(data, str) else bytes(memoryview(data))


class MXRecordIO:
    """Reads or writes the records of `uri`, a path, one after the other.

    `flag` is "r" or "w", else ValueError. Opening raises an error that is both an OSError and an
    MXNetError; reading raises CorruptError or TruncatedError at damage, ValueError when closed,
    io.UnsupportedOperation when opened for writing; writing likewise, and LimitError for a record
    of 2**29 bytes or more.
    """

    def __init__(self, uri: StrPath, flag: str) -> None:
        self.uri = os.fspath(uri).removeprefix("file://")
        self.flag = flag
        self.is_open = False
        self.pid: int | None = None
        self._lock = threading.Lock()
        if flag not in ("r", "w"):
            raise ValueError(f"Invalid flag {flag}")
        self.writable = flag == "w"
        self.open()

    def open(self) -> None:
        """Opens the file; called by the constructor and by `reset`."""
        self._position = 0
        with opening():
            if self.writable:
                self._writer = self._new_writer()
                _open_writers.add(self)
            else:
                self._file = _record_file.RecordFile(self.uri)
        self.pid = os.getpid()
        self.is_open = True

    def _new_writer(self) -> RecordWriter:
        return RecordWriter(self.uri, idx=False, force=True)

    def close(self) -> None:
        """Closes the file; what was written appears under its name. A second call does nothing."""
        if not self.is_open:
            return
        self.is_open = False
        self.pid = None
        if self.writable:
            _open_writers.discard(self)
            self._writer.close()
        else:
            self._file.close()

    def __del__(self) -> None:
        if getattr(self, "is_open", False):
            self._leave()

    def _leave(self) -> None:
        """Closes what nobody closed; a writer whose path was opened for writing again is done."""
        if not self.writable or not self._writer.closed:
            self.close()

    def __enter__(self) -> MXRecordIO:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None and self.writable and self.is_open:
            self._drop()
        else:
            self.close()

    def _drop(self) -> None:
        """Closes a writer and leaves no trace of what it wrote."""
        self.is_open = False
        self.pid = None
        _open_writers.discard(self)
        self._writer.discard()

    def __getstate__(self) -> dict[str, Any]:
        if self.writable and self.is_open:
            raise TypeError(f"{self.uri}: an open writer cannot be pickled; close it first")
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_lock", "_file", "_writer")
            and (self.writable or name not in ("idx", "keys"))
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A reader is opened anew, at its beginning."""
        self.__dict__.update(state)
        self._lock = threading.Lock()
        if self.is_open:
            self.is_open = False
            self.open()

    def reset(self) -> None:
        """A reader goes back to the first record; a writer starts anew, with nothing written."""
        if self.writable and self.is_open:
            self._drop()
        else:
            self.close()
        self.open()

    def _check(self, *, writing: bool) -> None:
        if writing != self.writable:
            mode = "writing" if self.writable else "reading"
            raise io.UnsupportedOperation(f"{self.uri}: opened for {mode}")
        if not self.is_open:
            raise ValueError(f"{self.uri}: closed; reset() opens it again")

    def write(self, buf: Any) -> None:
        """Appends a record."""
        self._check(writing=True)
        self._writer.write(_as_bytes(buf), indexed=False)

    def read(self) -> bytes | None:
        """The next record, or None behind the last."""
        self._check(writing=False)
        with self._lock:
            if self._position >= len(self._file.buffer):
                return None
            record, self._position = self._file.read_next(self._position)
            return record


class MXIndexedRecordIO(MXRecordIO):
    """Reads records of `uri` by key, or writes them with their keys, by the index at `idx_path`.

    `keys` is the list of the keys in the order of the index, `idx` maps them to byte offsets; of
    several records with one key the last is found. With `key_type` int a reader keeps 16 bytes a
    record, and makes the list when it is first asked for. Raises, beyond what MXRecordIO does,
    IndexFileError for an index that is malformed or belongs to another file, and KeyError for a key
    that is not there.
    """

    idx: Mapping[Any, int]

    def __init__(
        self, idx_path: StrPath, uri: StrPath, flag: str, key_type: Callable[[Any], Any] = int
    ) -> None:
        self.idx_path = os.fspath(idx_path)
        self.key_type = key_type
        super().__init__(uri, flag)

    @cached_property
    def keys(self) -> list[Any]:
        return list(self.idx)

    def open(self) -> None:
        super().open()
        if self.writable:
            self.idx, self.keys = {}, []
            return
        self.__dict__.pop("keys", None)
        try:
            if self.key_type is int:
                with opening():
                    index = _index.read_index(self.idx_path)
                _check_index.check_index(index, self._file.buffer, self.idx_path, self.uri)
                self.idx = Offsets(index.keys, index.offsets)
            else:
                self.idx, self.keys = read_other_keys(self.idx_path, self.key_type)
                found = np.array(list(self.idx.values()), np.int64)
                index = _index.Index(found, found, "idx")
                _check_index.check_index(index, self._file.buffer, self.idx_path, self.uri)
        except BaseException:
            self.close()
            raise

    def _new_writer(self) -> RecordWriter:
        return RecordWriter(self.uri, idx=self.idx_path, force=True)

    def seek(self, idx: Any) -> None:
        """Makes the record with this key the next to be read."""
        self._check(writing=False)
        self._position = self.idx[idx]

    def tell(self) -> int:
        """A writer's next record's byte offset."""
        self._check(writing=True)
        return self._writer.tell()

    def read_idx(self, idx: Any) -> bytes:
        """The record with this key, whatever other threads read; `read` goes on behind it."""
        self._check(writing=False)
        if isinstance(self.idx, Offsets):
            offset, end = self.idx.extent(idx)
        else:
            offset, end = self.idx[idx], None
        record, self._position = self._file.read_next(offset, end)
        return record

    def write_idx(self, idx: Any, buf: Any) -> None:
        """Appends a record with this key."""
        self._check(writing=True)
        key = self.key_type(idx)
        record = _as_bytes(buf)
        with self._lock:
            written = self._writer.write(record, key if isinstance(key, int) else str(key))
            self.idx[key] = written  # type: ignore[index]  # a writer's is a dict
            self.keys.append(key)


def pack(header: IRHeader | tuple[int, Any, int, int], s: Any) -> bytes:
    """The bytes of an image record; see `rectool.pack`. The label decides the flag, as in MXNet."""
    return _header.pack(header, _as_bytes(s))


def unpack(s: Any) -> tuple[IRHeader, bytes]:
    """Header and payload of an image record; see `rectool.unpack`.

    An item of several labels is a numpy.float32 that is an index, too, where it is a whole number.
    """
    header, payload = _unpack(_as_bytes(s))
    if header.flag:
        header = header._replace(label=header.label.view(LabelArray))
    return header, payload


def pack_img(
    header: IRHeader | tuple[int, Any, int, int],
    img: NDArray[Any],
    quality: int = 95,
    img_fmt: str = ".jpg",
) -> bytes:
    """An image record of an array as OpenCV has it: HxW, HxWx3 (BGR) or HxWx4 (BGRA).

    uint8, or uint16 for a grey PNG; other dtypes are rounded and cut to 0..255. `img_fmt` is .jpg
    or .jpeg (`quality` 1 to 100; alpha is dropped), .png (`quality` is the compression level, above
    9 means 9), .webp (lossless) or .bmp. Raises ImageError where the image cannot be encoded.
    """
    from .bgr import encode_bgr  # noqa: PLC0415

    return _header.pack(header, encode_bgr(img, quality, img_fmt))


def unpack_img(s: Any, iscolor: int = -1) -> tuple[IRHeader, NDArray[Any] | None]:
    """Header and image of an image record, as cv2.imdecode gives it: BGR.

    `iscolor` 1: HxWx3 uint8; 0: HxW uint8, grey; both with an EXIF orientation applied. -1: as it
    is stored, HxW, HxWx3 or HxWx4 (BGRA), uint8 or for a 16-bit grey PNG uint16. The image is None
    where the payload cannot be decoded. Raises ImageError for a payload of no bytes and for PNGs
    of 16 bits a channel in colour with -1; HeaderError where this is no image record.
    """
    from .bgr import decode_bgr  # noqa: PLC0415

    header, payload = unpack(s)
    return header, decode_bgr(payload, iscolor)
