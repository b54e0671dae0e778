"""The one forward pass: batches of one shape, inference behaviour, logits as float32.

TensorFlow compiles a function once for each network that it is traced with. The papers' networks
come in families, though: FC10 with three weight decays, one architecture with many seeds. A
`Network` has its weights as arguments of the graph, so that a family shares one; the attacks,
whose graphs take long to compile, ask it. `outputs` evaluates a single model.
"""

from __future__ import annotations

import functools
import inspect
import json
import weakref
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.networks.classifier import Classifier
from reproduce.runtime.errors import NotAvailable, UserError

Forward = Callable[[Any], Any]
SLOTS = 32  # images in one step of an attack,
SLOT_PIXELS = 2_500_000  # and fewer where they are large: an attack holds 20 copies of each
# What is settled once the weights are there.
IRRELEVANT = ("initializer", "regularizer", "constraint", "trainable", "seed", "registered_name")
_graphs: weakref.WeakKeyDictionary[keras.Model, dict[int, Forward]] = weakref.WeakKeyDictionary()


def inference(classify: Classifier) -> Forward:
    """The network as it answers once trained: `training=False`, float32 out.

    Without the flag a Keras model called inside another's training, or a layer whose default is
    to train, would augment its images or drop units.
    """
    if isinstance(classify, keras.layers.Layer):
        classify = partial(classify, training=False)
    return partial(_float32, classify)


def _float32(classify: Classifier, images: Any) -> Any:
    return tf.cast(classify(images), tf.float32)


def batched(forward: Forward, inputs: np.ndarray, batch: int) -> np.ndarray:
    """A function applied to all inputs, in batches of one shape; zeros fill up the last one.

    So the function is compiled once, and a row does not depend on the rows beside it.

    Args:
        forward: (batch, ...) -> (batch, ...).
        inputs: (n, ...), n at least 1, of the dtype that `forward` wants.
    """
    parts = []
    for start in range(0, len(inputs), batch):
        some = np.asarray(inputs[start : start + batch])
        filled = some
        if len(some) < batch:
            filled = np.zeros((batch, *some.shape[1:]), some.dtype)
            filled[: len(some)] = some
        parts.append(np.asarray(forward(tf.constant(filled)))[: len(some)])
    return np.concatenate(parts)


def finite(scores: np.ndarray) -> np.ndarray:
    """The same scores (n, classes).

    Raises:
        UserError: where one is NaN or infinite: no label and no confidence can be told from it.
    """
    broken = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if broken.size:
        row = np.array2string(scores[broken[0]], threshold=12)
        raise UserError(
            f"logits are finite numbers, got {row} for image {broken[0]} "
            f"({broken.size} of {len(scores)} images)."
        )
    return scores


def batch_size(images: int, most: int) -> int:
    """At most `most`; fewer images than that are filled up to a power of two."""
    return min(most, 1 << max(images - 1, 0).bit_length())


def outputs(model: keras.Model, images: np.ndarray, batch: int = 1000) -> np.ndarray:
    """What a model gives for each image.

    Args:
        images: float32 (n, height, width, channels) in [0, 1].
        batch: images at a time, as in `batch_size`.

    Returns:
        float32 (n, ...).
    """
    if len(images) == 0:
        return np.zeros((0, *model.output_shape[1:]), np.float32)
    batch = batch_size(len(images), batch)
    return batched(_graph(model, batch), np.asarray(images, np.float32), batch)


def logits(model: keras.Model, images: np.ndarray, batch: int = 1000) -> np.ndarray:
    """float32 (n, classes); see `outputs`."""
    return outputs(model, images, batch)


def mistakes(model: keras.Model, examples: Examples) -> int:
    """How many examples get another label than theirs."""
    return int((logits(model, examples.images).argmax(axis=1) != examples.labels).sum())


def error_rate(model: keras.Model, examples: Examples) -> float:
    """The share of examples that get another label than theirs."""
    return mistakes(model, examples) / len(examples.labels)


def _graph(model: keras.Model, batch: int) -> Forward:
    graphs = _graphs.setdefault(model, {})
    if batch not in graphs:
        held: Any = weakref.ref(model)  # a strong reference would keep every network ever asked

        @tf.function
        def forward(images: tf.Tensor) -> tf.Tensor:
            return inference(held())(images)

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


def last_hidden(network: keras.Model) -> str:
    """The name of the last hidden layer.

    Raises:
        NotAvailable: there is none.
    """
    names = hidden_layers(network)
    if not names:
        raise NotAvailable(
            f"{network.name} has no hidden layer: fully connected, convolutional, before its last."
        )
    return names[-1]


def activations_of(network: keras.Model, layer: str, images: np.ndarray) -> Any:
    """float32 (n, units); feature maps are flattened."""
    part = keras.Model(network.inputs[0], network.get_layer(layer).output)
    return outputs(part, images).reshape(len(images), -1)


class Weights(NamedTuple):
    """A Keras model's variables, those that training changes and the others."""

    trainable: list[Any]
    fixed: list[Any]


class Network:
    """A classifier split into a function and its weights; equal where the function is.

    weights: to be handed to `logits`; empty where the classifier is no Keras model whose layers
        are all known, or has none.
    """

    def __init__(self, classify: Classifier) -> None:
        self._classify: Any = classify
        self.weights = Weights([], [])
        self._key: Hashable = classify if isinstance(classify, Hashable) else id(classify)
        if isinstance(classify, keras.Model) and classify.built and _is_known(classify):
            self.weights = Weights(
                [variable.value for variable in classify.trainable_variables],
                [variable.value for variable in classify.non_trainable_variables],
            )
            self._key = architecture(classify)

    def logits(self, weights: Weights, images: Any) -> Any:
        """float32 (n, classes)."""
        if not weights.trainable and not weights.fixed:
            return inference(self._classify)(images)
        answers, _ = self._classify.stateless_call(*weights, images, training=False)
        return tf.cast(answers, tf.float32)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _is_known(model: keras.Model) -> bool:
    """Whether configuration and weights say all that a model computes.

    Layers of one's own may leave something out, and an adapted Normalization holds its statistics
    as constants beside its weights: two such models might pass for one family.
    """
    for layer in model._flatten_layers():
        module = type(layer).__module__
        if not module.startswith("keras.src.") or isinstance(layer, keras.layers.Lambda):
            return False
        if "preprocessing" in module and not isinstance(layer, keras.layers.Rescaling):
            return False
        if any(_is_own(value) for value in vars(layer).values()):
            return False
    return True


def _is_own(value: Any) -> bool:
    """Whether something is a function from outside Keras, an activation say."""
    return inspect.isfunction(value) and not value.__module__.startswith("keras.src.")


def architecture(model: keras.Model) -> str:
    """What a model computes given its weights, as text without layer names."""
    config = model.get_config()
    text = json.dumps(_relevant(config), sort_keys=True, default=repr)
    for index, layer in enumerate(config.get("layers", [])):
        text = text.replace(json.dumps(layer["config"]["name"]), f'"layer {index}"')
    shapes = [(v.shape, str(v.dtype)) for v in model.trainable_variables]
    fixed = [(v.shape, str(v.dtype)) for v in model.non_trainable_variables]
    return f"{type(model).__module__}.{type(model).__qualname__} {text} {shapes} {fixed}"


def _relevant(config: Any) -> Any:
    if isinstance(config, dict):
        return {
            key: _relevant(value)
            for key, value in config.items()
            if not key.endswith(IRRELEVANT) and (key != "name" or "layers" not in config)
        }
    if isinstance(config, list | tuple):
        return [_relevant(value) for value in config]
    return config


def slots_for(pixels: int) -> int:
    """How many images of this size go through an attack's graph together: always as many."""
    return max(1, min(SLOTS, SLOT_PIXELS // pixels))


def batches(images: np.ndarray) -> list[np.ndarray]:
    """Row numbers in groups of equal size; the last group repeats the last row."""
    slots = slots_for(images[0].size)
    starts = range(0, len(images), slots)
    return [np.minimum(np.arange(first, first + slots), len(images) - 1) for first in starts]


def slot_logits(classify: Classifier | Network, images: Any) -> np.ndarray:
    """float32 (n, classes) of images (n, ...), the same for an image in whatever company.

    Raises:
        UserError: where they are not finite.
    """
    network = classify if isinstance(classify, Network) else Network(classify)
    images = np.asarray(images, np.float32)
    forward = partial(_slot_logits(network), network.weights)
    return finite(batched(forward, images, slots_for(images[0].size)))


@functools.lru_cache(maxsize=64)
def _slot_logits(network: Network) -> Forward:
    return tf.function(network.logits)
