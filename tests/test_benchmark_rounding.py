"""The bound on what rounding to bfloat16 does to a network's logits."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from benchmarks.rounding import UNIT, bound


def rounded(values):
    return ops.cast(ops.cast(values, "bfloat16"), "float32")


def test_of_one_product_it_is_the_closed_form():
    """(x + u x)(w + u w) - x w."""
    network = keras.Sequential([layers.Input((1, 1, 1)), layers.Conv2D(1, 1, use_bias=False)])
    network.layers[0].kernel.assign([[[[-3.0]]]])
    found = bound(network, np.full((1, 1, 1, 1), 0.7, np.float32))
    assert found.item() == pytest.approx(2.1 * ((1 + UNIT) ** 2 - 1), rel=1e-6)


def test_no_rounded_pass_is_further_off(rng):
    """Two branches, strides, pools: each convolution's maps and weights rounded by themselves."""
    images = layers.Input((8, 8, 3))
    scaled = layers.Rescaling(2.0, offset=-1.0)(images)
    first = layers.Conv2D(6, 3, strides=2, padding="same")(scaled)
    normal = layers.LeakyReLU(negative_slope=0.1)(layers.BatchNormalization()(first))
    both = [layers.Conv2D(5, 3, padding="same", activation="relu")(normal), normal]
    joined = layers.MaxPooling2D(2)(layers.Concatenate()(both))
    last = layers.Conv2D(4, 1)(layers.ZeroPadding2D(1)(joined))
    network = keras.Model(images, layers.GlobalAveragePooling2D()(last))
    for weights in network.weights:
        weights.assign(rng.uniform(0.2, 1.5, weights.shape) * rng.choice([-1, 1], weights.shape))
    network.layers[3].moving_variance.assign(np.full(6, 0.5))
    pixels = rng.random((20, 8, 8, 3)).astype(np.float32)

    class Rough(layers.Conv2D):
        def call(self, inputs):
            kernel = self.kernel
            answer = ops.conv(rounded(inputs), rounded(kernel), self.strides, self.padding)
            return self.activation(answer + self.bias)

    rough = keras.models.clone_model(
        network,
        clone_function=lambda layer: (
            Rough if isinstance(layer, layers.Conv2D) else type(layer)
        ).from_config(layer.get_config()),
    )
    rough.set_weights(network.get_weights())
    off = np.abs(np.subtract(rough(pixels), network(pixels)))
    assert (off > 0).all()
    assert (off <= bound(network, pixels)).all()
    assert (off > bound(network, pixels) / 1000).any()


def test_a_layer_without_a_rule_is_named():
    network = keras.Sequential([layers.Input((2, 2, 1)), layers.Flatten(), layers.Softmax()])
    with pytest.raises(ValueError, match="Flatten"):
        bound(network, np.zeros((1, 2, 2, 1), np.float32))
