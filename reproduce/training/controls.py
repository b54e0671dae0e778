"""Descent with another loss, the controls of Goodfellow et al. 2015.

noisy      section 6: the images with random changes as large as the adversarial ones
sigmoids   appendix A: each class has a sigmoid of its own, no softmax
"""

from __future__ import annotations

import math
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.training.descent import train_all
from reproduce.training.objective import Decay, Weights, cross_entropy
from reproduce.training.schedules import Schedule


def noisy(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    epochs: int,
    batch: int,
    rate: Schedule,
    kind: Literal["signs", "uniform"],
    epsilon: float = 0.25,
    momentum: float = 0.9,
    decay: Decay = 0.0,
) -> None:
    """Trains all layers on images with noise, drawn anew in every epoch. Nothing is clipped.

    Args:
        kind: "signs" adds epsilon or -epsilon to each pixel, "uniform" a number in between.
        epochs, batch, rate, momentum, decay: as in `descent.sgd`.
    """
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)

    def loss(weights: Weights, others: Weights, chosen: tf.Tensor, normal: tf.Tensor) -> Any:
        x, y = tf.gather(images, chosen), tf.gather(labels, chosen)
        # A normal number's sign is fair, and its distribution function is uniform in [0, 1].
        change = tf.sign(normal) if kind == "signs" else tf.math.erf(normal / math.sqrt(2))
        logits, others = model.stateless_call(weights, others, x + epsilon * change, training=True)
        return cross_entropy(y, logits), others

    train_all(
        model, loss, len(labels), rng, effort, epochs=epochs, batch=batch, rate=rate,
        momentum=momentum, decay=decay, noise=examples.images.shape[1:],
        compiled=False,  # dropout loses by it
    )  # fmt: skip


def sigmoids(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    epochs: int,
    batch: int,
    rate: Schedule,
    momentum: float = 0.9,
    decay: Decay = 0.0,
) -> None:
    """Trains all layers to say yes or no for each class alone: the logits are of sigmoids.

    Args:
        epochs, batch, rate, momentum, decay: as in `descent.sgd`.
    """
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)

    def loss(weights: Weights, others: Weights, chosen: tf.Tensor, _: tf.Tensor) -> Any:
        x, y = tf.gather(images, chosen), tf.gather(labels, chosen)
        logits, others = model.stateless_call(weights, others, x, training=True)
        wanted = tf.one_hot(y, logits.shape[1])
        each = tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
        return tf.reduce_mean(tf.reduce_sum(each, axis=1)), others

    train_all(
        model, loss, len(labels), rng, effort, epochs=epochs, batch=batch, rate=rate,
        momentum=momentum, decay=decay, compiled=False,
    )  # fmt: skip
