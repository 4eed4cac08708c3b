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

from helpers.damaged_records import DAMAGES, pair_of, stock
from helpers.fuzz_records import Truth, read_pair
from helpers.fuzzing import Said, Trial
from helpers.mutations import TEXT, cut_end, nothing_left
from helpers.plain_records import fields, read_all, read_idx

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
    from rectool.cli.main import main

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


def try_damaged_shard(trial: Trial) -> None:
    """Of two shards, each with its index, one is damaged."""
    records = list(stock()[1:])
    trial.rng.shuffle(records)
    begin, end = trial.rng.randint(1, 5), trial.rng.randint(6, len(records))
    pairs = [pair_of(records[:begin]), pair_of(records[begin:end])]
    which, damage = trial.rng.randrange(2), trial.rng.choice(DAMAGES)
    trial.kind = f"shard: {damage.__name__}"
    names = [f"a-{number:05}-of-00002.rec" for number in range(2)]
    truths = []
    for number, (name, pair) in enumerate(zip(names, pairs, strict=True)):
        rec = damage(pair, trial.rng) if number == which else pair.rec
        trial.path(name, rec)
        trial.path(name.replace(".rec", ".idx"), pair.idx)
        truths.append(Truth(pair, rec, read_idx(pair.idx)))
    _read_shards(trial, names, truths)
    trial.rng.choice((_pack_shards, _unpack_shards, _inspect_shards))(trial, names, truths)


def _of(truths: list[Truth], key: int) -> Truth:
    return next(truth for truth in truths if key in truth.records)


def _read_shards(trial: Trial, names: list[str], truths: list[Truth]) -> None:
    from rectool import RecordError, RecordReader

    trial.at = "RecordReader of shards"
    with trial.raises_only((RecordError, OSError), "RecordReader"):
        reader = RecordReader(names)
        for key in reader.keys.tolist():
            with trial.raises_only((RecordError,), f"record {key}") as reading:
                right = reader.by_key(key) == _of(truths, key).records[key]
                trial.check(right, f"{key}: another record")
            if reading.error and _of(truths, key).untouched(key):
                trial.problem(f"refuses the whole record {key}: {reading.error}")


def _pack_shards(trial: Trial, names: list[str], truths: list[Truth]) -> None:
    said = trial.rectool("pack", *names, "out")
    made = read_pair(trial, "out") if Path("out.rec").exists() else {}
    for key, data in made.items():
        trial.check(data == _of(truths, key).records[key], f"{key}: another record")
    _nothing_lost(trial, said, truths, set(made))


def _unpack_shards(trial: Trial, names: list[str], truths: list[Truth]) -> None:
    said = trial.rectool("unpack", *names, "files")
    lists = list(Path("files").glob("*.lst")) if Path("files").exists() else []
    lines = lists[0].read_text().splitlines() if lists else []
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    for key, *_, name in rows:
        about = fields(_of(truths, int(key)).records[int(key)] or b"")
        right = about is not None and Path("files", name).read_bytes() == about[2]
        trial.check(right, f"{name}: another image")
    _nothing_lost(trial, said, truths, {int(row[0]) for row in rows})


def _nothing_lost(trial: Trial, said: Said, truths: list[Truth], found: set[int]) -> None:
    lost = {key for truth in truths for key in truth.records} - found
    trial.check(said.status or not lost, f"lost {lost} with status 0")


def _inspect_shards(trial: Trial, names: list[str], truths: list[Truth]) -> None:
    said = trial.rectool("inspect", *names, *trial.rng.choice(((), ("--records", "--json"))))
    sound = all(truth.sound for truth in truths)
    trial.check(said.status or sound, "says nothing of the damage")
