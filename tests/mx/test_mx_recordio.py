"""rectool.mx.recordio: MXNet's own unit tests, its examples, and what it gets wrong."""

from __future__ import annotations

import errno
import gc
import io
import multiprocessing
import numbers
import operator
import os
import pickle
import random
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import GOLDEN, encoded, in_threads, picture
from PIL import Image

import rectool.mx as mx
from rectool import (
    ImageError,
    IndexFileError,
    LimitError,
    RecordReader,
    RecordWriter,
    TruncatedError,
)
from rectool.imaging.pillow import decode

fork_warning = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


# The three that MXNet's test_recordio.py has, by what they check.


def test_sequential(tmp_path: Path) -> None:
    frec = str(tmp_path / "rec")
    count = 255
    writer = mx.recordio.MXRecordIO(frec, "w")
    for i in range(count):
        writer.write(bytes(str(chr(i)), "utf-8"))
    del writer
    reader = mx.recordio.MXRecordIO(frec, "r")
    for i in range(count):
        assert reader.read() == bytes(str(chr(i)), "utf-8")


def test_indexed(tmp_path: Path) -> None:
    fidx, frec = str(tmp_path / "idx"), str(tmp_path / "rec")
    count = 255
    writer = mx.recordio.MXIndexedRecordIO(fidx, frec, "w")
    for i in range(count):
        writer.write_idx(i, bytes(str(chr(i)), "utf-8"))
    del writer
    reader = mx.recordio.MXIndexedRecordIO(fidx, frec, "r")
    keys = reader.keys
    assert sorted(keys) == list(range(count))
    random.shuffle(keys)
    for i in keys:
        assert reader.read_idx(i) == bytes(str(chr(i)), "utf-8")


def test_labels_of_every_width(tmp_path: Path) -> None:
    frec = str(tmp_path / "rec")
    count = 255
    rng = np.random.default_rng(0)
    written = []
    writer = mx.recordio.MXRecordIO(frec, "w")
    for width in range(1, count):
        for size in range(0, count, 17):
            label = rng.uniform(size=width).astype(np.float32)
            content = rng.bytes(size)
            writer.write(mx.recordio.pack((0, label, 0, 0), content))
            written.append((label, content))
    writer.close()
    reader = mx.recordio.MXRecordIO(frec, "r")
    for label, content in written:
        header, payload = mx.recordio.unpack(reader.read())
        assert np.array_equal(header.label, label)
        assert payload == content
    assert reader.read() is None


# MXNet's documented examples.


def test_text_is_taken_where_the_examples_write_it(tmp_path: Path) -> None:
    record = mx.recordio.MXIndexedRecordIO(
        str(tmp_path / "tmp.idx"), str(tmp_path / "tmp.rec"), "w"
    )
    places = [record.tell()]
    for i in range(5):
        record.write_idx(i, f"record_{i}")
        places.append(record.tell())
    assert places == [0, 16, 32, 48, 64, 80]
    assert record.keys == [0, 1, 2, 3, 4]
    assert record.idx == dict(zip(range(5), places, strict=False))
    record.close()
    record = mx.recordio.MXIndexedRecordIO(
        str(tmp_path / "tmp.idx"), str(tmp_path / "tmp.rec"), "r"
    )
    assert record.read_idx(3) == b"record_3"
    assert record.read() == b"record_4"
    assert record.read() is None
    record.reset()
    assert record.read() == b"record_0"
    assert mx.recordio.unpack(mx.recordio.pack((0, 4, 2574, 0), "text"))[1] == b"text"


def test_keywords_and_attributes(tmp_path: Path) -> None:
    record = mx.recordio.MXIndexedRecordIO(
        idx_path=tmp_path / "a.idx", uri=tmp_path / "a.rec", flag="w", key_type=int
    )
    assert (record.writable, record.is_open, record.flag) == (True, True, "w")
    header = mx.recordio.IRHeader(flag=0, label=[1, 2], id=5, id2=0)
    array = np.asarray(picture())[:, :, ::-1]
    record.write_idx(idx=5, buf=mx.recordio.pack_img(header, img=array, quality=80, img_fmt=".jpg"))
    record.close()
    record.close()
    assert not record.is_open
    record = mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r")
    assert (record.writable, record.pid) == (False, os.getpid())
    read, image = mx.recordio.unpack_img(record.read_idx(np.int64(5)), iscolor=1)
    assert (read.flag, read.label.tolist(), read.id) == (2, [1.0, 2.0], 5)
    assert image is not None
    assert image.shape == array.shape
    for flag in ("a", "rb", "W"):
        with pytest.raises(ValueError, match=f"Invalid flag {flag}"):
            mx.recordio.MXRecordIO(tmp_path / "a.rec", flag)


def golden() -> mx.recordio.MXIndexedRecordIO:
    return mx.recordio.MXIndexedRecordIO(GOLDEN / "faces.idx", GOLDEN / "faces.rec", "r")


def test_what_face_recognition_code_does() -> None:
    record = golden()
    header, _ = mx.recordio.unpack(record.read_idx(0))
    assert header.flag > 0
    keys = np.array(range(1, int(header.label[0])))
    assert len(keys) == 12
    for key in keys:
        header, image = mx.recordio.unpack(record.read_idx(key))
        assert decode(image).size == (112, 112)
    assert np.array_equal(np.array(list(record.keys)), np.arange(17))


def test_names_that_programs_with_their_own_header_import() -> None:
    from rectool.mx.recordio import _IR_FORMAT, _IR_SIZE, struct

    record = mx.recordio.pack(mx.recordio.IRHeader(0, 2.0, 7, 1), b"x")
    assert struct.unpack(_IR_FORMAT, record[:_IR_SIZE]) == (0, 2.0, 7, 1)


def test_keys_and_idx_are_what_lists_and_dicts_are() -> None:
    record = golden()
    keys, idx = record.keys, record.idx
    assert keys == list(range(17))
    assert keys != [0]
    assert (len(keys), keys[3], keys[-1], keys[2:4], 5 in keys, 99 in keys) == (
        17, 3, 16, [2, 3], True, False,
    )  # fmt: skip
    assert type(keys[3]) is int
    assert repr(keys) == repr(list(range(17)))
    assert (len(idx), idx[1], 1 in idx, 99 in idx, idx.get(99)) == (17, 40, True, False, None)
    assert list(idx.items())[1] == (1, 40)
    for missing in (99, "1", 2**70, None):
        with pytest.raises(KeyError):
            record.read_idx(missing)


def test_text_keys(tmp_path: Path) -> None:
    paths = tmp_path / "a.idx", tmp_path / "a.rec"
    writer = mx.recordio.MXIndexedRecordIO(*paths, "w", key_type=str)
    writer.write_idx("cät", b"1")
    writer.write_idx(7, b"2")
    writer.close()
    reader = mx.recordio.MXIndexedRecordIO(*paths, "r", key_type=str)
    assert (reader.keys, reader.read_idx("cät"), reader.read_idx("7")) == (["cät", "7"], b"1", b"2")
    with pytest.raises(IndexFileError, match="line 1"):
        mx.recordio.MXIndexedRecordIO(*paths, "r")
    with pytest.raises(IndexFileError, match=r"a\.idx: line 1: could not convert"):
        mx.recordio.MXIndexedRecordIO(*paths, "r", key_type=float)


# Where MXNet is wrong.


@pytest.mark.parametrize("offset", [1 << 63, 1 << 70, -1, "x", ""])
def test_offsets_that_are_none(tmp_path: Path, offset: object) -> None:
    (tmp_path / "a.rec").write_bytes((GOLDEN / "sequential.rec").read_bytes())
    (tmp_path / "a.idx").write_text(f"k\t{offset}\n")
    with pytest.raises(IndexFileError, match=r"a\.idx: line 1"):
        mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r", key_type=str)


def test_records_are_found_after_the_end(tmp_path: Path) -> None:
    record = golden()
    first = record.read_idx(1)
    while record.read() is not None:
        pass
    assert record.read_idx(1) == first
    record.seek(1)
    assert record.read() == first


def test_closed_files_say_so(tmp_path: Path) -> None:
    reader = golden()
    reader.close()
    for use in (reader.read, lambda: reader.read_idx(1), lambda: reader.seek(1)):
        with pytest.raises(ValueError, match=r"faces\.rec: closed"):
            use()
    reader.reset()
    assert len(reader.read_idx(1)) == 7081
    for use in (reader.tell, lambda: reader.write(b""), lambda: reader.write_idx(1, b"")):
        with pytest.raises(io.UnsupportedOperation, match="opened for reading"):
            use()
    writer = mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "w")
    for use in (writer.read, lambda: writer.read_idx(1), lambda: writer.seek(1)):
        with pytest.raises(io.UnsupportedOperation, match="opened for writing"):
            use()
    writer.close()
    for use in (writer.tell, lambda: writer.write(b""), lambda: writer.write_idx(1, b"")):
        with pytest.raises(ValueError, match=r"a\.rec: closed"):
            use()


def test_a_writer_that_is_reset_starts_anew(tmp_path: Path) -> None:
    paths = tmp_path / "a.idx", tmp_path / "a.rec"
    writer = mx.recordio.MXIndexedRecordIO(*paths, "w")
    writer.write_idx(1, b"forgotten")
    writer.reset()
    assert (writer.tell(), writer.keys) == (0, [])
    writer.write_idx(2, b"kept")
    writer.close()
    assert list(RecordReader(paths[1])) == [b"kept"]
    writer.reset()
    writer.close()
    assert list(RecordReader(paths[1])) == []


def wrong_reads(record: mx.recordio.MXIndexedRecordIO, seed: int) -> int:
    keys = np.random.default_rng(seed).integers(0, 13, 2000)
    sizes = {0: 32, 1: 7081, 2: 7221, 3: 7126}
    wrong = 0
    for key in keys:
        read = record.read_idx(key)
        header, _ = mx.recordio.unpack(read)
        wrong += header.id != key or len(read) != sizes.get(key, len(read))
    return wrong


def test_threads_read_right_records() -> None:
    record = golden()
    assert in_threads(4, lambda seed: wrong_reads(record, seed)) == [0] * 4


@fork_warning
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_read_after_reads_in_the_parent(method: str) -> None:
    record = golden()
    before = record.read()
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(wrong_reads, [(record, seed) for seed in range(4)]) == [0] * 4
    assert record.read() != before  # the parent's place is its own
    assert wrong_reads(record, 9) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@fork_warning
def test_a_forked_writer_writes_nothing_twice(tmp_path: Path) -> None:
    paths = tmp_path / "a.idx", tmp_path / "a.rec"
    writer = mx.recordio.MXIndexedRecordIO(*paths, "w")
    writer.write_idx(1, b"once")
    child = os.fork()
    if not child:
        try:
            writer.write_idx(2, b"child")
        except ValueError:
            writer.close()
            del writer
            gc.collect()
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert not paths[1].exists()
    writer.close()
    assert list(RecordReader(paths[1])) == [b"once"]
    assert paths[0].read_bytes() == b"1\t0\n"


def test_pickling_leaves_the_original_alone(tmp_path: Path) -> None:
    record = golden()
    record.read()
    copy = pickle.loads(pickle.dumps(record))
    assert record.is_open
    assert record.read() == golden().read_idx(1)
    assert copy.read() == golden().read_idx(0)
    assert copy.keys == record.keys
    writer = mx.recordio.MXRecordIO(tmp_path / "a.rec", "w")
    writer.write(b"kept")
    with pytest.raises(TypeError, match=r"a\.rec: an open writer cannot be pickled"):
        pickle.dumps(writer)
    writer.close()
    closed = pickle.loads(pickle.dumps(writer))
    assert not closed.is_open
    del closed
    gc.collect()
    assert list(RecordReader(tmp_path / "a.rec")) == [b"kept"]


NEVER_CLOSED = """
import rectool.mx as mx
kept = mx.recordio.MXIndexedRecordIO("kept.idx", "kept.rec", "w")
kept.write_idx(3, b"at exit")

def pack():
    local = mx.recordio.MXIndexedRecordIO("local.idx", "local.rec", "w")
    local.write_idx(4, b"collected")

pack()
import os
assert os.path.exists("local.rec") and not os.path.exists("kept.rec")
"""


def test_writers_never_closed_are_written_all_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", NEVER_CLOSED],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert list(RecordReader(tmp_path / "kept.rec")) == [b"at exit"]
    assert list(RecordReader(tmp_path / "local.rec")) == [b"collected"]
    assert RecordReader(tmp_path / "kept.rec").by_key(3) == b"at exit"


def test_a_path_opened_for_writing_again_starts_anew(tmp_path: Path) -> None:
    """As when a notebook's cell is run twice."""
    names = tmp_path / "a.idx", tmp_path / "a.rec"
    for number in range(3):
        writer = mx.recordio.MXIndexedRecordIO(*names, "w")
        writer.write_idx(number, b"abc")
    writer.close()
    assert RecordReader(tmp_path / "a.rec").keys.tolist() == [2]
    first = mx.recordio.MXRecordIO(tmp_path / "a.rec", "w")
    second = mx.recordio.MXRecordIO(tmp_path / "a.rec", "w")
    with pytest.raises(ValueError, match="closed"):
        first.write(b"abc")
    second.write(b"abc")
    del first
    del second
    gc.collect()
    assert list(RecordReader(tmp_path / "a.rec", False)) == [b"abc"]


def test_an_exception_in_a_with_block_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), mx.recordio.MXRecordIO(tmp_path / "a.rec", "w") as writer:
        writer.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_error() -> None:
    writer = mx.recordio.MXRecordIO("/dev/full", "w")
    writer.write(b"lost")
    with pytest.raises(OSError, match="No space left"):
        writer.close()
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_damage_is_an_error_and_no_end(tmp_path: Path) -> None:
    whole = (GOLDEN / "sequential.rec").read_bytes()
    path = tmp_path / "a.rec"
    ends = [0, *(int(end) for end in RecordReader(GOLDEN / "sequential.rec").offsets[1:])]
    for size in (ends[5], ends[5] + 4, ends[7] + 12, ends[20] - 1):
        path.write_bytes(whole[:size])
        reader = mx.recordio.MXRecordIO(path, "r")
        for _ in range(sum(end <= size for end in ends) - 1):
            assert reader.read() is not None
        if size in ends:
            assert reader.read() is None
        else:
            with pytest.raises(TruncatedError, match=r"a\.rec: at byte"):
                reader.read()


def test_whole_labels_are_whole_numbers_too() -> None:
    """torch.tensor(label[0], dtype=torch.long) asks for that."""
    record = mx.recordio.pack((0, [7, 2.5, -3], 1, 0), b"")
    label = mx.recordio.unpack(record)[0].label
    assert [operator.index(label[0]), operator.index(label[-1])] == [7, -3]
    with pytest.raises(TypeError, match="2.5"):
        operator.index(label[1])
    assert [operator.index(one) for one in label[::2]] == [7, -3]
    first, _, last = label
    assert [list("abcdefgh")[first], operator.index(last)] == ["h", -3]
    assert [type(one) for one in label.astype(int)] == [np.int64] * 3


@pytest.mark.torch
def test_torch_takes_labels_for_whole_numbers_and_for_what_they_are() -> None:
    import torch
    from torch.utils.data import default_collate

    label = mx.recordio.unpack(mx.recordio.pack((0, [7, 2.5], 1, 0), b""))[0].label
    assert torch.tensor(label[0], dtype=torch.long).item() == 7
    assert torch.LongTensor([label[0]]).tolist() == [7]
    assert torch.tensor(label[1]).dtype == torch.float32
    assert torch.tensor(label).tolist() == [7, 2.5]
    both, first = default_collate([(label.copy(), label[0])] * 2)
    assert (both.dtype, both.tolist()) == (torch.float32, [[7, 2.5], [7, 2.5]])
    assert (first.dtype, first.tolist()) == (torch.float32, [7, 7])
    with pytest.raises(TypeError):
        torch.tensor(label[1], dtype=torch.long)


def test_labels_are_float32_numbers_and_arrays() -> None:
    label = mx.recordio.unpack(mx.recordio.pack((0, [7, 2.5], 1, 0), b""))[0].label
    assert isinstance(label, np.ndarray)
    assert (label.dtype, label.shape, label.tolist()) == (np.float32, (2,), [7, 2.5])
    assert not label.flags.writeable
    assert repr(label) == "array([7. , 2.5], dtype=float32)"
    assert isinstance(label[0], np.float32)
    assert isinstance(label[0], numbers.Number)
    assert (label[0].dtype, label[0].item(), np.array([label[0]]).dtype) == (
        np.float32, 7.0, np.float32,
    )  # fmt: skip
    assert (label * 2).tolist() == [14, 5]
    assert np.stack([label, label]).shape == (2, 2)
    copy = pickle.loads(pickle.dumps(label))
    assert operator.index(copy[0]) == 7
    assert type(mx.recordio.unpack(mx.recordio.pack((0, 7, 1, 0), b""))[0].label) is float


def test_a_key_may_be_any_number_that_is_equal() -> None:
    record = golden()
    label = mx.recordio.unpack(record.read_idx(0))[0].label
    for key in (13, np.int64(13), 13.0, np.float32(13), label[0], np.arange(13.0, 14.0)[0]):
        assert record.read_idx(key) == record.read_idx(13)
    for key in ("13", 12.5, float("nan"), float("inf"), None, 99):
        with pytest.raises(KeyError):
            record.read_idx(key)


def test_keys_are_a_list(tmp_path: Path) -> None:
    record = golden()
    assert type(record.keys) is list
    assert record.keys is record.keys
    record.keys.remove(0)
    record.keys.sort(reverse=True)
    assert [*record.keys[:2], "x"] == [16, 15, "x"]
    assert record.keys.copy() == record.keys
    assert [record.read_idx(key) for key in record.keys] == list(RecordReader(record.uri))[:0:-1]
    record.reset()
    assert record.keys == list(range(17))
    record.keys = [3, 1]
    assert len(record.keys) == 2
    writer = mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "w")
    assert writer.keys == []
    writer.close()


def test_a_path_may_be_a_url_of_a_file(tmp_path: Path) -> None:
    record = mx.recordio.MXRecordIO(f"file://{GOLDEN}/sequential.rec", "r")
    assert record.read() is not None


def test_a_file_that_cannot_be_opened_is_mxnets_error_and_the_systems(tmp_path: Path) -> None:
    rec, idx = tmp_path / "a.rec", tmp_path / "b.idx"
    rec.touch()
    for name, make in (
        ("none.rec", lambda: mx.recordio.MXRecordIO(tmp_path / "none.rec", "r")),
        ("b.idx", lambda: mx.recordio.MXIndexedRecordIO(idx, rec, "r")),
        ("x.jpg", lambda: mx.image.imread(str(tmp_path / "x.jpg"))),
    ):
        for kind in (mx.base.MXNetError, FileNotFoundError):
            with pytest.raises(kind, match=name) as caught:
                make()
            copy = pickle.loads(pickle.dumps(caught.value))
            assert (type(copy), str(copy)) == (type(caught.value), str(caught.value))
            assert (copy.errno, Path(copy.filename).name) == (errno.ENOENT, name)
    with pytest.raises(OSError, match="folder") as refused:
        mx.recordio.MXRecordIO(tmp_path, "w")
    assert isinstance(refused.value, mx.base.MXNetError)


def test_damage_is_mxnets_error(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes(b"garbage!" * 3)
    with pytest.raises(mx.base.MXNetError, match=r"a\.rec"):
        mx.recordio.MXRecordIO(tmp_path / "a.rec", "r").read()
    with pytest.raises(mx.base.MXNetError):
        mx.image.imdecode(b"no image")


def test_a_record_that_swallows_its_neighbour_is_an_error(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in range(4):
            writer.write(bytes([key]) * 1016, key=key)
    damaged = bytearray((tmp_path / "a.rec").read_bytes())
    damaged[1024 + 5] ^= 4  # the length of record 1: 1016 to 2040
    (tmp_path / "a.rec").write_bytes(damaged)
    reader = mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r")
    assert reader.read_idx(2) == bytes([2]) * 1016
    with pytest.raises(mx.MXNetError, match=r"a\.rec: at byte 1024"):
        reader.read_idx(1)
    reader = mx.recordio.MXRecordIO(tmp_path / "a.rec", "r")
    assert reader.read() == bytes([0]) * 1016
    with pytest.raises(mx.MXNetError, match=r"a\.rec: at byte 1024"):
        reader.read()


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mx.recordio.MXRecordIO(tmp_path / "none.rec", "r")
    (tmp_path / "a.rec").touch()
    with pytest.raises(FileNotFoundError):
        mx.recordio.MXIndexedRecordIO(tmp_path / "a.idx", tmp_path / "a.rec", "r")
    with pytest.raises(FileNotFoundError, match="no folder"):
        mx.recordio.MXRecordIO(tmp_path / "none" / "a.rec", "w")


@pytest.mark.parametrize(
    "buf", [bytearray(b"abc"), memoryview(b"abc"), "abc", b"abc", np.uint8([97, 98, 99])]
)
def test_whatever_is_bytes_is_written(tmp_path: Path, buf: Any) -> None:
    with mx.recordio.MXRecordIO(tmp_path / "a.rec", "w") as writer:
        writer.write(buf)
        with pytest.raises(TypeError):
            writer.write(5)
    assert list(RecordReader(tmp_path / "a.rec")) == [b"abc"]


# Images.


@pytest.mark.parametrize("img_fmt", [".png", ".PNG", ".bmp", ".webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_lossless_images_come_back(img_fmt: str, mode: str) -> None:
    if img_fmt == ".bmp" and mode == "RGBA":
        pytest.skip("Pillow reads the alpha of a BMP as padding")
    rgb = np.array(picture(1, 30, 20, mode))
    if mode == "RGBA":
        rgb[:, :, 3] = np.arange(600).reshape(20, 30) % 256
    array = rgb if mode == "L" else np.concatenate([rgb[:, :, 2::-1], rgb[:, :, 3:]], axis=2)
    record = mx.recordio.pack_img((0, 3.0, 1, 0), array, img_fmt=img_fmt)
    header, image = mx.recordio.unpack_img(record)
    assert header == (0, 3.0, 1, 0)
    assert image is not None
    if img_fmt == ".webp" and mode == "L":
        image = image[:, :, 0]
    assert np.array_equal(image, array)


def test_colours_are_blue_first() -> None:
    blue = np.zeros((16, 16, 3), np.uint8)
    blue[:, :, 0] = 255
    record = mx.recordio.pack_img((0, 0.0, 0, 0), blue)
    assert decode(mx.recordio.unpack(record)[1]).getpixel((8, 8)) == (0, 0, 254)
    image = mx.recordio.unpack_img(record)[1]
    assert image is not None
    assert image[8, 8].tolist() == [254, 0, 0]
    assert image.flags.writeable
    assert image.flags.c_contiguous


def test_iscolor() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = mx.recordio.pack((0, 0.0, 0, 0), encoded(picture(1, 30, 20), exif=exif))
    shapes = {flag: mx.recordio.unpack_img(turned, flag)[1] for flag in (-1, 0, 1)}
    assert {flag: image.shape for flag, image in shapes.items() if image is not None} == {
        -1: (20, 30, 3),
        0: (30, 20),
        1: (30, 20, 3),
    }
    grey = mx.recordio.pack_img((0, 0.0, 0, 0), np.zeros((4, 5), np.uint8))
    assert mx.recordio.unpack_img(grey)[1].shape == (4, 5)  # type: ignore[union-attr]
    assert mx.recordio.unpack_img(grey, 1)[1].shape == (4, 5, 3)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="iscolor .*got 7"):
        mx.recordio.unpack_img(grey, 7)


def test_pack_img_and_unpack_img_refuse_what_is_no_image() -> None:
    header, image = mx.recordio.unpack_img(mx.recordio.pack((0, 1.0, 2, 0), b"garbage"))
    assert (header.id, image) == (2, None)
    with pytest.raises(ImageError, match="has no image"):
        mx.recordio.unpack_img(golden().read_idx(0))
    for bad in (np.zeros((2, 3, 5), np.uint8), np.zeros((0, 3), np.uint8), np.zeros(4, np.uint8)):
        with pytest.raises(ImageError, match="an image must have the shape"):
            mx.recordio.pack_img((0, 1.0, 2, 0), bad)
    for none in (None, "x", [None]):
        with pytest.raises(ImageError, match=r"must be an array of pixels, got"):
            mx.recordio.pack_img((0, 1.0, 2, 0), none)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"cv2\.imread gives None"):
        mx.recordio.pack_img((0, 1.0, 2, 0), None)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"img_fmt .*got '\.xyz'"):
        mx.recordio.pack_img((0, 1.0, 2, 0), np.zeros((2, 3), np.uint8), img_fmt=".xyz")
    with pytest.raises(LimitError, match="float32"):
        mx.recordio.pack((0, 2**24 + 1, 2, 0), b"")
