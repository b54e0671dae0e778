"""Tests that claims are decided by: True, False, or None where it cannot be told.

Two networks on the same images are compared by the images that only one of them gets wrong; over
seeds by the pairs of numbers. That no difference was shown is never "the same": sameness has a
margin, and is shown where the whole interval lies within it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy import stats

from reproduce.report.intervals import LEVEL


def lower_on_images(first: np.ndarray, second: np.ndarray) -> bool | None:
    """Whether the first network errs less, by McNemar's exact test (1947), two-sided at 5 %.

    Args:
        first, second: bool (n,), which of the same images each gets wrong.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    apart = only_first + only_second
    if not apart or stats.binomtest(only_first, apart).pvalue >= LEVEL:
        return None
    return only_first < only_second


def lower_in_pairs(first: np.ndarray, second: np.ndarray) -> bool | None:
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
    return None if p >= LEVEL else bool(difference.mean() < 0)


def same_rate(wrong: int, n: int, other: int, other_n: int, margin: float) -> bool | None:
    """Whether two rates differ by less than the margin, by two one-sided tests at 5 % each.

    True where the 90 % interval of the difference lies within the margin, False where it lies
    beyond, None where it has a part in both. The interval is Newcombe's (1998, method 10).

    Args:
        wrong, other: counts among n and other_n images that are independent of each other.
        margin: the largest difference, as a fraction, that still counts as the same.
    """
    if not n or not other_n:
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
    known = list(answers)
    if False in known:
        return False
    return None if None in known or not known else True


def majority(hits: int, n: int) -> bool | None:
    """Whether most do, by a binomial test against a half, one-sided at 5 % each way.

    Fewer than five cannot tell, whatever they show.
    """
    if not n:
        return None
    if stats.binomtest(hits, n, alternative="greater").pvalue < LEVEL:
        return True
    return False if stats.binomtest(hits, n, alternative="less").pvalue < LEVEL else None
