"""Each of the five commands is a function of the library, with the same options and defaults."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from conftest import Run

import rectool
from rectool.cli import main

VERBS = {
    "list": rectool.list_images,
    "pack": rectool.pack_images,
    "inspect": rectool.inspect_records,
    "unpack": rectool.unpack_images,
    "index": rectool.write_index,
}
ONLY_PRINTED = {"as_json"}


def command_of(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def is_option(parameter: str) -> bool:
    """Callbacks are the library's alone; on_error is an option of list and pack."""
    return not parameter.startswith("on_") or parameter == "on_error"


@pytest.mark.parametrize("name", VERBS)
def test_every_command_has_the_options_and_defaults_of_its_function(name: str) -> None:
    signature = inspect.signature(VERBS[name]).parameters
    function = {one.name: one.default for one in signature.values() if is_option(one.name)}
    required = {one for one, default in function.items() if default is inspect.Parameter.empty}
    command = command_of(name).make_context(name, ["source", "out"]).params  # parses only
    command = {one: value for one, value in command.items() if one not in ONLY_PRINTED}
    if name == "index":
        del function["on_error"]  # a callback
    assert command.keys() == function.keys()
    optional = function.keys() - required - {"out"}
    assert {one: command[one] for one in optional} == {one: function[one] for one in optional}


def test_functions_do_what_commands_do(tmp_path: Path) -> None:
    for word in ("cat", "dog"):
        (tmp_path / "images" / word).mkdir(parents=True)
    from PIL import Image

    for at, path in enumerate(("cat/a.jpg", "dog/b.jpg")):
        Image.new("RGB", (20 + at, 10)).save(tmp_path / "images" / path)
    listed = rectool.list_images(tmp_path / "images", tmp_path / "all", shuffle=False)
    assert listed.classes == {"cat": 0, "dog": 1}
    assert listed.lists == ((str(tmp_path / "all.lst"), 2),)
    packed = rectool.pack_images(
        tmp_path / "all.lst", tmp_path / "out", root=tmp_path / "images", resize=5, workers=1
    )
    assert (packed.images, packed.failures) == (2, ())
    [found] = rectool.inspect_records(packed.recs)
    assert found.summary is not None
    assert (found.summary.records, found.problems) == (2, ())
    shutil.copy(packed.recs[0], tmp_path / "copy.rec")
    [index] = rectool.write_index(tmp_path / "copy.rec")
    assert (index.records, index.keys_from) == (2, "id")
    assert rectool.unpack_images(tmp_path / "copy.rec", tmp_path / "files").images == 2


def test_an_argument_error_names_parameters_and_a_usage_error_options(tmp_path: Path) -> None:
    with pytest.raises(rectool.ArgumentError, match="^mask_suffix requires masks$"):
        rectool.pack_images(tmp_path, tmp_path / "out", mask_suffix="_mask")
    error = rectool.ArgumentError("{mask_suffix} requires {masks}, got {0}", "{braces}")
    assert error.text(lambda name: f"--{name}") == "--mask_suffix requires --masks, got {braces}"


@pytest.mark.parametrize("name", ["list", "pack"])
def test_help_shows_each_option_in_a_group(name: str, run: Callable[..., Run]) -> None:
    ungrouped = run(name, "--help").out.partition("\nOptions:\n")[2]
    assert [line.split()[0] for line in ungrouped.splitlines() if line] == ["-q,", "-h,"]


def test_no_file_at_all_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="sources: no folder or file"):
        rectool.pack_images([], "out")
    with pytest.raises(ValueError, match="recs: no file"):
        rectool.unpack_images([], "out")
    for paths in (None, b"a.rec", 7):
        with pytest.raises(TypeError, match="a path must be a str or a Path"):
            rectool.pack_images(paths, "out")  # type: ignore[arg-type]
