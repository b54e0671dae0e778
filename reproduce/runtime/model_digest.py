"""What a Keras model computes, as one digest: layers, how they are wired, and weights.

Names do not count, so a model that was saved and loaded again has the digest it had. Layers and
functions that are not Keras's own enter by their code and by their attributes.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from reproduce.runtime.digests import sha256_of
from reproduce.runtime.errors import UserError

Tree = Callable[[Any], Any]
KERAS = ("keras", "tf_keras")
# How weights began, and what Keras notes for itself.
_NOT_COMPUTED = ("initializer", "build_config", "compile_config", "shared_object_id")
_OF_TRAINING = {"optimizer", "loss", "loss_weights", "steps_per_execution", "compiled", "history"}


def model_digest(model: Any, tree_of: Tree, named: Tree) -> str:
    """Of a Keras model.

    Args:
        tree_of: says in JSON what layers hold; named: what a class is called (`recipe.Reader`).
    """
    import keras

    known: dict[int, str] = {}  # layers that several nodes share are read once

    def layer_digest(layer: Any) -> str:
        if id(layer) not in known:
            known[id(layer)] = sha256_of(layer_tree(layer))
        return known[id(layer)]

    def layer_tree(layer: Any) -> Any:
        tree = {"class": named(type(layer)), "attributes": _attributes(layer, tree_of)}
        if isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth"):
            return tree | {"wiring": _wiring(layer, layer_digest, tree_of)}
        inner = layer.layers if isinstance(layer, keras.Sequential) else _inner(layer)
        tree["layers"] = [layer_digest(one) for one in inner]
        if not isinstance(layer, keras.Sequential):
            tree["config"] = _config(layer, tree_of)
            tree["weights"] = [tree_of(np.asarray(weight)) for weight in _weights(layer)]
        return tree

    return layer_digest(model)


def _wiring(model: Any, layer_digest: Any, tree_of: Tree) -> list[str]:
    """A digest of each output of a functional model, by all that it is computed from."""
    from keras import KerasTensor

    digests = {id(tensor): f"input {place}" for place, tensor in enumerate(model.inputs)}

    def argument(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            return {"tensor": digests[id(value)]}
        if isinstance(value, tuple | list):
            return [argument(entry) for entry in value]
        if isinstance(value, dict):
            return {name: argument(entry) for name, entry in value.items()}
        return str(value) if type(value).__name__ == "DType" else tree_of(value)

    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            made_by = [
                layer_digest(node.operation),
                argument(node.arguments.args),
                argument(node.arguments.kwargs),
            ]
            for place, tensor in enumerate(node.output_tensors):
                digests[id(tensor)] = sha256_of([*made_by, place])
    return [digests[id(tensor)] for tensor in model.outputs]


def _attributes(layer: Any, tree_of: Tree) -> dict[str, Any]:
    """Functions that a layer holds; all that its class gives it, where that is not Keras's."""
    found = {}
    for name, value in vars(layer).items():
        if name.startswith("_") or name in _usual_attributes():
            continue
        if isinstance(value, types.FunctionType | partial):
            found[name] = tree_of(value)
        elif not _is_keras(type(layer)) and not _is_tracked(value):
            found[name] = _attribute(layer, name, value, tree_of)
    return found


@functools.cache
def _usual_attributes() -> frozenset[str]:
    import keras

    return frozenset(vars(keras.Model())) | _OF_TRAINING


def _attribute(layer: Any, name: str, value: Any, tree_of: Tree) -> Any:
    try:
        return tree_of(value)
    except UserError as error:
        raise UserError(f"layer {layer.name}, attribute {name}: {error}") from error


def _is_tracked(value: Any) -> bool:
    """Layers and variables, alone or in lists: they are read as layers and as weights."""
    import keras

    if isinstance(value, dict):
        return any(map(_is_tracked, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(_is_tracked, value))
    return isinstance(value, keras.Layer | keras.Variable | keras.KerasTensor)


def _is_keras(kind: Any) -> bool:
    return (kind.__module__ or "").partition(".")[0] in KERAS


def _inner(layer: Any) -> list[Any]:
    return getattr(layer, "_layers", [])


def _weights(layer: Any) -> list[Any]:
    return layer.get_weights() if hasattr(layer, "get_weights") else []


def _config(layer: Any, tree_of: Tree) -> Any:
    """A layer's configuration; None where a class that is not Keras's cannot tell it."""
    try:
        config = layer.get_config()
    except NotImplementedError:  # Keras's answer; source and attributes are in the digest
        return None
    return tree_of(_computed(config))


def _computed(config: Any) -> Any:
    """A configuration without names of layers and without how weights began."""
    if isinstance(config, dict):
        layer = "trainable" in config
        return {
            entry: _computed(value)
            for entry, value in config.items()
            if not entry.endswith(_NOT_COMPUTED)
            and not (layer and entry == "name")
            and not (
                isinstance(value, dict) and value.get("class_name") in ("function", "__lambda__")
            )
        }
    return [_computed(value) for value in config] if isinstance(config, list | tuple) else config
