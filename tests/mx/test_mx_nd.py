"""rectool.mx.nd: arrays that code written for MXNet can use."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

import rectool.mx as mx
from rectool.mx.nd import NDArray

nd = mx.nd


def pixels() -> NDArray:
    return nd.array(np.arange(24).reshape(2, 4, 3), dtype="uint8")


def test_array_is_float32_unless_it_is_told_or_given_an_ndarray() -> None:
    for source in ([1, 2], (1.5, 2), np.uint8([1, 2]), np.float64([1, 2]), np.arange(3), 5):
        made = nd.array(source)
        assert made.dtype == np.float32
        assert made.tolist() == np.asarray(source).tolist()
    assert nd.array([1], dtype="int32").dtype == np.int32
    assert nd.array(pixels()).dtype == np.uint8
    assert nd.array(pixels(), mx.cpu(), np.float32).dtype == np.float32


def test_array_copies() -> None:
    source = np.zeros(3, np.float32)
    made = nd.array(source)
    made[0] = 7
    assert source.tolist() == [0, 0, 0]


def test_asnumpy_is_a_plain_copy_in_c_order() -> None:
    array = pixels()
    turned = nd.flip(array, axis=1).transpose((2, 0, 1))
    copy = turned.asnumpy()
    assert type(copy) is np.ndarray
    assert copy.flags.c_contiguous
    assert copy.flags.writeable
    assert np.array_equal(copy, np.asarray(array)[:, ::-1].transpose(2, 0, 1))
    copy[:] = 0
    assert turned.asnumpy().any()


@pytest.mark.parametrize(
    "shape", [(2, 3, 3), (2, 3, 1), (2, 3, 5), (2, 3, 0), (2, 3), (2, 1, 3, 2)]
)
@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1)])
def test_flip_copies_arrays_of_any_shape(shape: tuple[int, ...], axis: int) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    turned = nd.flip(array, axis)
    assert (type(turned), turned.dtype, turned.shape) == (NDArray, np.uint8, shape)
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, np.flip(array, axis))
    turned[:] = 99
    assert np.array_equal(array.ravel(), np.arange(array.size))


def test_indexing_stays_an_ndarray_and_writes_through() -> None:
    array = pixels()
    assert type(array[0]) is NDArray
    assert type(array[:, 1:3, ::-1]) is NDArray
    assert (array[0, 1].shape, array[-1, 2, 1].shape) == ((3,), (1,))
    assert array[-1, 2, 1].asscalar() == 19
    array[0, 0, 0][:] = 99
    assert array.asnumpy()[0, 0, 0] == 99
    assert array[array > 22].asnumpy().tolist() == [99, 23]


def test_an_element_becomes_a_number() -> None:
    labels = nd.array([3.5, 2])
    element = labels[0]
    assert type(element) is NDArray
    assert element.shape == (1,)
    assert (float(element), int(element), element.asscalar()) == (3.5, 3, 3.5)
    assert type(element.asscalar()) is np.float32
    assert element.asnumpy().tolist() == [3.5]
    assert [int(one) for one in labels] == [3, 2]
    for convert in (float, int, nd.NDArray.asscalar):
        with pytest.raises(ValueError, match=r"one number, got shape \(2,\)"):
            convert(labels)


def test_results_of_arithmetic_are_ndarrays() -> None:
    array = nd.array([[1, 2], [3, 4]])
    for result in (array * 2, 1 - array, array / array, array == array, array.sum(axis=0)):
        assert type(result) is NDArray
    assert (array * 2.5 - nd.ones((2,))).dtype == np.float32
    assert array.mean().asscalar() == 2.5
    array += nd.array([1, 10])
    assert array.asnumpy().tolist() == [[2, 12], [4, 14]]


def test_axes_as_image_code_turns_them() -> None:
    array = pixels()
    plain = np.asarray(array)
    chw = plain.transpose(2, 0, 1)
    for turned in (
        nd.transpose(array, axes=(2, 0, 1)),
        nd.transpose(data=plain, axes=(2, 0, 1)),
        array.transpose((2, 0, 1)),
        array.transpose(2, 0, 1),
        array.transpose(axes=(2, 0, 1)),
    ):
        assert type(turned) is NDArray
        assert np.array_equal(turned, chw)
    assert array.transpose().shape == nd.transpose(array).shape == (3, 4, 2)
    assert np.array_equal(mx.ndarray.flip(data=array, axis=2), plain[:, :, ::-1])
    assert np.array_equal(array.flip(axis=0), nd.reverse(array, 0))
    assert array.expand_dims(axis=0).shape == nd.expand_dims(array, 0).shape == (1, 2, 4, 3)


def test_reshape_has_mxnets_zero_and_flatten_its_two_axes() -> None:
    array = pixels()
    assert array.reshape((0, -1)).shape == (2, 12)
    assert array.reshape(4, 6).shape == array.reshape(shape=(4, 6)).shape == (4, 6)
    assert array.reshape(-1).shape == (24,)
    assert array.reshape((3, 0, 2)).shape == (3, 4, 2)
    assert array.flatten().shape == (2, 12)
    assert type(array.flatten()) is NDArray
    with pytest.raises(ValueError, match="reshape"):
        array.reshape((5, -1))


def test_functions_give_arrays_of_their_own() -> None:
    array = pixels()
    before = array.asnumpy()
    for made in (
        nd.transpose(array),
        nd.flip(array, 1),
        nd.expand_dims(array, 0),
        nd.stack(array, array),
        nd.concat(array),
        nd.cast(array, "uint8"),
        array.copyto(mx.cpu()),
    ):
        assert type(made) is NDArray
        assert made.flags.c_contiguous
        made[...] = 0
    assert np.array_equal(array, before)


def test_joining() -> None:
    array = pixels()
    assert nd.stack(array, array).shape == (2, 2, 4, 3)
    assert nd.stack(array, array, axis=3).shape == (2, 4, 3, 2)
    assert nd.concat(array, array).shape == (2, 8, 3)
    assert nd.concat(array, array, dim=2).shape == (2, 4, 6)
    assert nd.concatenate([array, array]).shape == (4, 4, 3)


def test_other_functions() -> None:
    assert nd.zeros(3).tolist() == [0, 0, 0]
    assert nd.ones((1, 2), dtype="uint8").tolist() == [[1, 1]]
    assert (nd.empty((2, 3)).shape, nd.empty(2).dtype) == ((2, 3), np.float32)
    assert nd.clip(nd.array([-1, 5, 9]), 0, 6).tolist() == [0, 5, 6]
    assert nd.dot(nd.array([[1, 2]]), nd.array([[3], [4]])).tolist() == [[11]]
    assert nd.Cast(pixels(), dtype="float32").dtype == np.float32
    assert type(pixels().astype(np.float32)) is NDArray
    target = nd.zeros((2, 4, 3))
    assert pixels().copyto(target) is target
    assert target.dtype == np.float32
    assert target.asnumpy().max() == 23
    with pytest.raises(ValueError, match="does not go into"):
        pixels().copyto(nd.zeros((3,)))
    nd.waitall()
    pixels().wait_to_read()


def test_values_and_shapes() -> None:
    assert nd.full((1, 2), 7, dtype="uint8").tolist() == [[7, 7]]
    assert nd.arange(3).tolist() == [0, 1, 2]
    assert nd.arange(1, 3, 0.5, repeat=2).tolist() == [1, 1, 1.5, 1.5, 2, 2, 2.5, 2.5]
    assert nd.zeros_like(pixels()).asnumpy().any() == False  # noqa: E712
    assert nd.tile(nd.array([1, 2]), (2, 1)).tolist() == [[1, 2], [1, 2]]
    assert nd.array([1, 2]).tile(2).tolist() == [1, 2, 1, 2]
    assert nd.repeat(nd.array([[1, 2]]), 2, axis=1).tolist() == [[1, 1, 2, 2]]
    assert nd.repeat(nd.array([[1], [2]]), 2).tolist() == [1, 1, 2, 2]


def test_a_slice_along_an_axis() -> None:
    array = pixels()
    for begin, end in ((1, 3), (-3, -1), (2, None)):
        wanted = array[:, begin:end]
        assert np.array_equal(nd.slice_axis(array, axis=1, begin=begin, end=end), wanted)
        assert np.array_equal(array.slice_axis(axis=1, begin=begin, end=end), wanted)


def test_reductions_are_arrays_with_a_scalar_in_them() -> None:
    array = nd.array([[1, 2], [3, 6]])
    assert [array.sum().asscalar(), array.mean().asscalar()] == [12, 3]
    assert [array.max().asscalar(), array.min().asscalar()] == [6, 1]
    assert (type(array.sum()), array.sum().shape) == (NDArray, (1,))
    assert array.sum(axis=0).tolist() == nd.sum(array, axis=0).tolist() == [4, 8]
    assert nd.sum(array, axis=1, keepdims=True).tolist() == [[3], [9]]
    assert nd.sum(array).asscalar() == 12


def test_functions_that_numpy_has_too() -> None:
    array = nd.array([[1, 4], [9, 16]])
    assert nd.sqrt(array).tolist() == [[1, 2], [3, 4]]
    assert nd.mean(nd.square(array), axis=-1, keepdims=True).tolist() == [[8.5], [168.5]]
    assert nd.broadcast_sub(array, nd.array([1, 2])).tolist() == [[0, 2], [8, 14]]
    assert nd.maximum(array, 5).tolist() == [[5, 5], [9, 16]]
    assert (type(nd.max(array)), nd.max(array).asscalar()) == (NDArray, 16)


def test_images_as_gluons_transforms_have_them() -> None:
    tensor = nd.image.to_tensor(nd.array(np.full((2, 4, 3), 51), dtype="uint8"))
    assert (tensor.shape, tensor.dtype) == ((3, 2, 4), np.float32)
    assert np.allclose(tensor, 0.2)
    normal = nd.image.normalize(tensor, mean=(0.1, 0.2, 0.3), std=(1, 2, 0.5))
    assert np.allclose(normal[:, 0, 0].asnumpy(), [0.1, 0, -0.2])
    assert np.allclose(nd.image.normalize(nd.stack(tensor, tensor), 0.2), 0, atol=1e-7)
    assert nd.image.to_tensor(nd.zeros((5, 2, 4, 3))).shape == (5, 3, 2, 4)
    for wrong in (
        lambda: nd.image.to_tensor(nd.zeros((2, 4))),
        lambda: nd.image.normalize(nd.zeros((3, 2, 4), dtype="uint8"), 1),
    ):
        with pytest.raises(ValueError, match="requires"):
            wrong()


def test_random_numbers_have_a_seed() -> None:
    drawn = []
    for _ in range(2):
        mx.random.seed(5)
        drawn.append([mx.random.uniform(2, 3, (4,)), nd.random.normal(shape=(2, 2))])
    assert np.array_equal(drawn[0][0], drawn[1][0])
    assert np.array_equal(drawn[0][1], drawn[1][1])
    assert ((drawn[0][0].asnumpy() >= 2) & (drawn[0][0].asnumpy() < 3)).all()
    assert set(mx.nd.random.randint(0, 3, (50,)).tolist()) == {0, 1, 2}
    assert sorted(mx.random.shuffle(nd.arange(9)).tolist()) == list(range(9))
    assert nd.random.uniform(0, 1, (5, 3), dtype=np.float32).dtype == np.float32


# Files of arrays: one array named "m", [[1, 2]] of uint8, by the format's description.

NAMED = struct.pack(
    "<QQQ IiIqqiii 2s QQ1s",
    0x112, 0, 1, 0xF993FAC9, 0, 2, 1, 2, 1, 0, 3, b"\x01\x02", 1, 1, b"m",
)  # fmt: skip


def test_files_of_arrays(tmp_path: Path) -> None:
    path = str(tmp_path / "a.nd")
    nd.save(path, {"m": nd.array([[1, 2]], dtype="uint8")})
    assert Path(path).read_bytes() == NAMED
    loaded = nd.load(path)
    assert isinstance(loaded, dict)
    assert (loaded["m"].dtype, loaded["m"].tolist()) == (np.uint8, [[1, 2]])
    several = [nd.arange(3, dtype=dtype) for dtype in ("float32", "float64", "int32", "int8")]
    nd.save(path, several)
    for one, wanted in zip(nd.load(path), several, strict=True):
        assert (type(one), one.dtype, one.tolist()) == (NDArray, wanted.dtype, [0, 1, 2])
    nd.save(path, several[0])
    assert len(nd.load(path)) == 1


def test_older_files_of_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.nd"
    values = struct.pack("<iii 2s", 1, 0, 3, b"\x01\x02")
    for head in (
        struct.pack("<III", 2, 1, 2),
        struct.pack("<IIqq", 0xF993FAC8, 2, 1, 2),
    ):
        path.write_bytes(struct.pack("<QQQ", 0x112, 0, 1) + head + values + struct.pack("<Q", 0))
        loaded = nd.load(str(path))
        assert [one.tolist() for one in loaded] == [[[1, 2]]]


def test_damaged_files_of_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.nd"
    huge = NAMED[:36] + struct.pack("<q", 1 << 60) + NAMED[44:]
    sparse = NAMED[:28] + struct.pack("<i", 1) + NAMED[32:]
    for bad in (b"", b"text", *(NAMED[:size] for size in (8, 30, 50, 65, 80)), huge, sparse):
        path.write_bytes(bad)
        with pytest.raises(mx.MXNetError, match=r"a\.nd: this is not a whole file of arrays"):
            nd.load(str(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = str(tmp_path / "pipe")
    for read in (nd.load, mx.image.imread, lambda path: mx.recordio.MXRecordIO(path, "r")):
        with pytest.raises(OSError, match="pipe"):
            read(pipe)


def test_devices() -> None:
    array = pixels()
    assert array.context == array.ctx == mx.cpu() == mx.cpu(0) == mx.current_context()
    assert mx.cpu(1) != mx.cpu()
    assert (repr(mx.cpu()), str(mx.Context("cpu", 2)), mx.cpu().device_type) == (
        "cpu(0)", "cpu(2)", "cpu",
    )  # fmt: skip
    assert array.as_in_context(mx.cpu()) is array
    assert array.as_in_ctx(mx.cpu()) is array
    assert mx.context.num_gpus() == 0
    assert mx.Context(mx.cpu(3)) == mx.cpu(3)
    assert str(mx.Context("cpu_pinned")) == str(mx.cpu_pinned()) == "cpu_pinned(0)"
    assert nd.zeros(1, ctx=mx.Context("cpu_shared", 1)).tolist() == [0]
    for use in (mx.gpu, lambda: mx.Context("gpu"), lambda: mx.Context("tpu", 1)):
        with pytest.raises(ValueError, match=r"no [gt]pu here: .* mx\.cpu\(\)"):
            use()
    for use in (
        lambda: nd.array([1], ctx="cpu"),  # type: ignore[arg-type]
        lambda: nd.zeros(1, 0),  # type: ignore[arg-type]
        lambda: array.as_in_context("gpu"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=r"should be mx\.cpu\(\), found"):
            use()


def test_shown_as_mxnet_shows_it() -> None:
    assert repr(nd.array([[1, 2]])) == "\n[[1. 2.]]\n<NDArray 1x2 @cpu(0)>"
    assert str(nd.array([7], dtype="uint8")) == "\n[7]\n<NDArray 1 @cpu(0)>"


def test_pickles_as_what_it_is() -> None:
    copy = pickle.loads(pickle.dumps(pixels()))
    assert type(copy) is NDArray
    assert np.array_equal(copy, pixels())


def test_both_names_are_one_module() -> None:
    import rectool.mx.nd
    import rectool.mx.ndarray

    assert rectool.mx.ndarray is rectool.mx.nd is mx.nd
