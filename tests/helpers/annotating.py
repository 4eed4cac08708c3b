"""What tests of annotations share: images, the command that lists them, boxes out of a `.rec`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from conftest import Run, encoded, picture
from numpy.typing import NDArray

from rectool import RecordReader, unpack
from rectool.cli.main import main
from rectool.format.boxes import boxes_of
from rectool.listing.lst import Entry, ImageList
from rectool.packing.list_source import FileSource
from rectool.packing.pack_source import pack_source
from rectool.packing.transform import CopyBytes

Runner = Callable[..., Run]


def write_images(root: Path, **sizes: tuple[int, int]) -> None:
    """Images below a folder: of `cats__a_jpg` the path is cats/a.jpg."""
    for number, (name, size) in enumerate(sizes.items()):
        folder, _, file = name.rpartition("__")
        stem, _, ending = file.rpartition("_")
        path = root / folder.replace("__", "/") / f"{stem}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(number, *size), "PNG" if ending == "png" else "JPEG"))


def listed(run: Runner, *args: object, root: str = "images") -> tuple[list[Entry], list[str]]:
    """The list of a folder in the order of its source, and the lines on stderr."""
    result = run("list", root, "--no-shuffle", *args)
    assert result.status == 0, result
    return list(ImageList(result.stdout, "stdout")), result.err.splitlines()


def faults(*args: object, folder: Path, root: str = "images") -> list[str]:
    """The errors of a listing that any fault fails, and that leaves nothing in `folder`.

    In this process, for there are many such.
    """
    before = sorted(folder.iterdir())
    command = ["list", root, "out", "--on-error", "fail", *map(str, args)]
    status, out, err = in_process(folder, command)
    assert (status, out) == (1, b""), err
    assert sorted(folder.iterdir()) == before
    lines = err.splitlines()
    assert all(line.startswith("rectool: ") for line in lines), err
    return [line.removeprefix("rectool: ") for line in lines]


def in_process(folder: Path, command: list[str]) -> tuple[object, bytes, str]:
    """Exit status, stdout and stderr of a command, without a process of its own."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    home = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(command, prog_name="rectool")
    except SystemExit as end:
        out.flush()
        return end.code, out.buffer.getvalue(), err.getvalue()  # type: ignore[attr-defined]
    finally:
        os.chdir(home)
    raise AssertionError("a command ends by SystemExit")


def in_pixels(rec: Path, sizes: dict[int, tuple[int, int]]) -> dict[int, NDArray[np.float64]]:
    """By key the boxes of each record, corners in pixels."""
    boxes = {}
    with RecordReader(rec) as reader:
        assert sorted(reader.keys.tolist()) == sorted(sizes)
        for key, (width, height) in sizes.items():
            header, _ = unpack(reader.by_key(key))
            assert header.id == key
            scale = np.array([width, height, width, height])
            boxes[key] = boxes_of(header.label).astype(np.float64)
            boxes[key][:, 1:5] *= scale
    return boxes


def packed(images: ImageList, root: Path, rec: Path) -> Path:
    """A `.rec` of what the lines of a list say, read as from a file."""
    again = ImageList(images.contents(), "made.lst")
    assert again.keys.tolist() == images.keys.tolist()
    for at, entry in enumerate(again):
        images.take(slice(at, at + 1)).check_width(len(entry.labels), exactly=True)
    pack_source(FileSource(again, root), rec, CopyBytes("nothing"), workers=1, force=True)
    return rec
