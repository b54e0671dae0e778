"""A trained network with one more class, its other classes left as they are.

    images --features--> x --last layer with weights--> known classes --+
                         '--one more unit ------------------------------+--> pooling ... --> logits

Nguyen et al. 2015, section 3.7, train the whole network anew with a class for fooling images.
Where its training set is not at hand, only what tells the new class from the others is learned.
"""

from __future__ import annotations

from typing import Any

import keras

from reproduce.errors import UserError

EDITION = 1


def features(network: keras.Model) -> keras.Model:
    """Images -> what the last layer with weights is given."""
    last, _ = _end(network)
    return keras.Model(network.inputs[0], last.input, name="features")


def head(network: keras.Model) -> keras.Model:
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


def _end(network: keras.Model) -> tuple[Any, list[Any]]:
    """The last layer with weights, and those behind it, which are one chain."""
    layers: list[Any] = list(network.layers)
    places = [place for place, layer in enumerate(layers) if layer.weights]
    last: Any = layers[places[-1]] if places else None
    dense = isinstance(last, keras.layers.Dense)
    if not dense and not (isinstance(last, keras.layers.Conv2D) and last.kernel_size == (1, 1)):
        raise UserError(
            "one more class is put beside a last layer that is dense or a convolution of 1 x 1, "
            "in a network of one view; this one ends in "
            f"{last.name if last is not None else 'no layer with weights'}."
        )
    rest = layers[places[-1] + 1 :]
    x = last.output
    for layer in rest:
        if layer.input is not x:
            raise UserError(
                f"behind {last.name} one layer is expected to follow the other, and {layer.name} "
                "does not."
            )
        x = layer.output
    return last, rest
