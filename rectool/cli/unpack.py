"""`rectool unpack`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .failures import DamageLog
from .main import main, progress, say, shown_path
from .mask_options import mask_groups, masks_option
from .usage import check_unpack

if TYPE_CHECKING:
    from ..unpacking.unpack import UnpackResult


@main.command()
@click.argument("recs", metavar="REC...", nargs=-1, required=True, type=click.Path(readable=False))
@click.argument("folder", metavar="DIR", type=click.Path(readable=False))
@click.option("--lst", type=click.Path(readable=False), help="Name the files as this list does.")
@masks_option("Write also the masks in this file, those of REC's images, to files in MASKDIR")
@click.option(
    "--masks-out",
    metavar="MASKDIR",
    type=click.Path(readable=False),
    help="The folder for the files of --masks, apart from DIR.",
)
@click.option("--force", is_flag=True, help="Replace files in a folder that is not empty.")
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
    from ..format.names import group_shards
    from ..listing.lst import read_list

    check_unpack(recs, folder)
    rec, *others = group_shards(recs)
    if others:
        raise click.UsageError("Several files are unpacked together only as shards of one set.")
    _check_masks_out(folder, masks, masks_out)
    of_masks = mask_groups([rec], masks)[0] if masks else None
    names = None if lst is None else read_list(lst)
    with progress("record") as (advance, tell):
        damage = DamageLog(tell)
        how: Any = {"names": names, "force": force, "on_damage": damage, "on_progress": advance}
        try:
            if of_masks is None or masks_out is None:
                from ..unpacking.unpack import unpack_records

                results = [unpack_records(rec, folder, **how)]
            else:
                from ..unpacking.pairs import unpack_pair

                results = list(unpack_pair(rec, folder, of_masks, masks_out, **how))
        finally:
            damage.close()
    for noun, into, result in zip(("image", "mask"), (folder, masks_out), results, strict=False):
        _tell(noun, into, lst, result)
    if damage.count:
        raise click.exceptions.Exit(1)


def _check_masks_out(folder: str, masks: tuple[str, ...], masks_out: str | None) -> None:
    """Raises UsageError unless --masks and --masks-out are given together, or neither."""
    if bool(masks) != (masks_out is not None):
        raise click.UsageError(
            "--masks names the .rec with the masks, and --masks-out the folder for their files:"
            " give both (--masks out_mask.rec --masks-out MASKDIR)."
        )
    if masks_out is not None:
        from ..unpacking.folder import are_apart

        if not are_apart(folder, masks_out):
            raise click.UsageError(
                "--masks-out must be a folder apart from DIR, not in or around it."
            )


def _tell(noun: str, folder: str | None, names: str | None, result: UnpackResult) -> None:
    """What was written to a folder, and what may be amiss."""
    from ..errors import plural

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
