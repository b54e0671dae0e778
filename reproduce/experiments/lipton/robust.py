"""Adversarial training: claim 20, beside the numbers of Goodfellow et al. 2015."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from reproduce.data.examples import Examples, read_only
from reproduce.experiments import Context, fitting
from reproduce.experiments.goodfellow.models import EPSILON, record
from reproduce.experiments.lipton import zoo
from reproduce.experiments.lipton.rules import defence as rules
from reproduce.experiments.lipton.zoo import Recipes
from reproduce.methods.attacks import fgsm
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.training import logits


def robust(
    context: Context,
    *,
    ordinary: dict[str, partial[Any]],
    hardened: dict[str, partial[Any]],
    rbf: Recipes,
    forest: int,
    surrogate: str,
    images: int,
    limit: int,
) -> Artefact:
    """FGSM at 0.25 before and after adversarial training.

    Args:
        ordinary: row -> `training.train`.
        hardened: row -> the same with an adversarial phase.
        rbf: name -> the RBF network, attacked for its published number.
        forest: trees of the forest, which has no gradient.
        surrogate: row of the network whose examples attack the forest, and train it.
        images: test images attacked; limit: training images at most.
    """
    cells = Cells("goodfellow", "fgsm")
    full = context.dataset.train
    train = (
        read_only(full.images[:limit], full.labels[:limit]) if limit < len(full.labels) else full
    )
    sample = zoo.draw(context.dataset.test, images, context.seed)
    shown: list[tuple[str, np.ndarray]] = []
    for row in ordinary:
        networks = [
            context.cached(context.training(recipes[row], train, context.seed))
            for recipes in (ordinary, hardened)
        ]
        for label, network in zip((row, rules.TRAINED.format(row)), networks, strict=True):
            changed = fgsm.fast(network, sample.images, sample.labels, epsilon=EPSILON)
            record(
                cells,
                label,
                logits(network, sample.images),
                logits(network, changed),
                sample.labels,
            )
            shown.append((label, changed))
    against = context.cached(context.training(ordinary[surrogate], train, context.seed))
    learnt, attacked = (
        fgsm.fast(against, some.images, some.labels, epsilon=EPSILON) for some in (train, sample)
    )
    distorted = read_only(learnt, train.labels)
    sets = {"random forest": train, rules.TRAINED.format("random forest"): _both(train, distorted)}
    fitting.of_every_class("random forest", train.labels, context.dataset.classes)
    for row, some in sets.items():
        call = partial(forest_answers, some, sample.images, attacked, forest, context.seed)
        clean, fooled = context.cached(call)
        record(cells, row, clean, fooled, sample.labels)
    for recipe in zoo.recipes(context, rbf).values():
        model = zoo.made(recipe)
        assert model.classify is not None
        changed = fgsm.fast(model.classify, sample.images, sample.labels, epsilon=EPSILON)
        record(cells, "RBF", model.logits(sample.images), model.logits(changed), sample.labels)
        shown.append(("RBF", changed))
    pictures = np.stack([sample.images[:8], *[changed[:8] for _, changed in shown]])
    return Artefact(
        title="The fast gradient sign, and training against it",
        caption=(
            f"{len(sample.labels)} test images, epsilon {EPSILON:g}, not clipped; models learnt "
            f"from {len(train.labels)} images. error: on FGSM examples; mean_confidence: on those "
            "misclassified. The forest has no gradient: it is attacked, and trained, with examples "
            f"of the {surrogate}."
        ),
        cells=cells.list,
        claims=[rules.robust_training(cells)],
        figures={
            "fgsm": figures.grid(
                np.clip(pictures, 0, 1), row_labels=["original", *[label for label, _ in shown]]
            )
        },
        departures=[
            "Goodfellow et al. train maxout networks; our deep one is fully connected, 400-400, "
            "with rectified units.",
            "Their RBF network has no hidden layer; ours has Gaussian units at clusters of images, "
            "and a calibrated softmax after them.",
        ],
    )


def _both(one: Examples, other: Examples) -> Examples:
    return Examples(
        np.concatenate([one.images, other.images]), np.concatenate([one.labels, other.labels])
    )


def forest_answers(
    train: Examples, images: np.ndarray, changed: np.ndarray, trees: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a forest on clean and on changed images."""
    from reproduce.networks.classical.trees import random_forest

    model = random_forest(train, seed, trees=trees)
    return model.logits(images), model.logits(changed)
