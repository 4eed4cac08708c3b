"""What is kept of unfinished sets: changes are found, others' files refused, sets never mixed."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rectool import IRHeader, RecordError, RecordReader, RecordWriter, pack, unpack
from rectool.format.shard_names import parse_shard_name
from rectool.packing.pack_source import pack_source
from rectool.packing.record_source import RecordSource
from rectool.packing.result import PackResult
from rectool.packing.shard_writer import finished_shards
from rectool.packing.sharding import Sharding
from rectool.packing.transform import CopyBytes

posix = pytest.mark.skipif(sys.platform == "win32", reason="no such links, modes or forks there")


class StopError(Exception):
    pass


def records(path: Path, count: int, label: float = 1.0) -> Path:
    with RecordWriter(path, force=True) as writer:
        for key in range(count):
            writer.write(pack(IRHeader(0, label, key, 0), b"%05d" % key), key)
    return path


def pack_set(
    rec: Path, out: Path, sharding: Sharding, *, stop_at: int = 0, force: bool = False
) -> PackResult:
    done = 0

    def on_progress(_: int) -> None:
        nonlocal done
        done += 1
        if done == stop_at:
            raise StopError

    return pack_source(
        RecordSource([rec]), out, CopyBytes("nothing"), sharding=sharding, force=force,
        on_progress=on_progress,
    )  # fmt: skip


def stopped(tmp_path: Path, sharding: Sharding, count: int = 16, stop_at: int = 12) -> Path:
    """The journal of a run that was stopped."""
    rec = records(tmp_path / "a.rec", count)
    with pytest.raises(StopError):
        pack_set(rec, tmp_path / "out", sharding, stop_at=stop_at)
    assert finished_shards(str(tmp_path / "out")) > 0
    (journal,) = (tmp_path / ".out.shards").glob("state*")
    return journal


def with_another_digit(content: bytes) -> Iterator[bytes]:
    for match in re.finditer(rb"[0-9]", content):
        digit = b"%d" % ((int(match[0]) + 1) % 10)
        yield content[: match.start()] + digit + content[match.end() :]


@pytest.mark.parametrize("how", [{"count": 4}, {"size": 250}])
def test_any_digit_that_was_changed_is_found(tmp_path: Path, how: dict[str, int]) -> None:
    out, again = tmp_path / "out", Sharding(**how, resume=True)
    journal = stopped(tmp_path, Sharding(**how))
    whole = journal.read_bytes()
    for changed in with_another_digit(whole):
        journal.write_bytes(changed)
        with pytest.raises(RecordError, match="--force packs the set anew"):
            pack_set(tmp_path / "a.rec", out, again)
    journal.write_bytes(whole)
    assert pack_set(tmp_path / "a.rec", out, again).kept > 0
    description = tmp_path / "out.shards.json"
    whole = description.read_bytes()
    for changed in with_another_digit(whole):
        description.write_bytes(changed)
        with pytest.raises(RecordError, match=r"out\.shards\.json"):
            pack_set(tmp_path / "a.rec", out, again)
    description.write_bytes(whole)
    assert pack_set(tmp_path / "a.rec", out, again).images == 16


def test_lines_that_are_gone_doubled_or_swapped_are_found(tmp_path: Path) -> None:
    journal = stopped(tmp_path, Sharding(4))
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    for order in ([0, 2], [1, 2], [0, 2, 1], [0, 1, 1, 2], [0, 0, 1, 2], []):
        journal.write_bytes(b"".join(lines[at] for at in order))
        with pytest.raises(RecordError, match="state"):
            pack_set(tmp_path / "a.rec", tmp_path / "out", Sharding(4, resume=True))
    journal.write_bytes(b"".join(lines[:1]))  # as if the run had been stopped before
    assert pack_set(tmp_path / "a.rec", tmp_path / "out", Sharding(4, resume=True)).kept == 0


def test_a_line_that_a_kill_cut_off_does_not_count(tmp_path: Path) -> None:
    journal = stopped(tmp_path, Sharding(4))
    whole = journal.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    journal.write_bytes(whole[: -len(last) // 2])
    result = pack_set(tmp_path / "a.rec", tmp_path / "out", Sharding(4, resume=True))
    assert (result.kept, result.images) == (1, 16)
    with RecordReader(sorted(map(str, tmp_path.glob("out-*.rec")))) as reader:
        assert reader.keys.tolist() == list(range(16))


def test_a_changed_state_can_be_thrown_away(tmp_path: Path) -> None:
    journal = stopped(tmp_path, Sharding(4))
    journal.write_bytes(b"junk\n")
    assert pack_set(tmp_path / "a.rec", tmp_path / "out", Sharding(4), force=True).kept == 0
    assert not journal.parent.exists()


def test_the_state_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    rec = records(tmp_path / "a.rec", 8)
    staging = tmp_path / ".out.shards"
    staging.mkdir(0o700)
    old = {"identity": {}, "publishing": False, "shards": {}}
    (staging / "state.json").write_text(json.dumps(old))
    for sharding in (Sharding(2), Sharding(2, resume=True)):
        with pytest.raises(RecordError, match="of another version; --force packs the set anew"):
            pack_set(rec, tmp_path / "out", sharding)
    assert pack_set(rec, tmp_path / "out", Sharding(2), force=True).images == 8
    assert not staging.exists()


@posix
def test_a_folder_of_shards_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    rec = records(tmp_path / "a.rec", 8)
    precious = tmp_path / "run"
    precious.mkdir()
    (precious / "00000.rec").write_bytes(b"mine")
    staging = tmp_path / ".out.shards"

    def refused(reason: str) -> None:
        for force in (False, True):
            with pytest.raises(RecordError, match=reason):
                pack_set(rec, tmp_path / "out", Sharding(2), force=force)
        assert not list(tmp_path.glob("out*"))

    staging.symlink_to(precious)
    refused("must be a folder")
    assert [path.name for path in precious.iterdir()] == ["00000.rec"]
    staging.unlink()
    os.mkfifo(staging)
    refused("must be a folder")
    staging.unlink()
    staging.mkdir()
    staging.chmod(0o777)
    refused("may be written to by other users")
    if os.geteuid() == 0:
        staging.chmod(0o700)
        os.chown(staging, 12345, 12345)
        refused("belongs to another user")


@posix
def test_planted_descriptions_are_refused(tmp_path: Path) -> None:
    rec = records(tmp_path / "a.rec", 8)
    description = tmp_path / "out.shards.json"
    description.symlink_to(tmp_path / "planted")
    with pytest.raises(FileExistsError, match="a link that leads to no file of yours"):
        pack_set(rec, tmp_path / "out", Sharding(2))
    description.unlink()
    os.mkfifo(description)
    for force in (False, True):
        with pytest.raises(OSError, match=r"out\.shards\.json"):
            pack_set(rec, tmp_path / "out", Sharding(2), force=force)
    description.unlink()
    assert not list(tmp_path.glob("*out*"))


def test_files_of_others_in_the_folder_stay(tmp_path: Path) -> None:
    rec = records(tmp_path / "a.rec", 8)
    staging = tmp_path / ".out.shards"
    staging.mkdir(0o700)
    (staging / "notes.txt").write_text("mine")
    assert pack_set(rec, tmp_path / "out", Sharding(2)).images == 8
    assert [path.name for path in staging.iterdir()] == ["notes.txt"]


def test_what_is_no_record_file_stays_whatever_its_name(tmp_path: Path) -> None:
    rec = records(tmp_path / "a.rec", 8)
    photo = tmp_path / "out-00003-of-00007.rec"
    photo.write_bytes(b"\xff\xd8\xff photo")
    with pytest.raises(FileExistsError, match="is not a record file"):
        pack_set(rec, tmp_path / "out", Sharding(2), force=True)
    assert photo.read_bytes() == b"\xff\xd8\xff photo"


@pytest.mark.skipif(sys.platform != "linux", reason="names of 255 bytes")
def test_names_too_long_for_shards_are_found_out_first(tmp_path: Path) -> None:
    rec = records(tmp_path / "a.rec", 8)
    fits, long = "n" * 236, "n" * 237
    assert pack_set(rec, tmp_path / fits, Sharding(2)).images == 8
    with pytest.raises(OSError, match="too long"):
        pack_set(rec, tmp_path / long, Sharding(2))
    assert not list(tmp_path.glob(f"*{long}*"))


def test_a_change_of_folder_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rec = records(tmp_path / "a.rec", 8)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    result = pack_source(
        RecordSource([rec]), "out", CopyBytes("nothing"), sharding=Sharding(2),
        on_progress=lambda _: os.chdir(tmp_path / "elsewhere"),
    )  # fmt: skip
    assert result.recs == ("out-00000-of-00002.rec", "out-00001-of-00002.rec")
    assert all((tmp_path / name).exists() for name in result.recs)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_is_written_of_the_state_grows_with_the_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with their square."""
    written = 0
    real = os.write

    def write(fd: int, data: bytes) -> int:
        nonlocal written
        written += len(data)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    sizes = []
    for count in (50, 200):
        rec = records(tmp_path / "a.rec", count)
        written = 0
        pack_set(rec, tmp_path / f"out{count}", Sharding(count))
        sizes.append(written)
    assert sizes[1] < 5 * sizes[0]


def killed_at(step: int, rec: Path, out: Path, sharding: Sharding) -> int:
    """Packs by force in a child that is killed before its so many-th renaming or removal."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = step

    def counted(real: Callable[..., None]) -> Callable[..., None]:
        def do(*args: object, **options: object) -> None:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            real(*args, **options)

        return do

    os.replace = counted(os.replace)
    os.unlink = counted(os.unlink)
    try:
        pack_set(rec, out, sharding, force=True)
        os._exit(0)
    finally:
        os._exit(1)


def labels_of_the_set(folder: Path) -> tuple[set[float], bool]:
    """The labels of the records of the set that there is, and whether it is whole."""
    recs = sorted(map(str, folder.glob("out-*-of-*.rec")))
    names = [name for name in map(parse_shard_name, recs) if name is not None]
    labels: set[float] = set()
    for rec in recs:
        with RecordReader(rec) as reader:
            labels |= {float(unpack(record)[0].label) for record in reader}
    return labels, bool(names) and {len(recs)} == {name.total for name in names}


@posix
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("count", [3, 2])
def test_shards_of_two_sets_never_stand_together(tmp_path: Path, count: int) -> None:
    """Whenever a run is killed that replaces a set: old, new, or some are missing."""
    new = records(tmp_path / "new.rec", 6, 2.0)
    old = records(tmp_path / "old.rec", 6, 1.0)
    seen = set()
    for step in range(90):
        folder = tmp_path / f"s{step}"
        folder.mkdir()
        pack_set(old, folder / "out", Sharding(3))
        status = killed_at(step, new, folder / "out", Sharding(count))
        labels, whole = labels_of_the_set(folder)
        assert len(labels) <= 1, step
        seen.add((*labels, whole))
        if status == 0:
            assert (labels, whole) == ({2.0}, True)
            assert {(1.0, True), (1.0, False), (2.0, False), (2.0, True)} <= seen
            return
        assert status == -signal.SIGKILL
        if (folder / ".out.shards").exists():
            pack_set(new, folder / "out", Sharding(count, resume=True), force=True)
            assert labels_of_the_set(folder) == ({2.0}, True)
            assert not list(folder.glob(".*"))
    pytest.fail("never came to an end")


def test_a_renaming_that_fails_leaves_the_old_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rec = records(tmp_path / "old.rec", 6, 1.0)
    new = records(tmp_path / "new.rec", 6, 2.0)
    pack_set(rec, tmp_path / "out", Sharding(3))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("out*")}
    real = os.replace

    def fails(old: str, name: str) -> None:
        moved_back = os.path.basename(old) == os.path.basename(name)
        if name == str(tmp_path / "out-00002-of-00003.rec") and not moved_back:
            raise OSError(5, "Input/output error", name)
        real(old, name)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="Input/output error"):
            pack_set(new, tmp_path / "out", Sharding(3), force=True)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("out*")} == before
    assert pack_set(new, tmp_path / "out", Sharding(3, resume=True), force=True).kept == 3
    assert labels_of_the_set(tmp_path) == ({2.0}, True)
