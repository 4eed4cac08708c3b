"""The command itself: help, start-up, `rectool list`, and how errors leave."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GOLDEN, Run

import rectool
from rectool.system import signals as stopping

Runner = Callable[..., Run]
COMMANDS = ["list", "pack", "inspect", "unpack", "index"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_commands_help_has_an_example(run: Runner, command: str) -> None:
    result = run(command, "--help")
    assert (result.status, result.err) == (0, "")
    assert f"\n  rectool {command} " in result.out.split("Options:")[0]


def test_help_and_version(run: Runner) -> None:
    top = run("--help").out
    assert all(f"\n  {command} " in top for command in COMMANDS)
    assert run("--version").out == f"rectool {rectool.__version__}\n"
    assert run("bogus").status == 2


@pytest.mark.parametrize("code", ["import rectool", "import rectool.cli", "import rectool.mx"])
def test_start_up_imports_no_more_than_it_needs(code: str) -> None:
    heavy = {"PIL", "cv2", "tqdm", "multiprocessing", "hypothesis"}
    if "mx" not in code:
        heavy |= {"numpy"}
    check = f"{code}; import sys; print(*{heavy!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("args", [["--help"], ["index", "--help"]])
def test_help_loads_no_more_than_the_command_asked_for(args: list[str]) -> None:
    check = f"""
import sys
from rectool.cli import main
main({args!r}, standalone_mode=False)
print(*[name for name in {list(COMMANDS)!r} if "rectool.cli." + name in sys.modules])
print(*{{"numpy", "PIL", "cv2", "tqdm"}} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["".join(args[:-1]), ""]


def test_signals_are_handled_before_anything_slow_is_loaded() -> None:
    """Until they are, Ctrl-C ends in a traceback."""
    check = """
import sys
before = set(sys.modules)
import rectool.system.signals
print(*{"re", "typing", "click"} & (sys.modules.keys() - before))
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_library_names_what_it_has() -> None:
    assert set(rectool.__all__) <= set(dir(rectool))
    assert all(getattr(rectool, name) is not None for name in rectool.__all__)
    with pytest.raises(AttributeError, match="no attribute 'bogus'"):
        rectool.bogus  # noqa: B018


def test_list_writes_to_stdout_and_talks_on_stderr(run: Runner, tree: Path) -> None:
    result = run("list", "images", "--no-shuffle")
    assert result.status == 0
    assert result.out.splitlines()[0] == "0\t0.000000\tcats/0.jpg"
    assert len(result.out.splitlines()) == 10
    assert result.err.splitlines() == ["label  folder", "    0  cats", "    1  dogs"]


def test_list_writes_files(run: Runner, tmp_path: Path, tree: Path) -> None:
    result = run("list", "images", "a.lst", "--train-ratio", 0.6, "--test-ratio", 0.2)
    assert (result.status, result.out) == (0, "")
    sizes = {path.name: len(path.read_text().splitlines()) for path in tmp_path.glob("a_*")}
    assert sizes == {"a_test.lst": 2, "a_val.lst": 2, "a_train.lst": 6}
    assert "6 images in a_train.lst\n" in result.err
    again = run("list", "images", "a", "--train-ratio", 0.6, "--test-ratio", 0.2)
    assert again.status == 1
    assert "a_test.lst: exists already (--force replaces it)" in again.err
    only_test = run("list", "images", "b", "--test-ratio", 0.3)
    assert only_test.status == 0
    assert {path.name for path in tmp_path.glob("b*")} == {"b_test.lst", "b_train.lst"}


def test_one_list_is_there_or_none(run: Runner, tmp_path: Path, tree: Path) -> None:
    (tmp_path / "a_1.lst").mkdir()
    assert run("list", "images", "a", "--chunks", 3).status == 1
    assert [path.name for path in tmp_path.glob("*a_*")] == ["a_1.lst"]


def test_seeds(run: Runner, tree: Path) -> None:
    default = run("list", "images").out
    assert run("list", "images", "--seed", 100).out == default
    assert run("list", "images", "--seed", 7).out != default
    assert sorted(run("list", "images", "--seed", 7).out) == sorted(default)


def test_classes_agree_between_folders(run: Runner, tmp_path: Path, tree: Path) -> None:
    assert run("list", "images", "train", "--classes-out", "classes.txt").status == 0
    assert (tmp_path / "classes.txt").read_text() == "cats 0\ndogs 1\n"
    (tmp_path / "val" / "dogs").mkdir(parents=True)
    (tmp_path / "val" / "dogs" / "x.jpg").touch()
    assert run("list", "val").out == "0\t0.000000\tdogs/x.jpg\n"
    assert run("list", "val", "--classes", "classes.txt").out == "0\t1.000000\tdogs/x.jpg\n"
    (tmp_path / "val" / "new").mkdir()
    (tmp_path / "val" / "new" / "x.jpg").touch()
    result = run("list", "val", "--classes", "classes.txt")
    assert (result.status, result.out) == (1, "")
    assert result.err == "rectool: val/new: not in the class table\n"


@pytest.mark.parametrize(
    "args",
    [
        ["images", "--chunks", 2],
        ["images", "--train-ratio", 0.5],
        ["images", "a", "--train-ratio", 0.9, "--test-ratio", 0.2],
        ["images", "a", "--train-ratio", 0],
        ["images", "a", "--chunks", 11],
        ["images", "--flat", "--classes", "x"],
        ["images", "--flat", "--classes-out", "x"],
        ["images", "a", "--classes-out", "./a.lst"],
        ["images", "a/"],
        ["images", "a", "--train-ratio", "nan"],
    ],
    ids=lambda args: " ".join(map(str, args)),
)
def test_wrong_usage(run: Runner, tmp_path: Path, tree: Path, args: list[str]) -> None:
    result = run("list", *args)
    assert (result.status, result.out) == (2, "")
    assert "Error: " in result.err
    assert list(tmp_path.glob("*.lst")) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read(run: Runner, tree: Path) -> None:
    (tree / "cats").chmod(0)
    result = run("list", "images")
    (tree / "cats").chmod(0o755)
    assert (result.status, result.out) == (1, "")
    assert result.err == "rectool: images/cats: Permission denied\n"


def test_a_class_table_is_written_last(run: Runner, tmp_path: Path, tree: Path) -> None:
    (tmp_path / "a.lst").touch()
    assert run("list", "images", "a", "--classes-out", "c.txt").status == 1
    assert not (tmp_path / "c.txt").exists()
    assert run("list", "images", "a", "--classes-out", "c.txt", "--force").status == 0
    assert (tmp_path / "c.txt").read_text() == "cats 0\ndogs 1\n"


def test_links_to_nothing_are_named_and_reflected_in_the_status(run: Runner, tree: Path) -> None:
    if os.name == "nt":
        pytest.skip("needs links")
    (tree / "cats" / "gone.jpg").symlink_to(tree / "nothing.jpg")
    says = "cats/gone.jpg: a link to nothing"
    for command in (["list", "images", "a"], ["pack", "images", "b"]):
        result = run(*command)
        assert result.status == 1
        assert says in result.err
    assert len(rectool.RecordReader(tree.parent / "b.rec")) == 10
    assert run("pack", "images", "c", "--on-error", "skip").status == 0
    assert run("pack", "images", "d", "--on-error", "fail").status == 1
    assert not (tree.parent / "d.rec").exists()


def test_many_classes_are_not_all_printed(run: Runner, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / "i" / f"{number:02}").mkdir(parents=True)
        (tmp_path / "i" / f"{number:02}" / "x.jpg").touch()
    result = run("list", "i", "out")
    assert "   11  11\n       and 18 more (--classes-out FILE has all)\n" in result.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    "args",
    [
        ["list", GOLDEN / "tree"],
        ["list", GOLDEN / "tree", "-"],
        ["inspect", GOLDEN / "faces.rec"],
        ["inspect", GOLDEN / "faces.rec", "--json"],
        ["inspect", GOLDEN / "faces.rec", "--keys"],
        ["inspect", GOLDEN / "faces.rec", "--records"],
        ["pack", GOLDEN / "lists" / "packed.lst", "out", "--root", GOLDEN / "tree", "--json"],
    ],
)
def test_a_full_disk_behind_stdout(tmp_path: Path, args: list[object]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rectool", *map(str, args)],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "rectool: stdout: No space left on device"
    wanted = ["out.idx", "out.rec"] if args[0] == "pack" else []
    assert sorted(os.listdir(tmp_path)) == wanted


def test_a_reader_that_has_had_enough(tmp_path: Path) -> None:
    """`| head` ends the command without a word."""
    with rectool.RecordWriter(tmp_path / "a.rec") as writer:
        for _ in range(50_000):
            writer.write(b"")
    command = [sys.executable, "-m", "rectool", "inspect", "a.rec", "--records", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_stop_whose_exception_was_lost_is_heeded_at_the_next_image() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(SystemExit):
            stopping._stop(number)
        assert stopping.stopped_by() == number
        with pytest.raises(SystemExit) as caught:
            stopping.check_stopped()
        stopping._stopped_by.clear()
        assert caught.value.code == 128 + number
    stopping.check_stopped()


def test_debug_shows_where(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rectool", "--debug", "index", "none.rec"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("rectool: none.rec: No such file or directory\n")


def test_an_internal_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from rectool.cli.main import main

    def broken(_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("rectool.inspection.rows_and_summary.Records", broken)
    result = CliRunner().invoke(main, ["inspect", "x.rec"])
    assert result.exit_code == 1
    assert result.output == (
        "rectool: internal error (ZeroDivisionError: oops); rectool --debug shows where\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep a current folder")
def test_a_current_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-c", script, sys.executable, "-m", "rectool"]
    path = {**os.environ, "PYTHONPATH": str(Path(rectool.__file__).parents[1])}
    done = subprocess.run(
        [*command, "pack", str(GOLDEN / "faces.rec"), "out"],
        cwd=tmp_path / "gone",
        env=path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "current folder" in done.stderr
