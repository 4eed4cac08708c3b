"""`rectool unpack`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import plural
from ..unpacking.unpack_images import unpack_images
from .failures import DamageLog
from .main import main, path_option, progress, say, shown_path
from .mask_options import masks_option
from .usage import check_unpack
from .verbs import verb

if TYPE_CHECKING:
    from ..unpacking.unpack_records import UnpackResult


@main.command()
@click.argument("recs", metavar="REC...", nargs=-1, required=True, type=click.Path(readable=False))
@click.argument("folder", metavar="DIR", type=click.Path(readable=False))
@path_option("--lst", "PATH", "Name the files as this list does.")
@masks_option("Write the masks in this file too, those of REC's images, to files in MASKDIR")
@path_option("--masks-out", "MASKDIR", "Write the files of --masks to this folder, apart from DIR.")
@click.option("--force", is_flag=True, help="Replace files in a folder that is not empty.")
@verb(unpack_images)
def unpack(
    recs: tuple[str, ...],
    folder: str,
    lst: str | None,
    masks: tuple[str, ...],
    masks_out: str | None,
    force: bool,
) -> None:
    """Write the images of REC to files in DIR, byte for byte, and a .lst of them.

    Files are named by key and format, or as --lst says. Packing the list that is written with
    --pass-through gives REC again, if its index is in the order of the file. Several files are
    unpacked together if they are all shards of one set (out-00000-of-00004.rec, ...). Masks get the
    names of their images, with the ending of their own format, and a list with the same keys.

    \b
    rectool unpack out.rec images/
    rectool unpack out-*.rec images/
    rectool unpack out.rec images/ --lst out.lst
    rectool unpack out.rec images/ --masks out_mask.rec --masks-out masks/
    rectool pack images/out.lst again --pass-through
    """
    check_unpack(recs, folder)
    with progress("record") as (advance, tell):
        damage = DamageLog(tell)
        try:
            result = unpack_images(
                recs,
                folder,
                lst=lst,
                masks=masks,
                masks_out=masks_out,
                force=force,
                on_damage=damage,
                on_progress=advance,
            )
        finally:
            damage.close()
    _tell("image", folder, lst, result)
    if result.masks is not None:
        _tell("mask", masks_out, lst, result.masks)
    if damage.count:
        raise click.exceptions.Exit(1)


def _tell(noun: str, folder: str | None, names: str | None, result: UnpackResult) -> None:
    """What was written to a folder, and what may be amiss."""
    raw = f" and {plural(result.raw, 'payload')} without an image" if result.raw else ""
    written = f"{plural(result.images, noun)}{raw}"
    say(f"{written} in {shown_path(folder)}, listed in {shown_path(result.lst)}")
    if result.unnamed:
        say(f"{plural(result.unnamed, 'record')} not in {shown_path(names)}, named by key")
    if result.unknown:
        say(f"{plural(result.unknown, 'key')} of {shown_path(names)} that no record has")
    if result.respelled:
        say(f"{plural(result.respelled, 'name')} with backslashes, each taken for a folder's end")
    if result.damaged:
        say(f"{plural(result.damaged, 'record')} could not be read, and not written")
    if result.misnamed:
        say(f"{plural(result.misnamed, 'file')} of another format than the name's ending says")
