"""Images and their masks, in two `.rec` files, as files in two folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import product

from ..errors import CorruptError, HeaderError, StrPath, TruncatedError
from ..format.check_masks import check_keys
from ..format.shard_names import ShardSet
from ..listing.lst import ImageList
from .folder import are_apart, check_empty
from .unpack_records import OnDamage, Target, Unpacking, UnpackResult


def unpack_pair(
    rec: StrPath | ShardSet,
    folder: StrPath,
    masks: StrPath | ShardSet,
    masks_folder: StrPath,
    *,
    names: ImageList | None = None,
    force: bool = False,
    on_damage: OnDamage | None = None,
    on_progress: Callable[[int], None] = lambda records: None,
) -> tuple[UnpackResult, UnpackResult]:
    """Does with `rec` and `folder` what `unpack_records` does, and so with its masks.

    `masks` is the file with the masks of `rec`'s images, or a set of shards. A mask's file in
    `masks_folder` has the name of its image's, but for the ending. `on_progress` is called after
    each record of both with the number of all.

    Raises what `unpack_records` does; ValueError where one folder is the other or lies in it;
    RecordError where the masks have not the same keys in the same order; ListError also for names
    that are the same but for their endings. All that is found out before anything is written, and
    so are records of both that are damaged, unless there is `on_damage`: a pair is then left out
    where one of both is. What was written before another error stays; the lists are only written
    last.
    """
    folder, masks_folder = os.fspath(folder), os.fspath(masks_folder)
    if not are_apart(folder, masks_folder):
        raise ValueError(
            f"{folder}, {masks_folder}: images and masks need two folders, side by side"
        )
    with ExitStack() as stack:
        images = stack.enter_context(Unpacking(rec, names, on_damage, alone=True))
        numbers = stack.enter_context(Unpacking(masks, None, on_damage))
        check_keys(images.reader.keys, numbers.reader.keys, images.name, numbers.name)
        positions = range(len(images.reader))
        if on_damage is None or names is not None:
            damage = () if on_damage is None else (CorruptError, TruncatedError, HeaderError)
            for position, files in product(positions, (images, numbers)):
                with suppress(*damage):
                    files.file_name(position)
        for path in (folder, masks_folder):
            check_empty(path, force=force)
        sources = [*images.sources, *numbers.sources]
        targets = [
            stack.enter_context(Target(files, path, sources, force=force))
            for files, path in ((images, folder), (numbers, masks_folder))
        ]
        for position in positions:
            image, mask = images.take(position), numbers.take(position)
            if image is not None and mask is not None:
                name = os.path.splitext(image.file.name)[0] + mask.file.ending
                targets[0].write(*image)
                targets[1].write(mask.key, mask.record, mask.file._replace(name=name))
            for _ in targets:
                on_progress(2 * len(positions))
        images.check_some(targets[0])
        numbers.check_some(targets[1])
        for target in targets:
            target.finish()
        return targets[0].publish(), targets[1].publish()
