"""Two runs, or two commits, side by side: which cells moved by more than their noise?

The noise of a difference comes from the two 95 % intervals: its lower reach is the root of
(a - a_low)^2 + (b_high - b)^2, and likewise above (Newcombe 1998, method 10, where the intervals
are Wilson's; Zou & Donner 2008 for any interval). Runs that share seed and images move together,
so that this noise is then rather too wide than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from reproduce.report import printing
from reproduce.report.intervals import LEVEL
from reproduce.report.results import Cell, Results


class Change(NamedTuple):
    """A cell that both runs have.

    noise: how far the difference reaches to the side of nothing; 0 where there is no spread.
    """

    before: Cell
    after: Cell
    difference: float
    noise: float

    @property
    def moved(self) -> bool:
        slack = 1e-9 * max(abs(self.before.value or 0.0), abs(self.after.value or 0.0))
        return abs(self.difference) > self.noise + slack


class Comparison(NamedTuple):
    """What two results have in common, and what only one of them has."""

    changes: tuple[Change, ...]
    only_before: tuple[Cell, ...]
    only_after: tuple[Cell, ...]

    @property
    def moved(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.moved)

    def __str__(self) -> str:
        tested = sum(change.noise > 0 for change in self.changes)
        text = f"{len(self.moved)} of {len(self.changes)} cells moved by more than their noise"
        if tested:
            text += (
                f"; by chance alone about {LEVEL * tested:.1f} of the {tested} with a spread would"
            )
        for cells, which in ((self.only_before, "first"), (self.only_after, "second")):
            if cells:
                text += f"; {len(cells)} cells are in the {which} alone"
        return text + "."


def compare(before: Results, after: Results) -> Comparison:
    """Every cell of two results by artefact, row and column."""
    first, second = ({cell[:3]: cell for cell in run.cells} for run in (before, after))
    return Comparison(
        changes=tuple(
            change(cell, second[key])
            for key, cell in first.items()
            if key in second and None not in (cell.value, second[key].value)
        ),
        only_before=_lacking(first, second),
        only_after=_lacking(second, first),
    )


def change(before: Cell, after: Cell) -> Change:
    """The difference of two cells and its noise."""
    assert before.value is not None
    assert after.value is not None
    difference = after.value - before.value
    higher, lower = (after, before) if difference > 0 else (before, after)
    return Change(before, after, difference, math.hypot(_reach(higher, -1), _reach(lower, +1)))


def _reach(cell: Cell, side: int) -> float:
    """From the value to the end of its interval below (-1) or above (+1)."""
    end = cell.low if side < 0 else cell.high
    return 0.0 if end is None or cell.value is None else abs(end - cell.value)


def _lacking(these: dict[Any, Cell], others: dict[Any, Cell]) -> tuple[Cell, ...]:
    return tuple(
        cell
        for key, cell in these.items()
        if cell.value is not None and (key not in others or others[key].value is None)
    )


def console(comparison: Comparison, names: Sequence[str]) -> Table:
    """The cells that moved, for the terminal."""
    table = Table(title=Text(str(comparison)), title_justify="left")
    table.add_column("cell")
    for name in names:
        table.add_column(Text(name), justify="right")
    table.add_column("change", justify="right")
    table.add_column("noise", justify="right")
    for moved in comparison.moved:
        cell = moved.before
        scale = printing.scale(cell.unit)
        table.add_row(
            Text(f"{cell.artefact}, {cell.row}, {printing.column(cell.column)}"),
            printing.value(moved.before),
            printing.value(moved.after),
            f"{scale * moved.difference:+.4g}",
            f"± {scale * moved.noise:.3g}" if moved.noise else "no spread known",
        )
    return table


def headers(before: Results, after: Results) -> list[str]:
    """In what the two runs differ before any cell is looked at."""
    lines = []
    for name in ("experiment", "dataset", "data_digest", "scale", "seeds"):
        one, two = getattr(before, name), getattr(after, name)
        if one != two:
            lines.append(f"{name}: {_short(one)} -> {_short(two)}")
    for name in dict.fromkeys([*before.versions, *after.versions]):
        one, two = before.versions.get(name, "-"), after.versions.get(name, "-")
        if one != two:
            lines.append(f"{name}: {one} -> {two}")
    return lines


def _short(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
