"""The networks: shapes, seeds, files, and LeNet against a plain NumPy one."""

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from reproduce.networks import models

MNIST = (28, 28, 1)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, *MNIST), np.float32)


def test_layers_of_the_papers_dense_networks():
    def shapes(model):
        return [weight.shape for weight in model.get_weights()]

    assert shapes(models.dense(MNIST, seed=0, bias=False)) == [(784, 10)]
    assert shapes(models.dense(MNIST, [123, 456], seed=0)) == [
        (784, 123), (123,), (123, 456), (456,), (456, 10), (10,),
    ]  # fmt: skip
    assert shapes(models.dense(MNIST, [400], seed=0)) == [(784, 400), (400,), (400, 10), (10,)]


def test_dense_is_sigmoids_and_a_linear_last_layer(images):
    model = models.dense(MNIST, [7, 6], seed=3)
    w1, b1, w2, b2, w3, b3 = model.get_weights()
    h1 = 1 / (1 + np.exp(-(images.reshape(5, -1) @ w1 + b1)))
    h2 = 1 / (1 + np.exp(-(h1 @ w2 + b2)))
    np.testing.assert_allclose(model(images), h2 @ w3 + b3, atol=1e-5)


def test_lenet_is_caffes(images):
    """Valid convolutions, pooling 2 by 2, one ReLU, bytes divided by 256."""
    model = models.lenet(MNIST, seed=0)
    rng = np.random.default_rng(1)
    model.set_weights([w + 0.05 * rng.normal(size=w.shape) for w in model.get_weights()])
    k1, b1, k2, b2, w1, c1, w2, c2 = model.get_weights()

    def convolved(x, kernel, bias):
        return np.einsum("nhwcij,ijcf->nhwf", sliding_window_view(x, (5, 5), (1, 2)), kernel) + bias

    def pooled(x):
        n, height, width, channels = x.shape
        return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))

    x = pooled(convolved(images * 255 / 256, k1, b1))
    x = pooled(convolved(x, k2, b2))
    x = np.maximum(x.reshape(5, -1) @ w1 + c1, 0) @ w2 + c2
    np.testing.assert_allclose(model(images), x, atol=1e-4)
    assert model.count_params() == 431_080  # as Caffe counts its LeNet


def test_same_seed_same_weights_and_layers_differ():
    one, same, other = (models.dense(MNIST, [784], seed=seed) for seed in (1, 1, 2))
    for a, b in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])
    first, last = models.dense(MNIST, [784, 784], seed=1).get_weights()[:4:2]
    assert abs(np.corrcoef(first.ravel(), last.ravel())[0, 1]) < 0.01


@pytest.mark.parametrize(
    "model",
    [
        models.dense(MNIST, [5], seed=0, dropout=[0.2, 0.5]),
        models.lenet(MNIST, classes=11, seed=0),
        models.convolutional(MNIST, seed=0),
    ],
)
def test_a_saved_network_opens_in_safe_mode(model, images, tmp_path):
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(model(images), again(images))


def test_too_many_dropout_rates():
    with pytest.raises(ValueError, match="take 2 dropout rates at most, got 3"):
        models.dense(MNIST, [5], seed=0, dropout=[0.1, 0.1, 0.1])
