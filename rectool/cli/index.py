"""`rectool index`."""

from __future__ import annotations

from typing import Literal

import click

from ..errors import plural
from ..format.write_index import write_index
from .main import error_text, fail, force_option, main, path_option, say, shown_path
from .usage import check_index
from .verbs import verb


@main.command()
@click.argument("recs", metavar="REC...", nargs=-1, required=True, type=click.Path(readable=False))
@path_option(
    "--out", "IDX", "Write the index of one REC to this file.  [default: REC's name with .idx]"
)
@click.option(
    "--keys",
    type=click.Choice(["auto", "id", "position"]),
    show_default=True,
    help="Take the records' ids as keys, or their positions; auto: ids where all are different.",
)
@force_option
@verb(write_index)
@click.pass_context
def index(
    ctx: click.Context,
    recs: tuple[str, ...],
    out: str | None,
    keys: Literal["auto", "id", "position"],
    force: bool,
) -> None:
    """Write the .idx of each REC beside it.

    \b
    rectool index train.rec
    rectool index set-*.rec
    rectool index train.rec --out other.idx
    rectool index train.rec --keys position --force
    """
    names, idx = check_index(recs, out)
    errors: list[Exception] = []
    several = errors.append if len(names) > 1 else None
    for made in write_index(names, out=idx, keys=keys, force=force, on_error=several):
        which = "the records' ids" if made.keys_from == "id" else "positions"
        say(f"{plural(made.records, 'record')} in {shown_path(made.idx)}; keys are {which}")
    for error in errors:
        fail(error_text(error))
    ctx.exit(1 if errors else 0)
