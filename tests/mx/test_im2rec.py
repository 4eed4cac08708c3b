"""`rectool im2rec`: the command lines of im2rec.py. See test_mxnet_live_im2rec.py for its bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture, rectool

from rectool import RecordReader, unpack


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Twelve JPEGs in two folders below `images`."""
    for number in range(12):
        folder = tmp_path / "images" / ("cat" if number < 7 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02}.jpg").write_bytes(encoded(picture(number, 40, 30)))
    return tmp_path


def im2rec(*args: object, cwd: Path) -> Run:
    return rectool("im2rec", *args, cwd=cwd)


def labels(path: Path) -> dict[str, str]:
    """The label of each path in a list."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    return {line[-1].replace(os.sep, "/"): line[1] for line in lines}


def test_a_list_and_then_its_records(images: Path) -> None:
    run = im2rec("--list", "--recursive", "train", "images", cwd=images)
    assert (run.status, run.out.splitlines()) == (0, ["cat 0", "dog 1"])
    listed = labels(images / "train.lst")
    assert len(listed) == 12
    assert listed["cat/03.jpg"] == "0.000000"
    assert listed["dog/09.jpg"] == "1.000000"
    run = im2rec("--num-thread", 2, "--quality", 100, "train", "images", cwd=images)
    assert run.status == 0, run
    assert (run.out, "12 of 12" in run.err) == ("", True)
    reader = RecordReader(images / "train.rec")
    assert sorted(reader.keys.tolist()) == list(range(12))
    with (images / "train.lst").open() as lines:
        assert reader.keys.tolist() == [int(line.split("\t")[0]) for line in lines]


def test_it_is_a_module_too(images: Path) -> None:
    command = [sys.executable, "-m", "rectool.im2rec", "--list", "train", "images/cat"]
    done = subprocess.run(command, cwd=images, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(labels(images / "train.lst")) == 7


@pytest.mark.parametrize(
    "flags",
    [
        ["--list", "True", "--recursive", "True", "--no-shuffle"],
        ["--list=1", "--recursive=1", "--shuffle=0"],
        ["--list=True", "--recursive=true", "--shuffle", "False"],
        ["--list", "--recursive", "--no-shuffle", "--pass-through", "False"],
    ],
)
def test_flags_are_taken_as_they_were_before_mxnet_1_1(images: Path, flags: list[str]) -> None:
    assert im2rec(*flags, "train", "images", cwd=images).status == 0
    assert im2rec("--list", "--recursive", "--no-shuffle", "new", "images", cwd=images).status == 0
    assert (images / "train.lst").read_bytes() == (images / "new.lst").read_bytes()


def test_options_may_stand_behind_the_names(images: Path) -> None:
    run = im2rec("train", "images", "--list", "--recursive", "--exts", "jpg", ".png", cwd=images)
    assert run.status == 0, run
    assert len(labels(images / "train.lst")) == 12
    assert im2rec("train", "images", "--list", "--exts", ".gif", cwd=images).status == 1


def test_lists_of_parts(images: Path) -> None:
    options = ["--train-ratio", 0.5, "--test-ratio", 0.25, "--chunks", 2]
    assert im2rec("--list", "--recursive", *options, "a", "images", cwd=images).status == 0
    sizes = {path.name: len(labels(path)) for path in images.glob("a*.lst")}
    assert sizes == {
        f"a_{chunk}_{part}.lst": size
        for chunk in (0, 1)
        for part, size in (("test", 1), ("train", 3), ("val", 2))
    }


def test_every_list_of_the_prefix_is_packed_in_one_run(images: Path) -> None:
    (images / "sets").mkdir()
    im2rec("--list", "--recursive", "--train-ratio", 0.5, "sets/a", "images", cwd=images)
    (images / "sets" / "b.lst").write_bytes((images / "sets" / "a_val.lst").read_bytes())
    assert im2rec("sets/a", "images", cwd=images).status == 0
    assert sorted(path.name for path in images.glob("sets/*.rec")) == ["a_train.rec", "a_val.rec"]
    assert im2rec("sets", "images", cwd=images).status == 0
    assert len(list(images.glob("sets/*.idx"))) == 3
    assert len(RecordReader(images / "sets" / "b.rec")) == 6


def test_a_second_run_replaces_its_files(images: Path) -> None:
    for quality in (90, 20):
        assert im2rec("--list", "--recursive", "a", "images", cwd=images).status == 0
        assert im2rec("--quality", quality, "a", "images", cwd=images).status == 0
    small = (images / "a.rec").stat().st_size
    assert im2rec("--quality", 95, "a", "images", cwd=images).status == 0
    assert (images / "a.rec").stat().st_size > small


def test_images_that_cannot_be_read_are_named(images: Path) -> None:
    im2rec("--list", "--recursive", "a", "images", cwd=images)
    path = images / "images" / "cat" / "02.jpg"
    path.write_bytes(path.read_bytes()[:200])
    (images / "images" / "dog" / "08.jpg").unlink()
    for option in ("--pass-through", "--num-thread=3", "--center-crop"):
        run = im2rec(option, "a", "images", cwd=images)
        assert run.status == 1
        assert "02.jpg" in run.err
        assert "08.jpg" in run.err
        assert "not packed: 2 images" in run.err
        assert len(RecordReader(images / "a.rec")) == 10


def test_a_bad_list_does_not_stop_the_others(images: Path) -> None:
    im2rec("--list", "--recursive", "b", "images", cwd=images)
    (images / "b0.lst").write_text("no list\n")
    (images / "b1.lst").write_bytes((images / "b.lst").read_bytes())
    run = im2rec("b", "images", cwd=images)
    assert run.status == 1
    assert "b0.lst:1" in run.err
    assert [path.name for path in sorted(images.glob("*.rec"))] == ["b.rec", "b1.rec"]


def test_labels_beyond_the_first_are_packed_if_that_is_asked_for(images: Path) -> None:
    lines = ["3\t1\t2.5\tcat/00.jpg\n", "4\t7\tcat/01.jpg\n"]
    (images / "a.lst").write_text("".join(lines))
    run = im2rec("a", "images", cwd=images)
    assert (run.status, "--pack-label" in run.err) == (0, True)
    headers = [unpack(record)[0] for record in RecordReader(images / "a.rec")]
    assert [(one.flag, one.label) for one in headers] == [(0, 1), (0, 7)]
    run = im2rec("a", "images", "--pack-label", cwd=images)
    headers = [unpack(record)[0] for record in RecordReader(images / "a.rec")]
    assert [one.flag for one in headers] == [2, 0]
    assert np.asarray(headers[0].label).tolist() == [1, 2.5]


def test_boxes_are_not_cut_to_their_first_number(images: Path) -> None:
    (images / "a.lst").write_text("0\t2\t5\t1\t.1\t.1\t.5\t.5\tcat/00.jpg\n")
    run = im2rec("a", "images", cwd=images)
    assert run.status == 1
    assert "--pack-label" in run.err
    assert not (images / "a.rec").exists()
    assert im2rec("a", "images", "--pack-label", "--pass-through", cwd=images).status == 0


def test_what_is_resized_is_im2recs_only_by_opencv(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    im2rec("--list", "--recursive", "a", "images", cwd=images)
    (images / "none").mkdir()
    (images / "none" / "cv2.py").write_text("raise ImportError('none here')\n")
    places = os.pathsep.join([str(images / "none"), os.environ.get("PYTHONPATH", "")])
    for options, says in ((["--resize", 20], True), (["--encoding", ".png"], True), ([], False)):
        run = rectool("im2rec", *options, "a", "images", cwd=images, PYTHONPATH=places)
        assert run.status == 0, run
        assert ("rectool[opencv]" in run.err) == says
    pytest.importorskip("cv2")
    run = im2rec("--resize", 20, "a", "images", cwd=images)
    assert (run.status, "rectool[opencv]" in run.err) == (0, False)
    assert len(RecordReader(images / "a.rec")) == 12


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_what_opencv_decodes_otherwise_than_pillow_is_im2recs(tmp_path: Path, mode: str) -> None:
    cv2 = pytest.importorskip("cv2")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(encoded(picture(1, 70, 60, mode)))
    im2rec("--list", "a", "images", cwd=tmp_path)
    assert im2rec("a", "images", cwd=tmp_path).status == 0
    pixels = cv2.imread(str(tmp_path / "images" / "a.jpg"))
    wanted = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    assert unpack(RecordReader(tmp_path / "a.rec")[0])[1] == wanted


def test_a_png_has_at_most_level_9(images: Path) -> None:
    im2rec("--list", "--recursive", "a", "images", cwd=images)
    assert im2rec("--encoding", ".png", "a", "images", cwd=images).status == 0
    assert unpack(RecordReader(images / "a.rec")[0])[1].startswith(b"\x89PNG")


def test_hidden_folders_are_classes_as_with_im2rec_and_are_named(images: Path) -> None:
    (images / "images" / ".trash").mkdir()
    (images / "images" / ".trash" / "x.jpg").write_bytes(encoded(picture()))
    run = im2rec("--list", "--recursive", "a", "images", cwd=images)
    assert run.out.splitlines() == [".trash 0", "cat 1", "dog 2"]
    assert ".trash" in run.err


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["--bogus", "a", "images"], 2, "--bogus"),
        (["a"], 2, "ROOT"),
        (["a", "nowhere"], 2, "nowhere"),
        (["--color", "5", "a", "images"], 2, "--color"),
        (["a", "images"], 1, "no list"),
        (["--list", "--train-ratio", "0.8", "--test-ratio", "0.5", "a", "images/cat"], 2, "0.5"),
        (["--list", "--chunks", "99", "a", "images/cat"], 2, "99"),
        (["--list", "--chunks", "0", "a", "images/cat"], 2, ""),
        (["--list", "none/a", "images/cat"], 1, "none"),
    ],
)
def test_what_cannot_be_done_is_said(
    images: Path, arguments: list[str], status: int, word: str
) -> None:
    run = im2rec(*arguments, cwd=images)
    assert run.status == status, run
    assert word in run.err
    assert "Traceback" not in run.err
    assert "internal error" not in run.err
    assert not list(images.glob("*.lst"))


def test_arguments_of_the_program_in_c_are_told_from_those_of_the_script(images: Path) -> None:
    (images / "a.lst").write_text("0\t1\tcat/00.jpg\n")
    run = im2rec("a.lst", "images/", "out.rec", "label_width=1", "resize=20", cwd=images)
    assert run.status == 2
    assert "rectool pack a.lst out --root images/" in run.err


def test_a_name_that_no_list_can_hold_leaves_the_others(images: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("no such names there")
    (images / "images" / "cat" / "a\tb.jpg").write_bytes(b"")
    run = im2rec("--list", "--recursive", "train", "images", cwd=images)
    assert run.status == 1
    assert "a\\tb.jpg" in run.err
    assert len(labels(images / "train.lst")) == 12


def test_help_is_there_without_anything_else(tmp_path: Path) -> None:
    run = im2rec("--help", cwd=tmp_path)
    assert (run.status, run.err) == (0, "")
    for word in ("PREFIX", "ROOT", "--train-ratio", "--pack-label", "--num-thread"):
        assert word in run.out
