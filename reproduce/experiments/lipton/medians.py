"""A median with its interval, as a cell: what rules of claims are told by."""

from __future__ import annotations

import math

import numpy as np

from reproduce.report.cells import Cells
from reproduce.report.intervals import of_sample_median
from reproduce.report.results import Cell


def median(cells: Cells, row: str, column: str, values: np.ndarray, unit: str) -> Cell:
    """Adds the median of independent values; its interval is by order statistics."""
    values = np.asarray(values, float)
    middle = float(np.median(values)) if len(values) else math.nan
    interval = of_sample_median(values)
    known = interval if math.isfinite(sum(interval)) else None
    return cells.number(row, column, middle, unit, len(values), known)
