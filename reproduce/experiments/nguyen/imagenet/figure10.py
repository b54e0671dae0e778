"""Figure 10: CPPN images before and after their repeated elements are removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.imagenet.figure9 import of_ilsvrc
from reproduce.experiments.nguyen.imagenet.figures1_8 import caption
from reproduce.experiments.nguyen.imagenet.figures6_7 import departures
from reproduce.experiments.nguyen.imagenet.runs import BATCH, Search, distinct, genomes
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.cppn.repetition import repeating, without_repeats
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.methods.evolution.scoring import frozen
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.printing import certainty
from reproduce.report.results import Artefact, Claim, answer

SHOWN = {"lipstick": 629, "ruler": 769, "oboe": 683}  # Figure 10's classes, ILSVRC 2012's order
SURE = 0.5  # the least confidence of an image that is taken apart
COLUMNS = 8


class Held(NamedTuple):
    """An elite, and what is left of it when each repeating node shows one period."""

    label: int
    image: np.ndarray  # uint8 (side, side, 3), likewise `without`
    without: np.ndarray
    before: float
    after: float


def figure10(context: Context, *, searches: Mapping[str, Search]) -> Artefact:
    """The paper's three classes where they have repeats, and all confident elites that do.

    Args:
        searches: the first one is the reproduction.
    """
    of_ilsvrc(context)
    found = {name: search.evolve_cached(context) for name, search in searches.items()}
    cells = Cells("nguyen", "figure10")
    _, network = the_network(context)
    held = {
        name: _held(context, evolution, searches[name].encodes(network).preset)
        for name, evolution in found.items()
    }
    three = {each.label: each for of_search in reversed(held.values()) for each in of_search}
    for row in ("before", "after"):
        for name, label in SHOWN.items():
            value = getattr(three[label], row) if label in three else np.nan
            cells.number(row, name, value, "fraction", n=1)
    for name, of_search in held.items():
        sure = sum(elite.confidence >= SURE for elite in distinct(found[name]))
        cells.rate(name, "repeating", len(of_search), sure)
        if of_search:
            before, after = np.array([[each.before, each.after] for each in of_search]).T
            cells.number(name, "median_before", np.median(before), "fraction", n=len(before))
            cells.number(name, "median_after", np.median(after), "fraction", n=len(after))
            cells.rate(name, "lower", int((after < before).sum()), len(after))
            cells.rate(name, "still_sure", int((after >= SURE).sum()), len(after))
    return Artefact(
        title="Figure 10: without repeated elements",
        caption=(
            "before, after: confidence of the class's elite and of the same network when each "
            "sine node that goes through more than one visible period shows a single one; n/a "
            "where the elite has none or is less than 50 % sure. repeating: the share of "
            "different elites of at least 50 % that have such a node; lower: of those, how many "
            "lose confidence; still_sure: how many stay at 50 %."
        ),
        cells=cells.list,
        claims=[_claim(held)],
        figures={"figure10": _draw(context, held)} if any(held.values()) else {},
        departures=[
            "The authors deleted repeats by hand.",
            *departures(context, found),
        ],
    )


def _held(context: Context, found: Evolution, preset: str) -> list[Held]:
    """Different elites that have repeating nodes which show, the surest first."""
    of_run = [genomes(found, run) for run in range(len(found.archives))]
    elites, images = [], []
    for elite in distinct(found):
        genome, side = of_run[elite.run][elite.label], len(elite.image)
        nodes = repeating(genome, side, preset) if elite.confidence >= SURE else {}
        if nodes:
            without = without_repeats(genome, list(nodes), side, preset)
            if (without != elite.image).any():
                elites.append(elite)
                images.append(without)
    if not elites:
        return []
    odds = frozen(the_network(context)[1], BATCH)(np.stack(images))
    after = confidence(odds[np.arange(len(elites)), [elite.label for elite in elites]])
    return [
        Held(elite.label, elite.image, image, elite.confidence, float(p))
        for elite, image, p in zip(elites, images, after, strict=True)
    ]


def _claim(held: Mapping[str, list[Held]]) -> Claim:
    every = [each for of_search in held.values() for each in of_search]
    before, after = np.array([[each.before, each.after] for each in every] or [[1, 1]]).T
    lower = int((after < before).sum())
    return Claim(
        "repetition_on_photographs",
        "Removing repeated elements lowers confidence, which shows that repetition helps "
        "(section 3.5, figure 10).",
        answer(bool(lower > len(every) / 2) if every else None),
        f"{lower} of {len(every)} images lose confidence; medians {certainty(np.median(before))} "
        f"before and {certainty(np.median(after))} after."
        if every
        else "No confident image has a repeating node.",
    )


def _draw(context: Context, held: Mapping[str, list[Held]]) -> Figure:
    """The paper's three classes where they are there, then the surest: before above after."""
    every = sorted(
        (each for of_search in held.values() for each in of_search),
        key=lambda each: (each.label not in SHOWN.values(), -each.before),
    )[:COLUMNS]
    figure, axes = figures.sheet(2, COLUMNS, width=6.5 / COLUMNS, height=6.5 / COLUMNS + 0.22)
    for ax in axes.flat:
        ax.set_axis_off()
    for (above, below), each in zip(axes.T, every, strict=False):
        for ax, image, p in (
            (above, each.image, each.before),
            (below, each.without, each.after),
        ):
            figures.crisp(ax, image / np.float32(255))
            ax.set_title(caption(context, each.label, p), fontsize=5, pad=2)
    return figure
