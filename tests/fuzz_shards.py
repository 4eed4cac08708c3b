"""Sets of shards: what a stopped run left is damaged, then resumed; or a whole set is."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import tempfile
from pathlib import Path

from conftest import encoded, picture
from fuzzing import Said, Trial
from mutations import TEXT, cut_end, nothing_left
from plain_records import read_all

COUNT, SHARDS = 12, 4
PACK = ("pack", "m.lst", "set", "--root", "images", "--pass-through", "--shards", str(SHARDS))


def _images(folder: Path) -> None:
    (folder / "images").mkdir(parents=True)
    lines = []
    for number in range(COUNT):
        (folder / f"images/{number}.jpg").write_bytes(encoded(picture(number, 20, 16)))
        lines.append(f"{number}\t{number}\t{number}.jpg\n")
    (folder / "m.lst").write_text("".join(lines))


@functools.cache
def stopped_after(syncs: int) -> Path:
    """A folder where a run was killed when it wanted to sync for this time; 0: when it was done."""
    folder = Path(tempfile.mkdtemp())
    _images(folder)
    pid = os.fork()
    if not pid:
        os.chdir(folder)
        _kill_at_sync(syncs)
        with contextlib.suppress(SystemExit):
            _main(*PACK)
        os._exit(0)
    os.waitpid(pid, 0)
    return folder


def _kill_at_sync(syncs: int) -> None:
    sync, left = os.fsync, [syncs]

    def counted(descriptor: int) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = counted


def _main(*words: str) -> None:
    from rectool.cli import main

    main(list(words), prog_name="rectool")


def try_set(trial: Trial) -> None:
    """One of the files of an unfinished or whole set is damaged; then the set is resumed."""
    source = stopped_after(trial.rng.choice((0, 0, 6, 9, 12, 15)))
    shutil.copytree(source, trial.folder, dirs_exist_ok=True)
    made = (path for path in sorted(trial.folder.rglob("*")) if path.is_file())
    files = [path for path in made if "set" in f"{path.parent.name} {path.name}"]
    about = [path for path in files if path.suffix not in (".rec", ".idx")]
    files = about if about and trial.rng.random() < 0.7 else files
    target = trial.rng.choice(files or [Path("none")])
    # a shard's own bytes are told by their number alone
    fault = trial.rng.choice(TEXT if target in about else (cut_end, nothing_left))
    kind = "state" if target in about else "shard"
    trial.kind = f"set: {kind}, {fault.__name__}"
    if target.exists():
        whole = target.read_bytes()
        damaged = fault(whole, trial.rng)
        target.write_bytes(damaged if target in about or len(damaged) != len(whole) else b"")
    _compare(trial, trial.rectool(*PACK, "--resume"))
    anew = trial.rectool(*PACK, "--force")
    trial.check(anew.status == 0 or target.name in anew.err, f"not made anew: {anew.err}")
    _compare(trial, anew)


def _compare(trial: Trial, said: Said) -> None:
    if said.status:
        return
    found: list[int] = []
    for number in range(SHARDS):
        data = Path(f"set-{number:05}-of-{SHARDS:05}.rec").read_bytes()
        records, complete = read_all(data)
        trial.check(complete, f"shard {number} is damaged, with status 0")
        found += [int.from_bytes(record[8:16], "little") for _, record in records]
    trial.check(found == list(range(COUNT)), f"records {found} of {COUNT} with status 0")
    reading = trial.rectool("inspect", *(f"set-{n:05}-of-{SHARDS:05}.rec" for n in range(SHARDS)))
    trial.check(reading.status == 0, f"inspect: {reading.err}")
