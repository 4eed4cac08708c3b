"""Files of images and of their masks appear together, and never one beside another run's."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, encoded, picture, rectool
from helpers.processes import Files, files
from test_kills import WRITING, steps

from rectool import LimitError, RecordReader
from rectool.format import frames
from rectool.format.writer import AlignedWriter
from rectool.imaging.masks import encode_mask
from rectool.listing.scan import scan
from rectool.packing.list_source import FileSource
from rectool.packing.masks import MasksInFolder
from rectool.packing.pack_source import pack_source
from rectool.packing.sharding import Sharding
from rectool.packing.transform import CopyBytes

Runner = Callable[..., Run]
NAMES = ["out.idx", "out.lst", "out.rec", "out_mask.idx", "out_mask.rec"]


def make(folder: Path, count: int, seed: int = 0) -> None:
    """Images and masks."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        image = picture(seed + number, 20 + number, 18)
        (folder / f"images/{number:03}.jpg").write_bytes(encoded(image))
        mask = encode_mask(np.asarray(image.convert("L")) // 64)
        (folder / f"masks/{number:03}.png").write_bytes(mask)


@pytest.fixture
def tmp_path(in_memory: Path) -> Path:
    make(in_memory / "new", 3)
    make(in_memory / "old", 4, 9)
    return in_memory


def versions(found: Files, before: Files, complete: Files) -> set[str]:
    """Of which runs the files are."""
    known = {"before": before, "complete": complete}
    return {
        version
        for name, data in found.items()
        for version, of_it in known.items()
        if of_it.get(name) == data
    }


@pytest.mark.skipif(sys.platform != "linux", reason="forks and counts lines")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_signal_at_every_line(tmp_path: Path, number: signal.Signals) -> None:
    """Over old files."""
    options = ["--pass-through", "--force"]
    (tmp_path / "was").mkdir()
    old = ["pack", "../old/images", "out", "--masks", "../old/masks", *options]
    assert rectool(*old, cwd=tmp_path / "was").status == 0
    before = files(tmp_path / "was")
    args = ["pack", tmp_path / "new/images", "out", "--masks", tmp_path / "new/masks", *options]
    seen = set()
    for where, err, status, left in steps(tmp_path, before, args, WRITING, number):
        complete = files(tmp_path / "whole")
        assert sorted(complete) == NAMES
        found = {name: data for name, data in left.items() if name[0] != "."}
        if number == signal.SIGINT:
            assert status in (0, 130), (where, err)
            assert found == complete if status == 0 else found in (before, complete), where
        recs = {name: data for name, data in found.items() if name not in ("out.lst",)}
        assert len(versions(recs, before, complete)) <= 1, (where, sorted(found))
        assert set(found.values()) <= {*before.values(), *complete.values()}
        seen.add(tuple(sorted(found)))
    assert tuple(NAMES) in seen


def test_a_full_disk_takes_neither(small_disk: Path, tmp_path: Path) -> None:
    make(tmp_path / "more", 40)
    for path in (tmp_path / "more/images").iterdir():
        path.write_bytes(encoded(picture(int(path.stem), 200, 180), quality=100))
    args = ["--masks", tmp_path / "more/masks", "--pass-through"]
    old = ["pack", tmp_path / "old/images", "out", "--masks", tmp_path / "old/masks"]
    assert rectool(*old, cwd=small_disk).status == 0
    before = files(small_disk)
    for path in (tmp_path / "more/masks").iterdir():
        path.write_bytes(encoded(picture(int(path.stem), 200, 180), "PNG"))
    result = rectool("pack", tmp_path / "more/images", "out", *args, "--force", cwd=small_disk)
    assert result.status == 1
    assert "No space left on device" in result.err
    assert files(small_disk) == before


def test_a_record_that_is_too_large_is_in_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MAX_RECORD", 100)
    writer = AlignedWriter([tmp_path / "a.rec", tmp_path / "a_mask.rec"])
    writer.write([b"1", b"2"], 0)
    for records in ([b"1", bytes(101)], [bytes(101), b"2"]):
        with pytest.raises(LimitError, match="a record must have less than .* got 101"):
            writer.write(records, 1)
    writer.write([b"3", b"4"], 2)
    writer.close()
    assert list(RecordReader(tmp_path / "a.rec")) == [b"1", b"3"]
    assert list(RecordReader(tmp_path / "a_mask.rec")) == [b"2", b"4"]


def shard_files(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*-of-*"))}


class StopError(Exception):
    pass


def pack_shards(
    folder: Path, *, resume: bool = False, stop_at: int = 0, masks: str = "masks"
) -> int:
    """Packs into 4 shards, or as far as that; returns how many were there already."""
    done = 0

    def on_progress(_: int) -> None:
        nonlocal done
        done += 1
        if done == stop_at:
            raise StopError

    where = MasksInFolder(str(folder / masks)) if masks else None
    source = FileSource(scan(folder / "images").images, folder / "images", masks=where)
    out = folder / "out"
    sharding = Sharding(4, resume=resume)
    return pack_source(source, out, CopyBytes(), sharding=sharding, on_progress=on_progress).kept


def test_a_stopped_set_of_pairs_is_gone_on_with(tmp_path: Path) -> None:
    make(tmp_path / "more", 16)
    folder = tmp_path / "more"
    assert pack_shards(folder) == 0
    whole = shard_files(folder)
    assert len(whole) == 16
    for path in folder.glob("out*"):
        path.unlink()
    with pytest.raises(StopError):
        pack_shards(folder, stop_at=10)
    assert not list(folder.glob("out*"))
    for masks in ("../old/masks", ""):
        with pytest.raises(Exception, match="--masks differs from what --resume"):
            pack_shards(folder, resume=True, masks=masks)
    assert pack_shards(folder, resume=True) == 2
    found = shard_files(folder)
    assert found == whole
    (folder / "out_mask-00002-of-00004.rec").unlink()  # lost: that shard is made again
    assert pack_shards(folder, resume=True) == 3
    assert shard_files(folder) == whole


def test_another_list_of_masks_is_not_gone_on_with(run: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    assert run("list", "old/images", "old/images").status == 0
    lines = (folder / "images.lst").read_text().splitlines()
    keys = [line.split("\t")[0] for line in lines]
    masks = folder / "masks.lst"
    args = ["pack", "old/images.lst", "out", "--root", "old/images", "--masks", "old/masks.lst"]
    masks.write_text("".join(f"{key}\t0\tmasks/00{key}.png\n" for key in keys))
    assert run(*args, "--shards", 2).status == 0
    assert run(*args, "--shards", 2, "--resume").status == 0
    masks.write_text("".join(f"{key}\t0\tmasks/000.png\n" for key in keys))
    result = run(*args, "--shards", 2, "--resume")
    assert result.status == 1
    assert "--masks differs from what --resume would go on with" in result.err


def test_the_size_of_shards_is_that_of_masks_too(run: Runner, tmp_path: Path) -> None:
    make(tmp_path / "more", 8)
    for path in (tmp_path / "more/masks").iterdir():
        path.write_bytes(encoded(picture(int(path.stem), 20 + int(path.stem), 18, "L"), "BMP"))
    args = ["pack", "more/images", "out", "--masks", "more/masks", "--pass-through"]
    assert run(*args).status == 0
    images, masks = (tmp_path / name for name in ("out.rec", "out_mask.rec"))
    limit = images.stat().st_size
    assert masks.stat().st_size > 1.2 * limit
    assert run(*args, "--shard-size", limit, "--force").status == 0
    assert len(list(tmp_path.glob("out_mask-*.rec"))) == 2
    assert all(path.stat().st_size <= limit for path in tmp_path.glob("out*-of-*.rec"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_set_killed_at_every_rename(tmp_path: Path) -> None:
    """Over an old set of other pairs. What is there then is of one run, and resuming ends it."""
    make(tmp_path / "more", 8)
    for number in range(100):
        folder = tmp_path / f"k{number}"
        folder.mkdir()
        for name in ("images", "masks"):
            (folder / name).symlink_to(tmp_path / "old" / name)
        assert pack_shards(folder) == 0
        before = shard_files(folder)
        for name in ("images", "masks"):
            (folder / name).unlink()
            (folder / name).symlink_to(tmp_path / "more" / name)
        status = killed_at(number, folder)
        found = shard_files(folder)
        complete = forced(tmp_path / f"c{number}", tmp_path / "more")
        for at in range(4):
            names = [name for name in found if f"-0000{at}-" in name]
            shard = {name: found[name] for name in names}
            assert len(versions(shard, before, complete)) <= 1, (number, names)
        if status == 0:
            assert found == complete
            assert number > 16  # each file's, and what is kept of the set
            return
        if found == before:
            continue
        assert pack_shards(folder, resume=True) == 4
        assert shard_files(folder) == complete
    pytest.fail("never came to an end")


def forced(folder: Path, source: Path) -> Files:
    folder.mkdir()
    for name in ("images", "masks"):
        (folder / name).symlink_to(source / name)
    pack_shards(folder)
    return shard_files(folder)


def killed_at(number: int, folder: Path) -> int:
    """Packs by force, in a child that is killed before its so many-th rename."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    replace, left = os.replace, number

    def counted(source: str, target: str) -> None:
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        replace(source, target)

    os.replace = counted  # type: ignore[assignment]
    where = MasksInFolder(str(folder / "masks"))
    source = FileSource(scan(folder / "images").images, folder / "images", masks=where)
    pack_source(source, folder / "out", CopyBytes(), sharding=Sharding(4), force=True)
    os._exit(0)
