"""The `rectool` group, how commands talk, and the one door through which errors leave."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NoReturn, TextIO, TypeVar

import click

from .. import __version__
from ..errors import RecordError, printable, shortened, shown
from ..system.signals import check_stopped
from .usage import Command as QuietCommand
from .usage import is_quiet, meant_command

Command = TypeVar("Command", bound=Callable[..., Any])

_EPILOG = "Exit status: 0 all done, 1 something could not be done, 2 wrong usage, 130 interrupted."


COMMANDS = {
    "list": "List the images of a folder in a .lst.",
    "pack": "Pack a folder, a .lst or .rec files into a .rec.",
    "inspect": "Show and check what record files hold.",
    "unpack": "Write the images of a .rec to files.",
    "index": "Write the .idx of a .rec that has none.",
    "im2rec": "Run a command line of MXNet's im2rec.py.",
}
"""The commands, each a module of this package, and what each does."""

MOST_NAMED = 20
"""So many faults of one kind are named, and the others counted."""

_LONGEST_LINE = 1000
_MINUTE = 60.0


def say(message: str) -> None:
    """Prints a remark on stderr, unless --quiet was given."""
    if not is_quiet():
        _print(message)


def fail(message: str) -> None:
    """Prints an error, one line on stderr for each of its lines."""
    for line in message.split("\n"):
        _print(f"rectool: {line}")


def _print(message: str) -> None:
    click.echo(_safe(message), err=True)


def _safe(message: str) -> str:
    """What a terminal can be given: no control characters, no endless lines."""
    if message.isascii() and message.isprintable() and len(message) <= _LONGEST_LINE:
        return message
    return "\n".join(shortened(line, _LONGEST_LINE) for line in printable(message).split("\n"))


class Commands(click.Group):
    """The one door through which errors leave: a line on stderr and an exit status."""

    command_class = QuietCommand

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A command; its module is loaded at its first use."""
        if name in COMMANDS:
            import_module(f"{__package__}.{name}")
        return super().get_command(ctx, name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = "" if args[0].startswith("-") else meant_command(args[0])
            if not hint:
                raise
            raise click.UsageError(f"No such command {args[0]!r}; {hint}", ctx=ctx) from error

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _safe_usage_errors():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        debug = ctx.params["debug"]
        _take_any_character(sys.stdout, sys.stderr)
        try:
            try:
                with _safe_usage_errors():
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
            self._leave(debug, 1, error_text(error))
        except MemoryError:
            self._leave(debug, 1, "out of memory")
        except Exception as error:  # noqa: BLE001 - no traceback reaches a user
            check_stopped()  # Python may have made something else of it
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


@contextlib.contextmanager
def _safe_usage_errors() -> Iterator[None]:
    """Click prints these, with words of the command line in them."""
    try:
        yield
    except click.UsageError as error:
        message = error.format_message()
        if message == _safe(message):
            raise
        raise click.UsageError(_safe(message), ctx=error.ctx) from None


def _take_any_character(*streams: TextIO | None) -> None:
    """Has streams escape what their encoding lacks, in place of an error."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def data_stream() -> TextIO:
    """stdout, for data. Raises OSError where it is closed."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "is closed, and the data cannot be written", "stdout")
    return sys.stdout


def error_text(error: Exception) -> str:
    """What a line on stderr says of an error."""
    if not isinstance(error, OSError):
        return str(error)
    text = error.strerror or str(error)
    if text == "exists already":
        text += " (--force replaces it)"
    elif text == "the folder is not empty":
        text += " (--force replaces files in it)"
    if error.filename is not None:
        return f"{shown_path(error.filename)}: {text}"
    if error.errno == errno.ENOENT:  # of what was asked for by no name
        return "the current folder does not exist any more"
    return f"stdout: {text}" if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EIO) else text


def check_stdin() -> None:
    """Raises UsageError where there is none."""
    if sys.stdin is None:
        raise click.UsageError("stdin is closed.")


def shown_path(path: object) -> str:
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


def path_option(name: str, metavar: str, text: str) -> Callable[[Command], Command]:
    """An option that takes a path; `text` is its help."""
    return click.option(name, metavar=metavar, type=click.Path(readable=False), help=text)


force_option = click.option("--force", is_flag=True, help="Replace files that exist.")


@contextlib.contextmanager
def progress(
    noun: str, total: int | None = None
) -> Iterator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """A bar on stderr, where that is a terminal, and two functions.

    The first advances it by one and takes the total; the second writes a line above it.
    """
    if sys.stderr is None or is_quiet() or not sys.stderr.isatty():
        yield _Lines(noun).advance, _print
        return
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its thread would be there when workers are forked
    with tqdm(total=total, unit=f" {noun}s", leave=False) as bar:

        def advance(total: int) -> None:
            check_stopped()
            bar.total = total
            bar.update()

        def write(text: str) -> None:
            bar.write(_safe(text), file=sys.stderr)

        yield advance, write


class _Lines:
    """What there is in place of a bar where stderr is no terminal: a line a minute."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._done = 0
        self._begun = time.monotonic()
        self._next = self._begun + _MINUTE

    def advance(self, total: int) -> None:
        check_stopped()
        self._done += 1
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _MINUTE
        rate = self._done / (now - self._begun)
        left = (total - self._done) / rate / 60
        say(
            f"{self._done} of {total} {self._noun}s done, {rate:.0f} a second,"
            f" about {left:.0f} minutes left"
        )
