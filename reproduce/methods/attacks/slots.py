"""Many images through a number of slots: whoever is finished makes room.

A graph evaluates all slots at once, and as soon as an image is finished, the next one takes its
place; so memory does not grow with the number of images. What becomes of slots when no image
waits any more depends on who runs the graph:

- XLA compiles anew for each number of slots. There are always as many, those without an image are
  computed along, and no image's result depends on its company.
- TensorFlow takes any number. Slots without an image are dropped, and the graph returns as soon
  as an image is finished, so that nothing is computed in vain. How many images are evaluated
  together may show in the last digits of their results; the same call gives the same digits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from reproduce.methods.attacks import c_search, c_state, lbfgsb
from reproduce.methods.attacks.c_state import Budget, PenaltySearch
from reproduce.networks.forward import Network, Weights, slots_for
from reproduce.runtime import progress

TICKS = 8  # evaluations between two looks at who has finished, at most
# XLA fuses the bookkeeping, which counts where images and networks are small. Bookkeeping is little
# beside any network of larger images.
COMPILED_PIXELS = 50_000


class Found(NamedTuple):
    """One row per image.

    images: float32 (n, pixels), as the search left them; NaN where the target was not reached.
    c: float64 (n,), the weight of the distance there; NaN where it was not.
    converged: bool (n,), false where the budget ran out.
    evaluations: int64 (n,), of loss and gradient.
    """

    images: np.ndarray
    c: np.ndarray
    converged: np.ndarray
    evaluations: np.ndarray


def search(
    network: Network,
    shape: tuple[int, ...],
    images: np.ndarray,
    targets: np.ndarray,
    given: np.ndarray,
    budget: Budget,
    pairs: int,
    compiled: bool,
    advance: progress.Advance,
) -> Found:
    """Sends the images through the slots, in their order.

    Args:
        shape: of an image as the network takes it.
        images: float32 (n, pixels) in [0, 1].
        targets: int (n,).
        given: float64 (n,), c; NaN where it is to be found.
        pairs: length of the L-BFGS history.
        compiled: by XLA, where images are small and the network has no convolution.
    """
    total, pixels = images.shape
    compiled = compiled and pixels <= COMPILED_PIXELS and not _convolves(network, shape)
    slots = slots_for(pixels) if compiled else min(slots_for(pixels), total)
    ticks = _ticks(network, shape, budget, pairs, compiled)
    found = Found(
        np.full_like(images, np.nan),
        np.full(total, np.nan),
        np.zeros(total, bool),
        np.zeros(total, np.int64),
    )
    occupant = np.full(slots, -1)
    state, searches = _empty(slots, pixels, pairs)
    waiting = 0
    while waiting < total or (occupant >= 0).any():
        free = np.flatnonzero(occupant < 0)[: total - waiting]
        occupant[free] = np.arange(waiting, waiting + len(free))
        waiting += len(free)
        refill = np.zeros(len(occupant), bool)
        refill[free] = True
        taken = np.flatnonzero(occupant >= 0)
        if not compiled and len(taken) < len(occupant):
            state, searches = _rows(state, taken), _rows(searches, taken)
            occupant, refill = occupant[taken], refill[taken]
        rows = np.where(refill, occupant, 0)
        state, searches = ticks(
            network.weights,
            state,
            searches,
            tf.constant(refill),
            tf.constant(images[rows]),
            tf.constant(targets[rows], tf.int32),
            tf.constant(np.log(given[rows]), tf.float32),
        )
        ended = np.flatnonzero(searches.done.numpy() & (occupant >= 0))
        if ended.size:
            who = occupant[ended]
            reached = np.isfinite(searches.closest_log_c.numpy()[ended])
            closest = searches.closest.numpy()[ended]
            found.images[who] = np.where(reached[:, None], closest, np.nan)
            found.c[who] = np.exp(searches.closest_log_c.numpy()[ended].astype(np.float64))
            found.converged[who] = searches.converged.numpy()[ended]
            found.evaluations[who] = searches.evaluations.numpy()[ended]
            occupant[ended] = -1
            advance(len(ended))
    return found


@functools.lru_cache(maxsize=64)
def _convolves(network: Network, shape: tuple[int, ...]) -> bool:
    """Whether a network has convolutions, which XLA slows down on a processor.

    An evaluation of LeNet takes it 7.4 times as long, one of SqueezeNet 2.7 times.
    """
    inputs = _weight_specs(network), tf.TensorSpec((1, *shape), tf.float32)
    graph = tf.function(network.logits).get_concrete_function(*inputs).graph.as_graph_def()
    nodes = [graph.node, *(function.node_def for function in graph.library.function)]
    return any("Conv" in node.op for of_one in nodes for node in of_one)


def _weight_specs(network: Network) -> Any:
    """Shapes and types of a network's weights, as they are nested."""
    return tf.nest.map_structure(lambda w: tf.TensorSpec(w.shape, w.dtype), network.weights)


def _empty(slots: int, pixels: int, pairs: int) -> tuple[lbfgsb.State, PenaltySearch]:
    """Slots without an image."""
    nothing, number = tf.zeros((slots, pixels)), tf.zeros(slots)
    state = lbfgsb.start(
        nothing, number + 1, pairs=pairs, lower=tf.constant(0.0), upper=tf.constant(1.0)
    )
    return state, c_state.start(nothing, tf.zeros(slots, tf.int32), number, tf.ones(slots, tf.bool))


def _rows(record: Any, rows: np.ndarray) -> Any:
    """The same record of these rows alone; what is one for all stays."""
    return type(record)(*(tf.gather(part, rows) if part.shape.rank else part for part in record))


@functools.lru_cache(maxsize=64)
def _ticks(
    network: Network, shape: tuple[int, ...], budget: Budget, pairs: int, compiled: bool
) -> Callable[..., tuple[lbfgsb.State, PenaltySearch]]:
    """The part that is a graph: lets new images in, then evaluates every slot TICKS times.

    Not compiled, it has no slot without an image, and returns as soon as one is finished.
    """

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
                scores = network.logits(weights, tf.reshape(points, (-1, *shape)))
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    rows.targets, rows.tau[:, None] * scores
                )
            return loss, tape.gradient(loss, points), c_search.margins(scores, rows.targets)

        def goes_on(tick: Any, _: lbfgsb.State, searches: PenaltySearch) -> Any:
            few = tick < TICKS
            return few if compiled else few & ~tf.reduce_any(searches.done)

        fresh = lbfgsb.start(images, tf.ones_like(log_c), pairs=pairs)
        fresh = fresh._replace(lower=state.lower, upper=state.upper)
        state = lbfgsb.choose(refill, fresh, state)
        searches = lbfgsb.choose(
            refill,
            c_state.start(images, targets, log_c, tf.zeros_like(refill), budget.tau),
            searches,
        )
        _, state, searches = tf.while_loop(
            goes_on,
            lambda tick, state, searches: (
                tick + 1,
                *c_search.tick(loss_gradient_margin, state, searches, budget),
            ),
            (0, state, searches),
        )
        return state, searches

    if compiled:
        return tf.function(ticks, jit_compile=True)
    return tf.function(ticks, input_signature=_any_number(network, shape, pairs))


def _any_number(network: Network, shape: tuple[int, ...], pairs: int) -> list[Any]:
    """What the graph takes, for any number of slots: one trace serves them all."""
    pixels = int(np.prod(shape))
    state, searches = _empty(1, pixels, pairs)

    def rows(part: Any) -> tf.TensorSpec:
        return tf.TensorSpec([None, *part.shape[1:]] if part.shape.rank else [], part.dtype)

    return [
        _weight_specs(network),
        tf.nest.map_structure(rows, state),
        tf.nest.map_structure(rows, searches),
        rows(searches.done),
        rows(state.position),
        rows(searches.targets),
        rows(searches.log_c),
    ]
