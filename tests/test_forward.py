"""The one forward pass: whose rows, which behaviour, which families."""

import keras
import numpy as np
import pytest

from reproduce.data import Examples
from reproduce.networks import forward
from reproduce.networks.models import dense
from reproduce.runtime.errors import UserError


def images(n=70):
    return np.random.default_rng(0).random((n, 8, 8, 1), np.float32)


def small(*layers):
    return keras.Sequential([keras.Input((8, 8, 1)), *layers, keras.layers.Flatten()])


@pytest.mark.parametrize("ask", [forward.logits, forward.slot_logits])
@pytest.mark.parametrize("n", [1, 5, 33, 70])
def test_every_row_is_what_the_model_gives(ask, n):
    model = dense((8, 8, 1), [5], seed=0)
    np.testing.assert_allclose(ask(model, images(n)), model(images(n)), atol=1e-6)


def test_a_row_does_not_depend_on_its_company():
    model = dense((8, 8, 1), [50], seed=0)
    alone = np.concatenate([forward.slot_logits(model, one[None]) for one in images(5)])
    np.testing.assert_array_equal(alone, forward.slot_logits(model, images(70))[:5])


@pytest.mark.parametrize("ask", [forward.logits, forward.slot_logits])
def test_no_layer_trains_and_all_logits_are_float32(ask):
    model = small(
        keras.layers.GaussianNoise(1.0), keras.layers.RandomFlip(), keras.layers.Dropout(0.5)
    )
    np.testing.assert_array_equal(ask(model, images()), images().reshape(70, -1))
    half = small(keras.layers.Activation("relu", dtype="bfloat16"))
    assert ask(half, images()).dtype == np.float32


def test_a_family_shares_a_graph_and_others_do_not():
    first, second, other = (
        dense((8, 8, 1), units, seed=s) for units, s in (([5], 0), ([5], 1), ([6], 0))
    )
    assert forward.Network(first) == forward.Network(second) != forward.Network(other)
    assert not np.allclose(*(forward.slot_logits(model, images()) for model in (first, second)))


class Times(keras.layers.Layer):
    """Its configuration leaves out what it multiplies by."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x


def adapted(mean):
    layer = keras.layers.Normalization(axis=None)
    layer.adapt(np.full((2, 8, 8, 1), mean) + np.array([-1, 1]).reshape(2, 1, 1, 1))
    return layer


@pytest.mark.parametrize(
    "layer",
    [Times, adapted, lambda factor: keras.layers.Lambda(lambda x: factor * x),
     lambda factor: keras.layers.Activation(lambda x: factor * x)],
)  # fmt: skip
def test_what_a_configuration_may_leave_out_makes_no_family(layer):
    """Of two such models the second must not be answered by the first one's graph."""
    for factor in (1.0, 3.0):
        model = small(layer(factor))
        np.testing.assert_allclose(forward.slot_logits(model, images()), model(images()), rtol=1e-5)


def test_mistakes_are_counted():
    labels = images().reshape(70, -1).argmax(axis=1)
    assert forward.mistakes(small(), Examples(images(), labels)) == 0
    labels[:7] += 1
    assert forward.mistakes(small(), Examples(images(), labels)) == 7
    assert forward.error_rate(small(), Examples(images(), labels)) == 0.1


def test_logits_that_are_no_numbers_are_told():
    broken = np.where(np.arange(70) == 9, np.nan, 1).astype(np.float32).reshape(-1, 1, 1, 1)
    with pytest.raises(UserError, match="for image 9"):
        forward.slot_logits(small(), images() * broken)
