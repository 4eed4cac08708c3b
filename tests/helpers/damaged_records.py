"""Small pairs of `.rec` and `.idx`, and what is done to them."""

from __future__ import annotations

import functools
import random
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from conftest import encoded, picture

from helpers.mutations import TEXT
from helpers.plain_records import MAGIC, Record, frames, read_idx


class Pair(NamedTuple):
    """A `.rec` and what its `.idx` says; `spans` are the records' places, by their keys."""

    rec: bytes
    spans: dict[int, tuple[int, int]]
    records: dict[int, Record]

    @property
    def idx(self) -> bytes:
        return b"".join(b"%d\t%d\n" % (key, begin) for key, (begin, _) in self.spans.items())


def pair_of(records: Iterable[Record]) -> Pair:
    data, spans, by_key = b"", {}, {}
    for record in records:
        made = frames(record.data)
        spans[record.key] = (len(data), len(data) + len(made))
        by_key[record.key] = record
        data += made
    return Pair(data, spans, by_key)


@functools.cache
def stock() -> tuple[Record, ...]:
    """Records of one label and several, of one frame and several; the first without an image."""
    jpeg, png = encoded(picture(1)), encoded(picture(2, 19, 13), "PNG")
    comment = b"ab" + (MAGIC + b"1234") * 4 + b"\0" * 4  # some magic words at a multiple of 4
    cut = jpeg[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(comment)) + comment + jpeg[2:]
    made = [Record(0, (9.0, 12.0), b"", several=True)]
    for key in range(3, 40, 3):
        payload = (jpeg, png, cut, encoded(picture(key, 12, 20)))[key % 4]
        labels = ((float(key),), (0.5, float(key)), (1.5, 2.0, 3.0, float(key)))[key % 11 % 3 % 2]
        made.append(Record(key, labels, payload, several=key == 9))
    return tuple(made)


def some_pair(rng: random.Random) -> Pair:
    """Some of these, in some order: InsightFace's header record only at the beginning."""
    records = list(stock()[1:])
    rng.shuffle(records)
    return pair_of([*stock()[: rng.randrange(2)], *records[: rng.randint(1, len(records))]])


# what is done to a .rec

Damage = Callable[[Pair, random.Random], bytes]


def _some_span(pair: Pair, rng: random.Random) -> tuple[int, int]:
    return rng.choice(list(pair.spans.values()))


def _patched(data: bytes, at: int, patch: bytes) -> bytes:
    return data[:at] + patch + data[at + len(patch) :]


def _flip_in(data: bytes, begin: int, end: int, rng: random.Random) -> bytes:
    at = rng.randrange(begin, max(end, begin + 1))
    return _patched(data, at, bytes([data[at] ^ 1 << rng.randrange(8)]))


def flip_magic(pair: Pair, rng: random.Random) -> bytes:
    at = _some_span(pair, rng)[0]
    return _flip_in(pair.rec, at, at + 4, rng)


def flip_length(pair: Pair, rng: random.Random) -> bytes:
    at = _some_span(pair, rng)[0]
    return _flip_in(pair.rec, at + 4, at + 8, rng)


def flip_header(pair: Pair, rng: random.Random) -> bytes:
    at = _some_span(pair, rng)[0]
    return _flip_in(pair.rec, at + 8, at + 32, rng)


def flip_payload(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    return _flip_in(pair.rec, min(begin + 32, end - 1), end, rng)


def cut_short(pair: Pair, rng: random.Random) -> bytes:
    return pair.rec[: rng.randrange(len(pair.rec)) & rng.choice((-1, -4))]


def swallow(pair: Pair, rng: random.Random) -> bytes:
    """A length that reaches to the end of one of the next records."""
    spans = sorted(pair.spans.values())
    first = rng.randrange(len(spans))
    last = rng.randrange(first, min(first + 3, len(spans)))
    size = spans[last][1] - spans[first][0] - 8 - rng.randrange(4)
    return _patched(pair.rec, spans[first][0] + 4, struct.pack("<I", size))


def shorten(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    return _patched(pair.rec, begin + 4, struct.pack("<I", rng.randrange(end - begin - 8)))


def other_cflag(pair: Pair, rng: random.Random) -> bytes:
    at = _some_span(pair, rng)[0]
    word = struct.unpack_from("<I", pair.rec, at + 4)[0] & 0x1FFFFFFF
    return _patched(pair.rec, at + 4, struct.pack("<I", rng.randrange(8) << 29 | word))


def remove_bytes(pair: Pair, rng: random.Random) -> bytes:
    at = rng.randrange(len(pair.rec))
    return pair.rec[:at] + pair.rec[at + rng.choice((1, 2, 4, 8, 40, 400)) :]


def insert_bytes(pair: Pair, rng: random.Random) -> bytes:
    at = rng.randrange(len(pair.rec)) & rng.choice((-1, -4))
    block = rng.choice((b"\0", b"\0\0\0\0", rng.randbytes(12), MAGIC, MAGIC * 30, bytes(400)))
    return pair.rec[:at] + block + pair.rec[at:]


def zeros(pair: Pair, rng: random.Random) -> bytes:
    at = rng.randrange(len(pair.rec))
    size = min(rng.choice((4, 64, 1024)), len(pair.rec) - at)
    return _patched(pair.rec, at, bytes(size))


def repeat_record(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    return pair.rec[:end] + pair.rec[begin:end] + pair.rec[end:]


def drop_record(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    return pair.rec[:begin] + pair.rec[end:]


def swap_records(pair: Pair, rng: random.Random) -> bytes:
    spans = sorted(pair.spans.values())
    one, other = rng.randrange(len(spans)), rng.randrange(len(spans))
    spans[one], spans[other] = spans[other], spans[one]
    return b"".join(pair.rec[begin:end] for begin, end in spans)


def plant_magic(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    at = rng.randrange(begin + 8, max(end - 4, begin + 9)) & rng.choice((-1, -4))
    return _patched(pair.rec, at, MAGIC)[: len(pair.rec)]


def plant_frame(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    at = rng.randrange(begin + 8, end) & -4
    head = MAGIC + struct.pack("<I", rng.randrange(4) << 29 | rng.randrange(0, 60))
    return _patched(pair.rec, at, head)[: len(pair.rec)]


def endless_parts(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    word = struct.unpack_from("<I", pair.rec, begin + 4)[0] & 0x1FFFFFFF
    first = _patched(pair.rec[begin:end], 4, struct.pack("<I", 1 << 29 | word))
    parts = (MAGIC + struct.pack("<I", 2 << 29)) * rng.choice((1, 1000, 200_000))
    last = MAGIC + struct.pack("<I", 3 << 29) if rng.random() < 0.5 else b""
    return pair.rec[:begin] + first + parts + last + pair.rec[end:]


def label_flood(pair: Pair, rng: random.Random) -> bytes:
    begin, end = _some_span(pair, rng)
    room = (end - begin - 32) // 4
    flag = rng.choice((1, room - 1, room, room + 1, 1000, 1 << 24, 1 << 31, (1 << 32) - 1))
    return _patched(pair.rec, begin + 8, struct.pack("<I", max(flag, 0)))


def trailing(pair: Pair, rng: random.Random) -> bytes:
    return pair.rec + rng.choice((b"\0", bytes(4), bytes(4096), MAGIC, b"junk", rng.randbytes(64)))


def leading(pair: Pair, rng: random.Random) -> bytes:
    return rng.choice((b"\0" * 4, b"\xef\xbb\xbf", bytes(512), b"junk")) + pair.rec


def no_record_file(pair: Pair, rng: random.Random) -> bytes:
    return rng.choice((
        b"", b"\0" * 1000, b"<!DOCTYPE html><html></html>\n" * 20, b"PK\3\4" + rng.randbytes(200),
        rng.randbytes(600), pair.idx * 5, b"version https://git-lfs.github.com/spec/v1\n" * 3,
        encoded(picture(4)), MAGIC, MAGIC + b"\xff" * 4,
    ))  # fmt: skip


def whole(pair: Pair, _: random.Random) -> bytes:
    return pair.rec


DAMAGES: tuple[Damage, ...] = (
    flip_magic, flip_length, flip_header, flip_payload, cut_short, swallow, shorten, other_cflag,
    remove_bytes, insert_bytes, zeros, repeat_record, drop_record, swap_records, plant_magic,
    plant_frame, endless_parts, label_flood, trailing, leading, no_record_file, whole,
)  # fmt: skip


# what is done to an .idx


def shift_keys(data: bytes, rng: random.Random) -> bytes:
    """Each key with its neighbour's offset."""
    pairs = read_idx(data)
    by = rng.choice((1, -1, 2))
    keys = [key for key, _ in pairs]
    keys = keys[by % len(keys) :] + keys[: by % len(keys)]
    return b"".join(b"%d\t%d\n" % (key, at) for key, (_, at) in zip(keys, pairs, strict=True))


def reverse_keys(data: bytes, _: random.Random) -> bytes:
    pairs = read_idx(data)
    backwards = [key for key, _ in pairs[::-1]]
    return b"".join(b"%d\t%d\n" % (key, at) for key, (_, at) in zip(backwards, pairs, strict=True))


def another_files(_: bytes, rng: random.Random) -> bytes:
    return some_pair(rng).idx


INDEX_FAULTS = (*TEXT, shift_keys, reverse_keys, another_files)
