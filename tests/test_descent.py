"""Descent step by step: which examples a batch has, what an autoencoder is given and asked for."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproduce.data import Examples
from reproduce.methods.attacks import adversarial
from reproduce.networks import models
from reproduce.training import pools, pretraining, schedules
from reproduce.training.descent import descend


def order_of(seed, epochs=2):
    """Which of the examples 1, 2, 3 comes at which step: its number is the loss's slope, and the
    rate falls by ten from step to step, so that the weight ends up as the order's digits."""
    numbers = tf.constant([1.0, 2.0, 3.0])

    def loss(weights, others, chosen, _):
        return tf.reduce_sum(tf.gather(numbers, chosen)) * weights[0], others

    (weight,), _ = descend(
        loss, [tf.constant(0.0)], [], n=3, rng=np.random.default_rng(seed),
        epochs=epochs, batch=1, rate=lambda done: 10 ** -np.round(done * 3 * epochs),
        momentum=0.0, lambdas=[0.0], compiled=False,
    )  # fmt: skip
    return weight


def test_batches_are_shuffled_anew_in_each_epoch():
    orders = []
    for seed in range(6):
        digits = f"{-float(order_of(seed)) * 1e5:06.0f}"
        orders.append((digits[:3], digits[3:]))
    for epochs in orders:
        assert [sorted(each) for each in epochs] == [["1", "2", "3"]] * 2
    assert len({first for first, _ in orders}) > 1
    assert any(first != second for first, second in orders)


def test_a_cosine_warms_up():
    rates = schedules.cosine(np.array([0, 0.05, 0.1, 0.55, 1]), start=2, end=0, warm_up=0.1)
    np.testing.assert_allclose(rates, [0, 1, 2, 1, 0], atol=1e-12)


@pytest.fixture
def caught(monkeypatch):
    """What the autoencoder hands to `descend`, which leaves the weights as they are."""
    found = {}

    def keep(loss, weights, others, **options):
        found.update(loss=loss, weights=weights, others=others, **options)
        return weights, others

    monkeypatch.setattr(pretraining, "descend", keep)
    return found


def autoencoder(images, rng, **options):
    model = models.dense((2, 2, 1), [3], seed=0)
    pretraining.sparse_autoencoder(
        model, Examples(images, np.zeros(len(images), int)), rng, epochs=1, batch=2,
        rate=partial(schedules.constant, value=0.1), **options,
    )  # fmt: skip


def test_the_autoencoder_is_given_noise_and_asked_for_the_clean_image(caught, rng):
    images = rng.random((5, 2, 2, 1)).astype(np.float32)
    autoencoder(images, rng, noise=0.7, rho=0.2, sparsity=0.0, decay=0.0)
    chosen, numbers = np.array([3, 1]), rng.normal(size=(2, 4)).astype(np.float32)
    loss, _ = caught["loss"](
        caught["weights"], caught["others"], tf.constant(chosen), tf.constant(numbers)
    )
    encoder, bias, decoder, offset = (each.numpy().astype(float) for each in caught["weights"])
    clean = images.reshape(5, 4)[chosen]
    code = 1 / (1 + np.exp(-((clean + 0.7 * numbers) @ encoder + bias)))
    error = ((code @ decoder + offset - clean) ** 2).sum(axis=1) / 2
    assert float(loss) == pytest.approx(error.mean(), rel=1e-5)
    assert caught["noise"] == (4,)  # numbers for each pixel
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), 0.2, rtol=1e-5)  # starts at rho


def test_the_autoencoders_weights_decay(caught, rng):
    images = rng.random((4, 2, 2, 1)).astype(np.float32)
    autoencoder(images, rng, noise=0.1, rho=0.1, sparsity=1.0, decay=0.03)
    assert caught["lambdas"] == [0.03, 0, 0.03, 0]  # encoder and decoder; biases are free


def nothing_found(classify, images, targets):
    """An attack that leaves the images as they are."""
    none = np.zeros(len(images), bool)
    return adversarial.Adversarial(images, targets, np.zeros(len(images)), none)


def test_every_batch_of_an_epoch_is_seen_once(rng):
    """For a small rate the change of an epoch is that along the gradient of all examples."""
    labels = rng.integers(3, size=60)
    images = rng.random((60, 2, 2, 1)).astype(np.float32)
    inputs = keras.Input((2, 2, 1))
    x = keras.layers.Flatten(name="pixels")(inputs)
    x = keras.layers.Dense(4, "sigmoid", name="hidden1")(x)
    x = keras.layers.Dense(4, "sigmoid", name="hidden2")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    with tf.GradientTape() as tape:
        loss = keras.ops.mean(
            keras.losses.sparse_categorical_crossentropy(labels, model(images), from_logits=True)
        )
    slope = tape.gradient(loss, model.trainable_variables)
    before = model.get_weights()
    pools.adversarial_sgd(
        model, Examples(images, labels), rng, layers=["pixels", "hidden1", "hidden2"],
        attack=nothing_found, size=10, fresh=10, epochs=1, batch=10, weight=0.0, momentum=0.0,
        rate=partial(schedules.constant, value=1e-3), compiled=False,
    )  # fmt: skip
    for old, new, gradient in zip(before, model.get_weights(), slope, strict=True):
        np.testing.assert_allclose(new - old, -6e-3 * gradient, rtol=0.02, atol=2e-6)
