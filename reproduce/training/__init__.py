"""Training: one `train` for every network, through phases that a configuration puts in a row.

A phase is a call phase(model, examples, rng, effort) with its own options bound; it changes the
model's weights. Each recipe in conf/networks says how the paper trained, and where it departs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reproduce.data.examples import Examples
from reproduce.networks.forward import error_rate, logits
from reproduce.runtime.errors import UserError
from reproduce.training.descent import sgd
from reproduce.training.pretraining import sparse_autoencoder
from reproduce.training.quasi_newton import lbfgs, softmax
from reproduce.training.schedules import constant, cosine, falling, one_cycle

__all__ = [
    "Recipe", "constant", "cosine", "error_rate", "falling", "lbfgs", "logits", "one_cycle", "sgd",
    "softmax", "sparse_autoencoder", "train",
]  # fmt: skip

Phase = Callable[..., None]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: everything but its examples and its seed. See `train`."""

    network: Callable[..., keras.Model]
    phases: Sequence[Phase]
    effort: float = 1.0
    classes: int | None = None

    def __call__(
        self,
        examples: Examples,
        seed: int,
        *,
        classes: int | None = None,
        checkpoints: Path | None = None,
    ) -> keras.Model:
        """The trained network."""
        return train(
            self.network, self.phases, examples, seed, effort=self.effort,
            classes=self.classes if classes is None else classes, checkpoints=checkpoints,
        )  # fmt: skip

    @property
    def methods(self) -> list[Callable[..., None]]:
        """The function behind each phase, without its options."""
        return [getattr(phase, "func", phase) for phase in self.phases]


def train(
    network: Callable[..., keras.Model],
    phases: Sequence[Phase],
    examples: Examples,
    seed: int,
    *,
    classes: int | None = None,
    effort: float = 1.0,
    checkpoints: Path | None = None,
) -> keras.Model:
    """A new network, trained. The same arguments give the same weights, to the last bit.

    Args:
        network: builds it from input_shape, classes and seed (see `models`).
        phases: what is done to it, one after the other.
        examples: images float32 (n, height, width, channels) in [0, 1] and labels.
        seed: of the initial weights and, separately, of each phase.
        classes: by default one more than the largest label.
        effort: a factor on epochs and iterations, for a quick look.
        checkpoints: a folder in which long phases leave what a stopped training needs to go on.
    """
    low, high = float(examples.images.min()), float(examples.images.max())
    if not (low >= 0 and high <= 1):
        raise UserError(
            f"images lie in [0, 1], got [{low:g}, {high:g}]: centring belongs inside the model."
        )
    classes = int(examples.labels.max()) + 1 if classes is None else classes
    first, *rest = np.random.SeedSequence(seed).spawn(len(phases) + 1)
    model: Any = network(
        input_shape=examples.images.shape[1:], classes=classes, seed=int(first.generate_state(1)[0])
    )
    for number, (phase, sequence) in enumerate(zip(phases, rest, strict=True), start=1):
        if checkpoints is not None and "checkpoint" in inspect.signature(phase).parameters:
            phase = partial(phase, checkpoint=checkpoints / f"phase{number}.npz")
        phase(model, examples, np.random.default_rng(sequence), effort)
    return model
