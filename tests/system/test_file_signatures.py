"""What files hold, told by their first bytes."""

from __future__ import annotations

import io
import json
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, encoded, picture
from PIL import features

from rectool.system.file_signatures import content_of, name_of_content

BY_HAND = {
    "an HTML page": b"\n<!-- not found -->\n<!DOCTYPE html><html><body>404</body></html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
    "a git-annex pointer": b"/annex/objects/SHA256E-s12--4d7a.jpg\n",
    "an XML document": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "an SVG drawing": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "a JSON document": b'{"error": "quota exceeded"}',
    "a HEIC image": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "an AVIF image": b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf",
    "a camera's raw image": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "a video": b"\0\0\0\x18ftypmp42\0\0\0\0isommp42",
    "a JPEG XL image": b"\xff\x0a\xfa\x1f\x41",
    "a Photoshop image": b"8BPS\0\1\0\0\0\0\0\0\0\3",
    "a Windows icon": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0",
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "a base64 text of an image": b"/9j/4AAQSkZJRgABAQAAAQABAAD",
    "a gzip file": b"\x1f\x8b\x08\x08\0\0\0\0",
    "a RAR archive": b"Rar!\x1a\x07\x01\0",
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c\0\4",
    "a Zstandard file": b"\x28\xb5\x2f\xfd\x24\0",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n\0",
    "metadata of macOS": b"\0\5\x16\7\0\2\0\0Mac OS X",
    "a program": b"#!/bin/sh\n",
    "zero bytes only": b"\0" * 600,
    "an empty file": b"",
    "a list (.lst)": b"0\t1.000000\tcats/a b.jpg\n1\t2.5\tdogs/b.jpg\n",
    "an index (.idx)": b"0\t0\n1\t1044\n",
    "a text file": "Fotos: Bäume, Flüsse\n".encode() * 100,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_names_what_a_file_holds(name: str) -> None:
    assert name_of_content(BY_HAND[name]) == name


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.add(GOLDEN / "expected.json", "expected.json")


def _sqlite(path: Path) -> None:
    with sqlite3.connect(path) as base:
        base.execute("create table a (b)")
    base.close()


def _numpy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


MADE: dict[str, Callable[[Path], object]] = {
    "a zip archive": _zip,
    "a tar archive": _tar,
    "an SQLite database": _sqlite,
    "a NumPy array": lambda path: path.write_bytes(_numpy()),
    "a pickle": lambda path: path.write_bytes(pickle.dumps([b"lfw", [True]])),
    "a JSON document": lambda path: path.write_text(json.dumps([1, 2])),
}


@pytest.mark.parametrize("name", MADE)
def test_names_what_python_writes(name: str, tmp_path: Path) -> None:
    MADE[name](tmp_path / "file")
    assert name_of_content((tmp_path / "file").read_bytes()) == name


@pytest.mark.parametrize(
    ("format_", "name"),
    [
        ("JPEG", "a JPEG image"),
        ("PNG", "a PNG image"),
        ("GIF", "a GIF image"),
        ("WEBP", "a WebP image"),
        ("BMP", "a BMP image"),
        ("TIFF", "a TIFF image"),
        ("PPM", "a PNM image"),
        ("AVIF", "an AVIF image"),
        ("JPEG2000", "a JPEG 2000 image"),
        ("ICO", "a Windows icon"),
        ("PDF", "a PDF document"),
        ("DDS", "a DDS texture"),
        ("EPS", "a PostScript document"),
    ],
)
def test_names_images_that_pillow_writes(format_: str, name: str) -> None:
    needs = {"AVIF": "avif", "JPEG2000": "jpg_2000"}.get(format_)
    known = {None, *features.get_supported_modules(), *features.get_supported_codecs()}
    if needs not in known:
        pytest.skip(f"Pillow without {format_}")
    assert name_of_content(memoryview(encoded(picture(1, 20, 16), format_))) == name


@pytest.mark.parametrize("ending", [".rec", ".idx"])
def test_names_files_of_records(ending: str) -> None:
    name = {".rec": "a RecordIO file", ".idx": "an index (.idx)"}[ending]
    assert name_of_content((GOLDEN / f"images{ending}").read_bytes()) == name


@pytest.mark.parametrize("data", [b"\x01\x02\x03\x04" * 9, b"\xff\xd8", b"BM is how \0\0\0\0 text"])
def test_what_is_not_known_has_no_name(data: bytes) -> None:
    assert name_of_content(data) is None


def test_a_text_cut_inside_a_character_is_a_text() -> None:
    data = ("x" + "ä" * 1000).encode()
    assert name_of_content(io.BytesIO(data).read(1024)) == "a text file"


def test_says_what_to_do() -> None:
    page, photo = content_of(b"<html>"), content_of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert page is not None
    assert photo is not None
    assert "download" in page.advice
    assert "convert" in photo.advice


def test_comments_without_end_take_no_time() -> None:
    assert name_of_content(b"<!-- -->" * 200) == "a text file"
