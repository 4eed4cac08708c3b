"""`rectool inspect` and `rectool index`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import GOLDEN, Run, encoded, picture, rectool

from rectool import IRHeader, RecordReader, RecordWriter, pack

Runner = Callable[..., Run]


@pytest.mark.parametrize("name", ["labels", "images", "faces"])
def test_rows_say_what_mxnet_says(run: Runner, name: str, expected: dict[str, Any]) -> None:
    result = run("inspect", GOLDEN / f"{name}.rec", "--records", "--json")
    assert (result.status, result.err) == (0, "")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert len(rows) == len(expected[name])
    for row, entry in zip(rows, expected[name], strict=True):
        for field in ("key", "offset", "flag", "id", "id2"):
            assert row[field] == entry[field]
        assert row["size"] == entry["record_size"]
        assert row["payload"] == entry["payload_size"]
        label = entry["label"]
        wanted = [float(value) for value in (label if isinstance(label, list) else [label])]
        given = row["label"] if isinstance(row["label"], list) else [row["label"]]
        assert given == pytest.approx(wanted, rel=1e-7)
        assert isinstance(row["label"], list) == (entry["flag"] > 0)


def test_rows_as_text(run: Runner) -> None:
    rec = GOLDEN / "lists" / "packed_labels.rec"
    result = run("inspect", rec, "--records")
    lines = [line.split("\t") for line in result.out.splitlines()]
    assert lines[0] == [
        "key", "offset", "size", "flag", "label", "id", "id2", "payload", "holds", "width", "height"
    ]  # fmt: skip
    assert lines[2] == ["1", "1036", "1220", "3", "0,0.5,-1", "1", "0", "1184", "JPEG", "35", "31"]
    assert run("inspect", rec, "--key", 1).out.splitlines() == [
        "\t".join(lines[0]),
        "\t".join(lines[2]),
    ]
    keys = run("inspect", rec, "--keys").out.split()
    assert keys == [line[0] for line in lines[1:]]


def test_records_are_counted_by_image_format_and_damage(run: Runner, tmp_path: Path) -> None:
    images = {
        "JPEG": encoded(picture()),
        "PNG": encoded(picture(), "PNG"),
        "GIF": encoded(picture(), "GIF"),
        "WebP": encoded(picture(), "WEBP"),
        "BMP": encoded(picture(), "BMP"),
        "TIFF": encoded(picture(), "TIFF"),
        "damaged JPEG": encoded(picture())[:100],
        "no image": b"text",
        "nothing": b"",
    }
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key, payload in enumerate(images.values()):
            writer.write(pack(IRHeader(0, 1.0, key, 0), payload), key)
        writer.write(b"short")
    rows = [
        json.loads(line) for line in run("inspect", "a.rec", "--records", "--json").out.splitlines()
    ]
    assert [row["holds"] for row in rows] == [*images, "no header"]
    assert all((row["width"], row["height"]) == (24, 18) for row in rows[:6])
    assert all(row["width"] is None for row in rows[6:])
    assert (rows[-1]["flag"], rows[-1]["label"], rows[-1]["payload"]) == (None, None, 5)


def test_summaries(run: Runner) -> None:
    result = run("inspect", GOLDEN / "faces.rec", GOLDEN / "images.rec")
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        f"{GOLDEN}/faces.rec\n"
        "  records  17, 84.7 kB\n"
        "  keys     0 to 16\n"
        "  holds    12 JPEG, 4 face range, 1 face header; 0 B to 7.2 kB each\n"
        "  pixels   112 wide, 112 high\n"
        "  labels   12 records with 2 labels\n"
        "           column  not 0  different  range\n"
        "                0      9          4  0 to 3\n"
        "                1      0          1  0\n"
        f"  index    {GOLDEN}/faces.idx, every record in the order of the file\n"
        f"{GOLDEN}/images.rec\n"
        "  records  7, 10.4 kB\n"
        "  keys     0 to 6\n"
        "  holds    4 JPEG, 3 PNG; 231 B to 6.9 kB each\n"
        "  pixels   3 to 112 wide, 3 to 112 high\n"
        "  labels   7 records with 1 label\n"
        "           3 different labels, 0 to 2\n"
        f"  index    {GOLDEN}/images.idx, every record in the order of the file\n"
    )


def test_a_summary_as_json(run: Runner) -> None:
    summary = json.loads(run("inspect", GOLDEN / "labels.rec", "--json").out)
    assert summary["records"] == 13
    assert summary["keys"] == [0, 12]
    assert summary["holds"] == {"no image": 12, "nothing": 1}
    assert summary["label_widths"] == {"1": 8, "2": 1, "3": 2, "5": 1, "100": 1}
    assert summary["width"] is None
    assert summary["notes"] == ["1 record with an id other than the key"]
    assert summary["problems"] == []


def copy(tmp_path: Path, name: str) -> Path:
    for ending in ("rec", "idx"):
        shutil.copy(GOLDEN / f"{name}.{ending}", tmp_path / f"a.{ending}")
    return tmp_path / "a.rec"


def test_a_file_cut_short(run: Runner, tmp_path: Path) -> None:
    rec = copy(tmp_path, "faces")
    rec.write_bytes(rec.read_bytes()[:20_000])
    result = run("inspect", "a.rec")
    assert result.status == 1
    assert "records  3, 20.0 kB" in result.out
    (line,) = result.err.splitlines()
    for says in (
        "a.rec: at byte 14364: the file was cut",
        "20000 bytes",
        "byte 14364",
        "14 of the 17 records",
    ):
        assert says in line
    saved = run("pack", "a.rec", "saved")
    assert saved.status == 1
    assert RecordReader(tmp_path / "saved.rec").keys.tolist() == [0, 1, 2]
    assert (
        list(RecordReader(tmp_path / "saved.rec")) == list(RecordReader(GOLDEN / "faces.rec"))[:3]
    )
    rows = run("inspect", "a.rec", "--records", "--json")
    assert rows.status == 1
    assert [json.loads(line)["key"] for line in rows.out.splitlines()] == [0, 1, 2]
    assert len(json.loads(run("inspect", "a.rec", "--json").out)["problems"]) == 1


def test_garbage_in_the_middle(run: Runner, tmp_path: Path) -> None:
    rec = copy(tmp_path, "faces")
    content = bytearray(rec.read_bytes())
    content[7132:7136] = b"\0\0\0\0"
    rec.write_bytes(content)
    result = run("inspect", "a.rec", "--records", "--json")
    assert result.status == 1
    keys = [json.loads(line)["key"] for line in result.out.splitlines()]
    assert keys == [0, 1, *range(3, 17)]  # with an index, what follows the damage is found
    (line,) = result.err.splitlines()
    for says in ("a.rec: at byte 7132: a record should begin here", "damaged up to byte 14364"):
        assert says in line
    assert run("inspect", "a.rec", "--key", 2).status == 1
    (tmp_path / "a.idx").unlink()
    without = run("inspect", "a.rec", "--keys")
    assert without.status == 1
    assert [int(key) for key in without.out.split()] == keys  # and without one too
    assert without.err == result.err


def test_an_index_of_another_file(run: Runner, tmp_path: Path) -> None:
    copy(tmp_path, "images")
    shutil.copy(GOLDEN / "faces.idx", tmp_path / "a.idx")
    result = run("inspect", "a.rec", "--keys")
    assert (result.status, result.out) == (1, "".join(f"{key}\n" for key in range(7)))
    assert "this index belongs to another" in result.err
    (tmp_path / "a.idx").write_text("no index\n")
    assert "a.idx: line 1: a line must be a whole number" in run("inspect", "a.rec").err


def test_notes_on_an_index(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        offsets = [writer.write(pack(IRHeader(0, 1.0, key, 0), b"")) for key in range(5)]
    (tmp_path / "a.idx").write_text(f"4\t{offsets[4]}\n4\t{offsets[0]}\n1\t{offsets[1]}\n")
    result = run("inspect", "a.rec")
    assert result.status == 1
    assert result.err == (
        "rectool: a.idx: 2 records of the file not in this index"
        " (rectool index --force makes a new one)\n"
    )
    assert result.out.splitlines()[-3:] == [
        "           1 line with a key that occurs again; the last one counts",
        "           not in the order of the file",
        "           1 record with an id other than the key",
    ]


def test_an_intact_file_with_a_wrong_index(run: Runner, tmp_path: Path) -> None:
    rec = copy(tmp_path, "faces")
    index = rec.with_suffix(".idx").read_text().splitlines()
    shifted = [f"{key}\t{int(offset) + 4}\n" for key, offset in map(str.split, index)]
    rec.with_suffix(".idx").write_text("".join(shifted))
    result = run("inspect", "a.rec")
    assert result.status == 1
    assert "records  17, 84.7 kB" in result.out
    assert "a.idx: at most of its offsets (e.g. byte 4) no record begins" in result.err
    assert len(result.err.splitlines()) == 1


def test_junk_behind_the_last_record(run: Runner, tmp_path: Path) -> None:
    rec = copy(tmp_path, "faces")
    rec.write_bytes(rec.read_bytes() + b"junk")
    result = run("inspect", "a.rec", "--keys")
    assert (result.status, len(result.out.splitlines())) == (1, 17)
    assert "a.rec: at byte 84680: the file ends inside the record" in result.err


def test_the_index_of_another_file_with_the_same_keys_is_not_used(
    run: Runner, tmp_path: Path
) -> None:
    for name, size in (("a.rec", 1000), ("b.rec", 300)):
        with RecordWriter(tmp_path / name) as writer:
            for key in range(6):
                writer.write(pack(IRHeader(0, 1.0, key, 0), bytes([key]) * (size + 8 * key)), key)
    (tmp_path / "b.idx").replace(tmp_path / "a.idx")
    result = run("inspect", "a.rec")
    assert result.status == 1
    assert "records  6" in result.out
    assert "rectool index a.rec --force" in result.err
    for command in (["pack", "a.rec", "new"], ["unpack", "a.rec", "files"]):
        result = run(*command)
        assert result.status == 1
        assert result.err.startswith("rectool: a.idx: ")
        assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "new.rec").exists()


def test_a_pipe_is_no_record_file(tmp_path: Path) -> None:
    if not os.path.exists("/dev/stdin"):
        pytest.skip("needs /dev/stdin")
    result = rectool("inspect", "/dev/stdin", cwd=tmp_path, stdin=b"x")
    assert result.status == 1
    assert result.err.startswith("rectool: /dev/stdin: this is a pipe")


def test_keys_are_shown_in_full(run: Runner, tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 2**63 - 1, 0), b""), 2**63 - 1)
    assert f"keys     {2**63 - 1}\n" in run("inspect", "a.rec").out


def test_one_bad_file_does_not_hide_the_next(run: Runner) -> None:
    result = run("inspect", GOLDEN / "faces.rec", GOLDEN / "images.rec", "--key", 9, "--json")
    assert result.status == 1
    assert json.loads(result.out)["key"] == 9
    assert result.err.endswith("images.rec: no record has the key 9\n")


def test_index_does_not_replace_the_records(run: Runner, tmp_path: Path) -> None:
    rec = copy(tmp_path, "faces")
    before = rec.read_bytes()
    result = run("index", "a.rec", "a.rec", "--force")
    assert (result.status, rec.read_bytes()) == (1, before)
    result = run("index", "a.rec", "--out", "a.rec", "--force")
    assert (result.status, rec.read_bytes()) == (1, before)
    assert "is read from" in result.err


def test_missing_things(run: Runner) -> None:
    missing = run("inspect", "none.rec")
    assert (missing.status, missing.out) == (1, "")
    assert missing.err == "rectool: none.rec: No such file or directory\n"
    key = run("inspect", GOLDEN / "images.rec", "--key", 77)
    assert (key.status, key.out) == (1, "")
    assert key.err == f"rectool: {GOLDEN}/images.rec: no record has the key 77\n"
    assert run("inspect").status == 2
    assert run("inspect", GOLDEN / "images.rec", "--key", 1, "--keys").status == 2


def test_an_empty_file(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.rec").touch()
    assert run("inspect", "a.rec").out == "a.rec\n  records  0, 0 B\n  index    none\n"


@pytest.mark.parametrize("name", ["images", "faces"])
def test_index_gives_mxnets_index(run: Runner, tmp_path: Path, name: str) -> None:
    shutil.copy(GOLDEN / f"{name}.rec", tmp_path / "a.rec")
    result = run("index", "a.rec")
    assert (result.status, result.out) == (0, "")
    assert "in a.idx; keys are the records' ids" in result.err
    assert (tmp_path / "a.idx").read_bytes() == (GOLDEN / f"{name}.idx").read_bytes()
    again = run("index", "a.rec")
    assert again.err == "rectool: a.idx: exists already (--force replaces it)\n"
    assert again.status == 1
    assert run("index", "a.rec", "--force", "--keys", "position").status == 0
    assert RecordReader(tmp_path / "a.rec").keys.tolist() == list(
        range(7 if name == "images" else 17)
    )


def test_keys_that_cannot_be_ids(run: Runner, tmp_path: Path) -> None:
    result = run("index", GOLDEN / "sequential.rec", "a.idx")
    assert (result.status, result.err) == (0, "38 records in a.idx; keys are positions\n")
    refused = run("index", GOLDEN / "sequential.rec", "b.idx", "--keys", "id")
    assert refused.status == 1
    assert "ids cannot be the keys: the record at byte 0 has no IRHeader" in refused.err
    assert not (tmp_path / "b.idx").exists()


def test_index_of_a_damaged_file(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes((GOLDEN / "images.rec").read_bytes()[:5000])
    result = run("index", "a.rec")
    assert result.status == 1
    assert result.err.startswith("rectool: a.rec: at byte 3412: the file ends inside the record")
    assert not (tmp_path / "a.idx").exists()
