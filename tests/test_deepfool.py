"""DeepFool against the exact distance of linear networks."""

import numpy as np
import pytest
import tensorflow as tf

from reproduce.methods.attacks.deepfool import DeepFool
from reproduce.methods.attacks.minimal.linear import NearestHyperplane

WEIGHTS = np.random.default_rng(0).normal(size=(36, 4)).astype(np.float32)


def linear(images):
    return tf.reshape(images, (-1, 36)) @ tf.constant(WEIGHTS)


@pytest.mark.parametrize("overshoot", [0.02, 0.1])
def test_one_step_reaches_the_nearest_hyperplane_of_a_linear_network(rng, overshoot):
    images = rng.uniform(0.4, 0.6, (20, 6, 6, 1)).astype(np.float32)  # the box is slack
    labels = np.asarray(linear(images)).argmax(axis=1)
    exact = NearestHyperplane()(linear, images, labels)
    found = DeepFool(steps=2, overshoot=overshoot)(linear, images, labels)
    assert not found.failed.any()
    np.testing.assert_array_equal(found.targets, exact.targets)
    np.testing.assert_allclose(found.distortion / exact.distortion, 1 + overshoot, rtol=1e-3)


def test_in_a_box_that_binds_it_is_never_nearer_than_the_optimum(rng):
    images = rng.uniform(0, 1, (20, 6, 6, 1)).astype(np.float32).round(1)
    labels = np.asarray(linear(images)).argmax(axis=1)
    exact = NearestHyperplane()(linear, images, labels)
    seen = []

    def counted(points):
        tf.py_function(lambda: seen.append(1), [], [])
        return linear(points)

    found = DeepFool()(counted, images, labels)
    assert not found.failed.any()
    assert (found.distortion >= exact.distortion * (1 - 1e-4)).all()
    assert np.median(found.distortion / exact.distortion) < 1.1
    assert 1 < len(seen) < 25  # of 50 steps: no image stays on the boundary


def test_the_next_label_is_the_nearest_not_that_of_the_next_logit(rng):
    weights = (WEIGHTS - WEIGHTS.mean(axis=0)) * np.array([1, 6, 0.1, 2], np.float32)

    def uneven(images):
        return tf.reshape(images, (-1, 36)) @ tf.constant(weights)

    images = rng.uniform(0.4, 0.6, (40, 6, 6, 1)).astype(np.float32)
    scores = np.asarray(uneven(images))
    labels = scores.argmax(axis=1)
    exact = NearestHyperplane()(uneven, images, labels)
    assert (exact.targets != np.argsort(scores, axis=1)[:, -2]).any()
    found = DeepFool(steps=2)(uneven, images, labels)
    np.testing.assert_array_equal(found.targets, exact.targets)
