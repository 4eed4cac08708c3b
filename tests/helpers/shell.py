"""Shell commands as users type them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def shell_env(tmp_path: Path) -> dict[str, str]:
    """An environment whose `rectool` and `python` are this process's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, args in {"rectool": "-m rectool", "python": ""}.items():
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {args} "$@"\n')
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
