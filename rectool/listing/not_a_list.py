"""What a text is that should be a list (`.lst`) and is none, and the command that makes it one."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from ..system.file_signatures import content_of

_LOOKED_AT = 20  # lines
_NUMBER = rb"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
_PATH = rb"[^\t,]*[^\t,0-9. +-][^\t,]*"
_NAME = rb"[^\t]*[^\t0-9. +-][^\t]*"
_AWK = "awk -v OFS='\\t' '{}'"
_TABS = "awk -F'\\t' -v OFS='\\t' '{}'"


class _Kind(NamedTuple):
    """What all lines look like, what they are, and the command, if there is one."""

    line: bytes
    what: str
    command: str


_KINDS = (
    _Kind(
        rb"-?[0-9]+\t" + _PATH + rb"\t" + _NUMBER + rb"(?:\t.*)?",
        "an InsightFace list (aligned, path, label)",
        _TABS.format("{print NR-1, $3, $2}"),
    ),
    _Kind(
        rb"[0-9]+\t" + _NAME + rb"\t" + _PATH,
        "a list with names of classes (rectool list ROOT OUT --csv FILE --csv-columns 3,2)",
        "",
    ),
    _Kind(
        rb"-?[0-9]+\.[0-9]*\t.*",
        "a list whose keys are no whole numbers",
        _TABS.format("{$1 = int($1); print}"),
    ),
    _Kind(
        rb" *-?[0-9]+ +(?:" + _NUMBER + rb" +)+[^\t ]+ *",
        "a list with blanks between its columns",
        _AWK.format("{$1 = $1; print}"),
    ),
    *(
        _Kind(
            rb"-?[0-9]+ *[%b] *(?:" % mark + _NUMBER + rb" *[%b] *)+[^\t]+" % mark,
            f"a list with {mark.decode()!r} between its columns",
            f"tr '{mark.decode()}' '\\t'",
        )
        for mark in (b",", b";", b"|")
    ),
    _Kind(
        _PATH + rb"[ \t]+" + _NUMBER,
        "a list of path and label",
        _AWK.format("{print NR-1, $2, $1}"),
    ),
    _Kind(
        _NUMBER + rb"[ \t]+" + _PATH,
        "a list of a number and a path",
        _AWK.format("{print NR-1, $1, $2}"),
    ),
    _Kind(rb"[^\t]*[,;][^\t]*", "a CSV table (rectool list ROOT OUT --csv reads it)", ""),
    _Kind(rb"[^\t,]*[./\\][^\t,]*", "a list of paths alone", _AWK.format("{print NR-1, 0, $0}")),
)
_TEXTS = ("a text file", "a list (.lst)", "a program")


def explain(data: bytes, name: str) -> str | None:
    """What the text in a file called `name` is, of which no line is one of a list."""
    content = content_of(data)
    if content is not None and content.name not in _TEXTS:
        hint = " (rectool list ROOT OUT --coco reads COCO's)" if "JSON" in content.name else ""
        return f"a list (.lst) is required, and this is {content.name}{hint}"
    lines = [line for line in data[: 1 << 16].splitlines() if line.strip()]
    if len(data) > 1 << 16:
        lines.pop()  # which may be cut
    some = lines[:_LOOKED_AT]
    for kind in _KINDS:
        if some and all(re.fullmatch(kind.line, line) for line in some):
            file = "" if name == "stdin" else f" {shlex.quote(name)} > new.lst"
            mend = f": {kind.command}{file} makes a list of it" if kind.command else ""
            return (
                f"a list is key, labels and path with tabs between, and this is {kind.what}{mend}"
            )
    return None
