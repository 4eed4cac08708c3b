"""What is measured of packing: for each case rectool and its peers, all doing the same work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from checks import check_list, check_rec
from data import ImageSet
from measure import Tool
from tables import Comparison, Growth, Table
from tools import WORKERS, Argument, Bench, SkipError, checkout, output_of, run_rectool


def bare(bench: Bench, kind: str, images: ImageSet, *options: str) -> list[Tool]:
    """The bare loops over two processes and over two threads, resizing to 256."""
    return [
        bench.loop(
            f"bare {kind}, {WORKERS} {by}",
            [kind.lower(), "256", by, *options],
            images,
            resize=256,
        )
        for by in ("processes", "threads")
    ]


def copies(bench: Bench, name: str) -> list[Table]:
    images = bench.data.images(name)
    mean = sum(images.sizes) / len(images.sizes)
    tools = [
        *bench.im2rec(["--pass-through"], images),
        bench.loop("bare loop", ["copy"], images),
        bench.loop("bare loop, fsync", ["copy", "--fsync"], images),
        *bench.tar(images),
        bench.rectool(["--pass-through"], images),
    ]
    title = f"--pass-through, {len(images.lines):,} JPEGs of {mean / 1000:.1f} kB"
    return [Comparison(title, "images", tools)]


def resize_opencv(bench: Bench) -> list[Table]:
    usage = output_of([sys.executable, "-m", "rectool", "pack", "--help"], checkout())
    if "--backend" not in usage:
        raise SkipError("rectool pack has no --backend")
    if not find_spec("cv2"):
        raise SkipError("this Python has no OpenCV")
    images = bench.data.images("large")
    options: list[Argument] = ["--resize", "256", "--quality", "95"]
    tools = [
        *bench.im2rec(options, images, resize=256),
        *bare(bench, "OpenCV", images),
        bench.rectool(
            [*options, "--workers", str(WORKERS), "--backend", "opencv"], images, resize=256
        ),
    ]
    title = f"--resize 256 --backend opencv, {len(images.lines):,} JPEGs of about 500x375"
    return [Comparison(title, "images", tools)]


def resize_pillow(bench: Bench, name: str, *options: str) -> list[Table]:
    images = bench.data.images(name)
    resize: list[Argument] = ["--resize", "256"]
    tools = [
        *bench.im2rec(resize, images, resize=256),
        *bare(bench, "Pillow", images, *options),
        bench.rectool([*resize, "--workers", str(WORKERS)], images, resize=256),
    ]
    size = "12 megapixels" if name == "photos" else "about 500x375"
    return [Comparison(f"--resize 256, {len(images.lines):,} JPEGs of {size}", "images", tools)]


def masks(bench: Bench) -> list[Table]:
    images, masks = bench.data.images("large"), bench.data.masks("large")
    resize: list[Argument] = ["--resize", "256"]
    ours: list[Argument] = [*resize, "--workers", str(WORKERS)]
    peer = "im2rec.py twice (mixes classes)"
    tools = [
        *bench.im2rec_pairs(resize, images, masks, resize=256, name=peer),
        bench.rectool(ours, images, resize=256, name="rectool, the images alone"),
        bench.rectool_pairs(ours, images, masks, resize=256, name="rectool"),
    ]
    if find_spec("cv2"):
        name = "rectool --backend opencv"
        options = [*ours, "--backend", "opencv"]
        tools.insert(-1, bench.rectool_pairs(options, images, masks, resize=256, name=name))
    sizes = f"{sum(masks.sizes) / len(masks.sizes) / 1000:.1f} kB"
    title = f"--resize 256 --masks, {len(images.lines):,} JPEGs of about 500x375, PNGs of {sizes}"
    return [Comparison(title, "pairs", tools)]


def scaling(bench: Bench) -> list[Table]:
    images = bench.data.images("large")
    tables: list[Table] = []
    for resize in (256, 0):
        options: list[Argument] = ["--resize", str(resize)] if resize else []
        names = {1: "rectool, 1 worker", 2: "rectool, 2 workers"}
        tools = [
            bench.rectool([*options, "--workers", str(n)], images, resize=resize, name=name)
            for n, name in names.items()
        ]
        title = f"{'--resize 256' if resize else 'no --resize'}, {len(images.lines):,} JPEGs"
        tables.append(Comparison(title, "images", tools, names[2]))
    return tables


def listing(bench: Bench) -> list[Table]:
    root, count = bench.data.files()
    lst = bench.out().with_suffix(".lst")
    args: list[Argument] = ["list", root, lst.with_suffix("")]
    tools = [
        *bench.im2rec_list(root, count),
        bench.ours("rectool", args, [lst], partial(check_list, lst, count), count),
    ]
    folders = sum(1 for _ in root.iterdir())
    return [Comparison(f"list of {count:,} files in {folders:,} folders", "files", tools)]


def memory(bench: Bench) -> list[Table]:
    tiny = bench.data.images("tiny")
    by_lines = []
    for wanted in (1, 100_000, 1_000_000):
        lines = max(1, wanted // bench.data.fewer)
        lst = bench.out().with_suffix(".lst")
        paths = (tiny.paths * (lines // len(tiny.paths) + 1))[:lines]
        lst.write_text("".join(f"{key}\t{key % 1000}\t{path}\n" for key, path in enumerate(paths)))
        images = ImageSet(tiny.root, lst)
        args: list[Argument] = ["--pass-through", "--workers", "1"]
        by_lines.append(bench.rectool(args, images, name=f"{lines:,} line{'s' * (lines > 1)}"))
    large = bench.data.images("large")
    by_images = []
    for wanted in (1_000, 5_000):
        part = large.part(0, wanted // bench.data.fewer, bench.out().with_suffix(".lst"))
        count = len(part.lines)
        args = ["--resize", "256", "--workers", str(WORKERS)]
        by_images.append(bench.rectool(args, part, resize=256, name=f"{count:,} images"))
    return [
        Growth("pack --pass-through --workers 1, files of some 100 bytes", "line", by_lines),
        Growth("pack --resize 256, 2 workers, JPEGs of about 500x375", "image", by_images),
    ]


def merge(bench: Bench) -> list[Table]:
    images = bench.data.images("small")
    half = len(images.lines) // 2
    parts = []
    for begin, end in ((0, half), (half, 2 * half)):
        part = images.part(begin, end, bench.out().with_suffix(".lst"))
        rec = bench.out().with_suffix(".rec")
        run_rectool(["pack", part.lst, rec, "--root", part.root, "--pass-through"])
        parts.append(rec)
    out = bench.out()
    args: list[Argument] = ["pack", *parts, out, "--force"]
    try:
        run_rectool(args)
    except SkipError as error:
        raise SkipError(f"rectool pack does not merge .rec files ({error})") from None
    rec, idx = out.with_suffix(".rec"), out.with_suffix(".idx")
    cat = bench.out().with_suffix(".rec")
    tools = []
    for name, script in (
        ("cat", 'cat "$1" "$2" > "$3"'),
        ("cat and sync", 'cat "$1" "$2" > "$3" && sync "$3"'),
    ):
        command: list[Argument] = ["sh", "-c", script, "sh", *parts, cat]
        check = partial(check_rec, cat, images.sizes, None)
        tools.append(Tool(name, command, [cat], check, 2 * half))
    check = partial(check_rec, rec, images.sizes, idx)
    tools.append(bench.ours("rectool", args, [rec, idx], check, 2 * half))
    return [Comparison(f"two .rec files of {half:,} images as one", "images", tools)]


PACK_CASES: dict[str, Callable[[Bench], list[Table]]] = {
    "pass-small": lambda bench: copies(bench, "small"),
    "pass-large": lambda bench: copies(bench, "large"),
    "resize-opencv": resize_opencv,
    "resize-pillow": lambda bench: resize_pillow(bench, "large"),
    "photos-pillow": lambda bench: resize_pillow(bench, "photos", "--draft"),
    "pack-masks": masks,
    "scaling": scaling,
    "listing": listing,
    "memory": memory,
    "merge": merge,
}
