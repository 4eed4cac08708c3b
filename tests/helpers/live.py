"""What runs in a live MXNet 1.9.1, for tests with the marker mxnet."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

PYTHON = os.environ.get("RECTOOL_MXNET_PYTHON", "")


def mxnet(code: str, *args: object, cwd: Path) -> str:
    assert PYTHON, "RECTOOL_MXNET_PYTHON is not set"
    command = [PYTHON, "-c", code, *map(str, args)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


IM2REC = """
import gc, json, runpy, sys
for args in json.loads(sys.argv[1]):
    sys.argv[1:] = args
    runpy.run_module("mxnet.tools.im2rec", run_name="__main__")
    gc.collect()  # it never closes what it writes
"""


def im2recs(calls: Iterable[Iterable[object]], cwd: Path) -> None:
    """Several runs in one process: MXNet takes seconds to load."""
    mxnet(IM2REC, json.dumps([list(map(str, call)) for call in calls]), cwd=cwd)


def im2rec(*args: object, cwd: Path) -> None:
    im2recs([args], cwd)
