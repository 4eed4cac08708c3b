"""The `.idx` of a `.rec` that has none."""

from __future__ import annotations

import os

from ..errors import RecordError, StrPath, shown
from ..system.atomic import AtomicFile
from ..system.replacing import INDEX, check_outputs
from .index import Index, line
from .index_from_frames import KeySource
from .record_file import RecordFile
from .recovery import DamagedRegion
from .writer import idx_beside


def index_records(
    rec: StrPath, idx: StrPath | None = None, *, keys: KeySource = "auto", force: bool = False
) -> Index:
    """Writes the `.idx` of a `.rec`, beside it unless `idx` says where, and returns it.

    "auto" takes the records' ids as keys where all are image records with ids that differ, else
    positions; `source` of the result says which. Raises IndexFileError where "id" was asked for
    and cannot be, CorruptError with the first region where the file is damaged, FileExistsError
    where the `.idx` exists and `force` is false, or is a file of another kind.
    """
    target = idx_beside(rec) if idx is None else os.fspath(idx)
    check_outputs([target], [rec])
    file = RecordFile(rec, mapped=False)
    if not len(file.buffer):
        raise RecordError("the file is empty (0 bytes): it holds no records", path=rec)

    def refuse(region: DamagedRegion) -> None:
        hint = f" (rectool pack {shown(rec)} OUT makes a .rec of what is whole)"
        raise region.error().located(suffix=hint)

    with AtomicFile(target, kind=INDEX, force=force) as output:
        index = file.scan(keys, on_damage=refuse)
        for key, offset in zip(index.keys.tolist(), index.offsets.tolist(), strict=True):
            output.write(line(key, offset).encode("ascii"))
    return index
