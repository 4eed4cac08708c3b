"""The functions refuse the values that the commands refuse, before anything is written."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import rectool

OF_PACK: list[tuple[str, Any]] = [
    *(("shards", 0), ("shards", -1), ("shard_size", 0), ("shard_size", -5)),
    *(("label_width", 0), ("workers", 0), ("workers", -2)),
    *(("part", (5, 2)), ("part", (-1, 2)), ("part", (0, 0))),
    *(("resize", 0), ("resize", -4), ("quality", 0), ("quality", 101), ("max_pixels", 0)),
    *(("encoding", "gif"), ("color", "bogus"), ("backend", "bogus"), ("on_error", "bogus")),
    *(("background", (300, 0, 0)), ("background", (1, 2)), ("background", "no such color")),
]
OF_LIST: list[tuple[str, Any]] = [
    *(("chunks", 0), ("chunks", -1), ("on_error", "bogus")),
    *(("train_ratio", 0), ("train_ratio", -1), ("train_ratio", 2), ("train_ratio", math.nan)),
    *(("test_ratio", 1), ("test_ratio", -0.5), ("test_ratio", math.nan)),
]


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, in a current folder that holds nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images/a.png")
    return tmp_path / "images"


def is_refused(function: Callable[..., object], *paths: object, **argument: Any) -> bool:
    before = sorted(os.listdir())
    [name] = argument
    with pytest.raises(rectool.ArgumentError, match=name):
        function(*paths, **argument)
    return sorted(os.listdir()) == before


@pytest.mark.parametrize(("name", "value"), OF_PACK)
def test_pack_images_refuses_values_out_of_range(images: Path, name: str, value: Any) -> None:
    assert is_refused(rectool.pack_images, images, "out", **{name: value})


@pytest.mark.parametrize("name", ["resize_mode", "interp"])
def test_pack_images_refuses_words_of_resizing(images: Path, name: str) -> None:
    with pytest.raises(rectool.ArgumentError, match=f"{name} must be one of"):
        rectool.pack_images(images, "out", resize=5, **{name: "bogus"})  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value"), OF_LIST)
def test_list_images_refuses_values_out_of_range(images: Path, name: str, value: Any) -> None:
    assert is_refused(rectool.list_images, images, "out", **{name: value})


def test_write_index_refuses_other_keys(images: Path) -> None:
    rec = rectool.pack_images(images, "out", workers=1).recs[0]
    os.remove("out.idx")
    assert is_refused(rectool.write_index, rec, keys="bogus")


def test_one_ending_may_be_given_as_a_string(images: Path) -> None:
    assert len(rectool.list_images(images, exts="png").images) == 1
    assert rectool.pack_images(images, "out", exts="png", workers=1).images == 1


def test_max_pixels_is_refused_where_records_are_copied(images: Path) -> None:
    rec = rectool.pack_images(images, "out", workers=1).recs[0]
    assert is_refused(rectool.pack_images, rec, "again", max_pixels=9)
    with pytest.raises(rectool.RecordError, match="none of 1 record"):
        rectool.pack_images(rec, "again", max_pixels=9, quality=90, workers=1)
