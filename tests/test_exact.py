"""The exact optimum of linear networks: optimality conditions, and the attack against it."""

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from reproduce.methods.attacks import adversarial, exact
from reproduce.runtime.errors import UserError


def by_slsqp(weights: np.ndarray, bias: np.ndarray, image: np.ndarray, target: int) -> float:
    """The same program by SciPy's general solver: the smallest |r|^2."""
    lead = (weights - weights[:, [target]]).astype(np.float64)
    reaches = {
        "type": "ineq",
        "fun": lambda x: -(x @ lead + bias - bias[target]),
        "jac": lambda x: -lead.T,
    }
    return scipy.optimize.minimize(
        lambda x: ((x - image) ** 2).sum(),
        image,
        jac=lambda x: 2 * (x - image),
        method="SLSQP",
        bounds=[(0, 1)] * len(image),
        constraints=reaches,
        options={"ftol": 1e-13, "maxiter": 500},
    ).fun


@pytest.fixture(scope="module")
def softmax():
    """A linear network on sparse images, so that the box binds on most of them."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (60, 5)).astype(np.float32)
    bias = rng.normal(0, 0.1, 5).astype(np.float32)
    images = rng.random((40, 60)) * (rng.random((40, 60)) < 0.3)
    images = images.astype(np.float32)
    targets = ((images @ weights + bias).argmax(1) + rng.integers(1, 5, 40)) % 5
    return weights, bias, images, targets


def test_agrees_with_a_general_solver(softmax):
    weights, bias, images, targets = softmax
    found = exact.nearest(weights, bias, images[:4], targets[:4])
    best = [by_slsqp(weights, bias, images[i], targets[i]) for i in range(4)]
    np.testing.assert_allclose(found.distortion, np.sqrt(np.array(best) / 60), rtol=1e-5)


def test_white_is_the_end_of_the_box(softmax):
    weights, bias, _, _ = softmax
    rng = np.random.default_rng(2)
    images = rng.uniform(0.85, 1, (6, 60)).astype(np.float32)
    targets = (images @ weights + bias).argsort(axis=1)[:, 0]  # the farthest label
    found = exact.nearest(weights, bias, images, targets)
    best = [
        by_slsqp(weights, bias, image, target)
        for image, target in zip(images, targets, strict=True)
    ]
    np.testing.assert_allclose(found.distortion, np.sqrt(np.array(best) / 60), rtol=1e-5)
    assert (found.images > 1 - 1e-6).any(axis=1).all()


def test_two_classes_with_a_slack_box_are_as_far_as_margin_over_norm():
    rng = np.random.default_rng(1)
    weights, images = rng.normal(size=(50, 2)), rng.uniform(0.45, 0.55, (10, 50))
    margins = images @ (weights[:, 0] - weights[:, 1])
    found = exact.nearest(weights, np.zeros(2), images, (margins > 0).astype(int))
    expected = np.abs(margins) / np.linalg.norm(weights[:, 0] - weights[:, 1]) / np.sqrt(50)
    np.testing.assert_allclose(found.distortion, expected, rtol=1e-7)


def test_the_attack_is_never_closer_and_tight_for_large_tau(softmax):
    weights, bias, images, targets = softmax

    def classify(x):
        return x @ tf.constant(weights) + bias

    images, targets = images[:16], targets[:16]
    best = exact.nearest(weights, bias, images, targets).distortion
    papers, tight = (  # not compiled, which would take longer than the search
        adversarial.nearest(classify, images, targets, tau=tau, compiled=False).distortion
        for tau in (1, 64)
    )
    assert (papers >= best * (1 - 1e-6)).all()
    assert (tight >= best * (1 - 1e-6)).all()
    assert tight.mean() <= 1.002 * best.mean()
    assert papers.mean() > tight.mean()


def test_no_point_of_the_box_has_a_dominated_label():
    weights = np.array([[1.0, 1.0, -1.0]])
    found = exact.nearest(weights, np.array([0.0, -1.0, 0.5]), np.array([[0.9]]), np.array([1]))
    assert found.failed.all()
    assert np.isnan(found.distortion).all()


def test_linear_networks_are_recognised():
    layers = keras.layers
    linear = keras.Sequential([
        keras.Input((4, 4, 1)), layers.Rescaling(2, -0.5), layers.Flatten(), layers.Dense(3)
    ])  # fmt: skip
    weights, bias = exact.linear_classifier(linear)
    images = np.random.default_rng(0).random((5, 4, 4, 1)).astype(np.float32)
    np.testing.assert_allclose(
        images.reshape(5, 16) @ weights + bias, linear(images), rtol=1e-4, atol=1e-5
    )
    hidden = keras.Sequential([
        keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(8, "sigmoid"), layers.Dense(3)
    ])  # fmt: skip
    assert exact.linear_classifier(hidden) is None


def test_images_of_another_size_are_named():
    with pytest.raises(UserError, match="images of 4 pixels, got 5"):
        exact.nearest(np.zeros((4, 2)), np.zeros(2), np.zeros((1, 5)), np.array([0]))
