"""Units and directions, words and topics: claims 2, 2b and 17."""

from __future__ import annotations

import math
from collections.abc import Mapping

from reproduce.experiments.lipton.claims import claim, over_models
from reproduce.experiments.lipton.rules import column, intervals, number
from reproduce.report.cells import Cells
from reproduce.report.results import Claim, ClaimVerdict

LAST = "last hidden"
FAR = 4  # margins above the control
NOISE = 0.02  # total variation that counts as none beyond that of inference


def directions_like_units(cells: Cells) -> Claim:
    """2: units and random directions are equivalent, and both far above shuffled activations.

    Equivalent: the 90 % interval of the difference lies within the margin (two one-sided tests
    at 5 %). Far above: by four margins. Both by either measure, in the last hidden layers. An
    interval that holds zero and reaches beyond the margin cannot tell, and is left out.
    """
    last = {row: beyond for row, beyond in _beyond(cells).items() if LAST in row}
    return over_models(
        "2", last, lambda reach, height: reach < 1 and height >= FAR,
        "90 % interval of units less random directions within the margin, both at least "
        f"{FAR} margins above shuffled activations",
        lambda reach, height: f"interval reaches {reach:.2f} margins, {height:.1f} above",
    )  # fmt: skip


def in_the_last_layer(cells: Cells) -> Claim:
    """2b: claim 2 in the last hidden layers; exceptions where it is met in others too."""
    meets = {
        row: reach < 1 and height >= FAR
        for row, (reach, height) in _beyond(cells).items()
        if not math.isnan(reach + height)
    }
    last = {row: yes for row, yes in meets.items() if LAST in row}
    others = {row: yes for row, yes in meets.items() if LAST not in row}
    if not last or not others:
        return claim("2b", "cannot be told", "no last hidden layer beside another was looked at.")
    verdict: ClaimVerdict = "refuted"
    if sum(last.values()) * 2 >= len(last):
        verdict = (
            "holds" if all(last.values()) and not any(others.values()) else "holds with exceptions"
        )
    return claim(
        "2b", verdict,
        f"claim 2 is met by {_share(last)} in last hidden layers, by {_share(others)} in earlier "
        "ones.",
    )  # fmt: skip


def _beyond(cells: Cells) -> Mapping[str, tuple[float, float]]:
    """row -> how far the interval reaches, and how far both stand above the control, in margins.

    NaN where the interval can tell neither sameness nor a difference.
    """
    margin, units, mixed, control = (
        column(cells, name) for name in ("margin", "units", "random", "shuffled")
    )
    return {
        row: (
            math.nan
            if low <= 0 <= high and max(-low, high) >= margin[row]
            else max(abs(low), abs(high)) / margin[row],
            (min(units[row], mixed[row]) - control[row]) / margin[row],
        )
        for row, (low, high) in intervals(cells, "difference").items()
    }


def _share(meets: Mapping[str, bool]) -> str:
    failing = [row for row, yes in meets.items() if not yes]
    return f"{sum(meets.values())} of {len(meets)}" + (
        f" (not {', '.join(failing)})" * bool(failing)
    )


def same_topics(cells: Cells) -> Claim:
    """17: nonsense gets topics that differ no more than those of two runs of inference.

    In the median, with 0.02 allowed; nonsense: the perplexity of the order of the words is at
    least twice the document's.
    """
    noise = number(cells, "inference twice", "total_variation")
    sense = number(cells, "the document", "perplexity")
    rows = ("shuffled words", "other words, matched")
    values = {
        row: (
            number(cells, row, "total_variation"),
            number(cells, row, "perplexity") / sense,
        )
        for row in rows
    }
    return over_models(
        "17", values, lambda variation, nonsense: variation <= noise + NOISE and nonsense >= 2,
        f"median total variation at most that of inference itself ({noise:.3f}) + {NOISE:g}, at "
        "twice the perplexity or more",
        lambda variation, nonsense: f"{variation:.3f} at {nonsense:.1f} times",
    )  # fmt: skip
