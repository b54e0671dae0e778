"""Attacks on several networks: all are trained first, then all are attacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reproduce.data.examples import Examples
from reproduce.experiments import Context
from reproduce.experiments.pieces import asking, network_piece
from reproduce.experiments.szegedy.attacks import Attacked, attack_examples
from reproduce.methods.attacks.attack import Attack


class Wanted(NamedTuple):
    """A network to be attacked.

    name: of the network; examples: original images and their true labels.
    seed: of the target labels, and of the training where `training` names no other.
    learnt: what the network learns from, if not the training images.
    """

    name: str
    examples: Examples
    seed: int
    training: int | None = None
    learnt: Examples | None = None

    @property
    def title(self) -> str:
        return f"attacking {self.name}, {len(self.examples.labels)} images"


def attack_all(context: Context, wanted: Sequence[Wanted], attack: Attack) -> list[Attacked]:
    """Each network under one attack, in order; none depends on another."""
    networks = context.store.cached_all(
        [
            network_piece(
                context,
                each.name,
                seed=each.seed if each.training is None else each.training,
                examples=each.learnt,
            )
            for each in wanted
        ],
        then=[each.title for each in wanted],
    )
    asked = [
        attack_examples(asking(context), network, each.examples, attack, each.seed, each.title)
        for network, each in zip(networks, wanted, strict=True)
    ]
    found = context.store.cached_all([each.found for each in asked])  # type: ignore[misc]
    return [each._replace(found=one) for each, one in zip(asked, found, strict=True)]
