"""InsightFace's data sets: keys that records name and that are missing, two sets in one."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from conftest import GOLDEN, Run, encoded, picture

from rectool import IRHeader, RecordReader, RecordWriter, pack

Runner = Callable[..., Run]

IMAGE = encoded(picture(1, 4, 4), "PNG")


def write(path: Path, lacking: Iterable[int] = (), header: tuple[int, int] = (7, 9)) -> None:
    """A header; six images, three of each of two people; these people's records, 7 and 8."""
    records = {0: pack(IRHeader(0, list(header), 0, 0), b"")}
    records |= {key: pack(IRHeader(0, float((key - 1) // 3), key, 0), IMAGE) for key in range(1, 7)}
    records |= {7: pack(IRHeader(0, [1, 4], 7, 0), b""), 8: pack(IRHeader(0, [4, 7], 8, 0), b"")}
    with RecordWriter(path) as writer:
        for key, record in records.items():
            if key not in lacking:
                writer.write(record, key)


def test_a_whole_data_set_has_no_fault(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec")
    for rec in ("a.rec", GOLDEN / "faces.rec"):
        assert (run("inspect", rec).status, run("inspect", rec).err) == (0, "")


@pytest.mark.parametrize(
    ("lacking", "header", "says"),
    [
        ([5], (7, 9), ["1 key that no record has", "key 5"]),
        ([1, 2, 3], (7, 9), ["3 keys", "key 1"]),
        ([8], (7, 9), ["2 identities", "1 of them are missing", "key 8"]),
        ([], (7, 12), ["5 identities", "3 of them are missing", "key 9"]),
    ],
)
def test_keys_that_are_named_and_missing(
    run: Runner, tmp_path: Path, lacking: list[int], header: tuple[int, int], says: list[str]
) -> None:
    write(tmp_path / "a.rec", lacking, header)
    result = run("inspect", "a.rec")
    assert result.status == 1
    packed = run("pack", "a.rec", "out")
    assert packed.status == 0
    for text in says:
        assert text in result.err
        assert text in packed.err
    assert len(RecordReader(tmp_path / "out.rec")) == 9 - len(lacking)


def test_two_sets_are_not_made_one(run: Runner, tmp_path: Path) -> None:
    """Both count people from 0: two persons would get one label."""
    for name in ("a.rec", "b.rec"):
        write(tmp_path / name)
    for options in (["--images-only", "--renumber"], ["--images-only"], []):
        result = run("pack", "a.rec", "b.rec", "all", *options)
        assert result.status == 1
        assert "b.rec: an InsightFace data set" in result.err
        assert not list(tmp_path.glob("all*"))


def test_the_shards_of_a_set_are_one(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec")
    assert run("pack", "a.rec", "set", "--shards", 3).status == 0
    shards = sorted(path.name for path in tmp_path.glob("set-*.rec"))
    result = run("pack", *shards, "again")
    assert result.status == 0
    assert "named" not in result.err
    assert "missing" not in result.err
    assert (tmp_path / "again.rec").read_bytes() == (tmp_path / "a.rec").read_bytes()


def test_a_bad_first_image_is_told_to_be_what_readers_ask_for_first(
    run: Runner, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(b"no image")
    (tmp_path / "images" / "1.png").write_bytes(IMAGE)
    result = run("pack", "images", "set", "--no-shuffle")
    assert result.status == 1
    assert "key 0 is missing" in result.err
    assert "rectool pack set.rec NEW --renumber" in result.err


def test_a_header_of_32_bytes_is_told(run: Runner, tmp_path: Path) -> None:
    """One face project packs its labels as float64: `IdQQ`."""
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in range(3):
            writer.write(struct.pack("<I4xdQQ", 0, float(key), key, 0) + IMAGE, key)
    assert "3 PNG behind a header of 32 bytes" in run("inspect", "a.rec").out


def test_records_without_a_header_are_told_for_what_they_hold(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for record in (IMAGE, b'{"a": 1}', b"\n\x1c\n\x06values\x12\x12" + bytes(16), b"\1\2\3"):
            writer.write(record)
    inspected = run("inspect", "a.rec")
    for holds in ("1 PNG image without", "1 JSON document without", "SageMaker", "1 no header"):
        assert holds in inspected.out
    result = run("unpack", "a.rec", "files")
    assert result.status == 1
    assert "PNG image without an IRHeader" in result.err
