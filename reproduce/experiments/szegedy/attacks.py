"""The images that Tables 1 and 2 and Figure 7 attack, and what the attack finds."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.methods.attacks import adversarial
from reproduce.methods.attacks.attack import Adversarial, Attack
from reproduce.runtime.errors import NotAvailable, UserError
from reproduce.training import logits

AVERAGE = (
    "The average distortion is read as the root mean square over all images and pixels, because "
    "the published distances come out; the mean of images is smaller by a tenth."
)


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


def draw(examples: Examples, count: int, seed: int, rule: str = "random") -> Examples:
    """The images to attack, which an attack's protocol chooses.

    Args:
        rule: "random", without replacement, where a seed always draws the same ones; "first", the
            first ones.
    """
    count = min(count, len(examples.labels))
    if rule == "first":
        return Examples(examples.images[:count], examples.labels[:count])
    if rule != "random":
        raise UserError(f"images are chosen by the rule random or first, got {rule!r}.")
    drawn = np.random.default_rng([seed, count]).choice(len(examples.labels), count, replace=False)
    return Examples(examples.images[drawn], examples.labels[drawn])


def choices(attack: Attack, rule: str) -> list[str]:
    """What an attack and its protocol decide where the paper leaves it open."""
    first = ["The first images are attacked, not a random sample."] if rule == "first" else []
    usual = [f"Attacked by {attack}, which makes small: {attack.objective}."]
    return [*(attack.choices or usual), AVERAGE, *first]


def towards(attack: Attack) -> str:
    """What images are changed to, for a caption."""
    return "random target labels" if attack.wants == "targets" else f"by {attack}"


def attack_network(
    context: Context, name: str, examples: Examples, attack: Attack, seed: int
) -> Attacked:
    """Attacks one network by its name.

    Args:
        seed: of its training and of the target labels.
    """
    network = context.network(name, seed=seed)
    title = f"attacking {name}, {len(examples.labels)} images"
    return attack_examples(context, network, examples, attack, seed, title)


def attack_examples(
    context: Context, network: Any, examples: Examples, attack: Attack, seed: int, title: str = ""
) -> Attacked:
    """Attacks a network, with random targets where the attack wants targets (section 4.1).

    Args:
        seed: of the target labels.

    Raises:
        NotAvailable: where an image has no label left that could be its target.
    """
    images, labels = examples
    if attack.wants == "targets":
        try:
            labels = adversarial.choose_targets(network, images, labels, seed=seed)
        except NotAvailable as error:
            reason = f"{attack} wants targets: {error} attack=deepfool needs none."
            raise NotAvailable(reason) from error
    found = context.cached(partial(attack, network, images, labels), title=title)
    return Attacked(network, examples, found)


def errors(network: Any, examples: Examples) -> int:
    """How many examples get another label than theirs."""
    return int(wrong_on(network, examples).sum())


def wrong_on(network: Any, examples: Examples) -> np.ndarray:
    """bool (n,): which examples get another label than theirs."""
    return np.asarray(logits(network, examples.images).argmax(axis=1) != examples.labels)
