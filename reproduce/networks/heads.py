"""What can be done at a trained network's end, its last layer with weights.

One more class, the others left as they are (Nguyen et al. 2015, section 3.7, train the whole
network anew with a class for fooling images; where its training set is not at hand, only what
tells the new class from the others is learned):

    images --features--> x --last layer with weights--> known classes --+
                         '--one more unit ------------------------------+--> pooling ... --> logits

And gradients that get past a last ReLU, under which a score that is nowhere above zero (as in
SqueezeNet) has none.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from reproduce.networks.classifier import Classifier
from reproduce.runtime.errors import NotAvailable


def features(network: keras.Model) -> keras.Model:
    """Images -> what the last layer with weights is given."""
    last, _ = _end(network)
    return keras.Model(network.inputs[0], last.input, name="features")


def with_one_more(network: keras.Model) -> keras.Model:
    """`features` -> logits of the known classes, then of one more, which alone can be trained."""
    last, rest = _end(network)
    given = keras.Input(last.input.shape[1:], name="features")
    known = type(last).from_config({**last.get_config(), "trainable": False, "name": "known"})
    # Linear also where the others end in a ReLU, which would leave it without gradient once off.
    new = keras.layers.Dense(1, kernel_initializer="zeros", name="new")
    x = keras.layers.Concatenate(name="all_classes")([known(given), new(given)])
    for layer in rest:
        x = type(layer).from_config(layer.get_config())(x)
    made = keras.Model(given, x, name="head")
    known.set_weights(last.get_weights())
    return made


def joined(network: keras.Model, new_head: keras.Model) -> keras.Model:
    """The network with its head replaced."""
    below = features(network)
    return keras.Model(below.inputs[0], new_head(below.outputs[0]), name="one_more_class")


def past_relu(network: keras.Model) -> Classifier:
    """The same scores, and gradients that rise through a last ReLU where it is off.

    What would lower a score that the ReLU holds at zero stays without effect, as in the network.
    """
    last, rest = _last(network), _rest(network)
    if rest is None or getattr(last, "activation", None) is not keras.activations.relu:
        return network
    below = features(network)
    linear = type(last).from_config({**last.get_config(), "activation": "linear"})
    linear.build(last.input.shape)
    linear.set_weights(last.get_weights())

    def scores(images: tf.Tensor) -> tf.Tensor:
        x = _rising_relu(linear(below(images)))
        for layer in rest:
            x = layer(x)
        return x

    return scores


@tf.custom_gradient
def _rising_relu(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.where((x > 0) | (upstream > 0), upstream, tf.zeros_like(upstream))

    return tf.nn.relu(x), gradient


def _end(network: keras.Model) -> tuple[Any, list[Any]]:
    """The last layer with weights, and those behind it, which are one chain."""
    last, rest = _last(network), _rest(network)
    if not _is_matrix(last):
        raise NotAvailable(
            "one more class is put beside a last layer that is dense or a convolution of 1 x 1, "
            "in a network of one view; this one ends in "
            f"{last.name if last is not None else 'no layer with weights'}."
        )
    if rest is None:
        raise NotAvailable(
            f"behind {last.name}, the last layer with weights, one layer is expected to follow "
            "the other."
        )
    return last, rest


def _last(network: keras.Model) -> Any:
    """The last layer with weights; None where there is none."""
    return next((layer for layer in reversed(network.layers) if layer.weights), None)


def _is_matrix(layer: Any) -> bool:
    """Whether a layer multiplies what stands at each place with one matrix."""
    if isinstance(layer, keras.layers.Conv2D):
        return layer.kernel_size == (1, 1) and layer.strides == (1, 1)
    return isinstance(layer, keras.layers.Dense)


def _rest(network: keras.Model) -> list[Any] | None:
    """The layers behind the last one with weights; None where they are no chain."""
    last = _last(network)
    if last is None:
        return None
    layers: list[Any] = list(network.layers)
    rest = layers[layers.index(last) + 1 :]
    x = last.output
    for layer in rest:
        if layer.input is not x:
            return None
        x = layer.output
    return rest
