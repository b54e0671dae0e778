"""Section 3.3: do images evolved to fool one network fool another?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reproduce.data.examples import to_unit
from reproduce.experiments import Context
from reproduce.experiments.nguyen.runs import (
    CHILDREN,
    NETWORK,
    evolve_cached,
    final_confidence,
    images,
)
from reproduce.methods.evolution.archive import confidence
from reproduce.methods.evolution.map_elites import Encoding
from reproduce.methods.evolution.scoring import scorer
from reproduce.networks.forward import mistakes
from reproduce.report import figures
from reproduce.report.cells import Cells
from reproduce.report.results import Artefact, Claim, Strength, answer

SURE = 0.9999


def transfer(
    context: Context,
    *,
    presets: Mapping[str, Encoding],
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
    panels: dict[str, list[np.ndarray]] = {}
    total = 0
    _, seed = context.seeds(2)
    networks = {
        name: context.cached(partial(train, examples=context.dataset.train, seed=seed))
        for name, train in others.items()
    }
    for called, encoding in presets.items():
        found = evolve_cached(context, encoding, runs, generations)
        shown, own = images(found), final_confidence(found)
        flat = shown.reshape(-1, *shown.shape[2:])
        labels = np.tile(np.arange(shown.shape[1]), shown.shape[0])
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
        claims=_claims(both, only, total, whole=generations >= 200),
        figures={"transfer": _draw(panels)} if any(both.values()) or any(only.values()) else {},
        departures=[
            "The paper does not describe its second architecture; ours has two convolutions with "
            "ReLU and a hidden layer of 100.",
        ],
    )


def _tests(context: Context) -> int:
    return len(context.dataset.test.labels)


def _claims(
    both: Mapping[str, int], only: Mapping[str, int], total: int, whole: bool
) -> list[Claim]:
    def listed(counts: Mapping[str, int]) -> str:
        return "; ".join(f"{row}: {count} of {total}" for row, count in counts.items())

    return [
        Claim(
            "transfer_to_both",
            "Some images fool both DNN_A and DNN_B with 99.99 % confidence (section 3.3).",
            answer(any(count > 0 for count in both.values()) or (False if whole else None)),
            listed(both) + ".",
            Strength(len(both), total),
        ),
        Claim(
            "transfer_only_a",
            "Others fool DNN_A and not DNN_B (section 3.3).",
            answer(any(count > 0 for count in only.values()) or (False if whole else None)),
            f"99.99 % on A and less than 50 % on B: {listed(only)}.",
            Strength(len(only), total),
        ),
    ]


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
