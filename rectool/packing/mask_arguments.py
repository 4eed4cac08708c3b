"""The arguments of `pack_images` that are about masks."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import ArgumentError, StrPath, shown
from ..format.frames import begins_as_records
from ..listing.lst import read_list
from .mask_values import MaskNumbers, parse_values, read_colors
from .masks import ListedMasks, MasksInFolder, MaskSource, MaskTransform


@dataclass(frozen=True)
class MaskArguments:
    """See `pack_images`."""

    masks: tuple[str, ...]
    suffix: str | None
    values: tuple[str, ...]
    colors: StrPath | None
    upright: bool

    def of_files(self) -> MaskSource | None:
        """Where the masks of a folder or a list are."""
        suffix = self.suffix
        if suffix is not None and (set(suffix) & {"/", "\\"} or os.path.splitext(suffix)[1]):
            raise ArgumentError(
                "{mask_suffix} must be what comes between an image's name and the ending of its"
                " mask, such as _mask, got {0}",
                shown(suffix),
            )
        transform = MaskTransform(self.upright, self.numbers())
        if not self.masks:
            if self.upright or suffix is not None:
                name = "upright_masks" if self.upright else "mask_suffix"
                raise ArgumentError(f"{{{name}}} requires {{masks}}")
            return None
        if len(self.masks) > 1:
            raise ArgumentError("{masks}: of a folder or a list give one folder or list of masks")
        path = self.masks[0]
        if os.path.isdir(path):
            return MasksInFolder(path, suffix or "", transform)
        if not os.path.isfile(path):
            raise ArgumentError("{masks} {0}: no such folder or list", path)
        if begins_as_records(path) or path.lower().endswith(".rec"):
            raise ArgumentError(
                "{masks} {0} is a .rec, which holds the masks of a .rec; of a folder or a list"
                " masks are in a folder, or in a list of their own",
                path,
            )
        if suffix is not None:
            raise ArgumentError("{mask_suffix} requires a folder of masks; {0} is a list", path)
        return ListedMasks(read_list(path), os.path.dirname(path) or ".", transform)

    def numbers(self) -> MaskNumbers | None:
        """What the pixels of masks become."""
        if not self.values and self.colors is None:
            return None
        if not self.masks:
            name = "mask_values" if self.values else "mask_colors"
            raise ArgumentError(f"{{{name}}} requires {{masks}}")
        if self.values and self.colors is not None:
            raise ArgumentError(
                "{mask_values} is for numbers, {mask_colors} for colors: give one of them"
            )
        if self.colors is not None:
            return read_colors(self.colors)
        try:
            return parse_values(self.values)
        except ValueError as error:
            raise ArgumentError("{mask_values}: {0}", error) from None
