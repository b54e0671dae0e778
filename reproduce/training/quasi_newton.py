"""Full-batch L-BFGS on the published objective: for a whole network, and for a softmax alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import scipy.linalg
import scipy.optimize
import tensorflow as tf

from reproduce.data import Examples
from reproduce.networks.forward import outputs
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import stage
from reproduce.training.objective import (
    Decay,
    cross_entropy,
    decays,
    penalty,
    traced,
    value_and_gradient,
)

EDITION = 1


def lbfgs(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    iterations: int,
    decay: Decay,
    memory: int = 20,
    compiled: bool = True,
) -> None:
    """Trains all layers on all examples at once, from where they are.

    Args:
        rng: unused; nothing here is random.
        effort: a factor on the iterations.
        decay: lambda per layer, as in `objective`.
        memory: pairs of steps and gradient changes that L-BFGS remembers.
        compiled: by XLA.
    """
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)
    variables = model.trainable_variables
    lambdas = decays(model, decay)
    others = [tf.convert_to_tensor(variable) for variable in model.non_trainable_variables]

    def objective(weights: list[tf.Tensor]) -> Any:
        def loss(weights: list[tf.Tensor]) -> tf.Tensor:
            logits, _ = model.stateless_call(weights, others, images, training=False)
            return cross_entropy(labels, logits) + penalty(weights, lambdas)

        return value_and_gradient(loss, weights)

    start = [tf.convert_to_tensor(variable) for variable in variables]
    graph = traced(objective, start, compiled=compiled)
    splits = np.cumsum([np.prod(variable.shape) for variable in variables])[:-1]

    def unpack(flat: np.ndarray) -> list[np.ndarray]:
        pieces = np.split(flat.astype(np.float32), splits)
        return [piece.reshape(v.shape) for piece, v in zip(pieces, variables, strict=True)]

    def flat_objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = graph([tf.constant(piece) for piece in unpack(flat)])
        return float(value), np.concatenate([np.ravel(g) for g in gradient]).astype(np.float64)

    flat = np.concatenate([np.ravel(w) for w in start]).astype(np.float64)
    flat = _minimise(flat_objective, flat, max(1, round(effort * iterations)), memory, 0.0)
    for variable, value in zip(variables, unpack(flat), strict=True):
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

    def objective(position: tf.Tensor) -> Any:
        def loss(position: list[tf.Tensor]) -> tf.Tensor:
            weights = tf.matmul(back, position[0])
            decayed = tf.reduce_sum(lambdas * weights**2) / 2
            return cross_entropy(y, tf.matmul(x, weights)) + decayed

        value, gradient = value_and_gradient(loss, [position])
        return value, gradient[0]

    start = np.zeros((width, last.units), np.float32)
    graph = traced(objective, tf.constant(start), compiled=False)

    def flat_objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = graph(tf.constant(flat.reshape(width, -1), tf.float32))
        return float(value), gradient.numpy().ravel().astype(np.float64)

    flat = _minimise(flat_objective, start.ravel(), iterations, memory, tolerance)
    weights = back @ flat.reshape(width, -1).astype(np.float32)
    last.set_weights([weights[:-1], weights[-1]] if last.use_bias else [weights])


def _minimise(
    objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    iterations: int,
    memory: int,
    tolerance: float,
) -> np.ndarray:
    """SciPy's L-BFGS, with a bar."""
    with stage("L-BFGS", total=iterations) as advance:
        found = scipy.optimize.minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=lambda intermediate_result: advance(1, loss=intermediate_result.fun),
            options={
                "maxiter": iterations,
                "maxfun": 3 * iterations,
                "maxcor": memory,
                "gtol": tolerance,
                "ftol": 0.0,
            },
        )
    if not np.isfinite(found.fun):
        raise UserError(f"L-BFGS: the loss is {found.fun} after {found.nit} iterations.")
    return found.x
