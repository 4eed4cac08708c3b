"""Where `rectool list` writes lists and class tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

from rectool import RecordReader

Runner = Callable[..., Run]


@pytest.mark.parametrize("name", ["A.LST", "a.Lst", "a.lst"])
def test_a_list_named_in_capitals(run: Runner, tree: Path, name: str) -> None:
    result = run("list", "images", name)
    assert result.status == 0, result
    assert name in result.err
    assert [path.name for path in tree.parent.glob("*") if path.is_file()] == [name]
    assert run("pack", name, "out", "--root", "images").status == 0
    assert len(RecordReader(tree.parent / "out.rec")) == 10


def test_parts_of_a_list_named_in_capitals(run: Runner, tree: Path) -> None:
    assert run("list", "images", "A.LST", "--train-ratio", "0.5").status == 0
    names = {path.name for path in tree.parent.iterdir() if path.is_file()}
    assert names == {"A_train.LST", "A_val.LST"}


def test_a_class_table_on_stdout(run: Runner, tree: Path) -> None:
    result = run("list", "images", "out", "--classes-out", "-")
    assert (result.status, result.out) == (0, "cats 0\ndogs 1\n")
    result = run("pack", "images", "out", "--classes-out", "-", "--force")
    assert (result.status, result.out) == (0, "cats 0\ndogs 1\n")
    assert not (tree.parent / "-").exists()
    for command in (("list", "images"), ("pack", "images", "x", "--json")):
        result = run(*command, "--classes-out", "-")
        assert (result.status, result.out, "stdout" in result.err) == (2, "", True)
