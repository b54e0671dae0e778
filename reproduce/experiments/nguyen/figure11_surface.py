"""Figure 11 as a surface, over the two numbers that the paper's text does not give.

How many fooling images of each network join the training set of the later ones, and for how many
generations each network is attacked. All cells are declared beforehand and shown, none left out.
Every network and every evolution is kept in the store by itself, so that a stopped run goes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from reproduce.experiments import Context
from reproduce.experiments.fitting import Preset
from reproduce.experiments.nguyen import drawing
from reproduce.experiments.nguyen.figure11 import FEWEST_GENERATIONS, fooled_again
from reproduce.experiments.nguyen.rounds import Round, rounds
from reproduce.experiments.nguyen.runs import CHILDREN, LOG_ODDS, SETTLED
from reproduce.methods.evolution.archive import confidence
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import over_cases
from reproduce.report.printing import certainty
from reproduce.report.results import Artefact, Cell, Claim, Strength
from reproduce.runtime.errors import UserError
from reproduce.runtime.progress import say

LOWEST = -8.0  # log-odds at the foot of the panels


class Site(NamedTuple):
    """One cell of the surface.

    images: m, of each network's fooling images, that all later networks learn.
    generations: of the evolution against each network.
    runs: of it.
    """

    images: int
    generations: int
    runs: int

    def __str__(self) -> str:
        return f"{self.images} images, {self.generations} generations"


def sites(
    images: Sequence[int],
    generations: Sequence[int],
    runs: int,
    corner_runs: int,
    images_of_run: int,
) -> list[Site]:
    """The whole surface, row by row.

    Args:
        runs: at the least; as many more as it takes to have that many images.
        corner_runs: at the least where both numbers are an extreme.
        images_of_run: how many one run yields.
    """
    ends = {min(images), max(images)}, {min(generations), max(generations)}
    return [
        Site(m, g, max(corner_runs if m in ends[0] and g in ends[1] else runs,
                       math.ceil(m / images_of_run)))
        for g, m in product(generations, images)
    ]  # fmt: skip


def figure11_surface(
    context: Context,
    *,
    train: partial[Any],
    encoding: Preset,
    networks: int,
    images: Sequence[int],
    generations: Sequence[int],
    runs: int,
    corner_runs: int,
) -> Artefact:
    """Retraining as in Figure 11, for every number of images and of generations.

    Args:
        train: makes a network from examples and a seed.
        networks: DNN_1 to DNN_n.
        images: that each network adds.
        generations: that each network is attacked for.
        runs, corner_runs: of evolution against each network, as in `sites`.
    """
    if not images or not generations:
        raise UserError("images and generations: at least one number each is expected.")
    declared = sites(images, generations, runs, corner_runs, 2 * context.dataset.classes)
    found: dict[Site, list[Round]] = {}
    for site in sorted(declared, key=lambda site: site.generations * site.runs):
        found[site] = rounds(
            context, train=train, encoding=encoding, networks=networks, runs=site.runs,
            generations=site.generations, images=site.images,
        )  # fmt: skip
        medians = [certainty(median) for median in _medians(found[site])]
        say(f"{site}, {site.runs} runs: {', '.join(medians)}")
    cells = Cells("nguyen", "figure11_surface")
    by_site = {site: _row(cells, site, found[site]) for site in declared}
    return Artefact(
        title="Figure 11 as a surface: images that join, and generations",
        caption=(
            f"{networks} networks in each row, trained one after the other. DNN1 to DNN{networks}: "
            "median confidence over runs and digits; consistent: of these, how many agree with "
            "Figure 11; least: the lowest median of a retrained network; test_error: the highest "
            "on clean test images; images_tried: by all runs against all networks."
        ),
        cells=cells.list,
        claims=[_claim({site: found[site] for site in declared})],
        figures={"figure11-surface": _panels(by_site, generations, images)},
        departures=[
            "The paper gives neither the images that join nor the generations; both were declared "
            "as a grid before any result, and all of it is shown.",
            "A run yields two images of each class, as in the paper, so that the runs are as many "
            f"as the images need: {', '.join(f'{site.runs} ({site})' for site in declared)}; the "
            "paper has 30.",
            SETTLED,
            LOG_ODDS,
        ],
    )


def _medians(found: Sequence[Round]) -> list[float]:
    return [float(np.median(confidence(each.log_odds[:, -1]))) for each in found]


def _row(cells: Cells, site: Site, found: Sequence[Round]) -> list[Cell]:
    """Adds a row to the table; returns the medians, each beside the published one."""
    published = Cells("nguyen", "figure11")
    for i, each in enumerate(found, 1):
        last = confidence(each.log_odds[:, -1])
        published.median(f"DNN{i}", "median_confidence", last, "fraction")
    for cell in published.list:
        cells.list.append(cell._replace(artefact=cells.artefact, row=str(site), column=cell.row))
    judged = [cell for cell in published.list if cell.published is not None]
    agree = sum(cell.verdict == "consistent" for cell in judged)
    cells.number(str(site), "consistent", agree, "count", n=len(judged))
    cells.number(str(site), "least", min(_medians(found[1:]), default=np.nan), "fraction")
    worst = max(found, key=lambda each: each.wrong / each.tested)
    cells.rate(str(site), "test_error", worst.wrong, worst.tested)
    tried = len(found) * site.runs * (site.generations + 1) * CHILDREN
    cells.number(str(site), "images_tried", tried, "count")
    return published.list


def _claim(found: dict[Site, list[Round]]) -> Claim:
    """Where on the surface retraining does not help: a region, not one verdict."""
    told = {
        site: fooled_again(each)
        for site, each in found.items()
        if len(each) > 1 and site.generations >= FEWEST_GENERATIONS
    }
    medians = {site: _medians(each) for site, each in found.items()}
    high = [site for site, yes in told.items() if yes]
    low = [site for site, yes in told.items() if yes is False]
    untold = [site for site, yes in told.items() if yes is None]

    def listed(some: Sequence[Site]) -> str:
        return "; ".join(f"{site}: {certainty(min(medians[site][1:]))}" for site in some)

    return Claim(
        "retraining_does_not_help_where",
        "Retraining does not help: images evolved against every retrained network come to a high "
        "median confidence, 72.52 % at the least (section 3.7).",
        over_cases(told.values()),
        f"Lowest median of a retrained network. At 72.52 % or more: {listed(high) or 'nowhere'}. "
        f"Below: {listed(low) or 'nowhere'}. Not told: {listed(untold) or 'nowhere'}."
        if told
        else f"No cell has {FEWEST_GENERATIONS} generations and a retrained network.",
        strength=Strength(
            min(site.runs for site in found),
            None,
            "half of the cells with a network below, at 5 %,",
        ),
    )


def _panels(
    found: dict[Site, list[Cell]], generations: Sequence[int], images: Sequence[int]
) -> Figure:
    """A panel for each cell: median by network with its interval, the published as diamonds."""
    figure, axes = figures.sheet(len(generations), len(images), width=1.9, height=1.7)
    for (site, of_site), ax in zip(found.items(), axes.flat, strict=True):
        x = np.arange(1, len(of_site) + 1)
        median, low, high, published = (
            _log_odds([getattr(cell, field) for cell in of_site])
            for field in ("value", "low", "high", "published")
        )
        ax.vlines(x, low, high, color="black", linewidth=0.8)
        ax.plot(x, median, "o", color="black", markersize=2.5, label="ours")
        ax.plot(x, published, "D", markerfacecolor="none", markeredgecolor="#D55E00",
                markersize=3, label="published")  # fmt: skip
        drawing.confidence_axis(ax, (LOWEST, 19))
        title = f"{site.images} images, {site.runs} runs\nof {site.generations} generations"
        ax.set_title(title, fontsize=7)
    for ax in axes[-1]:
        ax.set_xlabel("network")
    figures.legend(figure, handles=axes[0, 0].get_legend_handles_labels()[0],
                   loc="outside lower center", ncols=2)  # fmt: skip
    return figure


def _log_odds(confidences: Sequence[float | None]) -> np.ndarray:
    """NaN where there is none."""
    p = np.clip(np.array(confidences, np.float64), 1e-12, 1 - 1e-8)
    return np.asarray(np.log(p / (1 - p)))
