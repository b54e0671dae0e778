"""A Keras network as a JAX function, made from arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from reproduce.networks.forward import slot_logits

AGREEMENT = 1e-5  # largest difference of logits, relative to the largest logit

Logits = Callable[[jax.Array], jax.Array]
_ACTIVATIONS: dict[str, Logits] = {"linear": lambda x: x, "relu": jax.nn.relu}


def in_jax(network: keras.Model) -> Logits:
    """Images, float32 (n, height, width, channels) in [0, 1] -> logits float32 (n, classes).

    Raises:
        ValueError: a layer is of a kind that LeNet has not.
    """
    layers = [_layer(layer) for layer in network.layers if not _is_input(layer)]

    def logits(images: jax.Array) -> jax.Array:
        x = images
        for layer in layers:
            x = layer(x)
        return x

    return logits


def disagreement(network: keras.Model, images: np.ndarray) -> float:
    """The largest difference between the logits of both, relative to the largest logit.

    Raises:
        ValueError: it is above AGREEMENT.
    """
    theirs = np.asarray(jax.jit(in_jax(network))(jnp.asarray(images)))
    ours = slot_logits(network, images)
    difference = float(np.abs(theirs - ours).max() / np.abs(ours).max())
    if difference > AGREEMENT:
        raise ValueError(f"logits in JAX differ from Keras's by {difference:.1e} of the largest")
    return difference


def log_odds(logits: jax.Array) -> jax.Array:
    """log p / (1 - p) of the softmax, float32 (n, classes).

    As `reproduce.methods.evolution.archive` has it, in the precision that JAX computes in.
    """
    classes = logits.shape[1]
    others = jnp.where(jnp.eye(classes, dtype=bool), -jnp.inf, logits[:, None, :])
    return logits - jax.nn.logsumexp(others, axis=-1)


def _is_input(layer: Any) -> bool:
    return isinstance(layer, keras.layers.InputLayer)


def _layer(layer: Any) -> Logits:
    config = layer.get_config()
    weights = [jnp.asarray(np.asarray(array)) for array in layer.get_weights()]
    match type(layer).__name__:
        case "Rescaling":
            return lambda x: x * config["scale"] + config["offset"]
        case "Flatten":
            return lambda x: x.reshape(len(x), -1)
        case "Dense":
            activate = _ACTIVATIONS[config["activation"]]
            return lambda x: activate(x @ weights[0] + weights[1])
        case "Conv2D" if config["padding"] == "valid":
            activate = _ACTIVATIONS[config["activation"]]
            return lambda x: activate(_convolution(x, weights[0], config["strides"]) + weights[1])
        case "MaxPooling2D" if config["pool_size"] == config["strides"]:
            return lambda x: _pooled(x, config["pool_size"])
    raise ValueError(f"{layer.name} is a {type(layer).__name__}, unknown to the benchmark")


def _convolution(x: jax.Array, kernel: jax.Array, strides: tuple[int, int]) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x, kernel, strides, "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _pooled(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """The largest of each tile."""
    tile = (1, *size, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, tile, tile, "VALID")
