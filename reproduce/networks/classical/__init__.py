"""Classifiers that are no networks, fitted by scikit-learn, with calibrated probabilities.

    margins       linear and RBF support vector machines
    prototypes    naive Bayes, nearest neighbours (with and without rejection), an RBF network
    trees         decision tree, random forest, gradient boosting

Each `fit` learns from nine tenths of the examples it is given; the last tenth calibrates: the
scores are divided by one temperature, the one under which the held-out labels are most likely
(Guo et al. 2017, "On calibration of modern neural networks"). No label changes by that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from reproduce.data.examples import Examples, read_only
from reproduce.networks.classical.nodes import Nodes
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import batch_size, batched, inference, logits

HELD_OUT = 0.1


class Model(NamedTuple):
    """A fitted classifier.

    logits: float32 (n, height, width, channels) -> float32 (n, classes), calibrated. A column
        more than there are classes is the answer "none of them".
    classify: the same as a function of tensors, where there is a gradient.
    linear: weights (features, classes) and bias, where it is linear.
    nodes: the tree, where it is one; points: the examples kept, where neighbours decide.
    fitted_on: number of examples; None where it is not known.
    """

    logits: Callable[[np.ndarray], np.ndarray]
    classify: Classifier | None = None
    linear: tuple[np.ndarray, np.ndarray] | None = None
    nodes: Nodes | None = None
    points: Examples | None = None
    fitted_on: int | None = None

    def labels(self, images: np.ndarray) -> np.ndarray:
        """int64 (n,)."""
        if not len(images):
            return np.zeros(0, np.int64)
        return self.logits(images).argmax(axis=1)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """float64 (n, classes)."""
        return softmax(self.logits(images).astype(np.float64), axis=1)


def fit(learn: partial[Any], examples: Examples, seed: int, limit: int | None = None) -> Model:
    """Learns, and calibrates on what was held out.

    Args:
        learn: one of the functions of `margins`, `prototypes` and `trees`.
        limit: examples at most; slow learners get a part.
    """
    learnt, kept_back = held_out(examples)
    if limit is not None and len(learnt.labels) > limit:
        learnt = Examples(learnt.images[:limit], learnt.labels[:limit])
    model: Model = learn(learnt, seed)
    return calibrated(model._replace(fitted_on=len(learnt.labels)), kept_back)


def held_out(examples: Examples) -> tuple[Examples, Examples]:
    """What is learnt from, and the last tenth."""
    cut = round(len(examples.labels) * (1 - HELD_OUT))
    learnt = read_only(examples.images[:cut], examples.labels[:cut])
    return learnt, read_only(examples.images[cut:], examples.labels[cut:])


def calibrated(model: Model, examples: Examples) -> Model:
    """The model with its scores divided by its temperature on the examples."""
    temperature = best_temperature(model.logits(examples.images), examples.labels)
    raw, differentiable, linear = model.logits, model.classify, model.linear
    return model._replace(
        logits=lambda images: raw(images) / np.float32(temperature),
        classify=differentiable
        and (lambda images: differentiable(images) / np.float32(temperature)),
        linear=linear and (linear[0] / temperature, linear[1] / temperature),
    )


def best_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The temperature under which the labels are most likely."""
    scores = scores.astype(np.float64)
    rows = np.arange(len(labels))

    def cross_entropy(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels].mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-7, 7), method="bounded").x))


def of_network(
    network: Any,
    calibration: Examples,
    fitted_on: int | None,
    linear: tuple[np.ndarray, np.ndarray] | None = None,
) -> Model:
    """A Keras model, calibrated on examples that it has not seen.

    Args:
        linear: its weights and bias, where all of it is linear.
    """
    model = Model(
        logits=lambda images: logits(network, images),
        classify=inference(network),
        linear=linear,
        fitted_on=fitted_on,
    )
    return calibrated(model, calibration)


def differentiable(classify: Classifier, **parts: Any) -> Model:
    """A model from a function of tensors; images go through it in batches of few shapes."""
    graph = tf.function(inference(classify), reduce_retracing=True)

    def logits(images: np.ndarray, batch: int = 500) -> np.ndarray:
        images = np.asarray(images, np.float32)
        return batched(graph, images, batch_size(len(images), batch))

    return Model(logits=logits, classify=classify, **parts)
