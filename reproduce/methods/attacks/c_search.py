"""The search for c: the largest one whose minimiser still reaches its target.

Szegedy et al. 2014, section 4.1: minimise c|r| + loss(x + r, l) in the box, and "perform
line-search to find the minimum c > 0 for which the minimiser r satisfies f(x + r) = l".
Read literally that is upside down: c weighs the *distance*, so a small c buys the label with a
large r, and the smallest r belongs to the *largest* c that still reaches l. (With c on the loss
the sentence would be right.) We find the largest.

How: as soon as a minimiser has settled, its margin m = z_l - max_j z_j tells how far c is off.
For a linear network with two classes, a slack box and the logits multiplied by tau,

    log c*  =  log c + phi(m),    phi(m) = log(1 + m/M) + log(1 + exp(tau m)) - log 2,

with -M the margin of the clean image; elsewhere phi is a good scale for secant steps in log c
within the bracket that the margins' signs give. Each minimisation starts where the last ended.
The minimiser at c* lies on the decision boundary; what the tolerance leaves is made up by
sliding along the ray from the clean image (`boundary`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from reproduce.methods.attacks import lbfgsb
from reproduce.methods.attacks.c_guess import estimate, first_guess, phi_of
from reproduce.methods.attacks.c_state import SOFT, Budget, PenaltySearch

Tensor = Any

FARTHEST = 3.0  # one step in log c: a factor of 20
STEEPEST = 5.0  # secant slopes between 1/STEEPEST and STEEPEST are believed
NARROW = 0.01  # a bracket of log c this narrow is narrow enough
SHARPER = 8.0  # a large tau is reached in steps of this factor
SECANTS = 4  # steps in a bracket before plain bisection takes over: the path may have a jump


def margins(logits: Tensor, targets: Tensor) -> Tensor:
    """Logit of the target less the largest other: positive where the label is the target."""
    chosen = tf.one_hot(targets, logits.shape[1], True, False)
    target = tf.reduce_sum(tf.where(chosen, logits, 0.0), 1)
    return target - tf.reduce_max(tf.where(chosen, float("-inf"), logits), 1)


def tick(
    loss_gradient_margin: Callable[[Tensor, PenaltySearch], tuple[Tensor, Tensor, Tensor]],
    state: lbfgsb.State,
    search: PenaltySearch,
    budget: Budget,
) -> tuple[lbfgsb.State, PenaltySearch]:
    """One evaluation of every image, and all that follows from it."""
    point = lbfgsb.trial(state)
    loss, gradient, margin = loss_gradient_margin(point, search)
    fresh = state.fresh
    first = search.evaluations == 0
    state = lbfgsb.accept(
        state, point, loss, gradient, norm=budget.norm, tolerance=budget.tolerance
    )
    taken = state.length >= 1
    search = search._replace(
        margin=tf.where(taken, margin, search.margin),
        evaluations=search.evaluations + tf.where(search.done, 0, 1),
        inner=search.inner + 1,
    )
    state, search = first_guess(first, state, search, budget)
    ends = ~search.done & ~fresh & (state.settled | (search.inner >= budget.iterations))
    search = estimate(taken & ~fresh, state, search, budget)
    state, search = _next_c(ends, state, search, budget)
    state = state._replace(weight=tf.exp(search.log_c), length=tf.where(ends, 1.0, state.length))
    if budget.tau > SOFT:
        sharper = ends & ~search.done & (search.searches == 0)
        state = _anew(sharper, state)
    return lbfgsb.propose(state, norm=budget.norm), search


def _anew(rows: Tensor, state: lbfgsb.State) -> lbfgsb.State:
    """The same points under another loss: to be evaluated again, and without a history."""
    keep = tf.where(rows, 0.0, 1.0)
    return state._replace(
        fresh=rows,
        length=state.length * keep,
        steps=state.steps * keep[:, None, None],
        changes=state.changes * keep[:, None, None],
        first_length=tf.where(rows, state.first_length / SHARPER, state.first_length),
    )


def _next_c(
    ends: Tensor, state: lbfgsb.State, search: PenaltySearch, budget: Budget
) -> tuple[lbfgsb.State, PenaltySearch]:
    """Where a minimiser has settled: notes it, moves the bracket, chooses the next c."""
    used = tf.math.log(state.weight)
    reaches = search.margin >= 0
    remains = state.position - state.anchor
    square = tf.reduce_sum(remains**2, 1)
    relative = search.margin / search.clean
    close = tf.abs(relative) <= budget.margin
    closer = ends & (search.fixed | ((reaches | close) & (square < search.square)))
    low = tf.where(ends & reaches, tf.maximum(search.low, used), search.low)
    returns = ends & ~reaches & tf.math.is_finite(search.square)
    high = tf.where(returns, tf.minimum(search.high, used), search.high)

    phi = phi_of(search, budget)
    slope = (used - search.last_log_c) / (search.last_phi - phi)
    believed = (search.searches > 0) & (slope > 1 / STEEPEST) & (slope < STEEPEST)
    move = tf.where(believed, slope, 1.0) * phi
    move = tf.clip_by_value(move, -FARTHEST, FARTHEST)
    bracketed = tf.math.is_finite(low) & tf.math.is_finite(high)
    tenth = 0.1 * (high - low)
    inside = tf.clip_by_value(used + move, low + tenth, high - tenth)
    inside = tf.where(search.searches < SECANTS, inside, (low + high) / 2)
    proposed = tf.where(bracketed, inside, used + 1.1 * move)

    searches = search.searches + tf.where(ends, 1, 0)
    narrow = bracketed & (high - low <= NARROW)
    # Found for a soft loss: on to a sharper one, from here. c grows like tau.
    sharper = ends & (close | narrow) & ~search.fixed & (search.tau < budget.tau)
    tau = tf.where(sharper, tf.minimum(SHARPER * search.tau, budget.tau), search.tau)
    proposed = tf.where(sharper, used + tf.math.log(tau / search.tau), proposed)
    close, narrow = close & ~sharper, narrow & ~sharper
    # A minimiser that its cap cut off may serve, but may not be the closest; nor need a bracket
    # that rests on one hold the largest c.
    cut = search.cut | (ends & ~state.settled)
    found = tf.where(search.fixed, ~state.stuck, close | (narrow & ~cut))
    converged = ends & state.settled & found
    search = search._replace(
        log_c=tf.where(ends & ~search.fixed, proposed, search.log_c),
        last_log_c=tf.where(ends, used, search.last_log_c),
        last_phi=tf.where(ends, phi, search.last_phi),
        low=low,
        high=high,
        cut=cut,
        closest=tf.where(closer[:, None], state.position, search.closest),
        closest_gradient=tf.where(closer[:, None], state.gradient, search.closest_gradient),
        closest_loss=tf.where(closer, state.loss, search.closest_loss),
        square=tf.where(closer, square, search.square),
        closest_log_c=tf.where(closer, used, search.closest_log_c),
        inner=tf.where(ends, 0, search.inner),
        searches=searches,
        converged=search.converged | converged,
        done=search.done
        | (ends & (close | narrow | search.fixed | (searches >= budget.searches)))
        | (search.evaluations >= budget.evaluations),
    )
    if budget.tau > SOFT:
        infinite = tf.fill(tf.shape(low), float("inf"))
        search = search._replace(
            tau=tau,
            searches=tf.where(sharper, 0, search.searches),
            low=tf.where(sharper, -infinite, search.low),
            high=tf.where(sharper, infinite, search.high),
            cut=search.cut & ~sharper,
            square=tf.where(sharper, infinite, search.square),
        )
        returns &= ~sharper
    # Beyond a jump of the path the target was lost for good: go on from where it was reached.
    return state._replace(
        position=tf.where(returns[:, None], search.closest, state.position),
        gradient=tf.where(returns[:, None], search.closest_gradient, state.gradient),
        loss=tf.where(returns, search.closest_loss, state.loss),
    ), search
