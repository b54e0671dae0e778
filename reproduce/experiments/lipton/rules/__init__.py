"""From a table's numbers to a verdict: one written rule for each claim.

    models     1, 3, 4, 6, 12, 13, 16    every model under one protocol
    inputs     7, 8, 9, 9b, 10, 11, 14, 15    features, their number, and where no data lie
    meaning    2, 2b, 17    units, directions, topics
    defence    5, 20, 21    access to a model, training against attacks

Each rule takes the numbers of one artefact, as they stand in results.json, and nothing else. A
model does what is asked, or does not, where the whole 95 % interval says so.
"""

from __future__ import annotations

import math

from reproduce.report.cells import Cells
from reproduce.report.comparisons import beyond

per_cent = "{:.1%}".format


def column(cells: Cells, name: str, rows: tuple[str, ...] | None = None) -> dict[str, float]:
    """row -> number of one column; NaN where it could not be computed."""
    return {
        cell.row: math.nan if cell.value is None else cell.value
        for cell in cells.list
        if cell.column == name and (rows is None or cell.row in rows)
    }


def intervals(cells: Cells, name: str) -> dict[str, tuple[float, float]]:
    """row -> interval of one column, where there is one."""
    return {
        cell.row: (cell.low, cell.high)
        for cell in cells.list
        if cell.column == name and cell.low is not None and cell.high is not None
    }


def told(cells: Cells, name: str, limit: float) -> dict[str, bool | None]:
    """row -> whether the interval of one column lies above a limit; None where it does not tell."""
    found = intervals(cells, name)
    return {row: beyond(found.get(row, (math.nan, math.nan)), limit) for row in column(cells, name)}


def fewest(cells: Cells, name: str) -> int | None:
    """The least n of a column."""
    return min((cell.n for cell in cells.list if cell.column == name and cell.n), default=None)


def number(cells: Cells, row: str, name: str) -> float:
    """One number; NaN where there is none."""
    return column(cells, name).get(row, math.nan)
