"""Section 3.3: do images evolved to fool one network fool another?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.fitting import Preset
from reproduce.experiments.nguyen.runs import (
    CHILDREN,
    NETWORK,
    evolve_all,
    final_confidence,
    images,
)
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.scoring import scorer
from reproduce.networks.forward import mistakes
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.comparisons import more_than, refuting
from reproduce.report.results import Artefact, Claim, Strength, answer
from reproduce.runtime.store import Piece

SURE = 0.9999
SOME = 1 / 50  # of the images: of the fifty of five runs, more than a single one; ours


def transfer(
    context: Context,
    *,
    presets: Mapping[str, Preset],
    others: Mapping[str, partial[Any]],
    runs: int,
    generations: int,
) -> Artefact:
    """Images evolved for DNN_A, shown to DNN_B.

    Args:
        presets: name -> encoding; the runs of Figures 4 and 5 are used again.
        others: what DNN_B differs in -> makes it from examples and a seed.
    """
    cells = Cells("nguyen", "transfer")
    both: dict[str, int] = {}
    only: dict[str, int] = {}
    shown_in_all = 0
    panels: dict[str, list[np.ndarray]] = {}
    total = 0
    _, seed = context.seeds(2)
    trained = context.store.cached_all(
        [Piece(context.training(train, context.dataset.train, seed)) for train in others.values()]
    )
    networks = dict(zip(others, trained, strict=True))
    evolved = evolve_all(context, list(presets.values()), runs, generations)
    for called, found in zip(presets, evolved, strict=True):
        shown, own = images(found), final_confidence(found)
        flat = shown.reshape(-1, *shown.shape[2:])
        labels = np.tile(np.arange(shown.shape[1]), shown.shape[0])
        shown_in_all += len(flat)
        for name, network in networks.items():
            row = f"{called}, {name}"
            odds = scorer(network, CHILDREN)(flat)
            theirs = confidence(odds[np.arange(len(flat)), labels])
            sure_of_both = (own.ravel() >= SURE) & (theirs >= SURE)
            only_a = (own.ravel() >= SURE) & (theirs < 0.5)
            wrong = mistakes(network, context.dataset.test)
            cells.rate(row, "test_error", wrong, _tests(context))
            cells.number(row, "median_A", np.median(own), "fraction", n=own.size)
            cells.number(row, "median_B", np.median(theirs), "fraction", n=own.size)
            cells.rate(row, "both_sure", int(sure_of_both.sum()), own.size)
            cells.rate(row, "B_half", int((theirs >= 0.5).sum()), own.size)
            cells.rate(row, "same_label", int((odds.argmax(axis=1) == labels).sum()), own.size)
            both[row], only[row] = int(sure_of_both.sum()), int(only_a.sum())
            total = own.size
            panels[row] = [flat[sure_of_both], flat[only_a]]
    return Artefact(
        title="Transfer: images evolved for one network, shown to another",
        caption=(
            f"DNN_A is {NETWORK}; rows: the encoding, and what DNN_B differs in. {total} images "
            "for each encoding. test_error: clean, of DNN_B; median_A, median_B: on either one; "
            "both_sure: share at 99.99 % or more on both; B_half: at 50 % or more on DNN_B; "
            "same_label: labelled alike by DNN_B."
        ),
        cells=cells.list,
        claims=_claims(both, only, shown_in_all, len(networks)),
        figures={"transfer": _draw(panels)} if any(both.values()) or any(only.values()) else {},
        departures=[
            "The paper does not describe its second architecture; ours has two convolutions with "
            "ReLU and a hidden layer of 100.",
        ],
    )


def _tests(context: Context) -> int:
    return len(context.dataset.test.labels)


def _claims(
    both: Mapping[str, int], only: Mapping[str, int], images: int, networks: int
) -> list[Claim]:
    """Averaged over the networks that the same images are shown to.

    Args:
        both, only: row -> images; images: different ones, of all encodings; networks: DNN_Bs.
    """

    def told(counts: Mapping[str, int]) -> bool | None:
        share = sum(counts.values()) / networks
        return True if some(int(share), images) else some(math.ceil(share), images)

    def listed(counts: Mapping[str, int]) -> str:
        return "; ".join(f"{row}: {count}" for row, count in counts.items())

    strength = Strength(networks, images, refuting(images, SOME))
    return [
        Claim(
            "transfer_to_both",
            "Some images, more than one in fifty, fool both DNN_A and DNN_B with 99.99 % "
            "confidence (section 3.3).",
            answer(told(both)),
            f"{listed(both)}; {images} different images.",
            strength,
        ),
        Claim(
            "transfer_only_a",
            "Others, more than one in fifty, fool DNN_A and not DNN_B (section 3.3).",
            answer(told(only)),
            f"99.99 % on A and less than 50 % on B: {listed(only)}; {images} different images.",
            strength,
        ),
    ]


def some(count: int, images: int, of: int = 1) -> bool | None:
    """Whether images of a kind are more than one in fifty, by a binomial test."""
    return more_than(count, images, SOME, of)


def _draw(panels: Mapping[str, list[np.ndarray]], columns: int = 10) -> Figure:
    """For each pair of networks, images that fool both, then images that fool only the first."""
    rows, labels = [], []
    for name, sets in panels.items():
        for kind, shown in zip(("both", "only A"), sets, strict=True):
            if not len(shown):
                continue
            blank = np.full((columns, *_shape(panels)), np.nan, np.float32)
            chosen = to_unit(shown[:columns])
            blank[: len(chosen)] = chosen
            rows.append(blank)
            labels.append(f"{name}: {kind} ({len(shown)})")
    return figures.grid(np.stack(rows), row_labels=labels)


def _shape(panels: Mapping[str, list[np.ndarray]]) -> tuple[int, ...]:
    return next(iter(panels.values()))[0].shape[1:]
