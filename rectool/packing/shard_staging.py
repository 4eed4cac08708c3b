"""The folder in which finished shards of a set wait, and the journal that says what they are."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..errors import RecordError
from ..format.shard_manifest import Shard, State, changed, read
from ..system.atomic import AtomicFile
from ..system.open_regular import open_flags, unwritable
from ..system.temporary_files import sync_file

_JOURNAL = "state.jsonl"
_OF_OLD = "state.json"
_OURS = re.compile(r"[0-9]{5,}[^.]*\.(rec|idx)|state\.jsonl?|\.state\.jsonl?\.[0-9a-f.]*tmp")
_APPENDING = open_flags("O_WRONLY", "O_APPEND", "O_BINARY", "O_NOFOLLOW", "O_CLOEXEC")


class Staging:
    """`.OUT.shards` beside OUT: a folder of the user's own that nobody else may write to.

    The journal has a line for each finished shard, with a checksum over all that stands before: it
    is only appended to, and a change anywhere shows. What moves out of the way of the set when its
    shards get their names is in the folder `old`.
    """

    def __init__(self, prefix: str) -> None:
        folder, name = os.path.split(prefix)
        self.path = os.path.join(folder, f".{name}.shards")
        self.old = os.path.join(self.path, "old")
        self._journal = os.path.join(self.path, _JOURNAL)
        self._checksum = 0

    def check(self) -> None:
        """Raises RecordError where something else has the folder's name."""
        try:
            state = os.lstat(self.path)
        except FileNotFoundError:
            return
        reason = ""
        if not stat.S_ISDIR(state.st_mode):
            reason = "must be a folder of rectool's, and is none"
        elif sys.platform != "win32" and state.st_uid != os.geteuid():
            reason = "belongs to another user"
        elif sys.platform != "win32" and state.st_mode & 0o022:
            reason = "may be written to by other users"
        if reason:
            hint = "remove it, or give OUT another name"
            raise RecordError(f"{reason}; {hint}", path=self.path)

    def load(self) -> State | None:
        """What the journal says, None where there is none.

        Raises RecordError for one that is not as it was written. A last line without an end was
        cut by whatever stopped the run, and does not count.
        """
        try:
            *lines, _ = read(self._journal).split(b"\n")
        except FileNotFoundError:
            old = os.path.join(self.path, _OF_OLD)
            if os.path.lexists(old):
                raise changed("left by a stopped run", old) from None
            return None
        except ValueError:
            raise changed("too long", self._journal) from None
        state, checksum = State({}), 0
        for number, line in enumerate(lines, 1):
            given, _, text = line.partition(b" ")
            checksum = zlib.crc32(text, checksum)
            try:
                if given != b"%08x" % checksum:
                    raise ValueError("its checksum is wrong")
                _apply(state, json.loads(text))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise changed(f"line {number} is not right", self._journal) from None
        try:
            if not lines:
                raise ValueError("it is empty")
            state.check()
        except ValueError as error:
            raise changed(str(error), self._journal) from None
        return state

    def begin(self, state: State, *, keep: bool) -> None:
        """Makes the folder, empties it unless what is there is to be kept, and notes the state."""
        self.check()
        if not keep:
            self.remove()
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.path, 0o700)
        self.check()
        self._checksum = 0
        with AtomicFile(self._journal, force=True) as output:
            output.write(self._line({"identity": state.identity}))
            for number, shard in sorted(state.shards.items()):
                output.write(self._line({"shard": number, **asdict(shard)}))
            if state.publishing:
                output.write(self._line({"publishing": True}))

    def note_shard(self, number: int, shard: Shard) -> None:
        self._append({"shard": number, **asdict(shard)})

    def note_publishing(self, *, publishing: bool) -> None:
        self._append({"publishing": publishing})

    def _append(self, entry: dict[str, Any]) -> None:
        line = self._line(entry)
        try:
            fd = os.open(self._journal, _APPENDING)
            try:
                while line:
                    line = line[os.write(fd, line) :]
                sync_file(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise unwritable(error, self._journal) from None

    def _line(self, entry: dict[str, Any]) -> bytes:
        text = json.dumps(entry).encode("ascii")
        self._checksum = zlib.crc32(text, self._checksum)
        return b"%08x %s\n" % (self._checksum, text)

    def files(self, number: int, suffixes: Sequence[str]) -> list[str]:
        """The files of a shard that waits here, in the order of `Shard.sizes`."""
        stem = os.path.join(self.path, f"{number:05d}")
        return [stem + suffix + ending for suffix in suffixes for ending in (".rec", ".idx")]

    def remove(self) -> None:
        """Removes the folder and all that rectool has put into it, the journal last."""
        shutil.rmtree(self.old, ignore_errors=True)
        with contextlib.suppress(OSError):
            names = filter(_OURS.fullmatch, os.listdir(self.path))
            for name in sorted(names, key=lambda name: "state" in name):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self.path, name))
            os.rmdir(self.path)


def _apply(state: State, entry: dict[str, Any]) -> None:
    """Raises KeyError, TypeError or ValueError for what is no entry of a journal."""
    if "identity" in entry:
        state.identity = dict(entry["identity"])
    elif "publishing" in entry:
        state.publishing = bool(entry["publishing"])
    else:
        number = int(entry.pop("shard"))
        state.shards[number] = Shard.of(entry)
