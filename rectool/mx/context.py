"""MXNet's devices, of which there is one here: main memory, whatever it is called."""

from __future__ import annotations

from typing import NamedTuple

_MEMORY = ("cpu", "cpu_pinned", "cpu_shared")


class _Device(NamedTuple):
    device_type: str
    device_id: int


class Context(_Device):
    """A device. `device_type` is another Context, or "cpu", "cpu_pinned" or "cpu_shared".

    Raises ValueError for another, since arrays are numpy's.
    """

    def __new__(cls, device_type: str | Context = "cpu", device_id: int = 0) -> Context:
        if isinstance(device_type, Context):
            return device_type
        if device_type not in _MEMORY:
            raise ValueError(
                f"no {device_type} here: rectool's arrays are in main memory, mx.cpu(); a framework"
                " takes them to other devices"
            )
        return super().__new__(cls, device_type, device_id)

    def __repr__(self) -> str:
        return f"{self.device_type}({self.device_id})"

    __str__ = __repr__


def cpu(device_id: int = 0) -> Context:
    return Context("cpu", device_id)


def cpu_pinned(device_id: int = 0) -> Context:
    return Context("cpu_pinned", device_id)


def gpu(device_id: int = 0) -> Context:
    """Raises ValueError: see Context."""
    return Context("gpu", device_id)


def num_gpus() -> int:
    """None that arrays can be on."""
    return 0


def current_context() -> Context:
    return cpu()


def check(ctx: Context | None) -> Context:
    """The device that an argument `ctx` means; TypeError where it is no device."""
    if ctx is None:
        return cpu()
    if not isinstance(ctx, Context):
        raise TypeError(f"ctx should be mx.cpu(), found {ctx!r}")
    return ctx
