"""A source into a `.rec` and its `.idx`, or into a set of shards."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from itertools import chain

from ..errors import ImageError, LimitError, ListError, RecordError, StrPath, plural, shown
from ..format.boxes import are_boxes, boxes_of
from ..format.shard_manifest import Shard
from ..format.shard_names import MASK_SUFFIX, mask_name
from ..format.writer import AlignedWriter
from ..imaging.change_remarks import TRUNCATED
from ..listing.paths import Root
from ..remarks import Remarks
from ..system.atomic import AtomicFile
from ..system.open_regular import holds
from .executor import Executor, Result, usual_workers
from .list_source import FileSource
from .mask_remarks import MaskCounts
from .result import Failure, OnError, PackResult
from .shard_writer import ShardWriter
from .sharding import Sharding
from .source import Location, PackedSample, Records, Source
from .transform import Transform

_LOOKED_AT = 100  # samples, to tell what their labels are
_MANY = 100  # files

_AS_FAR_AS_IT_GOES = "cut short or damaged; packed as far as it goes"
_MISSING = os.strerror(errno.ENOENT)


def outputs_of(out: StrPath) -> tuple[str, str, str]:
    """The paths of `.rec`, `.idx` and `.lst` for an output named with or without `.rec`."""
    prefix = os.fspath(out)
    if prefix.lower().endswith(".rec"):
        prefix = prefix[:-4]
    if os.path.basename(prefix) in ("", os.curdir, os.pardir):
        raise IsADirectoryError(errno.EISDIR, "a folder; name a file in it", os.fspath(out))
    return prefix + ".rec", prefix + ".idx", prefix + ".lst"


def pack_source(
    source: Source,
    out: StrPath,
    transform: Transform,
    *,
    sharding: Sharding | None = None,
    workers: int | None = None,
    on_error: OnError = "report",
    with_list: bool = False,
    force: bool = False,
    on_failure: Callable[[Failure], None] = lambda failure: None,
    on_truncated: Callable[[Failure], None] = lambda truncated: None,
    on_progress: Callable[[int], None] = lambda images: None,
    start_method: str | None = None,
) -> PackResult:
    """Writes OUT.rec and OUT.idx, a record for each sample of the source, in its order.

    Of a source with masks also OUT_mask.rec and OUT_mask.idx: records with the same keys and
    headers, in the same order. With `sharding` it is the set of shards OUT-00000-of-000NN.rec and
    .idx. `with_list` writes the list of a FileSource to OUT.lst too. The bytes written do not
    depend on `workers`, by default `usual_workers`; `start_method` is that of `multiprocessing`.

    A sample that cannot be packed, or ends the worker process that has it, even alone, goes to
    `on_failure` and into the result, in the source's order; with `on_error` "fail" the first one is
    raised as ImageError. An image that was packed only as far as it goes goes to `on_truncated`.
    `on_progress` is called after each sample with the number of all that are
    to be packed. Nothing appears under the outputs' names unless this returns.

    Raises ListError for an empty source, for a long list of which no file is found, and where boxes
    would be cut; RecordError where nothing could be packed, a worker process died for no reason of
    its own, or shards cannot be resumed; FileExistsError and OSError as RecordWriter does.
    """
    _check(source, transform)
    resume = sharding is not None and sharding.resume
    if isinstance(source, FileSource) and not resume:
        _check_root(source)
    started = time.monotonic()
    rec, _, lst = outputs_of(out)
    failures: list[Failure] = []
    masks = MaskCounts()
    remarks = Remarks()
    recs = [rec, mask_name(rec)] if source.has_masks else [rec]

    def fail(failure: Failure) -> None:
        if on_error == "fail":
            raise ImageError(failure.reason, path=failure.path, offset=failure.offset)
        failures.append(failure)
        on_failure(failure)

    with contextlib.ExitStack() as stack:
        if sharding is None:
            shards: _OneFile | ShardWriter = _OneFile(recs, len(source), force=force)
        else:
            shards = _sharded(source, rec, transform, sharding, force=force)
        stack.enter_context(shards)
        lists = _lists(source, lst, force=force, resume=resume) if with_list else []
        beside = [stack.enter_context(output) for output in lists]
        for shard in shards.kept:
            for failure in shard.failures:
                fail(failure._replace(reason=f"{failure.reason}, as the run before found"))
        left = sum(map(len, shards.parts))
        run = Executor(source, transform, workers or usual_workers(transform), start_method)
        results = stack.enter_context(contextlib.closing(run.results(shards.parts)))
        for wanted, (position, result) in zip(chain(*shards.parts), results, strict=True):
            if position != wanted:
                raise RuntimeError(f"sample {position} where {wanted} should be")
            key = int(source.keys[position])
            error = _add(shards, source, position, result)
            if error is not None:
                failure = Failure(key, *source.location(position), error.message)
                shards.record_failure(position, failure)
                fail(failure)
            elif isinstance(result, PackedSample):
                masks.add_all(result.records[1:])
                if result.remarks and remarks.count_all(result.remarks, TRUNCATED):
                    on_truncated(Failure(key, *source.location(position), _AS_FAR_AS_IT_GOES))
            on_progress(left)
        if not shards.records:
            hint = ""
            if isinstance(source, FileSource) and all(one.reason == _MISSING for one in failures):
                hint = _root_hint(source)
            raise RecordError(f"none of {plural(len(source), source.noun)} could be packed{hint}")
        published = shards.publish(*beside)
    return PackResult(
        recs=published[0],
        masks=published[1] if source.has_masks else (),
        lst=lst if with_list else None,
        images=shards.records,
        bytes=shards.sizes[0],
        colour_masks=masks.colours,
        mask_bytes=shards.sizes[1] if source.has_masks else 0,
        seconds=time.monotonic() - started,
        failures=tuple(failures),
        sharded=sharding is not None,
        kept=len(shards.kept),
        remarks=(*remarks.lines(), *masks.remarks()),
    )


def _check(source: Source, transform: Transform) -> None:
    """Raises ListError for what is not to be packed so; of boxes as far as the first ones tell."""
    if not len(source):
        raise ListError("nothing to pack", path=source.name)
    if transform.crops or source.label_width is not None:
        some = range(min(_LOOKED_AT, len(source)))
        several = [labels for labels in source.labels(some) if len(labels) > 1]
        if all(map(are_boxes, several)) and any(len(boxes_of(labels)) for labels in several):
            option = "--center-crop" if transform.crops else "--label-width"
            raise ListError(
                f"the labels are boxes (MXNet's detection layout), which {option} would make wrong:"
                " pack without it",
                path=source.name,
            )


def _check_root(source: FileSource) -> None:
    """Raises ListError where many files are missing and none is there, under no spelling: to name
    them all would help nobody.
    """
    paths = (source.location(position).path for position in range(len(source)))
    if len(source) > _MANY and not any(map(os.path.lexists, paths)) and not _respelled(source):
        first = shown(source.location(0).path)
        reason = f"none of its {len(source)} files is found, {first} for one"
        raise ListError(reason + _root_hint(source), path=source.name)


def _respelled(source: FileSource) -> bool:
    """Whether one of the first files is there under another spelling."""
    root = Root(source.root)
    try:
        return any(root.respelled(source.images[at].path) for at in range(_LOOKED_AT))
    except ListError:  # more than one
        return True


def _root_hint(source: FileSource) -> str:
    return f"; the list's paths start from {shown(source.root)}, unless --root says otherwise"


def _lists(source: Source, lst: str, *, force: bool, resume: bool) -> list[AtomicFile]:
    """The list of a source that has one, to be published; not where it is there to resume with."""
    if not isinstance(source, FileSource):
        return []
    contents = source.images.contents()
    if resume and holds(lst, contents):
        return []
    output = AtomicFile(lst, force=force)
    output.write(contents)
    return [output]


def _ending(error: OSError | MemoryError, location: Location) -> OSError | RecordError:
    """An error that ends the run, with the file that was being packed."""
    if isinstance(error, MemoryError):
        hint = "out of memory while it was packed; fewer --workers need less"
        return RecordError(hint, path=location.path, offset=location.offset)
    if error.filename is None:
        return OSError(error.errno, error.strerror or str(error), location.path)
    return error


def _sharded(
    source: Source, rec: str, transform: Transform, sharding: Sharding, *, force: bool
) -> ShardWriter:
    if sharding.count is not None and sharding.count > len(source):
        raise RecordError(
            f"{sharding.count} shards are too many for {plural(len(source), source.noun)}",
            path=source.name,
        )
    identity = {
        **source.identity(),
        "what becomes of images": repr(transform),
        "--shards or --shard-size": f"{sharding.count} {sharding.size}",
    }
    prefix = rec.removesuffix(".rec")
    prefixes = [prefix, prefix + MASK_SUFFIX] if source.has_masks else [prefix]
    return ShardWriter(prefixes, len(source), sharding, identity, force=force, sources=source.files)


class _OneFile:
    """What ShardWriter is for several files."""

    def __init__(self, recs: list[str], samples: int, *, force: bool) -> None:
        self._writer = AlignedWriter(recs, force=force)
        self.parts = [range(samples)]
        self.kept: list[Shard] = []
        self.sizes: list[int] = []

    @property
    def records(self) -> int:
        return len(self._writer)

    def add(self, position: int, key: int, records: Records) -> None:
        self._writer.write(records, key)

    def record_failure(self, position: int, failure: Failure) -> None: ...

    def publish(self, *others: AtomicFile) -> list[tuple[str, ...]]:
        self.sizes = self._writer.tell()
        self._writer.close(*others)
        return [(path,) for path in self._writer.paths]

    def __enter__(self) -> _OneFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.discard()


def _add(
    shards: _OneFile | ShardWriter, source: Source, position: int, result: Result
) -> RecordError | None:
    """Writes a sample's records; or returns why there are none. Raises what ends the run."""
    if isinstance(result, (OSError, MemoryError)):
        raise _ending(result, source.location(position))
    if isinstance(result, RecordError):
        return result
    try:
        shards.add(position, int(source.keys[position]), result.records)
    except LimitError as error:
        return error
    return None
