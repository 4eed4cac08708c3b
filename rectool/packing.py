"""A list of images into a `.rec` and its `.idx`."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from .format import (
    HEADER_SIZE,
    MAX_RECORD,
    ImageError,
    IRHeader,
    LimitError,
    ListError,
    Output,
    RecordError,
    RecordWriter,
    StrPath,
    pack,
    pack_raw,
    plural,
    shown,
)
from .listing import HeaderFields, ImageList, parse_line
from .pool import Pool, WorkerDiedError
from .sniffing import check_complete, format_of

if TYPE_CHECKING:
    from .imaging import Recipe

RAW_ENDING = ".bin"
"""The ending of a file that holds a record's payload which is no image, or nothing."""

_CHUNK = 8  # images a task: little enough for even ends, enough that passing them costs nothing

OnError = Literal["report", "fail", "skip"]


@dataclass(frozen=True)
class Copy:
    """Pass-through: a file's bytes as they are, once they are known to be a whole image.

    `verify` decodes each image to know it; without, its lengths and end marker are checked. Files
    that end in `.bin` are taken as they are: `unpack` writes payloads so that are no image.
    """

    verify: bool = False

    def apply(self, data: bytes) -> bytes:
        """The data. Raises ImageError where they are no whole image."""
        if self.verify or format_of(data) == "TIFF":  # a TIFF has no end to look for
            from .imaging import check_decodes  # noqa: PLC0415

            check_decodes(data)
        else:
            check_complete(data)
        return data


class Failure(NamedTuple):
    """An image that was not packed: its line in the list, key, path as listed, and why."""

    line: int
    key: int
    path: str
    reason: str


@dataclass(frozen=True)
class PackResult:
    """What `pack_images` did: the files it wrote, and `failures` in the order of the list."""

    rec: str
    idx: str
    lst: str | None
    images: int
    bytes: int
    seconds: float
    failures: tuple[Failure, ...]


Line = tuple[bytes, HeaderFields | None]


@dataclass(frozen=True)
class _Job:
    """What a worker needs to make records of list lines; called with some of them at a time."""

    root: str
    treatment: Recipe | Copy
    label_width: int | None

    def __call__(self, lines: list[Line]) -> list[bytes | str]:
        """For each line its record, or the reason why there is none."""
        results: list[bytes | str] = []
        for line, header in lines:
            try:
                results.append(self._record(line, header))
            except RecordError as error:
                results.append(error.message)
            except OSError as error:
                results.append(error.strerror or str(error))
            except ValueError as error:
                results.append(str(error))
            except MemoryError:
                results.append("too large for this machine's memory")
        return results

    def _record(self, line: bytes, header: HeaderFields | None) -> bytes:
        key, labels, path = parse_line(line)
        data = _read(os.path.join(self.root, path))
        if not (isinstance(self.treatment, Copy) and path.endswith(RAW_ENDING)):
            data = self.treatment.apply(data)
        labels = labels[: self.label_width]
        if header is not None and self.label_width is None:
            return _with_header(header, labels) + data
        return pack(IRHeader(0, labels if len(labels) > 1 else labels[0], key, 0), data)


def _with_header(header: HeaderFields, labels: tuple[float, ...]) -> bytes:
    if header.flag == 0 and len(labels) == 1:
        return pack_raw(0, labels[0], header.id, header.id2)
    if header.flag != len(labels):
        raise ListError(f"{plural(len(labels), 'label')}, but its #header line says {header.flag}")
    values = pack(IRHeader(0, labels, 0, 0), b"")[HEADER_SIZE:]
    return pack_raw(header.flag, header.label, header.id, header.id2) + values


def _read(path: str) -> bytes:
    state = os.stat(path)
    if stat.S_ISDIR(state.st_mode):
        raise ImageError("a folder")
    if not stat.S_ISREG(state.st_mode):
        raise ImageError("no regular file")
    if state.st_size > MAX_RECORD:
        raise LimitError(f"{state.st_size} bytes, and a record holds less than {MAX_RECORD + 1}")
    with open(path, "rb") as file:
        return file.read()


def outputs_of(out: StrPath) -> tuple[str, str, str]:
    """The paths of `.rec`, `.idx` and `.lst` for an output named with or without `.rec`."""
    prefix = os.fspath(out)
    if prefix.lower().endswith(".rec"):
        prefix = prefix[:-4]
    if not os.path.basename(prefix):
        raise IsADirectoryError(errno.EISDIR, "a folder; name a file in it", os.fspath(out))
    return prefix + ".rec", prefix + ".idx", prefix + ".lst"


def usual_workers(treatment: Recipe | Copy) -> int:
    """A worker for each core this process may use; one where files are only copied."""
    if treatment == Copy():
        return 1
    with contextlib.suppress(AttributeError):  # not everywhere
        return len(os.sched_getaffinity(0))
    return min(os.cpu_count() or 1, 30)  # Windows waits for 63 handles at most, two a worker


def pack_images(
    images: ImageList,
    root: StrPath,
    out: StrPath,
    treatment: Recipe | Copy,
    *,
    label_width: int | None = None,
    workers: int | None = None,
    on_error: OnError = "report",
    with_list: bool = False,
    force: bool = False,
    on_failure: Callable[[Failure], None] = lambda failure: None,
    on_progress: Callable[[int], None] = lambda images: None,
    start_method: str | None = None,
) -> PackResult:
    """Writes OUT.rec and OUT.idx, a record for each image of the list, in its order.

    Keys and ids are the list's keys; one label makes flag 0, several a label vector. `root` is the
    folder that the list's paths start from; `label_width` keeps the first so many labels.
    `with_list` writes the list to OUT.lst too. The bytes written do not depend on `workers`, by
    default `usual_workers`; `start_method` is that of `multiprocessing`.

    An image that cannot be packed goes to `on_failure` and into the result, in the list's order;
    with `on_error` "fail" the first one is raised as ImageError. `on_progress` is called after
    each image with the number of all. Nothing appears under the outputs' names unless this returns.

    Raises ListError for an empty list or a line with too few labels; RecordError where no image
    could be packed or a worker process died; FileExistsError and OSError as RecordWriter does.
    """
    if not len(images):
        raise ListError("an empty list", path=images.name)
    if label_width is not None:
        images.check_width(label_width)
    started = time.monotonic()
    rec, idx, lst = outputs_of(out)
    job = _Job(os.fspath(root), treatment, label_width)
    failures: list[Failure] = []
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(RecordWriter(rec, idx=idx, force=force))
        beside: list[Output] = []
        if with_list:
            beside.append(stack.enter_context(Output(lst, force=force)))
            beside[0].write(images.contents())
        chunks = _run(job, images, workers or usual_workers(treatment), stack, start_method)
        for position, result in enumerate(record for chunk in chunks for record in chunk):
            failure = _write(writer, images, position, result)
            if failure is not None:
                if on_error == "fail":
                    path = os.path.join(job.root, failure.path)
                    raise ImageError(failure.reason, path=path)
                failures.append(failure)
                on_failure(failure)
            on_progress(len(images))
        if not len(writer):
            raise RecordError(f"none of {plural(len(images), 'image')} could be packed")
        size = writer.tell()
        writer.close(*beside)
    seconds = time.monotonic() - started
    packed = len(images) - len(failures)
    return PackResult(rec, idx, lst if with_list else None, packed, size, seconds, tuple(failures))


def _write(
    writer: RecordWriter, images: ImageList, position: int, result: bytes | str
) -> Failure | None:
    key = int(images.keys[position])
    if isinstance(result, bytes):
        try:
            writer.write(result, key)
        except LimitError as error:
            result = error.message
        else:
            return None
    return Failure(images.line_number(position), key, images[position].path, result)


def _run(
    job: _Job,
    images: ImageList,
    workers: int,
    stack: contextlib.ExitStack,
    start_method: str | None,
) -> Iterator[list[bytes | str]]:
    tasks = _tasks(images)
    if workers == 1 and job.treatment == Copy():  # hardly a decoder runs (but TIFF's)
        return map(job, tasks)
    busy = min(workers, -(-len(images) // _CHUNK))
    pool: Pool[list[Line], list[bytes | str]] = stack.enter_context(Pool(job, busy, start_method))
    return _named_deaths(pool.map(tasks))


def _tasks(images: ImageList) -> Iterable[list[Line]]:
    headers = images.headers
    for begin in range(0, len(images), _CHUNK):
        positions = range(begin, min(begin + _CHUNK, len(images)))
        yield [(images.line(at), headers.get(int(images.keys[at]))) for at in positions]


def _named_deaths(results: Iterator[list[bytes | str]]) -> Iterator[list[bytes | str]]:
    try:
        yield from results
    except WorkerDiedError as error:
        lines = [line for task in error.tasks[:1] for line, _ in task]  # type: ignore[attr-defined]
        paths = ", ".join(shown(parse_line(line).path) for line in lines)
        raise RecordError(f"{error}, at work on {paths}; nothing was written") from None
