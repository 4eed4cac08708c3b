"""The records that are read, kept beside the images, and the scripts that read them as tools."""

from __future__ import annotations

import io
import sys
import tarfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from checks import HEAD, find_records, mapped
from data import ImageSet
from measure import Tool
from tools import MXNET, PEERS, Argument, Bench, SkipError, checkout, run, run_rectool

EPOCHS, TARS = 4, 8
RESIZED = ("--resize", "256", "--quality", "95")


@dataclass(frozen=True)
class Records:
    """A .rec with its .idx: how many records, or lines where it is for those only, and bytes."""

    rec: Path
    count: int
    size: int = 0

    @property
    def mean(self) -> str:
        return f"{self.size / self.count / 1000:.1f} kB"


def packed(bench: Bench, name: str, images: ImageSet, count: int, *options: Argument) -> Records:
    """The first images of a set as records."""
    rec = bench.data.folder / f"{name}.rec"
    if not rec.exists():
        part = images.part(0, count, bench.out().with_suffix(".lst"))
        if options[: len(RESIZED)] == RESIZED and find_spec("cv2"):
            options = (*options, "--backend", "opencv")
        run_rectool(["pack", part.lst, rec, "--root", part.root, *options, "--force"])
    with mapped(rec) as data:
        sizes = [length for _, length in find_records(data)]
    if len(sizes) != count:
        raise SkipError(f"{rec} has {len(sizes)} records, not {count}")
    return Records(rec, count, sum(sizes))


def packed_pairs(bench: Bench, count: int) -> Records:
    """The first large images with their masks, as records and as the files of these."""
    images, masks = bench.data.images("large"), bench.data.masks("large")
    records = packed(bench, "read-pairs", images, count, *RESIZED, "--masks", masks.root)
    folder = records.rec.with_suffix(".images")
    if not folder.exists():
        new = folder.with_suffix(".new")
        mask_rec = records.rec.with_stem(f"{records.rec.stem}_mask")
        masks = ["--masks", mask_rec, "--masks-out", records.rec.with_suffix(".masks")]
        run_rectool(["unpack", records.rec, new, *masks])
        new.rename(folder)
    return records


def made(bench: Bench, name: str, count: int) -> Records:
    """Records that lookups.py makes: `labels` or `index`."""
    rec = bench.data.folder / f"read-{name}.rec"
    if not rec.exists():
        new = bench.out().with_suffix(".rec")
        run([sys.executable, _path("lookups.py"), f"make-{name}", new, str(count)])
        new.with_suffix(".idx").replace(rec.with_suffix(".idx"))
        new.replace(rec)
    return Records(rec, count)


@dataclass(frozen=True)
class Scripts:
    """Makes tools of a script, which checks by itself what it reads of these records."""

    bench: Bench
    script: tuple[str, ...]
    records: Records
    args: tuple[int | str, ...]

    def tool(self, name: str, kind: str, python: str = sys.executable) -> Tool:
        out = self.bench.out().with_suffix(".json")
        script, *mode = self.script
        command: list[Argument] = [python, _path(script), *mode, kind, self.records.rec, out]
        count = self.records.count
        args = map(str, (count, *self.args))
        return Tool(name, [*command, *args], [out], lambda: None, count, checkout())

    def peer(self, name: str, kind: str, variable: str, module: str) -> list[Tool]:
        python = self.bench.peer(name, variable, module)
        return [self.tool(name, kind, python)] if python else []

    def here(self, name: str, kind: str, module: str) -> list[Tool]:
        """What needs a package in this Python."""
        return self.peer(name, kind, "", module)


def image_readers(bench: Bench, records: Records, batch: int, shorter: int) -> list[Tool]:
    """All that make batches of images; `shorter` is the edge to resize to, 0: none."""
    scripts = Scripts(bench, ("readers.py",), records, (batch, EPOCHS, shorter))
    _write_tars(records)
    return [
        *scripts.peer("mx.io.ImageRecordIter", "mxnet-record-iter", MXNET, "mxnet"),
        *scripts.peer("mx.image.ImageIter", "mxnet-image-iter", MXNET, "mxnet"),
        *scripts.peer("DALI on the CPU", "dali", PEERS, "nvidia.dali"),
        *scripts.peer("torch, webdataset, Pillow", "torch-webdataset", PEERS, "webdataset"),
        *scripts.peer("torch, rectool.RecordDataset", "torch-rectool", PEERS, "torch"),
        scripts.tool("bare Pillow, 2 threads", "bare-pillow"),
        *scripts.here("bare OpenCV, 2 threads", "bare-opencv", "cv2"),
        *scripts.here("bare simplejpeg, 2 threads", "bare-simplejpeg", "simplejpeg"),
        *rectool_readers(scripts),
    ]


def pair_readers(bench: Bench, records: Records, batch: int) -> list[Tool]:
    """All that make batches of images and masks; and of the images alone, rectool."""
    scripts = Scripts(bench, ("pair_readers.py",), records, (batch, EPOCHS))
    alone = Scripts(bench, ("readers.py",), records, (batch, EPOCHS, 0))
    return [
        *scripts.peer("DALI on the CPU", "dali", PEERS, "nvidia.dali"),
        *scripts.peer("torch, files, Pillow", "torch-files", PEERS, "torch"),
        *scripts.peer("torch, rectool.RecordDataset", "torch-rectool", PEERS, "torch"),
        alone.tool("rectool, the images alone", "rectool"),
        *rectool_readers(scripts),
    ]


def box_readers(bench: Bench, records: Records, batch: int, boxes: tuple[int, int]) -> list[Tool]:
    """All that make batches of images and boxes: so many, of classes with such a sum."""
    scripts = Scripts(bench, ("box_readers.py",), records, (batch, EPOCHS, *boxes))
    ours = "rectool.mx.image.ImageDetIter"
    return [
        *scripts.peer("mx.io.ImageDetRecordIter", "mxnet-record-iter", MXNET, "mxnet"),
        *scripts.peer("mx.image.ImageDetIter", "mxnet-image-iter", MXNET, "mxnet"),
        scripts.tool(ours, "rectool-mx"),
        *scripts.here(f"{ours}, OpenCV", "rectool-mx-opencv", "cv2"),
        *scripts.here("rectool.ImageDetRecordIter, OpenCV", "rectool-opencv", "cv2"),
        scripts.tool("rectool.ImageDetRecordIter", "rectool"),
    ]


def rectool_readers(scripts: Scripts) -> list[Tool]:
    return [
        scripts.tool("rectool, hard dependencies", "rectool-hard"),
        *scripts.here("rectool, OpenCV", "rectool-opencv", "cv2"),
        scripts.tool("rectool", "rectool"),
    ]


def _write_tars(records: Records) -> None:
    """The same images for webdataset, with their labels."""
    folder = records.rec.with_suffix(".tars")
    if folder.exists():
        return
    new = folder.with_suffix(".new")
    new.mkdir(exist_ok=True)
    with mapped(records.rec) as data:
        found = find_records(data)
        for number in range(TARS):
            with tarfile.open(new / f"{number:02}.tar", "w") as tar:
                for at in range(number, len(found), TARS):
                    offset, length = found[at]
                    _add(tar, f"{at:06}.jpg", data[offset + HEAD : offset + length])
                    _add(tar, f"{at:06}.cls", b"%d" % (at % 100))
    new.rename(folder)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _path(script: str) -> Path:
    return Path(__file__).with_name(script)
