"""A foreign Keras model as one of ours: images in [0, 1] in, logits out, float32.

Its layers are copied into one flat graph, so that a method finds them. A copy is not always the
model: a layer's configuration may leave something out, or its weights not hold all it learnt. So
the copy is compared with the model, and where they differ the model itself is used, as one layer.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import keras
import numpy as np

from reproduce.networks.forward import Forward, batched, inference
from reproduce.runtime.errors import UserError

PROBES = 8  # images that a copy is compared on,
PROBE_PIXELS = 500_000  # and fewer where they are large,
BATCH_PIXELS = 150_000  # one at a time: eagerly, all maps of a batch are held at once
# Largest difference between copy and model, as a fraction of the largest answer.
TOLERANCE = {"float16": 5e-3, "bfloat16": 5e-2}
TOLERANCE_ELSE = 1e-5
KINDS = ("softmax", "sigmoid")
FLAT = "flat_answers"
# Whose activation is applied at their end, and nowhere else.
ACTIVATED = (
    keras.layers.Dense, keras.layers.EinsumDense, keras.layers.Conv1D, keras.layers.Conv2D,
    keras.layers.SeparableConv2D, keras.layers.Conv2DTranspose, keras.layers.DepthwiseConv2D,
)  # fmt: skip


def as_answered(model: Any, images: Any, prepared: Any) -> keras.Model:
    """The model itself behind what makes its input of images.

    Args:
        images, prepared: symbolic; what the model takes is made of images.
    """
    given = prepared
    if getattr(model, "inputs", None):
        if takes_integers(model):
            given = keras.ops.cast(keras.ops.round(given), model.inputs[0].dtype)
        given = keras.tree.pack_sequence_as(_graph(model)._inputs_struct, [given])
    answers = keras.tree.flatten(model(given, training=False))
    if len(answers) != 1:
        raise UserError(
            f"{model.name} gives {len(answers)} outputs, and one is expected: a function "
            "(networks.path=module:function) can return keras.Model(model.inputs, the one output)."
        )
    return keras.Model(images, _flat(answers[0]), name="loaded")


def rewired(whole: keras.Model, model: Any, images: Any, prepared: Any) -> keras.Model:
    """A flat graph of copies of the model's layers where it answers alike, else `whole`.

    Args:
        whole: the model behind its preprocessing, from `as_answered`.
    """
    if not is_graph(model):
        return whole
    try:
        names: set[str] = {images.name}
        copy = keras.Model(images, _flat(_unrolled(model, prepared, names)), name="loaded")
    except Exception:  # a layer of one's own that cannot be made from its configuration
        return whole
    return copy if agree(inference(copy), inference(whole), whole) else whole


def agree(first: Forward, second: Forward, model: keras.Model) -> bool:
    """Whether two functions of images answer random ones alike."""
    one, other = (probed(function, model) for function in (first, second))
    limit = max(TOLERANCE.get(each.compute_dtype, 0) for each in model._flatten_layers())
    size = np.abs(other[np.isfinite(other)]).max(initial=0)
    return np.allclose(one, other, rtol=0, atol=max(limit, TOLERANCE_ELSE) * max(size, 1e-3),
                       equal_nan=True)  # fmt: skip


def probed(forward: Forward, model: keras.Model) -> np.ndarray:
    """What a function answers to a few random images of a model's size."""
    pixels = math.prod(model.input_shape[1:])
    count = max(1, min(PROBES, PROBE_PIXELS // pixels))
    bytes_ = np.random.default_rng(0).integers(0, 256, (count, *model.input_shape[1:]))
    batch = max(1, min(1 + count // 2, BATCH_PIXELS // pixels))
    return batched(forward, (bytes_ / 255).astype(np.float32), batch)


def without_end(network: keras.Model, outputs: str | None) -> tuple[keras.Model, list[str]]:
    """The network up to its last softmaxes or sigmoids, before they are rounded away.

    Args:
        network: a copy; its last layer may be changed.
        outputs: "logits" leaves the end as it is, "probabilities" takes one softmax off,
            "sigmoids" one sigmoid, None all softmaxes, or a sigmoid.

    Returns:
        the network, and what was taken off, the last one first.

    Raises:
        UserError: a softmax over a single number.
    """
    wanted = {"logits": (), "probabilities": ("softmax",), "sigmoids": ("sigmoid",)}
    taken: list[str] = []
    end = network.outputs[0]
    if end._keras_history.operation.name == FLAT:
        end = _before(end)
    while True:
        layer = end._keras_history.operation
        kind, alone = _end(layer)
        if kind not in wanted.get(outputs or "", KINDS) or (taken and outputs):
            break
        if taken and kind == "sigmoid":  # under a softmax it is a score like another
            break
        if kind == "softmax" and end.shape[-1] == 1:
            raise UserError("its softmax is over a single number, which is 1 for every image.")
        taken.append(kind)
        if not alone:
            layer.activation = keras.activations.linear
            break
        end = _before(end)
    return (keras.Model(network.inputs[0], _flat(end), name="loaded") if taken else network), taken


def to_logits(network: keras.Model, outputs: str) -> keras.Model:
    """Logits of answers that are "probabilities" or "sigmoids", by their logarithms; two of one.

    A single score z becomes (0, z): positive means the second class.
    """
    scores = network.outputs[0]
    if scores.dtype != "float32":
        scores = keras.ops.cast(scores, "float32")
    if outputs != "logits":
        least = float(np.finfo(np.float32).tiny)
        logs = keras.ops.log(keras.ops.maximum(scores, least))
        if outputs == "sigmoids":
            logs = logs - keras.ops.log(keras.ops.maximum(1 - scores, least))
        scores = logs
    if scores.shape[-1] == 1:
        scores = keras.ops.concatenate([keras.ops.zeros_like(scores), scores], axis=-1)
    if scores is network.outputs[0]:
        return network
    return keras.Model(network.inputs[0], scores, name="loaded")


def takes_integers(model: Any) -> bool:
    """Whether a model rounds its pixels down, so that they have to be whole bytes."""
    inputs = getattr(model, "inputs", None) or []
    return any("int" in each.dtype for each in inputs)


def is_graph(model: Any) -> bool:
    """Whether a model is what its layers' wiring says, and not a `call` of its own."""
    kinds = (keras.Sequential, keras.src.models.functional.Functional)
    return (
        isinstance(model, kinds)
        and any(type(model).call is kind.call for kind in kinds)
        and bool(getattr(model, "inputs", None))
    )


def _unrolled(model: Any, prepared: Any, names: set[str]) -> Any:
    """What copies of the model's layers make of its input; models inside it are unrolled too."""
    copies: dict[int, Any] = {}

    def copied(layer: Any) -> Any:
        if is_graph(layer) or not isinstance(layer, keras.layers.Layer):
            return layer
        if isinstance(layer, keras.layers.Lambda):  # its function cannot be copied
            return layer
        if id(layer) not in copies:
            config = layer.get_config()
            config["name"] = _free(config["name"], names)
            copies[id(layer)] = type(layer).from_config(config)
        return copies[id(layer)]

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if is_graph(layer) and len(keras.tree.flatten(args)) == 1:
            return _unrolled(layer, keras.tree.flatten(args)[0], names)
        takes_flag = isinstance(layer, keras.layers.Layer) and (
            "training" in inspect.signature(layer.call).parameters
        )
        if takes_flag:  # a layer of augmentation trains where nothing is said
            kwargs["training"] = False
        return layer(*args, **kwargs)

    graph = _graph(model)
    given = keras.tree.pack_sequence_as(graph._inputs_struct, [prepared])
    answers = graph._run_through_graph(given, operation_fn=copied, call_fn=call)
    for layer in graph.layers:
        if id(layer) in copies:
            copy = copies[id(layer)]
            copy.set_weights(layer.get_weights())
            if hasattr(copy, "finalize_state"):  # Normalization computes with constants
                copy.finalize_state()
    (answer,) = keras.tree.flatten(answers)
    return answer


def _graph(model: Any) -> Any:
    """The functional model that a Sequential keeps inside."""
    return getattr(model, "_functional", None) or model


def _free(name: str, names: set[str]) -> str:
    """A name that no other layer has."""
    candidates = (name, *(f"{name}_{number}" for number in range(1, 10_000)))
    free = next(each for each in candidates if each not in names)
    names.add(free)
    return free


def _before(tensor: Any) -> Any:
    """What the layer that gives a tensor was given; its own `input` is that of its first call."""
    layer, node, _ = tensor._keras_history
    return layer._inbound_nodes[node].input_tensors[0]


def _flat(answers: Any) -> Any:
    """(n, 1, 1, classes), as of a network that ends in a convolution, as (n, classes)."""
    shape = answers.shape[1:]
    if len(shape) > 1 and math.prod(shape) == shape[-1]:
        return keras.layers.Flatten(name=FLAT)(answers)
    return answers


def _end(layer: Any) -> tuple[str | None, bool]:
    """Whether a layer ends in a softmax over classes or a sigmoid, and is nothing else."""
    activation = getattr(layer, "activation", None)
    last = (-1, len(layer.output.shape) - 1)
    for kind in KINDS:
        name = kind.capitalize()
        alone = (getattr(keras.src.ops.nn, name), getattr(keras.layers, name, None))
        if type(layer) in alone and getattr(layer, "axis", -1) in last:
            return kind, True
        if activation is getattr(keras.activations, kind):
            if type(layer) is keras.layers.Activation:
                return kind, True
            if type(layer) in ACTIVATED:
                return kind, False
    return None, False
