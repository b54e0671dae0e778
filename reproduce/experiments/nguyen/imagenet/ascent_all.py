"""Gradient ascent to every class of a network, by the quick rule."""

from __future__ import annotations

import keras
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen import ascents
from reproduce.experiments.nguyen.imagenet.ascent import Climbed, climb_cached, mean_image
from reproduce.experiments.nguyen.imagenet.figure3 import class_names
from reproduce.experiments.nguyen.imagenet.figure13 import sheet
from reproduce.methods.ascent import RULES, THRESHOLDS
from reproduce.methods.evolution.archive import confidence
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import more_than, refuting
from reproduce.report.figures import png
from reproduce.report.results import Artefact, Claim, Strength, answer

RULE = "fast224"
TOGETHER = 100  # classes in a batch; a stopped run goes on with the batch that it was in
SURE = THRESHOLDS[-1]
NEARLY_ALL = 0.99
ROWS, COLUMNS = 4, 8
NAME = 20  # letters of a class's name above its image


def ascent_all(context: Context, *, classes: int) -> Artefact:
    """An image for every class, each leaving its batch when the network is 99.99 % sure.

    Args:
        classes: how many, spread over the network's.
    """
    name, network = the_network(context)
    labels, found = climb_to(context, network, classes)
    p = confidence(found.log_odds)
    cells = Cells("nguyen", "ascent_all")
    ascents.row(cells, name, p, found.reached)
    cells.rate(name, "bytes at 0.9999", int((p >= SURE).sum()), len(p))
    cells.rate(name, "bytes at 0.99", int((p >= 0.99).sum()), len(p))
    steps = found.reached[:, -1]
    shown = _chosen(len(p))
    names = class_names(context, network)
    cells.number(name, "most steps", steps.max() if (steps >= 0).any() else np.nan, "count")
    cells.number(name, "gradients", np.isfinite(found.confidence).sum(), "count")
    cells.number(name, "cpu_seconds", found.cpu_seconds, "s")
    return Artefact(
        title="Gradient ascent to every class",
        caption=(
            f"{len(labels)} classes, one start each, by the rule {RULE}: log-probability, steps "
            f"of one length, until {SURE:.2%} or for {RULES[RULE].steps} steps. "
            "median_confidence and bytes: of the images rounded to bytes, as a file keeps them; "
            "reached and steps: on the way; gradients: evaluated in all; cpu_seconds: of the "
            "process, over all cores. The figure shows some of the images, the mean subtracted."
        ),
        cells=cells.list,
        claims=[_claim(found, name, whole=len(labels) == network.output_shape[1])],
        figures={
            "ascent-all": sheet(
                found.images[shown],
                mean_image(network),
                [names[labels[i]][:NAME] for i in shown],
                p[shown],
                COLUMNS,
            ),
            "ascent-all-steps": _steps(found, name),
        },
        files={f"ascent_all/class{labels[i]}-{p[i]:.8f}.png": png(found.images[i]) for i in shown},
        notes=[] if (steps >= 0).all() else [_left_behind(labels, found)],
        departures=[
            "The paper climbs p by steps of predicted gain; log p by steps of one length gets "
            "there sooner, and from where p is nearly 0. Where a network's scores come out of a "
            "ReLU, as SqueezeNet's do, the gradient that raises one passes the ReLU also where it "
            "is off; the scores are the network's own.",
            f"{name} instead of the authors' CaffeNet; the start is ImageNet's mean colour, "
            f"not its mean image (root mean square difference at the end "
            f"{ascents.contrast(to_unit(found.images), mean_image(network)):.3f}).",
        ],
    )


def climb_to(context: Context, network: keras.Model, classes: int) -> tuple[np.ndarray, Climbed]:
    """So many classes, spread over the network's, int64 (n,), and an image of each, kept."""
    count = min(classes, network.output_shape[1])
    labels = np.unique(np.linspace(0, network.output_shape[1] - 1, count).round().astype(int))
    return labels, climb_cached(
        context, network, labels.tolist(), rule=RULE, together=TOGETHER, until=SURE
    )


def _claim(found: Climbed, name: str, whole: bool) -> Claim:
    arrived, as_bytes = found.reached[:, -1] >= 0, confidence(found.log_odds) >= SURE
    return Claim(
        "ascent_reaches_every_class",
        f"Gradient ascent finds images of 99.99 % confidence (section 3.8): for more than "
        f"{NEARLY_ALL:.0%} of all classes.",
        answer(more_than(int(arrived.sum()), len(arrived), NEARLY_ALL) if whole else None),
        f"{name}: {arrived.sum()} of {len(arrived)} classes reach it; {as_bytes.sum()} images "
        f"still have it as bytes; {found.cpu_seconds:.0f} CPU seconds.",
        Strength(1, len(arrived), refuting(len(arrived), NEARLY_ALL)),
    )


def _left_behind(labels: np.ndarray, found: Climbed) -> str:
    behind = np.flatnonzero(found.reached[:, -1] < 0)
    p = confidence(found.log_odds[behind])
    listed = ", ".join(f"{labels[i]} ({q:.4f})" for i, q in zip(behind[:20], p, strict=False))
    return f"Classes that did not arrive, with their confidence at the end: {listed}."


def _chosen(n: int) -> list[int]:
    """Images for the page, spread over all."""
    return np.unique(np.linspace(0, n - 1, ROWS * COLUMNS).round().astype(int)).tolist()


def _steps(found: Climbed, name: str) -> Figure:
    """How many steps the classes take."""
    figure, axes = figures.sheet(1, 1, width=4.0, height=2.4)
    ax = axes[0, 0]
    steps = found.reached[:, -1]
    figures.distribution(ax, [np.where(steps >= 0, steps, np.inf)], [name])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(f"steps to {SURE:g}")
    ax.set_ylabel("share of classes")
    return figure
