"""`.idx` files as they are met, and those that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given
from hypothesis import strategies as st

from rectool import IndexFileError, IRHeader, KeyNotFoundError, RecordReader, RecordWriter, pack
from rectool.format.frames import encode
from rectool.format.index import read_index
from rectool.format.key_table import KeyTable
from rectool.format.record_file import RecordFile

int64s = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.lists(st.tuples(int64s, st.integers(0, 2**63 - 1)), max_size=30), st.data())
def test_any_index_is_read(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, int]], draw: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("idx") / "a.idx"
    newline = draw.draw(st.sampled_from(["\n", "\r\n", " \n", "\tmore\n", "\n\n"]))
    text = "".join(f"{key}\t{offset}{newline}" for key, offset in pairs)
    path.write_text(text.rstrip("\n") if draw.draw(st.booleans()) else text, newline="")
    index = read_index(path)
    assert index.keys.tolist() == [key for key, _ in pairs]
    assert index.offsets.tolist() == [offset for _, offset in pairs]
    assert index.keys.dtype == index.offsets.dtype == np.int64


def test_an_index_larger_than_a_chunk(tmp_path: Path) -> None:
    path = tmp_path / "a.idx"
    count = 200_000
    path.write_bytes(b"".join(b"%d\t%d\n" % (key * 7, key * 40) for key in range(count)))
    index = read_index(path)
    assert (index.keys == np.arange(count) * 7).all()
    assert (index.offsets == np.arange(count) * 40).all()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"0\t0\n1 12\n", "line 2: .* a whole number, a tab .* got '1 12'"),
        (b"0\t0\nx\t12\n", "line 2: .* got 'x"),
        (b"0\n", "line 1"),
        (b"0\t-4\n", "line 1"),
        (b"1.0\t4\n", "line 1"),
        (b"\t\n", None),
        (b"9223372036854775808\t0\n", "line 1: .* beyond 64 bits"),
        (b"0\t99999999999999999999\n", "line 1: .* beyond 64 bits"),
        (b"1180591620717411303424\t0\n", "line 1: .* beyond 64 bits"),
        (b"0\t0\n" * 300_000 + b"oops\n", "line 300001"),
        (b"\xff\xd8\xff" * 2_000_000, "a JPEG image, and no index"),
        (b"\xff\x00" * 2_000_000, "line 1"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, content: bytes, says: str | None) -> None:
    path = tmp_path / "a.idx"
    path.write_bytes(content)
    if says is None:
        assert len(read_index(path).keys) == 0
    else:
        with pytest.raises(IndexFileError, match=says):
            read_index(path)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.idx"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + b"5\t0\r\n7\t40\r\n" + b"9\t80\n" * 2)
        assert read_index(path).keys.tolist() == [5, 7, 9, 9]
    path.write_bytes(b"\xef\xbb\xbf")
    assert len(read_index(path).keys) == 0


def test_an_index_of_another_file(tmp_path: Path) -> None:
    rec, idx = tmp_path / "a.rec", tmp_path / "a.idx"
    rec.write_bytes(encode(b"x" * 40) + encode(b"y" * 40))
    idx.write_text("0\t0\n1\t96\n")
    with pytest.raises(
        IndexFileError, match=r"a\.idx: entry 2: byte 96 of a\.rec is beyond its end"
    ):
        RecordReader(rec)
    idx.write_text("0\t0\n1\t50\n")
    with pytest.raises(IndexFileError, match="entry 2: byte 50 .* no multiple of 4"):
        RecordReader(rec)
    idx.write_text("0\t0\n1\t52\n")
    with pytest.raises(
        Exception, match=r"a\.rec: at byte 52: .*; a\.idx may belong to another file"
    ):
        RecordReader(rec)
    assert len(RecordReader(rec, idx=False)) == 2


def test_a_rec_cut_short_is_noticed_when_it_is_opened(tmp_path: Path) -> None:
    for ending in ("rec", "idx"):
        (tmp_path / f"a.{ending}").write_bytes((GOLDEN / f"faces.{ending}").read_bytes())
    whole = (GOLDEN / "faces.rec").read_bytes()
    for size in (len(whole) - 4, len(whole) - 38, 1000):
        (tmp_path / "a.rec").write_bytes(whole[:size])
        with pytest.raises(Exception, match=r"the file was cut|the file ends inside the record"):
            RecordReader(tmp_path / "a.rec")


@pytest.mark.parametrize(
    "keys",
    [[0, 1, 2, 3], [5, 6, 7], [3, 1, 2], [10, 20, 30], [-5, 7], [2, 1, 0], [0, 1, 3], [], [1, 0]],
)
def test_keys_are_found(keys: list[int]) -> None:
    table = KeyTable(np.array(keys, np.int64))
    for position, key in enumerate(keys):
        assert table.find(key) == position
    for missing in (-6, 4, 8, 25, 2**63 - 1, 2**70, -(2**70)):
        assert table.find(missing) is None


def test_of_several_records_with_one_key_the_last_is_found() -> None:
    assert KeyTable(np.array([7, 3, 7, 3, 1], np.int64)).find(7) == 2
    assert KeyTable(np.array([7, 7], np.int64)).find(7) == 1


def test_an_empty_index_of_a_file_with_records(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(encode(b"x"))
    (tmp_path / "a.idx").touch()
    with pytest.raises(IndexFileError, match=r"a\.idx: the index is empty, but the \.rec is not"):
        RecordReader(tmp_path / "a.rec")


def test_text_is_not_taken_for_headers(tmp_path: Path) -> None:
    records = [b"user name: %d and more data here" % number for number in range(3)]
    (tmp_path / "a.rec").write_bytes(b"".join(map(encode, records)))
    reader = RecordReader(tmp_path / "a.rec")
    assert (reader.key_source, reader.keys.tolist()) == ("position", [0, 1, 2])


def write(path: Path, ids: list[int]) -> None:
    with RecordWriter(path, idx=False) as writer:
        for id_ in ids:
            writer.write(pack(IRHeader(0, 1.0, id_, 0), b"\x0a\x23\xd7\xce" * 3))


@pytest.mark.parametrize(
    ("ids", "source", "keys"),
    [
        ([4, 2, 9], "id", [4, 2, 9]),
        ([4, 2, 4], "position", [0, 1, 2]),
        ([1, 2**63], "position", [0, 1]),
        ([], "id", []),
    ],
)
def test_keys_without_an_index(
    tmp_path: Path, ids: list[int], source: str, keys: list[int]
) -> None:
    write(tmp_path / "a.rec", ids)
    reader = RecordReader(tmp_path / "a.rec")
    assert (reader.key_source, reader.keys.tolist()) == (source, keys)


def test_why_ids_cannot_be_keys(tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [4, 2, 4])
    with pytest.raises(IndexFileError, match="2 records have the id 4"):
        RecordFile(tmp_path / "a.rec").scan("id")
    with pytest.raises(IndexFileError, match="the record at byte 0 has no IRHeader"):
        RecordFile(GOLDEN / "sequential.rec").scan("id")


def test_a_header_split_by_the_magic_word_still_gives_its_id(tmp_path: Path) -> None:
    magic_id = int.from_bytes(b"\x0a\x23\xd7\xce" * 2, "little") >> 1 << 1
    ids = [magic_id % 2**63, 3]
    write(tmp_path / "a.rec", ids)
    assert RecordReader(tmp_path / "a.rec").keys.tolist() == ids


def test_a_missing_key_is_a_key_error(tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [4, 2])
    reader = RecordReader(tmp_path / "a.rec")
    with pytest.raises(KeyNotFoundError, match=r"a\.rec: no record has the key 5"):
        reader.by_key(5)
    with pytest.raises(KeyError):
        reader.by_key(5)
