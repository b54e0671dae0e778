"""Where each cell of one further seed may lie, were it drawn like the reference's.

By Student's t of one further draw (Hahn & Meeker 1991, "Statistical intervals", section 4.7). Five
seeds alone tell little of a deviation: at 5 % over a hundred cells theirs counts 14 times. So what
a cell itself knows comes first:

    a rate of n images    wherever Fisher's exact test finds no difference from all seeds' images
    a mean of n images    the error that its interval shows, of which hundreds of images tell
    any other number      the deviation between seeds; of a confidence, of its log-odds
    the same in each      a count keeps Poisson's spread, another number has to be the same

Between seeds, rates and means can vary by more than images let them: networks differ, and images of
one run may behave alike, as where a network takes all noise for one digit, or none. By how much is
told by Pearson's statistic (McCullagh & Nelder 1989, "Generalized linear models", section 4.5) over
a table's rates or means; over a row's, or of the cell alone, where these hint at still more. A
variance counts that much more, n images count as n over it, and a rate also lies where Student's t
of its log-odds puts it.

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
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from reproduce.report import intervals
from reproduce.report.cells import within
from reproduce.report.intervals import LEVEL, Interval
from reproduce.report.results import Cell, Results

HINT = 0.1  # of more than the images' spread: too little of it found is dearer than too much
OWN_HINT = 0.01  # of a single cell: of a hundred, ten would hint by chance
SAME = 1e-6  # relative: sums over another number of threads differ by less
TURNED = 1e-3  # of the images, and two at least: turned by rounding alone
Key = tuple[str, str, str]  # artefact, row, column
Ranges = Mapping[Key, Interval]


class Dispersion(NamedTuple):
    """The variance between seeds over that which the images explain; 1 at least.

    freedom: its degrees of freedom; infinite where nothing hints at more than 1.
    """

    factor: float = 1.0
    freedom: float = math.inf


ALONE = Dispersion()  # nothing but images


def ranges(reference: Sequence[Results]) -> dict[Key, Interval]:
    """Where each cell of a further seed may lie."""
    cells: dict[Key, list[Cell]] = {}
    for run in reference:
        for cell in run.cells:
            cells.setdefault(key(cell), []).append(cell)
    level = LEVEL / max(len(cells), 1)
    scatter = _scatter(cells)
    found = {place: allowed(same, level, scatter[place]) for place, same in cells.items()}
    return {place: interval for place, interval in found.items() if interval is not None}


def _scatter(cells: Mapping[Key, Sequence[Cell]]) -> dict[Key, Dispersion]:
    """Of each cell: its table's, its row's where that hints at more, its own where that does."""
    tables: dict[tuple[str, bool], list[Sequence[Cell]]] = {}
    rows: dict[tuple[str, str, bool], list[Sequence[Cell]]] = {}
    for (artefact, row, _), same in cells.items():
        tables.setdefault((artefact, _rates(same)), []).append(same)
        rows.setdefault((artefact, row, _rates(same)), []).append(same)
    of_tables = {table: dispersion(group) for table, group in tables.items()}
    of_rows = {
        (artefact, row, rates): dispersion(group, of_tables[artefact, rates])
        for (artefact, row, rates), group in rows.items()
    }
    return {
        place: dispersion([same], of_rows[place[0], place[1], _rates(same)])
        for place, same in cells.items()
    }


def dispersion(group: Sequence[Sequence[Cell]], known: Dispersion = ALONE) -> Dispersion:
    """Of rates, or of means.

    Args:
        group: of each of them, the cell of every seed.
        known: of more cells than these, which is returned where they do not hint at more.
    """
    statistic, freedom = 0.0, 0
    for cells in group:
        variance = _variance(cells)
        if len(cells) > 1 and variance:
            values = np.array([cell.value for cell in cells])
            statistic += float(((values - _centre(cells)) ** 2 / variance).sum())
            freedom += len(cells) - 1
    hint = HINT if len(group) > 1 else OWN_HINT
    if not freedom or stats.chi2.sf(statistic / known.factor, freedom) > hint:
        return known
    return Dispersion(max(statistic / freedom, 1.0), freedom)


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
    spread = np.ptp(values) > SAME * np.abs(values).max()
    if _rates(cells) or (not spread and unit == "fraction" and all(cell.n for cell in cells)):
        if not spread and _rates(cells) and _agree(cells) < level:
            return _turned(cells)
        found = _by_counting(cells, level, scatter.factor)
        if scatter.factor > 1:
            odds = _by_odds(cells, level)
            found = Interval(min(found.low, odds.low), max(found.high, odds.high))
        return found
    if not spread and unit == "count":
        return _by_poisson(values, level)
    if not spread:
        return _same(values)
    if (variance := _variance(cells)) is not None:
        freedom = min(sum((cell.n or 1) - 1 for cell in cells), scatter.freedom)
        deviation = math.sqrt(variance * scatter.factor)
        return within(_further(float(values.mean()), deviation, len(cells), level, freedom), unit)
    found = within(_by_spread(values, unit, level), unit)
    if unit == "fraction":  # log-odds never come to 0 or 1, where a seed's own interval may
        none, all_ = (any(cell.low == 0 for cell in cells), any(cell.high == 1 for cell in cells))
        found = Interval(0.0 if none else found.low, 1.0 if all_ else found.high)
    return found


@lru_cache(maxsize=10_000)  # asked ten times of each cell of a reference
def is_rate(cell: Cell) -> bool:
    """Whether a cell is a share of n images, with Wilson's interval."""
    if cell.unit != "fraction" or cell.value is None or cell.low is None or cell.high is None:
        return False
    if not cell.n:
        return False
    wrong = round(cell.value * cell.n)
    usual = intervals.wilson(wrong, cell.n)
    found = (cell.value, cell.low, cell.high)
    return bool(np.abs(np.subtract(found, (wrong / cell.n, *usual))).max() <= 1e-7)


def _rates(cells: Sequence[Cell]) -> bool:
    return all(is_rate(cell) for cell in cells)


def _error(cell: Cell) -> float | None:
    """The standard error of a mean, from its t interval; None for any other number."""
    if cell.value is None or cell.low is None or cell.high is None or (cell.n or 0) < 5:
        return None
    half = (cell.high - cell.low) / 2
    if not half or abs(cell.low + half - cell.value) > 1e-3 * half:
        return None  # of a median, or cut off
    return half / intervals.t_quantile((cell.n or 0) - 1)


def _variance(cells: Sequence[Cell]) -> float | None:
    """Of one seed's number, by the images alone; None where they do not tell."""
    if _rates(cells):
        share = _centre(cells)
        return share * (1 - share) * float(np.mean([1 / (cell.n or 1) for cell in cells]))
    errors = [_error(cell) for cell in cells]
    known = [error for error in errors if error is not None]
    return float(np.mean(np.square(known))) if len(known) == len(errors) else None


def _centre(cells: Sequence[Cell]) -> float:
    """The mean over seeds; of rates, of all their images."""
    if _rates(cells):
        return _wrong(cells) / sum(cell.n or 0 for cell in cells)
    return float(np.mean([cell.value for cell in cells]))


def _wrong(cells: Sequence[Cell]) -> int:
    return sum(round((cell.value or 0.0) * (cell.n or 0)) for cell in cells)


def _further(mean: float, deviation: float, draws: int, level: float, freedom: float) -> Interval:
    """The t interval for one further draw."""
    half = float(stats.t.ppf(1 - level / 2, freedom)) * deviation * math.sqrt(1 + 1 / draws)
    return Interval(mean - half, mean + half)


def _by_spread(values: np.ndarray, unit: str, level: float) -> Interval:
    """By the deviation between seeds."""
    inside = unit == "fraction" and bool(((values > 0) & (values < 1)).all())
    scaled = intervals.to_scale(values, unit) if inside else values
    ends = _further(*intervals.spread(scaled), len(scaled), level, len(scaled) - 1)
    low, high = intervals.from_scale(np.array(ends), unit) if inside else ends
    return Interval(float(low), float(high))


def _same(values: np.ndarray) -> Interval:
    slack = SAME * float(np.abs(values).max())
    return Interval(float(values.min()) - slack, float(values.max()) + slack)


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
    odds = []
    for cell in cells:
        n = cell.n or 0
        wrong = round((cell.value or 0.0) * n)
        odds.append((wrong + 0.5) / (n + 1))
    return _by_spread(np.array(odds), "fraction", level)


def _by_counting(cells: Sequence[Cell], level: float, alike: float = 1.0) -> Interval:
    """The counts that Fisher's exact test does not tell from those of all seeds together.

    Args:
        alike: so many images count as one.
    """
    wrong = round(_wrong(cells) / alike)
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
