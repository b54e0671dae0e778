"""Models that compare an image with stored ones: naive Bayes, nearest neighbours, RBF units."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples, read_only
from reproduce.networks.classical import Model, differentiable, held_out
from reproduce.runtime.errors import UserError

TOGETHER = 5000  # training images whose activations are computed at a time
ACCEPTED = 0.99  # of held-out images lie nearer than the distance of rejection


def naive_bayes(examples: Examples, seed: int, *, smoothing: float = 0.1) -> Model:
    """Independent Gaussian pixels in each class; the seed is not used.

    Args:
        smoothing: added to each variance, as a share of the largest.
    """
    from sklearn.naive_bayes import GaussianNB

    flat = examples.images.reshape(len(examples.labels), -1)
    learnt = GaussianNB(var_smoothing=smoothing).fit(flat, examples.labels)
    inverse = 1 / learnt.var_
    square = tf.constant(-0.5 * inverse.T, tf.float32)
    slope = tf.constant((learnt.theta_ * inverse).T, tf.float32)
    constant = tf.constant(
        np.log(learnt.class_prior_)
        - 0.5 * (learnt.theta_**2 * inverse + np.log(learnt.var_)).sum(axis=1),
        tf.float32,
    )

    def classify(images: Any) -> Any:
        x = tf.reshape(images, (-1, square.shape[0]))
        return x**2 @ square + x @ slope + constant

    return differentiable(classify)


def nearest_neighbour(examples: Examples, seed: int, *, rejects: bool = False) -> Model:
    """The label of the nearest training image; a class's score is -distance^2. No seed is used.

    Args:
        rejects: whether "none of them" is an answer: it scores as a class at the distance within
            which ACCEPTED of held-out images have their neighbour.
    """
    points = read_only(examples.images, examples.labels)
    classes = int(points.labels.max()) + 1
    by_class = [
        tf.constant(points.images[points.labels == c].reshape(-1, points.images[0].size))
        for c in range(classes)
    ]
    squares = [tf.reduce_sum(own**2, 1) for own in by_class]

    def distances(images: Any) -> Any:
        x = tf.reshape(images, (-1, by_class[0].shape[1]))
        length = tf.reduce_sum(x**2, 1)
        nearest = [
            length + tf.reduce_min(square - 2 * x @ tf.transpose(own), 1)
            for own, square in zip(by_class, squares, strict=True)
        ]
        return tf.stack(nearest, 1)

    if not rejects:
        return differentiable(lambda images: -distances(images), points=points)
    limit = _rejection(points)

    def classify(images: Any) -> Any:
        scores = -distances(images)
        return tf.concat([scores, tf.fill(tf.shape(scores[:, :1]), -limit)], 1)

    return differentiable(classify, points=points)


def _rejection(points: Examples) -> float:
    """The squared distance within which ACCEPTED of images not among the others find one."""
    kept, new = held_out(points)
    flat, fresh = (part.images.reshape(len(part.labels), -1) for part in (kept, new))
    nearest = []
    for start in range(0, min(len(fresh), 2000), 500):
        some = fresh[start : start + 500]
        apart = (flat**2).sum(axis=1) - 2 * some @ flat.T
        nearest.append(apart.min(axis=1) + (some**2).sum(axis=1))
    return float(np.quantile(np.concatenate(nearest), ACCEPTED))


def rbf_network(
    examples: Examples, seed: int, *, units: int = 80, width: float = 1.0, decay: float = 1e-6
) -> Model:
    """Gaussian units at cluster centres of each class, and least squares without bias.

    Far from all centres every unit is silent, and all classes are equally likely.

    Args:
        units: centres for each class.
        width: standard deviation, in units of the mean distance of a centre from the nearest one
            of another class.
        decay: lambda * sum(w^2) beside the mean squared error.

    Raises:
        UserError: where a class below the largest has no example.
    """
    from scipy.cluster.vq import kmeans2

    flat = examples.images.reshape(len(examples.labels), -1)
    centres, owners = [], []
    for c in range(int(examples.labels.max()) + 1):
        own = flat[examples.labels == c]
        if not len(own):
            raise UserError(
                f"an RBF network has centres in every class: of {len(flat)} training images none "
                f"is of class {c}. More images are needed."
            )
        clusters, _ = kmeans2(own, min(units, len(own)), minit="points", rng=seed)
        centres.append(clusters)
        owners.append(np.full(len(clusters), c))
    points = np.concatenate(centres).astype(np.float32)
    owner = np.concatenate(owners)
    apart = np.stack([((point - points) ** 2).sum(axis=1) for point in points])
    apart[owner[:, None] == owner[None]] = np.inf
    spread = width * np.sqrt(apart.min(axis=1)).mean()
    rate = np.float32(0.5 / spread**2)
    squares = (points**2).sum(axis=1)

    def activations(x: Any) -> Any:
        square = tf.reduce_sum(x**2, 1, keepdims=True)
        return tf.exp(-rate * (square + squares - 2 * x @ points.T))

    hidden = np.empty((len(flat), len(points)))
    for first in range(0, len(flat), TOGETHER):  # all at once they take 1 GB on the way
        some = slice(first, first + TOGETHER)
        hidden[some] = activations(tf.constant(flat[some]))
    wanted = np.eye(int(owner.max()) + 1)[examples.labels]
    penalty = decay * len(flat) * np.eye(len(points))
    learnt = np.linalg.solve(hidden.T @ hidden + penalty, hidden.T @ wanted)
    weights = tf.constant(learnt, tf.float32)
    return differentiable(
        lambda images: activations(tf.reshape(images, (-1, points.shape[1]))) @ weights
    )
