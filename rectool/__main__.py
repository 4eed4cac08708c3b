"""`python -m rectool`, and what the `rectool` command starts."""

import os
import signal
import sys

from .system import signals as stopping


def run() -> None:
    """The command."""
    _fill_closed_files()
    stopping.handle_signals()
    try:
        from .cli.main import main  # noqa: PLC0415 - after the handlers

        main(prog_name="rectool")
    finally:
        stopping.ignore_signals()
        if stopping.stopped_by() == signal.SIGINT and sys.stderr is not None:
            sys.stderr.write("rectool: interrupted\n")


def _fill_closed_files() -> None:
    """Opens /dev/null as stdin, stdout or stderr where that is closed.

    Else the next file to be opened would get its number, and what C libraries print.
    """
    for number in (0, 1, 2) if os.name == "posix" else ():
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free


if __name__ == "__main__":
    run()
