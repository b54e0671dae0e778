"""Where each image's search for c stands (`c_search` says what is searched for, and how)."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

Tensor = Any

SOFT = 2.0  # a large tau is reached in steps, of which this is the first


class PenaltySearch(NamedTuple):
    """One row per image: where its search for c stands.

    fixed: c is given, only the minimiser is wanted.
    low, high: log of the largest c that reached the target, of the smallest that did not.
    cut: one of the minimisers that these rest on was cut off before it settled.
    closest: the minimiser that reached the target with the smallest |r|, and its |r|^2, log c
        (NaN until there is one; a sharper loss starts anew, but keeps what it has in hand).
    """

    targets: Tensor  # int32 (batch,)
    fixed: Tensor  # bool (batch,)
    margin: Tensor  # float32 (batch,), at the present position
    clean: Tensor  # float32 (batch,), M above
    tau: Tensor  # float32 (batch,), of the loss as it is now
    log_c: Tensor
    last_log_c: Tensor
    last_phi: Tensor
    low: Tensor
    high: Tensor
    cut: Tensor  # bool (batch,)
    closest: Tensor  # float32 (batch, n)
    closest_gradient: Tensor
    closest_loss: Tensor
    square: Tensor
    closest_log_c: Tensor
    inner: Tensor  # int32 (batch,), evaluations at this c
    searches: Tensor  # int32 (batch,), values of c tried
    evaluations: Tensor  # int32 (batch,)
    converged: Tensor  # bool (batch,)
    done: Tensor  # bool (batch,)


class Budget(NamedTuple):
    """Options of `nearest` that reach down here; see there."""

    tau: float
    norm: str
    searches: int
    iterations: int
    evaluations: int
    tolerance: float
    margin: float


def start(
    images: Tensor, targets: Tensor, log_c: Tensor, idle: Tensor, tau: float = 1.0
) -> PenaltySearch:
    """A search that waits for its first evaluation; log_c is NaN where c is to be found."""
    number = tf.zeros_like(log_c)
    count = tf.zeros_like(targets)
    infinite = tf.fill(tf.shape(log_c), float("inf"))
    return PenaltySearch(
        targets=targets,
        fixed=tf.math.is_finite(log_c),
        margin=number,
        clean=number,
        tau=tf.where(tf.math.is_finite(log_c), tau, min(tau, SOFT)),
        log_c=tf.where(tf.math.is_finite(log_c), log_c, 0.0),
        last_log_c=number,
        last_phi=number,
        low=-infinite,
        high=infinite,
        cut=tf.zeros_like(idle),
        closest=images,
        closest_gradient=tf.zeros_like(images),
        closest_loss=number,
        square=infinite,
        closest_log_c=number + float("nan"),
        inner=count,
        searches=count,
        evaluations=count,
        converged=tf.zeros_like(idle),
        done=idle,
    )
