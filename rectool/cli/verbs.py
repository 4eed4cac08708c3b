"""What ties a command to its function of the library: defaults, and the spelling of its errors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..errors import ArgumentError

Body = TypeVar("Body", bound=Callable[..., Any])


def verb(function: Callable[..., Any]) -> Callable[[Body], Body]:
    """A decorator, below the options: they take their defaults from the function's parameters, and
    an ArgumentError becomes a usage error that names options.
    """

    def decorate(body: Body) -> Body:
        @functools.wraps(body)
        def command(*args: Any, **options: Any) -> None:
            try:
                body(*args, **options)
            except ArgumentError as error:
                ctx = click.get_current_context()
                spelled = functools.partial(_option, ctx)
                raise click.UsageError(f"{error.text(spelled)}.", ctx=ctx) from None

        command.verb = function  # type: ignore[attr-defined]
        return command  # type: ignore[return-value]

    return decorate


def take_defaults(command: click.Command) -> None:
    """Gives a command's options the defaults of the function's parameters."""
    function = getattr(command.callback, "verb", None)
    if function is None:
        return
    parameters = inspect.signature(function).parameters
    for param in command.params:
        known = parameters.get(param.name or "")
        if known is not None and known.default not in (None, (), inspect.Parameter.empty):
            param.default = known.default


def _option(ctx: click.Context, name: str) -> str:
    """A parameter as the command line spells it: --mask-suffix, SOURCE, or --flat for false."""
    for param in ctx.command.params:
        if param.name == name and isinstance(param, click.Argument):
            return (param.metavar or name.upper()).removesuffix("...")
        if param.name == name:
            off = ctx.params.get(name) is False and param.secondary_opts
            return off[0] if off else param.opts[0]
    return name
