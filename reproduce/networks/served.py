"""What methods ask of a network of others, beside labels and logits.

Each image's answer is its own, the same each time; there is a gradient; no operation leaves
TensorFlow, so that attacks can be compiled.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reproduce.networks.forward import Forward, inference
from reproduce.networks.opening import called, first_words
from reproduce.networks.rewiring import agree
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say

PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}  # tf.numpy_function, tf.py_function


def served(path: str, network: keras.Model) -> keras.Model:
    """The network, with a gradient of zero where it has none.

    What is answered differently each time, or without a gradient, is told in a line.

    Raises:
        UserError: an answer depends on the other images of a batch, or Python is called.
    """
    forward = inference(network)
    if not agree(forward, forward, network):
        say(f"{called(path)} answers the same images differently each time: no number is exact.")
    else:
        _expect_alone(path, forward, network)
    shape = (1, *network.input_shape[1:])
    traced = tf.function(forward).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    if PYTHON & _operations(traced):
        raise UserError(
            f"{path} calls Python on its way (tf.numpy_function, tf.py_function), which attacks "
            "cannot compile: operations of TensorFlow or Keras are expected."
        )
    if _has_gradient(path, forward, shape):
        return network
    say(
        f"{called(path)} has no gradient: attacks and gradient ascent by it find nothing. "
        "Evolution does without."
    )
    images, scores = network.inputs[0], network.outputs[0]
    return keras.Model(images, scores + 0 * keras.ops.mean(images), name=network.name)


def _expect_alone(path: str, forward: Forward, network: keras.Model) -> None:
    def in_company(images: Any) -> Any:
        return forward(tf.concat([images, 1 - images], axis=0))[: len(images)]

    if not agree(forward, in_company, network):
        raise UserError(
            f"{path} answers an image by those beside it in the batch, as batch statistics or a "
            "softmax over axis 0 do: an answer of its own for each image is expected."
        )


def _operations(traced: Any) -> set[str]:
    """The kinds of operations in a graph and in the functions it calls."""
    graph = traced.graph.as_graph_def()
    inside = [node for function in graph.library.function for node in function.node_def]
    return {node.op for node in [*graph.node, *inside]}


def _has_gradient(path: str, forward: Forward, shape: tuple[int, ...]) -> bool:
    images = tf.constant(np.random.default_rng(0).random(shape, np.float32))
    try:
        with tf.GradientTape() as tape:
            tape.watch(images)
            score = tf.reduce_sum(forward(images)[:, 0])
        return tape.gradient(score, images) is not None
    except Exception as error:  # of whatever kind a foreign model raises
        raise UserError(f"the gradient of {path} fails: {first_words(error)}") from error
