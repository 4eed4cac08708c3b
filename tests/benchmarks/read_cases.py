"""What is measured of reading: batches of images, records, indexes, labels."""

from __future__ import annotations

from collections.abc import Callable

from read_tools import (
    RESIZED,
    Scripts,
    box_readers,
    image_readers,
    made,
    packed,
    packed_pairs,
    pair_readers,
    rectool_readers,
)
from tables import Course, Repeated, Table
from tools import MXNET, Bench

LINES, LABELS = 5_000_000, 1_000_000
COURSE = 20  # epochs


def images_256(bench: Bench) -> list[Table]:
    count, batch = _whole_batches(bench)
    records = packed(bench, "read-256", bench.data.images("large"), count, *RESIZED)
    title = f"random crop 224, mirror, float32; {count:,} JPEGs of {records.mean}, shorter edge 256"
    return [Repeated(title, "image", image_readers(bench, records, batch, 0))]


def images_full(bench: Bench) -> list[Table]:
    count, batch = _whole_batches(bench)
    records = packed(bench, "read-full", bench.data.images("large"), count, "--pass-through")
    title = f"resize to 256, random crop 224, mirror, float32; {count:,} JPEGs of {records.mean}"
    return [Repeated(title, "image", image_readers(bench, records, batch, 256))]


def pairs(bench: Bench) -> list[Table]:
    count, batch = _whole_batches(bench)
    records = packed_pairs(bench, count)
    title = (
        f"random crop 224, mirror, float32 and uint8; {count:,} JPEGs of {records.mean} and PNGs"
    )
    return [Repeated(title, "pair", pair_readers(bench, records, batch))]


def boxes(bench: Bench) -> list[Table]:
    count, batch = _whole_batches(bench)
    images = bench.data.boxes("large")
    records = packed(bench, "read-boxes", images, count, "--pass-through")
    rows = [line.split("\t")[3:-1] for line in images.lines[:count]]
    found = sum(map(len, rows)) // 5, sum(int(one) for row in rows for one in row[::5])
    title = f"resize to 300x300, mirror, float32; {count:,} JPEGs of {records.mean}"
    title += f", {found[0] / count:.1f} boxes each"
    tools = box_readers(bench, records, batch, found)
    return [Repeated(title, "image", tools, "rectool.ImageDetRecordIter")]


def _whole_batches(bench: Bench) -> tuple[int, int]:
    """How many of the large images are read, and how many at once: nobody has to pad."""
    batch = 32 if bench.data.fewer > 1 else 128
    return len(bench.data.images("large").lines) // batch * batch, batch


def records(bench: Bench) -> list[Table]:
    images = bench.data.images("small")
    count = len(images.lines)
    found = packed(bench, "read-records", images, count, "--pass-through")
    scripts = Scripts(bench, ("lookups.py", "records"), found, (found.size,))
    tools = [
        *scripts.peer("mxnet: MXIndexedRecordIO.read_idx", "mxnet", MXNET, "mxnet"),
        scripts.tool("rectool.mx: MXIndexedRecordIO.read_idx", "rectool-mx"),
        scripts.tool("RecordReader.by_key", "rectool-key"),
        scripts.tool("RecordReader[i]", "rectool"),
    ]
    title = f"{count:,} records of {found.mean} in random order"
    return [Repeated(title, "record", tools, "RecordReader[i]", "µs")]


def index(bench: Bench) -> list[Table]:
    found = made(bench, "index", LINES // bench.data.fewer)
    load = Scripts(bench, ("lookups.py", "index"), found, ())
    fork = Scripts(bench, ("lookups.py", "workers"), found, ())
    loaded, forked = (
        [
            *scripts.peer("MXIndexedRecordIO", "mxnet", MXNET, "mxnet"),
            scripts.tool("rectool", "rectool"),
        ]
        for scripts in (load, fork)
    )
    title = f"an .idx of {found.count:,} lines"
    return [
        Repeated(f"{title}, loaded", "line", loaded, each="µs", warm_up=False),
        Repeated(f"{title}, in 8 forked workers", "key", forked, each="µs", warm_up=False),
    ]


def labels(bench: Bench) -> list[Table]:
    count = LABELS // bench.data.fewer
    found = made(bench, "labels", count)
    total = sum(key % 1000 for key in range(count))
    scripts = Scripts(bench, ("lookups.py", "labels"), found, (total,))
    tools = [
        *scripts.peer("mxnet: unpack of each read_idx", "mxnet", MXNET, "mxnet"),
        scripts.tool("rectool.unpack of each record", "rectool-unpack"),
        scripts.tool("RecordDataset.labels", "rectool"),
    ]
    title = f"the labels of {count:,} records, opening included"
    return [Repeated(title, "label", tools, "RecordDataset.labels", "µs")]


def epochs(bench: Bench) -> list[Table]:
    found = packed(bench, "read-epochs", bench.data.images("large"), 224, *RESIZED)
    scripts = Scripts(bench, ("readers.py",), found, (32, COURSE, 0, "--course"))
    tools = rectool_readers(scripts)
    return [Course(f"after each of {COURSE} epochs over {found.count} images of 256", tools)]


READ_CASES: dict[str, Callable[[Bench], list[Table]]] = {
    "read-256": images_256,
    "read-full": images_full,
    "read-pairs": pairs,
    "read-boxes": boxes,
    "read-records": records,
    "index": index,
    "labels": labels,
    "epochs": epochs,
}
