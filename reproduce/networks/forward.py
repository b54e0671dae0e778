"""A network's answers, fast: one graph per network and batch shape."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reproduce.data import Examples

EDITION = 1
Forward = Callable[[tf.Tensor], tf.Tensor]
_graphs: weakref.WeakKeyDictionary[keras.Model, dict[int, Forward]] = weakref.WeakKeyDictionary()


def outputs(model: keras.Model, images: np.ndarray, batch: int = 1000) -> np.ndarray:
    """What a model gives for each image, in batches of one shape (the last one is filled up).

    Args:
        images: float32 (n, height, width, channels) in [0, 1].
        batch: images at a time; fewer images than that are filled up to a power of two.

    Returns:
        float32 (n, ...).
    """
    if len(images) == 0:
        return np.zeros((0, *model.output_shape[1:]), np.float32)
    batch = min(batch, 1 << (len(images) - 1).bit_length())
    forward = _graph(model, batch)
    answers = []
    for start in range(0, len(images), batch):
        some = np.asarray(images[start : start + batch], np.float32)
        filled = np.zeros((batch, *some.shape[1:]), np.float32)
        filled[: len(some)] = some
        answers.append(forward(tf.constant(filled)).numpy()[: len(some)])
    return np.concatenate(answers)


def logits(model: keras.Model, images: np.ndarray, batch: int = 1000) -> np.ndarray:
    """float32 (n, classes); see `outputs`."""
    return outputs(model, images, batch)


def error_rate(model: keras.Model, examples: Examples) -> float:
    """The share of examples that get another label than theirs."""
    labels = logits(model, examples.images).argmax(axis=1)
    return float(np.mean(labels != examples.labels))


def _graph(model: keras.Model, batch: int) -> Forward:
    graphs = _graphs.setdefault(model, {})
    if batch not in graphs:
        held: Any = weakref.ref(model)  # a strong reference would keep every network ever asked

        @tf.function
        def forward(images: tf.Tensor) -> tf.Tensor:
            return held()(images, training=False)

        shape = (batch, *model.input_shape[1:])
        graphs[batch] = forward.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return graphs[batch]


def hidden_layers(network: keras.Model) -> list[str]:
    """Names of the layers with weights but the last; where pooling follows, of the pooling."""
    names: list[str] = []
    for layer in network.layers[:-1]:
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D):
            names.append(layer.name)
        elif isinstance(layer, keras.layers.MaxPooling2D) and names:
            names[-1] = layer.name
    return names


def activations_of(network: keras.Model, layer: str, images: np.ndarray) -> Any:
    """float32 (n, units); feature maps are flattened."""
    part = keras.Model(network.inputs[0], network.get_layer(layer).output)
    return outputs(part, images).reshape(len(images), -1)
