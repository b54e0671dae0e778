"""The box solver against closed forms and SciPy's L-BFGS-B."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from reproduce.methods.attacks import lbfgsb


def logistic_problems(seed: int = 0, batch: int = 6, n: int = 30):
    """Strictly convex losses, one for each row, whose minimum is partly held by the box."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(batch, 40, n)).astype(np.float32)
    signs = rng.choice([-1.0, 1.0], size=(batch, 40)).astype(np.float32)
    start = rng.random((batch, n)).astype(np.float32)

    def loss(x: tf.Tensor) -> tf.Tensor:
        scores = signs * tf.einsum("bkn,bn->bk", rows, x)
        return tf.reduce_mean(tf.nn.softplus(-3 * scores), 1)

    def loss_and_gradient(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        return value, tape.gradient(value, x)

    def scipy_minimum(row: int, weight: float, power: int) -> float:
        def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
            scores = signs[row] * (rows[row] @ x)
            value = np.mean(np.logaddexp(0, -3 * scores))
            slope = -3 * signs[row] / (1 + np.exp(3 * scores)) / 40
            r = x - start[row]
            length = np.linalg.norm(r) + 1e-12
            if power == 2:
                return value + weight * r @ r, slope @ rows[row] + 2 * weight * r
            return value + weight * length, slope @ rows[row] + weight * r / length

        return scipy.optimize.minimize(
            objective, start[row], jac=True, method="L-BFGS-B", bounds=[(0, 1)] * 30,
            options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000},
        ).fun  # fmt: skip

    return start, loss_and_gradient, scipy_minimum


@pytest.mark.parametrize(("norm", "power"), [("squared", 2), ("euclidean", 1)])
def test_every_row_reaches_the_minimum_that_scipy_finds(norm: str, power: int):
    start, loss_and_gradient, scipy_minimum = logistic_problems()
    weights = np.array([0.0, 0.01, 0.03, 0.1, 0.2, 0.3], np.float32)
    found = lbfgsb.minimise(loss_and_gradient, start, tf.constant(weights), norm=norm)
    assert found.converged.numpy().all()
    best = [scipy_minimum(row, float(weights[row]), power) for row in range(6)]
    np.testing.assert_allclose(found.objective, best, rtol=2e-4, atol=1e-6)


def test_every_iterate_lies_in_the_box():
    start, loss_and_gradient, _ = logistic_problems(1)
    seen = []

    def watched(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        seen.append((tf.reduce_min(x).numpy(), tf.reduce_max(x).numpy()))
        return loss_and_gradient(x)

    lbfgsb.minimise(watched, start, iterations=30)
    assert min(low for low, _ in seen) >= 0
    assert max(high for _, high in seen) <= 1


def test_a_quadratic_in_the_box_is_solved_by_clipping():
    """For |x - a|^2 the minimum in the box is a, clipped."""
    goal = np.random.default_rng(2).normal(0.5, 1, size=(4, 10)).astype(np.float32)
    found = lbfgsb.minimise(
        lambda x: (tf.reduce_sum((x - goal) ** 2, 1), 2 * (x - goal)), np.full((4, 10), 0.5)
    )
    np.testing.assert_allclose(found.position, np.clip(goal, 0, 1), atol=1e-4)


def test_the_direction_is_that_of_a_dense_bfgs_update():
    rng = np.random.default_rng(3)
    n, pairs, curvature = 6, 3, 0.7
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    steps = rng.normal(size=(pairs, n))
    changes = steps @ hessian
    gradient = rng.normal(size=n)
    with_curvature = changes + curvature * steps
    s, y = steps[-1], with_curvature[-1]
    inverse = np.eye(n) * (s @ y) / (y @ y)
    for s, y in zip(steps, with_curvature, strict=True):
        left = np.eye(n) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    direction = lbfgsb.quasi_newton(
        *(tf.constant(a[None]) for a in (gradient, steps, changes)),
        tf.constant([curvature], tf.float64), tf.constant([1.0], tf.float64),
    )  # fmt: skip
    np.testing.assert_allclose(direction[0], -inverse @ gradient, rtol=1e-9)


def test_a_row_that_is_not_finite_fails_alone():
    def loss_and_gradient(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        broken = tf.constant([0.0, np.nan, 0.0])
        return tf.reduce_sum(x**2, 1) + broken, 2 * x

    found = lbfgsb.minimise(loss_and_gradient, np.full((3, 4), 0.5))
    assert found.failed.numpy().tolist() == [False, True, False]
    np.testing.assert_allclose(found.position[::2], 0, atol=1e-4)
