"""The directions of L-BFGS, for a batch of independent problems.

The two-loop recursion (Nocedal & Wright 2006, algorithm 7.4) on inner products alone, so that the
long vectors are read only twice.

    Nocedal & Wright   here
    s_k, y_k           steps, changes     (batch, pairs, n), oldest first
    H_k gradient f_k   minus the result   (batch, n)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any

POSITIVE = 1e-8  # a pair is used where s'y > POSITIVE * s's: the curvature is positive


def quasi_newton(
    gradient: Tensor, steps: Tensor, changes: Tensor, curvature: Tensor, first_length: Tensor
) -> Tensor:
    """Minus the inverse Hessian estimate times the gradient, float32 (batch, n).

    The two-loop recursion runs on coefficients of the 2 * pairs + 1 long vectors; all it needs
    are their inner products (Chen, Wang & Zhou 2014, "Large-scale L-BFGS using MapReduce").

    Args:
        curvature: float32 (batch,), added to the Hessian as a multiple of the identity.
        first_length: float32 (batch,), the inverse Hessian where no pair can be used.
    """
    pairs = steps.shape[1]
    basis = tf.concat([steps, changes, gradient[:, None]], 1)
    products = tf.matmul(basis, basis, transpose_b=True)
    ss, sy = products[:, :pairs, :pairs], products[:, :pairs, pairs:-1]
    a = curvature[:, None, None]
    yy = products[:, pairs:-1, pairs:-1] + a * (sy + tf.linalg.matrix_transpose(sy)) + a * a * ss
    sg = products[:, :pairs, -1]
    yg = products[:, pairs:-1, -1] + curvature[:, None] * sg
    sy = sy + a * ss

    alphas: list[Tensor] = [None] * pairs
    betas: list[Tensor] = [None] * pairs
    usable = [sy[:, i, i] > POSITIVE * ss[:, i, i] for i in range(pairs)]
    inverse = [tf.where(usable[i], 1 / sy[:, i, i], 0.0) for i in range(pairs)]
    # q = gradient - sum_i alpha_i y_i, from the newest pair to the oldest
    for i in reversed(range(pairs)):
        later = sum((alphas[j] * sy[:, i, j] for j in range(i + 1, pairs)), 0.0)
        alphas[i] = inverse[i] * (sg[:, i] - later)
    scale = first_length
    for i in range(pairs):
        scale = tf.where(usable[i], sy[:, i, i] / yy[:, i, i], scale)
    # r = scale q + sum_i (alpha_i - beta_i) s_i, back again
    for i in range(pairs):
        y_q = yg[:, i] - sum((alphas[j] * yy[:, i, j] for j in range(pairs)), 0.0)
        earlier = sum(((alphas[j] - betas[j]) * sy[:, j, i] for j in range(i)), 0.0)
        betas[i] = inverse[i] * (scale * y_q + earlier)
    of_change = -scale[:, None] * tf.stack(alphas, 1)
    of_step = tf.stack(alphas, 1) - tf.stack(betas, 1) + curvature[:, None] * of_change
    coefficients = tf.concat([of_step, of_change, scale[:, None]], 1)
    return -tf.squeeze(tf.matmul(coefficients[:, None], basis), 1)
