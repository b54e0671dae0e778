"""Adversarial training with the fast gradient sign (Goodfellow et al. 2015, section 6).

    alpha J(x) + (1 - alpha) J(x + epsilon sign(grad_x J(x))),    alpha = 0.5, epsilon = 0.25

The examples follow the network while it learns: each batch's are made with its present weights.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reproduce.data import Examples
from reproduce.training.descent import descend
from reproduce.training.objective import Decay, Weights, cross_entropy, decays
from reproduce.training.schedules import Schedule

EDITION = 1


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
    momentum: float = 0.9,
    decay: Decay = 0.0,
    compiled: bool = True,
) -> None:
    """Trains all layers by descent on the mixed objective.

    Args:
        epsilon: largest change of a pixel; the examples are not clipped to [0, 1].
        alpha: weight of the clean examples.
        effort: a factor on the epochs.
        decay: lambda per layer, as in `objective`.
        compiled: by XLA.
    """
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)

    def clean(weights: Weights, others: Weights, x: Any, y: Any) -> tuple[Any, Weights]:
        logits, others = model.stateless_call(weights, others, x, training=True)
        return cross_entropy(y, logits), others

    def loss(weights: Weights, others: Weights, chosen: tf.Tensor, _: tf.Tensor) -> Any:
        x, y = tf.gather(images, chosen), tf.gather(labels, chosen)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value, others = clean(weights, others, x, y)
        sign = tf.stop_gradient(tf.sign(tape.gradient(value, x)))
        distorted, others = clean(weights, others, x + epsilon * sign, y)
        return alpha * value + (1 - alpha) * distorted, others

    weights, others = descend(
        loss,
        [tf.convert_to_tensor(variable) for variable in model.trainable_variables],
        [tf.convert_to_tensor(variable) for variable in model.non_trainable_variables],
        n=len(labels),
        rng=rng,
        epochs=max(1, round(effort * epochs)),
        batch=batch,
        rate=rate,
        momentum=momentum,
        lambdas=decays(model, decay),
        compiled=compiled,
    )
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    for variable, value in zip(variables, weights + others, strict=True):
        variable.assign(value)
