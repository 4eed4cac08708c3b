"""The arguments of `pack_images` that say what becomes of each image."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..errors import ArgumentError, ImageError
from ..imaging.backends import load
from ..imaging.options import Backend, Color, Encoding, Interp, ResizeMode
from .transform import CopyBytes, Reencode, Transform

_OF_RESIZE = ("interp", "resize_mode", "no_upscale")


@dataclass(frozen=True)
class ImageArguments:
    """See `pack_images`; None and False: not asked for."""

    resize: int | None
    resize_mode: ResizeMode | None
    interp: Interp | None
    no_upscale: bool
    center_crop: bool
    quality: int | None
    encoding: Encoding | None
    color: Color | None
    background: str | tuple[int, int, int] | None
    truncated: bool
    max_pixels: int | None
    backend: Backend | None

    def transform(self, *, pass_through: bool, verify: bool, copies: bool) -> Transform:
        """What is asked for. With `copies` images stay as they are where nothing is.

        Raises ArgumentError where arguments do not go together.
        """
        given = [one.name for one in fields(self) if getattr(self, one.name) not in (None, False)]
        changes = [f"{{{name}}}" for name in given if name != "max_pixels"]
        if pass_through:
            if changes:
                listed = ", ".join(changes)
                raise ArgumentError(f"{{pass_through}} leaves images as they are: no {listed}")
            return CopyBytes("pixels" if verify else "end", self.max_pixels)
        if verify:
            raise ArgumentError("{verify} requires {pass_through}")
        if copies and not changes:
            return CopyBytes("nothing")
        idle = [f"{{{name}}}" for name in _OF_RESIZE if name in given]
        if idle and not self.resize:
            raise ArgumentError(f"{', '.join(idle)}: only with {{resize}}")
        try:
            reencode = Reencode(
                color=self.color or "rgb",
                center_crop=self.center_crop,
                resize=self.resize or 0,
                encoding=self.encoding or "jpg",
                quality=self.quality,
                backend=self.backend or "pillow",
                interp=self.interp or "bilinear",
                resize_mode=self.resize_mode or "short",
                upscale=not self.no_upscale,
                background=_color(self.background),
                max_pixels=self.max_pixels,
                truncated=self.truncated,
            )
            load(reencode.backend)  # before any work; and what is forked has it then
        except ArgumentError:
            raise
        except (ValueError, ImageError) as error:
            raise ArgumentError("{0}", error) from None
        return reencode


def _color(value: str | tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    if not isinstance(value, str):
        return value
    from PIL import ImageColor  # noqa: PLC0415 - few packs need it

    try:
        return ImageColor.getrgb(value)[:3]
    except ValueError:
        raise ArgumentError(
            "{background} must be a color's name or #rrggbb, got {0!r}", value
        ) from None
