"""Wrong usage: what an argument is, and the command that was meant."""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn

import click

from ..errors import shown
from .verbs import take_defaults

Kind = Literal["url", "stdin", "folder", "device", "records", "index", "list", "image", "other"]

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_ENDINGS: dict[str, Kind] = {".rec": "records", ".idx": "index", ".lst": "list"}
_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic")
_NOUNS: dict[Kind, str] = {
    "url": "a URL",
    "stdin": "stdin",
    "folder": "a folder",
    "device": "a device or a pipe",
    "records": "a record file",
    "index": "an index",
    "list": "a list",
    "image": "an image",
    "other": "a file",
}

_PLACEHOLDERS = ("OUT", "DIR")

_COMMANDS = {
    "pack": "convert create encode make merge shuffle shard split write im2record",
    "inspect": "cat check count head info keys show stats summary validate verify view",
    "unpack": "decode export extract rec2image rec2img",
    "index": "rec2idx reindex",
    "list": "find lst ls scan",
}
_MEANT = {word: command for command, words in _COMMANDS.items() for word in words.split()}

_MISSING = {
    "list": ("ROOT, the folder of images", "rectool list images/ train"),
    "pack": (
        "OUT, the name of the files to write: a command ends with it",
        "rectool pack images/ out",
    ),
    "inspect": ("REC, a record file", "rectool inspect out.rec"),
    "unpack": ("DIR, the folder to write to: a command ends with it", "rectool unpack out.rec dir"),
    "index": ("REC, a record file", "rectool index out.rec"),
}


class Command(click.Command):
    """A command that takes --quiet, and says what is missing and where an option belongs."""

    def __init__(
        self, *args: Any, groups: Mapping[str, Sequence[str]] | None = None, **more: Any
    ) -> None:
        """`groups` has the titles under which help shows options, and the names of these."""
        super().__init__(*args, **more)
        take_defaults(self)
        self._title = {name: title for title, names in (groups or {}).items() for name in names}
        self.params.append(
            click.Option(
                ["-q", "--quiet"],
                is_flag=True,
                expose_value=False,
                callback=_keep_quiet,
                help="Print errors only: no progress, remarks or summary on stderr.",
            )
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title in dict.fromkeys([*self._title.values(), "Options"]):
            params = [
                param
                for param in self.get_params(ctx)
                if isinstance(param, click.Option)
                and self._title.get(param.name or "", "Options") == title
            ]
            rows = [row for row in (param.get_help_record(ctx) for param in params) if row]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except click.NoSuchOption as error:
            homes = _homes_of(error)
            if not homes:
                raise
            where = " and ".join(f"rectool {name}" for name in homes)
            raise click.UsageError(
                f"{error.option_name} is an option of {where}, not of rectool {self.name}.",
                ctx=error.ctx,
            ) from None
        except click.MissingParameter as error:
            if not isinstance(error.param, click.Argument) or self.name not in _MISSING:
                raise
            what, example = _MISSING[self.name]
            raise click.UsageError(f"Missing {what}, as in: {example}", ctx=error.ctx) from None


def _keep_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta["rectool.quiet"] = value


def is_quiet() -> bool:
    """Whether --quiet was given to the command that runs."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get("rectool.quiet"))


def _homes_of(error: click.NoSuchOption) -> list[str]:
    """The other commands that have this option."""
    ctx = error.ctx.parent if error.ctx is not None else None
    if ctx is None or not isinstance(ctx.command, click.Group):
        return []
    return [
        name
        for name in ctx.command.list_commands(ctx)
        if (command := ctx.command.get_command(ctx, name)) is not None
        and any(error.option_name in param.opts + param.secondary_opts for param in command.params)
    ]


def meant_command(word: str) -> str:
    """A hint for what is no command, or nothing."""
    if word in _MEANT:
        return f"did you mean rectool {_MEANT[word]}?"
    kind = kind_of_path(word)
    if kind == "records":
        return f"did you mean {_command('inspect', word)}?"
    if kind in ("folder", "list"):
        return f"did you mean {_command('pack', word, 'OUT')}?"
    return ""


def kind_of_path(path: str) -> Kind:
    """What an argument is, by its name and by what stands there; no file is opened."""
    if path == "-":
        return "stdin"
    if _URL.match(path):
        return "url"
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        mode = 0
    if stat.S_ISDIR(mode):
        return "folder"
    if mode and not stat.S_ISREG(mode):
        return "device"
    ending = os.path.splitext(path)[1].lower()
    return "image" if ending in _IMAGES else _ENDINGS.get(ending, "other")


def check_list(root: str, out: str) -> None:
    """Refuses what cannot be ROOT and OUT of `rectool list`."""
    kind = kind_of_path(root)
    if kind_of_path(out) == "folder" and not os.path.exists(root):
        _refuse(f"{shown(root)} does not exist, and {shown(out)} is a folder", "list", out, root)
    if kind == "records":
        _refuse("ROOT must be a folder of images, got a record file", "inspect", root, "--records")
    if kind == "list":
        _refuse("ROOT must be a folder of images, got a list", "pack", root, "OUT")
    if kind in ("url", "stdin", "image", "index"):
        _refuse(f"ROOT must be a folder of images, got {_NOUNS[kind]}: {shown(root)}")
    if out != "-":
        _check_output(out, "list", root)


def check_pack(sources: Sequence[str], out: str) -> None:
    """Refuses what cannot be SOURCE and OUT of `rectool pack`."""
    kinds = [kind_of_path(source) for source in sources]
    if len(sources) == 1 and kind_of_path(out) == "folder":
        source = sources[0]
        if kinds[0] == "list" and os.path.exists(source):
            reason = f"OUT must be the name of the files to write, got a folder: {shown(out)}"
            _refuse(reason, "pack", source, "OUT", "--root", out)
        if kinds[0] != "stdin" and not os.path.exists(source):
            reason = f"{shown(source)} does not exist, and {shown(out)} is a folder"
            _refuse(reason, "pack", out, source)
    for source, kind in zip(sources, kinds, strict=True):
        if kind == "url":
            _refuse(f"rectool reads files, not URLs: download {shown(source)} first")
        if kind == "index":
            reason = f"{shown(source)} is an index; the records are in the .rec"
            _refuse(reason, "pack", _beside(source, ".rec"), out)
        if kind == "image":
            _refuse(
                f"SOURCE must be a folder, a list or record files, got an image: {shown(source)}"
            )
        if kind != "stdin" and not os.path.lexists(source):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), source)
    _check_output(out, "pack", *sources)
    if set(kinds) == {"records"} and kind_of_path(out) == "records" and os.path.lexists(out):
        reason = (
            f"OUT must be a new name behind the sources, got a record file: {shown(out)}"
            " (if it is to be replaced, give its name without .rec)"
        )
        _refuse(reason, "pack", *sources, out, "OUT")


def check_unpack(recs: Sequence[str], folder: str) -> None:
    """Refuses what cannot be REC and DIR of `rectool unpack`."""
    if kind_of_path(folder) == "records":
        if not os.path.isfile(recs[-1]):
            reason = f"REC must be a record file, got {shown(recs[-1])}"
            _refuse(reason, "unpack", folder, recs[-1])
        reason = f"DIR must be a folder to write to, got a record file: {shown(folder)}"
        _refuse(reason, "unpack", recs[0], "DIR")
    for rec in recs:
        _check_records(rec, "unpack", folder)
    kind = kind_of_path(folder)
    if kind in ("url", "stdin", "device") or (kind != "folder" and os.path.exists(folder)):
        _refuse(f"DIR must be a folder to write to, got {_NOUNS[kind]}: {shown(folder)}")


def wrong_records(rec: str, *command: str) -> str:
    """Why an argument cannot be a record file, by its name alone; or nothing.

    `command` is the one that would be right with the record file for {}.
    """
    kind = kind_of_path(rec)
    if kind in ("index", "list", "image") and (not os.path.lexists(rec) or _holds_records(rec)):
        return ""
    if kind == "index":
        return _with_hint("this is an index; the records are in the .rec", _filled(rec, command))
    if kind == "list":
        return _with_hint("this is a list, not a record file", ("pack", rec, "OUT"))
    if kind == "folder":
        return _with_hint("this is a folder, not a record file", ("pack", rec, "OUT"))
    if kind in ("url", "stdin", "image"):
        return f"this is {_NOUNS[kind]}, not a record file"
    return ""


def _holds_records(path: str) -> bool:
    from ..format.frames import begins_as_records

    try:
        return begins_as_records(path)
    except OSError:
        return False


def _filled(rec: str, command: Sequence[str]) -> list[str]:
    return [_beside(rec, ".rec") if word == "{}" else word for word in command]


def _check_records(rec: str, command: str, *more: str) -> None:
    reason = wrong_records(rec, command, "{}", *more)
    if reason:
        raise click.UsageError(f"{shown(rec)}: {reason}")


def check_index(recs: Sequence[str], idx: str | None) -> tuple[Sequence[str], str | None]:
    """The record files to index, and the name of the index if one was given: by --out, or as the
    second of two arguments.
    """
    if idx is None and len(recs) == 2 and not _is_records(recs[1]):
        recs, idx = recs[:1], recs[1]
    for rec in recs:
        if idx is None and len(recs) > 1 and kind_of_path(rec) == "index":
            reason = f"{shown(rec)} is an index; each is written beside its record file"
            _refuse(reason, "index", *(one for one in recs if kind_of_path(one) != "index"))
    return recs, idx


def _is_records(path: str) -> bool:
    return kind_of_path(path) == "records" or (os.path.isfile(path) and _holds_records(path))


def _check_output(out: str, command: str, *before: str) -> None:
    """Refuses names that no output can have."""
    kind = kind_of_path(out)
    if kind in ("url", "stdin", "device"):
        _refuse(f"OUT must be the name of a file to write, got {_NOUNS[kind]}: {shown(out)}")
    ending = os.path.splitext(out)[1].lower()
    right = {"list": ".lst", "pack": ".rec"}[command]
    wrong = {".rec", ".idx", ".lst"} - {right}
    if ending in wrong or ending in _IMAGES:
        reason = f"OUT must be a name without an ending, or with {right}, got {shown(out)}"
        _refuse(reason, command, *before, os.path.splitext(out)[0])


def _refuse(reason: str, *command: str) -> NoReturn:
    raise click.UsageError(_with_hint(reason, command))


def _with_hint(reason: str, command: Sequence[str]) -> str:
    return f"{reason}; did you mean {_command(*command)}?" if command else f"{reason}."


def _command(*words: str) -> str:
    return "rectool " + " ".join(
        word if word in _PLACEHOLDERS else shlex.quote(shown(word)) for word in words
    )


def _beside(path: str, ending: str) -> str:
    return os.path.splitext(path)[0] + ending
