"""Where each cell of one further seed may lie, were it drawn like the reference's.

By Student's t (Hahn & Meeker 1991, "Statistical intervals", section 4.7), of a confidence by its
log-odds; a rate of n images also wherever Fisher's exact test finds no difference from all of the
reference's images together. Where all seeds agree, a fraction or a count keeps the spread of its
draws (binomial, Poisson), since seeds that happen to agree show none of their own; any other number
has to be the same.

Images of one run may behave alike: a network takes all noise for one digit, or none. Then rates
vary between seeds by more than the binomial. By how much is told by Pearson's statistic over all
rates of a row (McCullagh & Nelder 1989, "Generalized linear models", section 4.5): n images count
as n over that dispersion, and a rate also lies where Student's t of its log-odds puts it.

The level is 5 % over all cells together (Bonferroni), however they depend on each other. A cell
without a value is not judged: one seed in several may lack one.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from reproduce.report import intervals, printing
from reproduce.report.intervals import LEVEL, Interval
from reproduce.report.results import Cell, Results

HINT = 0.1  # of more than binomial spread: too little of it found is dearer than too much
SAME = 1e-6  # relative: sums over another number of threads differ by less
Key = tuple[str, str, str]  # artefact, row, column
Ranges = Mapping[Key, Interval]


class Check(NamedTuple):
    """A run beside its reference.

    seeds: of the reference.
    inside, outside: the run's cells by where they lie.
    unknown: cells that the reference says nothing about, or that have no value.
    """

    seeds: tuple[int, ...]
    inside: tuple[Cell, ...]
    outside: tuple[Cell, ...]
    unknown: tuple[Cell, ...]

    def __str__(self) -> str:
        total = len(self.inside) + len(self.outside)
        seeds = f"the reference's {len(self.seeds)} seeds do"
        if not total:
            return f"{len(self.unknown)} cells cannot be told: the reference says nothing of them."
        if self.outside:
            text = f"{len(self.outside)} of {total} cells do not lie where {seeds}"
        else:
            text = f"all {total} cells lie where {seeds}"
        if self.unknown:
            text += f"; {len(self.unknown)} more cannot be told"
        return f"{text}."


class Beside(NamedTuple):
    """What a page shows of a run's reference.

    seen: the lowest and the highest value among its seeds.
    """

    check: Check
    seen: Ranges
    known: Ranges


def beside(run: Results, reference: Sequence[Results]) -> Beside | None:
    """A run beside its reference; None where no cell has two seeds."""
    known = ranges(reference)
    if not known or run.combined:
        return None
    values: dict[Key, list[float]] = {}
    for cell in (cell for each in reference for cell in each.cells):
        if cell.value is not None:
            values.setdefault(key(cell), []).append(cell.value)
    seen = {place: Interval(min(values[place]), max(values[place])) for place in known}
    return Beside(check(run, reference), seen, known)


def ranges(reference: Sequence[Results]) -> dict[Key, Interval]:
    """Where each cell of a further seed may lie."""
    cells: dict[Key, list[Cell]] = {}
    for run in reference:
        for cell in run.cells:
            cells.setdefault(key(cell), []).append(cell)
    level = LEVEL / max(len(cells), 1)
    rows: dict[tuple[str, str], list[list[Cell]]] = {}
    for (artefact, row, _), same in cells.items():
        rows.setdefault((artefact, row), []).append(same)
    alike = {row: dispersion(of) for row, of in rows.items()}
    found = {place: allowed(same, level, alike[place[:2]]) for place, same in cells.items()}
    return {place: interval for place, interval in found.items() if interval is not None}


def dispersion(row: Sequence[Sequence[Cell]]) -> float:
    """The variance of a row's rates between seeds over the binomial's; 1 at least.

    Args:
        row: of each of its columns, the cell of every seed.

    Returns:
        1 unless Pearson's statistic hints at more (`HINT`).
    """
    statistic, freedom = 0.0, 0
    for cells in row:
        if len(cells) > 1 and all(is_rate(cell) for cell in cells):
            n = np.array([cell.n for cell in cells])
            wrong = np.round([(cell.value or 0.0) * (cell.n or 0) for cell in cells])
            share = wrong.sum() / n.sum()
            if 0 < share < 1:
                statistic += float(((wrong - n * share) ** 2 / (n * share * (1 - share))).sum())
                freedom += len(cells) - 1
    if not freedom or stats.chi2.sf(statistic, freedom) > HINT:
        return 1.0
    return max(statistic / freedom, 1.0)


def allowed(cells: Sequence[Cell], level: float, alike: float = 1.0) -> Interval | None:
    """Where this cell of one further seed lies, with a probability of 1 - level at least.

    Args:
        cells: the same cell of the reference's seeds.
        alike: the `dispersion` of its row.

    Returns:
        None where fewer than two have a value, and where one has none.
    """
    values = np.array([cell.value for cell in cells if cell.value is not None])
    if len(values) < max(2, len(cells)):
        return None
    rate = all(is_rate(cell) for cell in cells)
    spread = np.ptp(values) > SAME * np.abs(values).max()
    drawn = _by_spread(values, cells[0].unit, level, rate) if spread else _same(values)
    if rate or (not spread and cells[0].unit == "fraction" and all(cell.n for cell in cells)):
        counted = _by_counting(cells, level, alike)
        if alike > 1 and rate:
            odds = _by_odds(cells, level)
            drawn = Interval(min(drawn.low, odds.low), max(drawn.high, odds.high))
    elif not spread and cells[0].unit == "count":
        counted = _by_poisson(values, level)
    else:
        return drawn
    return Interval(min(drawn.low, counted.low), max(drawn.high, counted.high))


def is_rate(cell: Cell) -> bool:
    """Whether a cell is a share of n images, with Wilson's interval."""
    if cell.unit != "fraction" or cell.value is None or cell.low is None or cell.high is None:
        return False
    if not cell.n:
        return False
    wrong = round(cell.value * cell.n)
    usual = intervals.wilson(wrong, cell.n)
    found = (cell.value, cell.low, cell.high)
    return bool(np.allclose(found, (wrong / cell.n, *usual), rtol=0, atol=1e-7))


def _by_spread(values: np.ndarray, unit: str, level: float, rate: bool) -> Interval:
    """The t interval for one further draw."""
    inside = unit == "fraction" and not rate and bool(((values > 0) & (values < 1)).all())
    scaled = intervals.to_scale(values, unit) if inside else values
    n = len(scaled)
    mean, deviation = intervals.spread(scaled)
    half = float(stats.t.ppf(1 - level / 2, n - 1)) * deviation * math.sqrt(1 + 1 / n)
    ends = np.array([mean - half, mean + half])
    low, high = intervals.from_scale(ends, unit) if inside else ends
    return Interval(float(low), float(high))


def _same(values: np.ndarray) -> Interval:
    slack = SAME * float(np.abs(values).max())
    return Interval(float(values.min()) - slack, float(values.max()) + slack)


def _by_odds(cells: Sequence[Cell], level: float) -> Interval:
    """The t interval of the log-odds, half an image added to either side (Haldane 1956)."""
    odds = []
    for cell in cells:
        n = cell.n or 0
        wrong = round((cell.value or 0.0) * n)
        odds.append((wrong + 0.5) / (n + 1))
    return _by_spread(np.array(odds), "fraction", level, rate=False)


def _by_counting(cells: Sequence[Cell], level: float, alike: float = 1.0) -> Interval:
    """The counts that Fisher's exact test does not tell from those of all seeds together.

    Args:
        alike: so many images count as one.
    """
    wrong = round(sum(round((cell.value or 0.0) * (cell.n or 0)) for cell in cells) / alike)
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


def check(run: Results, reference: Sequence[Results]) -> Check:
    """Every cell of a run beside the reference's."""
    known = ranges(reference)
    inside: list[Cell] = []
    outside: list[Cell] = []
    unknown = []
    for cell in run.cells:
        if key(cell) not in known or cell.value is None:
            unknown.append(cell)
        else:
            (inside if lies_in(cell, known) else outside).append(cell)
    seeds = tuple(seed for each in reference for seed in each.seeds)
    return Check(seeds, tuple(inside), tuple(outside), tuple(unknown))


def lines(found: Check, known: Mapping[Key, Interval]) -> list[str]:
    """The verdict in one line, before it a line for each cell that lies outside."""
    told = []
    for cell in found.outside:
        place = f"{cell.artefact}, {cell.row}, {printing.column(cell.column)}"
        among = printing.range_of(known[key(cell)], cell)
        ours = printing.number(cell.value, cell.unit, 3)
        told.append(f"{place}: {ours} {printing.unit(cell)}, the reference {among}")
    return [*told, str(found)]


def lies_in(cell: Cell, known: Mapping[Key, Interval]) -> bool:
    """Whether a cell lies in its range."""
    low, high = known[key(cell)]
    return cell.value is not None and low <= cell.value <= high


def key(cell: Cell) -> Key:
    return cell.artefact, cell.row, cell.column
