"""MXNet's image I/O under its own names: `import rectool.mx as mx`.

`recordio`, `image` (also `img`), `io`, `nd` (also `ndarray`), `random`, `gluon.data`, `base`,
`context`, `cpu` and so on are loaded when they are first used. `install` makes them what
`import mxnet` finds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import base, context, gluon, image, io, nd, ndarray, random, recordio, test_utils
    from . import image as img
    from . import random as rnd
    from .base import MXNetError
    from .context import Context, cpu, cpu_pinned, current_context, gpu, num_gpus
    from .import_hook import install

__all__ = [
    "Context",
    "MXNetError",
    "base",
    "context",
    "cpu",
    "cpu_pinned",
    "current_context",
    "gluon",
    "gpu",
    "image",
    "img",
    "install",
    "io",
    "nd",
    "ndarray",
    "num_gpus",
    "random",
    "recordio",
    "rnd",
    "test_utils",
]

__version__ = "1.9.1"
"""The MXNet whose names and meanings these are."""

MODULES = {
    **{name: name for name in ("base", "context", "gluon", "gluon.data", "image", "image.detection",
                               "io", "nd", "random", "recordio", "test_utils")},
    "gluon.data.dataset": "gluon.data",
    "gluon.data.vision": "gluon.vision",
    "gluon.data.vision.datasets": "gluon.vision",
    "image.image": "image",
    "img": "image",
    "io.io": "io",
    "nd.image": "nd_image",
    "nd.random": "random",
    "ndarray": "nd",
    "ndarray.image": "nd_image",
    "ndarray.ndarray": "nd",
    "ndarray.random": "random",
    "rnd": "random",
}  # fmt: skip
"""MXNet's modules that there are, and the names they have here."""

_HOMES = {
    **dict.fromkeys(
        ("Context", "cpu", "cpu_pinned", "current_context", "gpu", "num_gpus"), "context"
    ),
    "MXNetError": "base",
    "install": "import_hook",
}


def __getattr__(name: str) -> object:
    if name in MODULES:
        return import_module(f"{__name__}.{MODULES[name]}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"no mx.{name}: {CONTENTS}")


CONTENTS = f"this is rectool's stand-in for MXNet, which has {', '.join(__all__)}"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
