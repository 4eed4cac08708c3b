"""Faults in bytes and in lines of text, each made by a random generator."""

from __future__ import annotations

import random
from collections.abc import Callable

Fault = Callable[[bytes, random.Random], bytes]

HUGE = ("9" * 19, "9" * 40, "-1", "0", "1e400", "NaN", "inf", "1.5", str(1 << 32), str(1 << 63))
JUNK = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b"\n", b"\r", b'"', b"'", b",", b";", b"{", b"[",
    b"<", b">", b"&", b"&a;", b"\\", b"%s", b"\x1b[31m", b"../", b"/", b" ", b"\xc3\x28", b"-",
    b"null", "\u202e".encode(), b"]]>", b"<!--", b"#",
)  # fmt: skip


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if made:
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def cut_end(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def remove_block(data: bytes, rng: random.Random) -> bytes:
    begin, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:begin] + data[min(end, begin + rng.choice((1, 4, 64, 4096))) :]


def insert_junk(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(JUNK) * rng.choice((1, 1, 1, 3, 2000)) + data[at:]


def zero_run(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    size = min(rng.choice((1, 4, 100, 5000)), len(data) - at)
    return data[:at] + bytes(size) + data[at + size :]


def duplicate_block(data: bytes, rng: random.Random) -> bytes:
    begin, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[begin:]


BYTES: tuple[Fault, ...] = (
    flip_bits, cut_end, remove_block, insert_junk, zero_run, duplicate_block,
)  # fmt: skip


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def remove_line(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data)
    if lines:
        del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def duplicate_line(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data)
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines or [b""]))
    return b"".join(lines)


def swap_lines(data: bytes, rng: random.Random) -> bytes:
    lines = _lines(data)
    if len(lines) > 1:
        one, other = rng.sample(range(len(lines)), 2)
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def change_number(data: bytes, rng: random.Random) -> bytes:
    """Another digit in a number, or another number."""
    places = [at for at, byte in enumerate(data) if 48 <= byte < 58]
    if not places:
        return data
    at = rng.choice(places)
    if rng.random() < 0.6:
        return data[:at] + str(rng.randrange(10)).encode() + data[at + 1 :]
    end = at
    while end < len(data) and 48 <= data[end] < 58:
        end += 1
    return data[:at] + rng.choice(HUGE).encode() + data[end:]


def windows_lines(data: bytes, _: random.Random) -> bytes:
    return data.replace(b"\n", b"\r\n")


def with_bom(data: bytes, _: random.Random) -> bytes:
    return b"\xef\xbb\xbf" + data


def as_utf_16(data: bytes, rng: random.Random) -> bytes:
    return data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-16-be")))


def endless_line(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice((b"1", b"a", b"[", b"<a>", b" ")) * 200_000 + data[at:]


def nothing_left(_: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"", b"\n", b"\0" * 64))


TEXT: tuple[Fault, ...] = (
    *BYTES, remove_line, duplicate_line, swap_lines, change_number, change_number, windows_lines,
    with_bom, as_utf_16, endless_line, nothing_left,
)  # fmt: skip
