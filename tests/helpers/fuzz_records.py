"""Damaged `.rec` and `.idx` files: what is read of them is right, or an error says what is not."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers.damaged_records import DAMAGES, INDEX_FAULTS, Pair, some_pair
from helpers.fuzzing import Trial
from helpers.plain_records import MAGIC, Record, fields, read_all, read_at, read_idx

SHAPE = (3, 8, 9)


class Truth:
    """What a damaged pair holds, by the format's rules alone."""

    def __init__(self, pair: Pair, rec: bytes, index: list[tuple[int, int]] | None) -> None:
        self.pair, self.rec, self.index = pair, rec, index
        self.found, self.complete = read_all(rec)
        if index is None:
            self.index = None
            pairs = [(fields(data), at) for at, data in self.found]
            ids = [one[0] if one else -1 for one, _ in pairs]
            plain = len(set(ids)) == len(ids) and -1 not in ids and max(ids, default=0) < 1 << 63
            keys = ids if plain else list(range(len(ids)))
            index = [(key, at) for key, (_, at) in zip(keys, pairs, strict=True)]
        places = [at for _, at in index]
        spans = [self._at(at, {len(rec), *places} if self.index else set()) for at in places]
        self.in_order = [span[0] if span else None for span in spans]
        """By position in the index; None where none begins."""
        self.keys = [key for key, _ in index]
        self.records = dict(zip(self.keys, self.in_order, strict=True))
        filled = sum(span[1] - at for span, at in zip(spans, places, strict=True) if span)
        listed = self.complete and set(places) == {at for at, _ in self.found}
        self.sound = listed or (None not in spans and filled == len(rec))

    def _at(self, offset: int, ends: set[int]) -> tuple[bytes, int] | None:
        """A magic word in a record is damage of its image where the index tells that it ends so."""
        one = read_at(self.rec, offset, strict=False) if offset % 4 == 0 else None
        return one if one is None or one[1] in ends else read_at(self.rec, offset)

    def untouched(self, key: int) -> bool:
        """Whether this record's frames stand where they stood, and the key is that of no other."""
        begin, end = self.pair.spans.get(key, (0, 0))
        same = end > 0 and self.rec[begin:end] == self.pair.rec[begin:end]
        same = same and self.records.get(key) == self.pair.records[key].data
        return same and self.keys.count(key) == 1

    @functools.cached_property
    def anywhere(self) -> set[bytes]:
        """Whatever can be read at any multiple of 4."""
        ats = (at for at in range(0, len(self.rec), 4) if self.rec[at : at + 4] == MAGIC)
        return {one[0] for at in ats if (one := read_at(self.rec, at))}


# the readers and commands


def try_reader(trial: Trial, truth: Truth) -> None:
    trial.at = "RecordReader"
    from rectool import RecordError, RecordReader

    with trial.raises_only((RecordError, OSError), "RecordReader"):
        reader = RecordReader("a.rec")
        for position, key in enumerate(reader.keys.tolist()):
            with trial.raises_only((RecordError,), f"record {key}") as reading:
                got = reader[position]
                if truth.index is None:
                    _compare(trial, truth, key, got)
                else:
                    right = got == truth.in_order[position]
                    trial.check(right, f"{key}: {len(got)} bytes are not the record")
            if reading.error and truth.untouched(key):
                trial.problem(f"refuses the whole record {key}: {reading.error}")
        with trial.raises_only((RecordError,), "headers"):
            reader.headers()
        with trial.raises_only((RecordError,), "labels"):
            reader.labels()


def _compare(trial: Trial, truth: Truth, key: int, got: bytes) -> None:
    expected = truth.records.get(key)
    if truth.index is None:
        trial.check(got in truth.anywhere, f"{key}: a record of {len(got)} bytes that is not there")
    elif expected is None:
        trial.problem(f"{key}: a record of {len(got)} bytes, where none is whole")
    else:
        trial.check(got == expected, f"{key}: {len(got)} bytes, not {len(expected)}")


def try_recovery(trial: Trial, truth: Truth) -> None:
    trial.at = "RecordReader(on_damage=)"
    from rectool import RecordError, RecordReader

    regions: list[Any] = []
    with trial.raises_only((RecordError, OSError), "RecordReader"):
        reader = RecordReader("a.rec", idx=False, on_damage=regions.append)
        got = list(reader)
        for data in got:
            trial.check(data in truth.anywhere, f"a record of {len(data)} bytes that is not there")
        for key, (begin, end) in truth.pair.spans.items():
            if truth.rec[begin:end] == truth.pair.rec[begin:end]:
                trial.check(truth.pair.records[key].data in got, f"the whole record {key} is lost")
        trial.check(truth.complete or regions, "says nothing of the damage")


def try_data_set(trial: Trial, truth: Truth) -> None:
    trial.at = "RecordDataset"
    from rectool import RecordDataset, RecordError

    decode = trial.rng.random() < 0.5
    with trial.raises_only((RecordError, OSError), "RecordDataset"):
        dataset = RecordDataset("a.rec", decode=decode)
        keys = dataset.keys.tolist()
        for at, key in enumerate(keys):
            with trial.raises_only((RecordError,), f"sample {key}") as reading:
                image, label = dataset[at]
                if truth.untouched(key):
                    _compare_sample(trial, truth, key, image, label, decode=decode)
            if reading.error and truth.untouched(key):
                trial.problem(f"RecordDataset refuses the whole record {key}: {reading.error}")
        for key, record in truth.pair.records.items():
            if truth.untouched(key) and (key in keys) != bool(record.payload):
                trial.problem(f"the record {key} should {'' if record.payload else 'not '}be there")


def _compare_sample(
    trial: Trial, truth: Truth, key: int, image: Any, label: Any, *, decode: bool
) -> None:
    record = truth.pair.records[key]
    same = np.array_equal(image, _pixels(record.payload)) if decode else image == record.payload
    trial.check(same, f"another image for {key}")
    labels = np.array(record.labels, np.float32)
    trial.check(np.array_equal(np.ravel(label), labels), f"other labels for {key}: {label}")


@functools.cache
def _pixels(payload: bytes) -> Any:
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(payload)).convert("RGB"))


def try_iterator(trial: Trial, truth: Truth) -> None:
    trial.at = "ImageRecordIter"
    from rectool import ImageRecordIter, RecordError

    seen: set[int] = set()
    options = {"preprocess_threads": 2, "on_error": "skip", "shuffle": True}
    with trial.raises_only((RecordError, OSError, ValueError), "ImageRecordIter") as whole_run:
        it = ImageRecordIter("a.rec", SHAPE, 4, **options)
        for batch in it:
            for row, key in enumerate(batch.index.tolist()):
                seen.add(key)
                if truth.untouched(key):
                    same = np.array_equal(batch.data[0][row], _row(truth.pair.records[key]))
                    trial.check(same, f"another image for {key} in a batch")
                    trial.check(batch.label[0][row] == key, f"another label for {key}")
        skipped = set(it.skipped)
        it.close()
    if whole_run.error is None:
        wanted = {key for key, record in truth.pair.records.items()
                  if truth.untouched(key) and record.payload and record.data[0] == 0}  # fmt: skip
        trial.check(wanted <= seen, f"{wanted - seen} were not in any batch")
        trial.check(not wanted & skipped, f"{wanted & skipped} were skipped")
    elif isinstance(whole_run.error, ValueError):
        trial.check(
            "none of the records holds an image" in str(whole_run.error), str(whole_run.error)
        )


def _row(record: Record) -> Any:
    pixels = _pixels(record.payload)
    height, width = pixels.shape[:2]
    top, left = (height - SHAPE[1]) // 2, (width - SHAPE[2]) // 2
    return pixels[top : top + SHAPE[1], left : left + SHAPE[2]].transpose(2, 0, 1)


def try_mxnet_names(trial: Trial, truth: Truth) -> None:
    trial.at = "rectool.mx"
    from rectool import RecordError
    from rectool.mx.recordio import MXIndexedRecordIO, MXRecordIO

    if truth.index is not None:
        with trial.raises_only((RecordError, OSError), "MXIndexedRecordIO"):
            indexed = MXIndexedRecordIO("a.idx", "a.rec", "r")
            for key in list(indexed.keys):
                with trial.raises_only((RecordError,), f"read_idx({key})"):
                    _compare(trial, truth, int(key), indexed.read_idx(key))
    records: list[bytes] = []
    with trial.raises_only((RecordError, OSError), "MXRecordIO") as reading:
        one = MXRecordIO("a.rec", "r")
        while (record := one.read()) is not None:
            records.append(record)
    found = [data for _, data in truth.found]
    trial.check(records == found[: len(records)], "MXRecordIO.read gave other records")
    if reading.error is None:
        trial.check(truth.complete and len(records) == len(found), "MXRecordIO.read lost records")


def try_inspect(trial: Trial, truth: Truth) -> None:
    if trial.rng.random() < 0.5:
        said = trial.rectool("inspect", "a.rec")
    else:
        said = trial.rectool("inspect", "a.rec", "--records", "--json")
        for line in said.out.splitlines():
            _compare_row(trial, truth, json.loads(line))
    if not truth.sound:
        trial.check(said.status, "says nothing of the damage")


def _compare_row(trial: Trial, truth: Truth, row: dict[str, Any]) -> None:
    one = read_at(truth.rec, row["offset"])
    if one is None:
        trial.problem(f"shows a record at {row['offset']}, where none is whole")
        return
    trial.check(row["size"] == len(one[0]), f"another size: {row}")
    about = fields(one[0])
    if about is not None and row.get("id") is not None:
        trial.check(row["id"] == about[0], f"another id: {row}")


def try_pack(trial: Trial, truth: Truth) -> None:
    options = trial.rng.choice(((), (), ("--pass-through",), ("--shuffle",), ("--images-only",)))
    said = trial.rectool("pack", "a.rec", "out", *options)
    made = read_pair(trial, "out") if Path("out.rec").exists() else {}
    for key, data in made.items():
        _compare(trial, truth, key, data)
    if said.status == 0:
        bare = "--images-only" in options
        for key, expected in truth.records.items():
            about = fields(expected or b"")
            if not (bare and about and not about[2]):
                trial.check(key in made, f"lost {key} with status 0")
        if truth.index is None:
            trial.check(truth.complete, "says nothing of the damage")


def try_resize(trial: Trial, truth: Truth) -> None:
    said = trial.rectool("pack", "a.rec", "small", "--resize", "8", "--workers", "1")
    made = read_pair(trial, "small") if Path("small.rec").exists() else {}
    ids_are_keys = truth.index is not None or truth.complete  # else also those behind damage count
    for key, data in made.items():
        if truth.untouched(key) and ids_are_keys:
            about, source = fields(data), fields(truth.pair.records[key].data)
            trial.check(about and source and about[:2] == source[:2], f"another header of {key}")
    if said.status == 0:
        trial.check(set(truth.records) <= set(made), "lost records with status 0")


def read_pair(trial: Trial, name: str) -> dict[int, bytes]:
    """Records by key, of a pair that a command wrote: it must be whole."""
    data = Path(f"{name}.rec").read_bytes()
    index = read_idx(Path(f"{name}.idx").read_bytes())
    found, complete = read_all(data)
    trial.check(complete, f"{name}.rec is damaged")
    trial.check([at for _, at in index] == [at for at, _ in found], f"{name}.idx is another's")
    trial.check(len({key for key, _ in index}) == len(index), f"{name}.idx has a key twice")
    return {key: data for (key, _), (_, data) in zip(index, found, strict=False)}


def try_unpack(trial: Trial, truth: Truth) -> None:
    said = trial.rectool("unpack", "a.rec", "files")
    lists = list(Path("files").glob("*.lst")) if Path("files").exists() else []
    lines = lists[0].read_text().splitlines() if lists else []
    made = [line.split("\t") for line in lines if not line.startswith("#")]
    for key, *labels, name in made:
        expected = fields(truth.records.get(int(key)) or b"")
        payload = Path("files", name).read_bytes()
        if truth.index is None:
            known = {about[2] for data in truth.anywhere if (about := fields(data))}
            trial.check(payload in known, f"{name}: an image that is not there")
        elif expected is None:
            trial.problem(f"{name}: a file of a record that is not whole")
        else:
            trial.check(payload == expected[2], f"{name}: another image")
            same = np.array_equal(
                np.array(labels, np.float32), np.array(expected[1], np.float32), equal_nan=True
            )
            trial.check(same, f"{name}: labels {labels[:5]}, not {expected[1][:5]}")
    if said.status == 0:
        keys = {int(key) for key, *_ in made}
        trial.check(set(truth.records) <= keys, f"lost {set(truth.records) - keys} with status 0")
        if truth.index is None:
            trial.check(truth.complete, "says nothing of the damage")


def try_index(trial: Trial, truth: Truth) -> None:
    said = trial.rectool("index", "a.rec", "new.idx")
    if said.status == 0:
        offsets = [at for _, at in read_idx(Path("new.idx").read_bytes())]
        trial.check(truth.complete, "says nothing of the damage")
        trial.check(offsets == [at for at, _ in truth.found], "other offsets")


TRIES: tuple[Callable[[Trial, Truth], None], ...] = (
    try_recovery, try_data_set, try_iterator, try_mxnet_names, try_inspect, try_pack, try_resize,
    try_unpack, try_index,
)  # fmt: skip


def try_record_file(trial: Trial) -> None:
    """A damaged `.rec`, with the `.idx` of the whole one or without any."""
    pair, damage = some_pair(trial.rng), trial.rng.choice(DAMAGES)
    trial.kind = f"rec: {damage.__name__}"
    rec, with_idx = damage(pair, trial.rng), trial.rng.random() < 0.7
    trial.path("a.rec", rec)
    if with_idx:
        trial.path("a.idx", pair.idx)
    truth = Truth(pair, rec, read_idx(pair.idx) if with_idx else None)
    try_reader(trial, truth)
    for attempt in trial.rng.sample(TRIES, 2):
        attempt(trial, truth)


def _lenient(text: bytes) -> list[tuple[int, int]] | None:
    """Keys and offsets, as far as it is an index at all."""
    found = []
    for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        words = line.strip().split(b"\t")
        if words == [b""]:
            continue
        try:
            found.append((int(words[0]), int(words[1])))
        except (ValueError, IndexError):
            return None
    return found


def try_index_file(trial: Trial) -> None:
    """A whole `.rec` with a damaged `.idx`."""
    pair, fault = some_pair(trial.rng), trial.rng.choice(INDEX_FAULTS)
    trial.kind = f"idx: {fault.__name__}"
    text = fault(pair.idx, trial.rng)
    trial.path("a.rec", pair.rec)
    trial.path("a.idx", text)
    index = _lenient(text)
    truth = Truth(pair, pair.rec, [(-1, 1)] if index is None else index)
    try_reader(trial, truth)
    attempt = trial.rng.choice((_pack_all, try_unpack, try_inspect, try_data_set, try_mxnet_names))
    attempt(trial, truth)


def _pack_all(trial: Trial, truth: Truth) -> None:
    try_pack(trial, truth)
    if not Path("out.rec").exists():
        return
    made = read_pair(trial, "out")
    ids = {about[0]: key for key, data in made.items() if (about := fields(data))}
    wrong = [key for id_, key in ids.items() if id_ != key and key in truth.pair.records]
    trial.check(len(wrong) <= 2, f"{len(wrong)} of {len(made)} records have a neighbour's key")
