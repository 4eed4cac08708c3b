"""Workers that are killed or crash: an error or a bad image, never a hang or remains."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Run, encoded, noise, picture
from helpers.processes import Started, fields, files, ticks, until

from rectool import RecordError, RecordReader
from rectool.listing.lst import ImageList
from rectool.listing.scan import scan
from rectool.packing.list_source import FileSource
from rectool.packing.pack_source import pack_source

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

Runner = Callable[..., Run]


@pytest.fixture
def long_run(tmp_path: Path) -> Iterator[Started]:
    """A pack over old files that goes on for many seconds."""
    (tmp_path / "run").mkdir()
    for number in range(90):
        (tmp_path / f"n{number:03}.jpg").write_bytes(noise(number % 5))
    lines = [f"{key}\t0\tn{key % 90:03}.jpg\n" for key in range(10_000)]
    (tmp_path / "long.lst").write_text("".join(lines))
    for name in ("out.rec", "out.idx"):
        (tmp_path / "run" / name).write_bytes(b"")
    args = ["../long.lst", "out", "--force", "--workers", 2]
    with Started("pack", *args, cwd=tmp_path / "run") as started:
        yield started
    assert files(tmp_path / "run") == {"out.idx": b"", "out.rec": b""}


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    until(lambda: fields(pid)[0] == "T", "not stopped")


@pytest.mark.parametrize("which", ["one", "all", "a stopped one", "an idle one"])
def test_a_worker_that_is_killed(long_run: Started, which: str) -> None:
    workers = long_run.workers()
    if which == "a stopped one":
        stop(workers[0])
    elif which == "an idle one":  # as the command itself stands still
        stop(long_run.pid)
        before = 0
        while before != (before := ticks(workers[0])):
            time.sleep(0.1)
    for pid in workers if which == "all" else workers[:1]:
        os.kill(pid, signal.SIGKILL)
    os.kill(long_run.pid, signal.SIGCONT)
    status, err = long_run.end()
    assert status == 1
    last = err.splitlines()[-1]
    assert "SIGKILL" in last
    named = [int(name) for name in re.findall(r"n(\d{3})\.jpg", last)]
    assert named
    assert [number % 90 for number in range(named[0], named[0] + len(named))] == named
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_worker_does_not_outlive_the_command(
    long_run: Started, number: signal.Signals
) -> None:
    stop(long_run.workers()[0])
    os.kill(long_run.pid, number)
    status, err = long_run.end()
    assert (status, "Traceback" in err) == (128 + number, False)


CRASH = b"\xff\xfe\0\x0ccrash here"
CRASHING = f"""
import os, resource, signal
import PIL.Image

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
whole = PIL.Image.open

def open(fp, *args, **options):
    if {CRASH!r} in fp.read():
        os.kill(os.getpid(), signal.SIGSEGV)
    fp.seek(0)
    return whole(fp, *args, **options)

PIL.Image.open = open
"""


@pytest.fixture
def crash(run: Runner, tmp_path: Path) -> Callable[..., Run]:
    """Packs 40 images, of which those at the given places crash their decoder."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(CRASHING)
    (tmp_path / "site" / "simplejpeg.py").write_text("raise ImportError")  # Pillow is to decode
    (tmp_path / "images").mkdir()
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])

    def pack(places: list[int], *options: object, ending: str = "jpg") -> Run:
        for number in range(40):
            image = encoded(picture(number), "JPEG" if ending == "jpg" else "TIFF")
            if number in places:
                image = image[:2] + CRASH + image[2:] if ending == "jpg" else image + CRASH
            (tmp_path / "images" / f"{number:02}.{ending}").write_bytes(image)
        args = ("images", "out", "--no-shuffle", "--exts", ending, *options)
        return run("pack", *args, PYTHONPATH=path)

    return pack


@pytest.mark.parametrize(
    ("places", "options", "ending"),
    [
        *(
            (places, ["--workers", 2], "jpg")
            for places in ([0], [39], [17], [3, 30], [8, 9], list(range(0, 40, 7)))
        ),
        ([3, 30], ["--workers", 1, "--on-error", "skip"], "jpg"),
        ([3, 30], ["--pass-through", "--verify"], "jpg"),
        ([3, 30], ["--pass-through", "--verify"], "tif"),
    ],
    ids=str,
)
def test_images_that_crash_their_decoder(
    crash: Callable[..., Run], tmp_path: Path, options: list[object], ending: str, places: list[int]
) -> None:
    result = crash(places, *options, ending=ending)
    assert result.status == (0 if "skip" in options else 1)
    named = [line for line in result.err.splitlines() if "SIGSEGV" in line]
    assert len(named) == len(places)
    for line, place in zip(named, places, strict=True):
        assert line.startswith(f"rectool: images/{place:02}.{ending}: ")
        assert line.endswith(f" (line {place + 1}, key {place})")
    assert f"packed {40 - len(places)} of 40 images into out.rec" in result.err
    assert RecordReader(tmp_path / "out.rec").keys.tolist() == [
        key for key in range(40) if key not in places
    ]
    assert len(ImageList((tmp_path / "out.lst").read_bytes(), "out.lst")) == 40


def test_nothing_is_packed_then_if_so_wanted(crash: Callable[..., Run], tmp_path: Path) -> None:
    result = crash([12], "--on-error", "fail", "--workers", 2)
    assert result.status == 1
    assert result.err.splitlines()[-1].startswith("rectool: images/12.jpg: ")
    assert "SIGSEGV" in result.err
    assert sorted(os.listdir(tmp_path)) == ["images", "site"]


@pytest.mark.parametrize("ends", [["SIGKILL", None], [None, "SIGKILL"]])
def test_an_image_is_not_blamed_for_another_death_of_its_worker(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: list[str | None]
) -> None:
    """The system may have killed that process too, for want of memory."""
    said = iter(ends * 100)
    monkeypatch.setattr(
        "rectool.packing.executor.Executor._exit_reason",
        lambda _, samples: next(said) if samples else None,
    )
    monkeypatch.setattr(_Fatal, "first", tmp_path / "first")
    source = FileSource(scan(tree).images, tree)
    with pytest.raises(RecordError, match="a worker process was ended by SIGKILL, at work on"):
        pack_source(source, tmp_path / "out", _Fatal(), workers=2)
    assert sorted(os.listdir(tmp_path)) == ["first", "images"]


class _Fatal:
    """Ends the process that has the first image, once."""

    first = Path()
    crops = False

    def prepare(self) -> None: ...

    def apply(self, data: bytes, changes: object = None) -> bytes:
        try:
            self.first.touch(exist_ok=False)
        except FileExistsError:
            return data
        os.kill(os.getpid(), signal.SIGKILL)
        return data
