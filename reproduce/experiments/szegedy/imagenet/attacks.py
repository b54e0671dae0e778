"""Photographs under attack: which ones, towards what, in pieces that are kept."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.experiments.imagenet import answers, photographs
from reproduce.methods.attacks import adversarial
from reproduce.methods.attacks.attack import Adversarial, Attack, joined
from reproduce.runtime.errors import NotAvailable
from reproduce.runtime.store import Piece

CHUNK = 32  # photographs a kept piece of the attack holds, so that a stopped run goes on


def towards(
    context: Context, network: Any, wanted: int, images: int, random_images: int
) -> tuple[Examples, list[tuple[np.ndarray, np.ndarray]]]:
    """Photographs, and images with targets: all with the wanted one, the first with random ones."""
    sample = drawn(context, network, images, wanted)
    some = Examples(sample.images[:random_images], sample.labels[:random_images])
    anywhere = adversarial.choose_targets(network, *some, seed=context.seed)
    return sample, [(sample.images, np.full(len(sample.labels), wanted)), (some.images, anywhere)]


def drawn(context: Context, network: Any, count: int, wanted: int) -> Examples:
    """Photographs drawn among the correctly classified ones that show something else."""
    examples = photographs(context, network)
    right = answers(context, network).argmax(axis=1) == examples.labels
    right &= examples.labels != wanted
    if not right.any():
        raise NotAvailable("the network classifies none of the photographs correctly.")
    places = np.random.default_rng([context.seed, 5]).permutation(np.flatnonzero(right))[:count]
    return Examples(examples.images[places], examples.labels[places])


def attacked(
    context: Context, network: Any, images: np.ndarray, targets: np.ndarray, attack: Attack
) -> Adversarial:
    """All of these images, kept in pieces.

    Args:
        images: float32 (n, side, side, 3) in [0, 1].
        targets: int64 (n,).
    """
    pieces = [
        Piece(
            partial(attack, network, images[start : start + CHUNK], targets[start : start + CHUNK]),
            title=f"attacking photographs {start + 1} to {min(start + CHUNK, len(images))}",
        )
        for start in range(0, len(images), CHUNK)
    ]
    return joined(context.store.cached_all(pieces))
