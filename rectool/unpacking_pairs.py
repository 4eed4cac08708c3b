"""Images and their masks, in two `.rec` files, as files in two folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from .format import RecordError, ShardSet, StrPath, publish, shown
from .listing import ImageList
from .pairing import check_keys, masks_of
from .unpack_folder import are_apart, check_empty
from .unpacking import FileName, Target, Unpacking, UnpackResult


def unpack_pair(
    rec: StrPath | ShardSet,
    folder: StrPath,
    masks_folder: StrPath,
    *,
    names: ImageList | None = None,
    force: bool = False,
    on_progress: Callable[[int], None] = lambda records: None,
) -> tuple[UnpackResult, UnpackResult]:
    """Does with `rec` and `folder` what `unpack_records` does, and so with its masks.

    They are in the file with the name of `rec` for masks (out_mask.rec of out.rec), or in such a
    set. A mask's file has the name of its image's, but for the ending. `on_progress` is called
    after each record of both with the number of all.

    Raises what `unpack_records` does; ValueError where one folder is the other or lies in it;
    RecordError where there is no file with masks, or it has not the same keys in the same order;
    ListError also for names that are the same but for their endings. All that is found out before
    anything is written, and so are records of both that are damaged. What was written before
    another error stays; the lists are only written last.
    """
    folder, masks_folder = os.fspath(folder), os.fspath(masks_folder)
    if not are_apart(folder, masks_folder):
        raise ValueError(
            f"{folder}, {masks_folder}: images and masks need two folders, side by side"
        )
    with ExitStack() as stack:
        images = stack.enter_context(Unpacking(rec, names, alone=True))
        masks = stack.enter_context(Unpacking(_masks_of(rec)))
        check_keys(images.reader.keys, masks.reader.keys, images.name, masks.name)
        positions = range(len(images.reader))
        for position in positions:
            _names(images, masks, position)
        for path in (folder, masks_folder):
            check_empty(path, force=force)
        sources = [*images.sources, *masks.sources]
        targets = [
            stack.enter_context(Target(files, path, sources, force=force))
            for files, path in ((images, folder), (masks, masks_folder))
        ]
        for position in positions:
            for target, name in zip(targets, _names(images, masks, position), strict=True):
                target.write(position, name)
                on_progress(2 * len(positions))
        publish([target.lst for target in targets])
    return targets[0].result(), targets[1].result()


def _masks_of(images: StrPath | ShardSet) -> str | ShardSet:
    """The file or set with the masks, which is there."""
    masks = masks_of(images if isinstance(images, ShardSet) else os.fspath(images))
    for path in masks.paths if isinstance(masks, ShardSet) else [masks]:
        if not os.path.exists(path):
            reason = f"no such file, and the masks of {shown(str(images))} should be in it"
            raise RecordError(reason, path=path)
    return masks


def _names(images: Unpacking, masks: Unpacking, position: int) -> tuple[FileName, FileName]:
    """The names of an image's file and its mask's."""
    image, mask = images.file_name(position), masks.file_name(position)
    return image, mask._replace(name=os.path.splitext(image.name)[0] + mask.ending)
