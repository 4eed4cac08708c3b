"""MXNet's image I/O under its own names: `import rectool.mx as mx`.

`recordio`, `image` (also `img`), `io`, `nd` (also `ndarray`), `context`, `cpu` and so on are loaded
when they are first used. `install` makes them what `import mxnet` finds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import context, image, io, nd, ndarray, recordio
    from . import image as img
    from .context import Context, cpu, current_context, gpu, num_gpus
    from .standing_in import install

__all__ = [
    "Context",
    "context",
    "cpu",
    "current_context",
    "gpu",
    "image",
    "img",
    "install",
    "io",
    "nd",
    "ndarray",
    "num_gpus",
    "recordio",
]

__version__ = "1.9.1"
"""The MXNet whose names and meanings these are."""

MODULES = {
    "recordio": "recordio",
    "image": "image",
    "image.detection": "image.detection",
    "img": "image",
    "io": "io",
    "nd": "nd",
    "ndarray": "nd",
    "context": "context",
}
"""MXNet's modules that there are, and the names they have here."""

_HOMES = dict.fromkeys(("Context", "cpu", "current_context", "gpu", "num_gpus"), "context")
_HOMES["install"] = "standing_in"


def __getattr__(name: str) -> object:
    if name in MODULES:
        return import_module(f"{__name__}.{MODULES[name]}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"no mx.{name}: {CONTENTS}")


CONTENTS = f"this is rectool's stand-in for MXNet, which has {', '.join(__all__)}"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
