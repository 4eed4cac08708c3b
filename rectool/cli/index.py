"""`rectool index`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .main import error_text, fail, force_option, main, say, shown_path
from .usage import check_index

if TYPE_CHECKING:
    pass


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
    from ..errors import RecordError
    from ..format.writer import idx_beside
    from ..system.replacing import check_outputs

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
    from ..errors import plural
    from ..format.rebuild import index_records

    made = index_records(rec, idx, keys=keys, force=force)
    which = "the records' ids" if made.source == "id" else "positions"
    say(f"{plural(len(made.keys), 'record')} in {shown_path(idx)}; keys are {which}")
