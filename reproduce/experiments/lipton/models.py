"""One protocol, many models: claims 1, 3, 4, 6, 12 and 16, and the universal picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import Examples, to_unit
from reproduce.experiments import Context
from reproduce.experiments.fitting import sized
from reproduce.experiments.lipton import protocol, zoo
from reproduce.experiments.lipton.medians import median
from reproduce.experiments.lipton.protocol import Smallest
from reproduce.experiments.lipton.rules import models as rules
from reproduce.experiments.lipton.zoo import Recipe, Recipes
from reproduce.methods.evolution import direct
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim

POOL = 2000  # training images among which a search by labels looks for its start
NOISES = 5  # noise images for each changed image
USUAL = 0.99  # of test images lie nearer to a training image than evolved ones that are no digits


class Studied(NamedTuple):
    """One model under the protocol.

    kept: bool (n,), the images that it classifies correctly; only they count.
    """

    recipe: Recipe
    kept: np.ndarray
    smallest: Smallest
    evolution: Evolution


def models(
    context: Context,
    *,
    models: Recipes,
    images: int,
    generations: int,
    search: Mapping[str, Any],
    evaluations: int,
    compiled: bool = True,
) -> Artefact:
    """The table, model by measure.

    Args:
        models: name -> what makes its recipe.
        images: test images attacked per model; generations: of the evolution.
        search: options of the search by labels; evaluations: of the attack by gradient.
        compiled: that attack, by XLA.
    """
    cells = Cells("lipton", "models")
    sample = zoo.draw(context.dataset.test, images, context.seed)
    separation = protocol.class_separation(sample.images, sample.labels, context.dataset.train)
    train, classes = context.dataset.train, context.dataset.classes
    pool = Examples(train.images[:POOL], train.labels[:POOL])
    encoding = sized(partial(direct.encoding, "fast"), context.image_shape)
    studied: dict[str, Studied] = {}
    odd: list[str] = []
    for name, recipe in zoo.recipes(context, models).items():
        kept = zoo.made(recipe).labels(sample.images) == sample.labels
        if not kept.any():
            odd.append(f"{name}: left out, it labels none of the {len(kept)} images rightly.")
            continue
        found = context.cached(
            partial(
                protocol.smallest, recipe, sample.images[kept], pool, seed=context.seed,
                search=dict(search), classes=classes, evaluations=evaluations, compiled=compiled,
            )
        )  # fmt: skip
        evolution = context.cached(
            partial(protocol.fooling, recipe, encoding, classes, generations, context.seed)
        )
        studied[name] = Studied(recipe, kept, found, evolution)
        odd += _row(cells, context, name, studied[name], sample, separation)
    usual = np.quantile(_test_distances(context), USUAL)
    cells.number(rules.TEST_IMAGES, "fooling_distance", float(usual), "norm")
    return Artefact(
        title="Every model under one protocol",
        caption=(
            f"Smallest change of {len(sample.labels)} test images that alters a correct answer to "
            "another class. distance: median Euclidean; of_separation: the same over the distance "
            "to the nearest training image of another class; distortion: mean root mean square per "
            "pixel; proven: share known to be the smallest there is; by_labels: median ratio of "
            "what a search that sees only labels found; noise_changes: answers altered by Gaussian "
            f"noise of the same size. fooling_confidence: median over {classes} classes after "
            f"{generations} generations of the direct encoding, 200 children each; "
            "fooling_distance: median distance of these images from the nearest training image, "
            f"and, in the last row, what {USUAL:.0%} of the test images stay below; "
            "clean_confidence: median on test images. Probabilities are calibrated on held-out "
            "images."
        ),
        cells=cells.list,
        claims=_claims(cells),
        figures={
            "universal": universal(studied, sample),
            "distances": _distances(studied),
        },
        notes=odd,
        departures=[
            "Where nothing exact is to be had, the smallest change is the best of a gradient "
            "attack and of a search by labels: an upper bound.",
        ],
    )


def _row(
    cells: Cells,
    context: Context,
    name: str,
    studied: Studied,
    sample: Examples,
    separation: np.ndarray,
) -> list[str]:
    """Fills a model's row; says so where its clean error is not what the field knows."""
    model, test = zoo.made(studied.recipe), context.dataset.test
    logits = zoo.answered(context, studied.recipe, test.images)
    wrong = int((logits.argmax(axis=1) != test.labels).sum())
    cells.rate(name, "test_error", wrong, len(test.labels))
    learnt_from = np.nan if model.fitted_on is None else model.fitted_on
    cells.number(name, "learnt_from", learnt_from, "count")
    change = studied.smallest.change
    found = np.isfinite(change.distance)
    pixels = sample.images[0].size
    separation = separation[studied.kept]
    cells.rate(name, "changed", int(found.sum()), len(found))
    median(cells, name, "distance", change.distance, "norm")
    ratio = change.distance / separation
    median(cells, name, "of_separation", ratio, "ratio")
    cells.rate(name, "within_half", int((ratio < 0.5).sum()), len(found))
    cells.mean(
        name, "distortion", np.where(found, change.distance / np.sqrt(pixels), np.nan), "rms"
    )
    cells.rate(name, "proven", int(change.proven.sum()), len(found))
    by_labels = studied.smallest.by_labels / np.maximum(change.distance, 1e-9)
    cells.number(name, "by_labels", _median(by_labels), "ratio", len(found))
    changed = noise_changes(model, sample.images[studied.kept], change.distance, context)
    if len(changed):
        cells.grouped_rate(name, "noise_changes", changed, np.full(len(changed), NOISES))
    certainty = confidence(studied.evolution.log_odds[0, -1])
    median(cells, name, "fooling_confidence", certainty, "fraction")
    cells.number(name, "least_fooled_class", float(certainty.min()), "fraction", len(certainty))
    evolved = to_unit(studied.evolution.archives[0].images)
    away = protocol.to_training(evolved, context.dataset.train)
    median(cells, name, "fooling_distance", away, "norm")
    clean = zoo.softmax(logits).max(axis=1)
    cells.number(name, "clean_confidence", float(np.median(clean)), "fraction", len(clean))
    band = zoo.known_band(name, model.fitted_on) if "mnist" in context.dataset.name else None
    if band is None or context.dataset.name == "fashion_mnist":
        return []
    error = wrong / len(test.labels)
    if band[0] <= error <= band[1]:
        return []
    return [
        f"{name}: test error {error:.1%}; after {model.fitted_on} examples the field knows "
        f"{band[0]:.1%} to {band[1]:.1%}."
    ]


def _test_distances(context: Context) -> np.ndarray:
    """Of test images, 1,000 at most, from the nearest training image."""
    some = zoo.draw(context.dataset.test, 1000, context.seed).images
    return protocol.to_training(some, context.dataset.train)


def noise_changes(
    model: Any, images: np.ndarray, distance: np.ndarray, context: Context
) -> np.ndarray:
    """How many of NOISES draws of each image's own distance alter its answer, int64 (found,)."""
    found = np.isfinite(distance)
    images, distance = images[found], distance[found]
    if not len(images):
        return np.zeros(0, np.int64)
    stream = np.random.default_rng([context.seed, 3])
    noise = stream.standard_normal((NOISES, *images.shape), dtype=np.float32)
    noise *= (distance / np.sqrt(images[0].size)).astype(np.float32)[None, :, None, None, None]
    before = model.labels(images)
    after = model.labels((images[None] + noise).reshape(-1, *images.shape[1:]))
    return np.asarray((after.reshape(NOISES, -1) != before).sum(axis=0))


def _claims(cells: Cells) -> list[Claim]:
    judges = (
        rules.imperceptible, rules.not_random, rules.against_smoothness, rules.all_susceptible,
        rules.simple_no_better, rules.every_method_fooled,
    )  # fmt: skip
    return [judge(cells) for judge in judges]


def universal(studied: Mapping[str, Studied], sample: Examples) -> Figure:
    """All models side by side: original, changed, magnified difference, a fooling image.

    Every model shows the first image that all classify correctly, if there is one.
    """
    kept = np.all([one.kept for one in studied.values()], axis=0)
    chosen = int(kept.argmax()) if kept.any() else None
    rows, labels = [], []
    for name, one in studied.items():
        place = int(one.kept.argmax()) if chosen is None else chosen
        index = int(one.kept[:place].sum())
        original, changed = sample.images[place], one.smallest.change.images[index]
        difference = changed - original
        most = np.nanmax(np.abs(difference)) if np.isfinite(difference).all() else 1.0
        archive = one.evolution.archives[0]
        niche = int(np.argmax(archive.log_odds))
        rows.append(
            [original, changed, 0.5 + 0.5 * difference / max(most, 1e-9),
             to_unit(archive.images[niche])]
        )  # fmt: skip
        beyond = np.clip(np.nan_to_num(original + 1.001 * difference), 0, 1)  # the boundary
        answer = zoo.made(one.recipe).labels(beyond[None])[0]
        labels.append(
            f"{name}\n{sample.labels[place]} to {answer}, |r| = "
            f"{one.smallest.change.distance[index]:.2g}\n"
            f"fooling: a {niche}, {confidence(archive.log_odds[niche]):.1%}"
        )
    return figures.grid(
        np.array(rows, np.float32),
        row_labels=labels,
        column_labels=["original", "changed", "difference", "fooling"],
        width=3.2,
    )


def _distances(studied: Mapping[str, Studied]) -> Figure:
    """The distribution of the smallest change for each model, by its median."""
    figure, axes = figures.sheet(width=5.2, height=3.2)
    ax = axes[0, 0]
    ordered = sorted(studied, key=lambda name: _median(studied[name].smallest.change.distance))
    values = [
        studied[name].smallest.change.distance[np.isfinite(studied[name].smallest.change.distance)]
        for name in ordered
    ]
    ax.boxplot(values, orientation="horizontal", whis=(5, 95), sym="", widths=0.6,
                  medianprops={"color": "black"})  # fmt: skip
    ax.set_yticks(range(1, len(ordered) + 1), ordered)
    ax.set_xlabel("length of the smallest change (whiskers: 5 and 95 %)")
    ax.set_xlim(left=0)
    return figure


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")
