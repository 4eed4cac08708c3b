"""`mx.nd.image`: what gluon's transforms do to images."""

from __future__ import annotations

from typing import Any

import numpy as np

from .nd import NDArray, own

__all__ = ["normalize", "to_tensor"]


def to_tensor(data: Any) -> NDArray:
    """HxWxC, or NxHxWxC, of 0 to 255 as CxHxW (NxCxHxW), float32 from 0 to 1."""
    array = np.asarray(data)
    if array.ndim not in (3, 4):
        raise ValueError(f"to_tensor requires HxWxC or NxHxWxC, got shape {array.shape}")
    return own(np.moveaxis(array, -1, -3).astype(np.float32) / np.float32(255))


def normalize(data: Any, mean: Any = 0.0, std: Any = 1.0) -> NDArray:
    """(data - mean) / std of CxHxW or NxCxHxW; each is a number or one for each channel."""
    array = np.asarray(data)
    if array.ndim not in (3, 4) or array.dtype.kind != "f":
        raise ValueError(
            f"normalize requires floats of CxHxW or NxCxHxW, got {array.dtype} of {array.shape}"
        )
    means, deviations = (np.asarray(one, array.dtype).reshape(-1, 1, 1) for one in (mean, std))
    return own((array - means) / deviations)


def __getattr__(name: str) -> object:
    raise AttributeError(f"no mx.nd.image.{name}: rectool's stand-in has {', '.join(__all__)}")
