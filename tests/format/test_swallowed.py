"""A frame whose length was damaged reaches over its neighbours: no record is ever two."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture

import rectool.mx as mx
from rectool import CorruptError, IRHeader, RecordDataset, RecordReader, RecordWriter, pack
from rectool.format.frames import MAGIC, MAX_RECORD, data, encode, locate, parts_of

Runner = Callable[..., Run]

FRAME = 1024


@pytest.fixture
def swallowed(tmp_path: Path) -> Path:
    """Six records; one bit makes the third reach over the fourth, up to the fifth."""
    path = tmp_path / "a.rec"
    with RecordWriter(path) as writer:
        for key in range(6):
            image = encoded(picture(key, 4, 4), "PNG")
            writer.write(pack(IRHeader(0, 1.0, key, 0), image.ljust(FRAME - 32, b"\0")), key)
    content = bytearray(path.read_bytes())
    content[2 * FRAME + 5] ^= 0x04
    path.write_bytes(content)
    return path


def without_line(idx: Path, number: int) -> None:
    lines = idx.read_text().splitlines(keepends=True)
    idx.write_text("".join(lines[:number] + lines[number + 1 :]))


@pytest.mark.parametrize("index", ["whole", "without it", "in another order", "none"])
@pytest.mark.parametrize("mapped", [True, False])
def test_no_reader_gives_it(swallowed: Path, index: str, mapped: bool) -> None:
    idx = swallowed.with_suffix(".idx")
    if index == "without it":
        without_line(idx, 3)
    elif index == "in another order":
        idx.write_text("".join(reversed(idx.read_text().splitlines(keepends=True))))
    elif index == "none":
        idx.unlink()
    reader = RecordReader(swallowed, mapped=mapped)
    if index == "without it" and mapped:
        pytest.skip("a mapped record that ends where the index has the next is not looked through")
    with pytest.raises(CorruptError, match=f"another at byte {3 * FRAME}") as caught:
        reader.by_key(2)
    assert (caught.value.path, caught.value.offset) == (str(swallowed), 2 * FRAME)
    for key in (0, 1, 4, 5):
        assert reader.by_key(key)[4 : 4 + 4] == struct.pack("<f", 1.0)


def test_neither_do_data_sets_and_mxnets_names(swallowed: Path) -> None:
    with pytest.raises(CorruptError, match="another"):
        RecordDataset(swallowed, decode=False)[2]
    record = mx.recordio.MXIndexedRecordIO(str(swallowed.with_suffix(".idx")), str(swallowed), "r")
    with pytest.raises(CorruptError, match="another"):
        record.read_idx(2)
    assert record.read_idx(3)[8:16] == struct.pack("<Q", 3)


@pytest.mark.parametrize("index", ["whole", "without it", "none"])
def test_every_command_names_it(run: Runner, swallowed: Path, tmp_path: Path, index: str) -> None:
    if index == "without it":
        without_line(swallowed.with_suffix(".idx"), 3)
    elif index == "none":
        swallowed.with_suffix(".idx").unlink()
    for command in (["inspect"], ["pack", "out"], ["unpack", "files"]):
        result = run(command[0], "a.rec", *command[1:])
        assert result.status == 1, command
        assert "reaches over another" in result.err or "length is damaged" in result.err
    assert run("index", "a.rec", "b.idx").status == 1
    keys = RecordReader(tmp_path / "out.rec").keys.tolist()
    assert 2 not in keys
    assert {0, 1, 4, 5} <= set(keys)


def test_an_index_entry_inside_a_record_is_told(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in range(3):
            writer.write(pack(IRHeader(0, 1.0, key, 0), bytes(100)), key)
    with open(tmp_path / "a.idx", "a") as idx:
        idx.write("77\t40\n")
    result = run("inspect", "a.rec")
    assert result.status == 1
    assert "byte 40" in result.err


def frame(cflag: int, part: bytes) -> bytes:
    return MAGIC + struct.pack("<I", cflag << 29 | len(part)) + part + b"\0" * (-len(part) % 4)


@pytest.mark.parametrize("length", [0, 4, 8])
@pytest.mark.parametrize("count", [1, 3, 70, 5000])
def test_records_of_very_many_parts(length: int, count: int) -> None:
    """Equal parts are passed over many at a time, and others among them one by one."""
    parts = [b"first...", *[b"." * length] * count, b"ab", *[b"." * length] * count, b"end"]
    frames = frame(1, parts[0]) + b"".join(frame(2, part) for part in parts[1:-1])
    frames += frame(3, parts[-1])
    span = locate(frames, 0)
    record = MAGIC.join(parts)
    assert (span.begin, span.end, span.size) == (0, len(frames), len(record))
    assert data(frames, span) == record
    assert [end - begin for begin, end in parts_of(frames, span)] == list(map(len, parts))
    whole = record.replace(b"ab", b"")
    assert data(encode(whole), locate(encode(whole), 0)) == whole


def test_parts_that_are_too_long_together(tmp_path: Path) -> None:
    path, at = tmp_path / "a.rec", 0
    with open(path, "wb") as file:
        for cflag in (1, 2, 3):
            file.seek(at)
            file.write(MAGIC + struct.pack("<I", cflag << 29 | 200 << 20))
            at += 8 + (200 << 20)
        file.truncate(at)
    with pytest.raises(CorruptError, match=str(MAX_RECORD)):
        RecordReader(path)


def test_a_record_of_nothing_but_magic_words_takes_no_memory_for_parts(tmp_path: Path) -> None:
    record = np.full(200_000, int.from_bytes(MAGIC, "little"), "<u4").tobytes()
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(record)
    assert RecordReader(tmp_path / "a.rec")[0] == record
    assert RecordReader(tmp_path / "a.rec", mapped=False)[0] == record
