"""Forked workers share the memory of a data set's index: reading changes nothing in it."""

from __future__ import annotations

import gc
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rectool import RecordDataset

COUNT = 300_000


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Records of a label and 4 bytes, in an index that has the last first."""
    words = np.zeros((COUNT, 9), "<u4")
    words[:, 0], words[:, 1] = 0xCED7230A, 28
    words[:, 3] = (np.arange(COUNT) % 1000).astype("<f4").view("<u4")
    words[:, 8] = np.arange(COUNT)
    (tmp_path / "a.rec").write_bytes(words.tobytes())
    lines = (b"%d\t%d\n" % (7 * at, 36 * at) for at in reversed(range(COUNT)))
    (tmp_path / "a.idx").write_bytes(b"".join(lines))
    return tmp_path / "a.rec"


def private() -> int:
    """Bytes of memory that this process shares with no other, having written to them."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


def read(dataset: RecordDataset, seed: int, count: int) -> int:
    """Reads that many samples, keys and labels at random; the number of wrong ones."""
    draw = np.random.default_rng(seed)
    wrong = 0
    for _ in range(count):
        at = int(draw.integers(COUNT))
        number = COUNT - 1 - at
        payload, label = dataset[at]
        wrong += int.from_bytes(payload, "little") != number or label != number % 1000
        wrong += dataset.keys[at] != 7 * number or dataset.labels[at] != label
        wrong += dataset.reader.position(7 * number) != at
    return wrong


def work(dataset: RecordDataset, seed: int, results: Any) -> None:
    wrong = read(dataset, seed, 2000)
    gc.collect()  # touches every object there is
    before = private()
    wrong += read(dataset, seed + 10, 20_000)
    results.put((wrong, private() - before))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs smaps_rollup")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_share_the_index(many: Path) -> None:
    dataset = RecordDataset(many, decode=False)
    assert read(dataset, 0, 100) == 0
    size = sum(
        column.nbytes
        for column in (dataset.keys, dataset.labels, dataset.reader.keys, dataset.reader.offsets)
    )
    assert size == 28 * COUNT
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    workers = [context.Process(target=work, args=(dataset, seed, results)) for seed in (1, 2)]
    for worker in workers:
        worker.start()
    for wrong, growth in (results.get(), results.get()):
        assert wrong == 0
        assert growth < size / 20
    for worker in workers:
        worker.join()
