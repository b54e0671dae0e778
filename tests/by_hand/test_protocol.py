"""The article's protocol and Goodfellow et al.'s agreement, where the answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from reproduce.experiments.goodfellow.class_agreement import _beyond_chance
from reproduce.experiments.lipton import protocol
from reproduce.methods.attacks import exact


def test_none_of_them_is_no_other_digit():
    images = np.full((3, 1, 2, 1), 0.5, np.float32)
    changed = images + np.array([0.1, 0.2, 0.3], np.float32)[:, None, None, None]

    def predict(some):
        """0 below 0.55, then 1, then "none of them"."""
        size = some[:, 0, 0, 0]
        return np.select([size < 0.55, size < 0.75], [0, 1], -1)

    found = protocol._crosses(predict, images, changed, np.array([0, 1, 0]))
    assert found.tolist() == [True, False, False]


def test_the_protocols_gradient_attack_is_tight():
    """On a linear model: within two per cent of the optimum over the two most likely digits."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(16, 10)).astype(np.float32)
    images = rng.uniform(0.2, 0.8, (12, 4, 4, 1)).astype(np.float32)

    def classify(some):
        return tf.reshape(some, (-1, 16)) @ tf.constant(weights)

    def logits(some):
        return some.reshape(-1, 16) @ weights

    labels = logits(images).argmax(axis=1)
    model = SimpleNamespace(
        classify=classify, logits=logits, labels=lambda some: logits(some).argmax(axis=1)
    )
    found = protocol._by_gradient(
        model, images, labels, classes=10, evaluations=200, compiled=False
    )
    ranked = np.argsort(-logits(images), axis=1)
    best = np.min(
        [
            4 * exact.nearest(weights, np.zeros(10), images, ranked[:, place]).distortion
            for place in (1, 2)
        ],
        axis=0,
    )
    assert (found.distance >= best * (1 - 1e-5)).all()
    assert np.mean(found.distance / best) < 1.02


@pytest.mark.parametrize(("alike", "verdict"), [(30, "holds"), (11, "cannot be told")])
def test_a_third_is_more_than_one_in_nine(alike, verdict):
    assert _beyond_chance(alike, 100, 10, 1000).verdict == verdict
