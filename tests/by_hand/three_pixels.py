"""Networks of three pixels and three classes, and an attack, whose every number is plain.

An image has three pixels, z = x W + b, and the first network's W is the identity: the label is the
brightest pixel, up to b, which tells the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import keras
import numpy as np

from reproduce.data import Dataset, Examples, read_only
from reproduce.experiments import Context
from reproduce.methods.attacks.attack import Adversarial, Attack, proposed
from reproduce.runtime.store import Store

BY = 0.02  # by so much the target leads after the attack
TOO_BRIGHT = 0.85  # the attack fails where the first pixel is brighter
WEIGHTS = {
    "FC10(1e-4)": np.eye(3, dtype=np.float32),
    "FC200-200-10": np.array([[1, 0.3, 0], [0, 1, 0.3], [0.3, 0, 1]], np.float32),
}


def offset(seed: int) -> np.ndarray:
    """What a network of this seed adds to its logits."""
    return np.array([0, 0.03, 0.06], np.float32) * (seed % 11 - 5)


def network(examples: Examples, seed: int, name: str) -> keras.Model:
    """Linear under the name of a linear network; else its logits go through tanh."""
    images = keras.Input(examples.images.shape[1:])
    x = keras.layers.Dense(3)(keras.layers.Flatten()(images))
    if name != "FC10(1e-4)":
        x = keras.layers.Activation("tanh")(x)
    model = keras.Model(images, x)
    model.set_weights([WEIGHTS[name], offset(seed)])
    return model


def answers(name: str, seed: int, images: np.ndarray) -> np.ndarray:
    """The labels, in NumPy."""
    return (images.reshape(-1, 3) @ WEIGHTS[name] + offset(seed)).argmax(axis=1)


@dataclass(frozen=True)
class Lift(Attack):
    """Makes the target's pixel the brightest by BY, and notes what it was asked.

    of: which pixel counts for a target by the second network, `lead` ahead of all others.
    """

    lead: float = BY

    name: ClassVar[str] = "lift"
    objective: ClassVar[str] = "one pixel"
    wants: ClassVar[str] = "targets"
    asked: ClassVar[list] = []

    def find(self, classify, images: np.ndarray, wanted: np.ndarray) -> Adversarial:
        Lift.asked.append((self.lead, images.copy(), wanted.copy()))
        return proposed(images, lifted(images, wanted, self.lead), wanted)


def lifted(images: np.ndarray, wanted: np.ndarray, lead: float) -> np.ndarray:
    """The other pixels half as bright, the target's at least 0.5 and `lead` above; NaN: failed."""
    flat = images.reshape(-1, 3) / 2
    rows = np.arange(len(flat))
    flat[rows, wanted] = np.maximum(0.5 + lead, flat[rows, wanted])
    flat[images.reshape(-1, 3)[:, 0] > TOO_BRIGHT] = np.nan
    return flat.reshape(images.shape).astype(np.float32)


def some(count: int, wrong: int, seed: int) -> Examples:
    """Images whose label is the brightest pixel, clearly, but for the last `wrong` of them."""
    rng = np.random.default_rng(seed)
    flat = rng.uniform(0.05, 0.5, (count, 3)).astype(np.float32)
    labels = np.arange(count) % 3
    flat[np.arange(count), labels] = rng.uniform(0.6, 0.95, count)
    labels[count - wrong :] = (labels[count - wrong :] + 1) % 3
    return read_only(flat.reshape(count, 1, 3, 1), labels)


@dataclass
class Small:
    """A context, and how its training images are found again."""

    context: Context
    seen: dict = field(default_factory=dict)

    def rows(self, images: np.ndarray) -> np.ndarray:
        """Which training images these are; none is anything else."""
        train = self.context.dataset.train.images
        same = (images[:, None] == train[None]).all(axis=(2, 3, 4))
        assert (same.sum(axis=1) == 1).all()
        return same.argmax(axis=1)


def small(folder, names=tuple(WEIGHTS), seed: int = 3) -> Small:
    Lift.asked.clear()
    dataset = Dataset("pixels", "here", "0", some(40, 4, 1), some(21, 6, 2), 3)
    networks = {name: partial(network, name=name) for name in names}
    return Small(Context(dataset, networks, seed, Store(folder)))
