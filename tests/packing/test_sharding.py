"""Sets of shards: even, complete each, whole or not there at all, and resumed."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, encoded, picture
from helpers.processes import until

from rectool import ImageError, ListError, RecordError, RecordReader
from rectool.format.frames import locate
from rectool.listing.lst import ImageList
from rectool.listing.scan import scan
from rectool.packing.list_source import FileSource
from rectool.packing.pack_source import pack_source
from rectool.packing.result import Failure, PackResult
from rectool.packing.shard_writer import finished_shards
from rectool.packing.sharding import Sharding
from rectool.packing.transform import CopyBytes
from rectool.system.atomic import AtomicFile

Runner = Callable[..., Run]


def files(folder: Path, pattern: str = "*out*") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob(pattern)) if path.is_file()}


def shards(folder: Path, name: str = "out") -> list[Path]:
    return sorted(folder.glob(f"{name}-*.rec"))


def pack_tree(tree: Path, out: Path, sharding: Sharding, **options: object) -> PackResult:
    source = FileSource(scan(tree).images, tree)
    return pack_source(source, out, CopyBytes(), sharding=sharding, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [["--shards", 3], ["--shard-size", "3kB"]])
@pytest.mark.parametrize("transform", [["--pass-through"], ["--resize", 30]])
def test_shards_together_are_the_whole(
    run: Runner, tmp_path: Path, tree: Path, options: list[object], transform: list[object]
) -> None:
    assert run("pack", "images", "one", *transform).status == 0
    result = run("pack", "images", "out", *options, *transform, "--json")
    assert result.status == 0, result
    recs = shards(tmp_path)
    count = len(recs)
    assert [rec.name for rec in recs] == [
        f"out-{number:05d}-of-{count:05d}.rec" for number in range(count)
    ]
    assert count == 3 or options[0] == "--shard-size"
    assert b"".join(rec.read_bytes() for rec in recs) == (tmp_path / "one.rec").read_bytes()
    keys, sizes = [], []
    for rec in recs:
        with RecordReader(rec) as reader:  # has an index of its own, and every record by it
            assert reader.idx_path == str(rec.with_suffix(".idx"))
            assert len(reader) == len(RecordReader(rec, idx=False))
            keys += reader.keys.tolist()
            sizes.append(len(reader))
    assert keys == RecordReader(tmp_path / "one.rec").keys.tolist()
    if options[0] == "--shards":
        assert sizes == [3, 3, 4]
    else:
        assert count > 2
        assert all(rec.stat().st_size <= 3000 for rec in recs)
        pairs = itertools.pairwise(recs)
        assert all(rec.stat().st_size + 900 > 3000 or after for rec, after in pairs)
    assert (tmp_path / "out.lst").read_bytes() == (tmp_path / "one.lst").read_bytes()
    report = json.loads(result.out)
    assert report["recs"] == [rec.name for rec in recs]
    assert (report["images"], report["kept"], report["lst"]) == (10, 0, "out.lst")
    assert {path.name for path in tmp_path.glob(".*")} == set()


def test_a_shard_is_filled_as_far_as_it_goes(tmp_path: Path, tree: Path) -> None:
    pack_tree(tree, tmp_path / "out", Sharding(size=2500))
    recs = shards(tmp_path)
    for rec, after in itertools.pairwise(recs):
        first = locate(after.read_bytes(), 0).end
        assert rec.stat().st_size + first > 2500 - 16
    assert len(recs) > 2


def test_a_record_larger_than_a_shard_has_its_own(tmp_path: Path, tree: Path) -> None:
    pack_tree(tree, tmp_path / "out", Sharding(size=1))
    assert [len(RecordReader(rec)) for rec in shards(tmp_path)] == [1] * 10


def test_more_shards_than_images(run: Runner, tmp_path: Path, tree: Path) -> None:
    result = run("pack", "images", "out", "--shards", 11)
    assert (result.status, files(tmp_path)) == (1, {})
    assert result.err.endswith("rectool: out.lst: 11 shards are too many for 10 images\n")


class StopError(Exception):
    """Stands for whatever stops a run."""


def stop_at(images: int) -> Callable[[int], None]:
    """What on_progress calls, and raises at this image."""
    done = 0

    def progress(_: int) -> None:
        nonlocal done
        done += 1
        if done == images:
            raise StopError

    return progress


def stopped_after(
    tree: Path, out: Path, images: int, sharding: Sharding, **options: object
) -> None:
    with pytest.raises(StopError):
        pack_tree(tree, out, sharding, on_progress=stop_at(images), **options)


@pytest.mark.parametrize("how", [{"count": 4}, {"size": 2500}])
@pytest.mark.parametrize("images", range(1, 11))
def test_a_stopped_run_goes_on(
    tmp_path: Path, tree: Path, images: int, how: dict[str, int]
) -> None:
    whole = pack_tree(tree, tmp_path / "whole", Sharding(**how))
    out = tmp_path / "out"
    stopped_after(tree, out, images, Sharding(**how))
    assert shards(tmp_path) == []
    finished = finished_shards(str(out))
    staged = tmp_path / ".out.shards"
    before = {path.name: path.stat().st_ino for path in staged.glob("*.rec")}
    assert len(before) == finished
    assert staged.exists() == (finished > 0)
    done: list[int] = []
    result = pack_tree(tree, out, Sharding(**how, resume=True), on_progress=done.append)
    assert (result.images, result.kept, result.bytes) == (10, finished, whole.bytes)
    kept = sum(len(RecordReader(rec)) for rec in shards(tmp_path)[:finished])
    assert len(done) == 10 - kept
    for ours, theirs in zip(shards(tmp_path), shards(tmp_path, "whole"), strict=True):
        for ending in (".rec", ".idx"):
            one, other = ours.with_suffix(ending), theirs.with_suffix(ending)
            assert one.read_bytes() == other.read_bytes()
    after = {path.stat().st_ino for path in shards(tmp_path)[:finished]}
    assert after == set(before.values())
    assert not staged.exists()


def test_runs_killed_again_and_again(run: Runner, tmp_path: Path, tree: Path) -> None:
    lst = b"".join(b"%d\t0\tcats/%d.jpg\n" % (key, key % 6) for key in range(6_000))
    (tmp_path / "a.lst").write_bytes(lst)
    args = ["pack", "a.lst", "out", "--root", "images", "--shards", "8", "--resize", "60"]
    assert run(*args[:2], "whole", *args[3:]).status == 0
    draw = random.Random(5)
    finished = 0

    def run_and_stop(early: bool) -> int:
        """A run that is stopped behind its first shard, where not before."""
        command = [sys.executable, "-m", "rectool", *args, "--resume"]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:

            def has_gone_on() -> bool:
                more = finished_shards(str(tmp_path / "out")) > finished
                return more or process.poll() is not None

            if not early:
                until(has_gone_on, "no shard")
            time.sleep(draw.uniform(0, 0.4))
            process.send_signal(draw.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]))
        return process.returncode

    for number in range(40):
        if run_and_stop(early=number % 3 == 2) == 0:
            break
        if (tmp_path / "out.shards.json").exists():  # it was done already
            break
        assert finished_shards(str(tmp_path / "out")) >= finished
        finished = finished_shards(str(tmp_path / "out"))
        assert finished == 8 or shards(tmp_path) == []
    assert run(*args, "--resume").status == 0
    assert finished > 0
    recs = shards(tmp_path)
    assert len(recs) == 8
    for rec in recs:
        theirs = tmp_path / rec.name.replace("out", "whole")
        for ending in (".rec", ".idx"):
            assert rec.with_suffix(ending).read_bytes() == theirs.with_suffix(ending).read_bytes()
    assert list(tmp_path.glob(".*out*")) == []


def test_other_options_are_refused(run: Runner, tmp_path: Path, tree: Path) -> None:
    stopped_after(tree, tmp_path / "out", 8, Sharding(4))
    args = ["pack", "images", "out", "--no-shuffle", "--pass-through", "--shards", 4]
    first = run(*args)
    assert first.status == 1
    assert "holds 3 shards that a stopped run finished; --resume goes on with them" in first.err
    for options, other in [
        (
            [*args, "--resume", "--verify"],
            "what becomes of images differs from what",
        ),
        ([*args[:3], *args[4:], "--resume"], "the list differs"),
        ([*args[:-1], 5, "--resume"], "--shards or --shard-size differs"),
        ([*args, "--resume", "--label-width", 1], "--label-width differs"),
    ]:
        refused = run(*options)
        assert (refused.status, refused.out) == (1, "")
        assert other in refused.err
        assert "the same command" not in refused.err
    assert finished_shards(str(tmp_path / "out")) == 3
    (tree / "cats" / "new.jpg").write_bytes(encoded(picture()))
    assert "the list differs" in run(*args, "--resume").err
    (tree / "cats" / "new.jpg").unlink()


def test_resumed_from_the_shell(run: Runner, tmp_path: Path, tree: Path) -> None:
    root = Path(os.path.relpath(tree, tmp_path))
    source = FileSource(scan(tree).images, root)
    failures: list[Failure] = []
    (tree / "cats" / "1.jpg").write_bytes(b"bad")
    os.chdir(tmp_path)
    with pytest.raises(StopError):
        pack_source(
            source, "out", CopyBytes(), sharding=Sharding(4), on_progress=stop_at(8),
            on_failure=failures.append,
        )  # fmt: skip
    args = ["pack", "images", "out", "--no-shuffle", "--pass-through", "--shards", 4]
    result = run(*args, "--resume")
    assert result.status == 1  # for the bad image in a shard that is kept
    assert (
        f"images/cats/1.jpg: {failures[0].reason}, as the run before found (line 2, key 1)"
        in result.err
    )
    assert "packed 9 of 10 images into 4 shards: out-00000-of" in result.err
    assert "; 3 shards kept\n" in result.err
    again = run(*args, "--resume")
    assert again.status == 1
    assert "; 4 shards kept\n" in again.err
    failed = run(*args, "--resume", "--on-error", "fail")
    assert (failed.status, len(shards(tmp_path))) == (1, 4)


def test_what_is_lost_of_a_whole_set_is_made_again(tmp_path: Path, tree: Path) -> None:
    out = tmp_path / "out"
    for how in ({"count": 4}, {"size": 2500}):
        pack_tree(tree, out, Sharding(**how), force=True)
        before = files(tmp_path)
        recs = shards(tmp_path)
        recs[1].unlink()
        recs[2].write_bytes(recs[2].read_bytes()[:-4])
        recs[3].with_suffix(".idx").unlink()
        kept = recs[0].stat().st_ino
        result = pack_tree(tree, out, Sharding(**how, resume=True))
        assert result.kept == len(recs) - 3
        assert files(tmp_path) == before
        assert recs[0].stat().st_ino == kept
        again = pack_tree(tree, out, Sharding(**how, resume=True))
        assert again.kept == len(recs)
        assert files(tmp_path) == before


def test_a_set_that_exists(run: Runner, tmp_path: Path, tree: Path) -> None:
    pack_tree(tree, tmp_path / "out", Sharding(4))
    before = files(tmp_path)
    for count in (4, 2):
        with pytest.raises(FileExistsError, match="exists already"):
            pack_tree(tree, tmp_path / "out", Sharding(count))
        assert files(tmp_path) == before
    stopped_after(tree, tmp_path / "out", 8, Sharding(2), force=True)
    assert files(tmp_path) == before
    pack_tree(tree, tmp_path / "out", Sharding(2), force=True)
    assert [path.name for path in shards(tmp_path)] == [
        "out-00000-of-00002.rec",
        "out-00001-of-00002.rec",
    ]
    assert len(files(tmp_path)) == 5
    assert list(tmp_path.glob(".*")) == []


def dies_at_step(tree: Path, out: Path, step: int, **options: object) -> bool:
    """Packs three shards in a process that ends at a rename or removal of the last phase."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = step
    real = {name: getattr(os, name) for name in ("replace", "unlink")}

    def counted(name: str) -> Callable[..., None]:
        def do(*args: object, **options: object) -> None:
            nonlocal left
            left -= finished_shards(str(out)) == 3
            if left < 0:
                os._exit(9)
            real[name](*args, **options)

        return do

    for name in real:
        setattr(os, name, counted(name))
    try:
        pack_tree(tree, out, Sharding(3), **options)
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("force", [False, True])
def test_killed_while_names_are_given(tmp_path: Path, tree: Path, force: bool) -> None:
    pack_tree(tree, tmp_path / "whole", Sharding(3))
    wanted = [data for name, data in files(tmp_path, "whole*").items()]
    old = ImageList(b"77\t5\tcats/0.jpg\n78\t5\tcats/1.jpg\n", "old")
    for step in range(40):
        out = tmp_path / f"out{step}"
        if force:
            for count in (2, 1):
                pack_source(
                    FileSource(old, tree), out, CopyBytes(), sharding=Sharding(count), force=True
                )
        died = dies_at_step(tree, out, step, force=force)
        for rec in shards(tmp_path, out.name):
            if rec.with_suffix(".idx").exists():  # what stands together belongs together
                with RecordReader(rec) as reader:
                    assert len(list(reader)) == len(reader)
                    assert len(RecordReader(rec, idx=False)) == len(reader)
        if died:
            result = pack_tree(tree, out, Sharding(3, resume=True), force=force)
            assert result.kept == 3
        assert list(files(tmp_path, f"{out.name}[.-]*").values()) == wanted
        assert list(tmp_path.glob(".*")) == []
        if not died:
            assert step > 7
            return
    pytest.fail("never came to the end")


def test_two_runs_at_once(tmp_path: Path, tree: Path) -> None:
    with AtomicFile(tmp_path / "out.shards.json") as held:
        with pytest.raises(RecordError, match=r"out\.shards\.json: another process is writing"):
            pack_tree(tree, tmp_path / "out", Sharding(2))
        held.write(b"{}")
    with pytest.raises(RecordError, match="not what rectool keeps of a set of shards"):
        pack_tree(tree, tmp_path / "out", Sharding(2, resume=True))


def test_failures_in_shards(tmp_path: Path, tree: Path) -> None:
    for number in range(3):
        (tree / "cats" / f"{number}.jpg").write_bytes(b"bad")
    result = pack_tree(tree, tmp_path / "out", Sharding(5))
    assert [len(RecordReader(rec)) for rec in shards(tmp_path)] == [0, 1, 2, 2, 2]
    assert [failure.key for failure in result.failures] == [0, 1, 2]
    with pytest.raises(ImageError):
        pack_tree(tree, tmp_path / "none", Sharding(5), on_error="fail")
    assert files(tmp_path, "*none*") == {}
    for number in range(10):
        for folder in ("cats", "dogs"):
            if (tree / folder / f"{number}.jpg").exists():
                (tree / folder / f"{number}.jpg").write_bytes(b"bad")
    with pytest.raises(RecordError, match="none of 10 images could be packed"):
        pack_tree(tree, tmp_path / "none", Sharding(5))
    assert shards(tmp_path, "none") == []


def test_an_empty_source(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="x: nothing to pack"):
        pack_source(
            FileSource(ImageList(b"", "x"), tmp_path),
            tmp_path / "out",
            CopyBytes(),
            sharding=Sharding(1),
        )
