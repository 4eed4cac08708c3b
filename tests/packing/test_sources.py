"""Packing `.rec` files: merged, divided, shuffled, renumbered, encoded anew."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GOLDEN, Run, encoded, picture
from PIL import Image

from rectool import IRHeader, RecordReader, RecordWriter, pack, unpack
from rectool.imaging.pillow import decode
from rectool.packing.pack_source import pack_source
from rectool.packing.record_source import RecordSource
from rectool.packing.transform import CopyBytes, Reencode

Runner = Callable[..., Run]


def write(path: Path, records: dict[int, bytes], **options: object) -> Path:
    with RecordWriter(path, **options) as writer:  # type: ignore[arg-type]
        for key, record in records.items():
            writer.write(record, key)
    return path


def image_record(key: int, label: object = 1.0, width: int = 40, height: int = 30) -> bytes:
    return pack(IRHeader(0, label, key, 7), encoded(picture(key, width, height)))


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """a.rec with keys 5, 3, 9, the magic word in one; b.rec with 100 to 103, no index."""
    magic = struct.pack("<I", 0xCED7230A)
    a = {5: image_record(5), 3: b"no image" + magic * 3 + b"record", 9: image_record(9, [1.0, 2.0])}
    write(tmp_path / "a.rec", a)
    b = {key: image_record(key) for key in range(100, 104)}
    return tmp_path / "a.rec", write(tmp_path / "b.rec", b, idx=False)


def contents(rec: Path) -> dict[int, bytes]:
    with RecordReader(rec) as reader:
        return dict(zip(reader.keys.tolist(), reader, strict=True))


def test_merged_files_are_one_behind_the_other(
    run: Runner, tmp_path: Path, two: tuple[Path, Path]
) -> None:
    a, b = two
    result = run("pack", "a.rec", "b.rec", "out")
    assert (result.status, result.out) == (0, "")
    assert result.err.startswith("packed 7 of 7 records into out.rec (")
    assert (tmp_path / "out.rec").read_bytes() == a.read_bytes() + b.read_bytes()
    shifted = RecordReader(b).offsets + a.stat().st_size
    lines = [f"{key}\t{at}\n" for key, at in zip(range(100, 104), shifted.tolist(), strict=True)]
    assert (tmp_path / "out.idx").read_text() == (tmp_path / "a.idx").read_text() + "".join(lines)
    assert not (tmp_path / "out.lst").exists()


@pytest.mark.parametrize("name", ["faces", "images", "labels"])
@pytest.mark.parametrize("workers", [1, 2])
def test_mxnets_files_are_copied_byte_for_byte(
    run: Runner, tmp_path: Path, name: str, workers: int
) -> None:
    result = run("pack", GOLDEN / f"{name}.rec", "out", "--workers", workers)
    assert result.status == 0, result
    for ending in ("rec", "idx"):
        ours = (tmp_path / f"out.{ending}").read_bytes()
        assert ours == (GOLDEN / f"{name}.{ending}").read_bytes()


def test_the_order_is_that_of_the_index(run: Runner, tmp_path: Path) -> None:
    a = write(tmp_path / "a.rec", {key: b"record %d" % key for key in range(4)})
    idx = tmp_path / "a.idx"
    idx.write_text("".join(reversed(idx.read_text().splitlines(keepends=True))))
    assert run("pack", "a.rec", "out").status == 0
    assert list(contents(tmp_path / "out.rec").items()) == list(contents(a).items())
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [3, 2, 1, 0]


def test_a_record_file_by_its_first_bytes(run: Runner, tmp_path: Path, two: object) -> None:
    (tmp_path / "b.rec").rename(tmp_path / "data.bin")
    assert run("pack", "data.bin", "out").status == 0
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [100, 101, 102, 103]


def test_keys_that_clash(run: Runner, tmp_path: Path, two: tuple[Path, Path]) -> None:
    shutil.copy(two[0], tmp_path / "c.rec")
    shutil.copy(two[0].with_suffix(".idx"), tmp_path / "c.idx")
    result = run("pack", "a.rec", "b.rec", "c.rec", "out")
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("rectool: c.rec: key 3 is also that of a record of a.rec")
    assert "2 more keys" in result.err
    assert "--renumber" in result.err
    assert not list(tmp_path.glob("*out*"))
    assert run("pack", "a.rec", "b.rec", "c.rec", "out", "--renumber").status == 0
    merged = RecordReader(tmp_path / "out.rec")
    assert merged.keys.tolist() == list(range(10))
    assert merged[1] == merged[8] == RecordReader(two[0]).by_key(3)
    before, image = unpack(RecordReader(two[0]).by_key(9))
    after, same = unpack(merged.by_key(9))
    assert same == image
    assert after[0] == 2
    assert after.label.tolist() == before.label.tolist() == [1.0, 2.0]
    assert after[2:] == (9, 7)
    assert unpack(merged.by_key(7))[0] == (0, 1.0, 7, 7)


def test_shuffled_and_in_parts(run: Runner, tmp_path: Path, two: tuple[Path, Path]) -> None:
    keys = [5, 3, 9, 100, 101, 102, 103]
    wanted = list(keys)
    random.Random(4).shuffle(wanted)
    assert run("pack", "a.rec", "b.rec", "all", "--shuffle", "--seed", 4).status == 0
    assert RecordReader(tmp_path / "all.rec").keys.tolist() == wanted
    found: list[int] = []
    for part in range(3):
        args = ["--shuffle", "--seed", 4, "--part", f"{part}/3"]
        assert run("pack", "a.rec", "b.rec", f"p{part}", *args).status == 0
        found += RecordReader(tmp_path / f"p{part}.rec").keys.tolist()
        assert len(RecordReader(tmp_path / f"p{part}.rec")) in (2, 3)
    assert found == wanted
    assert run("pack", "p0.rec", "p1.rec", "p2.rec", "again").status == 0
    assert (tmp_path / "again.rec").read_bytes() == (tmp_path / "all.rec").read_bytes()


def test_parts_of_lists_and_folders(run: Runner, tmp_path: Path, tree: Path) -> None:
    assert run("list", "images", "all").status == 0
    whole = (tmp_path / "all.lst").read_text().splitlines(keepends=True)
    assert run("pack", "images", "f", "--part", "1/4", "--pass-through").status == 0
    assert (tmp_path / "f.lst").read_text() == "".join(whole[2:5])
    args = ["all.lst", "l", "--root", "images", "--part", "1/4", "--pass-through"]
    assert run("pack", *args).status == 0
    assert (tmp_path / "l.rec").read_bytes() == (tmp_path / "f.rec").read_bytes()
    order = list(range(10))
    random.Random(1).shuffle(order)
    args = ["all.lst", "s", "--root", "images", "--pass-through", "--shuffle", "--seed", 1]
    assert run("pack", *args).status == 0
    keys = [int(whole[at].split("\t")[0]) for at in order]
    assert RecordReader(tmp_path / "s.rec").keys.tolist() == keys


def test_records_encoded_anew_keep_their_headers(run: Runner, tmp_path: Path) -> None:
    assert run("pack", GOLDEN / "faces.rec", "out", "--resize", 20, "--quality", 80).status == 0
    before, after = contents(GOLDEN / "faces.rec"), contents(tmp_path / "out.rec")
    assert list(before) == list(after)
    images = 0
    for key, record in before.items():
        _, image = unpack(record)
        size = len(record) - len(image)
        assert after[key][:size] == record[:size]
        if image:
            images += 1
            assert after[key][size:] == Reencode(resize=20, quality=80).apply(image)
            assert min(decode(after[key][size:]).size) == 20
        else:
            assert after[key] == record
    assert 0 < images < len(before)


def test_only_images(run: Runner, tmp_path: Path, two: object) -> None:
    result = run("pack", GOLDEN / "faces.rec", "faces", "--images-only")
    assert (result.status, result.out) == (0, "")
    before, after = contents(GOLDEN / "faces.rec"), contents(tmp_path / "faces.rec")
    wanted = {key: record for key, record in before.items() if unpack(record)[1]}
    assert after == wanted
    left_out = len(before) - len(wanted)
    assert result.err.splitlines()[0] == f"left out: {left_out} records without an image"
    result = run("pack", "a.rec", "b.rec", "ab", "--images-only")
    assert result.status == 1
    assert "key 3" in result.err
    assert RecordReader(tmp_path / "ab.rec").keys.tolist() == [5, 9, 100, 101, 102, 103]


def test_keys_that_records_name_are_not_changed(run: Runner, tmp_path: Path) -> None:
    result = run("pack", GOLDEN / "faces.rec", "out", "--renumber")
    assert (result.status, list(tmp_path.iterdir())) == (1, [])
    assert "header names keys that --renumber would change" in result.err
    assert run("pack", GOLDEN / "faces.rec", "out", "--renumber", "--images-only").status == 0
    reader = RecordReader(tmp_path / "out.rec")
    assert [unpack(record)[0].id for record in reader] == reader.keys.tolist()
    assert reader.keys.tolist() == list(range(len(reader)))


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_nor_where_they_come_in_another_order(run: Runner, tmp_path: Path, seed: int) -> None:
    faces = GOLDEN / "faces.rec"
    assert run("pack", faces, "mixed", "--shuffle", "--seed", seed).status == 0
    assert "would change" in run("pack", "mixed.rec", "out", "--renumber").err
    assert run("pack", "mixed.rec", "set", "--shards", 3).status == 0
    recs = sorted(path.name for path in tmp_path.glob("set-*.rec"))
    assert "would change" in run("pack", *recs, "out", "--renumber").err
    assert not list(tmp_path.glob("out*"))


def test_what_is_checked_of_a_record(run: Runner, tmp_path: Path) -> None:
    whole = encoded(picture(1, 60, 40))
    hole = bytearray(encoded(picture(2, 60, 40), "PNG"))
    hole[len(hole) // 2] ^= 255
    payloads = [whole, whole[:-50], bytes(hole), b"", b"text"]
    records = {at: pack(IRHeader(0, 0.0, at, 0), data) for at, data in enumerate(payloads)}
    records[9] = b"short"
    write(tmp_path / "a.rec", records)
    for number, (options, kept) in enumerate(
        [
            ([], [0, 1, 2, 3, 4, 9]),
            (["--pass-through"], [0, 2, 3]),
            (["--pass-through", "--verify"], [0, 3]),
            (["--quality", 90], [0, 3]),
        ]
    ):
        result = run("pack", "a.rec", f"o{number}", *options)
        assert result.status == (1 if options else 0), result
        after = contents(tmp_path / f"o{number}.rec")
        assert list(after) == kept
        bad = [line for line in result.err.splitlines() if line.startswith("rectool: a.rec: ")]
        assert len(bad) == 6 - len(kept)
        if options != ["--quality", 90]:
            assert after == {key: records[key] for key in kept}
    offset = RecordReader(tmp_path / "a.rec").offsets[1]
    assert f"a JPEG cut short: its end marker is missing (byte {offset}, key 1)" in (
        run("pack", "a.rec", "x", "--pass-through").err
    )


def test_records_that_the_index_leaves_out(run: Runner, tmp_path: Path, two: object) -> None:
    lines = (tmp_path / "a.idx").read_text().splitlines(keepends=True)
    (tmp_path / "a.idx").write_text(lines[0] + lines[2])
    result = run("pack", "a.rec", "b.rec", "out")
    assert result.status == 1
    assert result.err.startswith("rectool: a.idx: 1 record of the file not in this index (")
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [5, 9, 100, 101, 102, 103]
    failed = run("pack", "a.rec", "b.rec", "none", "--on-error", "fail")
    assert (failed.status, list(tmp_path.glob("none*"))) == (1, [])
    assert run("pack", "a.rec", "b.rec", "skip", "--on-error", "skip").status == 0


def test_a_set_with_a_shard_missing(run: Runner, tmp_path: Path, two: object) -> None:
    assert run("pack", "a.rec", "b.rec", "set", "--shards", 4).status == 0
    recs = sorted(path.name for path in tmp_path.glob("set-*.rec"))
    assert run("pack", *recs, "all").status == 0
    assert RecordReader(tmp_path / "all.rec").keys.tolist() == [5, 3, 9, 100, 101, 102, 103]
    result = run("pack", *recs[1:], "part")
    assert result.status == 1
    assert "set-*-of-00004.rec: 1 of 4 shards is missing: set-00000-of-00004.rec" in result.err
    assert RecordReader(tmp_path / "part.rec").keys.tolist() == [3, 9, 100, 101, 102, 103]
    assert run("pack", *recs[1:], "none", "--on-error", "fail").status == 1
    assert not list(tmp_path.glob("none*"))


def test_a_damaged_record_is_named(run: Runner, tmp_path: Path) -> None:
    a = write(tmp_path / "a.rec", {key: image_record(key) for key in range(3)})
    offset = int(RecordReader(a).offsets[1])
    damaged = bytearray(a.read_bytes())
    damaged[offset] ^= 1
    a.write_bytes(damaged)
    result = run("pack", "a.rec", "out")
    assert result.status == 1
    assert f"(byte {offset}, key 1)" in result.err
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [0, 2]

    images = run("pack", "a.rec", "images", "--images-only")
    assert images.status == 1
    assert f"(byte {offset}, key 1)" in images.err


def test_damage_behind_what_is_indexed(run: Runner, tmp_path: Path) -> None:
    a = write(tmp_path / "a.rec", {key: image_record(key) for key in range(4)})
    offset = int(RecordReader(a).offsets[3])
    a.write_bytes(a.read_bytes()[: offset + 50])
    lines = (tmp_path / "a.idx").read_text().splitlines(keepends=True)
    (tmp_path / "a.idx").write_text("".join(lines[:3]))
    result = run("pack", "a.rec", "out")
    assert result.status == 1
    assert result.err.startswith(f"rectool: a.rec: at byte {offset}: the file ends inside")
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [0, 1, 2]


@pytest.mark.parametrize("idx", [True, False])
def test_a_file_that_was_cut_short(run: Runner, tmp_path: Path, idx: bool) -> None:
    a = write(tmp_path / "a.rec", {key: image_record(key) for key in range(4)}, idx=idx)
    a.write_bytes(a.read_bytes()[:-50])
    result = run("pack", "a.rec", "out")
    assert result.status == 1
    assert "3650 bytes" in result.err
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [0, 1, 2]


def test_a_part_of_what_names_keys(run: Runner, tmp_path: Path) -> None:
    for part in (0, 1):
        result = run("pack", GOLDEN / "faces.rec", f"p{part}", "--part", f"{part}/2")
        assert result.status == 0
        assert result.err.startswith("the header of an InsightFace data set names keys that")
    assert run("pack", "p0.rec", "p1.rec", "again").status == 0
    assert (tmp_path / "again.rec").read_bytes() == (GOLDEN / "faces.rec").read_bytes()


def test_an_index_with_a_place_inside_a_record(run: Runner, tmp_path: Path) -> None:
    a = write(tmp_path / "a.rec", {key: image_record(key) for key in range(3)})
    with open(tmp_path / "a.idx", "a") as idx:
        idx.write("77\t40\n")
    result = run("pack", "a.rec", "out")
    assert result.status == 1
    assert "(byte 40, key 77)" in result.err
    assert contents(tmp_path / "out.rec") == {key: image_record(key) for key in range(3)}
    assert a.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs ulimit")
def test_more_files_than_may_be_open(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec", {key: b"record %d" % key for key in range(90)})
    assert run("pack", "a.rec", "set", "--shards", 90).status == 0
    script = 'ulimit -n 60; exec "$0" -m rectool pack set-*.rec out --shuffle'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(RecordReader(tmp_path / "out.rec")) == 90


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_shrinks_meanwhile(tmp_path: Path, workers: int) -> None:
    a = write(tmp_path / "a.rec", {key: image_record(key) for key in range(40)})
    offset = int(RecordReader(a).offsets[20])
    source = RecordSource([a])
    with open(a, "r+b") as file:
        file.truncate(offset + 100)
    with pytest.raises(OSError, match="cut or replaced") as caught:
        pack_source(source, tmp_path / "out", CopyBytes("nothing"), workers=workers)
    assert caught.value.filename == str(a)
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_is_replaced_meanwhile(tmp_path: Path, workers: int) -> None:
    """Its index was read before: keys would go to records of the new file."""
    records = {key: image_record(key) for key in range(40)}
    a = write(tmp_path / "a.rec", records)
    source = RecordSource([a])
    with RecordWriter(a, force=True) as writer:
        for key in reversed(records):
            writer.write(records[key], key)
    with pytest.raises(OSError, match="cut or replaced") as caught:
        pack_source(source, tmp_path / "out", CopyBytes("nothing"), workers=workers)
    assert caught.value.filename == str(a)
    assert not list(tmp_path.glob("*out*"))


def test_a_large_record(run: Runner, tmp_path: Path) -> None:
    large = pack(IRHeader(0, 1.0, 0, 0), random.Random(0).randbytes(20_000_000))
    write(tmp_path / "a.rec", {0: large, 1: b"x"})
    assert run("pack", "a.rec", "out").status == 0
    assert contents(tmp_path / "out.rec") == {0: large, 1: b"x"}


@pytest.mark.parametrize("names", [["a.rec", "b.rec"], ["b.rec", "b.rec"], ["a.rec", "b.rec", "a"]])
def test_a_source_is_never_replaced(
    run: Runner, tmp_path: Path, two: object, names: list[str]
) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for options in ([], ["--force"], ["--resize", 16, "--force"]):
        result = run("pack", *names, *options)
        assert result.status in (1, 2)
        assert "--force replaces" not in result.err
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_same_bytes_by_any_workers(tmp_path: Path, two: tuple[Path, Path], method: str) -> None:
    source = RecordSource(two).shuffled(3)
    for workers in (1, 2, 7):
        pack_source(
            source,
            tmp_path / f"w{workers}",
            Reencode(resize=20),
            workers=workers,
            start_method=method,
        )
    one = [(tmp_path / f"w1.{ending}").read_bytes() for ending in ("rec", "idx")]
    for workers in (2, 7):
        assert [
            (tmp_path / f"w{workers}.{ending}").read_bytes() for ending in ("rec", "idx")
        ] == one


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["a.rec", "images", "out"], "images is none"),
        (["images", "images", "out"], "images is none"),
        (["a.rec", "out", "--root", "images"], "--root is only for a list; a.rec is a .rec."),
        (["a.rec", "out", "--label-width", 2], "--label-width is only for a folder or a list"),
        (["a.rec", "out", "--flat"], "--flat is only for a folder"),
        (["images", "out", "--renumber"], "--renumber is only for a .rec; images is a folder."),
        (["images", "out", "--images-only"], "--images-only is only for a .rec"),
        (["a.rec", "out", "--part", "2/2"], "expected I/N, with I from 0 to N - 1"),
        (["a.rec", "out", "--part", "x"], "expected I/N"),
        (["a.rec", "out", "--seed", 3], "--seed is given, but nothing is shuffled"),
        (["a.rec", "out", "--verify"], "--verify requires --pass-through"),
        (
            ["images", "out", "--no-shuffle", "--seed", 3],
            "--seed is given, but nothing is shuffled",
        ),
        (["a.rec", "out", "--resume"], "--resume requires --shards"),
        (["a.rec", "out", "--shards", 2, "--shard-size", "1MB"], "give one of them"),
        (["a.rec", "out", "--shard-size", "big"], "expected a size such as"),
    ],
)
def test_wrong_usage(
    run: Runner, tmp_path: Path, tree: Path, two: object, args: list[object], says: str
) -> None:
    result = run("pack", *args)
    assert (result.status, result.out) == (2, "")
    assert says in result.err
    assert not list(tmp_path.glob("out*"))


def test_formats_that_records_hold(run: Runner, tmp_path: Path) -> None:
    records = {}
    for key, kind in enumerate(["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"]):
        records[key] = pack(IRHeader(0, 0.0, key, 0), encoded(picture(key), kind))
    write(tmp_path / "a.rec", records)
    assert run("pack", "a.rec", "same", "--pass-through", "--images-only").status == 0
    assert contents(tmp_path / "same.rec") == records
    assert run("pack", "a.rec", "png", "--encoding", "png").status == 0
    for key, record in contents(tmp_path / "png.rec").items():
        ours = decode(unpack(record)[1])
        assert ours.tobytes() == decode(unpack(records[key])[1]).tobytes()
        assert isinstance(ours, Image.Image)
