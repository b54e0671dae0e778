"""What a Keras model computes, as one digest: layers, how they are wired, and weights.

Names do not count, so a model that was saved and loaded again has the digest it had. Layers and
functions that are not Keras's own enter by their code and by their attributes, private ones too.
What Keras keeps in a layer is left out: configuration, weights and wiring say it.
"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reproduce.runtime.digests import sha256_of
from reproduce.runtime.errors import UserError

Tree = Callable[[Any], Any]
KERAS = ("keras", "tf_keras")
LIBRARIES = (*KERAS, "tensorflow")
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
        whole = not is_keras(type(layer))
        tree = {"class": named(type(layer))}
        if isinstance(layer, keras.Model) and hasattr(layer, "_nodes_by_depth"):
            tree["wiring"] = _wiring(layer, layer_digest, tree_of)
        elif isinstance(layer, keras.Sequential):
            tree["layers"] = [layer_digest(one) for one in layer.layers]
            tree["inputs"] = [_input(tensor) for tensor in getattr(layer, "inputs", None) or ()]
        else:
            tree["layers"] = [layer_digest(one) for one in _inner(layer)]
            tree["config"] = _config(layer, tree_of)
            tree["weights"] = [tree_of(np.asarray(weight)) for weight in _weights(layer)]
            if tree["config"] is None:
                whole, policy = True, getattr(layer, "dtype_policy", None)
                tree["dtype"] = getattr(policy, "name", None)
        return tree | {"attributes": _attributes(layer, whole, tree_of)}

    return layer_digest(model)


def _wiring(model: Any, layer_digest: Any, tree_of: Tree) -> list[str]:
    """A digest of each output of a functional model, by all that it is computed from."""
    from keras import KerasTensor

    digests = {
        id(tensor): f"input {place}: {_input(tensor)}" for place, tensor in enumerate(model.inputs)
    }

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


def _input(tensor: Any) -> str:
    """An input's shape and type: the weights do not tell what size a model is built for."""
    return f"{tuple(tensor.shape)} {tensor.dtype}"


def _attributes(layer: Any, whole: bool, tree_of: Tree) -> dict[str, Any]:
    """What a layer holds: functions, and all that its class gives it where nothing else says it.

    Args:
        whole: of a class that is not Keras's, or of a layer without a configuration.
    """
    kind: Any = type(layer)
    kept_by_keras = _kept_by_keras(kind)
    return {
        name: _attribute(layer, name, _untracked(value), tree_of)
        for name, value in vars(layer).items()
        if name not in kept_by_keras
        and not (is_keras(kind) and name.endswith(_NOT_COMPUTED))
        and (whole or is_function(value))
    }


@functools.cache
def _kept_by_keras(kind: Any) -> frozenset[str]:
    """Names of attributes in which Keras keeps what it notes about a layer of this class.

    A layer that is built on one of Keras's is told by the public ones of that too: a class of
    one's own may have no configuration.
    """
    import keras

    is_model = issubclass(kind, keras.Model)
    names = set(vars(keras.Model() if is_model else keras.Layer()))
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] in LIBRARIES:
            stored = {name for function in vars(base).values() for name in _stored(function)}
            names |= {name for name in stored if is_model or name.startswith("_")}
    return frozenset(names | _OF_TRAINING if is_model else names)


def _stored(function: Any) -> Iterator[str]:
    """Names of the attributes that a method sets."""
    function = getattr(function, "fset", None) or getattr(function, "__func__", function)
    code = getattr(inspect.unwrap(function), "__code__", None)
    for step in dis.get_instructions(code) if code is not None else ():
        if step.opname == "STORE_ATTR":
            yield step.argval


def is_function(value: Any) -> bool:
    """A function, or an object that can be called like one and is not of Keras or TensorFlow."""
    kind = type(getattr(value, "__self__", value))  # of a method: its object's
    return (
        callable(value)
        and not isinstance(value, type)
        and kind.__module__.partition(".")[0] not in LIBRARIES
    )


def _attribute(layer: Any, name: str, value: Any, tree_of: Tree) -> Any:
    try:
        return tree_of(value)
    except UserError as error:
        raise UserError(f"layer {layer.name}, attribute {name}: {error}") from error


def _untracked(value: Any) -> Any:
    """A value in which layers and variables are named by their kind alone, in lists too.

    They are read as layers and as weights.
    """
    import keras

    if isinstance(value, dict):
        return {name: _untracked(entry) for name, entry in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_untracked, value))
    if isinstance(value, list | tuple):
        return [_untracked(entry) for entry in value]
    if isinstance(value, set | frozenset):  # in an order that is the same in each process
        return sorted((_untracked(entry) for entry in value), key=repr)
    if isinstance(value, keras.Layer | keras.Variable | keras.KerasTensor):
        return type(value).__name__
    return value


def is_keras(kind: Any) -> bool:
    """Whether a class is Keras's own."""
    return (kind.__module__ or "").partition(".")[0] in KERAS


def _inner(layer: Any) -> list[Any]:
    return getattr(layer, "_layers", [])


def _weights(layer: Any) -> list[Any]:
    return layer.get_weights() if hasattr(layer, "get_weights") else []


def _config(layer: Any, tree_of: Tree) -> Any:
    """A layer's configuration but for its name; None where its class cannot tell it."""
    try:
        config = layer.get_config()
    except (NotImplementedError, TypeError):  # Keras's answers to values that it cannot write
        return None  # source and all attributes are in the digest instead
    return tree_of(_computed({name: entry for name, entry in config.items() if name != "name"}))


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
