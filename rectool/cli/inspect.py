"""`rectool inspect`, `rectool unpack` and `rectool index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .main import data_stream, fail, main, shown_path
from .mask_options import mask_groups, masks_option
from .usage import wrong_records

if TYPE_CHECKING:
    from ..errors import RecordError
    from ..format.names import ShardSet
    from ..inspection.pairs import Pair
    from ..inspection.summary import Records

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
    from ..errors import RecordError, plural
    from ..format.names import group_shards

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
    from ..errors import RecordError
    from ..inspection.summary import Records

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
    from .report import ROW_TITLES, row_json, row_text

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
    from ..inspection.summary import Records
    from .report import summary_json, summary_text

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
    from ..errors import RecordError
    from ..inspection.pairs import compare
    from ..inspection.summary import Records

    try:
        return compare(Records(images), masks)
    except (OSError, RecordError):  # which is told where the images are shown
        return None
