"""`rectool inspect`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from ..errors import plural
from ..inspection.inspect_records import inspect_records
from .main import MOST_NAMED, data_stream, fail, main, shown_path
from .mask_options import masks_option
from .usage import wrong_records
from .verbs import verb

if TYPE_CHECKING:
    from ..inspection.inspect_records import Inspection
    from ..inspection.rows_and_summary import Row


@main.command()
@click.argument("recs", metavar="REC...", nargs=-1, required=True, type=click.Path(readable=False))
@click.option("--records", is_flag=True, help="Show a row for each record.")
@click.option("--keys", is_flag=True, help="Show only the keys, one a line.")
@click.option("--key", type=int, help="Show only the row of the record with this key.")
@masks_option("Show also the file with the masks of REC's images, and whether they match")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
@verb(inspect_records)
@click.pass_context
def inspect(
    ctx: click.Context,
    recs: tuple[str, ...],
    records: bool,
    keys: bool,
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
    wrong = {rec: wrong_records(rec, "inspect", "{}") for rec in recs}
    for rec, reason in wrong.items():
        if reason:
            fail(f"{shown_path(rec)}: {reason}")
    bad = any(wrong.values())

    def show_rows(rows: Iterator[Row]) -> None:
        _write_rows(rows, as_json)

    def show_keys(keys: Iterator[int]) -> None:
        _write_lines(f"{one}\n" for one in keys)

    right = [rec for rec in recs if not wrong[rec]]
    inspections = inspect_records(
        right,
        records=records,
        keys=keys,
        key=key,
        masks=masks,
        on_rows=show_rows,
        on_keys=show_keys,
        on_inspection=lambda found: _show(found, as_json),
    )
    ctx.exit(1 if bad or any(found.problems for found in inspections) else 0)


def _show(found: Inspection, as_json: bool) -> None:
    """Prints a summary, if that was asked for, and what is wrong."""
    from .report import summary_json, summary_text

    if found.summary is not None and as_json:
        text = summary_json(found.summary, list(map(str, found.problems)), found.pair)
        click.echo(text, file=data_stream())
    elif found.summary is not None:
        click.echo(summary_text(found.summary, found.pair), file=data_stream())
    for problem in found.problems[:MOST_NAMED]:
        fail(str(problem))
    more = found.unnamed + max(0, len(found.problems) - MOST_NAMED)
    if more:
        fail(f"{shown_path(found.rec)}: {plural(more, 'more fault')}")


def _write_rows(rows: Iterator[Row], as_json: bool) -> None:
    from itertools import chain

    from .report import ROW_TITLES, row_json, row_text

    if as_json:
        _write_lines(row_json(row) + "\n" for row in rows)
        return
    first = next(rows, None)
    titles = ROW_TITLES if first is None or first.rec is None else (*ROW_TITLES, "rec")
    _write_lines(["\t".join(titles) + "\n"])
    if first is not None:
        _write_lines(row_text(row) + "\n" for row in chain([first], rows))


def _write_lines(lines: Iterable[str]) -> None:
    write = data_stream().write
    for line in lines:
        write(line)
