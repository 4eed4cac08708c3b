"""The options of annotations, what does not go together, and the size of an image by its header."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import encoded, picture
from helpers.annotating import Runner, write_images

from rectool import ListError
from rectool.listing.annotations.base import BoxLines
from rectool.listing.annotations.image_size import Measure
from rectool.listing.listing_faults import Faults
from rectool.listing.lst import Entry
from rectool.listing.paths import Root
from rectool.remarks import Remarks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, and annotations of it in every format."""
    write_images(tmp_path / "images", a_jpg=(20, 10))
    (tmp_path / "t.csv").write_text("a.jpg,3\n")
    (tmp_path / "a.json").write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.jpg"}],
                "annotations": [],
                "categories": [{"id": 1, "name": "x"}],
            }
        )
    )
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a.txt").write_text("0 .5 .5 .1 .1\n")
    (tmp_path / "dir" / "a.xml").write_text("<annotation><filename>a.jpg</filename></annotation>")
    return tmp_path


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--csv", "t.csv", "--coco", "a.json"], "--csv and --coco: give one of them."),
        (["--voc", "dir", "--yolo", "dir"], "--voc and --yolo: give one of them."),
        (["--csv", "t.csv", "--flat"], "--flat does not go with --csv."),
        (["--coco", "a.json", "--flat"], "--flat does not go with --coco."),
        (["--voc", "dir", "--flat"], "--flat does not go with --voc."),
        (["--csv", "t.csv", "--hidden"], "--hidden does not go with --csv."),
        (["--coco", "a.json", "--exts", "png"], "--exts does not go with --coco."),
        (
            ["--csv", "t.csv", "--skip-empty"],
            "--skip-empty requires boxes, and this table has none.",
        ),
        *(
            ([option, source, "--no-difficult"], f"--no-difficult does not go with {option}.")
            for option, source in (("--csv", "t.csv"), ("--coco", "a.json"), ("--yolo", "dir"))
        ),
        (["--no-difficult"], "--no-difficult requires --voc."),
        (
            ["--stored-boxes"],
            "--stored-boxes requires --coco, --voc, --yolo, --labelme or --manifest.",
        ),
        (["--labelme", "dir", "--flat"], "--flat does not go with --labelme."),
        (["--manifest", "t.csv", "--exts", "png"], "--exts does not go with --manifest."),
        (["--manifest", "t.csv", "--hidden"], "--hidden does not go with --manifest."),
        (["--skip-empty"], "--skip-empty requires --coco, --voc, --yolo, --labelme or --manifest."),
        (["--csv", "t.csv", "--classes-out", "c"], "--classes-out: no names of classes are known."),
        (
            ["--coco", "a.json", "--classes-out", "./out.lst"],
            "--classes-out ./out.lst is the name of another output.",
        ),
        (["--csv", "t.csv", "--chunks", "2"], "--chunks 2: too many for 1 image."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(run: Runner, folder: Path, args: list[str], says: str) -> None:
    before = sorted(folder.iterdir())
    result = run("list", "images", "out", *args)
    assert (result.status, result.out) == (2, "")
    assert result.err.endswith(f"\nError: {says}\n")
    assert sorted(folder.iterdir()) == before


FORMATS = [("--csv", "t.csv"), ("--coco", "a.json"), ("--voc", "dir"), ("--yolo", "dir")]


@pytest.mark.parametrize(("option", "source"), FORMATS)
def test_lists_that_exist(run: Runner, folder: Path, option: str, source: str) -> None:
    (folder / "out.lst").write_text("mine\n")
    result = run("list", "images", "out.lst", option, source)
    assert (result.status, result.out) == (1, "")
    assert result.err == "rectool: out.lst: exists already (--force replaces it)\n"
    assert (folder / "out.lst").read_text() == "mine\n"
    result = run("list", "images", "out.lst", option, source, "--force")
    assert (result.status, result.out) == (0, "")
    assert result.err.endswith("1 image in out.lst\n")
    assert (folder / "out.lst").read_bytes() == run("list", "images", option, source).stdout


def test_a_folder_is_listed_without_what_reads_annotations() -> None:
    code = (
        "import sys\nfrom rectool.cli.main import main\nimport rectool.cli\n"
        "main(['list', sys.argv[1]], standalone_mode=False)\n"
        "loaded = [name for name in sys.modules"
        " if name.startswith('rectool.listing.annotations')]\n"
        "sys.exit(str(loaded + ['xml.etree', 'csv'] * ('xml.etree' in sys.modules)))"
    )
    here = str(Path(__file__).parents[1] / "golden" / "tree")
    done = subprocess.run(
        [sys.executable, "-c", code, here], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == "[]"


def exif(turn: int, size: int = 0) -> bytes:
    found = picture().getexif()
    found[0x0112] = turn
    if size:
        found[0x9286] = b"x" * size
    return found.tobytes()


KINDS: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ("JPEG", {}, (30, 20)),
    ("JPEG", {"progressive": True}, (30, 20)),
    ("JPEG", {"exif": exif(1)}, (30, 20)),
    ("JPEG", {"exif": exif(3)}, (30, 20)),
    *(("JPEG", {"exif": exif(turn)}, (20, 30)) for turn in (5, 6, 7, 8)),
    ("JPEG", {"exif": exif(6, 5_000)}, (20, 30)),
    ("JPEG", {"exif": exif(6, 60_000)}, (20, 30)),
    ("JPEG", {"exif": exif(6, 5_000), "icc_profile": b"y" * 200_000}, (20, 30)),
    ("JPEG", {"comment": b"c" * 60_000, "exif": exif(6)}, (20, 30)),
    ("PNG", {}, (30, 20)),
    ("PNG", {"exif": exif(6)}, (20, 30)),
    ("PNG", {"exif": exif(8), "icc_profile": random.Random(0).randbytes(9_000)}, (20, 30)),
    ("WEBP", {}, (30, 20)),
    ("WEBP", {"lossless": True}, (30, 20)),
    ("WEBP", {"exif": exif(6)}, (20, 30)),
    ("WEBP", {"exif": exif(6, 70_000)}, (20, 30)),
    ("GIF", {}, (30, 20)),
    ("BMP", {}, (30, 20)),
    ("TIFF", {}, (30, 20)),
    ("TIFF", {"exif": exif(3)}, (30, 20)),
    ("TIFF", {"exif": exif(6)}, (20, 30)),
    ("PPM", {}, (30, 20)),
]


@pytest.mark.parametrize(("kind", "options", "size"), KINDS, ids=range(len(KINDS)))
def test_the_size_of_an_image(
    tmp_path: Path, kind: str, options: dict[str, Any], size: tuple[int, int]
) -> None:
    (tmp_path / "a").write_bytes(encoded(picture(0, 30, 20), kind, **options))
    root, remarks = Root(tmp_path), Remarks()
    measure = Measure(root, remarks)
    assert measure("a", size) == (size, 1)
    turned = "exif" in options and options["exif"] != exif(1)
    assert len(remarks.lines()) == turned
    with pytest.raises(ListError, match=f"of 7x7 pixels, .*a has {size[0]}x{size[1]}"):
        measure("a", (7, 7))


def test_a_large_tiff(tmp_path: Path) -> None:
    data = encoded(picture(0, 300, 200), "TIFF")  # its header is behind its pixels
    (tmp_path / "a").write_bytes(data)
    assert len(data) > 100_000
    assert Measure(Root(tmp_path), Remarks())("a", None) == ((300, 200), 1)


def test_an_mpo_is_a_jpeg(tmp_path: Path) -> None:
    second = picture(1, 30, 20)
    options = {"save_all": True, "append_images": [second], "exif": exif(6, 9_000)}
    (tmp_path / "a").write_bytes(encoded(picture(0, 30, 20), "MPO", **options))
    assert Measure(Root(tmp_path), Remarks())("a", None) == ((20, 30), 1)


def test_corners_are_rounded_and_cut() -> None:
    lines = BoxLines(5, skip_empty=False)
    lines.add(9, "a.jpg", [(1, -1e-7, 0.12345649, 0.5, 1 + 1e-7)])
    assert list(lines.images("x", "y", Faults())) == [
        Entry(9, (2, 5, 1, 0, 0.123456, 0.5, 1), "a.jpg")
    ]
    assert lines.remarks.lines() == []
