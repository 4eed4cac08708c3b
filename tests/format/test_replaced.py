"""Files that change while they are opened or read: one version of them, or an error."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

from rectool import IRHeader, RecordDataset, RecordReader, RecordWriter, pack, unpack
from rectool.format.record_file import RecordFile

Runner = Callable[..., Run]

KEYS = list(range(50))


def write(path: Path, keys: list[int]) -> None:
    """Records of one size, whose ids are their keys."""
    with RecordWriter(path, force=True) as writer:
        for key in keys:
            writer.write(pack(IRHeader(0, float(key), key, 0), b"x" * 100), key)


def check(reader: RecordReader) -> None:
    assert [unpack(reader.by_key(key))[0].id for key in KEYS] == KEYS


def test_a_pair_that_is_replaced_between_both_files_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.rec"
    write(path, KEYS)
    replaced = []
    read_index = RecordFile.read_index

    def after_a_replacement(self: RecordFile, idx: str) -> object:
        if not replaced:
            replaced.append(idx)
            write(path, KEYS[::-1])
        return read_index(self, idx)

    monkeypatch.setattr(RecordFile, "read_index", after_a_replacement)
    reader = RecordReader(path)
    assert replaced
    check(reader)
    assert reader.keys.tolist() == KEYS[::-1]


def test_readers_beside_a_writer_get_one_version(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    write(path, KEYS)
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]; from pathlib import Path\n"
        "from test_replaced import KEYS, write\n"
        "for number in range(60): write(Path(sys.argv[1]), KEYS[:: number % 2 * 2 - 1])\n"
    )
    folders = map(str, Path(__file__).parents[:2])
    writing = subprocess.Popen([sys.executable, "-c", code, str(path), *folders])
    opened = 0
    while writing.poll() is None:
        with RecordReader(path) as reader:
            check(reader)
        opened += 1
    assert writing.returncode == 0
    assert opened


def test_a_reader_finds_its_files_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.rec", KEYS)
    monkeypatch.chdir(tmp_path)
    pickled = [pickle.dumps(RecordReader("a.rec", idx)) for idx in (True, False, "a.idx")]
    dataset = pickle.dumps(RecordDataset("a.rec", decode=False))
    monkeypatch.chdir(os.sep)
    for one in pickled:
        check(pickle.loads(one))
    assert len(pickle.loads(dataset)) == len(KEYS)


@pytest.mark.parametrize("given", [[3, 1], (3, 1)])
def test_headers_and_labels_of_a_list_of_positions(tmp_path: Path, given: object) -> None:
    write(tmp_path / "a.rec", KEYS)
    reader = RecordReader(tmp_path / "a.rec")
    assert reader.headers(given).ids.tolist() == [3, 1]
    assert reader.labels(given).tolist() == [3.0, 1.0]
    assert reader.headers([]).ids.tolist() == []
    with pytest.raises(TypeError):
        reader.headers([1.5])


@pytest.mark.parametrize("offset", [-4, -8])
def test_an_offset_from_the_end_is_refused(tmp_path: Path, offset: int) -> None:
    write(tmp_path / "a.rec", KEYS)
    with pytest.raises(ValueError, match="0 or more"):
        RecordReader(tmp_path / "a.rec").at(offset)
