"""The libraries that decode, resize and encode."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .options import Backend


def load(backend: Backend) -> Any:
    """The backend's module: it has `decode`, `render`, `resize`, `warp` and `encode`.

    Raises ImageError where a package that it needs is not installed.
    """
    return import_module(f"{__package__}.{backend}")
