"""Functions of `mx.nd` that are numpy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .nd import NDArray, own

NUMPYS = {
    **{name: name for name in ("abs", "ceil", "exp", "floor", "log", "maximum", "minimum", "sqrt",
                               "square", "mean", "max", "min", "argmax")},
    "broadcast_add": "add", "broadcast_div": "divide", "broadcast_mul": "multiply",
    "broadcast_sub": "subtract", "ones_like": "ones_like",
}  # fmt: skip
"""More functions, and what numpy calls them."""


def of_numpy(name: str) -> Callable[..., NDArray]:
    """The function of this name in `mx.nd`."""
    function = getattr(np, NUMPYS[name])

    def call(*arrays: ArrayLike, **options: Any) -> NDArray:
        return own(np.atleast_1d(function(*map(np.asarray, arrays), **options)))

    return call
