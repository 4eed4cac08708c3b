"""The `rectool` command: parse, call one function of the library, print.

stdout carries data; progress, remarks and errors go to stderr. Everything but Click is imported by
the commands that use it, so that `rectool --help` is there at once.
"""

from . import im2rec, index, inspect, list, pack, unpack  # noqa: A004
from .main import main

__all__ = ["im2rec", "index", "inspect", "list", "main", "pack", "unpack"]
