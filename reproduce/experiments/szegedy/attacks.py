"""The images that Tables 1 and 2 and Figure 7 attack, and what the attack finds."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.data import Examples
from reproduce.experiments import Context
from reproduce.methods.attacks import adversarial
from reproduce.methods.attacks.adversarial import Adversarial
from reproduce.training import logits


class Attacked(NamedTuple):
    """One network under attack.

    network: the trained model; examples: the original images and their true labels;
    found: the smallest change to each that the attack found.
    """

    network: Any
    examples: Examples
    found: Adversarial

    @property
    def distorted(self) -> Examples:
        """The adversarial images with the labels of their originals; failures are left out."""
        kept = ~self.found.failed
        return Examples(self.found.images[kept], self.examples.labels[kept])


def draw(examples: Examples, count: int, seed: int) -> Examples:
    """Images drawn without replacement; a seed always draws the same ones."""
    count = min(count, len(examples.labels))
    drawn = np.random.default_rng([seed, count]).choice(len(examples.labels), count, replace=False)
    return Examples(examples.images[drawn], examples.labels[drawn])


def attack_network(
    context: Context, name: str, examples: Examples, attack: partial[Any], seed: int
) -> Attacked:
    """Attacks one network with random target labels (Szegedy et al. 2014, section 4.1).

    Args:
        name: of the network; seed: of its training and of the target labels.
        attack: `adversarial.nearest` without network, images and targets.
    """
    network = context.network(name, seed=seed)
    targets = adversarial.choose_targets(network, examples.images, examples.labels, seed=seed)
    call = partial(attack, network, examples.images, targets)
    found = context.cached(call, title=f"attacking {name}, {len(targets)} images")
    return Attacked(network, examples, found)


def errors(network: Any, examples: Examples) -> int:
    """How many examples get another label than theirs."""
    return int((logits(network, examples.images).argmax(axis=1) != examples.labels).sum())
