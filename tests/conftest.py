"""What tests share: the golden files, the command, small images."""

from __future__ import annotations

import functools
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.warm import Commands
from hypothesis import HealthCheck, settings
from PIL import Image

# nothing here is about time, and what is tried is the same in each run
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what runs behind it
    signal.signal(signal.SIGINT, signal.default_int_handler)

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """What MXNet says is in the golden files."""
    return json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))


class Run:
    """What a command printed and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.status = done.returncode
        self.stdout = done.stdout
        self.out = done.stdout.decode()
        self.err = done.stderr.decode(errors="backslashreplace")

    def __repr__(self) -> str:
        return f"status {self.status}\nstdout {self.out}\nstderr {self.err}"


@functools.cache
def _commands() -> Commands:
    """One for each process that runs tests."""
    return Commands()


def rectool(*args: object, cwd: Path, stdin: bytes = b"", **env: str) -> Run:
    """Runs the command as a shell would, in a process of its own."""
    words = list(map(str, args))
    if hasattr(os, "fork") and not any(name.startswith("PYTHON") for name in env):
        done = _commands().run(words, cwd, stdin, {**os.environ, **env})
    else:
        done = subprocess.run(
            [sys.executable, "-m", "rectool", *map(os.fsencode, words)],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            env={**os.environ, **env},
            timeout=120,
            check=False,
        )
    run = Run(done)
    assert "Traceback" not in run.err, run
    return run


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """`rectool` with tmp_path as its current folder."""

    def call(*args: object, stdin: bytes = b"", **env: str) -> Run:
        return rectool(*args, cwd=tmp_path, stdin=stdin, **env)

    return call


def in_threads(count: int, function: Callable[[int], int]) -> list[int]:
    """What the function gives for 0, 1..., each in a thread of its own, all at once."""
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda seed=seed: results.append(function(seed)))
        for seed in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def picture(seed: int = 0, width: int = 24, height: int = 18, mode: str = "RGB") -> Image.Image:
    """A smooth random picture, so that JPEG keeps it about."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photo(width: int, height: int, orientation: int = 1, mode: str = "RGB") -> bytes:
    """A JPEG with edges everywhere, no two parts of it alike."""
    rng = np.random.default_rng(width)
    blocks = Image.fromarray(rng.integers(0, 256, (height // 25, width // 25, 3), dtype=np.uint8))
    image = blocks.resize((width, height), Image.Resampling.HAMMING).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, quality=95, exif=exif)


@functools.cache
def noise(seed: int) -> bytes:
    """A JPEG that takes some milliseconds to decode and encode."""
    pixels = np.random.default_rng(seed).integers(0, 256, (240, 240, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), quality=80)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder of ten JPEGs in two classes."""
    root = tmp_path / "images"
    for number in range(10):
        folder = root / ("cats" if number < 6 else "dogs")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(encoded(picture(number, 20 + number)))
    return root


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs of every kind: the examples, odd sizes, grey, progressive, 4:4:4, EXIF orientations."""
    root = tmp_path_factory.mktemp("jpegs")
    shutil.copytree(EXAMPLES / "images", root / "photos")
    odd = root / "odd"
    odd.mkdir()
    for seed, (width, height) in enumerate([(1, 1), (7, 30), (33, 16), (64, 65), (3, 200)]):
        (odd / f"size{seed}.jpg").write_bytes(encoded(picture(seed, width, height)))
    (odd / "grey.jpg").write_bytes(encoded(picture(5, mode="L")))
    (odd / "progressive.jpeg").write_bytes(encoded(picture(6, 90, 70), progressive=True))
    (odd / "full.jpg").write_bytes(encoded(picture(7, 90, 70), subsampling=0, quality=100))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(picture(8, 40, 25), exif=exif, comment=b"a comment")
        (odd / f"exif{orientation}.jpg").write_bytes(data)
    return root


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """24 images in `images`, of all orientations, with masks in `masks`: see `aligned`."""
    from helpers.aligned import make_pairs

    return make_pairs(tmp_path)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder in memory, where possible: commands that are killed sync, and no machine fails."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("cannot mount a small file system here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
