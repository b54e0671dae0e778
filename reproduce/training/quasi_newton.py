"""Full-batch L-BFGS on the published objective: for a whole network, and for a softmax alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import scipy.linalg
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.networks.forward import outputs
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import stage
from reproduce.training.limited_memory import Objective, State, minimise
from reproduce.training.objective import (
    Decay,
    cross_entropy,
    decays,
    penalty,
    traced,
    value_and_gradient,
)


def lbfgs(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    iterations: int,
    decay: Decay,
    memory: int = 100,
    tolerance: float = 0.0,
    checkpoint: Path | None = None,
) -> None:
    """Trains all layers on all examples at once, from where they are.

    Args:
        rng: unused; nothing here is random.
        effort: a factor on the iterations.
        decay: lambda per layer, as in `objective`.
        memory: pairs of steps and gradient changes that L-BFGS remembers.
        tolerance: the largest component of the gradient at which the training ends early.
        checkpoint: a file from which a stopped training goes on, bit by bit as if never stopped.
    """
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)
    variables = model.trainable_variables
    lambdas = decays(model, decay)
    others = [tf.convert_to_tensor(variable) for variable in model.non_trainable_variables]

    def loss(weights: list[tf.Tensor]) -> tf.Tensor:
        logits, _ = model.stateless_call(weights, others, images, training=False)
        return cross_entropy(labels, logits) + penalty(weights, lambdas)

    shapes = [tuple(variable.shape) for variable in variables]
    found = _minimise(
        _of_one_vector(loss, shapes),
        np.concatenate([np.ravel(variable) for variable in variables]),
        max(1, round(effort * iterations)),
        memory,
        tolerance,
        checkpoint,
    )
    for variable, value in zip(variables, _pieces(found, shapes), strict=True):
        variable.assign(value)


def softmax(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    decay: float,
    iterations: int = 500,
    memory: int = 20,
    tolerance: float = 3e-5,
) -> None:
    """Trains the last layer alone, from zero to the optimum, on what the layers below give.

    The problem is convex. It is solved in the coordinates in which its Hessian at zero,
    (E[x x'] / k + lambda) for each of k classes, is the identity; the penalty stays that of
    the weights themselves.

    Args:
        rng, effort: unused; nothing here is random, and half an optimum is none.
        decay: lambda, as in `objective`; the bias, if there is one, is free.
        tolerance: the largest component of the gradient, in those coordinates, at the end.
    """
    last = model.layers[-1]
    features = outputs(keras.Model(model.inputs, last.input), examples.images)
    features = features.reshape(len(features), -1)
    if last.use_bias:
        features = np.concatenate([features, np.ones_like(features[:, :1])], axis=1)
    n, width = features.shape
    lambdas = np.full((width, 1), decay, np.float32)
    lambdas[width - last.use_bias :] = 0
    hessian = (features.T @ features).astype(np.float64) / (n * last.units) + np.diagflat(lambdas)
    scales, axes = scipy.linalg.eigh(hessian)
    scales = np.maximum(scales, 1e-7 * scales[-1])
    back = ((axes / np.sqrt(scales)) @ axes.T).astype(np.float32)
    x, y = tf.constant(features), tf.constant(examples.labels, tf.int32)

    def loss(weights: list[tf.Tensor]) -> tf.Tensor:
        original = tf.matmul(back, weights[0])
        decayed = tf.reduce_sum(lambdas * original**2) / 2
        return cross_entropy(y, tf.matmul(x, original)) + decayed

    shape = (width, last.units)
    start = np.zeros(width * last.units, np.float32)
    found = _minimise(_of_one_vector(loss, [shape]), start, iterations, memory, tolerance)
    weights = back @ found.reshape(shape)
    last.set_weights([weights[:-1], weights[-1]] if last.use_bias else [weights])


def _of_one_vector(
    loss: Callable[[list[tf.Tensor]], tf.Tensor], shapes: Sequence[tuple[int, ...]]
) -> Objective:
    """A loss of weights of these shapes as a function of all their numbers in one row.

    Without XLA: on a CPU its matrix products take a third longer.
    """

    def both(flat: tf.Tensor) -> Any:
        value, gradient = value_and_gradient(loss, _pieces(flat, shapes))
        return value, tf.concat([tf.reshape(piece, [-1]) for piece in gradient], axis=0)

    size = sum(int(np.prod(shape)) for shape in shapes)
    graph = traced(both, tf.zeros(size), compiled=False)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = graph(tf.constant(flat))
        return float(value), gradient.numpy()

    return objective


def _pieces(flat: Any, shapes: Sequence[tuple[int, ...]]) -> list[tf.Tensor]:
    """One row of numbers, cut up."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    starts = [0, *ends[:-1]]
    return [
        tf.reshape(flat[start:end], shape)
        for start, end, shape in zip(starts, ends, shapes, strict=True)
    ]


def _minimise(
    objective: Objective,
    start: np.ndarray,
    iterations: int,
    memory: int,
    tolerance: float,
    checkpoint: Path | None = None,
) -> np.ndarray:
    """Where L-BFGS ends, with a bar that says why."""
    done = 0
    with stage("L-BFGS", total=iterations) as advance:

        def show(state: State, note: str = "") -> None:
            nonlocal done
            advance(state.iterations - done, note=note, loss=state.value)
            done = state.iterations

        end = minimise(
            objective,
            start,
            iterations=iterations,
            memory=memory,
            tolerance=tolerance,
            checkpoint=checkpoint,
            after=show,
        )
        if not np.isfinite(end.value):
            raise UserError(f"L-BFGS: the loss is {end.value} at the start.")
        why = "no lower point found" if end.failed else "budget used up"
        show(end, note="converged" if end.converged else why)
    return end.position
