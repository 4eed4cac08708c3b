"""The `rectool` group, how commands talk, and the one door through which errors leave."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import click

from .. import __version__
from ..stopping import check_stopped

Command = TypeVar("Command", bound=Callable[..., Any])

_EPILOG = "Exit status: 0 all done, 1 something could not be done, 2 wrong usage, 130 interrupted."


def say(message: str) -> None:
    """A remark on stderr."""
    click.echo(message, err=True)


def fail(message: str) -> None:
    """An error, one line on stderr for each of its lines."""
    for line in message.split("\n"):
        say(f"rectool: {line}")


class Commands(click.Group):
    """The one door through which errors leave: a line on stderr and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        debug = ctx.params["debug"]
        try:
            try:
                super().invoke(ctx)
            finally:  # also where it ends by an exit status: what fails here is our error
                if sys.stdout is not None:
                    sys.stdout.flush()
                check_stopped()  # else it would say so, and have the status of success
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            self._leave(debug, 130, "interrupted")
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has had enough
                raise
            self._leave(debug, 1, _os_error_text(error))
        except MemoryError:
            self._leave(debug, 1, "out of memory")
        except Exception as error:  # noqa: BLE001 - no traceback reaches a user
            check_stopped()  # Python may have made something else of it
            from ..format import RecordError

            if isinstance(error, RecordError):
                self._leave(debug, 1, str(error))
            kind = type(error).__name__
            self._leave(debug, 1, f"internal error ({kind}: {error}); rectool --debug shows where")

    def _leave(self, debug: bool, status: int, message: str) -> NoReturn:
        if debug:
            import traceback

            traceback.print_exc()
        fail(message)
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:  # Python would try again at its end, and complain
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(status)


def _os_error_text(error: OSError) -> str:
    text = error.strerror or str(error)
    if text == "exists already":
        text += " (--force replaces it)"
    elif text == "this folder is not empty":
        text += " (--force replaces files in it)"
    if error.filename is not None:
        return f"{shown_path(error.filename)}: {text}"
    return f"stdout: {text}" if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EIO) else text


def check_stdin() -> None:
    """Raises UsageError where there is none."""
    if sys.stdin is None:
        raise click.UsageError("stdin is closed.")


def shown_path(path: object) -> str:
    from ..format import shown

    return shown(path) if isinstance(path, str | bytes) else str(path)


# numpy's threads would only be in the way: nothing here uses them, and workers are forked
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@click.group(cls=Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="rectool %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback with every error.")
def main(debug: bool) -> None:
    """Make, read and check RecordIO image data sets (.rec, .idx, .lst), without MXNet.

    \b
    rectool pack images/ out      a folder of images into out.rec and out.idx
    rectool inspect out.rec       what is in it
    """


def option_group(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """A decorator that gives a command all of these options, in this order."""

    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


def given_options(ctx: click.Context, names: tuple[str, ...]) -> list[str]:
    """The options among these that stand on the command line, as their user knows them."""
    source = click.core.ParameterSource.COMMANDLINE
    return [
        param.secondary_opts[0] if ctx.params.get(param.name) is False else param.opts[0]
        for param in ctx.command.params
        if param.name in names and ctx.get_parameter_source(param.name) == source
    ]


force_option = click.option("--force", is_flag=True, help="Replace files that exist.")


@contextlib.contextmanager
def progress(
    noun: str, total: int | None = None
) -> Iterator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """A bar on stderr, where that is a terminal, and two functions.

    The first advances it by one and takes the total; the second writes a line above it.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield _no_bar, say
        return
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its thread would be there when workers are forked
    with tqdm(total=total, unit=f" {noun}s", leave=False) as bar:

        def advance(total: int) -> None:
            check_stopped()
            bar.total = total
            bar.update()

        def write(text: str) -> None:
            bar.write(text, file=sys.stderr)

        yield advance, write


def _no_bar(_: int) -> None:
    check_stopped()
