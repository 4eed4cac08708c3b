"""Errors are made once: another place or other words make another error."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

import rectool
from rectool.errors import CorruptError, KeyNotFoundError, RecordError, TruncatedError


@pytest.mark.parametrize("kind", [CorruptError, TruncatedError, KeyNotFoundError, RecordError])
def test_a_located_error_is_another_of_the_same_kind(kind: type[RecordError]) -> None:
    first = kind("too short", offset=8)
    located = first.located(path="a.rec", prefix="key 3: ", suffix=" (hint)")
    assert type(located) is kind
    assert (located.message, located.path, located.offset) == (
        "key 3: too short (hint)",
        "a.rec",
        8,
    )
    assert (first.message, first.path, first.offset) == ("too short", None, 8)
    assert str(pickle.loads(pickle.dumps(located))) == str(located)


def test_a_located_error_keeps_what_is_not_given() -> None:
    first = CorruptError("damaged", path="a.rec", offset=0)
    assert str(first.located()) == str(first)
    assert first.located(offset=4).path == "a.rec"
    assert first.located(path="b.rec").offset == 0


def test_a_located_error_keeps_the_place_where_it_was_raised() -> None:
    def fail() -> None:
        raise CorruptError("damaged")

    with pytest.raises(CorruptError) as caught:
        try:
            fail()
        except CorruptError as error:
            raise error.located(path="a.rec") from None
    assert "fail" in [entry.name for entry in caught.traceback]


def test_no_error_is_changed_after_it_was_made() -> None:
    """No `error.path = ...`: of other objects than self nobody sets what is an error's."""
    found = []
    for path in Path(rectool.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AugAssign) else targets
            found += [
                f"{path.name}:{target.lineno}"
                for target in targets
                if isinstance(target, ast.Attribute)
                and target.attr in ("path", "offset", "message")
                and ast.unparse(target.value) != "self"
            ]
    assert found == []
