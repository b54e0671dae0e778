"""Does our number agree with the printed one? The rule, in its one place.

A printed number stands for every number that rounds to it, so each test takes, of those, the one
nearest to ours.

- A rate: Fisher's exact test for two proportions, two-sided, at 5 %, on our count and the
  paper's, with the paper's own sample size. It is valid for any counts, 0 % and 100 % included.
- A mean over n images: the printed value against the interval in which our spread lets a mean of
  the paper's number of images fall (a t interval of variance s^2 / n + s^2 / n_paper).
- Several runs: the printed value against the prediction interval for one further run,
  mean +- t s sqrt(1 + 1 / runs), wider where the paper's rate rests on fewer images than ours.
- A median over runs: the printed value against the medians of as many runs as the paper made,
  drawn from our runs, which are themselves drawn anew each time (bootstrap, so that both sides'
  luck counts).
- A number without spread: the printed value, as rounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats

from reproduce.report.published import Published
from reproduce.report.results import Cell, Verdict

LEVEL = 0.05
DRAWS = 1000  # of the bootstrap
Z = 1.959963984540054  # stats.norm.ppf(1 - LEVEL / 2)

RULE = (
    "consistent (✓): a rate by Fisher's exact test for two proportions at 5 %, with the paper's "
    "own sample size on its side; a mean if the printed value, widened by its rounding, lies in "
    "the interval that our spread gives for a sample of the paper's size; several runs by the "
    "prediction interval for one run; a median by drawing runs anew; a number without spread if "
    "it rounds to the printed one. "
    "differs (≠): otherwise. Intervals are 95 %."
)


class Interval(NamedTuple):
    low: float
    high: float


def wilson(wrong: int, n: int) -> Interval:
    """The 95 % score interval of a rate (Wilson 1927), good at 0 and at n as well."""
    p = wrong / n
    centre = p + Z**2 / (2 * n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    low = 0.0 if wrong == 0 else (centre - half) / scale
    high = 1.0 if wrong == n else (centre + half) / scale
    return Interval(low, high)


def confidence(mean: float, deviation: float, n: int) -> Interval:
    """The 95 % t interval of a mean of n numbers with this standard deviation."""
    half = _t(n) * deviation / math.sqrt(n)
    return Interval(mean - half, mean + half)


def prediction(mean: float, deviation: float, n: int, future: int = 1) -> Interval:
    """Where the mean of `future` further numbers falls in 95 of 100 cases."""
    half = _t(n) * deviation * math.sqrt(1 / n + 1 / future)
    return Interval(mean - half, mean + half)


def of_rate(wrong: int, n: int, published: Published | None) -> Verdict:
    """Whether two samples with one common rate differ as much in 5 % of cases at the most."""
    if published is None or not published.judged:
        return "unpublished"
    n_paper = published.n or n
    nearest = _nearest_count(wrong / n, published, n_paper)
    table = np.array([[wrong, n - wrong], [nearest, n_paper - nearest]])
    p_value = stats.fisher_exact(table).pvalue
    return "consistent" if p_value >= LEVEL else "differs"


def _nearest_count(rate: float, published: Published, n: int) -> int:
    """The count among n that prints like the published rate and lies nearest to ours."""
    low, high = (min(max(end, 0.0), 1.0) for end in published.allows)
    first, last = math.ceil(low * n - 1e-9), math.floor(high * n + 1e-9)
    if first > last:  # no count prints exactly so: n is not what the paper had
        return round(published.value * n)
    return min(max(round(rate * n), first), last)


def of_mean(mean: float, deviation: float, n: int, published: Published | None) -> Verdict:
    """The printed mean against ours and the spread of our n numbers."""
    if published is None or not published.judged:
        return "unpublished"
    return _overlap(prediction(mean, deviation, n, published.n or n), published)


def of_runs(
    mean: float,
    deviation: float,
    runs: int,
    published: Published | None,
    images: int | None = None,
) -> Verdict:
    """The paper's one run against the spread of our runs.

    Args:
        images: behind each of our rates; where the paper had fewer, its rate is spread more
            widely than one of ours by the difference of the binomial variances.
    """
    if published is None or not published.judged:
        return "unpublished"
    extra = 0.0
    if images and published.n and published.unit == "fraction":
        extra = max(0.0, mean * (1 - mean) * (1 / published.n - 1 / images))
    half = _t(runs) * math.sqrt(deviation**2 * (1 + 1 / runs) + extra)
    return _overlap(Interval(mean - half, mean + half), published)


def medians(values: np.ndarray, future: int | None = None) -> Interval:
    """Where 95 of 100 medians of runs drawn anew from ours lie.

    Args:
        values: (runs, values in each run); whole runs are drawn.
        future: draws, from the runs that were drawn, this many further ones, as another's would be.
    """
    rng = np.random.default_rng(0)
    runs = len(values)
    found = np.empty(DRAWS)
    for draw in range(DRAWS):
        chosen = rng.integers(runs, size=runs)
        if future:
            chosen = chosen[rng.integers(runs, size=future)]
        found[draw] = np.median(values[chosen])
    low, high = np.quantile(found, [LEVEL / 2, 1 - LEVEL / 2])
    return Interval(float(low), float(high))


def of_median(values: np.ndarray, published: Published | None) -> Verdict:
    """The paper's median over its runs against those that our runs give."""
    if published is None or not published.judged:
        return "unpublished"
    return _overlap(medians(values, published.n or len(values)), published)


def of_number(value: float, published: Published | None) -> Verdict:
    """A number without spread agrees when it rounds to the printed one."""
    if published is None or not published.judged:
        return "unpublished"
    return _overlap(Interval(value, value), published)


def _overlap(ours: Interval, published: Published) -> Verdict:
    low, high = published.allows
    slack = 1e-9 * abs(published.value)
    return "consistent" if ours.low <= high + slack and ours.high >= low - slack else "differs"


def _t(n: int) -> float:
    return float(stats.t.ppf(1 - LEVEL / 2, n - 1))


def spread(samples: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of a sample (with n - 1)."""
    return float(np.mean(samples)), float(np.std(samples, ddof=1)) if len(samples) > 1 else 0.0


class Count(NamedTuple):
    """How many of the cells that have a published number agree with it.

    tested: how many of them have a spread, so that chance alone makes up to 5 % of them differ.
    """

    consistent: int
    published: int
    tested: int

    def __str__(self) -> str:
        if not self.published:
            return ""
        chance = LEVEL * self.tested
        cells = "cell" if self.published == 1 else "cells"
        text = f"{self.consistent} of {self.published} {cells} consistent"
        if self.tested:
            text += f"; by chance alone up to {chance:.1f} of the {self.tested} tested would differ"
        return text


def count(cells: Iterable[Cell]) -> Count:
    """The last line of a table."""
    judged = [cell for cell in cells if cell.verdict != "unpublished"]
    return Count(
        consistent=sum(cell.verdict == "consistent" for cell in judged),
        published=len(judged),
        tested=sum(cell.low is not None for cell in judged),
    )
