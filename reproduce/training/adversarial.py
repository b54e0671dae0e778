"""Adversarial training with one step of the gradient (Goodfellow et al. 2015, section 6).

    alpha J(x) + (1 - alpha) J(x + epsilon sign(grad_x J(x))),    alpha = 0.5, epsilon = 0.25

With norm="euclidean" the step is epsilon grad_x J(x) / ||grad_x J(x)||. The examples follow the
network while it learns: each batch's are made with its present weights.
"""

from __future__ import annotations

from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.training.descent import train_all
from reproduce.training.objective import Decay, Weights, cross_entropy
from reproduce.training.schedules import Schedule


def adversarial(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    epochs: int,
    batch: int,
    rate: Schedule,
    epsilon: float = 0.25,
    alpha: float = 0.5,
    norm: Literal["sign", "euclidean"] = "sign",
    momentum: float = 0.9,
    decay: Decay = 0.0,
    decay_factor: Schedule | None = None,
    least_steps: int = 0,
    compiled: bool = True,
) -> None:
    """Trains all layers by descent on the mixed objective.

    Args:
        epsilon: change of each pixel, or Euclidean length of an image's; nothing is clipped.
        alpha: weight of the clean examples.
        norm: which of the two.
        effort: a factor on the epochs.
        decay: lambda per layer, as in `objective`.
        decay_factor, least_steps: as in `descent.sgd`.
        compiled: by XLA.
    """
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)
    directions = {"sign": tf.sign, "euclidean": _unit}

    def clean(weights: Weights, others: Weights, x: Any, y: Any) -> tuple[Any, Weights]:
        logits, others = model.stateless_call(weights, others, x, training=True)
        return cross_entropy(y, logits), others

    def loss(weights: Weights, others: Weights, chosen: tf.Tensor, _: tf.Tensor) -> Any:
        x, y = tf.gather(images, chosen), tf.gather(labels, chosen)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value, others = clean(weights, others, x, y)
        step = epsilon * tf.stop_gradient(directions[norm](tape.gradient(value, x)))
        distorted, others = clean(weights, others, x + step, y)
        return alpha * value + (1 - alpha) * distorted, others

    train_all(
        model, loss, len(labels), rng, effort, epochs=epochs, batch=batch, rate=rate,
        momentum=momentum, decay=decay, decay_factor=decay_factor, least_steps=least_steps,
        compiled=compiled,
    )  # fmt: skip


def _unit(gradient: tf.Tensor) -> tf.Tensor:
    """Each image's gradient at length 1."""
    squares = tf.reduce_sum(gradient**2, axis=range(1, len(gradient.shape)), keepdims=True)
    return gradient / tf.sqrt(tf.maximum(squares, 1e-30))
