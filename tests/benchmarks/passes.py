"""What the measured scripts share: the time of each pass over the work, a line of JSON each.

Runs also in the Pythons of the peers, from 3.8 on.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from measure import session

_TICK = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def timed_pass(out: str, items: int) -> Iterator[dict[str, Any]]:
    """Times the block, and appends to `out` how long it took, and what is put into the dict."""
    more: dict[str, Any] = {}
    before = _others()
    cpu, wall = time.process_time(), time.perf_counter()
    yield more
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    cpu += _others() - before
    line = {"items": items, "wall": wall, "cpu": cpu, "more": more}
    with open(out, "a") as file:
        file.write(json.dumps(line) + "\n")


def _others() -> float:
    """CPU seconds of all that this process started, what runs on included."""
    ended = os.times()
    total = ended.children_user + ended.children_system
    for pid in session(os.getsid(0)):
        if pid != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(") ")[2].split()
                total += (int(fields[11]) + int(fields[12])) / _TICK
    return total
