"""A set of which a shard was replaced by that of another set: its description tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

from rectool import IRHeader, RecordWriter, pack

Runner = Callable[..., Run]


@pytest.fixture
def mixed(run: Runner, tmp_path: Path) -> list[str]:
    """Two shards of a set, the second of which is another's."""
    for name, size in (("old", 10), ("new", 20)):
        with RecordWriter(tmp_path / f"{name}.rec") as writer:
            for key in range(6):
                writer.write(pack(IRHeader(0, 1.0, key, 0), bytes(size)), key)
        assert run("pack", f"{name}.rec", name, "--shards", 2).status == 0
    for ending in ("rec", "idx"):
        names = (f"{name}-00001-of-00002.{ending}" for name in ("new", "old"))
        os.replace(*(tmp_path / name for name in names))
    return [f"old-0000{number}-of-00002.rec" for number in range(2)]


@pytest.mark.parametrize("command", ["inspect", "pack", "unpack"])
def test_every_command_names_the_other_sets_shard(
    run: Runner, mixed: list[str], command: str
) -> None:
    result = run(command, *mixed, *([] if command == "inspect" else ["out"]))
    assert result.status == 1
    assert f"{mixed[1]}: " in result.err
    assert "old.shards.json says" in result.err
