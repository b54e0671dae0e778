"""Two Keras models have one key where they compute the same, and only there."""

import logging
from functools import partial

import keras
import numpy as np
import pytest
from test_keys import model_key

from reproduce.methods.bounds.lipschitz import layer_bounds
from reproduce.networks.ten_crops import ten_crops

L = keras.layers


def dense(*layers, activation=None):
    """Always with the same weights. Keras notes a layer's arguments, but for those of NumPy."""
    layer = L.Dense(4, activation, kernel_initializer=keras.initializers.GlorotUniform(0))
    return keras.Sequential([keras.Input((6,)), *layers, layer])


class Private(L.Layer):
    """Keeps what it multiplies by under a private name."""

    def __init__(self, factor):
        super().__init__()
        self._factor = factor

    def call(self, x):
        return x * self._factor


class Loss(L.Layer):
    """Keeps what it multiplies by under names that a Keras model has, and a layer has not."""

    def __init__(self, factor):
        super().__init__()
        self.loss = self.history = factor

    def call(self, x):
        return x * self.loss


class Mixed(L.Layer):
    """Keeps what it multiplies by beside a layer."""

    def __init__(self, factor):
        super().__init__()
        self.parts = [factor, L.Rescaling(1.0)]

    def call(self, x):
        return self.parts[1](x) * self.parts[0]


class Named(Mixed):
    def __init__(self, factor):
        L.Layer.__init__(self)
        self.parts = {0: factor, 1: L.Rescaling(1.0)}


class Scaled(L.Dense):
    """On a layer of Keras's, which keeps private things of its own."""

    def __init__(self, factor):
        super().__init__(6, kernel_initializer="ones")
        self._factor = factor

    def call(self, x):
        return super().call(x) * self._factor


class Subclassed(keras.Model):
    def __init__(self, factor):
        super().__init__()
        self.inner, self._factor = L.Dense(2, kernel_initializer="ones"), factor

    def call(self, x):
        return self.inner(x) * self._factor


def subclassed(factor):
    model = Subclassed(factor)
    model(np.ones((1, 6), np.float32))
    return model


class OwnCall(keras.Model):
    """A graph, and a `call` that does more."""

    def call(self, x, training=None):
        return super().call(x, training=training) * self._factor


def own_call(factor):
    x = keras.Input((6,))
    model = OwnCall(x, L.Dense(4, kernel_initializer="ones")(x))
    model._factor = factor
    return model


def times(x, factor):
    return x * factor


TWICE = partial(times, factor=2.0)


class Times:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return x * self.factor

    def method(self, x):
        return x * self.factor


BY_FACTOR = {
    "a private name": lambda factor: dense(Private(factor)),
    "a name of Keras's models": lambda factor: dense(Loss(factor)),
    "a list with a layer": lambda factor: dense(Mixed(factor)),
    "a dictionary with a layer": lambda factor: dense(Named(factor)),
    "on a layer of Keras's": lambda factor: dense(Scaled(factor)),
    "a model of one's own": subclassed,
    "a graph with a call of its own": own_call,
    "an activation of bound arguments": lambda factor: dense(
        activation=partial(times, factor=factor)),
    "an object for an activation": lambda factor: dense(activation=Times(factor)),
    "a method for an activation": lambda factor: dense(activation=Times(factor).method),
    "a Lambda of bound arguments": lambda factor: dense(L.Lambda(partial(times, factor=factor))),
    "an activation inside": lambda factor: dense(
        L.Reshape((3, 2)), L.TimeDistributed(L.Activation(Times(factor))), L.Flatten()),
}  # fmt: skip


@pytest.mark.parametrize("kind", BY_FACTOR)
def test_a_layer_of_ones_own_is_known_by_all_that_it_holds(kind):
    two, again, three = map(BY_FACTOR[kind], np.float32([2, 2, 3]))
    x = np.ones((1, 6), np.float32)
    np.testing.assert_array_equal(two(x), again(x))
    assert not np.array_equal(two(x), three(x))
    assert model_key(two) == model_key(again) != model_key(three)


@pytest.mark.parametrize("kind", BY_FACTOR)
def test_calls_and_training_leave_a_models_key_as_it_was(kind):
    """Keras notes the calls of a layer in it, and a model's losses; nothing computes with them."""
    model = BY_FACTOR[kind](np.float32(2))
    before = model_key(model)
    model(np.ones((3, 6), np.float32), training=True)
    model.compile(loss="mse")
    model.predict(np.ones((2, 6), np.float32), verbose=0)
    assert model_key(model) == before


class Enlarged(L.Resizing):
    """Holds the modules of Keras's backend."""


class Noisy(L.Layer):
    """Holds what Keras numbers through a process, and what a program says and casts with."""

    def __init__(self, seed=0):
        super().__init__()
        self._seed_generator = keras.random.SeedGenerator(seed)
        self._log, self._dtype_of = logging.getLogger("noisy"), np.dtype("float32")

    def call(self, x):
        return x + keras.random.normal(x.shape[1:], seed=self._seed_generator)


def test_what_keras_notes_in_layers_of_ones_own_changes_no_key():
    def of(layer):
        return model_key(keras.Sequential([keras.Input((4, 4, 3)), layer]))

    assert of(Enlarged(8, 8)) == of(Enlarged(8, 8)) != of(Enlarged(9, 9))
    assert of(Noisy()) == of(Noisy()) != of(Noisy(1))


def convolutional(side, sequential, dtype="float32"):
    x = keras.Input((side, side, 1), dtype=dtype)
    layer = L.Conv2D(2, 3, kernel_initializer=keras.initializers.GlorotUniform(0))
    return keras.Sequential([x, layer]) if sequential else keras.Model(x, layer(x))


@pytest.mark.parametrize("sequential", [True, False])
def test_a_model_is_known_by_the_size_that_it_is_built_for(sequential, tmp_path):
    """All its weights agree, and a convolution's norm does not."""
    small, large = (convolutional(side, sequential) for side in (12, 40))
    for one, other in zip(small.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert layer_bounds(small)[0].norm != layer_bounds(large)[0].norm
    assert model_key(small) == model_key(convolutional(12, sequential)) != model_key(large)
    assert model_key(convolutional(12, sequential, "uint8")) != model_key(small)
    small.save(tmp_path / "small.keras")
    assert model_key(keras.models.load_model(tmp_path / "small.keras")) == model_key(small)


def by_ops(least, most):
    x = keras.Input((6,))
    return keras.Model(x, keras.ops.clip(keras.ops.tanh(x) * 2.0, least, most))


def test_operations_are_known_by_what_they_do_not_by_how_many_were_made():
    """Keras numbers them through a whole process: clip, clip_1."""
    one, again, other = by_ops(-1, 1), by_ops(-1, 1), by_ops(-1, 2)
    assert model_key(one) == model_key(again) != model_key(other)
    photograph = keras.Sequential([keras.Input((8, 8, 3)), L.Flatten(), L.Dense(3)])
    first, second = (model_key(ten_crops(photograph, side=10)) for _ in range(2))
    assert first == second != model_key(ten_crops(photograph, side=12))


@pytest.mark.parametrize(
    "convolution",
    [
        lambda other: L.Conv2D(2, 3, padding="same", strides=1 + other, activation=TWICE),
        lambda other: L.Conv2D(2, 3, padding="same", dilation_rate=1 + other, activation=TWICE),
        lambda other: L.Conv2D(2, 3, dtype=("float32", "mixed_float16")[other], activation=TWICE),
    ],
)
def test_a_layer_of_keras_without_a_configuration_enters_by_all_its_settings(convolution):
    """Keras writes none where the activation is bound arguments; the weights are the same."""

    def of(other):
        layer = convolution(other)
        model = keras.Sequential([keras.Input((8, 8, 1)), layer])
        with pytest.raises(TypeError):
            layer.get_config()
        model.set_weights([np.ones(weight.shape) for weight in model.get_weights()])
        return model

    assert model_key(of(0)) == model_key(of(0)) != model_key(of(1))
