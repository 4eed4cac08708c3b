"""Thousands of damaged inputs, made from seeds, over all commands and readers.

No traceback, no hang, no crash, no more than 500 MB; what is given is right, and what is not given
is said, with status 1. It is not in the default run: `python -m pytest -m fuzz`. RECTOOL_FUZZ is
how many mutants there are, or one of them, `AREA:NUMBER`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("needs fork and /proc", allow_module_level=True)

from helpers.fuzz_images import try_images
from helpers.fuzz_lists import TRIES
from helpers.fuzz_masks import try_mask_files, try_mask_records
from helpers.fuzz_records import try_index_file, try_record_file
from helpers.fuzz_shards import try_damaged_shard, try_set
from helpers.fuzzing import Area, try_all

pytestmark = pytest.mark.fuzz

AREAS = {
    "rec": (Area("rec", try_record_file), 0.3),
    "idx": (Area("idx", try_index_file), 0.13),
    "image": (Area("image", try_images), 0.12),
    "mask": (Area("mask", try_mask_files), 0.04),
    "masks": (Area("masks", try_mask_records), 0.06),
    "shard": (Area("shard", try_damaged_shard), 0.05),
    "set": (Area("set", try_set), 0.06),
    **{name: (Area(name, attempt), 0.04) for name, attempt in TRIES.items()},
}
"""The inputs, and the share that each has of all mutants."""


@pytest.mark.parametrize("name", AREAS)
def test_mutants(name: str, tmp_path: Path) -> None:
    wanted = os.environ.get("RECTOOL_FUZZ", "5000")
    area, share = AREAS[name]
    only, _, number = wanted.rpartition(":")
    if only not in ("", name):
        pytest.skip("another area is wanted")
    numbers = [int(number)] if only else list(range(round(share * int(number))))
    processes = min(len(os.sched_getaffinity(0)), len(numbers))
    kinds, failures = try_all(area, numbers, tmp_path / "mutants", processes)
    print(f"{sum(kinds.values())} mutants:", dict(kinds.most_common()))  # noqa: T201
    report = "\n".join(map(str, failures[:20]))
    assert not failures, f"{len(failures)} of {len(numbers)} mutants\n{report}"
