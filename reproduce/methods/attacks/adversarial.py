"""Adversarial examples by box-constrained L-BFGS (Szegedy et al. 2014, section 4.1).

For an image x and a target label l that differs from f(x), the paper looks for the smallest r
with f(x + r) = l and x + r in [0, 1]^m; it approximates it by minimising c|r| + loss(x + r, l) in
the box and searching for c (`c_search` says how, and why its "minimum c" must be the largest).

`norm` chooses between c|r|^2, the default, and c|r|, as printed. Where c is found for each
image the two have the same stationary points, with c' = 2c|r|, and the squared one is smooth at
r = 0. `tau` multiplies the logits in the loss. The paper's loss is tau = 1; its minimiser on the
decision boundary is not the nearest point there, because the cross-entropy also weighs how the
other classes share the rest. The larger tau, the smaller that gap (Carlini & Wagner 2017 reach
the same end by a hinge).

Images go through a fixed number of slots: as soon as one is finished, the next takes its place.
So the graph is compiled once per shape of network, memory does not grow with the number of
images, and no image's result depends on its company.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from reproduce.methods.attacks import c_search, c_state, lbfgsb
from reproduce.methods.attacks.attack import (
    Adversarial,
    Attack,
    distortion,
    judged,
    pooled,
    proposed,
)
from reproduce.methods.attacks.boundary import to_boundary
from reproduce.methods.attacks.c_state import Budget, PenaltySearch
from reproduce.methods.attacks.targets import choose_targets
from reproduce.networks.classifier import Classifier
from reproduce.networks.forward import Network, Weights, slots_for
from reproduce.runtime import progress
from reproduce.runtime.errors import UserError

__all__ = ["Adversarial", "BoxLBFGS", "choose_targets", "distortion", "nearest", "pooled"]


TICKS = 8  # evaluations between two looks at who has finished
# XLA fuses the bookkeeping, which counts for small images, and slows convolutions down, which are
# nearly everything where images are large: an evaluation of SqueezeNet takes 2.7 times as long.
COMPILED_PIXELS = 50_000

Array = Any


@dataclass(frozen=True)
class BoxLBFGS(Attack):
    """Szegedy et al.'s attack: the closest images that the network takes for their targets.

    A network of an architecture seen before costs no compilation.

    tau: multiplies the logits in the loss.
    norm: "squared" for c|r|^2, "euclidean" for c|r|.
    searches: values of c to settle at, at most, for an image.
    iterations: evaluations at most before the next c is tried.
    evaluations: in all, at most, for an image.
    tolerance: a minimiser has settled when the objective falls by less than this fraction.
    margin: c is found when the margin is within this fraction of the clean image's.
    pairs: length of the L-BFGS history.
    compiled: by XLA, where images have at most COMPILED_PIXELS numbers. A graph takes 5 seconds of
        a core to compile and is three times as fast then; last digits may differ.
    """

    tau: float = 1.0
    norm: str = "squared"
    searches: int = 12
    iterations: int = 100
    evaluations: int = 300
    tolerance: float = 1e-5
    margin: float = 2e-3
    pairs: int = 4
    compiled: bool = True

    name: ClassVar[str] = "box-constrained L-BFGS"
    objective: ClassVar[str] = "c|r|^2 + cross-entropy of the target, at the largest c that serves"
    wants: ClassVar[str] = "targets"
    choices: ClassVar[tuple[str, ...]] = (
        "The paper finds c by an unspecified line search; here each image has its own c, found by "
        "secant steps and bisection.",
        "The target label is drawn at random for each image, from the labels that are neither true "
        "nor predicted; the paper does not say how its targets were chosen. Chosen because the "
        "published distances come out; other rules give some too small by half or far too large.",
    )

    def __post_init__(self) -> None:
        if self.norm not in ("squared", "euclidean"):
            raise UserError(f"norm is squared or euclidean, got {self.norm!r}")

    def find(self, classify: Classifier, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        network = Network(classify)
        found = self._minimisers(network, images, wanted, np.full(len(images), np.nan))
        flat = found.images.reshape(len(images), -1)
        return found._replace(images=to_boundary(network, images, wanted, flat))

    def at(self, classify: Classifier, images: Array, targets: Array, c: Array) -> Adversarial:
        """The minimiser for a given c, a number or (n,), as it is; failed where it misses."""
        images, targets = self.checked(classify, images, targets)
        given = np.broadcast_to(c, len(images))
        found = self._minimisers(Network(classify), images, targets, given)
        return judged(classify, images, found)

    def _minimisers(
        self, network: Network, images: np.ndarray, targets: np.ndarray, given: np.ndarray
    ) -> Adversarial:
        budget = Budget(
            float(self.tau), self.norm, self.searches, self.iterations, self.evaluations,
            self.tolerance, self.margin,
        )  # fmt: skip
        flat = images.reshape(len(images), -1)
        with progress.stage("adversarial examples", total=len(images)) as advance:
            found = _search(
                network, images.shape[1:], flat, targets, given, budget, self.pairs, self.compiled,
                advance,
            )  # fmt: skip
        return proposed(
            images, found.images, targets, converged=found.converged, c=found.c,
            evaluations=found.evaluations,
        )  # fmt: skip


def nearest(
    classify: Classifier, images: Array, targets: Array, *, c: Array | None = None, **options: Any
) -> Adversarial:
    """The closest images that the network takes for their targets, by the paper's attack.

    Args:
        classify: images -> logits.
        images: float32 (n, ...) in [0, 1].
        targets: int (n,), other than the network's present labels.
        c: where given, a number or (n,), the minimiser for this c is the result, as it is.
        options: of `BoxLBFGS`.
    """
    attack = BoxLBFGS(**options)
    if c is None:
        return attack(classify, images, targets)
    return attack.at(classify, images, targets, c)


class _Found(NamedTuple):
    images: np.ndarray  # float32 (n, pixels)
    c: np.ndarray
    converged: np.ndarray
    evaluations: np.ndarray


def _search(
    network: Network,
    shape: tuple[int, ...],
    images: np.ndarray,
    targets: np.ndarray,
    given: np.ndarray,
    budget: Budget,
    pairs: int,
    compiled: bool,
    advance: progress.Advance,
) -> _Found:
    """Sends the images through the slots, in their order."""
    total, pixels = images.shape
    slots = slots_for(pixels)
    if pixels > COMPILED_PIXELS:  # a few large images need not wait for empty slots
        slots = min(slots, total)
    compiled = compiled and pixels <= COMPILED_PIXELS
    ticks = _ticks(network, shape, slots, budget, pairs, compiled)
    found = _Found(
        np.full_like(images, np.nan),
        np.full(total, np.nan),
        np.zeros(total, bool),
        np.zeros(total, np.int64),
    )
    occupant = np.full(slots, -1)
    state, progress_of = _empty(slots, pixels, pairs)
    waiting = 0
    while waiting < total or (occupant >= 0).any():
        free = np.flatnonzero(occupant < 0)[: total - waiting]
        occupant[free] = np.arange(waiting, waiting + len(free))
        waiting += len(free)
        refill = np.zeros(slots, bool)
        refill[free] = True
        rows = np.where(refill, occupant, 0)
        state, progress_of = ticks(
            network.weights,
            state,
            progress_of,
            tf.constant(refill),
            tf.constant(images[rows]),
            tf.constant(targets[rows], tf.int32),
            tf.constant(np.log(given[rows]), tf.float32),
        )
        ended = np.flatnonzero(progress_of.done.numpy() & (occupant >= 0))
        if ended.size:
            who = occupant[ended]
            reached = np.isfinite(progress_of.closest_log_c.numpy()[ended])
            closest = progress_of.closest.numpy()[ended]
            found.images[who] = np.where(reached[:, None], closest, np.nan)
            found.c[who] = np.exp(progress_of.closest_log_c.numpy()[ended].astype(np.float64))
            found.converged[who] = progress_of.converged.numpy()[ended]
            found.evaluations[who] = progress_of.evaluations.numpy()[ended]
            occupant[ended] = -1
            advance(len(ended))
    return found


def _empty(slots: int, pixels: int, pairs: int) -> tuple[lbfgsb.State, PenaltySearch]:
    """Empty batch slots, computed but ignored."""
    nothing, number = tf.zeros((slots, pixels)), tf.zeros(slots)
    state = lbfgsb.start(
        nothing, number + 1, pairs=pairs, lower=tf.constant(0.0), upper=tf.constant(1.0)
    )
    return state, c_state.start(nothing, tf.zeros(slots, tf.int32), number, tf.ones(slots, tf.bool))


@functools.lru_cache(maxsize=64)
def _ticks(
    network: Network,
    shape: tuple[int, ...],
    slots: int,
    budget: Budget,
    pairs: int,
    compiled: bool,
) -> Callable[..., tuple[lbfgsb.State, PenaltySearch]]:
    """The part that is a graph: lets new images in, then TICKS evaluations of every slot."""

    @tf.function(jit_compile=compiled)
    def ticks(
        weights: Weights,
        state: lbfgsb.State,
        searches: PenaltySearch,
        refill: Any,
        images: Any,
        targets: Any,
        log_c: Any,
    ) -> tuple[lbfgsb.State, PenaltySearch]:
        def loss_gradient_margin(points: Any, rows: PenaltySearch) -> tuple[Any, Any, Any]:
            with tf.GradientTape() as tape:
                tape.watch(points)
                scores = network.logits(weights, tf.reshape(points, (slots, *shape)))
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    rows.targets, rows.tau[:, None] * scores
                )
            return loss, tape.gradient(loss, points), c_search.margins(scores, rows.targets)

        fresh = lbfgsb.start(images, tf.ones(slots), pairs=pairs)
        fresh = fresh._replace(lower=state.lower, upper=state.upper)
        state = lbfgsb.choose(refill, fresh, state)
        searches = lbfgsb.choose(
            refill,
            c_state.start(images, targets, log_c, tf.zeros(slots, tf.bool), budget.tau),
            searches,
        )
        _, state, searches = tf.while_loop(
            lambda tick, *_: tick < TICKS,
            lambda tick, state, searches: (
                tick + 1,
                *c_search.tick(loss_gradient_margin, state, searches, budget),
            ),
            (0, state, searches),
        )
        return state, searches

    return ticks
