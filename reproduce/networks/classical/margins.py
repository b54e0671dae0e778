"""Support vector machines: one against the rest where linear, one against one where not."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.networks.classical import Model, differentiable


def linear_svm(examples: Examples, seed: int, *, cost: float = 0.02) -> Model:
    """Squared hinge loss, one against the rest.

    Args:
        cost: of the losses against half the squared weights, summed over examples.
    """
    from sklearn.svm import LinearSVC

    flat = examples.images.reshape(len(examples.labels), -1)
    learnt = LinearSVC(C=cost, dual=False, tol=1e-3, random_state=seed)
    learnt.fit(flat, examples.labels)
    return _linear(learnt)


def logistic_regression(examples: Examples, seed: int, *, cost: float = 1.0) -> Model:
    """Multinomial, with an L2 penalty; the seed is not used.

    Args:
        cost: of the losses against half the squared weights, summed over examples.
    """
    from sklearn.linear_model import LogisticRegression

    flat = examples.images.reshape(len(examples.labels), -1)
    return _linear(LogisticRegression(C=cost, max_iter=1000).fit(flat, examples.labels))


def _linear(learnt: Any) -> Model:
    """scikit-learn's linear classifier; of two classes it has one score, the second's."""
    weights, bias = (part.astype(np.float32) for part in (learnt.coef_.T, learnt.intercept_))
    if len(bias) == 1:
        weights, bias = (np.concatenate([-part, part], axis=-1) / 2 for part in (weights, bias))

    def classify(images: Any) -> Any:
        return tf.reshape(images, (-1, len(weights))) @ weights + bias

    return differentiable(classify, linear=(weights, bias))


def rbf_svm(examples: Examples, seed: int, *, cost: float = 10.0, gamma: float = 0.025) -> Model:
    """Gaussian kernel, one against one.

    Each class's score is the sum over its pairs of log sigmoid of the pair's decision value: as
    good as votes, and with a gradient.

    Args:
        gamma: the kernel is exp(-gamma |x - x'|^2), pixels in [0, 1].
    """
    from sklearn.svm import SVC

    flat = examples.images.reshape(len(examples.labels), -1)
    learnt = SVC(C=cost, gamma=gamma, cache_size=1000, decision_function_shape="ovo")
    learnt.fit(flat, examples.labels)
    vectors = tf.constant(learnt.support_vectors_, tf.float32)
    squares = tf.reduce_sum(vectors**2, 1)
    sign = -1 if len(learnt.classes_) == 2 else 1  # scikit-learn turns a single pair round
    coefficients = tf.constant(sign * _pairs(learnt), tf.float32)
    intercept = tf.constant(sign * learnt.intercept_, tf.float32)
    wins, loses = _sides(len(learnt.classes_))

    def classify(images: Any) -> Any:
        x = tf.reshape(images, (-1, vectors.shape[1]))
        apart = tf.reduce_sum(x**2, 1, keepdims=True) + squares - 2 * x @ tf.transpose(vectors)
        decisions = tf.exp(-gamma * apart) @ coefficients + intercept
        return tf.math.log_sigmoid(decisions) @ wins + tf.math.log_sigmoid(-decisions) @ loses

    return differentiable(classify)


def _pairs(learnt: Any) -> np.ndarray:
    """Dual coefficients laid out as (support vectors, pairs); LIBSVM keeps them by class."""
    ends = np.cumsum(learnt.n_support_)
    spans = [slice(end - n, end) for end, n in zip(ends, learnt.n_support_, strict=True)]
    classes = len(spans)
    columns = []
    for i in range(classes):
        for j in range(i + 1, classes):
            column = np.zeros(len(learnt.support_vectors_))
            column[spans[i]] = learnt.dual_coef_[j - 1, spans[i]]
            column[spans[j]] = learnt.dual_coef_[i, spans[j]]
            columns.append(column)
    return np.stack(columns, axis=1)


def _sides(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(pairs, classes): whose score a pair's decision raises where positive, where negative."""
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    first, second = np.array(pairs).T
    identity = np.eye(classes, dtype=np.float32)
    return identity[first], identity[second]
