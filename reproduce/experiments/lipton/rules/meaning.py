"""Units and directions, words and topics: claims 2, 2b, 17 and 17b."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from reproduce.experiments.lipton.claims import claim, missing, over_models
from reproduce.experiments.lipton.rules import column, fewest, intervals, number
from reproduce.report.cells import Cells
from reproduce.report.comparisons import all_of, beyond, opposite
from reproduce.report.results import Claim, ClaimVerdict, Strength

FAR = 4  # margins above the control
NOISE = 0.02  # total variation that counts as none beyond that of inference


def directions_like_units(cells: Cells, last: Collection[str]) -> Claim:
    """2: units and random directions are equivalent, and both far above shuffled activations.

    Equivalent: the 90 % interval of the difference lies within the margin (two one-sided tests
    at 5 %); not, where it lies beyond; that equivalence is not shown is no difference. Far above:
    by four margins. Both by either measure, in the last hidden layers.

    Args:
        last: rows of last hidden layers.
    """
    beyond = {row: each for row, each in _beyond(cells).items() if row in last}
    alike = {row: yes for row, yes in _alike(cells).items() if row in last}
    return over_models(
        "2", alike, beyond,
        "90 % interval of units less random directions within the margin, both at least "
        f"{FAR} margins above shuffled activations",
        lambda low, high, height: f"interval {low:+.2f} to {high:+.2f} margins, {height:.1f} above",
        fewest(cells, "units"),
    )  # fmt: skip


def in_the_last_layer(cells: Cells, last: Collection[str]) -> Claim:
    """2b: claim 2 in the last hidden layers; exceptions where it is met in others too."""
    alike = _alike(cells)
    lasts = {row: yes for row, yes in alike.items() if row in last}
    others = {row: yes for row, yes in alike.items() if row not in last}
    if not lasts or not others:
        return missing("2b", "no last hidden layer beside another was looked at.")
    met = list(lasts.values())
    verdict: ClaimVerdict = "cannot be told"
    if 2 * met.count(False) >= len(met):
        verdict = "refuted"
    elif 2 * met.count(True) > len(met):
        only = all(met) and all(yes is False for yes in others.values())
        verdict = "holds" if only else "holds with exceptions"
    return claim(
        "2b", verdict,
        f"claim 2 is met by {_share(lasts)} in last hidden layers, by {_share(others)} in earlier "
        "ones.",
        Strength(len(alike), fewest(cells, "units"), "half of the last hidden layers' differences"),
    )  # fmt: skip


def _beyond(cells: Cells) -> Mapping[str, tuple[float, float, float]]:
    """row -> ends of the interval, and how far both stand above the control, in margins."""
    margin, units, mixed, control = (
        column(cells, name) for name in ("margin", "units", "random", "shuffled")
    )
    return {
        row: (
            low / margin[row],
            high / margin[row],
            (min(units[row], mixed[row]) - control[row]) / margin[row],
        )
        for row, (low, high) in intervals(cells, "difference").items()
    }


def _alike(cells: Cells) -> dict[str, bool | None]:
    """row -> whether claim 2 is met; NaN cannot tell."""
    answers: dict[str, bool | None] = {}
    for row, (low, high, height) in _beyond(cells).items():
        within = True if low > -1 and high < 1 else False if low >= 1 or high <= -1 else None
        far = None if math.isnan(height) else height >= FAR
        answers[row] = all_of([within, far])
    return answers


def _share(meets: Mapping[str, bool | None]) -> str:
    named = [
        f"{word} {', '.join(rows)}"
        for word, which in (("not", False), ("not told:", None))
        if (rows := [row for row, yes in meets.items() if yes is which])
    ]
    count = f"{list(meets.values()).count(True)} of {len(meets)}"
    return f"{count} ({'; '.join(named)})" if named else count


def same_topics(cells: Cells) -> Claim:
    """17: other words get topics that differ no more than those of two runs of inference.

    In the median, with 0.02 allowed; nonsense: the perplexity of the order of the words is at
    least twice the document's.
    """
    return _same(cells, "17", "other words, matched")


def same_words(cells: Cells) -> Claim:
    """17b: a document's own words, shuffled; a bag of words does not see their order: a check."""
    return _same(cells, "17b", "shuffled words")


def _same(cells: Cells, which: str, row: str) -> Claim:
    noise = number(cells, "inference twice", "total_variation")
    sense = number(cells, "the document", "perplexity")
    variation, perplexity = number(cells, row, "total_variation"), number(cells, row, "perplexity")
    apart = None
    if not math.isnan(noise):
        exact = (variation, variation)  # all the same, without an interval
        apart = beyond(
            intervals(cells, "total_variation").get(row, exact), math.nextafter(noise + NOISE, 1)
        )
    nonsense = perplexity >= 2 * sense if math.isfinite(perplexity + sense) else None
    return over_models(
        which, {row: all_of([opposite(apart), nonsense])}, {row: (variation, perplexity / sense)},
        f"median total variation at most that of inference itself ({noise:.3f}) + {NOISE:g}, at "
        "twice the perplexity or more",
        lambda far, times: f"{far:.3f} at {times:.1f} times", fewest(cells, "total_variation"),
    )  # fmt: skip
