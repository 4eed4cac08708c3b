"""`python -m rectool`, and what the `rectool` command starts."""

import sys


def run() -> None:
    """The command. Ctrl-C is quiet even while it is loaded."""
    try:
        from .cli import main  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(130)
    main(prog_name="rectool")


if __name__ == "__main__":
    run()
