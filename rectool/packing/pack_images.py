"""Images into record files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import (
    ArgumentError,
    Failure,
    RecordError,
    StrPath,
    check_choice,
    check_number,
    ignore,
    plural,
    strings_of,
)

if TYPE_CHECKING:
    from typing import BinaryIO

    from ..imaging.options import Backend, Color, Encoding, Interp, ResizeMode
    from .result import OnError, PackResult
    from .sharding import Sharding


def pack_images(
    sources: StrPath | Sequence[StrPath],
    out: StrPath,
    *,
    root: StrPath | None = None,
    recursive: bool = True,
    exts: Iterable[str] = (),
    hidden: bool = False,
    shuffle: bool | None = None,
    seed: int | None = None,
    classes: StrPath | None = None,
    classes_out: StrPath | BinaryIO | None = None,
    pack_label: bool = False,
    label_width: int | None = None,
    images_only: bool = False,
    renumber: bool = False,
    part: tuple[int, int] | None = None,
    resize: int | None = None,
    resize_mode: ResizeMode | None = None,
    interp: Interp | None = None,
    no_upscale: bool = False,
    center_crop: bool = False,
    quality: int | None = None,
    encoding: Encoding | None = None,
    color: Color | None = None,
    background: str | tuple[int, int, int] | None = None,
    truncated: bool = False,
    max_pixels: int | None = None,
    backend: Backend | None = None,
    pass_through: bool = False,
    verify: bool = False,
    masks: StrPath | Sequence[StrPath] = (),
    mask_suffix: str | None = None,
    mask_values: Sequence[str] = (),
    mask_colors: StrPath | None = None,
    upright_masks: bool = False,
    shards: int | None = None,
    shard_size: int | str | None = None,
    resume: bool = False,
    workers: int | None = None,
    on_error: OnError = "report",
    force: bool = False,
    on_classes: Callable[[dict[str, int]], None] = ignore,
    on_remark: Callable[[str], None] = ignore,
    on_fault: Callable[[str], None] = ignore,
    on_failure: Callable[[Failure], None] = ignore,
    on_truncated: Callable[[Failure], None] = ignore,
    on_progress: Callable[[int], None] = ignore,
) -> PackResult:
    """Pack images into OUT.rec and OUT.idx.

    Args:
        sources: A folder, a `.lst` ("-" for stdin), or one or several `.rec` files.
        out: The name of the files to write, with or without `.rec`.
        root: The folder that the paths of a list start from; None for the list's own.
        recursive: Pack the images of sub-folders too, each a class.
        exts: Endings of the files of a folder to pack; empty for jpeg, jpg and png.
        hidden: Pack hidden files and folders too.
        shuffle: Shuffle the samples; None shuffles a folder, but no list and no `.rec`.
        seed: What to shuffle by; None is 100, which gives im2rec's order.
        classes: A file with the labels of a folder's classes.
        classes_out: The file, or a binary stream, to write the labels of classes to.
        pack_label: im2rec's; all labels of a line are packed anyway.
        label_width: Pack only so many labels of each line.
        images_only: Leave out records that hold no image.
        renumber: Give records fresh keys and ids, from 0.
        part: (I, N) packs part I of N equal parts, I from 0 to N - 1.
        resize: New shorter edge in pixels.
        resize_mode: Resize the "short" edge (None too), the "long" one, or "exact": both.
        interp: How to resize; None is "bilinear".
        no_upscale: Leave an image that would grow at its size.
        center_crop: Cut out the square in the middle first.
        quality: JPEG and WebP: 1 to 100, None is 95. PNG: 1 to 9, None is 6.
        encoding: What images are stored as; None is "jpg".
        color: "rgb" (None too), "gray", or "unchanged", which keeps alpha and 16-bit gray.
        background: The color to blend transparent images with: a name, "#rrggbb" or (r, g, b).
        truncated: Pack images that are cut short or damaged as far as they can be decoded.
        max_pixels: Refuse images of more pixels.
        backend: "pillow" (None too) antialiases; "fast" does so in less time (values at most 1
            of 255 apart); "opencv" gives im2rec.py's bytes.
        pass_through: Store images as they are, if they are whole. Records of `.rec` files are
            copied as they are where no argument says what becomes of images.
        verify: Decode each image that is stored as it is.
        masks: A folder or `.lst` of masks, or of `.rec` sources as many `.rec` files.
        mask_suffix: What follows an image's name in its mask's name: "_mask" for a_mask.png.
        mask_values: New numbers for masks' pixels, "OLD=NEW,...".
        mask_colors: A file that gives masks' colors numbers: red, green, blue and number a line.
        upright_masks: Do not turn masks by the EXIF orientation of their images.
        shards: Write so many files OUT-00000-of-000NN.
        shard_size: Write files of at most so many bytes, or "500MB", "1GB", ...
        resume: Keep shards that a stopped run has finished.
        workers: Processes; None for one a core, or one where bytes are only copied.
        on_error: "report" and "skip" pack the other images; "fail" raises, and packs nothing.
        force: Replace files that exist.
        on_classes: Takes the label of each class, once the classes are known.
        on_remark: Takes a line on what was passed over or changed.
        on_fault: Takes a line on what is missing or damaged in a source and not packed.
        on_failure: Takes each image or record that cannot be packed.
        on_truncated: Takes each image that was packed only as far as it goes.
        on_progress: Called after each sample with the number of all.

    Returns:
        The files that were written, what is in them, and what could not be packed.

    Raises:
        ArgumentError: An argument has a value that it cannot have, or arguments do not go together.
        RecordError: Nothing could be packed, or what was asked for would make data wrong.
        FileExistsError: An output exists and `force` is false.

    Example:
        >>> pack_images("images", "out", resize=256, workers=4).images  # doctest: +SKIP
    """
    from dataclasses import replace

    from ..format.record_file import paths_of
    from ..format.shard_names import mask_name
    from ..format.writer import idx_beside
    from ..listing.found import check_lists, fold, write_classes
    from .image_arguments import ImageArguments
    from .mask_arguments import MaskArguments
    from .open_sources import SourceArguments, kind_of, open_source
    from .pack_source import outputs_of, pack_source

    check_choice("on_error", on_error, ("report", "fail", "skip"))
    check_number("workers", workers, 1)
    paths, mask_paths = paths_of(sources), paths_of(masks)
    kind = kind_of(paths)
    transform = ImageArguments(
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
    ).transform(pass_through=pass_through, verify=verify, copies=kind == "rec")
    sharding = _sharding(shards, shard_size, resume)
    rec, _, lst = outputs_of(out)
    recs = [rec, mask_name(rec)] if mask_paths else [rec]
    files = [] if sharding else [name for path in recs for name in (path, idx_beside(path))]
    files += [lst] if kind == "folder" else []
    read = [idx_beside(path) for path in (*paths, *mask_paths) if kind == "rec"]
    read += [*paths, *mask_paths, *(os.fspath(one) for one in (classes, mask_colors) if one)]
    check_lists(files, classes_out if kind == "folder" else None, read, force=force or resume)
    remarks: list[str] = []

    def remark(line: str) -> None:
        remarks.append(line)
        on_remark(line)

    arguments = SourceArguments(
        root=root,
        recursive=recursive,
        exts=strings_of(exts),
        hidden=hidden,
        shuffle=shuffle,
        seed=seed,
        classes=classes,
        classes_out=classes_out,
        pack_label=pack_label,
        label_width=label_width,
        images_only=images_only,
        renumber=renumber,
        part=part,
        masks=MaskArguments(
            mask_paths, mask_suffix, strings_of(mask_values), mask_colors, upright_masks
        ),
    )
    opened = open_source(
        kind, paths, lst, arguments, say=remark, fault=on_fault, on_classes=on_classes
    )
    if opened.faults and on_error == "fail":
        raise RecordError("nothing was packed, because of what was left out")
    if part and not len(opened.source):
        raise ArgumentError("{part}: there are more parts than images, and this one is empty")
    begun = False

    def progress(total: int) -> None:
        nonlocal begun
        begun = True
        on_progress(total)

    try:
        result = pack_source(
            opened.source,
            out,
            transform,
            sharding=sharding,
            workers=workers,
            on_error=on_error,
            with_list=opened.found is not None,
            force=force,
            on_failure=on_failure,
            on_truncated=on_truncated,
            on_progress=progress,
        )
    except BaseException:
        if begun and sharding is not None:
            _remark_on_shards(rec, remark)
        raise
    if opened.found is not None:
        write_classes(opened.found, classes_out, force=force, resume=resume)
    fold(result.remarks, on_remark)
    return replace(
        result,
        noun=opened.source.noun,
        remarks=(*remarks, *result.remarks),
        faults=opened.faults,
        classes=opened.found.classes if opened.found else {},
    )


def _sharding(count: int | None, size: int | str | None, resume: bool) -> Sharding | None:
    from .sharding import Sharding, parse_size

    check_number("shards", count, 1)
    if not isinstance(size, str):
        check_number("shard_size", size, 1)
    if count is not None and size is not None:
        raise ArgumentError("{shards} says how many, {shard_size} how large: give one of them")
    if count is None and size is None:
        if resume:
            raise ArgumentError("{resume} requires {shards} or {shard_size}")
        return None
    try:
        return Sharding(count, parse_size(size) if isinstance(size, str) else size, resume)
    except ValueError as error:
        raise ArgumentError("{shard_size} {0}", error) from None


def _remark_on_shards(rec: str, say: Callable[[str], None]) -> None:
    """Says what a run with `resume` can go on with."""
    from .shard_writer import finished_shards

    finished = finished_shards(rec.removesuffix(".rec"))
    if finished:
        say(f"{plural(finished, 'shard')} finished; the same command with --resume goes on")
