"""Operator norms against the singular values of explicit matrices."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import correlate

from reproduce.methods.bounds import lipschitz, operator_norms


def matrix(linear, shape):
    """The explicit matrix of a linear map, one basis image a column."""
    basis = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([np.ravel(linear(image)) for image in basis], axis=1)


def circular(kernel, stride):
    """A strided convolution on a torus, by SciPy."""

    def apply(image):
        outputs = [
            sum(
                correlate(image[:, :, c], kernel[:, :, c, d], mode="wrap")
                for c in range(kernel.shape[2])
            )
            for d in range(kernel.shape[3])
        ]
        return np.stack(outputs, axis=-1)[::stride, ::stride]

    return apply


def zero_padded(kernel, stride, padding):
    return lambda image: tf.nn.conv2d(image[None], kernel, stride, padding.upper())


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_dense(rng):
    kernel = rng.normal(size=(30, 20))
    assert operator_norms.dense_norm(kernel) == pytest.approx(
        np.linalg.svd(kernel)[1].max(), rel=1e-9
    )


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("side", [3, 5])
def test_circular_convolution(rng, stride, side):
    kernel = rng.normal(size=(side, side, 2, 3))
    shape = (8 if stride == 4 else 6, 12, 2)
    expected = np.linalg.svd(matrix(circular(kernel, stride), shape))[1].max()
    assert operator_norms.circular_norm(kernel, shape[:2], stride) == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("side", [2, 5])
def test_zero_padded_convolution_and_its_circular_bound(rng, stride, padding, side):
    kernel = rng.normal(size=(side, side, 2, 3))
    image = (9, 7)
    norm = np.linalg.svd(matrix(zero_padded(kernel, stride, padding), (*image, 2)))[1].max()
    assert operator_norms.zero_padded_norm(kernel, image, stride, padding) == pytest.approx(
        norm, rel=1e-6
    )
    torus = operator_norms.enclosing_torus(image, (side, side), stride, padding)
    assert operator_norms.circular_norm(kernel, torus, stride) >= norm * (1 - 1e-12)


def test_a_torus_of_the_images_own_size_is_no_bound():
    kernel = np.array([1.0, -1.0]).reshape(1, 2, 1, 1)  # largest gain at the highest frequency
    true = operator_norms.zero_padded_norm(kernel, (1, 5))
    assert operator_norms.circular_norm(kernel, (1, 5)) < true
    torus = operator_norms.enclosing_torus((1, 5), (1, 2), 1, "same")
    assert operator_norms.circular_norm(kernel, torus) >= true


def test_a_large_torus_approaches_the_gain_over_all_frequencies():
    kernel = np.array([1.0, 2.0, 1.0]).reshape(3, 1, 1, 1)  # gain 2 + 2 cos(xi), largest 4
    assert operator_norms.circular_norm(kernel, (64, 1)) == pytest.approx(4)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_printed_formula_with_its_factor_before_the_transform(rng, stride):
    kernel, sides = rng.normal(size=(4, 4, 2, 3)), np.arange(8)
    layer = keras.layers.Conv2D(3, 4, stride, padding="valid")
    network = keras.Sequential([keras.Input((8, 8, 2)), layer])
    layer.set_weights([kernel, np.zeros(3)])
    transform = np.fft.fft2(kernel.astype(np.float32), s=(8, 8), axes=(0, 1))
    norms = [
        np.linalg.norm(
            np.concatenate(
                [
                    transform[(row + 8 // stride * i) % 8, (column + 8 // stride * j) % 8]
                    for i in range(stride)
                    for j in range(stride)
                ]
            ),
            2,
        )
        for row in sides
        for column in sides
    ]
    (bound,) = lipschitz.layer_bounds(network)
    assert bound.printed == pytest.approx(max(norms) / stride**2, rel=1e-6)


def test_groups_take_the_largest(rng):
    kernel = rng.normal(size=(3, 3, 2, 6))

    def grouped(image):
        return tf.nn.conv2d(image[None], kernel, 1, "SAME")

    norm = np.linalg.svd(matrix(grouped, (5, 5, 4)))[1].max()
    assert operator_norms.zero_padded_norm(kernel, (5, 5), groups=2) == pytest.approx(
        norm, rel=1e-6
    )
    circular = operator_norms.circular_norm(kernel, (7, 7), groups=2)
    assert circular >= norm
    halves = np.split(kernel, 2, axis=3)
    assert circular == pytest.approx(max(operator_norms.circular_norm(k, (7, 7)) for k in halves))


def test_a_torus_must_close():
    with pytest.raises(ValueError, match="does not close"):
        operator_norms.circular_norm(np.ones((3, 3, 1, 1)), (7, 7), stride=2)
