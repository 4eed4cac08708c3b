"""rectool.mx.io: iterators over arrays and around other iterators, mean images, downloads."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, picture

import rectool.mx as mx
from rectool import ImageError, IRHeader, RecordWriter, pack

io, nd = mx.io, mx.nd


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in range(10):
            image = encoded(picture(key, 40, 30), "PNG")
            writer.write(pack(IRHeader(0, float(key), key, 0), image), key=key)
    return tmp_path / "a.rec"


def options(rec: Path, **more: Any) -> dict[str, Any]:
    return {"path_imgrec": str(rec), "data_shape": (3, 30, 40), "batch_size": 4, **more}


def pixels(count: int = 10) -> Any:
    """The images of `rec`, channels first."""
    images = [np.asarray(picture(key, 40, 30)) for key in range(count)]
    return np.stack(images).transpose(0, 3, 1, 2).astype(np.float32)


def column(batches: Any) -> list[list[int]]:
    return [batch.data[0].asnumpy().astype(int).tolist() for batch in batches]


# NDArrayIter


def test_arrays_are_padded_from_the_beginning() -> None:
    source = io.NDArrayIter(np.arange(5), np.arange(5) * 2, 2)
    assert source.provide_data == [("data", (2,))]
    assert source.provide_label == [("softmax_label", (2,))]
    for _ in range(2):
        batches = list(source)
        assert column(batches) == [[0, 1], [2, 3], [4, 0]]
        assert [batch.pad for batch in batches] == [0, 0, 1]
        assert batches[2].label[0].asnumpy().tolist() == [8, 0]
        source.reset()
    assert column(io.NDArrayIter(np.arange(2), batch_size=5)) == [[0, 1, 0, 1, 0]]


def test_arrays_that_fill_no_batch_are_discarded_or_rolled_over() -> None:
    source = io.NDArrayIter(np.arange(5), batch_size=2, last_batch_handle="discard")
    assert column(source) == [[0, 1], [2, 3]]
    source = io.NDArrayIter(np.arange(5), batch_size=3, last_batch_handle="roll_over")
    assert column(source) == [[0, 1, 2]]
    source.reset()
    batches = list(source)
    assert column(batches) == [[3, 4, 0], [1, 2, 3]]
    assert [batch.pad for batch in batches] == [2, 0]
    source.hard_reset()
    assert column(source) == [[0, 1, 2]]
    with pytest.raises(ValueError, match="pad, discard, roll_over"):
        io.NDArrayIter(np.arange(5), last_batch_handle="keep")  # type: ignore[arg-type]


def test_arrays_are_shuffled_at_each_reset() -> None:
    np.random.seed(3)
    source = io.NDArrayIter(np.arange(20), np.arange(20), 20, shuffle=True)
    first = source.next()
    source.reset()
    second = source.next()
    for batch in (first, second):
        assert np.array_equal(batch.data[0], batch.label[0])
        assert sorted(batch.data[0].tolist()) == list(range(20))
    assert first.data[0].tolist() != second.data[0].tolist()


def test_several_arrays_have_names() -> None:
    source = io.NDArrayIter({"b": np.zeros((4, 2)), "a": nd.array([1, 2, 3, 4], dtype="uint8")})
    assert [(one.name, one.shape) for one in source.provide_data] == [("a", (1,)), ("b", (1, 2))]
    assert [one.dtype for one in source.next().data] == [np.uint8, np.float32]
    source = io.NDArrayIter([np.zeros(4), np.zeros(4)], batch_size=2)
    assert [one.name for one in source.provide_data] == ["_0_data", "_1_data"]
    wide = io.NDArrayIter(np.arange(8).reshape(2, 4), batch_size=2, layout="CN")
    assert wide.provide_data == [("data", (2, 2))]
    assert column(wide) == [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    with pytest.raises(ValueError, match="same number of samples"):
        io.NDArrayIter(np.zeros(4), np.zeros(5))


# Around iterators


def test_an_iterator_of_another_length() -> None:
    inner = io.NDArrayIter(np.arange(6), batch_size=2)
    source = io.ResizeIter(inner, 4)
    assert (source.batch_size, source.provide_data) == (2, inner.provide_data)
    assert column(source) == [[0, 1], [2, 3], [4, 5], [0, 1]]
    source.reset()
    assert column(source) == [[0, 1], [2, 3], [4, 5], [0, 1]]
    assert column(io.ResizeIter(io.NDArrayIter(np.arange(6), batch_size=2), 1)) == [[0, 1]]
    kept = io.ResizeIter(inner, 2, reset_internal=False)
    inner.reset()
    assert column(kept) == [[0, 1], [2, 3]]
    kept.reset()
    assert kept.iter_next()
    assert kept.getdata()[0].tolist() == [4, 5]


def test_iterators_side_by_side_in_threads(rec: Path) -> None:
    before = threading.active_count()
    inner = [io.ImageRecordIter(**options(rec)), io.NDArrayIter(np.arange(10), batch_size=4)]
    source = io.PrefetchingIter(inner, [{"data": "image"}, {"data": "number"}])
    assert [one.name for one in source.provide_data] == ["image", "number"]
    assert source.batch_size == 4
    for _ in range(2):
        batches = list(source)
        assert [batch.pad for batch in batches] == [0, 0, 2]
        assert np.array_equal(batches[1].data[1], batches[1].label[0])
        assert list(source) == []
        source.reset()
    source.next()
    source.reset()
    assert source.next().data[1].tolist() == [0, 1, 2, 3]
    source.close()
    inner[0].close()
    assert threading.active_count() == before


def test_errors_of_what_is_prefetched_are_raised(rec: Path) -> None:
    with RecordWriter(rec, force=True) as writer:
        for key in range(8):
            image = b"garbage" if key == 5 else encoded(picture(key, 40, 30))
            writer.write(pack(IRHeader(0, float(key), key, 0), image), key=key)
    inner = io.ImageRecordIter(**options(rec))
    source = io.PrefetchingIter(inner)
    source.next()
    with pytest.raises(ImageError, match="key 5"):
        source.next()
    source.close()
    inner.close()
    uneven = io.PrefetchingIter([io.NDArrayIter(np.zeros(4)), io.NDArrayIter(np.zeros(5))])
    with pytest.raises(ValueError, match="different numbers of samples"):
        list(uneven)
    uneven.close()


# mean_img


def test_a_mean_image_is_computed_written_and_subtracted(rec: Path, tmp_path: Path) -> None:
    path = tmp_path / "mean.bin"
    parts = {"num_parts": 2, "part_index": 0}  # it is the mean of both parts all the same
    source = io.ImageRecordIter(**options(rec, mean_img=str(path), scale=0.5, **parts))
    mean = pixels().mean(axis=0)
    batch = source.next()
    assert np.allclose(batch.data[0], (pixels()[:4] - mean) * 0.5, atol=1e-4)
    source.close()
    written = nd.load(str(path))
    assert isinstance(written, dict)
    assert list(written) == ["mean_img"]
    assert np.allclose(written["mean_img"], mean, atol=1e-5)


def test_a_mean_image_is_loaded(rec: Path, tmp_path: Path) -> None:
    mean = np.random.default_rng(0).uniform(0, 255, (3, 30, 40)).astype(np.float32)
    path = str(tmp_path / "mean.bin")
    nd.save(path, {"mean_img": nd.array(mean)})
    others = {"mean_r": 9, "std_g": 2}  # its means take the place of mean_r's
    source = io.ImageRecordIter(**options(rec, mean_img=path, **others))
    deviation = np.float32([1, 2, 1])[:, None, None]
    assert np.allclose(source.next().data[0], (pixels()[:4] - mean) / deviation, atol=1e-4)
    source.close()


def test_a_mean_image_is_mirrored_with_the_image(rec: Path, tmp_path: Path) -> None:
    mean = np.random.default_rng(0).uniform(0, 255, (3, 30, 40)).astype(np.float32)
    path = str(tmp_path / "mean.bin")
    nd.save(path, [nd.array(mean)])
    source = io.ImageRecordIter(**options(rec, mean_img=path, mirror=True))
    assert np.allclose(source.next().data[0], (pixels()[:4] - mean)[:, :, :, ::-1], atol=1e-4)
    source.close()
    whole = io.ImageRecordInt8Iter(**options(rec, mean_img=path, mirror=True))
    wanted = (pixels()[:4] - np.floor(mean + 0.5)).clip(-128, 127)[:, :, :, ::-1]
    assert np.array_equal(whole.next().data[0], wanted)
    whole.close()


def test_a_mean_image_of_another_shape_or_kind_is_refused(rec: Path, tmp_path: Path) -> None:
    path = tmp_path / "mean.bin"
    nd.save(str(path), [nd.zeros((3, 8, 8))])
    with pytest.raises(mx.MXNetError, match=r"mean\.bin: .*\(3, 30, 40\), got \(3, 8, 8\)"):
        io.ImageRecordIter(**options(rec, mean_img=str(path)))
    path.write_bytes(b"mean")
    with pytest.raises(mx.MXNetError, match=r"mean\.bin: this is not a whole file"):
        io.ImageRecordIter(**options(rec, mean_img=str(path)))
    for none in ("", None, "None"):
        io.ImageRecordIter(**options(rec, mean_img=none)).close()


def test_missing_records_are_mxnets_error(tmp_path: Path) -> None:
    for kind in (mx.MXNetError, FileNotFoundError):
        with pytest.raises(kind, match=r"none\.rec"):
            io.ImageRecordIter(**options(tmp_path / "none.rec"))


# test_utils.download


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "there").write_bytes(b"x" * 3_000_000)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{service.server_port}"
        service.shutdown()
        thread.join()


def test_downloads(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fetch = mx.test_utils.download
    path = fetch(f"{server}/there", dirname="made")
    assert path == str(Path("made") / "there")
    assert Path(path).stat().st_size == 3_000_000
    Path(path).write_bytes(b"mine")
    assert fetch(f"{server}/there", dirname="made") == path
    assert Path(path).read_bytes() == b"mine"
    assert fetch(f"{server}/there", fname="other", overwrite=True) == "other"
    for source in ((tmp_path / "made" / "there").as_uri(), str(tmp_path / "made" / "there")):
        assert Path(fetch(source, fname="copy", overwrite=True)).read_bytes() == b"mine"
    with pytest.raises(OSError, match="404"):
        fetch(f"{server}/none", retries=2)
    assert not Path("none").exists()
    with pytest.raises(ValueError, match="http, https, ftp or file"):
        fetch("s3://bucket/x")
