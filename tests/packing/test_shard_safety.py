"""What stands where a set of shards is to be: other sets, other files, the sources themselves."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from test_sharding import StopError, files, pack_tree, shards, stop_at, stopped_after

from rectool import IRHeader, RecordError, RecordReader, RecordWriter, pack, unpack
from rectool.packing.pack_source import pack_source
from rectool.packing.record_source import RecordSource
from rectool.packing.shard_writer import finished_shards
from rectool.packing.sharding import Sharding, parse_size
from rectool.packing.transform import CopyBytes

Runner = Callable[..., Run]


def records(path: Path, label: float, count: int = 10) -> Path:
    with RecordWriter(path) as writer:
        for key in range(count):
            writer.write(pack(IRHeader(0, label, key, 0), b"the same"), key)
    return path


def test_other_records_at_the_same_places_are_not_gone_on_with(tmp_path: Path) -> None:
    a, b = records(tmp_path / "a.rec", 1.0), records(tmp_path / "b.rec", 2.0)
    with pytest.raises(StopError):
        pack_source(
            RecordSource([a]), tmp_path / "out", CopyBytes("nothing"), sharding=Sharding(2),
            on_progress=stop_at(8),
        )  # fmt: skip
    again = Sharding(2, resume=True)
    with pytest.raises(RecordError, match=r"the \.rec files differs from what --resume"):
        pack_source(RecordSource([b]), tmp_path / "out", CopyBytes("nothing"), sharding=again)
    assert finished_shards(str(tmp_path / "out")) == 1
    assert pack_source(
        RecordSource([a]), tmp_path / "out", CopyBytes("nothing"), sharding=again
    ).kept


def test_sources_are_not_replaced(run: Runner, tmp_path: Path) -> None:
    records(tmp_path / "a.rec", 1.0)
    assert run("pack", "a.rec", "s", "--shards", 2).status == 0
    before = files(tmp_path, "s*")
    recs = [path.name for path in shards(tmp_path, "s")]
    for options in (["--part", "0/2", "--shards", 4], ["--shuffle", "--shards", 2]):
        for name in ("s", "./s"):
            result = run("pack", *recs, name, *options, "--force")
            assert result.status == 1
            assert "is read from, and would be replaced" in result.err
            assert files(tmp_path, "s*") == before
    assert run("pack", *recs, "t", "--shards", 4).status == 0


@pytest.mark.parametrize("name", ["d/out", "d//out", "./d/out", "d/../d/out"])
def test_a_set_is_known_by_every_spelling(
    run: Runner, tmp_path: Path, tree: Path, name: str
) -> None:
    (tmp_path / "d").mkdir()
    assert run("pack", "images", "d/out", "--shards", 3).status == 0
    before = files(tmp_path / "d")
    (tmp_path / "d" / "out.shards.json").unlink()
    (tmp_path / "d" / "out.lst").unlink()
    result = run("pack", "images", name, "--shards", 2)
    assert (result.status, "exists already" in result.err) == (1, True)
    assert run("pack", "images", name, "--shards", 2, "--force").status == 0
    assert len(shards(tmp_path / "d")) == 2
    assert len(before) == 8


def test_foreign_shards_stay(tmp_path: Path, tree: Path) -> None:
    pack_tree(tree, tmp_path / "out", Sharding(2))
    foreign = tmp_path / "out-00001-of-00003.rec"
    foreign.write_bytes(b"another's")
    shards(tmp_path)[0].unlink()
    with pytest.raises(FileExistsError, match="exists already"):
        pack_tree(tree, tmp_path / "out", Sharding(2, resume=True))
    assert foreign.read_bytes() == b"another's"
    foreign.unlink()
    assert pack_tree(tree, tmp_path / "out", Sharding(2, resume=True)).kept == 1


@pytest.mark.parametrize("name", ["new-00000-of-00002.rec", "new-00003-of-00007.rec", "new.lst"])
def test_what_appears_meanwhile_stays(
    tmp_path: Path, tree: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then no shard has its name, but all are finished."""

    def appear(_: int) -> None:
        (tmp_path / name).write_bytes(b"another's")

    with pytest.raises(FileExistsError, match="exists already"):
        pack_tree(tree, tmp_path / "new", Sharding(2), on_progress=appear, with_list=True)
    assert files(tmp_path, "new*") == {name: b"another's"}
    assert finished_shards(str(tmp_path / "new")) == 2
    with pytest.raises(FileExistsError, match="exists already"):
        pack_tree(tree, tmp_path / "new", Sharding(2, resume=True), with_list=True)
    assert files(tmp_path, "new*") == {name: b"another's"}
    (tmp_path / name).unlink()
    assert pack_tree(tree, tmp_path / "new", Sharding(2, resume=True), with_list=True).kept == 2


def test_a_new_beginning_is_not_forgotten(tmp_path: Path, tree: Path) -> None:
    """Stopped before its first shard was finished, it does not go on with the old set."""
    pack_tree(tree, tmp_path / "out", Sharding(2))
    bad = (tree / "cats" / "0.jpg").read_bytes()
    (tree / "cats" / "0.jpg").write_bytes((tree / "cats" / "1.jpg").read_bytes())
    stopped_after(tree, tmp_path / "out", 2, Sharding(2), force=True)
    with pytest.raises(FileExistsError):
        pack_tree(tree, tmp_path / "out", Sharding(2, resume=True))
    result = pack_tree(tree, tmp_path / "out", Sharding(2, resume=True), force=True)
    assert result.kept == 0
    with RecordReader([str(path) for path in shards(tmp_path)]) as reader:
        assert unpack(reader.by_key(0))[1] == unpack(reader.by_key(1))[1] != bad
    assert pack_tree(tree, tmp_path / "out", Sharding(2, resume=True)).kept == 2


@pytest.mark.parametrize("option", [[], ["--classes-out", "classes.txt"]])
def test_foreign_lists_stay(run: Runner, tmp_path: Path, tree: Path, option: list[str]) -> None:
    foreign = tmp_path / ("classes.txt" if option else "out.lst")
    foreign.write_text("mine\n")
    args = ["pack", "images", "out", "--shards", 2, "--resume", *option]
    result = run(*args)
    assert result.status == 1
    assert f"{foreign.name}: exists already" in result.err
    assert foreign.read_text() == "mine\n"
    foreign.unlink()
    assert run(*args).status == 0
    assert run(*args).status == 0


@pytest.mark.parametrize(
    "text",
    [
        "mine",
        "{}",
        '{"identity": {}, "publishing": true}',
        '{"identity": {}, "publishing": true, "shards": {"1": {}}}',
        '{"identity": {}, "publishing": true, "shards": []}',
    ],
)
@pytest.mark.parametrize("options", [[], ["--resume"], ["--force"]])
def test_a_foreign_file_of_the_sets_name_stays(
    run: Runner, tmp_path: Path, tree: Path, text: str, options: list[str]
) -> None:
    (tmp_path / "out.shards.json").write_text(text)
    result = run("pack", "images", "out", "--shards", 2, *options)
    assert result.status == 1
    assert "out.shards.json" in result.err.splitlines()[-1]
    assert files(tmp_path) == {"out.shards.json": text.encode()}
    assert list(tmp_path.glob(".*")) == []


def test_a_refusal_leaves_nothing(tmp_path: Path, tree: Path) -> None:
    pack_tree(tree, tmp_path / "out", Sharding(2))
    with pytest.raises(RecordError, match="--shards or --shard-size differs"):
        pack_tree(tree, tmp_path / "out", Sharding(3, resume=True))
    assert list(tmp_path.glob(".*")) == []


def test_sizes_are_those_of_frames(tmp_path: Path) -> None:
    """A record that holds the magic word takes more than its own bytes."""
    magic = struct.pack("<I", 0xCED7230A) * 50
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in range(12):
            writer.write(magic, key)
    limit = 1500
    source = RecordSource([tmp_path / "a.rec"])
    pack_source(source, tmp_path / "out", CopyBytes("nothing"), sharding=Sharding(size=limit))
    recs = shards(tmp_path)
    assert len(recs) > 2
    assert all(rec.stat().st_size <= limit for rec in recs)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("500MB", 500_000_000),
        ("1.5G", 1_500_000_000),
        ("64MiB", 64 << 20),
        ("2 kb", 2000),
        ("1TiB", 1 << 40),
        ("7B", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "MB", "1XB", "1iB", "1 0", "1e3", "0.1", "nan"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        parse_size(text)
