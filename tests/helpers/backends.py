"""The backends of images, and what each of them needs."""

from __future__ import annotations

import importlib.util
from typing import get_args

import pytest

from rectool.imaging.options import Backend

BACKENDS: tuple[Backend, ...] = get_args(Backend)
_NEEDED = {"opencv": ("cv2",), "fast": ("simplejpeg", "cykooz_resizer")}


def need(backend: str) -> None:
    """Skips a test where what the backend needs is not installed."""
    for module in _NEEDED.get(backend, ()):
        pytest.importorskip(module)


def installed() -> list[Backend]:
    return [
        backend
        for backend in BACKENDS
        if all(importlib.util.find_spec(module) for module in _NEEDED.get(backend, ()))
    ]
