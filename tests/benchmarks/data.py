"""The benchmarks' files: made from examples/images with fixed seeds, kept and used again.

A set's list is written last; a set that has one is whole.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from masks import mask_of
from numpy.typing import NDArray
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples" / "images"


@dataclass(frozen=True)
class Kind:
    """What the pictures of a set are like; `noise` is the deviation that is added to them."""

    number: int
    count: int
    classes: int
    size: tuple[int, int]
    quality: int
    noise: float
    ending: str = ".jpg"


KINDS = {
    "small": Kind(1, 20_000, 500, (112, 112), 93, 0),
    "large": Kind(2, 5_000, 100, (500, 375), 90, 10),
    "photos": Kind(3, 60, 6, (4000, 3000), 93, 3.5),
    "tiny": Kind(4, 80, 20, (4, 4), 0, 0, ".png"),
}
FILES, FOLDERS = 200_000, 1_000  # of the listing; the files are empty
CLASSES, MOST_BOXES = 20, 8  # of the boxes
QUICK = 20  # as many times fewer of everything


@dataclass(frozen=True)
class ImageSet:
    """A folder of images and a shuffled list of them, in the folder beside it."""

    root: Path
    lst: Path

    @cached_property
    def lines(self) -> list[str]:
        return self.lst.read_text().splitlines()

    @cached_property
    def paths(self) -> list[str]:
        return [line.rpartition("\t")[2] for line in self.lines]

    @cached_property
    def sizes(self) -> list[int]:
        return [os.path.getsize(os.path.join(self.root, path)) for path in self.paths]

    def part(self, begin: int, end: int, lst: Path) -> ImageSet:
        """Some of the lines, as a list of their own."""
        lst.write_text("".join(line + "\n" for line in self.lines[begin:end]))
        return ImageSet(self.root, lst)


class Data:
    """The sets, each made when it is first asked for."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder / ("quick" if quick else "full")
        self.fewer = QUICK if quick else 1
        self.folder.mkdir(parents=True, exist_ok=True)

    def images(self, name: str) -> ImageSet:
        kind = KINDS[name]
        found = ImageSet(self.folder / name, self.folder / f"{name}.lst")
        if not found.lst.exists():
            count, classes = kind.count // self.fewer, -(-kind.classes // self.fewer)
            _say(f"making {count:,} images in {found.root}")
            paths = [f"{n * classes // count:04}/{n:06}{kind.ending}" for n in range(count)]
            for folder in {os.path.dirname(path) for path in paths}:
                (found.root / folder).mkdir(parents=True, exist_ok=True)
            _in_processes(partial(_write_picture, kind, found.root), enumerate(paths))
            _write_list(found.lst, paths)
        return found

    def masks(self, name: str) -> ImageSet:
        """A mask of each image, a PNG with a palette; keys and labels are the images'."""
        images = self.images(name)
        found = ImageSet(self.folder / f"{name}-masks", self.folder / f"{name}-masks.lst")
        if not found.lst.exists():
            _say(f"making {len(images.lines):,} masks in {found.root}")
            for folder in {os.path.dirname(path) for path in images.paths}:
                (found.root / folder).mkdir(parents=True, exist_ok=True)
            _in_processes(partial(_write_mask, images.root, found.root), images.paths)
            _write(found.lst, [f"{os.path.splitext(line)[0]}.png\n" for line in images.lines])
        return found

    def boxes(self, name: str) -> ImageSet:
        """The images of a set with boxes for labels, in MXNet's detection layout."""
        images = self.images(name)
        found = ImageSet(images.root, self.folder / f"{name}-boxes.lst")
        if not found.lst.exists():
            _write(found.lst, list(map(_with_boxes, images.lines)))
        return found

    def files(self) -> tuple[Path, int]:
        """A folder of class folders with as many empty `.jpg` files, and their number."""
        count, folders = FILES // self.fewer, FOLDERS // self.fewer
        root, done = self.folder / "listing", self.folder / "listing.done"
        if not done.exists():
            _say(f"making {count:,} files in {root}")
            names = [root / f"{number:04}" for number in range(folders)]
            _in_processes(partial(_write_files, count // folders), names)
            done.touch()
        return root, count


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _in_processes(function: Callable[[Any], None], tasks: Iterable[Any]) -> None:
    with multiprocessing.Pool() as pool:
        for _ in pool.imap_unordered(function, tasks, chunksize=4):
            pass


def _write_list(lst: Path, paths: list[str]) -> None:
    lines = [f"{n}\t{int(path.split('/')[0])}.000000\t{path}\n" for n, path in enumerate(paths)]
    random.Random(100).shuffle(lines)
    _write(lst, lines)


def _write(lst: Path, lines: list[str]) -> None:
    new = lst.with_suffix(".new")
    new.write_text("".join(lines))
    new.replace(lst)


def _write_files(count: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number:06}.jpg").touch()


def _with_boxes(line: str) -> str:
    """The line of a list, its label replaced."""
    key, _, path = line.split("\t")
    draw = np.random.default_rng([0, int(key)])
    labels = ["2", "5"]
    for _ in range(draw.integers(1, MOST_BOXES, endpoint=True)):
        sides = draw.uniform(0.1, 0.6, 2)
        begin = draw.uniform(0, 1 - sides)
        corners = [f"{value:.4f}" for value in (*begin, *(begin + sides))]
        labels += [str(draw.integers(CLASSES)), *corners]
    return "\t".join([key, *labels, path]) + "\n"


def _write_mask(images: Path, masks: Path, path: str) -> None:
    mask = mask_of((images / path).read_bytes())
    (masks / path).with_suffix(".png").write_bytes(mask)


def _write_picture(kind: Kind, root: Path, numbered: tuple[int, str]) -> None:
    (root / numbered[1]).write_bytes(picture(kind, numbered[0]))


def picture(kind: Kind, number: int) -> bytes:
    """The encoded image of this number: a part of an example, its size, light and noise changed."""
    draw = np.random.default_rng([kind.number, number])
    source = _examples()[draw.integers(len(_examples()))]
    width, height = kind.size if draw.random() < 0.75 else kind.size[::-1]
    part = draw.uniform(0.7, 1.0) * min(source.width / width, source.height / height)
    left = draw.uniform(0, source.width - part * width)
    top = draw.uniform(0, source.height - part * height)
    box = (left, top, left + part * width, top + part * height)
    image = source.resize((width, height), Image.Resampling.BICUBIC, box)
    if draw.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    change = np.float32(draw.uniform(-16, 16))
    pixels = np.asarray(image, np.float32) + change
    if kind.noise:
        shift = tuple(draw.integers(1024, size=2))
        times = (-(-height // 1024), -(-width // 1024))
        noise = np.tile(np.roll(_noise(), shift, (0, 1)), times)[:height, :width]
        pixels += noise[:, :, None] * np.float32(kind.noise)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "png" if kind.ending == ".png" else "jpeg", quality=kind.quality)
    return buffer.getvalue()


@cache
def _examples() -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in sorted(EXAMPLES.glob("*/*.jpg"))]


@cache
def _noise() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
