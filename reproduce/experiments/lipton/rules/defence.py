"""Access to a model, and training against attacks: claims 5, 20 and 21."""

from __future__ import annotations

import math

import numpy as np

from reproduce.experiments.lipton.claims import claim, decided, over_models
from reproduce.experiments.lipton.rules import column, number, per_cent
from reproduce.report.cells import Cells
from reproduce.report.results import Claim, ClaimVerdict

TRAINED = "{}, trained adversarially"
NETWORK = "fully connected network"


def needs_access(cells: Cells) -> Claim:
    """5: refuted if any attack without the model fools it half as often as one with it."""
    white = number(cells, "with the model", "fooled")
    blind = {row: v for row, v in column(cells, "fooled").items() if row != "with the model"}
    known = {row: value for row, value in blind.items() if np.isfinite(value)}
    if not known or not np.isfinite(white):
        return claim("5", "cannot be told", "no attack without access was made.")
    text = ", ".join(f"{row} {value:.1%}" for row, value in known.items())
    return decided(
        "5", max(known.values()) < 0.5 * white,
        f"fooled at the same size of change: with the model {white:.1%}; {text}. Refuted where "
        "one without it reaches half of that.",
    )  # fmt: skip


def spammer(cells: Cells) -> Claim:
    """21: refuted if most messages get past a filter within 300 questions."""
    values = {row: 1 - share for row, share in column(cells, "evaded").items()}
    found = over_models(
        "21", values, lambda kept: kept > 0.5, "the filter keeps out more than half of the "
        "messages of an attacker with 300 questions", per_cent,
    )  # fmt: skip
    asked = ", ".join(f"{row} {value:.0f}" for row, value in column(cells, "questions").items())
    return found._replace(evidence=f"{found.evidence} Median questions until past: {asked}.")


def robust_training(cells: Cells) -> Claim:
    """20: adversarial training halves the network's error on adversarial examples.

    Models that it does not help are exceptions: linear ones are expected to underfit
    (Goodfellow et al. 2015, section 5).
    """
    error, clean = column(cells, "error"), column(cells, "test_error")
    after = {
        row: error[TRAINED.format(row)] / before
        for row, before in error.items()
        if TRAINED.format(row) in error and before > 0
    }
    if math.isnan(after.get(NETWORK, math.nan)):
        return claim("20", "cannot be told", "no network was trained adversarially.")
    helped = {row: ratio <= 0.5 for row, ratio in after.items()}
    verdict: ClaimVerdict = "refuted"
    if helped[NETWORK]:
        verdict = "holds" if all(helped.values()) else "holds with exceptions"
    numbers = "; ".join(
        f"{row} {error[row]:.1%} to {error[TRAINED.format(row)]:.1%} (clean {clean[row]:.1%} to "
        f"{clean[TRAINED.format(row)]:.1%})"
        for row in after
    )
    return claim(
        "20", verdict,
        f"adversarial training at least halves the network's error on FGSM examples; {numbers}.",
    )  # fmt: skip
