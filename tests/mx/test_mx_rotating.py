"""rectool.mx.image.imrotate and random_rotate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rectool.mx as mx

imrotate, nd = mx.image.imrotate, mx.nd


def chw(height: int = 9, width: int = 9) -> Any:
    return nd.array(np.random.default_rng(0).uniform(0, 1, (3, height, width)))


def test_quarter_turns_are_exact() -> None:
    image = chw()
    for quarters in range(-1, 4):
        turned = imrotate(image, 90 * quarters)
        wanted = np.rot90(image.asnumpy(), quarters, (1, 2))
        assert type(turned) is nd.NDArray
        assert turned.dtype == np.float32
        assert np.allclose(turned, wanted, atol=1e-5)


def test_it_turns_about_the_middle_with_nothing_outside() -> None:
    image = nd.ones((1, 21, 21))
    turned = imrotate(image, 45).asnumpy()[0]
    assert turned[0, 0] == turned[20, 0] == turned[0, 20] == turned[20, 20] == 0
    assert np.allclose(turned[5:16, 5:16], 1)
    ramp = nd.array(np.tile(np.arange(21.0), (1, 21, 1)))
    assert imrotate(ramp, 30)[0, 10, 10].asscalar() == pytest.approx(10, abs=1e-4)


def test_zooms() -> None:
    image = nd.ones((1, 30, 60))
    assert (imrotate(image, 20, zoom_in=True).asnumpy() > 0.8).all()
    small = imrotate(image, 20, zoom_out=True).asnumpy()[0]
    edges = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    assert (edges > 0).sum() < 12
    assert imrotate(image, 20).asnumpy().sum() > small.sum()


def test_images_each_by_an_angle_or_all_by_one() -> None:
    images = nd.stack(chw(), chw())
    turned = imrotate(images, nd.array([0, 90]))
    assert np.allclose(turned[0], images[0])
    assert np.allclose(turned[1], imrotate(chw(), 90))
    assert np.allclose(imrotate(images, 90)[0], imrotate(chw(), 90))


def test_imrotate_refuses_wrong_types_shapes_and_angles() -> None:
    with pytest.raises(ValueError, match="not both"):
        imrotate(chw(), 5, zoom_in=True, zoom_out=True)
    with pytest.raises(TypeError, match="float32, got uint8"):
        imrotate(nd.zeros((3, 4, 5), dtype="uint8"), 5)
    with pytest.raises(TypeError, match="one number"):
        imrotate(chw(), nd.array([1, 2]))
    with pytest.raises(ValueError, match="2 angles, got 3"):
        imrotate(nd.stack(chw(), chw()), nd.array([1, 2, 3]))
    with pytest.raises(ValueError, match="shape"):
        imrotate(nd.zeros((4, 5)), 5)


def test_random_angles_are_within_the_limits() -> None:
    np.random.seed(1)
    image = chw()
    turned = mx.image.random_rotate(image, [-5.0, 5.0])
    np.random.seed(1)
    assert np.array_equal(turned, imrotate(image, np.random.uniform(-5, 5)))
    assert mx.image.random_rotate(nd.stack(image, image), (-5, 5)).shape == (2, 3, 9, 9)
