"""Guesses of c before and between its settled values (`c_search`): by a linear network.

Where the margin of a settled minimiser is m and that of the clean image -M, a linear network with
two classes has log c* = log c + phi(m).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from reproduce.methods.attacks import lbfgsb
from reproduce.methods.attacks.c_state import Budget, PenaltySearch

Tensor = Any


def first_guess(
    start: Tensor, state: lbfgsb.State, search: PenaltySearch, budget: Budget
) -> tuple[lbfgsb.State, PenaltySearch]:
    """c and the first step as a linear network with two classes would have them."""
    held = ((state.position <= state.lower) & (state.gradient > 0)) | (
        (state.position >= state.upper) & (state.gradient < 0)
    )
    length = tf.norm(tf.where(held, 0.0, state.gradient), axis=1) + 1e-12
    unlikely = tf.maximum(-tf.math.expm1(-state.loss), 1e-3)  # 1 - p(target)
    slope = length / (search.tau * unlikely)  # of the margin along the gradient
    clean = tf.maximum(-search.margin, 1e-6)
    guess = search.tau * slope / 2
    if budget.norm == "squared":
        guess = guess * slope / (2 * clean)
    guess = tf.math.log(guess)
    first = clean / (slope * length)
    if budget.norm == "squared":
        first = tf.where(search.fixed, tf.minimum(first, 0.5 * tf.exp(-search.log_c)), first)
    return (
        state._replace(first_length=tf.where(start, first, state.first_length)),
        search._replace(
            clean=tf.where(start, clean, search.clean),
            log_c=tf.where(start & ~search.fixed, guess, search.log_c),
            inner=tf.where(start, 0, search.inner),
        ),
    )


def phi_of(search: PenaltySearch, budget: Budget) -> Tensor:
    """phi of the present margin: how far log c is off, by the two-class linear network."""
    phi = tf.nn.softplus(search.tau * search.margin) - tf.math.log(2.0)
    if budget.norm == "squared":
        phi += tf.math.log(tf.maximum(1 + search.margin / search.clean, 0.1))
    return phi


def estimate(
    taken: Tensor, state: lbfgsb.State, search: PenaltySearch, budget: Budget
) -> PenaltySearch:
    """Until a first minimiser has settled, c follows the multiplier at the present point."""
    remains = state.position - state.anchor
    free = tf.cast((state.position > state.lower) & (state.position < state.upper), tf.float32)
    square = tf.reduce_sum(free * remains**2, 1)
    c = -tf.reduce_sum(free * state.gradient * remains, 1) / (2 * square)
    if budget.norm == "euclidean":
        c = c * 2 * tf.norm(remains, axis=1)
    log_c = tf.math.log(c) + phi_of(search, budget)
    log_c = tf.clip_by_value(log_c, search.log_c - 1, search.log_c + 1)
    early = taken & ~search.fixed & ~search.done & (search.searches == 0)
    early &= tf.math.is_finite(log_c) & (tf.abs(search.margin) > budget.margin * search.clean)
    return search._replace(log_c=tf.where(early, log_c, search.log_c))
