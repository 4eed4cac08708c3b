"""What can be wrong with a record file: one small family of exceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike, fsdecode
from string import Formatter
from typing import NamedTuple, TypeVar

StrPath = str | PathLike[str]
_Error = TypeVar("_Error", bound="RecordError")


_LONGEST = 200  # characters of a name that a message shows


def shown(path: StrPath | bytes) -> str:
    """A path as a message shows it: as it is, or quoted where blanks or control characters hide.

    Of a name of more than 200 characters the middle is left out.
    """
    text = fsdecode(path)
    plain = text.isprintable() and text == text.strip() and text != ""
    return shortened(text if plain else repr(text))


def shortened(text: str, most: int = _LONGEST) -> str:
    """The text, its middle left out where it has more characters than `most`."""
    if len(text) <= most:
        return text
    half = (most - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def printable(text: str) -> str:
    """The text with control characters escaped, which a terminal would obey: all but line ends.

    Also those that change the direction of what follows, and halves of surrogate pairs.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text
    )


def plural(count: int, noun: str) -> str:
    """ "1 image", "2 images", "3 classes", "4 boxes"."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("ity"):
        return f"{count} {noun[:-1]}ies"
    return f"{count} {noun}{'es' if noun.endswith(('s', 'x', 'ch')) else 's'}"


class RecordError(Exception):
    """Base of all errors about record files, their indexes, lists and images.

    `path` and `offset` (bytes from the file's start) say where, and are None where it is not known.
    """

    def __init__(
        self, message: str, *, path: StrPath | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.offset = offset

    def located(
        self: _Error,
        *,
        path: StrPath | None = None,
        offset: int | None = None,
        prefix: str = "",
        suffix: str = "",
    ) -> _Error:
        """A new error with this path and offset, where given, and words around its message."""
        error = type(self)(
            f"{prefix}{self.message}{suffix}",
            path=self.path if path is None else path,
            offset=self.offset if offset is None else offset,
        )
        return error.with_traceback(self.__traceback__)

    def __str__(self) -> str:
        where = "" if self.path is None else f"{shown(self.path)}: "
        at = "" if self.offset is None else f"at byte {self.offset}: "
        return where + at + self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.path, self.offset))


def _rebuild(
    kind: type[RecordError], message: str, path: StrPath | None, offset: int | None
) -> RecordError:
    return kind(message, path=path, offset=offset)


class CorruptError(RecordError):
    """No record's frame stands where one should."""


class TruncatedError(RecordError):
    """The file ends inside a record."""


class IndexFileError(RecordError):
    """A `.idx` file is malformed, or belongs to another `.rec`."""


class KeyNotFoundError(RecordError, KeyError):
    """No record has this key."""


class HeaderError(RecordError):
    """A record's bytes do not begin with a whole IRHeader and its labels."""


class LimitError(RecordError):
    """A value that the format cannot hold: a label, an id, a key or a record's size."""


class ListError(RecordError):
    """A `.lst` file or class table is malformed; one line of the message for each fault."""


class ImageError(RecordError):
    """Bytes that are not a whole image, or an image that cannot become what was asked for."""


class ArgumentError(ValueError):
    """Arguments that do not go together, or a value that an argument cannot have.

    The text of the message has the names of parameters in braces, `{lst} requires {root}`, and
    `{0}` for the first of `values`. `str()` gives the parameters' names; a command gives its
    options' by `text`.
    """

    def __init__(self, template: str, *values: object) -> None:
        super().__init__(template, *values)
        self._template = template
        self._values = values

    def text(self, spelled: Callable[[str], str]) -> str:
        """The message, with what `spelled` makes of each parameter's name."""
        return _Spelling(spelled).vformat(self._template, self._values, {})

    def __str__(self) -> str:
        return self.text(str)


def check_number(name: str, value: float | None, least: float, most: float | None = None) -> None:
    """Raises ArgumentError unless the argument is None, or a number in this range."""
    if value is None or (least <= value and (most is None or value <= most)):
        return
    wanted = f"{least} or more" if most is None else f"from {least} to {most}"
    raise ArgumentError(f"{{{name}}} must be {wanted}, got {{0!r}}", value)


def check_choice(name: str, value: str | None, choices: Sequence[str]) -> None:
    """Raises ArgumentError unless the argument is None, or one of these words."""
    if value is not None and value not in choices:
        raise ArgumentError(
            f"{{{name}}} must be one of {{0}}, got {{1!r}}", ", ".join(choices), value
        )


def strings_of(given: str | Iterable[str]) -> tuple[str, ...]:
    """The strings that an argument is given: one, or several."""
    return (given,) if isinstance(given, str) else tuple(given)


class _Spelling(Formatter):
    def __init__(self, spelled: Callable[[str], str]) -> None:
        self._spelled = spelled

    def get_value(
        self, key: int | str, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> object:
        return args[key] if isinstance(key, int) else self._spelled(key)


class Failure(NamedTuple):
    """An image or record that could not be packed: key, file, line of its list or offset, why."""

    key: int
    path: str
    line: int | None
    offset: int | None
    reason: str


def ignore(_: object) -> None:
    """Takes what nobody asked for: the default of callbacks."""
