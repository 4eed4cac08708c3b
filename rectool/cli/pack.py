"""`rectool pack`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .failures import FailureLog
from .image_options import image_options, treatment_of
from .list import check_table, write_classes
from .main import data_stream, fail, force_option, main, progress, say, say_all, shown_path
from .pack_sources import kind_of, open_source, source_options
from .usage import check_pack

if TYPE_CHECKING:
    from ..packing.result import PackResult
    from ..packing.sharding import Sharding


def _size(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    from ..packing.sharding import parse_size

    try:
        return parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@main.command("pack")
@click.argument(
    "sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(readable=False)
)
@click.argument("out", type=click.Path(readable=False))
@image_options
@source_options
@click.option("--shards", type=click.IntRange(1), help="Write so many files OUT-00000-of-000NN.")
@click.option(
    "--shard-size",
    callback=_size,
    metavar="SIZE",
    help="Write files of at most 500MB, 1GB, ..., but of one record at least.",
)
@click.option("--resume", is_flag=True, help="Keep shards that a stopped run has finished.")
@click.option(
    "--workers",
    "--num-thread",
    type=click.IntRange(1),
    help="Processes.  [default: one a core; 1 where bytes are only copied]",
)
@click.option(
    "--on-error",
    type=click.Choice(["report", "fail", "skip"]),
    default="report",
    show_default=True,
    help="Of a bad image: name it, pack the others, and exit with 1; pack nothing; or exit with 0.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result on stdout as JSON.")
@force_option
@click.pass_context
def pack(  # noqa: PLR0915
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    out: str,
    workers: int | None,
    on_error: Any,
    as_json: bool,
    force: bool,
    **options: Any,
) -> None:
    """Pack SOURCE into OUT.rec and OUT.idx: a folder, a .lst (- for stdin), or .rec files.

    A folder is listed as by rectool list, and the list kept in OUT.lst. Records of .rec files are
    copied as they are, one file after the other, unless an option says what becomes of the images.
    With --masks images and their masks go into two files of the same keys, OUT.rec and
    OUT_mask.rec.

    \b
    rectool pack images/ out
    rectool pack train.lst train --root images/ --resize 256 --quality 90
    rectool list images/ | rectool pack - out --root images/ --pass-through
    rectool pack a.rec b.rec merged --shuffle --shards 8
    rectool pack images/ out --masks masks/
    rectool pack out.rec --masks out_mask.rec small --resize 128
    """
    from ..errors import plural
    from ..format.names import mask_name
    from ..format.writer import idx_beside
    from ..packing.pack import outputs_of, pack_source
    from ..system.memory import keep_freed_memory
    from ..system.replacing import check_free, check_outputs

    check_pack(sources, out)
    keep_freed_memory()
    kind = kind_of(sources)
    treatment = treatment_of(ctx, options, copies=kind == "rec")
    sharding = _sharding(options)
    rec, _, lst = outputs_of(out)
    recs = [rec, mask_name(rec)] if options["masks"] else [rec]
    files = [] if sharding else [name for path in recs for name in (path, idx_beside(path))]
    files += [lst] if kind == "folder" else []
    check_table(files, options["classes_out"], on_stdout="--json" if as_json else None)
    check_outputs(files, _inputs(kind, sources, options))
    for path in files:
        check_free(path, force=force or options["resume"])
    source, found, amiss = open_source(
        ctx, kind, sources, lst, options, force=force or options["resume"]
    )
    if amiss and on_error == "fail":
        fail("nothing was packed, because of what was left out")
        raise click.exceptions.Exit(1)
    if options["part"] and not len(source):
        raise click.UsageError("--part: there are more parts than images, and this one is empty.")
    begun = False

    def on_progress(total: int) -> None:
        nonlocal begun
        begun = True
        advance(total)

    with progress(source.noun) as (advance, tell):
        failures, truncated = logs = [
            FailureLog(f"{rec[:-4]}.{what}.txt", tell) for what in ("failures", "truncated")
        ]
        try:
            result = pack_source(
                source,
                out,
                treatment,
                sharding=sharding,
                workers=workers,
                on_error=on_error,
                with_list=found is not None,
                force=force,
                on_failure=failures.add,
                on_truncated=truncated.add,
                on_progress=on_progress,
            )
        except BaseException:
            if begun and sharding is not None:
                _remark_on_shards(rec)
            raise
        finally:
            for log in logs:
                log.close()
    from . import report as reporting  # not needed before

    say(reporting.pack_text(result, source.noun))
    _remark_on(result)
    if as_json:
        click.echo(reporting.pack_json(result), file=data_stream())
    if failures.count:
        say(f"not packed: {plural(failures.count, source.noun)}, named {failures.where}")
    if found is not None:
        write_classes(found, options["classes_out"], force=force, resume=options["resume"])
    ctx.exit(1 if (result.failures or amiss) and on_error == "report" else 0)


def _remark_on(result: PackResult) -> None:
    from ..errors import plural

    say_all(result.remarks)
    if result.colour_masks:
        say(
            f"{plural(result.colour_masks, 'mask')} of several channels: where each pixel is to be"
            " one number, --mask-colors FILE makes numbers of colours"
        )
    if not result.sharded and any(failure.key == 0 for failure in result.failures):
        say(
            "key 0 is missing, which readers of InsightFace's data sets ask for first: rectool pack"
            f" {shown_path(result.recs[0])} NEW --renumber gives fresh keys"
        )


def _inputs(kind: str, sources: tuple[str, ...], options: dict[str, Any]) -> list[str]:
    """The files that are read, so far as the command line names them."""
    from ..format.writer import idx_beside

    recs = [*sources, *options["masks"]] if kind == "rec" else []
    others = [*sources, *options["masks"], options["classes_file"], options["mask_colors"]]
    return [*map(idx_beside, recs), *filter(None, others)]


def _sharding(options: dict[str, Any]) -> Sharding | None:
    count, size, resume = options["shards"], options["shard_size"], options["resume"]
    if count is not None and size is not None:
        raise click.UsageError("--shards says how many, --shard-size how large: give one of them.")
    if count is None and size is None:
        if resume:
            raise click.UsageError("--resume is for --shards and --shard-size.")
        return None
    from ..packing.sharding import Sharding

    return Sharding(count, size, resume)


def _remark_on_shards(rec: str) -> None:
    """Says what --resume can go on with."""
    from ..errors import plural
    from ..packing.shard_writer import finished_shards

    finished = finished_shards(rec.removesuffix(".rec"))
    if finished:
        say(f"{plural(finished, 'shard')} finished; the same command with --resume goes on")
