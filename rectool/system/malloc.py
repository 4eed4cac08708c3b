"""What becomes of memory that was freed."""

from __future__ import annotations

import contextlib
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def keep_freed_memory() -> None:
    """Has glibc keep what an image needed for the next one, in this whole process.

    Else it hands pages back and faults them in again for each: a fifth of the time of copying
    images, and of encoding those of 500x375. Pieces above 32 MiB still go back at once, and at most
    128 MiB are kept.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - start-up counts

        with contextlib.suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(_MMAP_THRESHOLD, 1 << 25)
            libc.mallopt(_TRIM_THRESHOLD, 1 << 27)
