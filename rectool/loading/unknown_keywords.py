"""Names of parameters that nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

_NEAR = 0.75  # num_workers is not near num_parts


def names_of(*functions: Callable[..., Any]) -> list[str]:
    """The parameters of these functions that can be given by name."""
    parameters = (kind for call in functions for kind in signature(call).parameters.values())
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return list(dict.fromkeys(one.name for one in parameters if one.kind in named))


def refuse_unknown(
    who: str, given: Iterable[str], known: Sequence[str], elsewhere: str = ""
) -> None:
    """Raises TypeError for a name that is not known, with the one that may have been meant.

    `elsewhere` says where there are more.
    """
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, 1, cutoff=_NEAR)
            meant = f": did you mean {close[0]}?" if close else elsewhere
            raise TypeError(f"{who} has no parameter {name!r}{meant}")
