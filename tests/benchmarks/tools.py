"""The tools as they are measured: rectool of this checkout, and its peers where they are."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from checks import check_encoded, check_list, check_masks, check_rec, check_tar
from data import Data, ImageSet
from measure import Tool

REPOSITORY = Path(__file__).parents[2]
WORKERS = 2
MXNET, PEERS = "RECTOOL_MXNET_PYTHON", "RECTOOL_PEERS_PYTHON"  # each names a Python
Argument = str | Path


class SkipError(Exception):
    """Why a case cannot be run here."""


@dataclass
class Bench:
    """The files of the cases, and an empty folder for what they make."""

    data: Data
    work: Path
    tell: Callable[[str], None]
    folders: int = 0

    def out(self) -> Path:
        """A name for an output, without an ending, alone in a new folder."""
        self.folders += 1
        path = self.work / str(self.folders)
        path.mkdir()
        return path / "out"

    def peer(self, name: str, variable: str, module: str) -> str | None:
        """The Python that has a peer: named by a variable, or this one. None, and a note: none."""
        python = os.environ.get(variable) if variable else sys.executable
        if python and has_module(python, module):
            return python
        why = f"{python} has no {module}" if python else f"{variable} is not set"
        self.tell(f"left out: {name}, for {why}")
        return None

    def rectool(
        self, args: list[Argument], images: ImageSet, *, resize: int = -1, name: str = "rectool"
    ) -> Tool:
        """`rectool pack` of a list; `resize` is the size to check for, 0: any, -1: copies."""
        out = self.out()
        rec, idx = out.with_suffix(".rec"), out.with_suffix(".idx")
        command = ["pack", images.lst, out, "--root", images.root, *args, "--force"]
        check = self._check(rec, images, resize, idx)
        return self.ours(name, command, [rec, idx], check, len(images.lines))

    def rectool_pairs(
        self, args: list[Argument], images: ImageSet, masks: ImageSet, *, resize: int, name: str
    ) -> Tool:
        """`rectool pack --masks`."""
        tool = self.rectool([*args, "--masks", masks.root], images, resize=resize, name=name)
        rec, idx = tool.outputs
        mask_rec, mask_idx = (path.with_stem(f"{path.stem}_mask") for path in (rec, idx))

        def check() -> str | None:
            wrong = tool.check() or check_encoded(mask_rec, masks, resize, mask_idx, "PNG")
            return wrong or check_masks(rec, mask_rec)

        return replace(tool, outputs=[rec, idx, mask_rec, mask_idx], check=check)

    def ours(
        self,
        name: str,
        args: list[Argument],
        outputs: list[Path],
        check: Callable[[], str | None],
        items: int,
    ) -> Tool:
        """`rectool` of this checkout."""
        command = [sys.executable, "-m", "rectool", *args]
        return Tool(name, command, outputs, check, items, checkout())

    def im2rec(self, args: list[Argument], images: ImageSet, *, resize: int = -1) -> list[Tool]:
        """MXNet's im2rec.py, where there is one."""
        if not (im2rec := self._im2rec()):
            return []
        out = self.out()
        shutil.copy(images.lst, out.with_suffix(".lst"))
        rec, idx = out.with_suffix(".rec"), out.with_suffix(".idx")
        command = [*im2rec, out, images.root, "--num-thread", str(WORKERS), *args]
        check = self._check(rec, images, resize, idx)
        return [Tool("im2rec.py", command, [rec, idx], check, len(images.lines))]

    def im2rec_pairs(
        self, args: list[Argument], images: ImageSet, masks: ImageSet, *, resize: int, name: str
    ) -> list[Tool]:
        """im2rec.py of the images and then of the masks, as grey PNGs."""
        if not (tools := self.im2rec(args, images, resize=resize)):
            return []
        options: list[Argument] = [*args, "--encoding", ".png", "--color", "0", "--quality", "6"]
        first, second = *tools, *self.im2rec(options, masks, resize=resize)

        def check() -> str | None:
            (rec, _), (mask_rec, mask_idx) = first.outputs, second.outputs
            wrong = first.check() or check_encoded(mask_rec, masks, resize, mask_idx, "PNG")
            return wrong or check_masks(rec, mask_rec)

        command = " && ".join(shlex.join(map(str, tool.command)) for tool in (first, second))
        outputs = [*first.outputs, *second.outputs]
        return [Tool(name, ["sh", "-c", command], outputs, check, len(images.lines))]

    def im2rec_list(self, root: Path, count: int) -> list[Tool]:
        if not (im2rec := self._im2rec()):
            return []
        out = self.out()
        lst = out.with_suffix(".lst")
        command = [*im2rec, "--list", "--recursive", out, root]
        return [Tool("im2rec.py", command, [lst], partial(check_list, lst, count), count)]

    def loop(self, name: str, args: list[str], images: ImageSet, *, resize: int = -1) -> Tool:
        """A bare loop: its kind, then what comes after the output."""
        rec = self.out().with_suffix(".rec")
        loops = Path(__file__).with_name("loops.py")
        files = [images.lst, images.root, rec]
        command: list[Argument] = [sys.executable, loops, args[0], *files, *args[1:]]
        check = self._check(rec, images, resize, None)
        return Tool(name, command, [rec], check, len(images.lines))

    def tar(self, images: ImageSet) -> list[Tool]:
        tar = shutil.which("tar")
        if not tar or "GNU tar" not in output_of([tar, "--version"]):
            self.tell("left out: tar, for there is no GNU tar")
            return []
        out = self.out()
        names, file = out.with_suffix(".txt"), out.with_suffix(".tar")
        names.write_text("".join(path + "\n" for path in images.paths))
        command: list[Argument] = [tar, "-cf", file, "-C", images.root, "-T", names]
        check = partial(check_tar, file, images.sizes)
        return [Tool("GNU tar", command, [file], check, len(images.paths))]

    def _im2rec(self) -> list[Argument]:
        python = self.peer("im2rec.py", MXNET, "mxnet")
        return [python, "-m", "mxnet.tools.im2rec"] if python else []

    @staticmethod
    def _check(
        rec: Path, images: ImageSet, resize: int, idx: Path | None
    ) -> Callable[[], str | None]:
        if resize < 0:
            return partial(check_rec, rec, images.sizes, idx)
        return partial(check_encoded, rec, images, resize, idx)


def checkout() -> dict[str, str]:
    """The variables that make `python -m rectool` that of this checkout."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.getenv("PYTHONPATH"))))}


def output_of(command: list[str], env: dict[str, str] | None = None) -> str:
    """What a command prints on stdout; nothing where it cannot be run."""
    try:
        done = subprocess.run(
            command, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout


def has_module(python: str, module: str) -> bool:
    script = "import importlib.util, sys; print(importlib.util.find_spec(sys.argv[1]))"
    return "ModuleSpec" in output_of([python, "-c", script, module])


def run_rectool(args: list[Argument]) -> None:
    """Runs rectool once, unmeasured. Raises SkipError, with the last line it said."""
    run([sys.executable, "-m", "rectool", *args])


def run(command: list[Argument]) -> None:
    env = {**os.environ, **checkout()}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SkipError(done.stderr.strip().rpartition("\n")[2])
