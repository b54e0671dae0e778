"""Stochastic gradient descent with momentum, an epoch in one compiled loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from reproduce.data.examples import Examples
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import stage
from reproduce.training.objective import Decay, Weights, cross_entropy, decays, traced
from reproduce.training.schedules import Schedule

# (weights, others, indices of the batch's examples, its noise) -> loss, others after it
BatchLoss = Callable[[Weights, Weights, tf.Tensor, tf.Tensor], tuple[tf.Tensor, Weights]]


def sgd(
    model: keras.Model,
    examples: Examples,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    epochs: int,
    batch: int,
    rate: Schedule,
    momentum: float = 0.9,
    nesterov: bool = False,
    decay: Decay = 0.0,
    decay_factor: Schedule | None = None,
    least_steps: int = 0,
    compiled: bool = True,
) -> None:
    """Trains all layers on shuffled batches; what fills no last batch waits for the next shuffle.

    Args:
        rng: of the shuffles.
        effort: a factor on the epochs.
        rate: learning rate over the whole training.
        decay: lambda per layer, as in `objective`.
        decay_factor: what lambda is multiplied by over the whole training.
        least_steps: epochs are added, where examples are few, until there are so many steps; a
            sigmoid network leaves its first plateau after a number of steps, not of epochs.
        compiled: by XLA: on a CPU dense networks gain, convolutions and dropout lose.
    """
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)

    def loss(weights: Weights, others: Weights, chosen: tf.Tensor, _: tf.Tensor) -> Any:
        x, y = tf.gather(images, chosen), tf.gather(labels, chosen)
        logits, others = model.stateless_call(weights, others, x, training=True)
        return cross_entropy(y, logits), others

    train_all(
        model, loss, len(labels), rng, effort, epochs=epochs, batch=batch, rate=rate,
        momentum=momentum, nesterov=nesterov, decay=decay, decay_factor=decay_factor,
        least_steps=least_steps, compiled=compiled,
    )  # fmt: skip


def train_all(
    model: keras.Model,
    loss: BatchLoss,
    n: int,
    rng: np.random.Generator,
    effort: float,
    *,
    epochs: int,
    batch: int,
    rate: Schedule,
    momentum: float,
    decay: Decay,
    nesterov: bool = False,
    decay_factor: Schedule | None = None,
    least_steps: int = 0,
    noise: Sequence[int] = (0,),
    compiled: bool = True,
) -> None:
    """Descends on all layers' weights and leaves them in the model.

    Args:
        loss: of one batch of the n examples, by the model's variables.
        noise: as in `descend`; the other options as in `sgd`.
    """
    batch = min(batch, n)
    weights, others = descend(
        loss,
        [tf.convert_to_tensor(variable) for variable in model.trainable_variables],
        [tf.convert_to_tensor(variable) for variable in model.non_trainable_variables],
        n=n,
        rng=rng,
        epochs=max(1, round(effort * epochs), math.ceil(least_steps / (n // batch))),
        batch=batch,
        rate=rate,
        momentum=momentum,
        nesterov=nesterov,
        lambdas=decays(model, decay),
        decay_factor=decay_factor,
        noise=noise,
        compiled=compiled,
    )
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    for variable, value in zip(variables, weights + others, strict=True):
        variable.assign(value)


def descend(
    loss: BatchLoss,
    weights: Weights,
    others: Weights,
    *,
    n: int,
    rng: np.random.Generator,
    epochs: int,
    batch: int,
    rate: Schedule,
    momentum: float,
    lambdas: Sequence[float],
    nesterov: bool = False,
    decay_factor: Schedule | None = None,
    noise: Sequence[int] = (0,),
    compiled: bool = True,
) -> tuple[Weights, Weights]:
    """Minimises the mean loss over n examples, plus lambda / 2 * sum(w^2).

    Args:
        loss: of one batch.
        weights, others: what is trained, and what merely changes on the way.
        lambdas: one for each of the weights.
        noise: shape of the standard normal numbers that each example gets, anew in each epoch.

    Returns:
        weights and others at the end.
    """
    batch = min(batch, n)
    steps = n // batch
    done = np.arange(epochs * steps).reshape(epochs, steps) / (epochs * steps)
    rates = rate(done).astype(np.float32)
    factors = np.ones_like(rates) if decay_factor is None else decay_factor(done).astype(np.float32)

    def step(state: Any, chosen: tf.Tensor, noise: tf.Tensor, rate: Any, factor: Any) -> Any:
        weights, velocities, others, total = state
        with tf.GradientTape() as tape:
            tape.watch(weights)
            value, others = loss(weights, others, chosen, noise)
        gradient = [
            g + factor * weight * w
            for g, w, weight in zip(tape.gradient(value, weights), weights, lambdas, strict=True)
        ]
        velocities = [momentum * v - rate * g for v, g in zip(velocities, gradient, strict=True)]
        move = velocities
        if nesterov:  # the weights kept are those at which the next gradient is taken
            move = [momentum * v - rate * g for v, g in zip(velocities, gradient, strict=True)]
        weights = [w + m for w, m in zip(weights, move, strict=True)]
        return weights, velocities, others, total + value

    def epoch(state: Any, order: Any, noise: Any, rates: Any, factors: Any) -> Any:
        return tf.while_loop(
            lambda i, _: i < steps,
            lambda i, state: (i + 1, step(state, order[i], noise[i], rates[i], factors[i])),
            (0, (*state, tf.constant(0.0))),
        )[1]

    state: Any = (weights, [tf.zeros_like(w) for w in weights], others)
    graph = None
    with stage("gradient descent", total=epochs) as advance:
        for n_epoch in range(epochs):
            order = rng.permutation(n)[: steps * batch].reshape(steps, batch).astype(np.int32)
            numbers = tf.random.stateless_normal(
                (steps, batch, *noise), rng.integers(2**31, size=2)
            )
            inputs = state, tf.constant(order), numbers, rates[n_epoch], factors[n_epoch]
            graph = graph or traced(epoch, *inputs, compiled=compiled)
            *carried, total = graph(*inputs)
            state = tuple(carried)
            mean = float(total) / steps
            if not np.isfinite(mean):
                raise UserError(
                    f"gradient descent: the loss is {mean} in epoch {n_epoch + 1} of {epochs}, "
                    f"with a learning rate of up to {rates.max():g}: a smaller one is needed."
                )
            advance(1, loss=mean)
    return state[0], state[2]
