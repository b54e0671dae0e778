"""Figure 12: a network that knows fooling images as one more class, fooled again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from reproduce.data.download import find
from reproduce.data.examples import to_unit
from reproduce.data.fooling_images import ARCHIVE
from reproduce.experiments import Context
from reproduce.experiments.imagenet import BATCH, photographs, the_network
from reproduce.experiments.nguyen.imagenet.authors_images import look_at
from reproduce.experiments.nguyen.imagenet.figure3 import random_cppns
from reproduce.experiments.nguyen.imagenet.retraining import Retrained, fooling_images, retrained
from reproduce.experiments.nguyen.imagenet.runs import Search
from reproduce.methods.evolution.archive import confidence
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import lower_in_samples, majority, refuting, same_rate
from reproduce.report.published import lookup
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.errors import NotAvailable
from reproduce.training import Phase, logits

SIMILAR = 0.05  # of right answers; ours, to be well below what a user would notice

PUBLISHED_CHILDREN = 400  # a generation; authors' released code
PUBLISHED_AT = (1000, 2000, 3000, 4000, 5000)
PUBLISHED = {"DNN1": "ImageNet", "DNN2": "1001-class"}  # rows of the published curves
FEWEST = 4000  # evaluations from which the archives of both networks are compared


def figure12(
    context: Context,
    *,
    search: Search,
    runs: int,
    generations: int,
    phases: Sequence[Phase],
    unseen: int,
    mutations: int,
    effort: float = 1.0,
    archive: str | None = None,
) -> Artefact:
    """Evolution against a network, and against one that was taught what the first run found.

    Args:
        search: evolution, against the run's network and then against DNN_2.
        runs, generations: of the evolution against DNN_2.
        phases: how the new class is learned.
        unseen: CPPN images of another origin, and
        mutations: how often each was mutated.
        effort: a factor on the phases' epochs.
        archive: a file in the form of the authors' published images, in its place.
    """
    name, network = the_network(context)
    classes = network.output_shape[1]
    examples = photographs(context, network)
    first = search.evolve_cached(context)
    found: Retrained = context.cached(
        partial(
            retrained, network, photographs=examples, fooling=fooling_images(first),
            phases=phases, seed=context.seed, effort=effort,
        ),
        title="learning one more class",
    )  # fmt: skip
    second = search._replace(runs=runs, generations=generations).evolve_cached(
        context, found.network, classes
    )
    children = search.children
    others = random_cppns(context, network, unseen, mutations).images
    labelled = int((_labels(found.network, others) == classes).sum())
    odds = {"DNN1": first.log_odds, "DNN2": second.log_odds}
    p = {row: confidence(each[:, _last(odds)]) for row, each in odds.items()}
    cells, retraining = Cells("nguyen", "figure12"), Cells("nguyen", "retraining_imagenet")
    picbreeder = Cells("nguyen", "picbreeder")
    for row, of_network in p.items():
        retraining.single(
            row, "median_confidence", np.median(of_network), "fraction", of_network.size
        )
        cells.number(row, "max_confidence", of_network.max(), "fraction", of_network.size)
        cells.rate(row, "at_99", int((of_network >= 0.99).sum()), of_network.size)
        right = found.before if row == "DNN1" else found.after
        cells.rate(row, "photographs_right", int((right == found.right).sum()), len(right))
    cells.rate("DNN2", "photographs_as_fooling", int((found.after == classes).sum()), len(right))
    cells.rate("DNN2", "recognised", found.recognised, found.fooling)
    picbreeder.rate("DNN2", "labelled_fooling", labelled, unseen)
    missing = _authors(cells, found.network, classes, archive)
    at_published(cells, odds, children)
    evaluations = children * _last(odds)
    return Artefact(
        title="Figure 12: retraining with a class for fooling images",
        caption=(
            f"DNN1 is {name}; DNN2 has one more class for the {found.fooling} different images "
            "of the first and the last generation against DNN1. Both after "
            f"{_last(odds)} generations of {children} children. median_confidence, "
            "max_confidence, at_99: of the archives' elites; photographs_right: of "
            f"{len(found.right)} photographs that the new class was not learned from; "
            "photographs_as_fooling: of these, labelled as fooling images; recognised: fooling "
            "images in the training set labelled as such; labelled_fooling: of "
            f"{unseen} CPPN images that nobody evolved; authors_as_fooling: likewise of the "
            "images that the authors published, evolved for another network."
        ),
        cells=[*retraining.list, *cells.list, *picbreeder.list],
        claims=_claims(
            {row: each[:, _last(odds)] for row, each in odds.items()},
            found,
            labelled,
            unseen,
            evaluations,
        ),
        figures={"figure12": _curves(odds, children)},
        notes=[*missing],
        departures=[
            f"{_last(odds)} generations of {children} children instead of 5,000 of 400.",
            "The paper trains the whole network anew on all of ImageNet; here the last layer gets "
            f"one more unit, which alone is learned, from {found.photographs} photographs and the "
            "fooling images. The other classes keep their weights, so that a photograph can only "
            "be lost to the new class.",
            "CPPNs that drifted with nothing to select them stand in for 70 PicBreeder images.",
        ],
    )


def _authors(cells: Cells, network: keras.Model, fooling: int, archive: str | None) -> list[str]:
    """How many of the authors' images get the new class; what is missing, where they are not."""
    try:
        path = Path(archive) if archive else find(ARCHIVE)
        labels = look_at(network, path).found
    except NotAvailable as reason:
        return [f"authors_as_fooling is not run: {reason}"]
    cells.rate("DNN2", "authors_as_fooling", int((labels == fooling).sum()), len(labels))
    return []


def at_published(cells: Cells, odds: dict[str, np.ndarray], children: int) -> None:
    """Our numbers at the generations that the plot is read at, as far as they were run."""
    for row, each in odds.items():
        for generation in PUBLISHED_AT:
            at = generation * PUBLISHED_CHILDREN // children
            if at < each.shape[1]:
                p = confidence(each[:, at])
                column = str(generation)
                cells.single(f"{PUBLISHED[row]} median", column, np.median(p), "fraction", p.size)
                cells.single(f"{PUBLISHED[row]} max", column, p.max(), "fraction", p.size)


def _labels(network: keras.Model, images: np.ndarray) -> np.ndarray:
    answers = logits(network, to_unit(images), BATCH)
    return answers.argmax(axis=1)


def _last(odds: dict[str, np.ndarray]) -> int:
    """The last generation that was run against both networks."""
    return min(each.shape[1] for each in odds.values()) - 1


def _claims(
    log_odds: dict[str, np.ndarray], found: Retrained, labelled: int, unseen: int, evaluations: int
) -> list[Claim]:
    """Elites of one archive share ancestors: a run is one observation, by its median.

    Args:
        log_odds: network -> (runs, classes), at the end; labelled: of `unseen` CPPN images.
    """
    medians = {row: np.median(each, axis=1) for row, each in log_odds.items()}
    low, high = (float(np.median(confidence(log_odds[row]))) for row in ("DNN2", "DNN1"))
    lower = lower_in_samples(medians["DNN2"], medians["DNN1"])
    runs = min(map(len, medians.values()))
    right = [int((labels == found.right).sum()) for labels in (found.before, found.after)]
    n = len(found.right)
    return [
        Claim(
            "retraining_helps_on_photographs",
            "Images evolved against the retrained network have a lower confidence than those "
            "against the first: 88.1 % falls to 11.7 % (section 3.7).",
            answer(lower if evaluations >= FEWEST else None),
            f"The median is {100 * high:.2g} % against the first and {100 * low:.2g} % against the "
            f"retrained network, after {evaluations:,} evaluations each; Welch's t test of the "
            "runs' medians in log-odds, 5 %, for which either network needs two runs.",
            Strength(runs, None, "a higher median, at 5 %,"),
        ),
        Claim(
            "photographs_keep_their_class",
            "The retrained network errs on photographs as the first does (section 3.7).",
            answer(same_rate(right[1], n, right[0], n, SIMILAR)),
            f"{right[0]} and {right[1]} of {n} unseen photographs are right; the same: the "
            f"90 % interval of the difference lies within {SIMILAR:.0%}.",
            Strength(1, n, "an interval beyond it"),
        ),
        Claim(
            "cppn_images_are_recognised",
            "The retrained network labels most CPPN images of another origin, 45 of 70, as "
            "fooling images (section 3.7).",
            answer(majority(labelled, unseen)),
            f"{labelled} of {unseen} of those that drifted with nothing to select them.",
            Strength(1, unseen, refuting(unseen)),
        ),
    ]


def _curves(odds: dict[str, np.ndarray], children: int) -> Figure:
    """Median and highest confidence over generations of 400; the published ones as diamonds."""
    figure, axes = figures.sheet(1, 1, width=4.6, height=2.8)
    ax = axes[0, 0]
    for index, (row, each) in enumerate(odds.items()):
        p = confidence(each)
        x = (np.arange(p.shape[1]) + 1) * children / PUBLISHED_CHILDREN
        lines = {"median": np.median(p, axis=(0, 2)), "max": p.max(axis=(0, 2))}
        for second, (line, y) in enumerate(lines.items()):
            colour = figures.COLOURS[2 * index + second]
            ax.plot(x, y, color=colour, linestyle="-" if second == 0 else ":",
                       label=f"{row}, {line}")  # fmt: skip
            printed = [
                lookup("nguyen", "figure12", f"{PUBLISHED[row]} {line}", str(generation))
                for generation in PUBLISHED_AT
            ]
            ax.plot(PUBLISHED_AT, [each.value for each in printed if each], "D",
                       markerfacecolor="white", markeredgecolor=colour, markersize=4)  # fmt: skip
    ax.plot([], [], "D", markerfacecolor="white", markeredgecolor="0.3", markersize=4,
               label="published")  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(-0.02, 1.02)  # curves may lie at 0
    ax.set_xlabel("generation (of 400 images)")
    ax.set_ylabel("confidence")
    figures.legend(ax, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
