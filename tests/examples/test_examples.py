"""The examples run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLES
from helpers.shell import shell_env

from rectool import RecordReader


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_quickstart(tmp_path: Path) -> None:
    script = ["sh", str(EXAMPLES / "quickstart.sh"), str(tmp_path)]
    done = subprocess.run(
        script, env=shell_env(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"the same records again: {tmp_path}/again.rec\n")
    assert len(RecordReader(tmp_path / "train.rec")) == 24


def test_records(tmp_path: Path) -> None:
    script = [sys.executable, "-X", "dev", str(EXAMPLES / "records.py"), str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "24 records, keys 0 to 23"
    assert done.stdout.splitlines()[-1] == "through mx.recordio: (159, 160, 3) uint8"


def test_the_pictures_are_small_and_credited() -> None:
    pictures = list((EXAMPLES / "images").rglob("*.jpg"))
    assert len(pictures) == 24
    assert sum(path.stat().st_size for path in pictures) < 1_000_000
    credit = (EXAMPLES / "images" / "CREDITS.md").read_text(encoding="utf-8")
    assert all(path.parent.name in credit for path in pictures)
