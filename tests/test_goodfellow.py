"""Goodfellow et al. 2015: its networks, its noise, and its rules on answers known beforehand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from reproduce.data import Examples
from reproduce.experiments.goodfellow import fast_gradient_sign as table
from reproduce.experiments.goodfellow import figure4, models, rubbish
from reproduce.experiments.goodfellow.adversarial_training import AFTER, BEFORE, _lower
from reproduce.experiments.goodfellow.class_agreement import _beyond_chance
from reproduce.experiments.goodfellow.logistic import _pair
from reproduce.methods.attacks import fgsm
from reproduce.networks.maxout import maxout
from reproduce.report.cells import Cells
from reproduce.training import controls


def test_a_maxout_unit_is_the_largest_of_its_pieces():
    model = maxout((4, 4, 1), classes=3, units=(5,), pieces=2, dropout=(0.0, 0.0), seed=1)
    images = np.random.default_rng(0).random((7, 4, 4, 1), np.float32)
    kernel, bias, last, last_bias = [weight + 0.1 for weight in model.get_weights()]
    model.set_weights([kernel, bias, last, last_bias])
    pieces = (images.reshape(7, -1) @ kernel + bias).reshape(7, 2, 5)
    expected = pieces.max(axis=1) @ last + last_bias
    np.testing.assert_allclose(model(images), expected, rtol=1e-5, atol=1e-6)


def test_on_a_linear_model_the_step_loses_epsilon_times_the_weights_sum():
    """Section 5: the margin of logistic regression falls by exactly epsilon * sum |w|."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(784, 2)).astype(np.float32)
    x = rng.random((3, 28, 28, 1), np.float32)
    labels = np.array([0, 1, 0])

    def classify(images):
        return tf.reshape(images, (-1, 784)) @ weights

    def margins(images):
        scores = np.asarray(classify(tf.constant(images)))
        return scores[np.arange(3), labels] - scores[np.arange(3), 1 - labels]

    changed = fgsm.fast(classify, x, labels, epsilon=models.EPSILON)
    loss = models.EPSILON * np.abs(weights[:, 0] - weights[:, 1]).sum()
    np.testing.assert_allclose(margins(x) - margins(changed), loss, rtol=1e-4)


@pytest.mark.parametrize(("kind", "moment"), [("signs", 0.25**2), ("uniform", 0.25**2 / 3)])
def test_noise_has_the_size_and_the_law_that_its_name_says(kind, moment, monkeypatch):
    """A network that is linear without bias sees E[(w x)^2] = E[x^2] sum w^2 of pure noise."""
    seen = []

    def catch(model, loss, n, rng, effort, *, noise, **rest):
        normal = tf.random.stateless_normal((400, *noise), (1, 2))

        class Probe:
            def stateless_call(self, weights, others, images, training):
                seen.append(images.numpy())
                return tf.zeros((400, 2)), others

        holder["model"] = Probe()
        loss([], [], tf.zeros(400, tf.int32), normal)

    holder = {}
    monkeypatch.setattr(controls, "train_all", catch)

    class Later:
        def stateless_call(self, *args, **keywords):
            return holder["model"].stateless_call(*args, **keywords)

    examples = Examples(np.zeros((1, 8, 8, 1), np.float32), np.zeros(1, np.int64))
    controls.noisy(Later(), examples, None, 1.0, epochs=1, batch=1, rate=None, kind=kind)
    (noise,) = seen
    assert np.abs(noise).max() <= 0.25 + 1e-6
    assert abs(noise.mean()) < 0.01
    np.testing.assert_allclose((noise**2).mean(), moment, rtol=0.03)


def test_independent_sigmoids_are_trained_as_such():
    """Two classes that always occur together in one: each sigmoid learns its class's share."""
    images = np.ones((200, 2, 2, 1), np.float32)
    labels = np.repeat([0, 1], [150, 50])
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    controls.sigmoids(
        model, Examples(images, labels), np.random.default_rng(0), epochs=200, batch=200,
        rate=lambda done: np.full_like(done, 0.5),
    )  # fmt: skip
    np.testing.assert_allclose(tf.sigmoid(model(images[:1]))[0], [0.75, 0.25], atol=0.01)


def test_a_row_counts_errors_and_takes_confidence_from_mistakes_alone():
    cells = Cells("goodfellow", "fgsm")
    labels = np.array([0, 0, 1])
    clean = np.array([[1.0, 0], [0, 1], [0, 1]])
    changed = np.array([[0, np.log(3.0)], [5, 0], [np.log(4.0), 0]])
    wrong = models.record(cells, "softmax", clean, changed, labels)
    assert wrong.tolist() == [True, False, True]
    assert cells.value("softmax", "test_error") == pytest.approx(1 / 3)
    assert cells.value("softmax", "error") == pytest.approx(2 / 3)
    assert cells.value("softmax", "mean_confidence") == pytest.approx((0.75 + 0.8) / 2)


def test_three_and_seven_become_two_classes():
    examples = Examples(np.arange(6).reshape(6, 1), np.array([3, 7, 1, 7, 0, 3]))
    pair = _pair(examples)
    assert pair.images.ravel().tolist() == [0, 1, 3, 5]
    assert pair.labels.tolist() == [0, 1, 1, 0]


def test_a_wrong_class_lasts_when_it_never_gives_way():
    epsilons = np.array([-1.0, 0, 1, 2, 3])
    right, wrong = [1.0, 0.0], [0.0, 1.0]
    answers = np.array(
        [
            [wrong, right, right, wrong, wrong],  # lasts
            [right, right, wrong, right, wrong],  # gives way once
            [wrong, right, right, right, right],  # never wrong at a positive epsilon
        ]
    )
    found = figure4._lasting(answers, np.zeros(3, int), epsilons)
    assert found.tolist() == [True, False]


def test_a_straight_line_leaves_nothing_and_a_square_a_known_share():
    epsilons = np.linspace(-15, 15, 601)
    line = np.stack([3 * epsilons + 1, -epsilons], axis=1)[None]
    assert figure4._bend(line, epsilons) == pytest.approx(0, abs=1e-12)
    x = epsilons[epsilons >= 1]
    left = 1 - np.corrcoef(x, x**2)[0, 1] ** 2
    bent = np.stack([epsilons**2, 0 * epsilons], axis=1)[None]
    assert figure4._bend(bent, epsilons) == pytest.approx(left)


@pytest.mark.parametrize(
    ("mended", "lost", "verdict"), [(30, 2, "holds"), (2, 30, "refuted"), (5, 4, "cannot be told")]
)
def test_training_helps_by_a_paired_test(mended, lost, verdict):
    before, after = np.zeros(100, bool), np.zeros(100, bool)
    before[:mended] = True
    after[mended : mended + lost] = True
    assert table._training_helps(before, after).verdict == verdict


@pytest.mark.parametrize(
    ("error", "verdict"), [(0.9, "holds"), (0.5, "refuted"), (0.83, "cannot be told")]
)
def test_noise_brings_less_than_a_tenth_or_more_or_it_cannot_be_told(error, verdict):
    n = 1000
    wrong = {table.MAXOUT: 0.9, table.ADVERSARIAL: 0.2}
    wrong |= dict.fromkeys(table.NOISE, error)
    rows = {row: np.arange(n) < share * n for row, share in wrong.items()}
    assert table._noise_does_not(rows).verdict == verdict


@pytest.mark.parametrize(("mended", "verdict"), [(96, "cannot be told"), (105, "refuted")])
def test_one_of_two_noises_refutes_at_half_the_level(mended, verdict):
    """Of 1,000 images: 9.6 %, at 95 % more than 7.8 and at 97.5 % more than 7.5; a tenth is 7.6."""
    n = 1000
    errors = {table.MAXOUT: 900, table.ADVERSARIAL: 140, table.NOISE[0]: 900}
    errors[table.NOISE[1]] = 900 - mended
    rows = {row: np.arange(n) < count for row, count in errors.items()}
    assert table._noise_does_not(rows).verdict == verdict


def test_a_single_pair_of_trainings_cannot_tell():
    pairs = [([0.01], [0.008]), ([0.0094] * 4, [0.0094, 0.0095, 0.0093, 0.0094])]
    for before, after in pairs:
        errors = {BEFORE: np.array(before), AFTER: np.array(after)}
        assert _lower(errors, 10_000).verdict == "cannot be told"
    errors = {BEFORE: np.array([0.0094, 0.0095, 0.0096]), AFTER: np.array([0.0084, 0.0086, 0.0085])}
    assert _lower(errors, 10_000).verdict == "holds"
    assert _lower({BEFORE: errors[AFTER], AFTER: errors[BEFORE]}, 10_000).verdict == "refuted"


@pytest.mark.parametrize(
    ("alike", "n", "verdict"), [(84, 100, "holds"), (1, 100, "refuted"), (2, 10, "cannot be told")]
)
def test_agreement_is_measured_against_chance(alike, n, verdict):
    assert _beyond_chance(alike, n, 10, 1000).verdict == verdict


def test_noise_is_not_compared_with_a_gain_that_is_not_there():
    rows = dict.fromkeys((table.MAXOUT, table.ADVERSARIAL, *table.NOISE), np.arange(100) < 50)
    assert table._noise_does_not(rows).verdict == "cannot be told"


@pytest.mark.parametrize(
    ("wrong", "clean", "verdict"),
    [
        (0.1, 0.6, "holds"),
        (0.605, 0.96, "cannot be told"),  # less than on clean images, yet not low: by our softmax
        (0.3, 0.2, "cannot be told"),
        (0.49, 0.96, "cannot be told"),
    ],
)
def test_low_confidence_is_below_one_half(wrong, clean, verdict):
    rng = np.random.default_rng(0)
    unsure, sure = (np.clip(rng.normal(p, 0.1, 60), 0, 1) for p in (wrong, clean))
    unsure, sure = unsure + wrong - unsure.mean(), sure + clean - sure.mean()
    assert table._unsure(sure, unsure, 100).verdict == verdict


@pytest.mark.parametrize(
    ("radial", "others", "samples", "verdict"),
    [
        (0, [5980, 9835, 6800], 10_000, "holds"),  # as published
        (100, [5980, 9835, 6800], 10_000, "refuted"),
        (0, [5980, 9835, 10], 10_000, "refuted"),
        (0, [60, 98, 68], 100, "cannot be told"),
    ],
)
def test_no_noise_is_a_digit_for_one_model_and_some_for_the_others(
    radial, others, samples, verdict
):
    assert rubbish._silent(radial, others, samples).verdict == verdict


@pytest.mark.parametrize(
    ("lasts", "n", "verdict"), [(199, 200, "holds"), (80, 200, "refuted"), (4, 4, "cannot be told")]
)
def test_a_wide_region_is_that_of_most_images(lasts, n, verdict):
    assert figure4._wide(np.arange(n) < lasts).verdict == verdict
