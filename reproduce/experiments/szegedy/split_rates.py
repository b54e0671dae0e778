"""Where Table 4's published rates lie among those of several ways to halve the training set.

Rates are float64 (splits,), by the network distorted for and the network fed to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from reproduce.report import figures
from reproduce.report.agreement import counts
from reproduce.report.results import Cell

Rates = Mapping[tuple[str, str], np.ndarray]


def places(rates: Rates, published: Sequence[Cell]) -> list[str]:
    """For each published rate, where it lies among those of our splits."""
    outside = []
    compared = _compared(rates, published)
    for cell, printed in compared:
        ours = rates[cell.row, cell.column]
        side = "below" if printed < ours.min() else "above"
        if not ours.min() <= printed <= ours.max():
            outside.append(
                f"{cell.row} to {cell.column}: {100 * printed:.3g} % is {side} all of "
                f"{100 * ours.min():.1f} to {100 * ours.max():.1f} %"
            )
    total = len(compared)
    some = f" Outside: {'; '.join(outside)}." if outside else ""
    return [
        f"{total - len(outside)} of the {total} published rates off the diagonal lie within the "
        f"range of our splits.{some}"
    ]


def _compared(rates: Rates, published: Sequence[Cell]) -> list[tuple[Cell, float]]:
    """The published rates that say something: none of images shown to the network they fool."""
    return [
        (cell, cell.published)
        for cell in published
        if cell.published is not None and (cell.row, cell.column) in rates and counts(cell)
    ]


def draw(rates: Rates, published: Sequence[Cell]) -> Figure:
    """Each split's rate, and the published one."""
    shown = _compared(rates, published)
    figure, axes = figures.sheet(1, 1, width=5.0, height=0.19 * len(shown) + 0.7)
    axis = axes[0, 0]
    for place, (cell, printed) in enumerate(shown):
        values = 100 * rates[cell.row, cell.column]
        axis.plot(values, np.full(len(values), place), "|", color="black", markersize=8)
        axis.plot(100 * printed, place, "D", color="#D55E00", markerfacecolor="white",
                  markersize=4)  # fmt: skip
        axis.axhline(place, color="0.9", linewidth=0.5, zorder=0)
    axis.plot([], [], "|", color="black", label="ours, one a split")
    axis.plot(
        [], [], "D", color="#D55E00", markerfacecolor="white", markersize=4, label="published"
    )
    axis.set_yticks(range(len(shown)), [f"{cell.row} → {cell.column}" for cell, _ in shown])
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    axis.set_xlabel("error (%)", fontsize=8)
    axis.legend(loc="lower right", fontsize=7, frameon=False)
    return figure
