"""Section 3.3 on photographs' networks: do images evolved to fool one network fool another?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure

from reproduce.experiments import Context
from reproduce.experiments.imagenet import the_network
from reproduce.experiments.nguyen.imagenet.figures1_8 import sheet
from reproduce.experiments.nguyen.imagenet.runs import BATCH, Elite, Search, genomes
from reproduce.experiments.nguyen.runs import final_confidence
from reproduce.experiments.nguyen.transfer import SOME, some
from reproduce.methods.evolution import cppn
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Evolution
from reproduce.methods.evolution.scoring import frozen
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, refuting
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.errors import NotAvailable

SURE = 0.9999
HALF = 0.5  # of confidence: then no other class can have more
SHOWN = 8


class Transferred(NamedTuple):
    """Elites of one network, shown to another.

    own, other: float64 (n,), the confidence of either for the class of the niche.
    same: bool (n,), whether the other labels them so.
    images: uint8 (n, side, side, 3), as the other sees them.
    labels: int64 (n,).
    """

    own: np.ndarray
    other: np.ndarray
    same: np.ndarray
    images: np.ndarray
    labels: np.ndarray


def transfer(
    context: Context, *, search: Search, others: Mapping[str, partial[Any]], shown_classes: int
) -> Artefact:
    """Images evolved for the run's network, shown to others, and the other way round.

    Args:
        search: evolution of CPPNs, against each network.
        others: name -> a call that loads a network; the run's own is left out.
        shown_classes: niches whose elites are shown, spread over all.
    """
    name, network = the_network(context)
    networks = {
        each: context.with_networks(others).network(each) for each in others if each != name
    }
    if not networks:
        raise NotAvailable(f"no other network than {name} is named to show the images to.")
    pairs = [(name, network, other, theirs) for other, theirs in networks.items()]
    pairs += [(other, theirs, name, network) for other, theirs in networks.items()]
    cells = Cells("nguyen", "transfer_imagenet")
    found: dict[str, Transferred] = {}
    for first, made_for, second, shown_to in pairs:
        if made_for.output_shape[1] != shown_to.output_shape[1]:
            raise NotAvailable(f"{first} and {second} do not have the same classes.")
        evolution = search.evolve_cached(context, made_for)
        found[f"{first} to {second}"] = shown(
            evolution, search.encodes(made_for).preset, shown_to, shown_classes
        )
    for row, each in found.items():
        n = len(each.own)
        cells.number(row, "median_A", np.median(each.own), "fraction", n=n)
        cells.number(row, "median_B", np.median(each.other), "fraction", n=n)
        cells.rate(row, "A_half", int((each.own >= HALF).sum()), n)
        both = (each.own >= HALF) & (each.other >= HALF)
        cells.rate(row, "both_half", int(both.sum()), n)
        cells.rate(row, "both_sure", int(((each.own >= SURE) & (each.other >= SURE)).sum()), n)
        cells.rate(row, "same_label", int(each.same.sum()), n)
    return Artefact(
        title="Transfer: CPPN images evolved for one network, shown to another",
        caption=(
            "Rows: network A that the images were evolved for, to network B that they are shown "
            "to. median_A, median_B: confidence for the class of the niche; A_half: 50 % or more "
            "on A; both_half, both_sure: at 50 % and 99.99 % or more on both; same_label: labelled "
            "so by B. The figure shows the images of each row of which B is surest."
        ),
        cells=cells.list,
        claims=_claims(found),
        figures={"transfer": _draw(context, found)},
        departures=[
            f"{', '.join([name, *networks])} instead of the paper's two networks.",
            "Networks of other sizes are shown the same CPPN over the same field, drawn with as "
            "many pixels as they take.",
            f"{search.runs} runs of {search.generations} generations against each network.",
        ],
    )


def shown(found: Evolution, preset: str, network: keras.Model, classes: int) -> Transferred:
    """The elites of some classes of all runs, drawn again at a network's size."""
    count = found.log_odds.shape[2]
    labels = np.unique(np.linspace(0, count - 1, min(classes, count)).round().astype(int))
    side = found.archives[0].images.shape[1]
    drawn = [
        genome
        for run in range(len(found.archives))
        for genome in (genomes(found, run)[label] for label in labels)
    ]
    images = cppn.render(drawn, network.input_shape[1], preset, field=side - 1)
    p = confidence(frozen(network, BATCH)(images))
    every = np.tile(labels, len(found.archives))
    return Transferred(
        own=final_confidence(found)[:, labels].ravel(),
        other=p[np.arange(len(p)), every],
        same=p.argmax(axis=1) == every,
        images=images,
        labels=every,
    )


def _claims(found: Mapping[str, Transferred]) -> list[Claim]:
    """In every direction; an image that holds several niches counts once."""
    once = {row: _distinct(each) & (each.own >= HALF) for row, each in found.items()}
    both = {row: int((once[row] & (each.other >= HALF)).sum()) for row, each in found.items()}
    n = {row: int(each.sum()) for row, each in once.items()}
    only = {row: n[row] - both[row] for row in found}

    def told(counts: Mapping[str, int]) -> bool | None:
        return all_of(some(count, n[row], of=len(n)) for row, count in counts.items())

    def listed(counts: Mapping[str, int]) -> str:
        return "; ".join(f"{row}: {count} of {n[row]}" for row, count in counts.items()) + "."

    fewest = min(n.values())
    strength = Strength(len(found), fewest, f"a direction with {refuting(fewest, SOME, len(n))}")
    return [
        Claim(
            "transfer_to_both_on_photographs",
            "Some images that fool one network, more than one in fifty, fool another "
            "(section 3.3).",
            answer(told(both)),
            f"Of the images at 50 % or more on A, those at 50 % or more on B: {listed(both)}",
            strength=strength,
        ),
        Claim(
            "transfer_only_one_on_photographs",
            "Others, more than one in fifty, fool the first network alone (section 3.3).",
            answer(told(only)),
            f"Of the images at 50 % or more on A, those below 50 % on B: {listed(only)}",
            strength=strength,
        ),
    ]


def _distinct(shown: Transferred) -> np.ndarray:
    """bool (n,): the niche of each image that is the surest of it."""
    first: dict[bytes, int] = {}
    for i in np.argsort(-shown.own, kind="stable"):
        first.setdefault(shown.images[i].tobytes(), int(i))
    once = np.zeros(len(shown.own), bool)
    once[list(first.values())] = True
    return once


def _draw(context: Context, found: Mapping[str, Transferred]) -> Figure:
    """A row for each direction, the images that B is surest of, under their class."""
    return sheet(
        context,
        [
            Elite(0, int(each.labels[i]), float(each.other[i]), each.images[i])
            for each in found.values()
            for i in _surest(each)
        ],
        columns=SHOWN,
    )


def _surest(each: Transferred) -> list[int]:
    """One image of a label, SHOWN of them, or fewer where there are fewer."""
    order = np.argsort(-each.other, kind="stable")
    _, first = np.unique(each.labels[order], return_index=True)
    return order[np.sort(first)][:SHOWN].tolist()
