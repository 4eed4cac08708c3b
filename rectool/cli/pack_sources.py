"""What a SOURCE of `rectool pack` is, and the options that say what of it is packed."""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .list import SCAN_NAMES, scan_folder, scan_options
from .main import check_stdin, fail_all, given_options, option_group, say, shown_path
from .mask_options import mask_options, mask_recs, masks_of, new_numbers_of

if TYPE_CHECKING:
    from ..listing.lst import ImageList
    from ..listing.scan import Scan
    from ..packing.list_source import FileSource
    from ..packing.masks import Masks
    from ..packing.record_source import RecordSource
    from ..packing.source import Source

_LOOKED_AT = 100  # lines of a list, to tell what their boxes are

_KINDS = {"folder": "a folder", "list": "a list", "rec": "a .rec"}
_ONLY_FOR = {
    "root": ("list",),
    "recursive": ("folder",),
    "exts": ("folder",),
    "hidden": ("folder",),
    "classes_file": ("folder",),
    "classes_out": ("folder",),
    "label_width": ("folder", "list"),
    "pack_label": ("folder", "list"),
    "upright_masks": ("folder", "list"),
    "mask_suffix": ("folder", "list"),
    "images_only": ("rec",),
    "renumber": ("rec",),
}


def _part(ctx: click.Context, _: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value)
    if match is None or int(match[1]) >= int(match[2]):
        raise click.BadParameter(f"{value}: expected I/N, with I from 0 to N - 1.")
    return int(match[1]), int(match[2])


source_options = option_group(
    click.option(
        "--root",
        type=click.Path(readable=False),
        help="Folder that a list's paths start from.  [default: the list's own, for - this one]",
    ),
    scan_options,
    click.option(
        "--pack-label", is_flag=True, help="im2rec's; all of a line's labels are packed anyway."
    ),
    click.option(
        "--label-width", type=click.IntRange(1), help="Pack only so many labels of each line."
    ),
    mask_options,
    click.option("--images-only", is_flag=True, help="Leave out records that hold no image."),
    click.option("--renumber", is_flag=True, help="Give records fresh keys and ids, from 0."),
    click.option(
        "--part",
        callback=_part,
        metavar="I/N",
        help="Pack part I of N even ones, I from 0 to N - 1.",
    ),
)


class Opened(NamedTuple):
    """What is to be packed, the scan if it was a folder, and whether anything is amiss already."""

    source: Source
    found: Scan | None
    amiss: bool


def kind_of(sources: tuple[str, ...]) -> str:
    """ "folder", "list" or "rec"."""
    kinds = [_kind_of_one(source) for source in sources]
    if len(kinds) > 1 and set(kinds) != {"rec"}:
        other = next(source for source, kind in zip(sources, kinds, strict=True) if kind != "rec")
        raise click.UsageError(
            f"several sources must all be .rec files, and {other} is none; give the folder that"
            " images are in, or a list of them."
        )
    return kinds[0]


def _kind_of_one(source: str) -> str:
    from ..format.frames import MAGIC

    if os.path.isdir(source):
        return "folder"
    if source.lower().endswith(".rec"):
        return "rec"
    if os.path.exists(source) and stat.S_ISREG(os.stat(source).st_mode):
        with open(source, "rb") as file:
            return "rec" if file.read(len(MAGIC)) == MAGIC else "list"
    return "list"


def open_source(
    ctx: click.Context,
    kind: str,
    sources: tuple[str, ...],
    lst: str,
    options: dict[str, Any],
    *,
    force: bool,
) -> Opened:
    """The source, its samples in the order of packing; remarks on it said."""
    _check_applies(ctx, sources[0], kind)
    shuffles = options["shuffle"] and (kind == "folder" or given_options(ctx, ("shuffle",)))
    if given_options(ctx, ("seed",)) and not shuffles:
        raise click.UsageError("--seed is of --shuffle.")
    if kind == "folder":
        return _folder(sources[0], lst, options, force=force)
    source: FileSource | RecordSource
    amiss = False
    if kind == "list":
        source = _list(sources[0], options)
    else:
        source, amiss = _records(sources, options)
    if shuffles:
        source = source.shuffled(options["seed"])
    if options["part"]:
        source = source.part(*options["part"])
        if getattr(source, "names_keys", False):
            say(
                "the header of an InsightFace data set names keys that are in other parts now:"
                " merge the parts again, or leave it out by --images-only"
            )
    return Opened(source, None, amiss)


def _check_applies(ctx: click.Context, source: str, kind: str) -> None:
    for name, kinds in _ONLY_FOR.items():
        wrong = given_options(ctx, (name,)) if kind not in kinds else []
        if wrong:
            meant = " or ".join(_KINDS[kind] for kind in kinds)
            raise click.UsageError(f"{wrong[0]}: only for {meant}; {source} is {_KINDS[kind]}.")
    if len(given_options(ctx, ("pack_label", "label_width"))) > 1:
        raise click.UsageError("--pack-label takes all labels, --label-width some of them.")


def _folder(folder: str, lst: str, options: dict[str, Any], *, force: bool) -> Opened:
    from ..listing.lst import ImageList
    from ..packing.list_source import FileSource

    scan = {name: options[name] for name in SCAN_NAMES}
    masks = masks_of(options)
    found = scan_folder(folder, outputs=[lst], force=force, **scan)
    if options["shuffle"]:
        say(f"shuffled by seed {options['seed']} (--no-shuffle keeps the order of names)")
    _remark_unused(masks, found.images)
    source = FileSource(found.images, folder, options["label_width"])
    if options["part"]:
        source = source.part(*options["part"])
    images = ImageList.numbered(source.images.contents(), lst, source.keys)
    source = FileSource(images, folder, options["label_width"], masks)
    return Opened(source, found, bool(found.faults))


def _list(source: str, options: dict[str, Any]) -> FileSource:
    from ..listing.lst import ImageList, read_list
    from ..listing.text_files import MOST_OF_LIST, read_bounded
    from ..packing.list_source import FileSource

    if source != "-":
        images, root = read_list(source), os.path.dirname(source)
    else:
        check_stdin()
        data = read_bounded(sys.stdin.buffer, "stdin", "a list (.lst)", MOST_OF_LIST)
        images, root = ImageList(data, "stdin"), "."
    if options["root"] is not None and not os.path.isdir(options["root"]):
        raise click.UsageError(f"--root {options['root']}: no such folder.")
    root, masks = options["root"] or root or ".", masks_of(options)
    _remark_unused(masks, images)
    _remark_on_boxes(images)
    return FileSource(images, root, options["label_width"], masks)


def _remark_unused(masks: Masks | None, images: ImageList) -> None:
    """Says that masks have keys of no image: they may be of another list's."""
    from ..errors import plural

    unused = masks.unused(images.keys) if masks is not None else 0
    if unused:
        say(f"the list of masks has {plural(unused, 'key')} of no image: is it of another list?")


def _remark_on_boxes(images: ImageList) -> None:
    """Says what is odd about the first lines' boxes: which are in pixels, say."""
    from ..errors import plural
    from ..listing.box_stats import notes_on

    some = range(min(_LOOKED_AT, len(images)))
    notes = notes_on(images[position].labels for position in some)
    if notes:
        where = f"{shown_path(images.name)}: in the first {plural(len(some), 'line')}"
        say(f"{where} {', '.join(notes)}")


def _records(recs: tuple[str, ...], options: dict[str, Any]) -> tuple[RecordSource, bool]:
    from ..errors import plural
    from ..format.names import ShardSet, group_shards
    from ..format.shard_manifest import sizes_amiss
    from ..packing.record_source import RecordSource

    masks = mask_recs(recs, options["masks"]) if options["masks"] else []
    numbers = new_numbers_of(options)
    only, fresh = options["images_only"], options["renumber"]
    source = RecordSource(recs, masks=masks, new_numbers=numbers, images_only=only, renumber=fresh)
    amiss = list(map(str, source.amiss))
    sets = [group for group in group_shards(recs) if isinstance(group, ShardSet)]
    amiss += [str(found.missing()) for found in sets if found.missing()]
    amiss += [str(fault) for found in sets for fault in sizes_amiss(found)]
    fail_all(amiss)
    for note in source.notes:
        say(note)
    if source.left_out:
        say(f"left out: {plural(source.left_out, 'record')} without an image")
    return source, bool(amiss)
