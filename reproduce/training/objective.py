"""What is minimised: mean cross-entropy, and lambda / 2 times the squares of each layer's weights.

Szegedy et al. 2014, section 4.1, print the penalty as lambda * sum(w^2) / k. Read with the mean
cross-entropy and k = 2, it gives the linear networks' errors of Table 1; read with k = the number
of units, 10, it does not (FC10(1) would have 14.6 % test error, and not 20 %). For the softmax on
the autoencoder's code it is k = 10 that fits. Biases are free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

Weights = list[tf.Tensor]
Decay = float | Sequence[float]


def decays(model: keras.Model, decay: Decay) -> list[float]:
    """lambda for each trainable variable of a model, zero for biases.

    Args:
        decay: one lambda for all layers, or one for each layer with weights, input side first.
    """
    is_kernel = [variable.name == "kernel" for variable in model.trainable_variables]
    if isinstance(decay, int | float):
        return [float(decay) * kernel for kernel in is_kernel]
    if len(decay) != sum(is_kernel):
        raise ValueError(f"decay names {len(decay)} layers, and the network has {sum(is_kernel)}")
    each = iter(decay)
    return [float(next(each)) if kernel else 0.0 for kernel in is_kernel]


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The mean over the examples."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def penalty(weights: Weights, lambdas: Sequence[float]) -> tf.Tensor:
    """Sum over the layers of lambda / 2 * sum(w^2)."""
    return tf.add_n([weight * tf.nn.l2_loss(w) for w, weight in zip(weights, lambdas, strict=True)])


def value_and_gradient(
    loss: Callable[[Weights], tf.Tensor], weights: Weights
) -> tuple[tf.Tensor, Weights]:
    """A scalar of the weights and its gradient."""
    with tf.GradientTape() as tape:
        tape.watch(weights)
        value = loss(weights)
    return value, tape.gradient(value, weights)


def traced(function: Callable[..., Any], *arguments: Any, compiled: bool) -> Callable[..., Any]:
    """The graph of a function for arguments of these shapes, and no others."""
    return tf.function(function, jit_compile=compiled).get_concrete_function(*arguments)
