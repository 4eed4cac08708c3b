"""`python -m rectool`, and what the `rectool` command starts."""

import signal
import sys

from . import stopping


def run() -> None:
    """The command."""
    stopping.handle_signals()
    try:
        from .cli import main  # noqa: PLC0415 - after the handlers

        main(prog_name="rectool")
    finally:
        stopping.ignore_signals()
        if stopping.stopped_by() == signal.SIGINT and sys.stderr is not None:
            sys.stderr.write("rectool: interrupted\n")


if __name__ == "__main__":
    run()
