"""`rectool pack`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import plural
from ..packing.pack_images import pack_images
from .failures import FailureLog
from .image_options import image_options
from .list import say_classes
from .main import check_stdin, data_stream, fail, force_option, main, progress, say, shown_path
from .pack_sources import source_options
from .usage import check_pack
from .verbs import verb

if TYPE_CHECKING:
    from ..imaging.options import Backend, Color, Encoding, Interp, ResizeMode
    from ..packing.result import OnError, PackResult


_GROUPS = {
    "Source": (
        *("root", "recursive", "exts", "hidden", "shuffle", "seed", "classes", "classes_out"),
        *("pack_label", "label_width", "images_only", "renumber", "part"),
    ),
    "Image": (
        *("resize", "resize_mode", "interp", "no_upscale", "center_crop", "quality", "encoding"),
        *("color", "background", "truncated", "max_pixels", "backend", "pass_through", "verify"),
    ),
    "Masks": ("masks", "mask_suffix", "mask_values", "mask_colors", "upright_masks"),
    "Output": ("shards", "shard_size", "resume", "on_error", "as_json", "force"),
    "Workers": ("workers",),
}


@main.command("pack", groups=_GROUPS)
@click.argument(
    "sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(readable=False)
)
@click.argument("out", type=click.Path(readable=False))
@image_options
@source_options
@click.option(
    "--shards",
    type=click.IntRange(1),
    help="Split the output into N files, OUT-00000-of-000NN.rec.",
)
@click.option(
    "--shard-size",
    metavar="SIZE",
    help="Write files of at most 500MB, 1GB, ..., but of one record at least.",
)
@click.option("--resume", is_flag=True, help="Keep shards that a stopped run has finished.")
@click.option(
    "--workers",
    "--num-thread",
    type=click.IntRange(1),
    help="Use N processes.  [default: one a core; 1 where bytes are only copied]",
)
@click.option(
    "--on-error",
    type=click.Choice(["report", "fail", "skip"]),
    show_default=True,
    help="Decide what an image that cannot be packed does: report names it, packs the others and"
    " exits with 1; fail packs nothing; skip exits with 0.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result on stdout as JSON.")
@force_option
@verb(pack_images)
@click.pass_context
def pack(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    out: str,
    root: str | None,
    recursive: bool,
    exts: tuple[str, ...],
    hidden: bool,
    shuffle: bool | None,
    seed: int | None,
    classes: str | None,
    classes_out: str | None,
    pack_label: bool,
    label_width: int | None,
    images_only: bool,
    renumber: bool,
    part: tuple[int, int] | None,
    resize: int | None,
    resize_mode: ResizeMode | None,
    interp: Interp | None,
    no_upscale: bool,
    center_crop: bool,
    quality: int | None,
    encoding: Encoding | None,
    color: Color | None,
    background: str | None,
    truncated: bool,
    max_pixels: int | None,
    backend: Backend | None,
    pass_through: bool,
    verify: bool,
    masks: tuple[str, ...],
    mask_suffix: str | None,
    mask_values: tuple[str, ...],
    mask_colors: str | None,
    upright_masks: bool,
    shards: int | None,
    shard_size: str | None,
    resume: bool,
    workers: int | None,
    on_error: OnError,
    force: bool,
    as_json: bool,
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
    from ..packing.open_sources import kind_of
    from ..packing.pack_source import outputs_of
    from ..system.malloc import keep_freed_memory

    check_pack(sources, out)
    if as_json and classes_out == "-":
        raise click.UsageError("--classes-out - and --json cannot both go to stdout; name a file.")
    if sources == ("-",):
        check_stdin()
    keep_freed_memory()
    noun = "record" if kind_of(sources) == "rec" else "image"
    prefix = outputs_of(out)[0][:-4]
    is_told = recursive and not classes and not classes_out
    with progress(noun) as (advance, tell):
        failures, incomplete = logs = [
            FailureLog(f"{prefix}.{what}.txt", tell) for what in ("failures", "truncated")
        ]
        try:
            result = pack_images(
                sources,
                out,
                root=root,
                recursive=recursive,
                exts=exts,
                hidden=hidden,
                shuffle=shuffle,
                seed=seed,
                classes=classes,
                classes_out=data_stream().buffer if classes_out == "-" else classes_out,
                pack_label=pack_label,
                label_width=label_width,
                images_only=images_only,
                renumber=renumber,
                part=part,
                resize=resize,
                resize_mode=resize_mode,
                interp=interp,
                no_upscale=no_upscale,
                center_crop=center_crop,
                quality=quality,
                encoding=encoding,
                color=color,
                background=background,
                truncated=truncated,
                max_pixels=max_pixels,
                backend=backend,
                pass_through=pass_through,
                verify=verify,
                masks=masks,
                mask_suffix=mask_suffix,
                mask_values=mask_values,
                mask_colors=mask_colors,
                upright_masks=upright_masks,
                shards=shards,
                shard_size=shard_size,
                resume=resume,
                workers=workers,
                on_error=on_error,
                force=force,
                on_classes=lambda found: say_classes(found, "folder") if is_told else None,
                on_remark=say,
                on_fault=fail,
                on_failure=failures.add,
                on_truncated=incomplete.add,
                on_progress=advance,
            )
        finally:
            for log in logs:
                log.close()
    from .report import pack_json, pack_text  # not needed before

    say(pack_text(result, noun))
    _remark_on(result)
    if as_json:
        click.echo(pack_json(result), file=data_stream())
    if failures.count:
        say(f"not packed: {plural(failures.count, noun)}, named {failures.where}")
    ctx.exit(1 if (result.failures or result.faults) and on_error == "report" else 0)


def _remark_on(result: PackResult) -> None:
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
