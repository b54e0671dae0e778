"""One compiled graph for all networks of equal architecture.

TensorFlow compiles a function once for each network that it is traced with. The papers' networks
come in families, though: FC10 with three weight decays, one architecture with many seeds. Here
the weights of a Keras model are arguments of the graph, so that a family shares one.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any, NamedTuple

import keras

from reproduce.methods import Classifier

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
