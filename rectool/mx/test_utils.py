"""`mx.test_utils`, of which tutorials use a few."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from ..system.atomic import AtomicFile

__all__ = ["almost_equal", "assert_almost_equal", "download", "list_gpus", "same"]

_BLOCK = 1 << 20


def download(
    url: str,
    fname: str | None = None,
    dirname: str | None = None,
    overwrite: bool = False,
    retries: int = 5,
) -> str:
    """Copies a URL (http, https, ftp, file) or a local path, and returns where to.

    That is `fname`, by default the last part of the URL, in `dirname`. A file that is there already
    stays, unless `overwrite`. Tries `retries` times; raises OSError where that fails.
    """
    path = url.rsplit("/", maxsplit=1)[-1] if fname is None else fname
    if dirname is not None:
        os.makedirs(dirname, exist_ok=True)
        path = os.path.join(dirname, path)
    if os.path.exists(path) and not overwrite:
        return path
    for left in reversed(range(max(retries, 1))):
        try:
            _copy(url, path)
            break
        except OSError:
            if not left:
                raise
    return path


def _copy(url: str, path: str) -> None:
    source = url if "://" in url else Path(url).absolute().as_uri()
    if source.partition(":")[0].lower() not in ("http", "https", "ftp", "file"):
        raise ValueError(f"download requires a http, https, ftp or file URL, got {url}")
    with urllib.request.urlopen(source) as body, AtomicFile(path, force=True) as output:  # noqa: S310
        while block := body.read(_BLOCK):
            output.write(block)
        if getattr(body, "length", None):  # http.client says nothing of a body that was cut
            raise OSError(f"{url}: {body.length} bytes are missing")


def list_gpus() -> list[int]:
    """None that arrays can be on."""
    return []


def same(a: Any, b: Any) -> bool:
    """Whether two arrays have one shape and equal values."""
    return np.array_equal(np.asarray(a), np.asarray(b))


def almost_equal(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-20) -> bool:
    return np.allclose(np.asarray(a), np.asarray(b), rtol, atol)


def assert_almost_equal(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-20) -> None:
    """Raises AssertionError for arrays that differ by more than atol + rtol * |b|."""
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol, atol)


def __getattr__(name: str) -> object:
    raise AttributeError(f"no mx.test_utils.{name}: rectool's stand-in has {', '.join(__all__)}")
