"""Rounds of retraining: evolve against DNN_i, add what was found, train DNN_(i+1) on it.

Nguyen et al. 2015, section 3.7: fooling images become one more class. m of them are drawn from
the archives of the first and of the last generation of all runs, 20 images a run on MNIST. A
network is trained anew each time, on the clean images and all fooling images so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reproduce import training
from reproduce.data.examples import Examples, read_only, to_unit
from reproduce.experiments import Context
from reproduce.experiments.fitting import Preset, sized
from reproduce.experiments.nguyen.runs import CHILDREN
from reproduce.methods.evolution.map_elites import Evolution, evolve
from reproduce.networks.forward import mistakes
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import stage


class Round(NamedTuple):
    """What became of one network.

    log_odds: float64 (runs, generations + 1, classes), the elites' for their class.
    images: uint8 (runs, classes, height, width, channels), of the last generation.
    wrong: clean test images that it labels wrongly, of `tested`.
    recognised: fooling images in its training set that it labels as such, of `fooling`.
    """

    log_odds: np.ndarray
    images: np.ndarray
    wrong: int
    tested: int
    recognised: int
    fooling: int


def rounds(
    context: Context,
    *,
    train: partial[Any],
    encoding: Preset,
    networks: int,
    runs: int,
    generations: int,
    images: int,
    first: str | None = None,
    first_runs: int | None = None,
    first_images: int | None = None,
) -> list[Round]:
    """DNN_1 to DNN_n; every network and every evolution is kept.

    Args:
        train: makes a network from examples and a seed.
        images: m, drawn for the later networks; all there are where the runs have fewer.
        first: the experiment's network that is DNN_1; None trains it as the others.
        first_runs, first_images: against DNN_1 and of its images; None takes runs and images.

    Raises:
        UserError: for fewer images than one.
    """
    drawn, attacks = [images] * networks, [runs] * networks
    drawn[0] = images if first_images is None else first_images
    attacks[0] = runs if first_runs is None else first_runs
    if min(drawn) < 1:
        raise UserError(
            f"images of each network that the later ones learn: 1 or more; got {min(drawn)}"
        )
    if min(attacks) < 1:
        raise UserError(f"runs against each network: 1 or more; got {min(attacks)}")
    classes = context.dataset.classes
    clean, test = context.dataset.train, context.dataset.test
    fooling = np.empty((0, *clean.images.shape[1:]), np.float32)
    found = []
    with stage("retraining", total=networks) as advance:
        for i, seed in enumerate(context.seeds(networks)):
            examples = _enlarged(clean, fooling, label=classes)
            if i == 0 and first is not None:
                model = context.network(first)
            else:
                model = context.cached(context.training(train, examples, seed))
            evolution: Evolution = context.cached(
                partial(
                    evolve,
                    model,
                    sized(encoding, context.image_shape),
                    classes=classes,
                    generations=generations,
                    seeds=[(context.seed, i, run) for run in range(attacks[i])],
                    children=CHILDREN,
                    snapshot_generations=(0, generations),
                ),
                checkpoints="checkpoints",
            )
            recognised = 0
            if len(fooling):
                labels = training.logits(model, fooling).argmax(axis=1)
                recognised = int((labels == classes).sum())
            wrong = mistakes(model, test)
            found.append(
                Round(
                    evolution.log_odds, evolution.snapshots[:, -1], wrong, len(test.labels),
                    recognised, len(fooling),
                )
            )  # fmt: skip
            added = _first_and_last(evolution, drawn[i], seed=(context.seed, i, attacks[i]))
            fooling = np.concatenate([fooling, added])
            advance(1, note=f"DNN{i + 1}")
    return found


def _first_and_last(evolution: Evolution, most: int, seed: Sequence[int]) -> np.ndarray:
    """Images drawn from the first and the last generation's archives, float32 in [0, 1]."""
    snapshots = evolution.snapshots[:, [0, -1]]
    found = snapshots.reshape(-1, *snapshots.shape[3:])
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(len(found), min(most, len(found)), replace=False))
    return to_unit(found[drawn])


def _enlarged(clean: Examples, fooling: np.ndarray, label: int) -> Examples:
    """The clean examples and, under one more label, the fooling images."""
    if not len(fooling):
        return clean
    return read_only(
        np.concatenate([clean.images, fooling]),
        np.concatenate([clean.labels, np.full(len(fooling), label)]),
    )
