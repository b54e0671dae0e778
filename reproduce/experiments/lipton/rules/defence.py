"""Access to a model, and training against attacks: claims 5, 20 and 21."""

from __future__ import annotations

import math

import numpy as np

from reproduce.experiments.lipton.claims import claim, decided, missing, over_models
from reproduce.experiments.lipton.rules import column, fewest, intervals, number, per_cent, told
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, fewer_than, opposite
from reproduce.report.results import Claim, ClaimVerdict, Strength

TRAINED = "{}, trained adversarially"
NETWORK = "fully connected network"
WHITE = "with the model"


def needs_access(cells: Cells) -> Claim:
    """5: every attack without the model fools it less than half as often as one with it.

    Refuted by any that does more, at 5 % divided by the number of attacks (binomial tests): of
    several attacks one comes out best by chance.
    """
    white = number(cells, WHITE, "fooled")
    blind = {
        cell.row: (round((cell.value or 0) * cell.n), cell.n)
        for cell in cells.list
        if cell.column == "fooled" and cell.row != WHITE and cell.value is not None and cell.n
    }
    if not blind or not np.isfinite(white):
        return missing("5", "no attack without access was made.")
    n = min(n for _, n in blind.values())
    told_ = all_of(fewer_than(*counts, white / 2, of=len(blind)) for counts in blind.values())
    text = ", ".join(f"{row} {hits / n:.1%}" for row, (hits, n) in blind.items())
    return decided(
        "5", told_, f"fooled at the same size of change: with the model {white:.1%}; {text}.",
        Strength(
            1, n, f"one attack without it beyond {white / 2:.0%}, at 5 % / {len(blind)} attacks,"
        ),
    )  # fmt: skip


def spammer(cells: Cells) -> Claim:
    """21: refuted if most messages get past a filter within 300 questions."""
    passed = told(cells, "evaded", 0.5)
    found = over_models(
        "21", {row: opposite(yes) for row, yes in passed.items()},
        {row: 1 - share for row, share in column(cells, "evaded").items()},
        "the filter keeps out more than half of the messages of an attacker with 300 questions",
        per_cent, fewest(cells, "evaded"),
    )  # fmt: skip
    asked = ", ".join(f"{row} {value:.0f}" for row, value in column(cells, "questions").items())
    return found._replace(evidence=f"{found.evidence} Median questions until past: {asked}.")


def robust_training(cells: Cells) -> Claim:
    """20: adversarial training halves the network's error on adversarial examples.

    By the intervals of both errors. Models that it does not help are exceptions: linear ones are
    expected to underfit (Goodfellow et al. 2015, section 5).
    """
    error, clean = column(cells, "error"), column(cells, "test_error")
    reach = intervals(cells, "error")
    helped: dict[str, bool | None] = {}
    for row in error:
        after = TRAINED.format(row)
        if after in error and not math.isnan(error[row] + error[after]):
            (low, high), (least, most) = reach[row], reach[after]
            helped[row] = True if 2 * most < low else False if 2 * least > high else None
    if NETWORK not in helped:
        return missing("20", "no network was trained adversarially.")
    verdict: ClaimVerdict = "cannot be told"
    if helped[NETWORK] is False:
        verdict = "refuted"
    elif helped[NETWORK]:
        verdict = "holds" if all(helped.values()) else "holds with exceptions"
    numbers = "; ".join(
        f"{row} {error[row]:.1%} to {error[TRAINED.format(row)]:.1%} (clean {clean[row]:.1%} to "
        f"{clean[TRAINED.format(row)]:.1%})"
        for row in helped
    )
    return claim(
        "20", verdict,
        f"adversarial training at least halves the network's error on FGSM examples; {numbers}.",
        Strength(
            len(helped), fewest(cells, "error"), "more than half of the network's error, at 95 %,"
        ),
    )  # fmt: skip
