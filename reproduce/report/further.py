"""A run beside its reference: which cells lie where a further seed's may (`next_seed`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reproduce.report import printing
from reproduce.report.intervals import Interval
from reproduce.report.next_seed import Ranges, key, ranges
from reproduce.report.results import Cell, Results
from reproduce.report.scatter import Key

__all__ = [
    "Beside",
    "Check",
    "Key",
    "Ranges",
    "beside",
    "check",
    "key",
    "lies_in",
    "lines",
    "ranges",
]


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
    return Beside(check(run, reference, known), seen, known)


def check(run: Results, reference: Sequence[Results], known: Ranges | None = None) -> Check:
    """Every cell of a run beside the reference's.

    Args:
        known: the reference's ranges, where they are at hand.
    """
    known = ranges(reference) if known is None else known
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
