"""Are two samples alike? A test whose null hypothesis is that they differ.

Szegedy et al. 2014, section 3, find "no distinction" between units and random directions. A test
of difference that finds nothing says little: perhaps the sample was small. The two one-sided tests
(Schuirmann 1987) turn it round: only data that rule out a difference of `margin` or more, in
either direction, count as equivalent. The margin has to be written down before the data are seen.

Unequal variances: Welch's t. Several comparisons: Holm's step-down correction, over each family of
tests (of equivalence, of difference) by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.05


class Comparison(NamedTuple):
    """One sample minus another, in their means.

    low, high: the interval that lies inside (-margin, margin) just when `p_equivalent` < LEVEL,
        that is 90 %, before any correction.
    p_equivalent: of the two one-sided tests; small when a difference of `margin` is ruled out.
    p_different: of the two-sided test; small when no difference at all is ruled out.
    """

    difference: float
    low: float
    high: float
    margin: float
    p_equivalent: float
    p_different: float


def compare(first: NDArray[np.floating], second: NDArray[np.floating], margin: float) -> Comparison:
    """Two one-sided Welch tests of mean(first) - mean(second) against -margin and +margin."""
    if not margin > 0:
        raise ValueError(f"the margin is a positive difference, got {margin:g}")
    variances = np.array([first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)])
    difference = float(first.mean() - second.mean())
    error = float(np.sqrt(variances.sum()))
    if error == 0:  # two constants: nothing is left to chance
        inside, same = abs(difference) < margin, difference == 0
        return Comparison(
            difference, difference, difference, margin, float(not inside), float(same)
        )
    sizes = np.array([len(first), len(second)])
    freedom = variances.sum() ** 2 / (variances**2 / (sizes - 1)).sum()
    above = stats.t.sf((difference + margin) / error, freedom)  # null: difference <= -margin
    below = stats.t.cdf((difference - margin) / error, freedom)  # null: difference >= +margin
    reach = stats.t.ppf(1 - LEVEL, freedom) * error
    return Comparison(
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        margin=margin,
        p_equivalent=float(max(above, below)),
        p_different=float(2 * stats.t.sf(abs(difference) / error, freedom)),
    )


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """p-values corrected for their number (Holm 1979): below LEVEL with the same overall risk."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(steps, 1)
    return corrected


def verdicts(comparisons: Sequence[Comparison]) -> list[str]:
    """One word for each comparison, corrected for their number.

    "equivalent" (which may still be a small, certain difference), "more" or "less" (the first
    sample's mean differs from the second's and equivalence is not shown), or "undecided".
    """
    alike = holm([comparison.p_equivalent for comparison in comparisons]) < LEVEL
    apart = holm([comparison.p_different for comparison in comparisons]) < LEVEL
    return [
        "equivalent"
        if equivalent
        else ("more" if comparison.difference > 0 else "less")
        if different
        else "undecided"
        for comparison, equivalent, different in zip(comparisons, alike, apart, strict=True)
    ]
