"""`rectool im2rec`: the command line of MXNet's im2rec.py."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import ImageError, ListError, RecordError, plural
from .failures import FailureLog
from .main import data_stream, fail, main, progress, say, shown_path

if TYPE_CHECKING:
    import argparse

    from ..listing.lst import ImageList
    from ..listing.scan import Scan
    from ..packing.transform import Transform

_FLAGS = ("--list", "--recursive", "--shuffle", "--no-shuffle", "--pass-through", "--center-crop",
          "--pack-label")  # fmt: skip
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_LOOKED_AT = 100  # lines of a list, to tell what their labels are


@main.command(
    "im2rec",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS] PREFIX ROOT")
@click.pass_context
def im2rec(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Run a command line of MXNet's im2rec.py, which makes lists and packs them."""
    _check_no_binary(arguments)
    args = _parser().parse_args(_without_truths(arguments))
    args.prefix, args.root = os.path.abspath(args.prefix), os.path.abspath(args.root)
    if not os.path.isdir(args.root):
        raise click.UsageError(f"ROOT must be a folder of images, got {shown_path(args.root)}.")
    ctx.exit(0 if (_make_lists(args) if args.list else _pack_lists(args)) else 1)


def _check_no_binary(arguments: Sequence[str]) -> None:
    """Refuses the arguments of the program in C++: LST ROOT OUT.rec and settings as resize=256."""
    values = [one for one in arguments if not one.startswith("-")]
    if len(values) >= 3 and values[0].endswith(".lst") and values[2].endswith(".rec"):
        lst, root, out = map(shown_path, values[:3])
        raise click.UsageError(
            "these are the arguments of MXNet's im2rec program, not of im2rec.py;"
            f" did you mean rectool pack {lst} {out[:-4]} --root {root}?"
        )


def _parser() -> argparse.ArgumentParser:
    import argparse

    parser = argparse.ArgumentParser(
        prog="rectool im2rec",
        description="With --list, list the images of ROOT in PREFIX.lst. Without, pack every list"
        " PREFIX*.lst, or if PREFIX is a folder every list in it, into a .rec and an .idx beside"
        " it. Files of those names are replaced.",
        epilog="The arguments and the bytes are those of im2rec.py of MXNet 1.9.1, but an image"
        " that cannot be read is named, and the exit status then is 1.",
    )
    add = parser.add_argument
    add("prefix", metavar="PREFIX", help="name of the lists and record files, without ending")
    add("root", metavar="ROOT", help="folder that the paths in lists start from")
    add("--list", action="store_true", help="list the images instead of packing lists")
    add("--exts", nargs="+", default=[".jpeg", ".jpg", ".png"], metavar="EXT", help="image endings")
    add("--chunks", type=int, default=1, metavar="N", help="lists to split the images into")
    add("--train-ratio", type=float, default=1.0, metavar="R", help="share for PREFIX_train.lst")
    add("--test-ratio", type=float, default=0.0, metavar="R", help="share for PREFIX_test.lst")
    add("--recursive", action="store_true", help="list sub-folders too, each a class")
    add("--no-shuffle", dest="shuffle", action="store_false", help="keep the order of names")
    add("--shuffle", dest="shuffle", action="store_true", help=argparse.SUPPRESS)
    add("--pass-through", action="store_true", help="pack the files' bytes as they are")
    add("--resize", type=int, default=0, metavar="N", help="new shorter edge in pixels")
    add("--center-crop", action="store_true", help="cut out the square in the middle first")
    add("--quality", type=int, default=95, metavar="N", help="JPEG: 1 to 100; PNG: 1 to 9")
    add("--num-thread", type=int, metavar="N", help="processes (default: one a core)")
    add("--color", type=int, default=1, choices=[-1, 0, 1], help="1 RGB, 0 grey, -1 unchanged")
    add("--encoding", default=".jpg", choices=[".jpg", ".png"], help="what images are stored as")
    add("--pack-label", action="store_true", help="pack all labels of a line, not the first alone")
    parser.set_defaults(shuffle=True)
    return parser


def _without_truths(arguments: Sequence[str]) -> list[str]:
    """The arguments with flags as they are now: before MXNet 1.1 it was `--list True`, `--list=1`.

    A flag that is False is left out, or turned round.
    """
    left: list[str] = []
    rest = list(arguments)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if flag in _FLAGS and not equals and rest and rest[0].lower() in ("true", "false"):
            value = rest.pop(0)
        truth = _TRUTHS.get(value.lower())
        if flag not in _FLAGS or (equals and truth is None):
            left.append(flag + equals + value)
        elif truth is not False:
            left.append(flag)
        elif flag == "--shuffle":
            left.append("--no-shuffle")
    return left


def _make_lists(args: argparse.Namespace) -> bool:
    """Writes PREFIX*.lst, and the class table to stdout; whether nothing was left out."""
    from ..listing.classes import class_table
    from ..listing.scan import scan
    from ..listing.split import shuffled, split, write_lists

    if args.test_ratio and args.train_ratio == 1.0:
        say("--test-ratio needs a --train-ratio below 1, and is ignored without, as by im2rec.py")
        args.test_ratio = 0.0
    found = scan(args.root, recursive=args.recursive, exts=args.exts, hidden=True)
    images = shuffled(found.images) if args.shuffle else found.images
    try:
        ratios = {"train_ratio": args.train_ratio, "test_ratio": args.test_ratio}
        parts = split(images, chunks=args.chunks, **ratios)
    except (ValueError, ZeroDivisionError) as error:
        raise click.UsageError(f"{error}.") from None
    if args.recursive:
        stream = data_stream()
        stream.flush()
        stream.buffer.write(class_table(found.classes))
    _say_passed_over(found, args.root)
    for path, part in zip(write_lists(args.prefix, parts, force=True), parts, strict=True):
        say(f"{plural(len(part.images), 'image')} in {shown_path(path)}")
    return not found.faults


def _say_passed_over(found: Scan, root: str) -> None:
    from ..listing.found import remark_on
    from ..listing.scan import is_hidden

    hidden = [name for name in found.classes if any(map(is_hidden, name.split(os.sep)))]
    if hidden and hidden != ["."]:
        say(f"{plural(len(hidden), 'hidden folder')} listed, as by im2rec.py: {hidden[-1]}")
    remark_on(found, root, say, fail)


def _pack_lists(args: argparse.Namespace) -> bool:
    """Packs each list of the prefix; whether all images are packed."""
    from ..system.malloc import keep_freed_memory

    lists = _lists_of(args.prefix)
    if not lists:
        place = "in this folder" if os.path.isdir(args.prefix) else "with this prefix"
        fail(f"{shown_path(args.prefix)}: no list {place}; rectool im2rec --list makes one")
        return False
    keep_freed_memory()
    transform = _transform(args)
    whole = True
    for path in lists:
        try:
            whole &= _pack_list(path, args, transform)
        except RecordError as error:  # the other lists are packed all the same
            fail(str(error))
            whole = False
    return whole


def _lists_of(prefix: str) -> list[str]:
    folder = prefix if os.path.isdir(prefix) else os.path.dirname(prefix)
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    return [
        path
        for path in paths
        if path.startswith(prefix) and path.endswith(".lst") and os.path.isfile(path)
    ]


def _transform(args: argparse.Namespace) -> Transform:
    from ..imaging.options import Color, Encoding
    from ..packing.transform import CopyBytes, Reencode

    if args.pass_through:
        return CopyBytes()
    colors: dict[int, Color] = {1: "rgb", 0: "gray", -1: "unchanged"}
    encoding: Encoding = "png" if args.encoding == ".png" else "jpg"
    reencode: dict[str, Any] = {
        "color": colors[args.color],
        "center_crop": args.center_crop,
        "resize": args.resize,
        "encoding": encoding,
        "quality": min(args.quality, 9) if encoding == "png" else args.quality,
    }
    try:
        return Reencode(**reencode, backend=_backend(args))
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


def _backend(args: argparse.Namespace) -> Any:
    """im2rec.py's own where it is installed."""
    from ..imaging.backends import load

    try:
        load("opencv")
        return "opencv"
    except ImageError:
        if args.resize or args.encoding == ".png":
            how = "resized antialiased by Pillow" if args.resize else "encoded by Pillow"
            say(
                f"without OpenCV images are {how}, and the bytes are not im2rec.py's:"
                " pip install 'rectool[opencv]' makes them so"
            )
        return "pillow"


def _pack_list(path: str, args: argparse.Namespace, transform: Transform) -> bool:
    """Packs one list; whether all of its images are packed."""
    from ..listing.lst import read_list
    from ..packing.list_source import FileSource
    from ..packing.pack_source import pack_source
    from .report import pack_text

    images = read_list(path)
    if not args.pack_label:
        _check_labels(images)
    source = FileSource(images, args.root, None if args.pack_label else 1)
    out = path.removesuffix(".lst")
    with progress(source.noun) as (advance, tell):
        failures = FailureLog(out + ".failures.txt", tell)
        try:
            result = pack_source(
                source,
                out,
                transform,
                workers=args.num_thread,
                force=True,
                on_failure=failures.add,
                on_progress=advance,
            )
        finally:
            failures.close()
    say(pack_text(result, source.noun))
    if failures.count:
        say(f"not packed: {plural(failures.count, source.noun)}, named {failures.where}")
    return not failures.count


def _check_labels(images: ImageList) -> None:
    """Says that labels are left out; raises ListError where those would be boxes."""
    from ..format.boxes import are_boxes

    some = [images[at].labels for at in range(min(_LOOKED_AT, len(images)))]
    several = [labels for labels in some if len(labels) > 1]
    if several and all(map(are_boxes, several)):
        raise ListError("the labels are boxes, which --pack-label keeps: add it", path=images.name)
    if several:
        say(f"{shown_path(images.name)}: of each line only the first label is packed; --pack-label"
            " keeps all")  # fmt: skip
