"""Where each cell of one further seed may lie, were it drawn like the reference's.

By Student's t of one further draw (Hahn & Meeker 1991, "Statistical intervals", section 4.7). Five
seeds alone tell little of a deviation: at 5 % over a hundred cells theirs counts 14 times. So what
a cell itself knows comes first:

    a rate of n images    wherever Fisher's exact test finds no difference from all seeds' images
    a mean of n images    the error that its interval shows, of which hundreds of images tell
    any other number      the deviation between seeds; of a confidence, of its log-odds; of a size,
                          of its logarithm. A whole count keeps Poisson's spread at least, and a
                          number with an interval of its own, such as a median, that interval
    the same in each      likewise; without an interval it has to be the same, a size to a half
                          of a per cent: on another machine a convex training stops elsewhere

Between seeds, rates and means can vary by more than images let them: networks differ, and images of
one run may behave alike, as where a network takes all noise for one digit, or none. By how much is
told by Pearson's statistic (McCullagh & Nelder 1989, "Generalized linear models", section 4.5) over
a table's rates or means; over a row's or a column's, or of the cell alone, where these hint at
still more. A variance counts that much more, n images count as n over it, and a rate also lies
where Student's t of its log-odds puts it.

A rate on which the seeds agree, as draws would in fewer cases than the level, is one that no seed
changes: of all test images under a convex training. It has to be the same, but for a few images
that rounding turns on another machine.

The level is 5 % over all cells together (Bonferroni), however they depend on each other. A cell
without a value is not judged: one seed in several may lack one.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from reproduce.report import intervals
from reproduce.report.intervals import LEVEL, Interval, within
from reproduce.report.results import Cell, Results
from reproduce.report.scatter import (
    ALONE,
    Dispersion,
    Key,
    all_rates,
    between_seeds,
    images_variance,
    images_wrong,
)

SAME = 1e-6  # relative, of a share absolute: sums over another number of threads differ by less
SIZES = frozenset({"rms", "norm", "max", "ratio", "sd", "gaps"})  # units of what is not negative
LARGEST = math.log(np.finfo(np.float64).max)
# Relative, of a size that no seed changes: where a convex training stops depends on rounding. The
# weights of FC10(1e-4), 5,000 digits, have a norm of 12.755 on one machine, 12.739 on another.
STOPPED = 5e-3
TURNED = 1e-3  # of the images, and two at least: turned by rounding alone
Ranges = Mapping[Key, Interval]


def ranges(reference: Sequence[Results]) -> dict[Key, Interval]:
    """Where each cell of a further seed may lie."""
    cells: dict[Key, list[Cell]] = {}
    for run in reference:
        for cell in run.cells:
            cells.setdefault(key(cell), []).append(cell)
    level = LEVEL / max(len(cells), 1)
    scatter = between_seeds(cells)
    found = {place: allowed(same, level, scatter[place]) for place, same in cells.items()}
    return {place: interval for place, interval in found.items() if interval is not None}


def allowed(cells: Sequence[Cell], level: float, scatter: Dispersion = ALONE) -> Interval | None:
    """Where this cell of one further seed lies, with a probability of 1 - level at least.

    Args:
        cells: the same cell of the reference's seeds.
        scatter: between seeds.

    Returns:
        None where fewer than two have a value, and where one has none.
    """
    values = np.array([cell.value for cell in cells if cell.value is not None])
    if len(values) < max(2, len(cells)):
        return None
    unit = cells[0].unit
    spread = _differ(values, unit)
    if all_rates(cells) or (not spread and unit == "fraction" and all(cell.n for cell in cells)):
        if not spread and all_rates(cells) and _agree(cells) < level:
            return _turned(cells)
        found = _by_counting(cells, level, scatter.factor)
        if scatter.factor > 1:
            found = _either(found, _by_odds(cells, level))
        return found
    if not spread:
        return _by_poisson(values, level) if _counted(cells) else _same(cells, values)
    if (variance := images_variance(cells)) is not None:
        freedom = min(sum((cell.n or 1) - 1 for cell in cells), scatter.freedom)
        deviation = math.sqrt(variance * scatter.factor)
        return within(_further(float(values.mean()), deviation, len(cells), level, freedom), unit)
    found = within(_by_spread(values, unit, level), unit)
    if _counted(cells):
        found = _either(found, _by_poisson(values, level))
    if unit == "fraction":
        found = Interval(found.low - SAME, found.high + SAME)
    return _with_own(cells, found)


def _either(one: Interval, other: Interval) -> Interval:
    """From the lower of two ranges' ends to the higher."""
    return Interval(min(one.low, other.low), max(one.high, other.high))


def _further(mean: float, deviation: float, draws: int, level: float, freedom: float) -> Interval:
    """The t interval for one further draw."""
    half = intervals.t_quantile(freedom, level) * deviation * math.sqrt(1 + 1 / draws)
    return Interval(mean - half, mean + half)


def _by_spread(values: np.ndarray, unit: str, level: float) -> Interval:
    """By the deviation between seeds."""
    if unit in SIZES and (values > 0).all():
        low, high = _further(*intervals.spread(np.log(values)), len(values), level, len(values) - 1)
        return Interval(math.exp(low), math.exp(min(high, LARGEST)))
    inside = unit == "fraction" and bool(((values > 0) & (values <= 1)).all())
    scaled = intervals.to_scale(values, unit) if inside else values
    ends = _further(*intervals.spread(scaled), len(scaled), level, len(scaled) - 1)
    low, high = intervals.from_scale(np.array(ends), unit) if inside else ends
    return Interval(float(low), float(high))


def _differ(values: np.ndarray, unit: str) -> bool:
    """Whether seeds differ; of shares near 1, what is missing counts: .999 and .9999 do."""
    size = np.abs(values).max()
    if unit == "fraction":
        size = min(size, np.abs(1 - values).max())
    return bool(np.ptp(values) > SAME * size)


def _same(cells: Sequence[Cell], values: np.ndarray) -> Interval:
    """The number of all seeds, or where it lies by its own intervals."""
    unit = cells[0].unit
    share = unit in ("fraction", "points")
    slack = (STOPPED if unit in SIZES else SAME) * (1.0 if share else float(np.abs(values).max()))
    found = Interval(float(values.min()) - slack, float(values.max()) + slack)
    return _with_own(cells, found)


def _with_own(cells: Sequence[Cell], found: Interval) -> Interval:
    """A range and all that the seeds' own intervals cover."""
    lows = [cell.low for cell in cells if cell.low is not None]
    highs = [cell.high for cell in cells if cell.high is not None]
    return Interval(min([found.low, *lows]), max([found.high, *highs]))


def _counted(cells: Sequence[Cell]) -> bool:
    """Whether a cell is a whole count, not a mean or a median of counts."""
    return all(
        cell.unit == "count" and cell.low is None and (cell.value or 0.0) >= 0
        and float(cell.value or 0.0).is_integer()
        for cell in cells
    )  # fmt: skip


def _agree(cells: Sequence[Cell]) -> float:
    """The probability that binomial draws of one rate are the same in every seed."""
    n = cells[0].n or 0
    if any(cell.n != n for cell in cells):
        return 1.0
    return float((stats.binom.pmf(np.arange(n + 1), n, cells[0].value) ** len(cells)).sum())


def _turned(cells: Sequence[Cell]) -> Interval:
    """A rate that has to be the same, but for a few images."""
    value, n = cells[0].value or 0.0, cells[0].n or 1
    slack = max(2, math.floor(TURNED * n)) / n + SAME
    return Interval(value - slack, value + slack)


def _by_odds(cells: Sequence[Cell], level: float) -> Interval:
    """The t interval of the log-odds, half an image added to either side (Haldane 1956)."""
    n = np.array([cell.n or 0 for cell in cells])
    wrong = np.round([(cell.value or 0.0) * (cell.n or 0) for cell in cells])
    low, high = _by_spread((wrong + 0.5) / (n + 1), "fraction", level)
    fewest = int(n.min())
    first, last = low * (fewest + 1) - 0.5, high * (fewest + 1) - 0.5  # images, with a part of one
    return Interval(math.floor(first) / fewest - SAME, math.ceil(last) / fewest + SAME)


def _by_counting(cells: Sequence[Cell], level: float, alike: float = 1.0) -> Interval:
    """The counts that Fisher's exact test does not tell from those of all seeds together.

    Args:
        alike: so many images count as one.
    """
    wrong = round(images_wrong(cells) / alike)
    images = round(sum(cell.n or 0 for cell in cells) / alike)
    n = max(round(min(cell.n or 0 for cell in cells) / alike), 1)

    def below(count: int) -> bool:  # significantly fewer
        return bool(stats.hypergeom.cdf(count, images + n, wrong + count, n) <= level / 2)

    def above(count: int) -> bool:
        return bool(stats.hypergeom.sf(count - 1, images + n, wrong + count, n) <= level / 2)

    counts = range(n + 1)
    first = bisect.bisect_left(counts, True, key=lambda count: not below(count))
    end = bisect.bisect_left(counts, True, key=above)
    within = 1 - 1 / alike  # of an image that counts: what lies between two whole ones
    return Interval((first - within) / n - SAME, (end - 1 + within) / n + SAME)


def _by_poisson(values: np.ndarray, level: float) -> Interval:
    """Counts that differ from all seeds' no more than Poisson's do: binomial, given their sum."""
    total, seeds = round(float(values.sum())), len(values)
    counts = np.arange(total + 100)
    share = 1 / (seeds + 1)
    below = stats.binom.cdf(counts, total + counts, share)
    above = stats.binom.sf(counts - 1, total + counts, share)
    kept = counts[(below > level / 2) & (above > level / 2)]
    return Interval(float(kept.min()), float(kept.max()))


def key(cell: Cell) -> Key:
    return cell.artefact, cell.row, cell.column
