"""The co-author's ladder against an independent version in NumPy and SciPy."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize

from reproduce.methods.attacks import joint, ladder
from reproduce.methods.attacks.adversarial import BoxLBFGS
from reproduce.methods.attacks.ladder import CalibratedLadder, CoauthorLadder, joint_objective

RNG = np.random.default_rng(0)
W1, W2 = RNG.normal(0, 0.6, (36, 12)), RNG.normal(0, 1, (12, 5))
IMAGES = RNG.random((20, 6, 6, 1)).astype(np.float32)


def network(images):
    hidden = tf.sigmoid(tf.reshape(images, (-1, 36)) @ tf.constant(W1, tf.float32))
    return hidden @ tf.constant(W2, tf.float32)


def scores(x):
    return 1 / (1 + np.exp(-(x @ W1))) @ W2


def loss_and_slope(x, target):
    """Cross-entropy and its gradient, float64, of one image."""
    hidden = 1 / (1 + np.exp(-(x @ W1)))
    z = hidden @ W2
    p = np.exp(z - z.max())
    p /= p.sum()
    return -np.log(p[target]), W1 @ (hidden * (1 - hidden) * (W2 @ (p - np.eye(5)[target])))


def settled(x, start, target, c):
    """The minimiser of cross-entropy + c |r|^2 in the box."""

    def objective(point):
        loss, slope = loss_and_slope(point, target)
        return loss + c * ((point - x) ** 2).sum(), slope + 2 * c * (point - x)

    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(0, 1)] * 36,
                    options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 2000}).x  # fmt: skip


def by_hand(x, label):
    """The ladder as the fact sheet has it: lambda from 3 by halves until the true label is gone."""
    position, c = x.copy(), 3.0
    while c > 1e-3:
        position = settled(x, position, (label + 1) % 5, c)
        if scores(position).argmax() != label:
            return position, c
        c /= 2
    return np.full(36, np.nan), np.nan


LABELS = scores(IMAGES.reshape(20, 36)).argmax(axis=1)
LABELS[3] = (LABELS[3] + 2) % 5  # wrong from the start: attacked in the first round all the same


WANTED = {"labels": LABELS, "targets": (scores(IMAGES.reshape(20, 36)).argmax(axis=1) + 1) % 5}


@pytest.mark.parametrize("together", [True, False])
def test_the_ladder_agrees_with_numpy(together):
    found = CoauthorLadder(joint=together)(network, IMAGES, LABELS)
    flat = IMAGES.reshape(20, 36).astype(np.float64)
    hand = [by_hand(x, label) for x, label in zip(flat, LABELS, strict=True)]
    np.testing.assert_allclose(found.c, [c for _, c in hand])
    distortion = np.sqrt(
        [((point - x) ** 2).mean() for x, (point, _) in zip(flat, hand, strict=True)]
    )
    np.testing.assert_allclose(found.distortion, distortion, rtol=0.01)
    np.testing.assert_array_equal(found.targets, (LABELS + 1) % 5)
    assert found.c[3] == 3
    assert found.distortion[3] > 0


@pytest.mark.parametrize("c", [1.0, 0.1])
def test_the_joint_problem_has_scipys_minimum(c):
    targets = (LABELS + 1) % 5
    objective = joint_objective(network, IMAGES, targets)(np.arange(20), c)
    ours = joint.minimise(objective, IMAGES.ravel())
    flat = IMAGES.reshape(20, 36).astype(np.float64)

    def theirs(points):
        points = points.reshape(20, 36)
        each = [loss_and_slope(x, target) for x, target in zip(points, targets, strict=True)]
        change = points - flat
        value = sum(loss for loss, _ in each) + c * (change**2).sum()
        slope = np.stack([slope for _, slope in each]) + 2 * c * change
        return value / 20, slope.ravel() / 20

    best = minimize(theirs, flat.ravel(), jac=True, method="L-BFGS-B", bounds=[(0, 1)] * 720,
                    options={"maxcor": 100, "maxfun": 5000, "ftol": 1e-13})  # fmt: skip
    assert ours.objective == pytest.approx(best.fun, rel=0.01)
    size = np.linalg.norm(best.x - flat.ravel())
    assert np.linalg.norm(ours.position - best.x) < 0.01 * size
    assert ours.position.min() >= 0
    assert ours.position.max() <= 1


def test_few_evaluations_leave_the_joint_problem_unconverged():
    objective = joint_objective(network, IMAGES, (LABELS + 1) % 5)(np.arange(20), 0.1)
    found = joint.minimise(objective, IMAGES.ravel(), evaluations=5)
    assert not found.converged
    assert found.evaluations == 5
    assert found.objective < objective(IMAGES.ravel())[0]


@cache
def attacked(attack):
    return attack(network, IMAGES, WANTED[attack.wants])


@pytest.mark.parametrize("evaluations", [2, 8])
@pytest.mark.parametrize(
    "attack",
    [CoauthorLadder(joint=False), CoauthorLadder(), CalibratedLadder()],
    ids=["alone", "joint", "calibrated"],
)
def test_what_converged_is_where_a_larger_budget_brings_it(attack, evaluations):
    """Images that were cut off, in whichever round, are neither converged nor failed."""
    free = attacked(replace(attack, evaluations=2000))
    found = attacked(replace(attack, evaluations=evaluations))
    kept = found.converged
    np.testing.assert_array_equal(found.c[kept], free.c[kept])
    np.testing.assert_allclose(found.distortion[kept], free.distortion[kept], rtol=0.01)
    assert not found.failed.all()
    assert not (kept & found.failed).any()
    if evaluations == 2:
        assert not kept.any()


RUNGS = 3.0 * 0.5 ** np.arange(12)


@pytest.mark.parametrize(
    "cut_off", [lambda c: c == 1.5, lambda c: ~np.isin(c, RUNGS)], ids=["a rung", "bisections"]
)
def test_whoever_was_cut_off_in_any_round_has_not_converged(monkeypatch, cut_off):
    """All but the images that leave at the first c, which see neither."""

    def cutting(*problem):
        settle = settled_alone(*problem)

        def minimiser(rows, position, c):
            changed, settled, used = settle(rows, position, c)
            return changed, settled & ~cut_off(c), used

        return minimiser

    settled_alone = ladder._settled_alone
    free = attacked(CalibratedLadder())
    monkeypatch.setattr(ladder, "_settled_alone", cutting)
    found = CalibratedLadder()(network, IMAGES, WANTED["targets"])
    np.testing.assert_array_equal(found.c, free.c)
    assert free.converged.mean() > 0.5
    assert not found.converged[found.c < 3].any()
    np.testing.assert_array_equal(found.converged[found.c == 3], free.converged[found.c == 3])


def test_bisections_bring_the_ladder_to_the_exact_c():
    targets = (scores(IMAGES.reshape(20, 36)).argmax(axis=1) + 1) % 5
    exact = BoxLBFGS(compiled=False)(network, IMAGES, targets)
    ladders = [
        CalibratedLadder(start=48, bisections=n)(network, IMAGES, targets) for n in (0, 2, 7)
    ]
    means = [np.nanmean(found.distortion) for found in ladders]
    assert means[0] > means[1] > means[2]
    for found, coarse in zip(ladders, (2, 1.25, 1.01), strict=True):
        ratio = exact.c / found.c
        assert (ratio > 0.97).all()
        assert (ratio < 1.03 * coarse).mean() >= 0.9  # beyond a jump of the path c is another one
    assert np.median(ladders[2].distortion / exact.distortion) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("left", [0.0, 1e-30, 1e-22])
def test_a_pair_without_curvature_among_the_free_variables_tells_nothing_of_them(left):
    """All of it lies in a variable at its bound: the estimate there is the identity."""
    memory = joint.Memory(5, 3)
    memory.remember(np.float32([0.1, 1e-8, 0]), np.float32([0.2, left, 0]))
    assert memory.count == 1
    gradient = np.float32([3.0, -2.0])
    found = memory.quasi_newton(gradient, np.array([False, True, True]))
    np.testing.assert_array_equal(found, gradient)


def test_a_step_that_is_far_too_long_is_shortened_at_once():
    valley = np.linspace(0.2, 0.8, 8).astype(np.float32)

    def steep(x):
        """log(2 cosh z): its least value is log 2 for each variable, where x is the valley."""
        z = 40 * (x - valley)
        return float(np.logaddexp(z, -z).sum()), (40 * np.tanh(z)).astype(np.float32)

    found = joint.minimise(steep, np.ones(8, np.float32), evaluations=100)
    assert found.objective == pytest.approx(8 * np.log(2), abs=1e-3)
