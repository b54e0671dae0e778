"""Tests that claims are decided by: True, False, or None where it cannot be told.

Two networks on the same images are compared by the images that only one of them gets wrong; over
seeds by the pairs of numbers. That no difference was shown is never "the same": sameness has a
margin, and is shown where the whole interval lies within it.

Where a claim is about several networks, all have to bear it out, and one that does not refutes it.
`of` is how many they are: each yes is at 5 %, each no at 5 % / `of` (Bonferroni), so that chance
alone refutes in 5 % of cases at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy import stats

from reproduce.report.intervals import LEVEL
from reproduce.report.results import ClaimVerdict, known, missing


def lower_on_images(first: np.ndarray, second: np.ndarray, of: int = 1) -> bool | None:
    """Whether the first network errs less, by McNemar's exact test (1947), two-sided at 5 %.

    Args:
        first, second: bool (n,), which of the same images each gets wrong.
    """
    if missing(first, second):
        return None
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    apart = only_first + only_second
    if not apart:
        return None
    return _answer(only_first < only_second, float(stats.binomtest(only_first, apart).pvalue), of)


def lower_in_pairs(first: np.ndarray, second: np.ndarray, of: int = 1) -> bool | None:
    """Whether the first mean is lower, by the paired t test, two-sided at 5 %.

    Args:
        first, second: (n,), of the same seeds or images; one pair, or NaN, tells nothing.
    """
    difference = np.subtract(first, second)
    if len(difference) < 2 or not np.isfinite(difference).all():
        return None
    if not np.ptp(difference):  # no spread: equal, or apart by the same amount in every seed
        return None
    p = stats.ttest_1samp(difference, 0).pvalue
    return _answer(bool(difference.mean() < 0), float(p), of)


def same_rate(wrong: int, n: int, other: int, other_n: int, margin: float) -> bool | None:
    """Whether two rates differ by less than the margin, by two one-sided tests at 5 % each.

    True where the 90 % interval of the difference lies within the margin, False where it lies
    beyond, None where it has a part in both. The interval is Newcombe's (1998, method 10).

    Args:
        wrong, other: counts among n and other_n images that are independent of each other.
        margin: the largest difference, as a fraction, that still counts as the same.
    """
    if missing(wrong, n, other, other_n, margin) or not n or not other_n:
        return None
    rate, second = wrong / n, other / other_n
    a, b = (
        stats.binomtest(k, m).proportion_ci(1 - 2 * LEVEL, "wilson")
        for k, m in ((wrong, n), (other, other_n))
    )
    low = rate - second - math.hypot(rate - a.low, b.high - second)
    high = rate - second + math.hypot(a.high - rate, second - b.low)
    if -margin < low and high < margin:
        return True
    return False if low > margin or high < -margin else None


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """False where one is, None where one cannot be told or there is none, else True."""
    told = [known(answer) for answer in answers]
    if False in told:
        return False
    return None if None in told or not told else True


def any_of(answers: Iterable[bool | None]) -> bool | None:
    """True where one is, None where one cannot be told or there is none, else False."""
    told = [known(answer) for answer in answers]
    if True in told:
        return True
    return None if None in told or not told else False


def more_than(hits: int, n: int, share: float, of: int = 1) -> bool | None:
    """Whether a rate is above a share, by an exact binomial test, one-sided at 5 % each way."""
    if missing(hits, n, share) or not n:
        return None
    if _p_value(hits, n, share, "greater") < LEVEL:
        return True
    return False if _p_value(hits, n, share, "less") < LEVEL / of else None


def fewer_than(hits: int, n: int, share: float, of: int = 1) -> bool | None:
    """Whether a rate is below a share, likewise."""
    return more_than(n - hits, n, 1 - share, of)


def majority(hits: int, n: int, of: int = 1) -> bool | None:
    """Whether most do: a rate above one half. Fewer than five cannot tell."""
    return more_than(hits, n, 0.5, of)


def refuting(n: int, share: float = 0.5, of: int = 1) -> str:
    """The counts for which `more_than` says no: 'at most 1 of 10'."""
    level = LEVEL / of
    if not n or _p_value(0, n, share, "less") >= level:
        return f"more than the {n} there are"
    most = int(stats.binom.ppf(level, n, share))
    while _p_value(most, n, share, "less") >= level:
        most -= 1
    return f"at most {most} of {n}"


def median_above(values: np.ndarray, limit: float, of: int = 1) -> bool | None:
    """Whether the median of independent values is above a limit, by the sign test."""
    values = np.asarray(values, float)
    apart = values[values != limit]
    if missing(values, limit):
        return None
    return majority(int((apart > limit).sum()), len(apart), of)


def mean_above(values: np.ndarray, limit: float, of: int = 1) -> bool | None:
    """Whether the mean over runs is above a limit, by the t test, one-sided at 5 % each way.

    A single run, or NaN, tells nothing; runs without spread lie where they lie.
    """
    values = np.asarray(values, float)
    if len(values) < 2 or not np.isfinite([*values, limit]).all():
        return None
    if not np.ptp(values):
        return None if values[0] == limit else bool(values[0] > limit)
    p = stats.ttest_1samp(values, limit, alternative="greater").pvalue
    return True if p < LEVEL else False if 1 - p < LEVEL / of else None


def mean_below(values: np.ndarray, limit: float, of: int = 1) -> bool | None:
    """Whether the mean over runs is below a limit, likewise."""
    return mean_above(-np.asarray(values, float), -limit, of)


def lower_in_samples(first: np.ndarray, second: np.ndarray, of: int = 1) -> bool | None:
    """Whether the first mean is lower, by Welch's t test, two-sided at 5 %.

    Args:
        first, second: (n,) and (m,), of independent runs or images; one, or NaN, tells nothing.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if min(len(first), len(second)) < 2 or not np.isfinite([*first, *second]).all():
        return None
    if not np.ptp(first) and not np.ptp(second):
        return None if first[0] == second[0] else bool(first[0] < second[0])
    p = stats.ttest_ind(first, second, equal_var=False).pvalue
    return _answer(bool(first.mean() < second.mean()), float(p), of)


def extreme(value: float, chance: np.ndarray) -> bool | None:
    """Whether a value is among the lowest 5 % of those that chance gives; False: the highest.

    Args:
        chance: of a permutation of the labels, the value's own among them or not.
    """
    if missing(value, chance):
        return None
    below = (1 + (chance <= value).sum()) / (1 + len(chance))
    above = (1 + (chance >= value).sum()) / (1 + len(chance))
    return True if below < LEVEL else False if above < LEVEL else None


def beyond(interval: tuple[float | None, float | None], limit: float) -> bool | None:
    """Whether an interval lies above a limit; None where the limit is in it, or an end missing."""
    low, high = interval
    if low is None or high is None or not math.isfinite(low + high + limit):
        return None
    return True if low > limit else False if high < limit else None


def opposite(told: bool | None) -> bool | None:
    told = known(told)
    return None if told is None else not told


def over_cases(answers: Iterable[bool | None]) -> ClaimVerdict:
    """One verdict over models, layers or networks.

    Holds for all; with exceptions for more than half of them; refuted where it fails for half or
    more; else so many cannot be told that neither is known.
    """
    told = [known(answer) for answer in answers]
    if told and all(told):
        return "holds"
    if 2 * told.count(True) > len(told):
        return "holds with exceptions"
    return "refuted" if told and 2 * told.count(False) >= len(told) else "cannot be told"


def _answer(lower: bool, p: float, of: int) -> bool | None:
    """The side on which a two-sided test is beyond chance."""
    return lower if p < (LEVEL if lower else LEVEL / of) else None


def _p_value(hits: int, n: int, share: float, alternative: str) -> float:
    return float(stats.binomtest(hits, n, share, alternative=alternative).pvalue)
