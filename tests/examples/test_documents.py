"""README, guides and notes are true: their commands and code run, and their links lead to files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from conftest import EXAMPLES
from helpers.shell import shell_env

REPOSITORY = EXAMPLES.parent
README = REPOSITORY / "README.md"
ARCHITECTURE = REPOSITORY / "rectool" / "ARCHITECTURE.md"
FOR_USERS = [README, *sorted(EXAMPLES.glob("*.md"))]
NOTES = [ARCHITECTURE, REPOSITORY / "tests" / "benchmarks" / "README.md"]
NOTES += sorted((REPOSITORY / ".github").glob("*.md"))

needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMANDS = ("list", "pack", "inspect", "unpack", "index", "im2rec")


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@needs_a_shell
@pytest.mark.parametrize("document", FOR_USERS, ids=named)
def test_commands_and_code_of_a_document_run_in_its_order(document: Path, tmp_path: Path) -> None:
    follow(document, tmp_path)


@needs_a_shell
@pytest.mark.torch
@pytest.mark.parametrize("name", ["boxes.md", "training.md"])
def test_code_for_pytorch_gives_batches(name: str, tmp_path: Path) -> None:
    follow(EXAMPLES / name, tmp_path, ends={"py": "next(iter(loader))"})


def follow(document: Path, tmp_path: Path, ends: Mapping[str, str] = MappingProxyType({})) -> None:
    """`console` blocks print what they show; `python` blocks run; `py` blocks, with an end, too."""
    env = shell_env(tmp_path)
    for name in ("images", "masks"):
        shutil.copytree(EXAMPLES / name, tmp_path / name)
    shutil.copy(EXAMPLES / "boxes.json", tmp_path)
    for kind, block in BLOCK.findall(text_of(document)):
        if kind == "python" or kind in ends:
            done = run([sys.executable, "-c", block + ends.get(kind, "")], tmp_path, env)
            assert done.returncode == 0, f"{block}\n{done.stdout}"
        elif kind == "py":
            compile(block, str(document), "exec")
        elif kind == "console":
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
                printed = run(["sh", "-c", command], tmp_path, env).stdout
                assert without_speed(printed) == without_speed(shown), command


def run(command: list[str], folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip


def without_speed(text: str) -> str:
    return re.sub(r"\d+ (images|records)/s", r"N \1/s", text)


@pytest.mark.parametrize("document", FOR_USERS + NOTES, ids=named)
def test_links_lead_to_files(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", text_of(document)):
        assert (document.parent / target).exists(), target


def test_the_readme_knows_every_command_and_guide() -> None:
    text = text_of(README)
    assert all(f"rectool {command}" in text for command in COMMANDS)
    assert all(f"({named(guide)})" in text for guide in FOR_USERS[1:])
    assert len(text.splitlines()) <= 250
    blocks = [block for kind, block in BLOCK.findall(text) if kind == "sh"]
    assert ["quickstart.sh" in block for block in blocks] == [True, False]  # CI runs both, by place
    assert blocks[1].endswith("-m pytest -n auto\n")


def test_options_in_documents_exist() -> None:
    known: set[str] = set()
    for command in COMMANDS:
        done = run([sys.executable, "-m", "rectool", command, "--help"], EXAMPLES, {**os.environ})
        known.update(OPTION.findall(done.stdout))
    for document in FOR_USERS:
        unknown = set(OPTION.findall(text_of(document))) - known
        assert not unknown, document


def test_the_architecture_names_what_is_there() -> None:
    text = text_of(ARCHITECTURE)
    for path, name in re.findall(r"`((?!tests)\w+/[\w/]+\.py)(?:: ([\w.]+))?`", text):
        file = ARCHITECTURE.parent / path
        assert file.exists(), path
        last = name.rpartition(".")[2]
        assert not last or re.search(rf"(def|class) {last}\b", text_of(file)), (path, name)
    packages = {path.parent.name for path in ARCHITECTURE.parent.glob("*/__init__.py")}
    assert packages == set(re.findall(r"^\| `(\w+)/`", text, re.MULTILINE))
