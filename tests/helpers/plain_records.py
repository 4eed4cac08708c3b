"""RecordIO written and read by hand, apart from the package: what tests compare it with."""

from __future__ import annotations

import struct
from typing import NamedTuple

MAGIC = b"\x0a\x23\xd7\xce"
LONGEST = (1 << 29) - 1


class Record(NamedTuple):
    """An image record as a writer gets it."""

    key: int
    labels: tuple[float, ...]
    payload: bytes
    several: bool = False  # a list of labels, also of one

    @property
    def data(self) -> bytes:
        flag = len(self.labels) if self.several or len(self.labels) != 1 else 0
        own = 0.0 if flag else self.labels[0]
        values = struct.pack(f"<{flag}f", *self.labels) if flag else b""
        return struct.pack("<IfQQ", flag, own, self.key, 0) + values + self.payload


def frames(data: bytes) -> bytes:
    """A record's frames: it is cut where the magic word stands in it at a multiple of 4."""
    parts, begin = [], 0
    for at in range(0, len(data) - 3, 4):
        if data[at : at + 4] == MAGIC:
            parts.append(data[begin:at])
            begin = at + 4
    parts.append(data[begin:])
    made = b""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        kind = (3 if last else 2) if number else (0 if last else 1)
        made += MAGIC + struct.pack("<I", kind << 29 | len(part)) + part + bytes(-len(part) % 4)
    return made


def read_at(data: bytes, at: int, *, strict: bool = True) -> tuple[bytes, int] | None:
    """The record whose frames begin here, and where they end; None where there is none.

    `strict` takes no part that holds an aligned magic word, which is left out where records are
    cut: its length is wrong, or its bytes.
    """
    parts: list[bytes] = []
    while at + 8 <= len(data) and data[at : at + 4] == MAGIC:
        word = struct.unpack_from("<I", data, at + 4)[0]
        kind, size = word >> 29, word & LONGEST
        part = data[at + 8 : at + 8 + size]
        at += 8 + size + -size % 4
        if kind not in ((2, 3) if parts else (0, 1)) or at > len(data):
            return None
        if strict and _holds_magic(part):
            return None
        parts.append(part)
        if kind in (0, 3):
            whole = MAGIC.join(parts)
            return (whole, at) if len(whole) <= LONGEST else None
    return None


def _holds_magic(part: bytes) -> bool:
    at = part.find(MAGIC)
    while at >= 0 and at % 4:
        at = part.find(MAGIC, at + 1)
    return at >= 0


def read_all(data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """Offsets and records from the beginning on, and whether they reach to the end."""
    found, at = [], 0
    while at < len(data):
        one = read_at(data, at)
        if one is None:
            return found, False
        found.append((at, one[0]))
        at = one[1]
    return found, True


def fields(record: bytes) -> tuple[int, tuple[float, ...], bytes] | None:
    """Id, labels and payload; None for what is no image record."""
    if len(record) < 24:
        return None
    flag, own, id_, _ = struct.unpack_from("<IfQQ", record)
    if len(record) < 24 + 4 * flag:
        return None
    labels = struct.unpack_from(f"<{flag}f", record, 24) if flag else (own,)
    return id_, labels, record[24 + 4 * flag :]


def read_idx(text: bytes) -> list[tuple[int, int]]:
    """Keys and offsets of a well-formed `.idx`."""
    return [(int(line.split()[0]), int(line.split()[1])) for line in text.splitlines()]
