"""How commands end on Ctrl-C and SIGTERM: by unwinding, so that temporary files and workers go.

Imports nothing that takes time: the handlers are there before anything else is loaded.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

TYPE_CHECKING = False  # as in the package: without typing
if TYPE_CHECKING:
    from typing import NoReturn

STOPPING = (signal.SIGINT, signal.SIGTERM)
_stopped_by: list[int] = []


def _stop(number: int, _: object = None) -> NoReturn:
    _stopped_by.append(number)
    sys.exit(128 + number)


def _pass_over(unraisable: sys.UnraisableHookArgs) -> None:
    """Says nothing of a stop that Python cannot raise: in a callback, say. See `check_stopped`."""
    if not (_stopped_by and isinstance(unraisable.exc_value, SystemExit)):
        sys.__unraisablehook__(unraisable)


def handle_signals() -> None:
    """From now on these signals raise SystemExit, with the status a shell gives them."""
    sys.unraisablehook = _pass_over
    for number in STOPPING:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):  # as nohup wants it, say
            signal.signal(number, _stop)


def ignore_signals() -> None:
    """All is done: nothing but the end is to come."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def stopped_by() -> int | None:
    """The signal that came, if one did."""
    return _stopped_by[0] if _stopped_by else None


def check_stopped() -> None:
    """Leaves if a signal said so but its exception was lost: in a callback of Python's own, say."""
    if _stopped_by:
        _stop(_stopped_by[0])


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Keeps these signals waiting until the block is done (not on Windows)."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
