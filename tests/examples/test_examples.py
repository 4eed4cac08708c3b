"""The examples run as they stand, and the README says what really happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLES, rectool

from rectool import RecordReader

README = EXAMPLES.parent / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def shell_env(tmp_path: Path) -> dict[str, str]:
    """An environment whose `rectool` and `python` are this one's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, args in {"rectool": "-m rectool", "python": ""}.items():
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {args} "$@"\n')
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def blocks(language: str) -> list[str]:
    return [
        text for kind, text in BLOCK.findall(README.read_text(encoding="utf-8")) if kind == language
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_quickstart(tmp_path: Path, shell_env: dict[str, str]) -> None:
    script = ["sh", str(EXAMPLES / "quickstart.sh"), str(tmp_path)]
    done = subprocess.run(script, env=shell_env, capture_output=True, text=True, check=False)
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


def bring_examples(folder: Path) -> None:
    for name in ("images", "masks"):
        shutil.copytree(EXAMPLES / name, folder / name)
    shutil.copy(EXAMPLES / "boxes.json", folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_the_readme_shows_what_is_printed(tmp_path: Path, shell_env: dict[str, str]) -> None:
    """Each `console` block is a session; output that depends on the machine's speed is masked."""
    bring_examples(tmp_path)
    sessions = blocks("console")
    assert sessions
    for session in sessions:
        for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            done = subprocess.run(
                ["sh", "-c", f"({command}) 2>&1"],
                cwd=tmp_path, env=shell_env, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert masked(done.stdout) == masked(shown), command


def masked(text: str) -> str:
    return re.sub(r"\d+ (images|records)/s", r"N \1/s", text)


def test_the_readmes_python_runs(tmp_path: Path) -> None:
    bring_examples(tmp_path)
    for command in (
        "pack images out",
        "pack images seg --masks masks --resize 64 --center-crop",
        "list images boxes --coco boxes.json",
        "pack boxes.lst boxes --root images --resize 96",
    ):
        assert rectool(*command.split(), cwd=tmp_path).status == 0
    for number, code in enumerate(blocks("python")):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"block {number}: {done.stderr}"


def test_the_readme_knows_every_command() -> None:
    text = README.read_text(encoding="utf-8")
    for command in ("list", "pack", "inspect", "unpack", "index"):
        assert f"rectool {command}" in text
