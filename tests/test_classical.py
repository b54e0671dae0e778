"""The models that are no networks: their answers against scikit-learn's, their calibration."""

from functools import partial

import numpy as np
import pytest
from scipy.special import log_softmax

from reproduce.data import Examples
from reproduce.networks import classical
from reproduce.networks.classical import margins, prototypes, trees


@pytest.fixture(scope="module")
def digits(mnist_5k):
    return Examples(mnist_5k.train.images[:600], mnist_5k.train.labels[:600])


def flat(examples):
    return examples.images.reshape(len(examples.labels), -1)


def test_rbf_svm_takes_the_decisions_of_libsvm(digits):
    from sklearn.svm import SVC

    model = margins.rbf_svm(digits, 0)
    theirs = SVC(C=10.0, gamma=0.025).fit(flat(digits), digits.labels)
    some = flat(digits)[:200] * 0.8
    votes = theirs.predict(some)
    ours = model.labels(some.reshape(-1, 28, 28, 1))
    assert (ours == votes).mean() > 0.98  # votes and summed log-sigmoids may break ties otherwise
    pairs = SVC(C=10.0, gamma=0.025, decision_function_shape="ovo").fit(flat(digits), digits.labels)
    coefficients = margins._pairs(pairs)
    apart = ((some[:5, None] - pairs.support_vectors_[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(
        np.exp(-0.025 * apart) @ coefficients + pairs.intercept_,
        pairs.decision_function(some[:5]), atol=1e-5,
    )  # fmt: skip


def test_naive_bayes_is_scikit_learns(digits):
    from sklearn.naive_bayes import GaussianNB

    model = prototypes.naive_bayes(digits, 0, smoothing=0.1)
    theirs = GaussianNB(var_smoothing=0.1).fit(flat(digits), digits.labels)
    some = digits.images[:50]
    np.testing.assert_allclose(
        log_softmax(model.logits(some).astype(float), axis=1),
        theirs.predict_log_proba(some.reshape(50, -1)), atol=0.05,
    )  # fmt: skip


def test_nearest_neighbour_scores_are_squared_distances(digits):
    model = prototypes.nearest_neighbour(digits, 0)
    assert (model.labels(digits.images[:30]) == digits.labels[:30]).all()
    np.testing.assert_allclose(model.logits(digits.images[:30]).max(axis=1), 0, atol=1e-3)


def test_a_rejecting_neighbour_knows_what_is_far(digits):
    model = classical.fit(partial(prototypes.nearest_neighbour, rejects=True), digits, 0)
    far = np.ones((1, 28, 28, 1), np.float32)
    assert model.labels(far)[0] == 10
    assert model.probabilities(far)[0, :10].max() < 0.01


def test_an_rbf_network_is_undecided_far_away(digits):
    model = classical.fit(partial(prototypes.rbf_network, units=20), digits, 0)
    noise = np.random.default_rng(0).standard_normal((20, 28, 28, 1)).astype(np.float32)
    assert model.probabilities(noise).max() < 0.2


def test_a_tree_as_arrays_answers_like_the_tree(digits):
    from reproduce.methods.attacks.minimal.single_feature import splits_on_path

    model = trees.decision_tree(digits, 0)
    labels = model.labels(digits.images[:100])
    for image, label in zip(flat(digits), labels, strict=False):
        assert model.nodes.labels[splits_on_path(model.nodes, image)[-1]] == label


def test_a_forest_counts_what_its_trees_say(digits):
    from sklearn.ensemble import RandomForestClassifier

    model = trees.random_forest(digits, 0, trees=10)
    theirs = RandomForestClassifier(10, random_state=0).fit(flat(digits), digits.labels)
    some = digits.images[:50] * np.float32(0.7)
    share = np.exp(model.logits(some)) * (10 + 0.5 * 10) / 10 - 0.5 / 10
    np.testing.assert_allclose(share, theirs.predict_proba(some.reshape(50, -1)), atol=1e-5)


def test_temperature_is_the_most_likely_one(rng):
    scores = rng.normal(size=(4000, 3))
    chances = np.exp(log_softmax(scores, axis=1))
    labels = np.array([rng.choice(3, p=p) for p in chances])
    assert classical.best_temperature(5 * scores, labels) == pytest.approx(5, rel=0.1)


def test_calibration_changes_no_label(digits):
    raw = trees.random_forest(digits, 0, trees=10)
    model = classical.calibrated(raw, digits)
    np.testing.assert_array_equal(model.labels(digits.images), raw.labels(digits.images))


@pytest.mark.parametrize(
    "learn",
    [
        margins.linear_svm, margins.logistic_regression, margins.rbf_svm, prototypes.naive_bayes,
        prototypes.nearest_neighbour, partial(prototypes.rbf_network, units=10),
        trees.decision_tree, partial(trees.random_forest, trees=10),
        partial(trees.boosting, rounds=5),
    ],
)  # fmt: skip
def test_of_two_classes_each_has_its_score(digits, learn):
    """Where scikit-learn gives the second's alone."""
    two = digits.labels < 2
    examples = Examples(digits.images[two], digits.labels[two])
    model = classical.fit(partial(learn), examples, 0)
    assert model.logits(examples.images).shape == (two.sum(), 2)
    assert (model.labels(examples.images) == examples.labels).mean() > 0.9


def test_boosting_of_two_classes_is_as_likely_as_scikit_learns(digits):
    from sklearn.ensemble import HistGradientBoostingClassifier

    two = digits.labels < 2
    examples = Examples(digits.images[two], digits.labels[two])
    model = trees.boosting(examples, 0, rounds=5, rate=0.25, leaves=16)
    levels = trees._levels(examples.images)
    theirs = HistGradientBoostingClassifier(
        max_iter=5, learning_rate=0.25, max_leaf_nodes=16, max_bins=64, early_stopping=False,
        random_state=0,
    ).fit(levels, examples.labels)  # fmt: skip
    np.testing.assert_allclose(
        model.probabilities(examples.images), theirs.predict_proba(levels), atol=1e-6
    )
