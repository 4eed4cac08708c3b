"""Parameters as MXNet's iterators take them: values may be text, and unknown names do nothing."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection
from typing import Any

PASSED_OVER = frozenset(
    ("ctx", "device_id", "shuffle_chunk_seed", "shuffle_chunk_size", "verbose", "aug_seq")
)
"""MXNet's parameters that tune what is not here."""

_TEXTS = frozenset(
    ("backend", "data_name", "dtype", "label_name", "mask_dtype", "masks", "mean_img", "on_error",
     "path_imgidx", "path_imglist", "path_imgrec")
)  # fmt: skip
_WORDS = {"true": True, "false": False, "none": None}


def read_parameters(
    who: str, given: dict[str, Any], known: Collection[str], aug_seq: str
) -> dict[str, Any]:
    """The parameters that there are here, text made what it means: "8", "(3, 64, 64)", "True".

    Warns of names that nobody knows, which MXNet passes over in silence. Raises ValueError for an
    `aug_seq` other than the only one.
    """
    if given.get("aug_seq", aug_seq) != aug_seq:
        raise ValueError(f"aug_seq must be {aug_seq!r}, got {given['aug_seq']!r}")
    unknown = [name for name in given if name not in known and name not in PASSED_OVER]
    if unknown:
        warnings.warn(
            f"{who} ignores unknown parameters, as MXNet does: {', '.join(unknown)}", stacklevel=4
        )
    return {
        name: value if name in _TEXTS or not isinstance(value, str) else _value(value)
        for name, value in given.items()
        if name in known
    }


def _value(text: str) -> Any:
    """The number, tuple, truth or None in a text; the text itself where it is none of these."""
    plain = text.strip()
    if plain.lower() in _WORDS:
        return _WORDS[plain.lower()]
    for read in (int, float, ast.literal_eval):
        try:
            return read(plain)
        except (ValueError, SyntaxError):
            continue
    return text
