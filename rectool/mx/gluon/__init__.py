"""`mx.gluon`, of which there are the data sets over images: `gluon.data`."""

from __future__ import annotations

from . import data

__all__ = ["data"]


def __getattr__(name: str) -> object:
    raise AttributeError(f"no mx.gluon.{name}: rectool's stand-in has {', '.join(__all__)}")
