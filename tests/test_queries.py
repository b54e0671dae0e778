"""The cosine basis, searches by scores, and the fast gradient sign."""

import numpy as np
import tensorflow as tf

from reproduce.methods.attacks import fgsm, simba
from reproduce.methods.attacks.minimal import linear


def test_cosine_basis_is_orthonormal():
    basis = np.stack([simba.cosine(k, 6, 6).ravel() for k in range(36)])
    np.testing.assert_allclose(basis @ basis.T, np.eye(36), atol=1e-12)


def test_search_by_scores_counts_and_stays_in_reach(rng):
    weights = rng.normal(size=(64, 3))

    def probabilities(x):
        e = np.exp(x.reshape(len(x), -1) @ weights)
        return e / e.sum(axis=1, keepdims=True)

    images = rng.uniform(0.4, 0.6, (5, 8, 8, 1)).astype(np.float32)
    labels = probabilities(images).argmax(axis=1)
    found = simba.by_scores(
        probabilities, images, labels, seed=0, step=0.2, queries=120, frequencies=8
    )
    answers = probabilities(found.images).argmax(axis=1)
    np.testing.assert_array_equal(answers != labels, ~found.failed)
    assert (found.evaluations <= 120).all()
    before = probabilities(images)[np.arange(5), labels]
    assert (probabilities(found.images)[np.arange(5), labels] <= before).all()
    moved = np.sqrt(((found.images - images) ** 2).sum(axis=(1, 2, 3)))
    assert (moved <= 0.2 * np.sqrt(found.evaluations) + 1e-5).all()  # orthogonal steps


def linear_network(weights):
    return lambda x: tf.reshape(x, (-1, len(weights))) @ tf.constant(weights)


def test_fast_gradient_sign_of_two_classes_is_the_weights_sign(rng):
    """Exact for logistic regression in the maximum norm (Goodfellow et al. 2015, section 5)."""
    weights = rng.normal(size=(16, 2)).astype(np.float32)
    images = rng.random((4, 4, 4, 1)).astype(np.float32)
    found = fgsm.fast(linear_network(weights), images, np.zeros(4, np.int64), epsilon=0.1)
    step = (0.1 * np.sign(weights[:, 1] - weights[:, 0])).reshape(4, 4, 1)
    np.testing.assert_allclose(found, images + step, atol=1e-6)


def test_smallest_epsilon_is_exact_for_two_linear_classes(rng):
    weights = rng.normal(size=(16, 2)).astype(np.float32)
    images = rng.uniform(0.2, 0.8, (6, 4, 4, 1)).astype(np.float32)
    labels = (images.reshape(6, -1) @ weights).argmax(axis=1)
    found = fgsm.smallest_epsilon(linear_network(weights), images, labels, halvings=12)
    exact = linear.boxed_chebyshev(weights, np.zeros(2), images)
    np.testing.assert_allclose(found, exact, atol=5e-3)


def test_euclidean_steps_go_straight_to_two_linear_classes(rng):
    """The best change of a given length lies along the difference of the weights."""
    weights = rng.normal(size=(16, 2)).astype(np.float32)
    images = rng.random((4, 4, 4, 1)).astype(np.float32)
    found = fgsm.iterated(
        linear_network(weights), images, np.zeros(4, np.int64), epsilon=0.1, steps=5,
        euclidean=True, clip=False,
    )  # fmt: skip
    direction = weights[:, 1] - weights[:, 0]
    step = 0.1 * np.sqrt(16) * direction / np.linalg.norm(direction)
    np.testing.assert_allclose(found, images + step.reshape(4, 4, 1), atol=1e-5)
    boxed = fgsm.iterated(
        linear_network(weights), images, np.zeros(4, np.int64), epsilon=0.1, steps=5, euclidean=True
    )
    assert boxed.min() >= 0
    assert boxed.max() <= 1
    assert (np.sqrt(((boxed - images) ** 2).mean(axis=(1, 2, 3))) <= 0.1 + 1e-6).all()
