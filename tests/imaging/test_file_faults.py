"""Files that cannot be read: some are an image's own fault, all others end the run."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

from rectool import ImageError, RecordError
from rectool.imaging import image_files
from rectool.imaging.image_files import file_fault, read_file
from rectool.listing.scan import scan
from rectool.packing.list_source import FileSource
from rectool.packing.pack_source import pack_source
from rectool.packing.result import Failure
from rectool.packing.transform import CopyBytes, Reencode

Runner = Callable[..., Run]

SYSTEMS = ("EIO", "ESTALE", "ETIMEDOUT", "ENOMEM", "EMFILE", "ENFILE", "EINTR", "EAGAIN", "ENOSPC")
FILES = ("ENOENT", "EACCES", "EPERM", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENOTDIR")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "_PAUSES", (0.0, 0.0))


def failing(number: int, at: str, times: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Has files whose path contains `at` fail so often when they are opened."""
    opened: list[str] = []
    real = os.open

    def open_(path: Any, *args: Any, **options: Any) -> int:
        if at in os.fspath(path):
            opened.append(os.fspath(path))
            if len(opened) <= times:
                raise OSError(number, os.strerror(number))
        return real(path, *args, **options)

    monkeypatch.setattr("rectool.imaging.image_files.os.open", open_)
    return opened


@pytest.mark.parametrize("name", FILES)
def test_what_is_the_files_fault(name: str) -> None:
    assert isinstance(file_fault(OSError(getattr(errno, name), "why")), ImageError)


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_is_not_the_files_fault(name: str) -> None:
    number = getattr(errno, name, errno.EIO)
    with pytest.raises(OSError, match="why") as caught:
        file_fault(OSError(number, "why"))
    assert caught.value.errno == number


def test_reading_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"content")
    opened = failing(errno.EIO, "a", 2, monkeypatch)
    assert read_file(str(tmp_path / "a")) == b"content"
    assert len(opened) == 3


def test_an_error_that_stays_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = failing(errno.EIO, "a", 99, monkeypatch)
    with pytest.raises(OSError) as caught:  # noqa: PT011
        read_file(str(tmp_path / "a"))
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path / "a"))
    assert len(opened) == 3


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_fault_of_the_system_ends_the_run_and_nothing_is_published(
    tmp_path: Path, tree: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = getattr(errno, name, errno.EIO)
    failing(number, "dogs", 99, monkeypatch)
    source = FileSource(scan(tree).images, tree)
    with pytest.raises(OSError, match=r"7\.jpg|6\.jpg|8\.jpg|9\.jpg") as caught:
        pack_source(source, tmp_path / "out", CopyBytes(), on_error="skip")
    assert caught.value.errno == number
    assert sorted(os.listdir(tmp_path)) == ["images"]


def test_a_missing_file_is_that_images_fault(tmp_path: Path, tree: Path) -> None:
    source = FileSource(scan(tree).images, tree)
    (tree / "cats/0.jpg").unlink()
    failures: list[Failure] = []
    result = pack_source(source, tmp_path / "out", CopyBytes(), on_failure=failures.append)
    assert result.images == 9
    assert [failure.reason for failure in failures] == [os.strerror(errno.ENOENT)]


def test_too_little_memory_ends_the_run(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apply(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(CopyBytes, "apply", apply)
    source = FileSource(scan(tree).images, tree)
    with pytest.raises(RecordError, match=r"\.jpg: out of memory"):
        pack_source(source, tmp_path / "out", CopyBytes())
    assert sorted(os.listdir(tmp_path)) == ["images"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_too_few_open_files_for_the_workers(tmp_path: Path, tree: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    source = FileSource(scan(tree).images, tree)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 12, hard))
    try:
        with pytest.raises(OSError, match="open files") as caught:
            pack_source(source, tmp_path / "out", Reencode(), workers=10, start_method="fork")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.errno == errno.EMFILE
    assert "worker processes" in str(caught.value)
