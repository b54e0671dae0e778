"""Intervals of 95 %: of a rate, of a mean, of a median over runs, of draws that come in groups.

Draws that share an image, a run or an archive are not independent: what is resampled, or counted
as one observation, is the image, the run, the archive.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special, stats

LEVEL = 0.05
Z = 1.959963984540054  # stats.norm.ppf(1 - LEVEL / 2)
SATURATED = 1e-9  # a confidence of 1 has no log-odds: it is taken for one less this


class Interval(NamedTuple):
    low: float
    high: float


@lru_cache(maxsize=1000)
def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """The two-sided quantile of Student's t: 95 %, or 1 - level."""
    return float(stats.t.ppf(1 - level / 2, freedom))


def finite(values: np.ndarray) -> tuple[np.ndarray, int]:
    """The finite values, and how many are not."""
    values = np.asarray(values, dtype=np.float64).ravel()
    kept = values[np.isfinite(values)]
    return kept, len(values) - len(kept)


def spread(samples: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of a sample (with n - 1)."""
    return float(np.mean(samples)), float(np.std(samples, ddof=1)) if len(samples) > 1 else 0.0


def rms_spread(per_image_rms: np.ndarray) -> tuple[float, float]:
    """The root mean square of all images, and the deviation of one's share in it (delta method).

    The mean square's goes through the square root by its slope, 1 / (2 rms).

    Args:
        per_image_rms: of two images at least, not all of them 0.
    """
    mean, deviation = spread(np.asarray(per_image_rms) ** 2)
    rms = math.sqrt(mean)
    return rms, deviation / (2 * rms)


def wilson(wrong: int, n: int) -> Interval:
    """The score interval of a rate (Wilson 1927), good at 0 and at n as well."""
    p = wrong / n
    centre = p + Z**2 / (2 * n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    low = 0.0 if wrong == 0 else (centre - half) / scale
    high = 1.0 if wrong == n else (centre + half) / scale
    return Interval(low, high)


def of_mean(mean: float, deviation: float, n: int) -> Interval:
    """The t interval of a mean of n numbers with this standard deviation."""
    half = t_quantile(n - 1) * deviation / math.sqrt(n)
    return Interval(mean - half, mean + half)


def of_groups(hits: np.ndarray, draws: np.ndarray) -> Interval:
    """The interval of sum(hits) / sum(draws) where the draws of one group hang together.

    The ratio estimator's t interval (Cochran 1977, "Sampling techniques", section 6.4), over
    groups. Where no group differs from another, Wilson's interval for as many draws as groups.

    Args:
        hits, draws: int (groups,), such as the noisy copies of each image.
    """
    hits, draws = np.asarray(hits, float), np.asarray(draws, float)
    groups, rate = len(hits), hits.sum() / draws.sum()
    residuals = hits - rate * draws
    if groups < 2 or not residuals.any():
        return wilson(round(rate * groups), groups)
    error = math.sqrt(groups / (groups - 1) * (residuals**2).sum()) / draws.sum()
    half = t_quantile(groups - 1) * error
    return Interval(rate - half, rate + half)


def of_sample_median(values: np.ndarray) -> Interval:
    """The interval of the median of independent values, by order statistics (exact binomial).

    Fewer than six, or NaN among them, have none: NaN.
    """
    ordered = np.sort(np.asarray(values, float).ravel())
    n = len(ordered)
    below = int(stats.binom.ppf(LEVEL / 2, n, 0.5)) if n else 0
    while below and stats.binom.cdf(below - 1, n, 0.5) > LEVEL / 2:
        below -= 1
    if not below or np.isnan(ordered).any():
        return Interval(math.nan, math.nan)
    return Interval(float(ordered[below - 1]), float(ordered[n - below]))


def of_slope(x: np.ndarray, y: np.ndarray, resamples: int = 2000) -> tuple[float, Interval]:
    """Slope of a line by least squares; its t interval by resampling rows (Efron 1979).

    Args:
        x: (columns,); y: (rows, columns), a row for each image; NaN is left out.
    """
    known = np.isfinite(y)
    values, places = np.where(known, y, 0.0), np.broadcast_to(x, y.shape)
    sums = np.stack(
        [
            np.where(known, each, 0.0).sum(axis=1)
            for each in (np.ones_like(y), places, values, places**2, places * values)
        ]
    )
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=resamples)

    def slope(totals: np.ndarray) -> np.ndarray:
        n, sx, sy, sxx, sxy = totals
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((n * sxy - sx * sy) / (n * sxx - sx**2))

    found, rows = float(slope(sums.sum(axis=1))), len(y)
    error = float(np.nanstd(slope(sums @ drawn.T), ddof=1)) * math.sqrt(rows / (rows - 1))
    half = t_quantile(rows - 1) * error
    return found, Interval(found - half, found + half)


class MedianSpread(NamedTuple):
    """How a median over runs scatters, on the scale on which it is symmetric.

    centre: our median; deviation: of a single run's median; clustered: in [0, 1], the part of the
        runs' scatter that all values of a run share.
    runs: ours.
    """

    centre: float
    deviation: float
    clustered: float
    runs: int

    def variance(self, runs: int) -> float:
        """Of the median of all values of so many runs."""
        return self.deviation**2 * _excess(self.clustered, runs) / runs


def _excess(clustered: float, runs: int) -> float:
    """runs x the variance of the median over runs, in variances of one run's median.

    1 where the values of a run are independent; where they are all the same, that of the median
    of as many normal numbers: 1, 1, 1.35, 1.19, 1.43 ..., pi / 2 (fitted to 2 %).
    """
    alone = 1.0 if runs < 3 else math.pi / 2 * runs / (runs + (0.5 if runs % 2 else 1.3))
    return 1 + clustered * (alone - 1)


def of_values(values: np.ndarray) -> MedianSpread:
    """The spread of the median of all values, from the runs' own medians.

    Args:
        values: (runs, values in each run), two runs at least.
    """
    runs, each = values.shape
    medians = np.median(values, axis=1)
    deviation = float(np.std(medians, ddof=1))
    within = float(np.var(values, axis=1, ddof=1).mean()) if each > 1 else 0.0
    between = max(0.0, deviation**2 - math.pi / 2 * within / each)
    shared = between / (between + within) if between else 0.0
    # Of the indicators "below the median", whose means a median follows (normal values).
    share = 2 / math.pi * math.asin(shared)
    total = (between + within) * math.pi / 2 * (1 + (each - 1) * share) / each
    excess = total / deviation**2 if deviation else 1.0
    clustered = min(max((excess - 1) / (math.pi / 2 - 1), 0.0), 1.0)
    return MedianSpread(float(np.median(values)), deviation, clustered, runs)


def of_median(values: np.ndarray, unit: str) -> Interval:
    """The interval of the median of all values of several runs; of a confidence, by its log-odds.

    Args:
        values: (runs, values in each run), two runs at least.
    """
    found = of_values(to_scale(values, unit))
    half = t_quantile(found.runs - 1) * math.sqrt(found.variance(found.runs))
    low, high = from_scale(np.array([found.centre - half, found.centre + half]), unit)
    return Interval(float(low), float(high))


def to_scale(values: np.ndarray | float, unit: str) -> np.ndarray:
    """Fractions as log-odds, others as they are."""
    if unit != "fraction":
        return np.asarray(values, float)
    return np.asarray(special.logit(np.clip(values, SATURATED, 1 - SATURATED)))


def from_scale(values: np.ndarray | float, unit: str) -> np.ndarray:
    """The inverse of `to_scale`."""
    return np.asarray(special.expit(values) if unit == "fraction" else values)


def within(interval: Interval, unit: str) -> Interval:
    """No rate is below 0 or above 1; no count and no root mean square is below 0."""
    if unit not in ("fraction", "count", "rms"):
        return interval
    high = min(interval.high, 1.0) if unit == "fraction" else interval.high
    return Interval(max(interval.low, 0.0), high)
