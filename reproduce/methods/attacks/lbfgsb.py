"""L-BFGS in a box, for a batch of independent problems.

Szegedy et al. 2014, section 4.1, minimise c|r| + loss(x + r, l) with x + r in [0, 1]^m by
"box-constrained L-BFGS". Here each row of the batch is a problem of its own, with its own
weight c, history, step length and end; only the evaluations of the loss are shared:

    minimise  weight * penalty(|position - anchor|) + loss(position),   lower <= position <= upper

The box is kept by projection: every trial point is clipped (Bertsekas 1982, "Projected Newton
methods for optimization problems with simple constraints"), and variables that a bound holds
against the gradient are left out of gradient and history. Directions come from `two_loop`. The
history keeps gradient changes of the loss; the penalty's known curvature is added when it is used.
So a history stays valid when the weight changes, which is what makes a search over c cheap.

    Szegedy et al.   Nocedal & Wright   here
    x                                   anchor
    x + r            x_k                position
    c                                   weight
                     s_k, y_k           steps, changes     (batch, pairs, n), oldest first
                     p_k                direction          (batch, n)
                     alpha_k            length             (batch,)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from reproduce.methods.attacks.two_loop import quasi_newton

Tensor = Any

SUFFICIENT_DECREASE = 1e-4  # Nocedal & Wright 2006, section 3.1
SHORTEST = 1e-4  # of a full quasi-Newton step: below it float32 sees no decrease
ROUNDING = 1e-6  # a rise of the objective by this fraction is rounding, not failure
SMALLEST_NORM = 1e-6  # rounds off the tip of the euclidean penalty at r = 0


class State(NamedTuple):
    """Where each problem stands; `trial(state)` is the point to evaluate next.

    settled: no further progress at the present weight: converged, or the step vanished.
    stuck: settled because the step vanished, not because the decrease did.
    fresh: nothing was evaluated yet; the first trial point is the position itself.
    """

    anchor: Tensor  # float32 (batch, n)
    lower: Tensor  # float32 (batch, n) or a number, as upper
    upper: Tensor
    weight: Tensor  # float32 (batch,)
    position: Tensor  # float32 (batch, n)
    loss: Tensor  # float32 (batch,), without the penalty
    gradient: Tensor  # float32 (batch, n), of the loss without the penalty
    direction: Tensor  # float32 (batch, n)
    length: Tensor  # float32 (batch,)
    steps: Tensor  # float32 (batch, pairs, n); zero where there is none yet
    changes: Tensor  # float32 (batch, pairs, n)
    first_length: Tensor  # float32 (batch,): scale of a step along the gradient without history
    settled: Tensor  # bool (batch,)
    stuck: Tensor  # bool (batch,)
    slow: Tensor  # bool (batch,), the last accepted step hardly decreased the objective
    fresh: Tensor  # bool (batch,)


def start(
    position: Tensor, weight: Tensor, *, pairs: int, lower: Any = 0.0, upper: Any = 1.0
) -> State:
    """A state that waits for its first evaluation, anchored where it starts."""
    number = tf.ones_like(position[:, 0])
    history = tf.zeros((tf.shape(position)[0], pairs, position.shape[1]), position.dtype)
    no = tf.zeros_like(number, tf.bool)
    return State(
        anchor=position,
        lower=lower,
        upper=upper,
        weight=weight,
        position=position,
        loss=number,
        gradient=tf.zeros_like(position),
        direction=tf.zeros_like(position),
        length=number,
        steps=history,
        changes=history,
        first_length=number,
        settled=no,
        stuck=no,
        slow=no,
        fresh=~no,
    )


def penalty(norm: str, weight: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
    """weight * |r|^2 or weight * |r|, and the factor a for which its gradient is a r."""
    if norm == "squared":
        return weight * square, 2 * weight
    if norm == "euclidean":
        length = tf.sqrt(square + SMALLEST_NORM**2)
        return weight * length, weight / length
    raise ValueError(f"norm is squared or euclidean, got {norm!r}")


def trial(state: State) -> Tensor:
    """The points to evaluate, float32 (batch, n), all inside the box."""
    moved = state.position + state.length[:, None] * state.direction
    return tf.clip_by_value(moved, state.lower, state.upper)


def accept(
    state: State, point: Tensor, loss: Tensor, gradient: Tensor, *, norm: str, tolerance: Any
) -> State:
    """Takes the trial points that decrease the objective enough; shortens the other steps.

    A point settles when its objective fell twice by less than `tolerance` times its value: one
    small decrease may be a step cut short by a bound or by a kink of the loss.
    """
    old, new = state.position - state.anchor, point - state.anchor
    step, change = point - state.position, gradient - state.gradient
    before, curvature = penalty(norm, state.weight, _dot(old, old))
    after, _ = penalty(norm, state.weight, _dot(new, new))
    before, after = before + state.loss, after + loss
    slope = _dot(state.gradient, step) + curvature * _dot(old, step)
    noise = ROUNDING * tf.abs(before)
    falls = after <= before + SUFFICIENT_DECREASE * tf.minimum(slope, 0.0) + noise
    takes = state.fresh | falls  # NaN is never taken, except at the start, where callers look
    fitted = -0.5 * slope / (after - before - slope)  # minimum of the parabola through the three
    shorter = tf.where((fitted > 0.1) & (fitted < 0.5), fitted, 0.3) * state.length
    shift = (takes & ~state.fresh)[:, None, None]
    stuck = ~takes & (shorter < SHORTEST)
    small = takes & ~state.fresh & (before - after <= tolerance * tf.abs(after))
    return state._replace(
        position=tf.where(takes[:, None], point, state.position),
        loss=tf.where(takes, loss, state.loss),
        gradient=tf.where(takes[:, None], gradient, state.gradient),
        length=tf.where(takes, 1.0, shorter),
        steps=tf.where(shift, tf.concat([state.steps[:, 1:], step[:, None]], 1), state.steps),
        changes=tf.where(
            shift, tf.concat([state.changes[:, 1:], change[:, None]], 1), state.changes
        ),
        settled=(small & state.slow) | stuck,
        stuck=stuck,
        slow=small | (~takes & state.slow),
        fresh=tf.zeros_like(state.fresh),
    )


def propose(state: State, *, norm: str) -> State:
    """Sets the direction of each problem whose step is a full one: a new point or a new weight."""
    remains = state.position - state.anchor
    _, curvature = penalty(norm, state.weight, _dot(remains, remains))
    total = state.gradient + curvature[:, None] * remains
    held = ((state.position <= state.lower) & (total > 0)) | (
        (state.position >= state.upper) & (total < 0)
    )
    free = tf.where(held, 0.0, 1.0)
    direction = free * quasi_newton(
        free * total, free[:, None] * state.steps, free[:, None] * state.changes,
        curvature, state.first_length,
    )  # fmt: skip
    anew = (state.length >= 1.0)[:, None]
    return state._replace(direction=tf.where(anew, direction, state.direction))


class Minimum(NamedTuple):
    """What `minimise` found; `failed` where loss or gradient ceased to be finite."""

    position: Tensor  # float32 (batch, n)
    objective: Tensor  # float32 (batch,)
    converged: Tensor  # bool (batch,)
    failed: Tensor  # bool (batch,)
    evaluations: Tensor  # int32 (batch,)


def minimise(
    loss_and_gradient: Callable[[Tensor], tuple[Tensor, Tensor]],
    position: Tensor,
    weight: Tensor | None = None,
    *,
    anchor: Tensor | None = None,
    norm: str = "squared",
    lower: Any = 0.0,
    upper: Any = 1.0,
    pairs: int = 5,
    tolerance: float = 1e-7,
    iterations: int = 200,
) -> Minimum:
    """Minimises every row at once, and stops when all have settled or the budget is spent.

    Args:
        loss_and_gradient: positions (batch, n) -> (batch,), (batch, n); rows do not interact.
        position: float32 (batch, n), where to start.
        anchor: float32 (batch, n), from which the penalty counts; where it starts by default.
        weight: float32 (batch,), of the penalty; none by default.
        tolerance: settled when the objective falls by less than this fraction.
        iterations: evaluations at most.
    """
    position = tf.convert_to_tensor(position, tf.float32)
    weight = tf.zeros(position.shape[:1]) if weight is None else weight
    state = start(position, weight, pairs=pairs, lower=lower, upper=upper)
    if anchor is not None:
        state = state._replace(anchor=anchor)
    done = tf.zeros(position.shape[:1], tf.bool)
    failed, evaluations = done, tf.zeros(position.shape[:1], tf.int32)

    def tick(tick: Tensor, done: Tensor, failed: Tensor, evaluations: Tensor, state: State) -> Any:
        point = trial(state)
        loss, gradient = loss_and_gradient(point)
        fresh = state.fresh
        after = accept(state, point, loss, gradient, norm=norm, tolerance=tolerance)
        lengths = tf.sqrt(_dot(gradient, gradient)) + 1e-12
        after = after._replace(
            first_length=tf.where(fresh, 0.1 / lengths, after.first_length),
        )
        after = propose(after, norm=norm)
        failed |= fresh & ~tf.math.is_finite(loss + _dot(gradient, gradient))
        evaluations += tf.where(done, 0, 1)
        state = choose(done, state, after)
        return tick + 1, done | failed | state.settled, failed, evaluations, state

    _, done, failed, evaluations, state = tf.while_loop(
        lambda tick, done, *_: (tick < iterations) & ~tf.reduce_all(done),
        tick, (0, done, failed, evaluations, state),
    )  # fmt: skip
    remains = state.position - state.anchor
    value, _ = penalty(norm, state.weight, _dot(remains, remains))
    return Minimum(
        state.position, state.loss + value, done & ~failed & ~state.stuck, failed, evaluations
    )


def choose(condition: Tensor, yes: Any, no: Any) -> Any:
    """tf.where for records: row by row the first record where the condition holds."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        if a is b:
            return b
        rank = len(a.shape)
        return tf.where(tf.reshape(condition, (-1,) + (1,) * (rank - 1)), a, b)

    return type(no)(*map(pick, yes, no))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return tf.reduce_sum(a * b, axis=-1)
