"""Adversarial training: pools of adversarial examples, at the input and at every layer's outputs.

Szegedy et al. 2014, section 4.2. A pool of adversarial examples is mixed with the training set all
the time, and a random part of it is continually replaced by fresh ones. It helped only when
examples were made for the outputs of each layer too and used to train all the layers above,
alternating between the layers, each with a pool of its own.

    theirs                       here
    layer's outputs              below(images): the network up to a layer
    all the layers above         above(outputs): from there to the logits
    box of the hidden outputs    [0, 1], which a sigmoid keeps to by itself

Not given in the paper, and so arguments: size of a pool, how many are replaced and when, the share
of a step. Ours: every step takes one batch of the training set and one of the next pool in turn,
the latter with its true labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from reproduce.methods.attacks import adversarial
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say, stage

Array = NDArray[np.floating]
Labels = NDArray[np.integer]
Attack = Callable[..., adversarial.Adversarial]


class Pool(NamedTuple):
    """Adversarial examples for the layers above some layer.

    outputs: float32 (size, ...) in [0, 1], that layer's outputs, moved until the label changed.
    labels: int (size,), the true ones.
    """

    outputs: Array
    labels: Labels


def adversarial_sgd(
    model: keras.Model,
    examples: Any,
    rng: np.random.Generator,
    effort: float = 1.0,
    *,
    layers: Sequence[str],
    attack: Attack,
    size: int,
    fresh: int,
    epochs: int,
    batch: int,
    rate: Callable[[Array], Array],
    clean: float = 1.0,
    weight: float = 1.0,
    targets: str = "random",
    longest: float | None = None,
    momentum: float = 0.9,
    decay: Sequence[float] = (),
    compiled: bool = True,
) -> None:
    """Trains a chain of layers on its training set and on adversarial examples of the moment.

    Args:
        examples: images (n, height, width, channels) in [0, 1] and labels, as attributes.
        rng: of the shuffles, the images attacked and the labels wanted.
        effort: a factor on the epochs.
        layers: names of the layers whose outputs get a pool; that of the input is the first.
        attack: one that wants targets (`methods.attacks.attack`).
        size, fresh: members of a full pool, and how many each epoch makes anew.
        rate: share of the training that is done -> learning rate.
        clean, weight: of the training set's mean loss and of the pool's, in every step.
        targets: rule by which the labels wanted are chosen (`adversarial.choose_targets`).
        longest: distortion at which a change is cut short, root mean square per output. A network
            under training moves its boundary away from each example; without a limit the pools
            end up with images that are no longer of the digit that they are labelled with.
        decay: lambda of each layer with weights, in lambda / 2 * sum(w^2); () for none.
        compiled: by XLA.
    """
    sides = [Sides.of(model, name) for name in layers]
    step = _epoch(model, [side.above for side in sides], (clean, weight), momentum, decay, compiled)
    pools: list[Pool | None] = [None for _ in layers]
    epochs = max(1, round(effort * epochs))
    size = min(size, epochs * fresh)  # as many as there will ever be
    n = len(examples.labels)
    batch = min(batch, n)
    passes = math.ceil(len(layers) / (n // batch))  # of an epoch: each pool has its step
    steps = passes * (n // batch)
    images, labels = tf.constant(examples.images), tf.constant(examples.labels, tf.int32)
    with stage("adversarial training", total=epochs) as advance:
        for epoch in range(epochs):
            for place, side in enumerate(sides):
                some = craft(side, *_draw(examples, fresh, rng), attack, rng, targets, longest)
                pools[place] = mixed(pools[place], some, size, rng)
            full = [_padded(pool, size) for pool in pools if pool is not None]
            shuffles = [rng.permutation(n)[: n // batch * batch] for _ in range(passes)]
            order = np.concatenate(shuffles).reshape(steps, batch)
            members = [
                rng.integers(len(pool.labels), size=(steps, batch)) for pool in pools if pool
            ]
            rates = rate((epoch + np.arange(steps) / steps) / epochs)
            loss = step(
                images,
                labels,
                [tf.constant(pool.outputs) for pool in full],
                [tf.constant(pool.labels, tf.int32) for pool in full],
                tf.constant(order, tf.int32),
                tf.constant(np.stack(members, axis=1), tf.int32),
                tf.constant(rates, tf.float32),
            )
            if not np.isfinite(loss):
                raise UserError(
                    f"adversarial training: the loss is {float(loss)} in epoch {epoch + 1} of "
                    f"{epochs}, with a learning rate of up to {rates.max():g}: a smaller one is "
                    "needed."
                )
            advance(1, loss=float(loss))


class Sides(NamedTuple):
    """A network cut after one layer.

    below: up to that layer; above: from there on. Both share the network's weights.
    classifier: a copy of `above` for attacks, which takes images: (n, 1, 1, units) for a layer of
        units, feature maps as they are. `refreshed` brings it up to date.
    """

    below: keras.Model
    above: keras.Model
    classifier: keras.Model

    @classmethod
    def of(cls, model: keras.Model, layer: str) -> Sides:
        outputs = model.get_layer(layer).output
        below = keras.Model(model.inputs[0], outputs)
        above = keras.Model(outputs, model.outputs[0])
        shape = outputs.shape[1:]
        copies = [keras.layers.Reshape(shape)] * (len(shape) == 1)
        copies += [
            type(each).from_config(each.get_config())
            for each in above.layers
            if not isinstance(each, keras.layers.InputLayer)
        ]
        maps = shape if len(shape) == 3 else (1, 1, *shape)
        return cls(below, above, keras.Sequential([keras.Input(maps), *copies]))

    def refreshed(self) -> keras.Model:
        self.classifier.set_weights(self.above.get_weights())
        return self.classifier


def craft(
    sides: Sides,
    images: Array,
    labels: Labels,
    attack: Attack,
    rng: np.random.Generator,
    rule: str,
    longest: float | None = None,
) -> Pool:
    """Fresh adversarial examples for the layers above; those the attack missed are left out.

    Where it missed all of them, the outputs as they are: a pool is never empty.
    """
    outputs = sides.below(images, training=False).numpy()
    if outputs.min() < 0 or outputs.max() > 1:
        raise ValueError(
            f"pools need outputs in [0, 1], as a sigmoid gives them; {sides.below.layers[-1].name} "
            f"gives [{outputs.min():g}, {outputs.max():g}]"
        )
    maps = outputs.reshape(-1, *sides.classifier.input_shape[1:])
    classify, seed = sides.refreshed(), int(rng.integers(2**31))
    targets = adversarial.choose_targets(classify, maps, labels, rule=rule, seed=seed)
    found = attack(classify, maps, targets)
    kept = ~found.failed
    if not kept.any():
        say(f"no adversarial example was found above {sides.below.layers[-1].name}")
        return Pool(outputs, labels)
    moved = found.images[kept]
    if longest is not None:
        share = longest / np.maximum(found.distortion[kept], longest)
        moved = maps[kept] + share.reshape(-1, 1, 1, 1) * (moved - maps[kept])
    return Pool(moved.reshape(-1, *outputs.shape[1:]).astype(np.float32), labels[kept])


def mixed(pool: Pool | None, fresh: Pool, size: int, rng: np.random.Generator) -> Pool:
    """Adds the fresh members; where the pool is full, in the places of others drawn at random."""
    if pool is None:
        return fresh
    kept = rng.permutation(len(pool.labels))[: max(0, size - len(fresh.labels))]
    return Pool(
        np.concatenate([pool.outputs[kept], fresh.outputs]),
        np.concatenate([pool.labels[kept], fresh.labels]),
    )


def _padded(pool: Pool, size: int) -> Pool:
    """Of one shape while it grows, so that the training step is compiled once."""
    missing = max(0, size - len(pool.labels))
    widths = [(0, missing)] + [(0, 0)] * (pool.outputs.ndim - 1)
    return Pool(np.pad(pool.outputs, widths), np.pad(pool.labels, (0, missing)))


def _draw(examples: Any, count: int, rng: np.random.Generator) -> tuple[Array, Labels]:
    chosen = rng.choice(len(examples.labels), size=count, replace=count > len(examples.labels))
    return examples.images[chosen], examples.labels[chosen]


def _epoch(
    model: keras.Model,
    heads: Sequence[keras.Model],
    weights: tuple[float, float],
    momentum: float,
    decay: Sequence[float],
    compiled: bool,
) -> Callable[..., tf.Tensor]:
    """One epoch in one graph; the heads take turns from step to step."""
    variables = model.trainable_variables
    clean, pool_weight = weights
    velocities = [tf.Variable(tf.zeros_like(variable)) for variable in variables]
    kernels = iter(decay)
    decays = [next(kernels, 0.0) if variable.name == "kernel" else 0.0 for variable in variables]

    def cross_entropy(head: keras.Model, inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, head(inputs, training=True))
        )

    def step(batch: Any, turn: int, member: Any, rate: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = clean * cross_entropy(model, *batch)
            loss += pool_weight * cross_entropy(heads[turn], *member)
        gradients = tape.gradient(loss, variables)
        for variable, velocity, gradient, decay_here in zip(
            variables, velocities, gradients, decays, strict=True
        ):
            velocity.assign(momentum * velocity - rate * (gradient + decay_here * variable))
            variable.assign_add(velocity)
        return loss

    @tf.function(jit_compile=compiled)
    def epoch(
        images: Any, labels: Any, outputs: Any, truths: Any, order: Any, members: Any, rates: Any
    ) -> tf.Tensor:
        total, rounds = tf.constant(0.0), tf.shape(order)[0] // len(heads)
        for turn_of_all in tf.range(rounds):
            for turn in range(len(heads)):  # unrolled: each head is a graph of its own
                i = turn_of_all * len(heads) + turn
                batch = tf.gather(images, order[i]), tf.gather(labels, order[i])
                chosen = members[i, turn]
                member = tf.gather(outputs[turn], chosen), tf.gather(truths[turn], chosen)
                total += step(batch, turn, member, rates[i])
        return total / tf.cast(rounds * len(heads), tf.float32)

    return epoch
