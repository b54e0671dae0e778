"""The protocols on a linear network, each against what defines it."""

import numpy as np
import pytest
import tensorflow as tf

from reproduce.methods.attacks import adversarial
from reproduce.methods.protocols import PROTOCOLS, Measured, measure
from reproduce.runtime.errors import UserError

WEIGHTS = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
IMAGES = np.random.default_rng(1).random((20, 30)).astype(np.float32)
LABELS = np.random.default_rng(2).integers(0, 4, 20)
LABELS[::2] = (IMAGES @ WEIGHTS).argmax(1)[::2]


def classify(images):
    return images @ tf.constant(WEIGHTS)


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    return {name: measure(classify, IMAGES, LABELS, protocol=name) for name in PROTOCOLS}


def test_averages_differ_on_the_same_distortions(measured):
    np.testing.assert_array_equal(
        measured["pooled"].distortion, measured["mean-of-images"].distortion
    )
    each = measured["pooled"].distortion
    assert measured["pooled"].average == pytest.approx(np.sqrt(np.mean(each**2)))
    assert measured["mean-of-images"].average == pytest.approx(each.mean())


def test_correct_only_is_a_part_of_the_whole(measured):
    part = measured["correct-only"]
    assert ((IMAGES @ WEIGHTS).argmax(1) == LABELS)[part.attacked].all()
    np.testing.assert_allclose(
        part.distortion, measured["pooled"].distortion[part.attacked], atol=1e-5
    )


def test_all_nine_attacks_every_other_class(measured):
    every = measured["all-nine"]
    predicted = (IMAGES @ WEIGHTS).argmax(1)
    counts = np.bincount(every.attacked, minlength=20)
    np.testing.assert_array_equal(counts, np.where(predicted == LABELS, 3, 2))


def test_a_coarser_c_costs_distance(measured):
    best = measured["pooled"].distortion
    for name in ("c-factor-1.25", "global-c"):
        coarse = measured[name].distortion
        assert (coarse >= best * (1 - 2e-3))[np.isfinite(coarse)].all()
    assert measured["global-c"].average > measured["c-factor-1.25"].average


def test_only_the_fitted_one_is_called_calibrated(measured):
    assert [name for name, one in measured.items() if one.calibrated] == ["c-factor-1.25"]


def test_a_target_chosen_last_is_farther_than_one_chosen_first(measured):
    assert measured["least-likely"].average > measured["nearest"].average


def test_an_unknown_protocol_is_named():
    with pytest.raises(UserError, match="protocol is one of pooled, mean-of-images"):
        measure(classify, IMAGES, LABELS, protocol="pool")
    assert adversarial.pooled(np.array([np.nan, 2.0])) == 2.0
