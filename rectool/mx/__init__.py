"""MXNet's image I/O under its own names: `import rectool.mx as mx`."""

from . import recordio

__all__ = ["recordio"]
