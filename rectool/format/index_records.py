"""The `.idx` of a `.rec` that has none."""

from __future__ import annotations

from ..errors import RecordError, shown
from ..system.atomic import AtomicFile
from ..system.replacing import INDEX
from .index import Index, line
from .index_from_frames import KeySource
from .record_file import RecordFile
from .recovery import DamagedRegion


def index_records(rec: str, idx: str, *, keys: KeySource, force: bool) -> Index:
    """Writes the `.idx` of a `.rec`, and returns it.

    "auto" takes the records' ids as keys where all are image records with ids that differ, else
    positions; `source` of the result says which. Raises IndexFileError where "id" was asked for
    and cannot be, CorruptError with the first region where the file is damaged, FileExistsError
    where the `.idx` exists and `force` is false, or is a file of another kind.
    """
    file = RecordFile(rec, mapped=False)
    if not len(file.buffer):
        raise RecordError("the file is empty (0 bytes): it holds no records", path=rec)

    def refuse(region: DamagedRegion) -> None:
        hint = f" (rectool pack {shown(rec)} OUT makes a .rec of what is whole)"
        raise region.error().located(suffix=hint)

    with AtomicFile(idx, kind=INDEX, force=force) as output:
        index = file.scan(keys, on_damage=refuse)
        for key, offset in zip(index.keys.tolist(), index.offsets.tolist(), strict=True):
            output.write(line(key, offset).encode("ascii"))
    return index
