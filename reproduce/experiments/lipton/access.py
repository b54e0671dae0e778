"""Attacks with the model and without it: claim 5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reproduce import data
from reproduce.data.examples import Examples, read_only
from reproduce.experiments import Context
from reproduce.experiments.lipton import zoo
from reproduce.experiments.lipton.rules import defence as rules
from reproduce.methods.attacks import fgsm, simba
from reproduce.methods.attacks.attack import distance
from reproduce.methods.attacks.minimal import hop_skip_jump
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact
from reproduce.training import logits

SIZE = 0.1  # root mean square per pixel that no attack exceeds
STEPS = 20  # of the gradient attacks
OTHER_WIDTH = 150  # of the attacker's network, who does not know the architecture


def access(
    context: Context,
    *,
    network: str,
    images: int,
    queried: list[int],
    score_queries: int,
    search: Mapping[str, Any],
) -> Artefact:
    """A network attacked by those who have it, and by those who have not.

    Args:
        network: attacked; trained on one half of the training images.
        images: test images attacked.
        queried: how many of its labels a substitute is trained on.
        score_queries: questions for scores an image; search: options of the search by labels.
    """
    mine, others = data.halves(context.dataset.train, context.seed)
    target = context.network(network, examples=mine)
    sample = zoo.draw(context.dataset.test, images, context.seed)
    right = zoo.recognised(network, logits(target, sample.images), sample.labels)
    sample = Examples(sample.images[right], sample.labels[right])
    cells = Cells("lipton", "access")
    n = len(sample.labels)

    def fooled_by(made_for: Any) -> int:
        changed = fgsm.iterated(
            made_for, sample.images, sample.labels, epsilon=SIZE, steps=STEPS, euclidean=True
        )
        return int((logits(target, changed).argmax(axis=1) != sample.labels).sum())

    white = cells.rate("with the model", "fooled", fooled_by(target), n)
    recipe = context.recipe(network)
    wider = partial(recipe.network, units=[OTHER_WIDTH, OTHER_WIDTH])
    train, seed = replace(recipe, network=wider), context.seeds(2)[1]
    elsewhere = context.cached(context.training(train, others, seed))
    blind = cells.rate("substitute, other data", "fooled", fooled_by(elsewhere), n)
    curve: dict[int, float] = {}
    for count in queried:
        some = others.images[:count]
        answers = logits(target, some).argmax(axis=1).astype(np.int64)
        asked_for = partial(
            train, examples=read_only(some.copy(), answers), seed=seed,
            classes=context.dataset.classes,
        )  # fmt: skip
        row = f"substitute, {len(some)} labels asked"
        fooled = cells.rate(row, "fooled", fooled_by(context.cached(asked_for)), n)
        curve[len(some)] = float(fooled.value or 0)
        cells.number(row, "questions", len(some), "count")
    scores, labels = _searches(context, target, sample, others, score_queries, search)
    reach = SIZE * np.sqrt(sample.images[0].size)
    for row, (asked, reached) in {"scores only": scores, "labels only": labels}.items():
        final = reached[-1] <= reach
        cells.rate(row, "fooled", int(final.sum()), n)
        cells.number(row, "questions", float(asked[-1]), "count")
    return Artefact(
        title="Attacks with and without the model",
        caption=(
            f"{n} test images that {network}, trained on half of the data, classifies correctly. "
            f"No attack changes an image by more than {SIZE:g} root mean square per pixel; those "
            f"along a gradient take {STEPS} steps. fooled: share whose label changes. Substitutes "
            "are networks of another width, trained on the other half, with true labels or with "
            "those that the attacked network gives when asked; questions: asked in all for a "
            "substitute, else at most for each image."
        ),
        cells=cells.list,
        claims=[rules.needs_access(cells)],
        figures={
            "access": _figure(
                curve,
                scores,
                labels,
                float(reach),
                {
                    "with the model": float(white.value or 0),
                    "substitute, other data": float(blind.value or 0),
                },
            )
        },
    )


Trace = tuple[np.ndarray, np.ndarray]  # questions (looks,), distance reached (looks, n)


def _searches(
    context: Context,
    target: Any,
    sample: Examples,
    pool: Examples,
    score_queries: int,
    search: Mapping[str, Any],
) -> tuple[Trace, Trace]:
    by_scores = context.cached(
        partial(searched_by_scores, target, sample, score_queries, context.seed)
    )
    few = Examples(pool.images[:1000], pool.labels[:1000])
    by_labels = context.cached(
        partial(searched_by_labels, target, sample, few, context.seed, dict(search))
    )
    return by_scores, by_labels


def searched_by_scores(target: Any, sample: Examples, most: int, seed: int) -> Trace:
    """Where the search by scores stands after each question that fooled somebody."""
    found = simba.by_scores(
        lambda x: zoo.softmax(logits(target, x)), sample.images, sample.labels,
        seed=seed, queries=most,
    )  # fmt: skip
    assert found.evaluations is not None
    best = np.where(found.failed, np.inf, distance(sample.images, found.images))
    looks = np.unique(np.append(found.evaluations[~found.failed], most))
    reached = np.where(found.evaluations[None] <= looks[:, None], best[None], np.inf)
    return looks, reached


def searched_by_labels(
    target: Any, sample: Examples, pool: Examples, seed: int, search: Mapping[str, Any]
) -> Trace:
    """Where the search by labels stands at each of its looks."""

    def predict(x: np.ndarray) -> np.ndarray:
        return logits(target, x).argmax(axis=1)

    starts = hop_skip_jump.nearest_others(predict, sample.images, sample.labels, pool.images)
    walk = hop_skip_jump.search(predict, sample.images, starts, seed=seed, **search)
    return walk.queries, walk.distance


def _figure(
    curve: dict[int, float], scores: Trace, labels: Trace, reach: float, unasked: dict[str, float]
) -> Figure:
    """Success against questions; lines across for attacks that ask none."""
    figure, axes = figures.sheet(width=4.2, height=3.2)
    ax = axes[0, 0]
    figures.curve(ax, np.array(list(curve)), np.array(list(curve.values())),
                  label="substitute on labels (questions in all)")  # fmt: skip
    for name, (asked, reached) in {"scores only": scores, "labels only": labels}.items():
        figures.curve(ax, asked, (reached <= reach).mean(axis=1), label=f"{name} (an image)")
    ax.set(xscale="log", xlabel="questions", ylabel="share fooled", ylim=(0, 1.05))
    first, last = ax.get_xlim()
    for name, share in unasked.items():
        ax.axhline(share, color="0.6", linewidth=0.8, zorder=0)
        ax.annotate(name, (first, share), (2, -2), textcoords="offset points", va="top",
                       fontsize=7, color="0.4")  # fmt: skip
    ax.set_xlim(first, last)
    figures.legend(figure, loc="outside upper center", ncols=1)
    return figure
