"""Tables of measurements: scikit-learn's rows, models of two classes, and claim 6b."""

from functools import partial

import numpy as np
import pytest
from sklearn import svm

from reproduce.data.measurements import NAMES, measurements
from reproduce.experiments.lipton import protocol
from reproduce.experiments.lipton.rules import models as rules
from reproduce.networks import classical
from reproduce.networks.classical import margins, prototypes, trees
from reproduce.report.cells import Cells

SIZES = {"breast cancer": (569, 30, 2), "wine": (178, 13, 3), "digits, 8 x 8": (1797, 64, 10)}


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_halved_with_equal_shares_and_scaled_by_the_first_half(name):
    train, test = measurements(name, 0)
    rows, features, classes = SIZES[name]
    assert len(train.labels) + len(test.labels) == rows
    assert train.images.shape[1:] == test.images.shape[1:] == (features, 1, 1)
    assert train.images.dtype == np.float32
    shares = [np.bincount(half.labels, minlength=classes) for half in (train, test)]
    assert np.abs(shares[0] - shares[1]).max() <= 1
    for half in (train, test):
        assert (half.images.min(), half.images.max()) == (0, 1)
    ends = np.stack([train.images.min(axis=0), train.images.max(axis=0)])[..., 0, 0]
    varies = ends[0] != ends[1]
    np.testing.assert_array_equal(ends[:, varies], [[0] * varies.sum(), [1] * varies.sum()])


@pytest.mark.parametrize(
    ("learn", "scikit"),
    [
        (partial(margins.rbf_svm, gamma=1.0), svm.SVC(C=10.0, gamma=1.0)),
        (partial(margins.linear_svm, cost=1.0), svm.LinearSVC(C=1.0, dual=False, tol=1e-3)),
    ],
)
@pytest.mark.parametrize("name", NAMES[:2])
def test_of_two_classes_or_three_the_answers_are_scikit_learns(learn, scikit, name):
    train, test = measurements(name, 0)
    flat = [half.images[..., 0, 0] for half in (train, test)]
    expected = scikit.fit(flat[0], train.labels).predict(flat[1])
    agree = (learn(train, 0).labels(test.images) == expected).mean()
    assert agree > 0.98  # log sigmoids in the place of votes


@pytest.mark.parametrize(
    "learn",
    [margins.logistic_regression, prototypes.nearest_neighbour, prototypes.naive_bayes,
     trees.decision_tree],
)  # fmt: skip
def test_a_row_of_two_classes_is_changed_and_not_past_the_boundary(learn):
    """The reached change gives the other label a little beyond, and none at nine tenths."""
    train, test = measurements("breast cancer", 0)
    recipe = partial(classical.fit, partial(learn), train, 0)
    model = recipe()
    rows = test.images[:6][model.labels(test.images[:6]) == test.labels[:6]]
    budget = {"walks": 1, "steps": 2, "probes": 10, "groups": (1,)}
    found = protocol.smallest(
        recipe, rows, train, seed=0, search=budget, classes=int(train.labels.max()) + 1,
        evaluations=40, compiled=False,
    )  # fmt: skip
    own = model.labels(rows)
    step = found.change.images - rows
    assert np.isfinite(found.change.distance).all()
    assert (model.labels(np.clip(rows + 1.001 * step, 0, 1)) != own).all()
    assert (model.labels(rows + 0.9 * step) == own).all()


@pytest.mark.parametrize(
    ("ratio", "half", "verdict"),
    [(0.3, 0.05, "holds"), (0.8, 0.05, "refuted"), (0.45, 0.2, "cannot be told")],
)
def test_tables_bear_the_claim_out_or_not(ratio, half, verdict):
    cells = Cells("lipton", "tabular")
    for row in ("wine, naive Bayes", "wine, decision tree"):
        cells.number(row, "of_separation", ratio, "ratio", 60)
        cells.list[-1] = cells.list[-1]._replace(low=ratio - half, high=ratio + half)
    found = rules.all_susceptible(cells, "6b")
    assert (found.id, found.verdict) == ("claim 6b", verdict)
