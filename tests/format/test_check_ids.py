"""Indexes whose keys have moved against the records: the records' ids tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture

from rectool import IRHeader, RecordReader, RecordWriter, pack
from rectool.errors import IndexFileError
from rectool.format.check_ids import moved_keys

Runner = Callable[..., Run]

ORDERED = np.arange(24)
SHUFFLED = np.random.default_rng(5).permutation(24)


@pytest.mark.parametrize(
    ("keys", "ids", "moved"),
    [
        (np.roll(ORDERED, 1), ORDERED, 24),
        (np.roll(SHUFFLED, -1), SHUFFLED, 24),
        (ORDERED[::-1], ORDERED, 24),
        (np.append(SHUFFLED[1:], 99), SHUFFLED, 24),
        (np.append(SHUFFLED[1:], SHUFFLED[-1]), SHUFFLED, 23),
        (np.concatenate([ORDERED[:18], np.roll(ORDERED[18:], 1)]), ORDERED, 6),
    ],
    ids=["one line off", "shuffled", "reversed", "another at the end", "the last twice", "a part"],
)
def test_keys_that_have_moved_are_told(keys: np.ndarray, ids: np.ndarray, moved: int) -> None:
    found = moved_keys(keys, ids, keys)
    assert found is not None
    assert found[0] == moved
    assert found[2] == ids[list(keys).index(found[1])]


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        (ORDERED, ORDERED),
        (SHUFFLED, ORDERED * 0),
        (ORDERED, ORDERED + 1),
        (ORDERED, ORDERED + 1000),
        (SHUFFLED, ORDERED % 5),
        (ORDERED, np.append(ORDERED[:-1], 7)),
    ],
    ids=["the same", "all 0", "from 1", "unrelated", "labels", "one of another"],
)
def test_another_numbering_is_no_fault(keys: np.ndarray, ids: np.ndarray) -> None:
    assert moved_keys(keys, ids, keys) is None


def test_ids_may_be_those_of_records_that_are_not_looked_at() -> None:
    keys = np.roll(SHUFFLED, 1)
    some = np.arange(len(keys)) % 5 != 1
    assert moved_keys(keys[some], SHUFFLED[some], keys) is not None


def moved_file(folder: Path) -> None:
    with RecordWriter(folder / "a.rec") as writer:
        for key in range(12):
            writer.write(pack(IRHeader(0, 1.0, key, 0), encoded(picture(key, 8, 8), "PNG")), key)
    lines = [line.split("\t") for line in (folder / "a.idx").read_text().splitlines()]
    keys = [key for key, _ in lines]
    moved = zip(keys[1:] + keys[:1], lines, strict=True)
    (folder / "a.idx").write_text("".join(f"{key}\t{line[1]}\n" for key, line in moved))


def test_commands_refuse_keys_that_have_moved_and_name_what_mends_them(
    run: Runner, tmp_path: Path
) -> None:
    moved_file(tmp_path)
    with pytest.raises(IndexFileError, match="12 of 12 keys"):
        RecordReader(tmp_path / "a.rec").check_ids()
    for command in (["inspect"], ["unpack", "out"], ["pack", "out"]):
        result = run(command[0], "a.rec", *command[1:])
        assert result.status == 1
        assert "a.idx: 12 of 12 keys stand beside the record of another key" in result.err
        assert "rectool index a.rec --keys id --force" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.idx", "a.rec"]
    assert run("pack", "a.rec", "fresh", "--renumber").status == 0
    assert run("index", "a.rec", "--keys", "id", "--force").status == 0
    assert run("pack", "a.rec", "out").status == 0
