"""The `rectool` command: parse, call one function of the library, print.

stdout carries data; progress, remarks and errors go to stderr. Everything but Click is imported by
the commands that use it, and each command's module only when that command runs.
"""

from .main import main

__all__ = ["main"]
