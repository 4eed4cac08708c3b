"""Reading records, indexes and labels, by rectool and by MXNet (whose Python this also runs in).

    lookups.py records  TOOL REC OUT COUNT BYTES   all records in random order, five passes
    lookups.py index    TOOL REC OUT COUNT         the .idx loaded once, and the memory it takes
    lookups.py workers  TOOL REC OUT COUNT         as many of its keys looked up by 8 forked workers
    lookups.py labels   TOOL REC OUT COUNT SUM     the labels of all records, four times
    lookups.py make-labels   REC COUNT             records with as many labels, 0 to 999 in turn
    lookups.py make-index    REC COUNT             an empty .rec, and an .idx of as many lines

A line of JSON a pass goes to OUT.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from measure import ROLLUP, kilobytes
from passes import timed_pass

FORKED = 8


def idx_of(rec: str) -> str:
    return os.path.splitext(rec)[0] + ".idx"


def records(tool: str, rec: str, out: str, count: str, size: str) -> None:
    read, keys = _random_reader(tool, rec)
    assert len(keys) == int(count), len(keys)
    for _ in range(5):
        random.shuffle(keys)
        total = 0
        with timed_pass(out, len(keys)):
            for key in keys:
                total += len(read(key))
        assert total == int(size), total


def _random_reader(tool: str, rec: str) -> tuple[Callable[[int], bytes], list[int]]:
    if tool in ("mxnet", "rectool-mx"):
        if tool == "mxnet":
            from mxnet import recordio
        else:
            from rectool.mx import recordio
        file = recordio.MXIndexedRecordIO(idx_of(rec), rec, "r")
        return file.read_idx, list(file.keys)
    from rectool import RecordReader

    reader = RecordReader(rec)
    if tool == "rectool-key":
        return reader.by_key, reader.keys.tolist()
    return reader.__getitem__, list(range(len(reader)))


def index(tool: str, rec: str, out: str, count: str) -> None:
    load = _index_loader(tool)
    before = _rss("VmRSS:")
    with timed_pass(out, int(count)) as more:
        find, keys = load(rec)
        more["memory MB"] = (_rss("VmRSS:") - before) / 1e6
        more["at most MB"] = (_rss("VmHWM:") - before) / 1e6
    assert len(keys) == int(count), len(keys)
    assert find(keys[-1]) % 4 == 0


def workers(tool: str, rec: str, out: str, count: str) -> None:
    find, keys = _index_loader(tool)(rec)
    fork = multiprocessing.get_context("fork")
    added: Any = fork.SimpleQueue()

    def work() -> None:
        wanted = random.Random(os.getpid()).choices(range(len(keys)), k=len(keys) // FORKED)
        before = _private()
        for number in wanted:
            find(keys[number])
        added.put(_private() - before)

    assert len(keys) == int(count), len(keys)
    with timed_pass(out, len(keys)) as more:
        forked = [fork.Process(target=work) for _ in range(FORKED)]
        for process in forked:
            process.start()
        sizes = [added.get() for _ in forked]
        more["MB added, median worker"] = statistics.median(sizes) / 1e6
        more["MB added, all"] = sum(sizes) / 1e6
        for process in forked:
            process.join()


def _index_loader(tool: str) -> Callable[[str], tuple[Callable[[int], int], Any]]:
    """What loads an index; of it come a function that finds a key's offset, and the keys."""
    if tool == "mxnet":
        from mxnet import recordio

        def load(rec: str) -> tuple[Callable[[int], int], Any]:
            file = recordio.MXIndexedRecordIO(idx_of(rec), rec, "r")
            return file.idx.__getitem__, file.keys

        return load

    from rectool.format.index import read_index
    from rectool.format.key_table import KeyTable

    def load_table(rec: str) -> tuple[Callable[[int], int], Any]:
        found = read_index(idx_of(rec))
        table = KeyTable(found.keys)
        return lambda key: int(found.offsets[table.find(int(key))]), found.keys

    return load_table


def _rss(name: str) -> int:
    return kilobytes("/proc/self/status", name)


def _private() -> int:
    return kilobytes(f"/proc/self/{ROLLUP}", "Private_Dirty:")


def labels(tool: str, rec: str, out: str, count: str, total: str) -> None:
    read = {"mxnet": _labels_mxnet, "rectool": _labels, "rectool-unpack": _labels_unpacked}[tool]

    for _ in range(4):
        with timed_pass(out, int(count)):
            found = np.asarray(read(rec), np.float32)
        assert found.shape == (int(count),), found.shape
        assert found.sum(dtype=np.float64) == int(total), found.sum(dtype=np.float64)


def _labels(rec: str) -> Any:
    from rectool import RecordDataset

    return RecordDataset(rec).labels


def _labels_unpacked(rec: str) -> Any:
    from rectool import RecordReader, unpack

    return [unpack(record)[0].label for record in RecordReader(rec)]


def _labels_mxnet(rec: str) -> Any:
    from mxnet import recordio

    file = recordio.MXIndexedRecordIO(idx_of(rec), rec, "r")
    return [recordio.unpack(file.read_idx(key))[0].label for key in file.keys]


def make_labels(rec: str, count: str) -> None:
    from rectool import IRHeader, RecordWriter, pack

    with RecordWriter(rec, force=True) as writer:
        for key in range(int(count)):
            writer.write(pack(IRHeader(0, key % 1000, key, 0), b"\xff\xd8\xff\xd9"), key=key)


def make_index(rec: str, count: str) -> None:
    """The keys in random order, as in a shuffled list; the records of 5 to 150 kB."""
    draw = np.random.default_rng(5)
    keys = draw.permutation(int(count))
    offsets = np.cumsum(draw.integers(1_250, 37_500, int(count))) * 4
    with open(idx_of(rec), "w") as file:
        file.writelines(f"{key}\t{offset}\n" for key, offset in zip(keys, offsets))  # noqa: B905
    open(rec, "w").close()


MODES: dict[str, Callable[..., None]] = {
    "records": records,
    "index": index,
    "workers": workers,
    "labels": labels,
    "make-labels": make_labels,
    "make-index": make_index,
}

if __name__ == "__main__":
    MODES[sys.argv[1]](*sys.argv[2:])
