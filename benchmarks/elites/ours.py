"""The direct encoding of this package."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
import numpy as np

from benchmarks.elites.records import CHILDREN, CLASSES, EVERY_CLASS, SIZE, Contestant, Evolved
from reproduce.methods.evolution import direct
from reproduce.methods.evolution.map_elites import evolve
from reproduce.methods.evolution.scoring import Score, scorer

SETTINGS = {
    "code": "SBX with probability 0.5, polynomial mutation of 10 % of the genes, eta 15",
    "paper": "polynomial mutation of 10 % of the genes, eta 15",
    "fast": "polynomial mutation, eta 0.5, shared by 3 x 3 neighbours; 2 %, halved every 15 "
    "generations",
}


def contestants(network: keras.Model) -> list[Contestant]:
    return [
        Contestant(f"ours, {preset}", "this one", EVERY_CLASS, settings,
                   partial(_prepare, network, preset))
        for preset, settings in SETTINGS.items()
    ]  # fmt: skip


def warm_scorer(network: keras.Model) -> Score:
    """The scores of a generation, traced."""
    score = scorer(network, CHILDREN)
    score(np.zeros((CHILDREN, SIZE, SIZE, 1), np.uint8))
    return score


def _prepare(network: keras.Model, preset: str, generations: int) -> Callable[[int], Evolved]:
    score = warm_scorer(network)

    def run(seed: int) -> Evolved:
        found = evolve(
            network, direct.encoding(preset), classes=CLASSES, generations=generations,
            seeds=[seed], children=CHILDREN, initial=CHILDREN, forward=lambda *_: score,
        )  # fmt: skip
        return Evolved(found.log_odds[0], found.archives[0].images)

    return run
