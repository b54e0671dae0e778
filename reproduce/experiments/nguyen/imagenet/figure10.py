"""Figure 10: CPPN images before and after one of their repeated elements is deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.imagenet.figure9 import of_ilsvrc
from reproduce.experiments.nguyen.imagenet.figures1_8 import caption
from reproduce.experiments.nguyen.imagenet.figures6_7 import departures
from reproduce.experiments.nguyen.imagenet.runs import BATCH, Search, distinct, genomes
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.cppn.genome import Genome
from reproduce.methods.evolution.cppn.repetition import (
    elements,
    repeating,
    without_element,
    without_repeats,
)
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.methods.evolution.scoring import frozen
from reproduce.report.cells import Cells
from reproduce.report.comparisons import majority, refuting
from reproduce.report.gallery import gallery
from reproduce.report.printing import certainty
from reproduce.report.results import Artefact, Claim, Strength, answer

SHOWN = {"lipstick": 629, "ruler": 769, "oboe": 683}  # Figure 10's classes, ILSVRC 2012's order
SURE = 0.5  # the least confidence of an image that is taken apart
COLUMNS = 8
MOST = 8  # elements of an image that are deleted, one at a time


class Deleted(NamedTuple):
    """An elite, and what becomes of it without one of its repeated elements.

    image, without: uint8 (side, side, 3), whole and without the element of the middle loss.
    before, after: the confidence of these.
    each: float64 (n,), the confidence without each of the elements that were deleted.
    all_but_one: the confidence where every repeating node shows a single period.
    """

    label: int
    image: np.ndarray
    without: np.ndarray
    before: float
    after: float
    each: np.ndarray
    all_but_one: float


def figure10(context: Context, *, searches: Mapping[str, Search]) -> Artefact:
    """The paper's three classes where they have repeats, and all confident elites that do.

    Args:
        searches: the first one is the reproduction.
    """
    of_ilsvrc(context)
    found = {name: search.evolve_cached(context) for name, search in searches.items()}
    cells = Cells("nguyen", "figure10")
    _, network = the_network(context)
    deleted = {
        name: _deleted(context, evolution, searches[name].encodes(network).preset)
        for name, evolution in found.items()
    }
    three = {each.label: each for of_search in reversed(deleted.values()) for each in of_search}
    for row in ("before", "after"):
        for name, label in SHOWN.items():
            value = getattr(three[label], row) if label in three else np.nan
            cells.number(row, name, value, "fraction", n=1)
    for name, of_search in deleted.items():
        sure = sum(elite.confidence >= SURE for elite in distinct(found[name]))
        cells.rate(name, "repeating", len(of_search), sure)
        if of_search:
            _row(cells, name, of_search)
    return Artefact(
        title="Figure 10: without repeated elements",
        caption=(
            "An element is a connected region in which a sine node runs through one visible "
            "period; a node repeats where it has several. Elements are deleted one at a time, at "
            f"most {MOST} of an image. before, after: confidence of the class's elite, and without "
            "the element of the middle loss; n/a where the elite has none or is less than 50 % "
            "sure. repeating: the share of different elites of at least 50 % that have such "
            "elements; deletions: how many; median_loss: of confidence, over all of them; lower: "
            "how many lower it; still_sure: how many leave 50 %; all_but_one: median confidence "
            "where each node keeps a single period."
        ),
        cells=cells.list,
        claims=[_claim(deleted)],
        figures={"figure10": _draw(context, deleted)} if any(deleted.values()) else {},
        departures=[
            "The authors deleted repeats by hand.",
            *departures(context, found),
        ],
    )


def _row(cells: Cells, name: str, of_search: Sequence[Deleted]) -> None:
    before, after, rest = np.array([[e.before, e.after, e.all_but_one] for e in of_search]).T
    losses = np.concatenate([each.before - each.each for each in of_search])
    kept = np.concatenate([each.each for each in of_search]) >= SURE
    cells.number(name, "deletions", len(losses), "count")
    cells.number(name, "median_before", np.median(before), "fraction", n=len(before))
    cells.number(name, "median_after", np.median(after), "fraction", n=len(after))
    cells.number(name, "median_loss", np.median(losses), "points", n=len(losses))
    cells.rate(name, "lower", int((losses > 0).sum()), len(losses))
    cells.rate(name, "still_sure", int(kept.sum()), len(kept))
    cells.number(name, "all_but_one", np.median(rest), "fraction", n=len(rest))


def _deleted(context: Context, found: Evolution, preset: str) -> list[Deleted]:
    """Different elites that have repeated elements which show, the surest first."""
    score = frozen(the_network(context)[1], BATCH)
    of_run = [genomes(found, run) for run in range(len(found.archives))]
    every = []
    for elite in distinct(found):
        if elite.confidence < SURE:
            continue
        genome = of_run[elite.run][elite.label]
        images = _without_each(genome, elite.image, preset)
        if not images:
            continue
        nodes = repeating(genome, len(elite.image), preset)
        images.append(without_repeats(genome, list(nodes), len(elite.image), preset))
        *each, rest = confidence(score(np.stack(images))[:, elite.label])
        middle = int(np.argsort(each, kind="stable")[len(each) // 2])
        every.append(
            Deleted(elite.label, elite.image, images[middle], elite.confidence,
                    float(each[middle]), np.array(each), float(rest))
        )  # fmt: skip
    return every


def _without_each(genome: Genome, image: np.ndarray, preset: str) -> list[np.ndarray]:
    """The image without one element or another, as far as that shows; MOST, spread over all."""
    side = len(image)
    single = [
        (node, element)
        for node in repeating(genome, side, preset)
        if len(found := elements(genome, node, side, preset)) > 1
        for element in found
    ]
    chosen = np.unique(np.linspace(0, max(len(single) - 1, 0), MOST).round().astype(int))
    images = [
        without_element(genome, node, element, side, preset)
        for node, element in (single[i] for i in chosen if single)
    ]
    return [without for without in images if (without != image).any()]


def _claim(deleted: Mapping[str, list[Deleted]]) -> Claim:
    every = [each for of_search in deleted.values() for each in of_search]
    before, after = np.array([[each.before, each.after] for each in every] or [[1, 1]]).T
    lower = int((after < before).sum())
    return Claim(
        "repetition_on_photographs",
        "Removing repeated elements lowers confidence, which shows that repetition helps "
        "(section 3.5, figure 10).",
        answer(majority(lower, len(every))),
        f"{lower} of {len(every)} images lose confidence without one element, the one of the "
        f"middle loss; medians {certainty(np.median(before))} before and "
        f"{certainty(np.median(after))} after."
        if every
        else "No confident image has a repeated element.",
        Strength(len(deleted), len(every), refuting(len(every)) if every else "images"),
    )


def _draw(context: Context, deleted: Mapping[str, list[Deleted]]) -> Figure:
    """The paper's three classes where they are there, then the surest: before above after."""
    every = sorted(
        (each for of_search in deleted.values() for each in of_search),
        key=lambda each: (each.label not in SHOWN.values(), -each.before),
    )[:COLUMNS]
    pictures = [each.image for each in every] + [each.without for each in every]
    captions = [caption(context, each.label, each.before) for each in every]
    captions += [certainty(each.after) for each in every]
    return gallery(
        [to_unit(picture) for picture in pictures],
        captions,
        columns=len(every),
        row_labels=["before", "after"],
        width=0.5 + 0.78 * len(every),
    )
