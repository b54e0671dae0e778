"""The fast gradient sign method (Goodfellow et al. 2015, section 4).

    x + epsilon * sign(grad_x J(x, y)),   J the cross-entropy of the true label

One step, no target. The paper does not say whether the result is clipped to [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from reproduce.methods.attacks.attack import Adversarial, Attack, proposed
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import inference


@dataclass(frozen=True)
class FastGradientSign(Attack):
    """One step along the gradient's sign; where it does not alter the label it has failed.

    `fast` gives the changed images whether they did or not.

    epsilon, clip: see `fast`.
    """

    epsilon: float = 0.25
    clip: bool = True

    name: ClassVar[str] = "fast gradient sign"
    objective: ClassVar[str] = "minus the loss, the largest change being epsilon"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        changed = fast(classify, images, wanted, epsilon=self.epsilon, clip=self.clip)
        return proposed(images, changed)


@dataclass(frozen=True)
class GradientSteps(Attack):
    """Several smaller steps. epsilon, steps, stride, euclidean: see `iterated`."""

    epsilon: float = 0.25
    steps: int = 10
    stride: float | None = None
    euclidean: bool = False

    name: ClassVar[str] = "gradient steps"
    objective: ClassVar[str] = "minus the loss, no change above epsilon"
    wants: ClassVar[str] = "labels"

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        return proposed(images, iterated(classify, images, wanted, **self.parameters))


def fast(
    classify: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilon: float = 0.25,
    clip: bool = False,
    batch: int = 500,
) -> np.ndarray:
    """The images one step of the gradient's sign away, float32 like the images."""
    return iterated(
        classify, images, labels, epsilon=epsilon, steps=1, stride=epsilon, clip=clip, batch=batch
    )


def iterated(
    classify: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epsilon: float,
    steps: int,
    stride: float | None = None,
    euclidean: bool = False,
    clip: bool = True,
    batch: int = 500,
) -> np.ndarray:
    """Several smaller steps that stay within epsilon of the image.

    Args:
        epsilon: of every pixel, or, where euclidean, the root mean square over pixels; a step
            then goes along the gradient itself.
        stride: of one step; 2.5 epsilon / steps by default (Madry et al. 2018).
        clip: whether pixels stay in [0, 1].
    """
    stride = 2.5 * epsilon / steps if stride is None else stride
    forward = inference(classify)

    def size(change: Any) -> Any:
        return tf.sqrt(tf.reduce_mean(change**2, axis=(1, 2, 3), keepdims=True)) + 1e-12

    def step(gradient: Any) -> Any:
        return gradient / size(gradient) if euclidean else tf.sign(gradient)

    def within(change: Any) -> Any:
        if euclidean:
            return change * tf.minimum(1.0, epsilon / size(change))
        return tf.clip_by_value(change, -epsilon, epsilon)

    @tf.function(reduce_retracing=True)
    def ascend(x: Any, y: Any) -> Any:
        changed = x
        for _ in range(steps):
            with tf.GradientTape() as tape:
                tape.watch(changed)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, forward(changed))
            changed += stride * step(tape.gradient(loss, changed))
            changed = x + within(changed - x)
            changed = tf.clip_by_value(changed, 0.0, 1.0) if clip else changed
        return changed

    parts = [
        ascend(tf.constant(images[i : i + batch]), tf.constant(labels[i : i + batch])).numpy()
        for i in range(0, len(images), batch)
    ]
    return np.concatenate(parts)


def smallest_epsilon(
    classify: Classifier,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    steps: int = 10,
    halvings: int = 8,
) -> np.ndarray:
    """The smallest maximum change that `iterated` needs to alter each label; infinite if above 1.

    An upper bound of the smallest there is. Bisection image by image, all in one batch: epsilon
    stands in the graph as a tensor.
    """
    forward = inference(classify)

    @tf.function(reduce_retracing=True)
    def fooled(x: Any, y: Any, epsilon: Any) -> Any:
        e = epsilon[:, None, None, None]
        changed, ever = x, tf.argmax(forward(x), 1) != y
        for _ in range(steps):
            with tf.GradientTape() as tape:
                tape.watch(changed)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, forward(changed))
            changed += 2.5 * e / steps * tf.sign(tape.gradient(loss, changed))
            changed = tf.clip_by_value(tf.clip_by_value(changed, x - e, x + e), 0.0, 1.0)
            ever |= tf.argmax(forward(changed), 1) != y
        return ever

    x, y = tf.constant(images), tf.constant(labels)
    low, high = np.zeros(len(images), np.float32), np.ones(len(images), np.float32)
    possible = fooled(x, y, tf.constant(high)).numpy()
    for _ in range(halvings):
        middle = (low + high) / 2
        reaches = fooled(x, y, tf.constant(middle)).numpy()
        high, low = np.where(reaches, middle, high), np.where(reaches, low, middle)
    return np.where(possible, high, np.inf).astype(np.float64)
