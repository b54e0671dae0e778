"""Figure 3: what a network says of CPPN images that nobody evolved for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure

from reproduce import training
from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.imagenet import BATCH, the_network
from reproduce.methods.evolution import cppn
from reproduce.methods.evolution.archive import confidence, log_odds
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact

ROWS, COLUMNS, TOP = 2, 4, 3
NAME = 24  # letters of a class's name beside its bar


class Scored(NamedTuple):
    """CPPN images and what a network says of them.

    images: uint8 (n, side, side, 3).
    log_odds: float64 (n, classes).
    """

    images: np.ndarray
    log_odds: np.ndarray


def random_cppns(context: Context, network: keras.Model, images: int, mutations: int) -> Scored:
    """Images of CPPNs that drifted with nothing to select them, scored and kept."""
    seed = (context.seed, 3)
    found: Scored = context.cached(partial(_score, network, images, mutations, seed=seed))
    return found


def _score(network: keras.Model, images: int, mutations: int, *, seed: Sequence[int]) -> Scored:
    genomes = cppn.drifted(np.random.default_rng(seed), images, 3, mutations)
    pixels = cppn.render(genomes, network.input_shape[1])
    logits = training.logits(network, to_unit(pixels), BATCH)
    return Scored(pixels, log_odds(logits))


def figure3(context: Context, *, images: int, mutations: int) -> Artefact:
    """The network's three likeliest classes of random CPPN images.

    Args:
        images: how many are drawn; the eight of which the network is surest are shown, one for
            each label.
        mutations: of each CPPN since its random start, so that it has hidden nodes.
    """
    name, network = the_network(context)
    scored = random_cppns(context, network, images, mutations)
    p = confidence(scored.log_odds)
    labels, surest = p.argmax(axis=1), p.max(axis=1)
    cells = Cells("nguyen", "figure3")
    for least in (0.5, 0.9, 0.99):
        cells.rate(name, f"sure {least:g}", int((surest >= least).sum()), images)
    cells.number(name, "median_confidence", np.median(surest), "fraction", n=images)
    cells.number(name, "labels", len(set(labels.tolist())), "count")
    chosen = shown(labels, surest, ROWS * COLUMNS)
    return Artefact(
        title="Figure 3: CPPN images and what the network takes them for",
        caption=(
            f"{images} CPPNs, each mutated {mutations} times with nothing to select it. sure: "
            "share of images whose likeliest class has at least this confidence; "
            "median_confidence: of the likeliest class; labels: how many different ones. The "
            f"figure shows the {len(chosen)} images with different labels of which the network is "
            f"surest, and its {TOP} likeliest classes."
        ),
        cells=cells.list,
        figures={"figure3": _draw(scored.images[chosen], p[chosen], class_names(context, network))},
        departures=[
            "The paper shows eight CPPN images that people bred on PicBreeder, which are not at "
            "hand; here nobody and nothing selected the CPPNs, only which of them are shown.",
        ],
    )


def shown(labels: np.ndarray, surest: np.ndarray, most: int) -> list[int]:
    """Of each label the image with the highest confidence; the surest of these, best first."""
    order = np.argsort(-surest, kind="stable")
    _, first = np.unique(labels[order], return_index=True)
    return order[np.sort(first)][:most].tolist()


def class_names(context: Context, network: keras.Model) -> list[str]:
    """What the network's classes are called; their numbers where no names are at hand."""
    names = context.dataset.names
    classes = network.output_shape[1]
    return list(names) if len(names) == classes else [f"class {i}" for i in range(classes)]


def _draw(images: np.ndarray, p: np.ndarray, names: Sequence[str]) -> Figure:
    """The paper's layout: two rows of four, each image above its bars."""
    figure, axes = figures.sheet(2 * ROWS, COLUMNS, width=1.6, height=1.2)
    for ax in axes.flat:
        ax.set_axis_off()
    for i, (image, of_image) in enumerate(zip(images, p, strict=True)):
        row, column = divmod(i, COLUMNS)
        figures.crisp(axes[2 * row, column], to_unit(image))
        bars = axes[2 * row + 1, column]
        bars.set_axis_on()
        top = np.argsort(-of_image, kind="stable")[:TOP]
        bars.barh(range(TOP), of_image[top], color=("0.72", "0.82", "0.9"), height=0.8)
        for height, label in enumerate(top):
            bars.text(0.02, height, f"{names[label][:NAME]}  {of_image[label]:.3f}", va="center",
                      fontsize=7)  # fmt: skip
        bars.set_xlim(0, 1)
        bars.set_ylim(TOP - 0.4, -0.6)
        bars.set_yticks([])
        bars.set_xticks([0, 1])
        bars.tick_params(labelsize=7)
    return figure
