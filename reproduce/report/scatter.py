"""How much more seeds differ than their images let them: the spread of `next_seed`'s ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from reproduce.report import intervals
from reproduce.report.results import Cell

HINT = 0.1  # of more than the images' spread: too little of it found is dearer than too much
OWN_HINT = 0.01  # of a single cell: of a hundred, ten would hint by chance
Key = tuple[str, str, str]  # artefact, row, column


class Dispersion(NamedTuple):
    """The variance between seeds over that which the images explain; 1 at least.

    freedom: its degrees of freedom; infinite where nothing hints at more than 1.
    """

    factor: float = 1.0
    freedom: float = math.inf


ALONE = Dispersion()  # nothing but images


def between_seeds(cells: Mapping[Key, Sequence[Cell]]) -> dict[Key, Dispersion]:
    """Of each cell: its table's, its row's or column's where that hints at more, then its own."""
    rates = {place: all_rates(same) for place, same in cells.items()}
    tables = _by(cells, lambda place: (place[0], rates[place]), dict.fromkeys(cells, ALONE))
    rows = _by(cells, lambda place: (place[0], place[1], rates[place]), tables)
    columns = _by(cells, lambda place: (place[0], place[2], rates[place]), tables)
    lines = {place: max(rows[place], columns[place]) for place in cells}
    return _by(cells, lambda place: place, lines)


def _by(
    cells: Mapping[Key, Sequence[Cell]],
    group_of: Callable[[Key], tuple[object, ...]],
    known: Mapping[Key, Dispersion],
) -> dict[Key, Dispersion]:
    """Of each cell, the dispersion of its group."""
    groups: dict[tuple[object, ...], list[Key]] = {}
    for place in cells:
        groups.setdefault(group_of(place), []).append(place)
    found: dict[Key, Dispersion] = {}
    for places in groups.values():
        one = dispersion([cells[place] for place in places], known[places[0]])
        found |= dict.fromkeys(places, one)
    return found


def dispersion(group: Sequence[Sequence[Cell]], known: Dispersion = ALONE) -> Dispersion:
    """Of rates, or of means.

    Args:
        group: of each of them, the cell of every seed.
        known: of more cells than these, which is returned where they do not hint at more.
    """
    statistic, freedom = 0.0, 0
    for cells in group:
        variances = _variances(cells)
        if len(cells) > 1 and variances is not None and variances.all():
            values = np.array([cell.value for cell in cells])
            statistic += float(((values - _centre(cells)) ** 2 / variances).sum())
            freedom += len(cells) - 1
    hint = HINT if len(group) > 1 else OWN_HINT
    if not freedom or stats.chi2.sf(statistic / known.factor, freedom) > hint:
        return known
    return Dispersion(max(statistic / freedom, 1.0), freedom)


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


def all_rates(cells: Sequence[Cell]) -> bool:
    """Whether a cell is a rate in every seed."""
    return all(is_rate(cell) for cell in cells)


def _error(cell: Cell) -> float | None:
    """The standard error of a mean, from its t interval; None for any other number."""
    if cell.value is None or cell.low is None or cell.high is None or (cell.n or 0) < 5:
        return None
    half = (cell.high - cell.low) / 2
    if not half or abs(cell.low + half - cell.value) > 1e-3 * half:
        return None  # of a median, or cut off
    return half / intervals.t_quantile((cell.n or 0) - 1)


def images_variance(cells: Sequence[Cell]) -> float | None:
    """Of one seed's number, by the images alone; None where they do not tell."""
    variances = _variances(cells)
    return None if variances is None else float(variances.mean())


def _variances(cells: Sequence[Cell]) -> np.ndarray | None:
    """Of each seed's number; of means the same in all, since each error is an estimate."""
    if all_rates(cells):
        share = _centre(cells)
        return share * (1 - share) / np.array([cell.n or 1 for cell in cells])
    errors = [_error(cell) for cell in cells]
    known = [error for error in errors if error is not None]
    if len(known) < len(errors):
        return None
    return np.full(len(known), np.mean(np.square(known)))


def _centre(cells: Sequence[Cell]) -> float:
    """The mean over seeds; of rates, of all their images."""
    if all_rates(cells):
        return images_wrong(cells) / sum(cell.n or 0 for cell in cells)
    return float(np.mean([cell.value for cell in cells]))


def images_wrong(cells: Sequence[Cell]) -> int:
    """How many of all seeds' images a rate counts."""
    return sum(round((cell.value or 0.0) * (cell.n or 0)) for cell in cells)
