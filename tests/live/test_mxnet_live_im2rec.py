"""`rectool im2rec` writes a live MXNet 1.9.1's bytes. See test_mxnet_live.py.

The command lines are of the kinds that stand in shell scripts, guides and notebooks.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import encoded, picture, rectool
from helpers.live import im2recs

pytestmark = pytest.mark.mxnet

LIST = ["--list", "--recursive", "sets/train", "images"]
LINES = {
    "a guide's": [LIST, ["--num-thread", "3", "--quality", "100", "sets/train", "images"]],
    "resized": [LIST, ["--resize", "36", "--quality", "90", "--num-thread", "3", "sets/train",
                       "images"]],
    "as they are": [LIST, ["--pass-through", "--num-thread", "3", "sets/train", "images"]],
    "square": [LIST, ["sets/train", "images", "--center-crop", "--resize", "32"]],
    "grey": [LIST, ["--color", "0", "--resize", "50", "sets/train", "images"]],
    "png": [LIST, ["--encoding", ".png", "--quality", "3", "sets/train", "images"]],
    "png of the usual quality": [LIST, ["--encoding", ".png", "sets/train", "images"]],
    "one folder": [["--list", "sets/cats", "images/cat"], ["sets/cats", "images/cat"]],
    "in order": [["--list", "--recursive", "--no-shuffle", "sets/t", "images"],
                 ["--pack-label", "sets/t", "images"]],
    "parts": [["--list", "--recursive", "--train-ratio", "0.6", "--test-ratio", "0.2", "sets/t",
               "images"], ["--num-thread", "3", "--pass-through", "sets/t", "images"]],
    "chunks": [["--list", "--recursive", "--chunks", "2", "sets/t", "images"],
               ["sets/t", "images", "--quality", "80"]],
    "a folder of lists": [["--list", "--recursive", "sets/train", "images"],
                          ["--list", "--recursive", "--no-shuffle", "sets/val", "images"],
                          ["sets", "images", "--recursive", "--pass-through", "--pack-label",
                           "--num-thread", "3"]],
    "endings": [["--list", "--recursive", "sets/t", "images", "--exts", ".jpg", ".jpeg"],
                ["--resize", "256", "sets/t", "images"]],
}  # fmt: skip


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of these, with what im2rec.py makes."""
    root = tmp_path_factory.mktemp("im2rec")
    calls = []
    for name, lines in LINES.items():
        make_images(root / name)
        calls += [[absolute(root / name, word) for word in line] for line in lines]
    # in one process: lists first, and then what forks
    im2recs(
        sorted(calls, key=lambda call: ("--list" not in call, "--num-thread" not in call)), root
    )
    return root


def absolute(folder: Path, word: str) -> str:
    return str(folder / word) if word.startswith(("images", "sets")) else word


def make_images(folder: Path) -> None:
    for number in range(14):
        name = (
            f"images/{'cat' if number < 8 else 'dog'}/{number:02}.{'jpeg' if number % 5 else 'jpg'}"
        )
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(number, 40 + 5 * number, 75 - number)))
    (folder / "sets").mkdir()


@pytest.mark.parametrize("name", LINES)
def test_lists_records_and_indexes_are_im2recs(theirs: Path, tmp_path: Path, name: str) -> None:
    cv2 = pytest.importorskip("cv2")
    if not cv2.__version__.startswith("4.11"):
        pytest.skip(f"OpenCV {cv2.__version__} resizes otherwise than 4.11")
    make_images(tmp_path)
    for line in LINES[name]:
        run = rectool("im2rec", *line, cwd=tmp_path)
        assert run.status == 0, run
    wanted = {path.name: path.read_bytes() for path in (theirs / name / "sets").iterdir()}
    made = {path.name: path.read_bytes() for path in (tmp_path / "sets").iterdir()}
    assert sorted(made) == sorted(wanted)
    assert [file for file, contents in wanted.items() if made[file] != contents] == []
