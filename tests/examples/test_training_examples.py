"""The examples of training run as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLES, GOLDEN, rectool


def example(name: str, *args: object) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    run = rectool("pack", EXAMPLES / "images", "train", "--resize", 112, cwd=tmp_path)
    assert run.status == 0, run
    return tmp_path / "train.rec"


def test_numpy_alone_learns_the_pictures(rec: Path) -> None:
    right, total = map(int, re.findall(r"\d+", example("numpy_batches.py", rec)))
    assert total == 24
    assert right >= 20


@pytest.mark.torch
def test_a_network_learns_the_pictures(rec: Path) -> None:
    run = rectool("pack", rec, "square", "--center-crop", cwd=rec.parent)
    assert run.status == 0, run
    printed = example("train_torch.py", rec.parent / "square.rec")
    losses = [float(loss) for loss in re.findall(r"loss ([0-9.]+)", printed)]
    assert len(losses) == 10
    assert losses[-1] < losses[0] / 2


@pytest.mark.torch
def test_a_network_learns_the_masks(tmp_path: Path) -> None:
    options = ["--masks", EXAMPLES / "masks", "--resize", 64, "--center-crop"]
    run = rectool("pack", EXAMPLES / "images", "seg", *options, cwd=tmp_path)
    assert run.status == 0, run
    printed = example("train_segmentation.py", tmp_path / "seg.rec", tmp_path / "seg_mask.rec")
    losses = [float(loss) for loss in re.findall(r"loss ([0-9.]+)", printed)]
    right = [int(percent) for percent in re.findall(r"(\d+)%", printed)]
    assert len(losses) == len(right) == 15
    assert losses[-1] < losses[0] / 2
    assert right[-1] >= 65  # with all called background it would be 38


@pytest.mark.torch
def test_faces_for_arcface(tmp_path: Path) -> None:
    for ending in (".rec", ".idx"):
        shutil.copy(GOLDEN / f"faces{ending}", tmp_path / f"train{ending}")
    batches = example("arcface_dataset.py", tmp_path).splitlines()
    assert len(batches) == 3
    assert all(batch.startswith("(4, 3, 112, 112) [") for batch in batches)
    labels = [int(label) for batch in batches for label in re.findall(r"\d+", batch)[4:]]
    assert sorted(labels) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_examples_are_short() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 40, path
