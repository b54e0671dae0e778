"""L-BFGS: directions, line searches and optima against a dense BFGS, SciPy and definitions."""

from functools import partial

import numpy as np
import pytest
import scipy.optimize

from reproduce import training
from reproduce.data import Examples
from reproduce.networks import models
from reproduce.training import limited_memory as lbfgs
from reproduce.training.limited_memory import Point, minimise

SMALL = partial(models.dense, units=[6, 5])


def logistic(n=300, width=40, seed=0):
    """A convex problem: two classes, a badly scaled input, a little weight decay."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)) * np.geomspace(1, 0.03, width)
    sign = np.where(x @ rng.normal(size=width) + 0.3 * rng.normal(size=n) > 0, 1, -1)

    def objective(w):
        w = w.astype(float)
        margins = sign * (x @ w)
        value = np.logaddexp(0, -margins).mean() + 1e-3 / 2 * w @ w
        gradient = -(sign / (1 + np.exp(margins))) @ x / n + 1e-3 * w
        return float(value), gradient

    return objective


def in_float32(objective):
    def rounded(w):
        value, gradient = objective(w)
        return value, gradient.astype(np.float32)

    return rounded


def valley(w):
    """Rosenbrock's function of many variables."""
    w = w.astype(float)
    return float(scipy.optimize.rosen(w)), scipy.optimize.rosen_der(w).astype(np.float32)


def test_ends_where_scipy_does():
    objective = logistic()
    found = minimise(in_float32(objective), np.zeros(40), iterations=300, memory=10, tolerance=1e-6)
    best = scipy.optimize.minimize(
        objective, np.zeros(40), jac=True, method="BFGS", options={"gtol": 1e-9}
    )
    assert found.converged
    assert not found.failed
    assert found.value == pytest.approx(best.fun, rel=1e-7)
    np.testing.assert_allclose(found.position, best.x, atol=2e-3)


def test_needs_one_evaluation_an_iteration_and_no_more_iterations_than_scipy():
    objective = in_float32(logistic())
    target = minimise(objective, np.zeros(40), iterations=40, memory=10)
    assert target.evaluations <= 1 + 1.15 * target.iterations
    values = []
    scipy.optimize.minimize(
        logistic(), np.zeros(40), jac=True, method="L-BFGS-B",
        callback=lambda intermediate_result: values.append(intermediate_result.fun),
        options={"maxiter": 44, "maxcor": 10, "ftol": 0, "gtol": 0},
    )  # fmt: skip
    assert target.value <= values[35]


@pytest.mark.parametrize("memory", [4, 25])
def test_direction_is_that_of_dense_bfgs_on_the_remembered_pairs(memory):
    """The inverse Hessian, updated pair by pair from a multiple of the identity."""
    pairs = []

    def keep(state):
        row = (state.taken - 1) % memory
        pairs.append(state.pairs[:, row].astype(float).copy())

    state = minimise(valley, np.zeros(12), iterations=20, memory=memory, after=keep)
    assert len(pairs) == state.taken == 20
    s, y = pairs[-1]
    inverse = np.eye(12) * (s @ y) / (y @ y)
    for s, y in pairs[-memory:]:
        left = np.eye(12) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    expected = -inverse @ state.gradient
    np.testing.assert_allclose(lbfgs.direction(state), expected, atol=2e-4 * abs(expected).max())


def test_pairs_without_positive_curvature_are_left_out():
    state = minimise(valley, np.zeros(3), iterations=2, memory=5)
    kept = lbfgs.remember(state, np.ones(3, np.float32), -np.ones(3, np.float32))
    assert (kept.kept, kept.taken) == (state.kept, state.taken)


LINES = {
    "parabola": lambda t: ((t - 3) ** 2, 2 * (t - 3)),
    "far away": lambda t: ((t / 500 - 3) ** 2, 2 * (t / 500 - 3) / 500),
    "close by": lambda t: ((40 * t - 0.5) ** 2, 80 * (40 * t - 0.5)),
    "waves": lambda t: (np.sin(7 * t) - 0.2 * t + t**2 / 30, 7 * np.cos(7 * t) - 0.2 + t / 15),
    "wall": lambda t: (-t, -1.0) if t < 0.03 else (np.inf, np.nan),
}  # fmt: skip


@pytest.mark.parametrize("name", ["parabola", "far away", "close by"])
def test_line_search_meets_the_strong_wolfe_conditions(name):
    def at(step):
        value, slope = LINES[name](step)
        return Point(step, value, slope, np.zeros(1))

    here = at(0.0)
    found = lbfgs.wolfe(at, here, 1.0)
    assert found.step > 0
    assert found.value <= here.value + 1e-4 * found.step * here.slope
    assert abs(found.slope) <= 0.9 * abs(here.slope)


def test_line_search_takes_the_lowest_point_this_side_of_a_wall_and_none_uphill():
    def at(step):
        return Point(step, *LINES["wall"](step), np.zeros(1))

    assert 0.01 < lbfgs.wolfe(at, at(0.0), 1.0).step < 0.03
    here = Point(0.0, 0.0, -1.0, np.zeros(1))  # a slope that is wrong
    assert lbfgs.wolfe(lambda t: Point(t, t, 1.0, np.zeros(1)), here, 1.0) is here


def test_says_why_it_stopped():
    objective = in_float32(logistic())
    budget = minimise(objective, np.zeros(40), iterations=3, memory=5)
    assert (budget.iterations, budget.converged, budget.failed) == (3, False, False)
    uphill = minimise(lambda w: (float(w @ w), -2 * w), np.ones(2), iterations=9, memory=5)
    assert (uphill.iterations, uphill.converged, uphill.failed) == (0, False, True)


def test_a_stopped_minimisation_ends_where_an_uninterrupted_one_does(tmp_path):
    file = tmp_path / "state.npz"
    straight = minimise(valley, np.zeros(30), iterations=70, memory=7)

    def stop(state):
        if state.iterations == 63:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimise(valley, np.zeros(30), iterations=70, memory=7, checkpoint=file, after=stop)
    seen = []
    resumed = minimise(
        valley, np.zeros(30), iterations=70, memory=7, checkpoint=file,
        after=lambda state: seen.append(state.iterations),
    )  # fmt: skip
    assert seen == list(range(51, 71))
    for one, other in zip(straight, resumed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path):
    rng = np.random.default_rng(0)
    examples = Examples(rng.random((200, 4, 4, 1), np.float32), rng.integers(0, 3, 200))

    def train(iterations, checkpoints=None):
        phase = partial(training.lbfgs, iterations=iterations, decay=1e-4)
        model = training.train(SMALL, [phase], examples, seed=0, checkpoints=checkpoints)
        return model.get_weights()

    half = train(50, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["phase1.npz"]
    resumed, straight = train(60, tmp_path), train(60)
    for one, other, before in zip(resumed, straight, half, strict=True):
        np.testing.assert_array_equal(one, other)
        assert not np.array_equal(one, before)
