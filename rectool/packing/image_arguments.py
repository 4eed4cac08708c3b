"""The arguments of `pack_images` that say what becomes of each image."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import get_args

from ..errors import ArgumentError, ImageError, check_choice, check_number
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
        self._check_values()
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
            if self.max_pixels is not None:
                raise ArgumentError("{max_pixels} requires an option that decodes images")
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

    def _check_values(self) -> None:
        for name, most in (("resize", None), ("quality", 100), ("max_pixels", None)):
            check_number(name, getattr(self, name), 1, most)
        choices = {
            "resize_mode": ResizeMode,
            "interp": Interp,
            "encoding": Encoding,
            "color": Color,
            "backend": Backend,
        }
        for name, words in choices.items():
            check_choice(name, getattr(self, name), get_args(words))


def _color(value: str | tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    if value is not None and not isinstance(value, str):
        if len(value) != 3 or not all(0 <= level <= 255 for level in value):
            raise ArgumentError("{background} must be three numbers from 0 to 255, got {0}", value)
        return value
    if value is None:
        return None
    from PIL import ImageColor  # noqa: PLC0415 - few packs need it

    try:
        return ImageColor.getrgb(value)[:3]
    except ValueError:
        raise ArgumentError(
            "{background} must be a color's name or #rrggbb, got {0!r}", value
        ) from None
