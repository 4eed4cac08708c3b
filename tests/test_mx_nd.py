"""rectool.mx.nd: arrays that code written for MXNet can use."""

from __future__ import annotations

import pickle

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
        with pytest.raises(ValueError, match=r"shape \(2,\) is no scalar"):
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
