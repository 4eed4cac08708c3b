"""Wrong usage: each line says what an argument is and which command was meant."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, rectool

from rectool import IRHeader, RecordWriter, pack
from rectool.cli.main import progress
from rectool.errors import printable, shortened, shown

Runner = Callable[..., Run]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of images, a list of them, and a record file with its index."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    (tmp_path / "train.lst").write_text("0\t0\ta.jpg\n")
    with RecordWriter(tmp_path / "out.rec") as writer:
        writer.write(pack(IRHeader(0, 1.0, 0, 0), b"\xff\xd8\xff"), key=0)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("pack images", "Missing OUT rectool pack images/ out"),
        ("pack train images", "train does not exist; rectool pack images train?"),
        ("pack train.lst images", "got a folder rectool pack train.lst OUT --root images?"),
        ("pack out.idx new", "an index rectool pack out.rec new?"),
        ("pack images new.lst", "rectool pack images new?"),
        ("pack images -", "stdin"),
        ("pack images s3://bucket/out", "a URL"),
        ("pack s3://bucket/images out", "download"),
        ("pack images/a.jpg new", "an image"),
        ("pack images new --lst train.lst", "--lst is an option of rectool unpack"),
        ("list train images", "rectool list images train?"),
        ("list out.rec", "rectool inspect out.rec --records?"),
        ("list train.lst", "rectool pack train.lst OUT?"),
        ("list images new.rec", "rectool list images new?"),
        ("unpack out.rec", "Missing DIR"),
        ("unpack images out.rec", "rectool unpack out.rec images?"),
        ("unpack out.idx images", "rectool unpack out.rec images?"),
        ("unpack out.rec train.lst", "DIR must be a folder"),
        ("inspect out.rec --resize 3", "--resize is an option of rectool pack"),
        ("merge a.rec b.rec new", "did you mean rectool pack?"),
        ("verify out.rec", "did you mean rectool inspect?"),
        ("extract out.rec images", "did you mean rectool unpack?"),
        ("images out", "did you mean rectool pack images OUT?"),
        ("out.rec", "did you mean rectool inspect out.rec?"),
    ],
)
def test_wrong_usage_names_the_command_that_was_meant(
    files: Path, run: Runner, command: str, words: str
) -> None:
    before = sorted(os.listdir(files))
    result = run(*command.split())
    last = result.err.splitlines()[-1]
    assert (result.status, result.out) == (2, "")
    assert [word for word in words.split() if word.strip(";") not in last] == []
    assert sorted(os.listdir(files)) == before


@pytest.mark.parametrize("name", ["out.idx", "train.lst", "images"])
def test_inspect_tells_what_is_no_record_file_and_shows_the_others(
    files: Path, run: Runner, name: str
) -> None:
    result = run("inspect", name, "out.rec")
    assert result.status == 1
    assert "records  1" in result.out
    assert result.err.startswith(f"rectool: {name}: this is a")
    assert len(result.err.splitlines()) == 1


def test_a_missing_source_is_named_before_outputs_are_looked_at(files: Path, run: Runner) -> None:
    result = run("pack", "nothing.lst", "out")
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("rectool: nothing.lst: ")


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the files")
@pytest.mark.parametrize("command", ["list images", "inspect out.rec", "inspect out.rec --keys"])
def test_a_closed_stdout_is_an_error(files: Path, command: str) -> None:
    shell = f'"{sys.executable}" -m rectool {command} >&-'
    done = subprocess.run(
        ["sh", "-c", shell], cwd=files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "rectool: stdout: is closed" in done.stderr


def test_names_that_stdout_cannot_encode_are_escaped(files: Path) -> None:
    (files / "out.rec").rename(files / "é.rec")
    result = rectool("inspect", "é.rec", cwd=files, PYTHONIOENCODING="ascii")
    assert result.status == 0
    assert result.out.startswith("\\xe9.rec\n")


@pytest.mark.skipif(os.name != "posix", reason="such names cannot be there")
@pytest.mark.parametrize(
    "command", ["inspect {}.rec", "pack {} new", "list {}", "pack images new --{}", "unpack {} d"]
)
def test_control_characters_never_reach_the_terminal(
    files: Path, run: Runner, command: str
) -> None:
    name = "e\x1b]0;title\x07\x1b[31m\u202e\x9b"
    (files / f"{name}.rec").write_bytes(b"x" * 8)
    result = run(*(word.format(name) for word in command.split()))
    assert result.status in (1, 2)
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.err + result.out) is None


@pytest.mark.parametrize("line", ["0\t0\t" + "x" * 100_000, "0\t1" + "9" * 100_000 + "\ta.jpg"])
def test_lines_of_errors_end(files: Path, run: Runner, line: str) -> None:
    (files / "long.lst").write_text(line + "\n")
    result = run("pack", "long.lst", "new")
    assert result.status == 1
    assert max(map(len, result.err.splitlines())) <= 1100


def test_many_failures_are_counted_and_written_to_a_file(files: Path, run: Runner) -> None:
    lines = [f"{key}\t0\tmissing-{key}.jpg\n" for key in range(50)]
    (files / "many.lst").write_text("".join(lines))
    result = run("pack", "many.lst", "new", "--root", "images")
    assert result.status == 1
    assert result.err.count("missing-") == 20
    assert "30 more" in result.err
    rows = [line.split("\t") for line in (files / "new.failures.txt").read_text().splitlines()]
    assert [row[0] for row in rows] == [str(key) for key in range(50)]
    assert rows[49][1].endswith("missing-49.jpg")
    assert rows[49][2] == "line 50"


def test_quiet_leaves_errors_only(run: Runner, tree: Path) -> None:
    assert run("pack", "images", "out", "--quiet").err == ""
    assert run("list", "images", "-q").err == ""
    result = run("pack", "images", "out", "--quiet")
    assert (result.status, len(result.err.splitlines())) == (1, 1)


def test_a_line_a_minute_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 1.0, 59.0, 61.0, 62.0, 122.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now, 122.0))
    with progress("image") as (advance, _):
        for _ in range(5):
            advance(10)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" done")[0] for line in lines] == ["3 of 10 images", "5 of 10 images"]


def test_names_in_messages() -> None:
    assert shown("plain name.jpg") == "plain name.jpg"
    assert shown(" blank.jpg") == "' blank.jpg'"
    assert len(shown("x" * 10_000)) <= 200
    assert shortened("ab" * 500, 100).startswith("abab")
    assert printable("a\x1b\u202eb\n\t\udc80") == "a\\x1b\\u202eb\n\t\\udc80"
