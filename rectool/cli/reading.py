"""`rectool inspect`, `rectool unpack` and `rectool index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .door import data_stream, error_text, fail, force_option, main, progress, say, shown_path
from .failures import DamageLog
from .masks import mask_groups, masks_option
from .usage import check_index, check_unpack, wrong_records

if TYPE_CHECKING:
    from ..format import RecordError, ShardSet
    from ..inspection import Records
    from ..pairing import Pair
    from ..unpacking import UnpackResult

_MOST_PROBLEMS = 20


@main.command()
@click.argument("recs", metavar="REC...", nargs=-1, required=True, type=click.Path(readable=False))
@click.option("--records", "what", flag_value="records", help="A row for each record.")
@click.option("--keys", "what", flag_value="keys", help="Only the keys, one a line.")
@click.option("--key", type=int, help="Only the row of the record with this key.")
@masks_option("Show also the file with the masks of REC's images, and whether they match")
@click.option("--json", "as_json", is_flag=True, help="JSON: an object a line.")
@click.pass_context
def inspect(
    ctx: click.Context,
    recs: tuple[str, ...],
    what: str | None,
    key: int | None,
    masks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show what record files hold. No image is decoded.

    Shards of one set (out-00000-of-00004.rec, ...) are shown as one. What is damaged or missing is
    named on stderr, and makes the exit status 1; records that are whole are shown all the same.

    \b
    rectool inspect out.rec
    rectool inspect out-*.rec
    rectool inspect out.rec --records --json | jq -r .key
    rectool inspect out.rec --key 7
    rectool inspect out.rec --masks out_mask.rec
    """
    from ..format import RecordError, group_shards, plural

    if what and key is not None:
        raise click.UsageError(f"--{what} shows all records, --key one.")
    if masks and (what or key is not None):
        raise click.UsageError("--masks compares all records: no --records, --keys or --key.")
    bad = False
    for rec, images in _with_masks(group_shards(recs), masks):
        unnamed = 0
        try:
            wrong = wrong_records(str(rec), "inspect", "{}")
            if wrong:
                raise RecordError(wrong, path=str(rec))
            if what is None and key is None:
                problems, unnamed = _show_summary(rec, images, as_json)
            else:
                problems, unnamed = _show_records(rec, what, key, as_json)
        except RecordError as error:
            problems = [error]
        except OSError as error:
            if error.filename is None:  # not about this file: stdout's
                raise
            problems = [RecordError(error.strerror or str(error), path=error.filename)]
        for problem in problems[:_MOST_PROBLEMS]:
            fail(str(problem))
        unnamed += max(0, len(problems) - _MOST_PROBLEMS)
        if unnamed:
            fail(f"{shown_path(rec)}: {plural(unnamed, 'more fault')}")
        bad = bad or bool(problems)
    ctx.exit(1 if bad else 0)


def _with_masks(
    groups: list[str | ShardSet], given: tuple[str, ...]
) -> list[tuple[str | ShardSet, str | ShardSet | None]]:
    """What is to be shown, each with the images whose masks it holds."""
    if not given:
        return [(group, None) for group in groups]
    pairs = zip(groups, mask_groups(groups, given), strict=True)
    return [shown for group, masks in pairs for shown in ((group, None), (masks, group))]


def _show_records(
    rec: str | ShardSet, what: str | None, key: int | None, as_json: bool
) -> tuple[list[RecordError], int]:
    """Shows records of a file or a set, or their keys; returns what is wrong, as below."""
    from ..format import RecordError
    from ..inspection import Records

    records = Records(rec)
    failed: list[RecordError] = []
    try:
        if what == "keys":
            _write_lines(f"{key}\n" for key in records.index.keys.tolist())
            records.check_cover()
        else:
            _show_rows(records, key, as_json)
    except RecordError as error:  # the one record that was asked for
        failed.append(error)
    return [*records.problems, *failed], records.unnamed


def _write_lines(lines: Any) -> None:
    write = data_stream().write
    for line in lines:
        write(line)


def _show_rows(records: Records, key: int | None, as_json: bool) -> None:
    from ..reporting import ROW_TITLES, row_json, row_text

    rows = records.rows() if key is None else iter([records.row(records.position(key))])
    if as_json:
        _write_lines(row_json(row) + "\n" for row in rows)
    else:
        titles = ROW_TITLES if records.shards is None else (*ROW_TITLES, "rec")
        _write_lines(["\t".join(titles) + "\n"])
        _write_lines(row_text(row) + "\n" for row in rows)


def _show_summary(
    rec: str | ShardSet, images: str | ShardSet | None, as_json: bool
) -> tuple[list[RecordError], int]:
    """Shows what a file or a set holds; returns what is wrong with it, and how much more there is.

    If it holds the masks of `images`, both are compared.
    """
    from ..inspection import Records
    from ..reporting import summary_json, summary_text

    records = Records(rec)
    summary = records.summary()
    pair = None if images is None else _pair(images, records)
    problems = [*records.problems, *(pair.problems if pair else ())]
    if as_json:
        text = summary_json(summary, list(map(str, problems)), pair)
    else:
        text = summary_text(summary, pair)
    click.echo(text, file=data_stream())
    return problems, records.unnamed + (pair.unnamed if pair else 0)


def _pair(images: str | ShardSet, masks: Records) -> Pair | None:
    from ..format import RecordError
    from ..inspection import Records
    from ..pairing import compare

    try:
        return compare(Records(images), masks)
    except (OSError, RecordError):  # which is told where the images are shown
        return None


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
    from ..format import group_shards
    from ..listing import read_list

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
                from ..unpacking import unpack_records

                results = [unpack_records(rec, folder, **how)]
            else:
                from ..unpacking_pairs import unpack_pair

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
        from ..unpack_folder import are_apart

        if not are_apart(folder, masks_out):
            raise click.UsageError(
                "--masks-out must be a folder apart from DIR, not in or around it."
            )


def _tell(noun: str, folder: str | None, names: str | None, result: UnpackResult) -> None:
    """What was written to a folder, and what may be amiss."""
    from ..format import plural

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


@main.command()
@click.argument("recs", metavar="REC...", nargs=-1, required=True, type=click.Path(readable=False))
@click.option(
    "--out",
    metavar="IDX",
    type=click.Path(readable=False),
    help="Write the index of one REC to this file.  [default: REC's name with .idx]",
)
@click.option(
    "--keys",
    type=click.Choice(["auto", "id", "position"]),
    default="auto",
    show_default=True,
    help="The records' ids, their positions, or ids where they are all different.",
)
@force_option
@click.pass_context
def index(
    ctx: click.Context, recs: tuple[str, ...], out: str | None, keys: Any, force: bool
) -> None:
    """Write the .idx of each REC beside it.

    \b
    rectool index train.rec
    rectool index set-*.rec
    rectool index train.rec --out other.idx
    rectool index train.rec --keys position --force
    """
    from ..format import RecordError, check_outputs, idx_beside

    names, idx = check_index(recs, out)
    targets = [idx_beside(rec) for rec in names] if idx is None else [idx]
    check_outputs(targets, names)
    if len(names) == 1:
        _index(names[0], targets[0], keys, force=force)
        return
    bad = False
    for rec, target in zip(names, targets, strict=True):
        try:
            _index(rec, target, keys, force=force)
        except (OSError, RecordError) as error:
            fail(error_text(error))
            bad = True
    ctx.exit(1 if bad else 0)


def _index(rec: str, idx: str, keys: Any, *, force: bool) -> None:
    from ..format import plural
    from ..indexing import index_records

    made = index_records(rec, idx, keys=keys, force=force)
    which = "the records' ids" if made.source == "id" else "positions"
    say(f"{plural(len(made.keys), 'record')} in {shown_path(idx)}; keys are {which}")
