"""`rectool inspect` and `rectool unpack` of a set of shards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, encoded, picture

from rectool import IRHeader, RecordReader, RecordWriter, pack, unpack
from rectool.format.shard_names import shard_name

Runner = Callable[..., Run]


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Three shards of JPEGs: keys 10, 11; 20, 21, 22; 30. Labels are the keys' last digits."""
    names = [shard_name("a", number, 3) for number in range(3)]
    for name, keys in zip(names, ([10, 11], [20, 21, 22], [30]), strict=True):
        with RecordWriter(tmp_path / name) as writer:
            for key in keys:
                image = encoded(picture(key, 20 + key, 18))
                writer.write(pack(IRHeader(0, float(key % 10), key, 0), image), key)
    return names


def size_of(tmp_path: Path, names: list[str]) -> int:
    return sum((tmp_path / name).stat().st_size for name in names)


def test_a_set_is_shown_as_one(run: Runner, tmp_path: Path, images: list[str]) -> None:
    result = run("inspect", *reversed(images))
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    size = f"{size_of(tmp_path, images) / 1000:.1f} kB"
    assert lines[:4] == [
        "a-*-of-00003.rec",
        "  shards   3",
        f"  records  6, {size}",
        "  keys     10 to 30",
    ]
    assert lines[4].startswith("  holds    6 JPEG; ")
    assert lines[5:] == [
        "  pixels   30 to 50 wide, 18 high",
        "  labels   6 records with 1 label",
        "           3 different labels, 0 to 2",
        "  index    a-*-of-00003.idx, every record in the order of the file",
    ]
    summary = json.loads(run("inspect", *images, "--json").out)
    assert summary["rec"] == "a-*-of-00003.rec"
    assert summary["shards"] == images
    assert summary["size"] == size_of(tmp_path, images)
    assert (summary["records"], summary["keys"], summary["labels"]) == (6, [10, 30], 3)
    assert summary["problems"] == summary["notes"] == []


def test_rows_of_a_set_tell_their_file(run: Runner, images: list[str]) -> None:
    files = [images[0]] * 2 + [images[1]] * 3 + [images[2]]
    rows = [line.split("\t") for line in run("inspect", *images, "--records").out.splitlines()]
    assert rows[0][-2:] == ["height", "rec"]
    assert [(row[0], row[-1]) for row in rows[1:]] == list(
        zip(["10", "11", "20", "21", "22", "30"], files, strict=True)
    )
    assert {len(row) for row in rows} == {12}
    objects = run("inspect", *images, "--records", "--json").out.splitlines()
    assert [json.loads(line)["rec"] for line in objects] == files
    one = run("inspect", *images, "--key", 21)
    assert (one.status, one.err) == (0, "")
    assert one.out.splitlines() == ["\t".join(rows[0]), "\t".join(rows[4])]
    assert run("inspect", *images, "--keys").out.split() == ["10", "11", "20", "21", "22", "30"]


def test_files_that_are_no_set_are_shown_one_by_one(
    run: Runner, tmp_path: Path, images: list[str]
) -> None:
    shutil.copy(tmp_path / images[0], tmp_path / "b.rec")
    alone = [run("inspect", name, "--records").out for name in ("b.rec", images[1])]
    together = run("inspect", "b.rec", images[1], "--records")
    assert (together.status, together.err, together.out) == (0, "", "".join(alone))
    assert "\trec" not in together.out
    headings = [
        line
        for line in run("inspect", images[0], "b.rec", images[2]).out.splitlines()
        if line[0] != " "
    ]
    assert headings == ["a-*-of-00003.rec", "b.rec"]


def test_a_missing_shard(run: Runner, tmp_path: Path, images: list[str]) -> None:
    missing = f"rectool: a-*-of-00003.rec: 1 of 3 shards is missing: {images[1]}\n"
    result = run("inspect", images[0], images[2])
    assert (result.status, result.err) == (1, missing)
    assert "  shards   2 of 3\n  records  3, " in result.out
    rows = run("inspect", images[0], images[2], "--records", "--json")
    assert (rows.status, rows.err) == (1, missing)
    assert [json.loads(line)["key"] for line in rows.out.splitlines()] == [10, 11, 30]
    key = run("inspect", images[0], images[2], "--key", 20)
    assert (key.status, key.err) == (
        1,
        missing + "rectool: a-*-of-00003.rec: no record has the key 20\n",
    )
    (tmp_path / images[1]).unlink()
    gone = run("inspect", *images, "--keys")
    assert (gone.status, gone.out) == (1, "10\n11\n30\n")
    assert gone.err == f"rectool: {images[1]}: No such file or directory\n"
    for name in images[::2]:
        (tmp_path / name).unlink()
    nothing = run("inspect", *images)
    assert nothing.status == 1
    assert nothing.out == (
        "a-*-of-00003.rec\n  shards   0 of 3\n  records  0, 0 B\n  index    none\n"
    )
    assert len(nothing.err.splitlines()) == 3


def test_a_damaged_shard(run: Runner, tmp_path: Path, images: list[str]) -> None:
    rec = tmp_path / images[1]
    offset = int(RecordReader(rec).offsets[1])
    damaged = bytearray(rec.read_bytes())
    damaged[offset : offset + 4] = bytes(4)
    rec.write_bytes(damaged)
    result = run("inspect", *images, "--records", "--json")
    assert [json.loads(line)["key"] for line in result.out.splitlines()] == [10, 11, 20, 22, 30]
    assert result.status == 1
    (line,) = result.err.splitlines()
    assert line.startswith(f"rectool: {images[1]}: at byte {offset}: a record should begin here")
    rec.write_bytes(damaged[:offset])
    summary = run("inspect", *images, "--json")
    found = json.loads(summary.out)
    assert (found["records"], found["keys_from"]) == (4, "idx")
    assert summary.status == 1
    assert f"{images[1]}: at byte {offset}: the file was cut" in summary.err
    assert f"its last whole record ends at byte {offset}" in summary.err


def test_notes_on_a_set(run: Runner, tmp_path: Path, images: list[str]) -> None:
    """A key in two shards, one twice in one shard, a shard's index in another order."""
    with RecordWriter(tmp_path / images[2], force=True) as writer:
        for key, label in ((30, 1.0), (11, 2.0), (21, 3.0), (30, 4.0)):
            writer.write(pack(IRHeader(0, label, key, 0), b""), key)
    index = tmp_path / images[0].replace(".rec", ".idx")
    index.write_text("".join(reversed(index.read_text().splitlines(keepends=True))))
    result = run("inspect", *images, "--json")
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out)["notes"] == [
        "1 line with a key that occurs again; the last one counts",
        "2 keys in more than one shard; the last one counts",
        "1 shard not in the order of the file",
    ]
    row = json.loads(run("inspect", *images, "--key", 21, "--json").out)
    assert (row["label"], row["rec"]) == (3.0, images[2])


def test_a_set_without_indexes(run: Runner, tmp_path: Path, images: list[str]) -> None:
    for name in images:
        (tmp_path / name).with_suffix(".idx").unlink()
    result = run("inspect", *images)
    assert (result.status, result.err) == (0, "")
    assert "keys     10 to 30 (the records' ids; there is no usable index)\n" in result.out
    assert result.out.endswith("  index    none\n")


def test_a_record_that_a_shards_index_leaves_out(
    run: Runner, tmp_path: Path, images: list[str]
) -> None:
    index = tmp_path / images[1].replace(".rec", ".idx")
    index.write_text("".join(index.read_text().splitlines(keepends=True)[1:]))
    result = run("inspect", *images, "--keys")
    assert (result.status, result.out) == (1, "10\n11\n21\n22\n30\n")
    assert result.err == (
        f"rectool: {index.name}: 1 record of the file not in this index"
        " (rectool index --force makes a new one)\n"
    )
    unpacked = run("unpack", *images, "files")
    assert unpacked.status == 1
    assert f"{index.name}: 1 record" in unpacked.err


def test_a_set_is_unpacked_into_one_folder(run: Runner, tmp_path: Path, images: list[str]) -> None:
    result = run("unpack", *reversed(images), "files")
    assert (result.status, result.out) == (0, "")
    assert result.err == "6 images in files, listed in files/a.lst\n"
    keys = [10, 11, 20, 21, 22, 30]
    lines = (tmp_path / "files" / "a.lst").read_text().splitlines()
    assert [line.split("\t")[::2] for line in lines] == [[str(key), f"{key}.jpg"] for key in keys]
    reader = RecordReader([tmp_path / name for name in images])
    for key in keys:
        _, image = unpack(reader.by_key(key))
        assert (tmp_path / "files" / f"{key}.jpg").read_bytes() == image
    assert run("pack", "files/a.lst", "whole", "--pass-through").status == 0
    assert list(RecordReader(tmp_path / "whole.rec")) == list(reader)


def test_what_is_not_unpacked_together(run: Runner, tmp_path: Path, images: list[str]) -> None:
    refused = run("unpack", *images[:2], "files")
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == f"rectool: a-*-of-00003.rec: 1 of 3 shards is missing: {images[2]}\n"
    shutil.copy(tmp_path / images[0], tmp_path / "b.rec")
    others = run("unpack", *images, "b.rec", "files")
    assert others.status == 2
    assert "only as shards of one set" in others.err
    assert not (tmp_path / "files").exists()
    with RecordWriter(tmp_path / images[2], force=True) as writer:
        writer.write(pack(IRHeader(0, 1.0, 10, 0), b""), 10)
    twice = run("unpack", *images, "files")
    assert twice.status == 1
    assert f"{images[0]} and 2 more: key 10 occurs 2 times" in twice.err
