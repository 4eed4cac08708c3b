"""The quick check whether an index has all records, against a walk through the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from test_reader import content

from rectool import RecordError
from rectool.format.check_index import cover
from rectool.format.frames import MAGIC, encode, locate, parts_of, walk
from rectool.system.file_bytes import open_bytes

Runner = Callable[..., Run]
WORD = st.sampled_from([MAGIC, b"abcd", b"\0\0\0\0", (3).to_bytes(4, "little")])
RECORD = st.builds(
    lambda words, tail: b"".join(words) + tail,
    st.lists(WORD, max_size=6),
    st.binary(max_size=3),
)


Regions = list[tuple[int, int]]


def is_start(content: bytes, offset: int) -> bool:
    head = content[offset : offset + 8]
    return len(head) == 8 and head.startswith(MAGIC) and head[7] >> 5 < 2 and offset % 4 == 0


def slow(offsets: list[int], content: bytes) -> tuple[int, Regions, set[int]]:
    """Record by record: those at none of the offsets, what is damaged, offsets of no record."""
    begins: list[int] = []
    regions: Regions = []
    at = 0
    while at < len(content):
        try:
            end = locate(content, at).end
            begins.append(at)
        except RecordError:
            starts = (place for place in range(at + 4, len(content)) if is_start(content, place))
            end = next(starts, len(content))
            regions.append((at, end))
        at = end
    strays = {
        offset
        for offset in offsets
        if offset not in begins and not any(begin <= offset < end for begin, end in regions)
    }
    for offset in sorted(strays):
        if is_start(content, offset):
            regions.append((max(begin for begin in begins if begin < offset), offset))
            break
    return sum(begin not in offsets for begin in begins), regions, strays


def quick(offsets: np.ndarray, content: Any) -> tuple[int, Regions, set[int]]:
    regions: Regions = []
    found = cover(offsets, content, lambda error, begin, end: regions.append((begin, end)))
    return found.missing, regions, set(found.strays.tolist())


def check_cover(offsets: list[int], content: bytes) -> None:
    assert quick(np.array(offsets, np.int64), content) == slow(offsets, content)


RECORDS = st.lists(RECORD, min_size=1, max_size=12)


@settings(max_examples=300)
@given(RECORDS, st.data(), st.sampled_from(["less", "parts", "more", "any order", "twice"]))
def test_the_cover_of_other_indexes(records: list[bytes], draw: st.DataObject, kind: str) -> None:
    """Those that leave records out, name parts of them, invent, reorder or repeat them."""
    content = b"".join(map(encode, records))
    spans = list(walk(content))
    offsets = [span.begin for span in spans]
    if kind == "less":
        offsets.remove(draw.draw(st.sampled_from(offsets)))
    elif kind == "parts":
        offsets = [begin - 8 for span in spans for begin, _ in parts_of(content, span)]
    elif kind == "more":
        offsets = sorted({*offsets, 4 * draw.draw(st.integers(0, len(content) // 4 + 2))})
    elif kind == "any order":
        offsets = draw.draw(st.permutations(offsets))
    else:
        offsets = sorted(offsets * 2)
    check_cover(offsets, content)


@settings(max_examples=300)
@given(RECORDS, st.data(), st.sampled_from(["cut", "junk", "byte", "cflag", "gap", "overlap"]))
def test_the_cover_of_damaged_files(records: list[bytes], draw: st.DataObject, kind: str) -> None:
    """The index knows all records, and in a second look junk at the end too."""
    content = b"".join(map(encode, records))
    offsets = [span.begin for span in walk(content)]
    at = draw.draw(st.integers(0, len(content) - 1))
    head = draw.draw(st.sampled_from(offsets))
    if kind == "cut":
        content = content[:at]
    elif kind == "junk":
        content += draw.draw(st.binary(min_size=1, max_size=12))
    elif kind == "byte":
        content = content[:at] + draw.draw(st.binary(min_size=1, max_size=1)) + content[at + 1 :]
    elif kind == "cflag":
        changed = bytearray(content)
        changed[head + 7] = changed[head + 7] & 31 | draw.draw(st.integers(1, 7)) << 5
        content = bytes(changed)
    elif kind == "gap":
        content = content[:head] + bytes(4) + content[head:]
        offsets = [offset + 4 * (offset >= head) for offset in offsets]
    else:
        changed = bytearray(content)
        changed[head + 4] ^= 4
        content = bytes(changed)
    check_cover(offsets, content)
    check_cover([*offsets, len(content) - len(content) % 4 - 4], content)


def test_a_whole_file_is_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk of a large file takes minutes; sizes of all kinds and split records need none."""
    records = [content(key) for key in range(60)]
    frames = b"".join(map(encode, records))
    offsets = np.array([span.begin for span in walk(frames)])
    monkeypatch.setattr("rectool.format.check_index.walk_past_damage", None)
    assert quick(offsets, frames) == (0, [], set())
    assert quick(offsets[::-1], frames) == (0, [], set())
    assert quick(np.repeat(offsets, 2), frames) == (0, [], set())
    assert quick(offsets[:0], b"") == (0, [], set())


def test_the_cover_of_more_than_a_chunk(tmp_path: Path) -> None:
    """Chunks of the quick check meet without a gap, and a fault behind the first is seen."""
    frame = encode(b"1234")
    count = (1 << 20) + 5
    path = tmp_path / "a.rec"
    path.write_bytes(frame * count)
    offsets = np.arange(count, dtype=np.int64) * len(frame)
    buffer = open_bytes(path)
    assert quick(offsets, buffer) == (0, [], set())
    assert quick(offsets[::-1], buffer) == (0, [], set())
    assert quick(np.delete(offsets, 1 << 20), buffer) == (1, [], set())
