"""One compiled graph for all networks of equal architecture.

TensorFlow compiles a function once for each network that it is traced with. The papers' networks
come in families, though: FC10 with three weight decays, one architecture with many seeds. Here
the weights of a Keras model are arguments of the graph, so that a family shares one.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from reproduce.networks.classifier import Classifier
from reproduce.runtime.errors import UserError

SLOTS = 32  # images evaluated at once,
SLOT_PIXELS = 2_500_000  # and fewer where they are large: an attack holds 20 copies of each

# What is settled once the weights are there.
IRRELEVANT = ("initializer", "regularizer", "constraint", "trainable", "seed", "registered_name")


class Network:
    """A classifier split into a function and its weights; equal where the function is.

    weights: list of arrays or variables, to be handed to `logits`.
    """

    def __init__(self, classify: Classifier) -> None:
        self._classify: Any = classify
        self.weights: Weights = Weights([], [])
        self._key: Hashable = classify if isinstance(classify, Hashable) else id(classify)
        if isinstance(classify, keras.Model) and classify.built:
            self.weights = Weights(
                [variable.value for variable in classify.trainable_variables],
                [variable.value for variable in classify.non_trainable_variables],
            )
            self._key = architecture(classify)

    def logits(self, weights: Weights, images: Any) -> Any:
        if not weights.trainable and not weights.fixed:
            return self._classify(images)
        outputs, _ = self._classify.stateless_call(*weights, images, training=False)
        return outputs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


class Weights(NamedTuple):
    trainable: list[Any]
    fixed: list[Any]


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
    """How many images of this size go through a graph together: always as many."""
    return max(1, min(SLOTS, SLOT_PIXELS // pixels))


def batches(images: np.ndarray) -> list[np.ndarray]:
    """Row numbers in groups of equal size; the last group repeats the last row."""
    slots = slots_for(images[0].size)
    starts = range(0, len(images), slots)
    return [np.minimum(np.arange(first, first + slots), len(images) - 1) for first in starts]


def logits(classify: Classifier | Network, images: Any) -> np.ndarray:
    """float32 (n, classes) of images (n, ...), the same for an image in whatever company."""
    network = classify if isinstance(classify, Network) else Network(classify)
    images = np.asarray(images, np.float32)
    call = _logits(network)
    parts = [np.asarray(call(network.weights, images[rows])) for rows in batches(images)]
    scores = np.concatenate(parts)[: len(images)]
    broken = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if broken.size:
        raise UserError(f"logits are finite numbers, got {scores[broken[0]]} for image {broken[0]}")
    return scores


@functools.lru_cache(maxsize=64)
def _logits(network: Network) -> Callable[..., Any]:
    return tf.function(network.logits)
