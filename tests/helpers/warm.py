"""Commands in processes that need not start Python: forked from one that has loaded rectool.

A command still has a process of its own, which ends as Python ends. What a fresh Python would do
before (read PYTHON... variables, import) is left to tests that start one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO

_LONGEST = 120  # seconds that a command may take


class Commands:
    """A process that waits for commands, and ends with this one."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        ours.settimeout(_LONGEST)
        self._socket = ours
        self._answers = ours.makefile("r", encoding="ascii")
        atexit.register(self._end)

    def run(
        self, args: list[str], cwd: Path, stdin: bytes, env: dict[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """What subprocess.run gives for the command."""
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
            reading, writing = map(os.fdopen, os.pipe(), ("rb", "wb"))
            task = json.dumps({"args": args, "cwd": os.fspath(cwd), "env": env}).encode("ascii")
            with reading:
                numbers = [file.fileno() for file in (reading, *files)]
                socket.send_fds(self._socket, [len(task).to_bytes(4, "little")], numbers)
                self._socket.sendall(task)
                child_line = self._answers.readline()
            threading.Thread(target=_fill, args=(writing, stdin)).start()
            child = int(child_line)
            try:
                status = int(self._answers.readline())
            except TimeoutError:
                os.kill(child, signal.SIGKILL)
                raise
            outputs = []
            for file in files:
                file.seek(0)
                outputs.append(file.read())
        return subprocess.CompletedProcess(args, status, *outputs)

    def _end(self) -> None:
        if os.getpid() == self._pid:
            self._answers.close()
            self._socket.close()
            self._process.wait(10)


def _fill(pipe: BinaryIO, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(content)


def _serve(number: int) -> list[str] | None:
    """Forks a child for each command; returns its arguments there, and None at the end."""
    connection = socket.socket(fileno=number)
    while True:
        head, files, _, _ = socket.recv_fds(connection, 4, 3)
        if not head:
            return None
        task = b""
        while len(task) < int.from_bytes(head, "little"):
            task += connection.recv(1 << 20)
        child = os.fork()
        if not child:
            connection.detach()
            os.close(number)
            return _become(json.loads(task), files)
        for file in files:
            os.close(file)
        connection.sendall(b"%d\n" % child)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(b"%d\n" % status)


def _become(task: dict[str, object], files: list[int]) -> list[str]:
    """Makes this process one that a shell could have started."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(str(task["cwd"]))
    os.environ.clear()
    os.environ.update(task["env"])
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )
    return list(task["args"])


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # what is forked must have no threads
    # what commands import
    import click  # noqa: F401
    import numpy as np  # noqa: F401

    import rectool.cli
    import rectool.listing.scan
    import rectool.packing.pack_source  # noqa: F401
    from rectool.__main__ import run

    arguments = _serve(int(sys.argv[1]))
    if arguments is not None:
        sys.argv = ["rectool", *arguments]
        run()
