"""rectool.mx.io, and what an MXNet tutorial on records and image iterators does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import EXAMPLES, encoded, picture

import rectool.mx as mx
from rectool import ImageRecordIter, IRHeader, RecordWriter, pack

io = mx.io


class Counting(io.DataIter):  # type: ignore[misc, name-defined]
    """Three batches of one number each."""

    def __init__(self) -> None:
        super().__init__(batch_size=1)
        self.at = -1

    def iter_next(self) -> bool:
        self.at += 1
        return self.at < 3

    def getdata(self) -> list[Any]:
        return [mx.nd.array([self.at])]

    def getlabel(self) -> list[Any]:
        return [mx.nd.array([-self.at])]

    def getpad(self) -> int:
        return 0

    def getindex(self) -> Any:
        return np.array([self.at])

    def reset(self) -> None:
        self.at = -1


def test_an_iterator_of_ones_own() -> None:
    source = Counting()
    assert source.batch_size == 1
    for _ in range(2):
        batches = list(source)
        assert [int(batch.data[0]) for batch in batches] == [0, 1, 2]
        assert [int(batch.label[0]) for batch in batches] == [0, -1, -2]
        assert [(batch.pad, batch.index.tolist()) for batch in batches] == [
            (0, [0]), (0, [1]), (0, [2]),
        ]  # fmt: skip
        with pytest.raises(StopIteration):
            source.next()
        source.reset()


def test_an_iterator_without_its_methods_is_empty() -> None:
    assert list(io.DataIter(5)) == []


def test_it_is_its_own_iterator(rec: Path) -> None:
    source = io.ImageRecordIter(**options(rec))
    assert iter(source) is source
    assert iter(source).batch_size == 4
    pads = []
    for batch in source:
        assert source.getdata() is batch.data[0]
        assert source.getlabel() is batch.label[0]
        pads.append(source.getpad())
    assert pads == [0, 0, 2]
    assert list(source) == []
    source.reset()
    assert len(list(source)) == 3


def test_a_loop_that_is_left_goes_on_and_close_ends_its_threads(rec: Path) -> None:
    before = threading.active_count()
    batches = mx.io.ImageRecordIter(**options(rec), prefetch_buffer=1)
    for _ in batches:
        assert threading.active_count() > before
        break
    assert [batch.label[0][0].asscalar() for batch in batches] == [4, 8]
    assert threading.active_count() == before
    batches.reset()
    batches.next()
    batches.close()
    assert threading.active_count() == before


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in range(10):
            image = encoded(picture(key, 40, 30 + key))
            writer.write(pack(IRHeader(0, float(key), key, 0), image), key=key)
    return tmp_path / "a.rec"


def options(rec: Path) -> dict[str, Any]:
    return {"path_imgrec": str(rec), "data_shape": (3, 16, 20), "batch_size": 4}


def test_batches_are_rectools_as_ndarrays(rec: Path) -> None:
    ours = ImageRecordIter(**options(rec))
    source = io.ImageRecordIter(**options(rec))
    assert source.batch_size == 4
    assert source.provide_data == ours.provide_data == [("data", (4, 3, 16, 20))]
    assert source.provide_label == ours.provide_label
    count = 0
    for batch, wanted in zip(source, ours, strict=True):
        assert type(batch) is io.DataBatch
        assert [type(one) for one in (*batch.data, *batch.label)] == [mx.nd.NDArray] * 2
        assert np.array_equal(batch.data[0], wanted.data[0])
        assert np.array_equal(batch.label[0], wanted.label[0])
        assert batch.pad == wanted.pad
        count += 1
    assert count == 3
    source.close()
    ours.close()


def test_its_arrays_are_views() -> None:
    """Of what it wraps: the data is not copied."""
    array = np.zeros((1, 3, 2, 2), np.float32)

    class Source:
        def next(self) -> Any:
            return io.DataBatch([array], [np.zeros(1)])

    source = io.ImageRecordIter.__new__(io.ImageRecordIter)
    source._source = Source()
    assert np.shares_memory(source.next().data[0], array)


def test_the_other_protocol(rec: Path) -> None:
    source = io.ImageRecordIter(**options(rec))
    with pytest.raises(ValueError, match="no present batch"):
        source.getdata()
    labels, pads = [], []
    while source.iter_next():
        assert source.getdata().shape == (4, 3, 16, 20)
        labels.extend(source.getlabel().asnumpy().tolist())
        pads.append(source.getpad())
    assert labels[:10] == list(range(10))
    assert pads == [0, 0, 2]
    source.reset()
    assert source.iter_next()
    assert source.getlabel().asnumpy().tolist() == [0, 1, 2, 3]
    source.close()


def test_what_only_tunes_mxnet_is_passed_over(rec: Path) -> None:
    source = io.ImageRecordIter(
        **options(rec), verbose=False, ctx="cpu", device_id=0, shuffle_chunk_size=64,
        shuffle_chunk_seed=1, aug_seq="aug_default",
    )  # fmt: skip
    assert len(list(source)) == 3
    source.close()
    with pytest.raises(ValueError, match="must be 'aug_default'"):
        io.ImageRecordIter(**options(rec), aug_seq="det_aug_default")


def test_unknown_parameters_are_ignored_with_a_warning(rec: Path) -> None:
    with pytest.warns(
        UserWarning, match="ignores unknown parameters.*: and_mirror, verbos"
    ) as said:
        source = io.ImageRecordIter(**options(rec), and_mirror=False, verbos=True)
    assert [one.filename for one in said] == [__file__]
    assert len(list(source)) == 3


def test_values_may_be_text(rec: Path) -> None:
    given = {"path_imgrec": str(rec), "data_shape": "(3, 16, 20)", "batch_size": "4"}
    texts = {"seed": "0", "shuffle": "True", "rand_mirror": "1", "mean_r": "1.5", "scale": "1e-1"}
    plain = {"seed": 0, "shuffle": True, "rand_mirror": True, "mean_r": 1.5, "scale": 0.1}
    ours = io.ImageRecordIter(**given, **texts)
    wanted = io.ImageRecordIter(**options(rec), **plain)
    for batch, other in zip(ours, wanted, strict=True):
        assert np.array_equal(batch.data[0], other.data[0])
    for shape in ("3,16,20", "[3,16,20]", " (3,16,20) "):
        assert io.ImageRecordIter(**{**given, "data_shape": shape}).next().data[0].shape[1] == 3
    with pytest.raises(ValueError, match="batch_size"):
        io.ImageRecordIter(**{**given, "batch_size": "four"})


def test_of_whole_numbers(rec: Path) -> None:
    source = io.ImageRecordUInt8Iter(**options(rec))
    assert source.next().data[0].dtype == np.uint8
    source.close()
    source = io.ImageRecordInt8Iter(**options(rec), dtype="int8")
    assert source.next().data[0].dtype == np.int8
    source.close()
    with pytest.raises(ValueError, match="this iterator's is uint8"):
        io.ImageRecordUInt8Iter(**options(rec), dtype="float32")


def test_the_backend_is_mx_images(rec: Path) -> None:
    pytest.importorskip("cv2")
    given = {**options(rec), "resize": 20}
    data = {}
    for backend in ("pillow", "opencv"):
        ours = ImageRecordIter(**given, backend=backend)
        mx.image.set_backend(backend)
        try:
            source = io.ImageRecordIter(**given)
            data[backend] = source.next().data[0].asnumpy()
            assert np.array_equal(data[backend], ours.next().data[0])
            other = io.ImageRecordIter(**given, backend="pillow")
            assert np.array_equal(other.next().data[0], data["pillow"])
        finally:
            mx.image.set_backend("pillow")
        for one in (ours, source, other):
            one.close()
    assert not np.array_equal(data["pillow"], data["opencv"])


# What a tutorial shows: records written and read, images packed, two iterators.


def test_a_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = mx.recordio.MXRecordIO("tmp.rec", "w")
    for i in range(5):
        record.write(f"record_{i}".encode())
    record.close()

    record = mx.recordio.MXRecordIO("tmp.rec", "r")
    read = []
    while True:
        item = record.read()
        if not item:
            break
        read.append(item)
    record.close()
    assert read == [b"record_0", b"record_1", b"record_2", b"record_3", b"record_4"]

    record = mx.recordio.MXIndexedRecordIO("tmp.idx", "tmp.rec", "w")
    for i in range(5):
        record.write_idx(i, f"record_{i}".encode())
    record.close()
    record = mx.recordio.MXIndexedRecordIO("tmp.idx", "tmp.rec", "r")
    assert record.read_idx(3) == b"record_3"
    assert record.keys == [0, 1, 2, 3, 4]

    data = b"data"
    one = mx.recordio.pack(mx.recordio.IRHeader(0, 1.0, 1, 0), data)
    many = mx.recordio.pack(mx.recordio.IRHeader(3, [1.0, 2.0, 3.0], 2, 0), data)
    assert mx.recordio.unpack(one) == (mx.recordio.IRHeader(0, 1.0, 1, 0), data)
    header, content = mx.recordio.unpack(many)
    assert (header.flag, header.label.tolist(), content) == (3, [1, 2, 3], data)

    photos = sorted((EXAMPLES / "images").glob("*/*.jpg"))[:10]
    record = mx.recordio.MXIndexedRecordIO("photos.idx", "photos.rec", "w")
    for i, path in enumerate(photos):
        image = mx.image.imread(str(path), to_rgb=0).asnumpy()
        header = mx.recordio.IRHeader(0, float(i % 3), i, 0)
        record.write_idx(i, mx.recordio.pack_img(header, image, quality=95, img_fmt=".jpg"))
    record.close()
    record = mx.recordio.MXIndexedRecordIO("photos.idx", "photos.rec", "r")
    header, image = mx.recordio.unpack_img(record.read_idx(4))
    assert (header.label, header.id) == (1.0, 4)
    assert image is not None
    assert image.shape == mx.image.imread(str(photos[4])).shape

    data_iter = mx.io.ImageRecordIter(
        path_imgrec="photos.rec", data_shape=(3, 227, 227), batch_size=4, resize=256
    )
    data_iter.reset()
    batch = data_iter.next()
    shown = [batch.data[0][i].asnumpy().astype(np.uint8).transpose((1, 2, 0)) for i in range(4)]
    assert batch.label[0].asnumpy().tolist() == [0, 1, 2, 0]
    data_iter.close()

    data_iter = mx.image.ImageIter(
        batch_size=4,
        data_shape=(3, 227, 227),
        path_imgrec="photos.rec",
        path_imgidx="photos.idx",
        aug_list=mx.image.CreateAugmenter((3, 227, 227), resize=256, inter_method=1),
    )
    data_iter.reset()
    batch = data_iter.next()
    for i, first in enumerate(shown):
        image = batch.data[0][i].asnumpy().astype(np.uint8).transpose((1, 2, 0))
        assert image.shape == (227, 227, 3)
        # one cut and the other resize: the same part of the picture
        assert np.abs(image.astype(int) - first).mean() < 4
    assert batch.label[0].asnumpy().tolist() == [0, 1, 2, 0]
    assert [one.pad for one in data_iter] == [0, 2]


def test_what_modules_lack_is_named_with_what_they_have() -> None:
    for module, name in ((io, "CSVIter"), (mx.nd, "softmax"), (mx.image, "imsave")):
        with pytest.raises(AttributeError, match=f"no mx.[a-z]+.{name}: rectool's stand-in has "):
            getattr(module, name)
    assert mx.num_gpus() == 0
